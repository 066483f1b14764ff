"""What a merge method is to the engine. In: nothing. Out: the types of a kernel; no torch is loaded.

A kernel is a generator over one tensor of a merge. It yields what it must know of the whole tensor, receives it, and
returns the function that makes the merged rows. It reads like its formula, and holds nothing but numbers:

    gram = yield GRAM
    return weighted(coefficients(call.number("t"), gram))
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Hashable, Mapping
from functools import cached_property
from math import prod
from typing import TYPE_CHECKING

from ladle.dsl.frozen import frozen
from ladle.dsl.graph import Json

if TYPE_CHECKING:
    from ladle.executor.weights.draws import Draws
    from torch import Tensor


@frozen
class Piece:
    """Some whole rows of one tensor, of every operand: float32, shape (rows, columns). Never to be changed in place."""

    models: tuple[Tensor, ...]
    """The operands in order, without the base."""
    base: Tensor | None
    start: int
    """Index of the first element within the tensor, in storage order."""
    draws: Draws
    """What is random of the piece."""

    @property
    def origin(self) -> Tensor:
        """The base's rows, of a merge that cannot be without a base."""
        assert self.base is not None
        return self.base

    @cached_property
    def deltas(self) -> tuple[Tensor, ...]:
        """What each operand adds to the base."""
        return tuple(model - self.origin for model in self.models)


@frozen
class Ask:
    """A statistic of a whole tensor: the sum of `of(piece, *args)` over its pieces, in their order.

    `of` is a function of a module, so that equal questions of several merges are answered once.
    """

    of: Callable[..., Tensor]
    args: tuple[Hashable, ...] = ()


Combine = Callable[[Piece], "Tensor"]
"""Makes the merged rows of a piece: float32, shape (rows, columns)."""

Plan = Generator[Ask, "Tensor", Combine]
"""What a kernel is: questions about the whole tensor, then the function that merges its pieces."""


def unheard(_text: str, _holds: bool) -> None:
    """Nobody listens."""


@frozen
class Call:
    """One tensor of a merge, and the parameters that hold for it."""

    tensor: str
    shape: tuple[int, ...]
    operands: int
    """How many, without the base."""
    options: Mapping[str, Json]
    """By name; schedules are numbers already."""
    remark: Callable[[str, bool], None] = unheard
    """Says of each tensor whether something holds that deserves a look where it holds for nearly all."""

    @property
    def elements(self) -> int:
        """Number of elements of the tensor."""
        return prod(self.shape)

    def number(self, name: str) -> float:
        """Return an option that is a number."""
        return number(self.options[name])

    def flag(self, name: str) -> bool:
        """Return an option that is true or false."""
        return self.options[name] is True

    def word(self, name: str) -> str:
        """Return an option that is a word."""
        return str(self.options[name])

    def each(self, name: str, default: float = 1.0) -> tuple[float, ...]:
        """Return an option that has a value for each operand: its own, the common one, or `default`."""
        value = self.options.get(name)
        listed = value if isinstance(value, list) and value else [value] * self.operands
        return tuple(default if item is None else number(item) for item in listed)

    @property
    def seed(self) -> int:
        """The option `seed`."""
        return int(self.number("seed"))


Kernel = Callable[[Call], Plan | Combine]
"""One that asks nothing returns the function at once."""


def number(value: Json) -> float:
    """Return a number that node files hold. Raises ValueError for anything else."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise ValueError(f"{value!r} is not a number")
    return float(value)
