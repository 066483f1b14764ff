"""The documents of a merge expression. In: a merge as a step is given it. Out: what mergekit is to compute, in order.

Everything is looked at before anything is computed: models that do not fit each other, a schedule that names no module
of them, words that mergekit does not have.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path
from typing import Final

from ladle.dsl.vocabularies import TOKENIZER
from ladle.executor.catalog import vocabulary
from ladle.executor.exporting.said import Said
from ladle.executor.mergekit.parents import elements, precision, reference, staged
from ladle.executor.mergekit.spoken import PRECISIONS, ROUND, SPOKEN, body
from ladle.executor.task import Given, StepError, operands
from ladle.executor.weights.parents import Parent, agree, parent
from ladle.executor.weights.settings import ineffective

FLOAT32: Final = "float32"
BYTES: Final = {FLOAT32: 4, "bfloat16": 2, "float16": 2}


@dataclass(frozen=True, slots=True)
class Document:
    """One merge: what mergekit reads, where it writes, in which element type, and its seed."""

    said: dict[str, Said]
    output: Path
    precision: str
    seed: int
    size: int
    """Bytes of its weights."""


@dataclass(slots=True)
class Documents:
    """The merges of one expression, those within before those around; and its models, the first first."""

    work: Path
    parents: list[Parent] = field(default_factory=list)
    listed: list[Document] = field(default_factory=list)
    _made: dict[str, Path] = field(default_factory=dict)
    _numbers: Iterator[int] = field(default_factory=count)

    def add(self, given: Given, output: Path) -> None:
        """Take in the outermost merge. Raises StepError for what mergekit cannot say, or models that do not fit."""
        self._merge(given, output, outer=True)
        agree(self.parents)

    def _merge(self, given: Given, output: Path, *, outer: bool = False) -> None:
        inner = _unrounded(given)
        bases = [each for each in inner.inputs if each.role == "base"]
        names = [self._named(each) for each in operands(inner.inputs)]
        base = self._named(bases[0]) if bases else None
        if any(each.role == TOKENIZER for each in inner.inputs):
            raise StepError(
                f"`{TOKENIZER} =` within `mergekit(...)` is not handed over", "leave it to the native engine"
            )
        said = body(vocabulary()[inner.operator], inner.options, names, base, Refusing())
        first = self.parents[0]
        refuse_ineffective(inner, first)
        kind = (_rounding(given) or precision(first)) if outer else _within(given)
        seed = inner.options.get("seed")
        size = elements(first.headers.values()) * BYTES[kind]
        said |= {"dtype": FLOAT32, "out_dtype": kind}
        self.listed.append(Document(said, output, kind, seed if isinstance(seed, int) else 0, size))

    def _named(self, given: Given) -> Said:
        """Return what mergekit calls an operand. One that stands twice is two folders to it."""
        folder = self.work / str(next(self._numbers))
        if not is_merge(given):
            found = parent(given, self.work)
            self.parents.append(found)
            return reference(staged(found, folder))
        if given.fingerprint in self._made:
            folder.symlink_to(self._made[given.fingerprint], target_is_directory=True)
        else:
            folder.mkdir(parents=True)
            self._merge(given, folder)
            self._made[given.fingerprint] = folder
        return reference(folder)


class Refusing:
    """Raises what cannot be said: `check` has told it, unless a stranger wrote the node file."""

    def refuse(self, message: str, help: str = "") -> None:
        """Raise StepError."""
        raise StepError(message, help)


def refuse_ineffective(merge: Given, first: Parent) -> None:
    """Raise StepError for a module name of a schedule that no tensor matches: mergekit's filter would do nothing."""
    if message := ineffective(merge.options, tuple(first.headers)):
        raise StepError(message, "a schedule names modules of the model's architecture")


def is_merge(given: Given) -> bool:
    """Say whether an input is a merge that mergekit has words for, and not a model that lies ready."""
    return given.path is None and given.operator in SPOKEN


def _unrounded(given: Given) -> Given:
    """Return the merge that a rounding rounds; any other merge itself."""
    if given.operator != ROUND:
        return given
    inner = next((each for each in given.inputs if each.role == "0"), given)
    if not is_merge(inner) or inner.operator == ROUND:
        raise StepError("`round` of a model that is no merge is no setting of mergekit", "round a merge")
    return inner


def _within(given: Given) -> str:
    """Return the precision of a merge within another: float32, unless the recipe rounds it."""
    return PRECISIONS[str(given.options["precision"])] if given.operator == ROUND else FLOAT32


def _rounding(given: Given) -> str:
    """Return the precision that a result has because its first operand is rounded, "" where none is."""
    each = given
    while is_merge(each):
        if each.operator == ROUND:
            return PRECISIONS[str(each.options["precision"])]
        each = next(inner for inner in each.inputs if inner.role == "0")
    return ""
