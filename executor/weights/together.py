"""Several questions in one reading. In: generators that ask of a whole tensor. Out: what each returns."""

from __future__ import annotations

from collections.abc import Generator, Sequence
from typing import TYPE_CHECKING, TypeVar

from ladle.executor.weights.kernel import Ask, Piece

if TYPE_CHECKING:
    from torch import Tensor

T = TypeVar("T")


def together(plans: Sequence[Generator[Ask, Tensor, T]]) -> Generator[Ask, Tensor, tuple[T, ...]]:
    """Return what each plan returns; their questions of one round are answered in one pass over the tensor.

    The answers of a round have one shape, as those of `largest` have. Equal questions of a round are asked once.
    """
    found: dict[int, T] = {}
    waiting: dict[int, Ask] = {}
    for place, plan in enumerate(plans):
        _advance(place, plan, None, waiting, found)
    while waiting:
        asks = tuple(dict.fromkeys(waiting.values()))
        answers = yield Ask(several, asks)
        for place, ask in tuple(waiting.items()):
            _advance(place, plans[place], answers[asks.index(ask)], waiting, found)
    return tuple(found[place] for place in range(len(plans)))


def _advance(
    place: int, plan: Generator[Ask, Tensor, T], answer: Tensor | None, waiting: dict[int, Ask], found: dict[int, T]
) -> None:
    waiting.pop(place, None)
    try:
        waiting[place] = next(plan) if answer is None else plan.send(answer)
    except StopIteration as end:
        found[place] = end.value


def several(piece: Piece, *asks: Ask) -> Tensor:
    """Return the answers of a piece to several questions, one for each row."""
    answers = [ask.of(piece, *ask.args) for ask in asks]
    found = answers[0].new_empty((len(answers), *answers[0].shape))
    for row, answer in enumerate(answers):
        found[row] = answer
    return found
