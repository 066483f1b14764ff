"""Checks recipes against facts that tests make up. In: text. Out: a program, its problems, its graph."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from pathlib import Path
from typing import ClassVar

from ladle.dsl.check import check
from ladle.dsl.diagnostics import Diagnostic
from ladle.dsl.graph import Graph
from ladle.dsl.lower import lower
from ladle.dsl.parse import parse
from ladle.dsl.program import Program
from ladle.dsl.signature import CorpusFacts, Fault, File, Sort
from ladle.dsl.source import Source
from ladle.dsl.types import UNKNOWN, CorpusKind, ModelType, Value
from ladle.dsl.verify import verify
from ladle.executor.catalog import vocabulary
from ladle.executor.importing.words import elsewhere

PRELUDE = (Path(__file__).parent / "fixtures/prelude.recipe").read_text(encoding="utf-8")

_SHAPE = (("heads", 4), ("hidden", 64), ("layers", 4), ("vocab", 512))
_TENSORS = (("embed", "F32", (512, 64)), ("layers.0.mlp", "F32", (64, 128)))
_LONGER = (("embed", "F32", (528, 64)), _TENSORS[1])
LLAMA = ModelType("llama", _SHAPE, "words:1", "template:1", 1000, _TENSORS)
MODELS = {
    "models/a": LLAMA,
    "models/b": LLAMA,
    "models/mistral": ModelType("mistral", _SHAPE, "words:1", "template:1", 1000, _TENSORS),
    "models/words": ModelType("llama", _SHAPE, "words:2", "template:1", 1000, _TENSORS),
    "models/longer": ModelType("llama", (*_SHAPE[:3], ("vocab", 528)), "words:1", "template:1", 1100, _LONGER),
    "models/turns": ModelType("llama", _SHAPE, "words:1", "template:2", 1000, _TENSORS),
    "models/mute": ModelType("llama", _SHAPE, "words:1", None, 1000, _TENSORS),
    "models/plain": ModelType("llama", _SHAPE, "words:3", None, 1000, _TENSORS),
    "models/spoken": ModelType("llama", _SHAPE, "words:3", "template:3", 1000, _TENSORS),
    "models/lacking": ModelType("llama", _SHAPE, "words:1", "template:1", 1000, _TENSORS[:1]),
    "models/vague": ModelType(),
    "models/padded": ModelType("llama", _SHAPE, UNKNOWN, "template:1", 1000, _TENSORS, pad_is_end=True),
}
"""Model folders of the made-up project."""


class FakeFacts:
    """A project whose corpora lie in folders named like their kinds, `unknown` among them; `lost` holds nothing.

    Row 2 of `unanswered.jsonl` is a chat without an answer.
    """

    def __init__(
        self,
        content: Mapping[str, str] | None = None,
        engines: str = "1.0",
        recipes: Mapping[str, str] | None = None,
    ) -> None:
        self.content = dict(content or {})
        self.recipes = dict(recipes or {})
        self.engines = engines

    def corpus(self, pattern: str, columns: Mapping[str, str]) -> CorpusFacts | tuple[Fault, ...]:
        folder = pattern.split("/")[0]
        if folder == "unknown":
            return CorpusFacts(UNKNOWN, UNKNOWN, "no row could be read")
        if folder not in [kind.value for kind in CorpusKind]:
            return (Fault("E402", f"no file matches `{pattern}`", "check the path"),)
        unanswered = f"{pattern}:2" if pattern.endswith("/unanswered.jsonl") else ""
        return CorpusFacts((), CorpusKind(folder), unanswered=unanswered)

    def benchmark(self, pattern: str, columns: Mapping[str, str], wanted: tuple[str, ...]) -> tuple[Fault, ...]:
        return ()

    def model(self, folder: str) -> ModelType | tuple[Fault, ...]:
        return MODELS.get(folder) or (Fault("E402", f"no folder `{folder}`", "check the path"),)

    def files(self, pattern: str) -> tuple[File, ...] | tuple[Fault, ...]:
        content = self.content.get(pattern, pattern)
        return (File(pattern, len(content), hashlib.sha256(content.encode()).hexdigest()),)

    def recipe(self, path: str) -> Source | Fault:
        if path not in self.recipes:
            return Fault("E402", f"there is no file `{path}`", "check the path")
        return Source(path, self.recipes[path])

    def engine(self, distribution: str) -> str:
        return self.engines

    def hub_model(self, name: str, revision: str) -> ModelType | None:
        return None

    def hub_corpus(
        self, name: str, revision: str, part: tuple[str, str], columns: Mapping[str, str]
    ) -> CorpusFacts | tuple[Fault, ...] | None:
        return None

    def hub_commit(self, sort: Sort, name: str, revision: str) -> str:
        return ""

    def elsewhere(self, word: str) -> tuple[str, str]:
        return elsewhere(word)

    def lacking_token(self, identity: str, other: str) -> str:
        return "`<|pad|>`" if (identity, other) == ("words:1", "words:2") else ""

    def idle_schedule(self, type: ModelType, options: Mapping[str, Value]) -> Fault | None:
        return None

    def lacking_control(self, identity: str, template: str) -> str:
        return "`<|im_start|>`" if identity == "words:3" else ""

    def differing_token(self, identity: str, other: str) -> tuple[str, str, str] | None:
        known = {identity, other} == {"words:1", "words:2"}
        return ("`<|pad|>`", f"token {identity[-1]}", f"token {other[-1]}") if known else None


class ShippedFacts(FakeFacts):
    """The corpora of the shipped recipes by their names alone, so that neither rows nor constraints matter."""

    _KINDS: ClassVar = {"base": "text", "cpt": "text", "instruct": "chat", "sft": "chat", "preferences": "preference"}

    def corpus(self, pattern: str, columns: Mapping[str, str]) -> CorpusFacts | tuple[Fault, ...]:
        name = "labelled" if "/bench/" in pattern else self._KINDS[Path(pattern).stem]
        return CorpusFacts((), CorpusKind(name))


def checked(text: str, facts: FakeFacts | None = None) -> tuple[Program, tuple[Diagnostic, ...]]:
    """Return the program of `text` and every problem of it, those of the parser first."""
    recipe, unread = parse(Source("recipes/t.recipe", text))
    program, found = check(recipe, vocabulary(), facts or FakeFacts())
    return program, (*unread, *found)


def problems(text: str) -> list[tuple[int, str, str]]:
    """Return line, code and message of every problem."""
    return [(d.source.position(d.span.start)[0], d.code, d.message) for d in checked(text)[1]]


def program(text: str) -> Program:
    """Return the program of `text` and the prelude, which must have no problem."""
    found, wrong = checked(f"{text}\n{PRELUDE}")
    assert not wrong, [(d.code, d.message) for d in wrong]
    return found


def graph(text: str, facts: FakeFacts | None = None, prelude: bool = True) -> Graph:
    """Return the verified graph of `text`, which must have no problem."""
    found, wrong = checked(f"{text}\n{PRELUDE}" if prelude else text, facts)
    assert not wrong, [(d.code, d.message) for d in wrong]
    return verify(lower(found, vocabulary(), facts or FakeFacts()))
