"""Merges one tensor, piece by piece. In: an expression, its leaves, a tensor. Out: the merged rows of each result.

A sweep goes over the tensor's pieces once. There is one for each round of questions that kernels ask of the whole
tensor, then one that writes. A value that several merges need, such as the difference of two models in a sweep of `t`,
is computed once for each piece; nothing larger than a piece is ever held.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import torch
from ladle.executor.task import StepError
from ladle.executor.weights.draws import Draws, Streams
from ladle.executor.weights.kernel import Ask, Combine, Piece, Plan
from ladle.executor.weights.reading import Leaf, matrix

PIECE_ELEMENTS: Final = 1 << 18
"""Elements of a piece: 1 MiB of float32, so that a piece of each operand stays in a core's cache (measured)."""

Key = tuple[tuple[int, ...], int]
"""Which values a piece is made of: the operands' places in the expression, and the base's (-1: none)."""


@dataclass(frozen=True, slots=True)
class Merge:
    """A merge within an expression: its operands are places of leaves or of merges before it."""

    operands: tuple[int, ...]
    base: int
    """-1: none."""
    plan: Plan | Combine

    @property
    def key(self) -> Key:
        """Which values its pieces are made of."""
        return self.operands, self.base


@dataclass(frozen=True, slots=True)
class Rows:
    """Where a piece lies."""

    first: int
    count: int
    start: int
    """Index of its first element."""


def cut(shape: tuple[int, ...], elements: int = 0) -> Iterator[Rows]:
    """Yield whole rows of a tensor, about `elements` at a time and at least one row; nothing for an empty one."""
    rows, columns = matrix(shape)
    if not columns:
        return
    step = max(1, (elements or PIECE_ELEMENTS) // columns)
    for first in range(0, rows, step):
        yield Rows(first, min(step, rows - first), first * columns)


def stream(
    tensor: str,
    shape: tuple[int, ...],
    parts: Sequence[Leaf | Merge],
    write: Callable[[Rows, Callable[[int], torch.Tensor]], None],
    device: torch.device,
    elements: int = 0,
    heed: Callable[[], None] = lambda: None,
) -> None:
    """Answer what the merges among `parts` ask, then give `write` each piece and what values any part has there.

    `heed` is called before each piece that is asked about, and may end it all. An empty tensor asks for nothing.
    Raises StepError where a kernel says what of its options no tensor can be merged with.
    """
    if 0 in shape:
        return
    work = _Tensor(tensor, parts, device)
    while round_of := work.ready():
        totals: dict[tuple[Key, Ask], torch.Tensor] = {}
        for rows in cut(shape, elements):
            heed()
            at = _Values(work, rows)
            for question in round_of:
                (operands, base), ask = question
                answer = ask.of(at.piece(operands, base), *ask.args)
                totals[question] = totals[question] + answer if question in totals else answer
        work.tell(totals)
    for rows in cut(shape, elements):
        write(rows, _Values(work, rows).value)


class _Tensor:
    """The kernels of one tensor, and what each waits for."""

    def __init__(self, tensor: str, parts: Sequence[Leaf | Merge], device: torch.device) -> None:
        self.name, self.parts, self.device, self.streams = tensor, parts, device, Streams(tensor)
        self.asking: dict[int, Ask] = {}
        self.settled: dict[int, Combine] = {}
        for place, part in enumerate(parts):
            if not isinstance(part, Merge):
                continue
            if isinstance(part.plan, Generator):
                self._advance(place, part.plan, None)
            else:
                self.settled[place] = part.plan

    def ready(self) -> tuple[tuple[Key, Ask], ...]:
        """Return the questions of merges whose operands have values, each once."""
        valued: set[int] = {-1}
        found: dict[tuple[Key, Ask], None] = {}
        for place, part in enumerate(self.parts):
            if isinstance(part, Merge):
                if not valued.issuperset((*part.operands, part.base)):
                    continue
                if place in self.asking:
                    found[part.key, self.asking[place]] = None
                    continue
            valued.add(place)
        return tuple(found)

    def tell(self, answers: Mapping[tuple[Key, Ask], torch.Tensor]) -> None:
        """Send each kernel its answer."""
        for place, ask in list(self.asking.items()):
            part = self.parts[place]
            if isinstance(part, Merge) and isinstance(part.plan, Generator) and (part.key, ask) in answers:
                self._advance(place, part.plan, answers[part.key, ask])

    def _advance(self, place: int, plan: Plan, answer: torch.Tensor | None) -> None:
        self.asking.pop(place, None)
        try:
            self.asking[place] = next(plan) if answer is None else plan.send(answer)
        except StopIteration as end:
            self.settled[place] = end.value
        except ValueError as error:
            raise StepError(str(error)) from None


class _Values:
    """The values of an expression's parts in one piece, each computed once."""

    def __init__(self, tensor: _Tensor, rows: Rows) -> None:
        self._tensor, self._rows = tensor, rows
        self._values: dict[int, torch.Tensor] = {}
        self._pieces: dict[Key, Piece] = {}

    def value(self, place: int) -> torch.Tensor:
        """Return the rows of a part: float32, shape (rows, columns)."""
        if place not in self._values:
            part = self._tensor.parts[place]
            if isinstance(part, Merge):
                self._values[place] = self._tensor.settled[place](self.piece(part.operands, part.base))
            else:
                found = part.read(self._tensor.name, self._rows.first, self._rows.count)
                self._values[place] = found.to(self._tensor.device)
        return self._values[place]

    def piece(self, operands: tuple[int, ...], base: int) -> Piece:
        """Return the rows of a merge's operands and base."""
        key = operands, base
        if key not in self._pieces:
            models = tuple(self.value(place) for place in operands)
            origin = self.value(base) if base >= 0 else None
            draws = Draws(self._tensor.streams, self._rows.start, models[0])
            self._pieces[key] = Piece(models, origin, self._rows.start, draws)
        return self._pieces[key]
