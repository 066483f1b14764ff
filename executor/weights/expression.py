"""A merge as it is computed. In: tasks, with merges inlined within merges. Out: each distinct part once, and roots."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from ladle.dsl.graph import Json
from ladle.dsl.vocabularies import FIRST, TOKENIZER, UNION
from ladle.executor.catalog import kernel
from ladle.executor.task import Given, StepError, Task, operands
from ladle.executor.weights.kernel import Call, Kernel
from ladle.executor.weights.parents import Parent, parent
from ladle.executor.weights.settings import at, ineffective
from ladle.executor.weights.vocabularies import Rows


@dataclass(frozen=True, slots=True)
class Step:
    """A merge of parts that stand before it."""

    operator: str
    options: Mapping[str, Json]
    operands: tuple[int, ...]
    base: int
    """-1: none."""
    kernel: Kernel
    whose: int | None = None
    """The place among operands and base of the one whose tokens the result has; None: they have one vocabulary."""
    union: bool = False
    """It has those that the others have besides, too."""

    @property
    def everyone(self) -> tuple[int, ...]:
        """The operands, and the base last."""
        return (*self.operands, *([self.base] if self.base >= 0 else []))

    def call(self, tensor: str, shape: tuple[int, ...], layers: int) -> Call:
        """Return what its kernel is told about a tensor. Raises StepError for a list over depth outside the layers."""
        try:
            options = {name: at(value, tensor, layers) for name, value in self.options.items()}
        except ValueError as error:
            raise StepError(str(error)) from None
        return Call(tensor, shape, len(self.operands), options)


@dataclass(frozen=True, slots=True)
class Moved:
    """A model whose embeddings are read in the order of other tokens."""

    model: Parent
    models: tuple[Parent, ...]
    """Those whose rows `rows` names."""
    rows: Rows

    @property
    def called(self) -> str:
        """What a message calls it: its rows may be another's."""
        others = dict.fromkeys(f"`{each.name}`" for each in self.models if each is not self.model)
        return (
            f"`{self.model.name}`, or of {' or '.join(others)} that gives it rows,"
            if others
            else f"`{self.model.name}`"
        )


@dataclass(slots=True)
class Expression:
    """Models and merges, each once however often it stands there; operands come before what is made of them."""

    parts: list[Parent | Moved | Step] = field(default_factory=list)
    _places: dict[str, int] = field(default_factory=dict)

    def add(self, task: Task) -> int:
        """Take in what a task makes, and return its place."""
        return self._merge(task.operator, task.options, task.inputs, task.work)

    @property
    def parents(self) -> tuple[Parent, ...]:
        """The models, in the order in which they were met."""
        return tuple(part for part in self.parts if isinstance(part, Parent))

    def within(self, root: int) -> Iterator[int]:
        """Yield the places of all that a part is made of, itself first."""
        seen, stack = set[int](), [root]
        while stack:
            place = stack.pop()
            if place in seen:
                continue
            seen.add(place)
            yield place
            part = self.parts[place]
            if isinstance(part, Step):
                stack.extend(reversed(part.everyone))

    def first(self, root: int) -> Parent:
        """Return the model whose configuration, tokenizer and types the result has: the first operand's."""
        part = self.parts[root]
        while isinstance(part, Step):
            part = self.parts[part.operands[0]]
        return part.model if isinstance(part, Moved) else part

    def refuse_ineffective(self, tensors: Sequence[str]) -> None:
        """Raise StepError for a module name of a schedule that no tensor matches."""
        for part in self.parts:
            if isinstance(part, Step) and (message := ineffective(part.options, tuple(tensors))):
                raise StepError(message, "a schedule names modules of the model's architecture")

    def _merge(self, operator: str, options: Mapping[str, Json], inputs: tuple[Given, ...], work: Path) -> int:
        models = operands(inputs)
        bases = [given for given in inputs if given.role == "base"]
        places = tuple(self._operand(given, work) for given in models)
        base = self._operand(bases[0], work) if bases else -1
        named = [given.fingerprint for given in inputs if given.role == TOKENIZER]
        whose = _whose(options.get(TOKENIZER), named, [given.fingerprint for given in (*models, *bases)])
        step = Step(operator, options, places, base, _kernel(operator), whose, options.get(TOKENIZER) == UNION)
        return self.place(step)

    def place(self, step: Step) -> int:
        """Take in a merge of parts that are here, and return its place."""
        key = json.dumps([step.operator, step.options, step.operands, step.base, step.whose], sort_keys=True)
        return self.placed(key, lambda: step)

    def _operand(self, given: Given, work: Path) -> int:
        if given.path is None and kernel(given.operator) is not None:
            return self._merge(given.operator, given.options, given.inputs, work)
        return self.placed(f"{given.fingerprint} {given.path}", lambda: parent(given, work))

    def placed(self, key: str, make: Callable[[], Parent | Moved | Step]) -> int:
        """Return the place of the part that is known by `key`, made where it is not there yet."""
        if key not in self._places:
            self.parts.append(make())
            self._places[key] = len(self.parts) - 1
        return self._places[key]


def _whose(word: Json, named: Sequence[str], models: Sequence[str]) -> int | None:
    if named and named[0] not in models:
        raise StepError("the merge is to have the tokenizer of a model that is no operand of it", "name one that is")
    return models.index(named[0]) if named else 0 if word in (FIRST, UNION) else None


def _kernel(operator: str) -> Kernel:
    found = kernel(operator)
    if found is None:
        raise StepError(f"`{operator}` is not a merge that is computed here", "write the node again: `ladle compile`")
    return found
