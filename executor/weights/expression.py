"""A merge as it is computed. In: tasks, with merges inlined within merges. Out: each distinct part once, and roots."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from ladle.dsl.graph import Json
from ladle.executor.catalog import kernel
from ladle.executor.task import Given, StepError, Task
from ladle.executor.weights.kernel import Call, Kernel
from ladle.executor.weights.parents import Parent, parent
from ladle.executor.weights.settings import at, ineffective


@dataclass(frozen=True, slots=True)
class Step:
    """A merge of parts that stand before it."""

    operator: str
    options: Mapping[str, Json]
    operands: tuple[int, ...]
    base: int
    """-1: none."""
    kernel: Kernel

    def call(self, tensor: str, shape: tuple[int, ...], layers: int) -> Call:
        """Return what its kernel is told about a tensor. Raises StepError for a list over depth outside the layers."""
        try:
            options = {name: at(value, tensor, layers) for name, value in self.options.items()}
        except ValueError as error:
            raise StepError(str(error)) from None
        return Call(tensor, shape, len(self.operands), options)


@dataclass(slots=True)
class Expression:
    """Models and merges, each once however often it stands there; operands come before what is made of them."""

    parts: list[Parent | Step] = field(default_factory=list)
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
                stack.extend(reversed([*part.operands, *([part.base] if part.base >= 0 else [])]))

    def first(self, root: int) -> Parent:
        """Return the model whose configuration, tokenizer and types the result has: the first operand's."""
        part = self.parts[root]
        while isinstance(part, Step):
            part = self.parts[part.operands[0]]
        return part

    def refuse_ineffective(self, tensors: Sequence[str]) -> None:
        """Raise StepError for a module name of a schedule that no tensor matches."""
        for part in self.parts:
            if isinstance(part, Step) and (message := ineffective(part.options, tuple(tensors))):
                raise StepError(message, "a schedule names modules of the model's architecture")

    def _merge(self, operator: str, options: Mapping[str, Json], inputs: tuple[Given, ...], work: Path) -> int:
        numbered = sorted((given for given in inputs if given.role.isdecimal()), key=lambda given: int(given.role))
        bases = [given for given in inputs if given.role == "base"]
        operands = tuple(self._operand(given, work) for given in numbered)
        base = self._operand(bases[0], work) if bases else -1
        key = json.dumps([operator, options, operands, base], sort_keys=True)
        return self._placed(key, lambda: Step(operator, options, operands, base, _kernel(operator)))

    def _operand(self, given: Given, work: Path) -> int:
        if given.path is None and kernel(given.operator) is not None:
            return self._merge(given.operator, given.options, given.inputs, work)
        return self._placed(f"{given.fingerprint} {given.path}", lambda: parent(given, work))

    def _placed(self, key: str, make: Callable[[], Parent | Step]) -> int:
        if key not in self._places:
            self.parts.append(make())
            self._places[key] = len(self.parts) - 1
        return self._places[key]


def _kernel(operator: str) -> Kernel:
    found = kernel(operator)
    if found is None:
        raise StepError(f"`{operator}` is not a merge that is computed here", "write the node again: `ladle compile`")
    return found
