"""When a merge cannot matter. In: what was found. Out: hints in plain words, each with its reason."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from math import floor
from typing import Final

from ladle.executor.comparing.result import Result
from ladle.executor.comparing.sums import COLLINEAR

NEAR: Final = 1e-3
"""Relative distance below which two models count as one."""
PARALLEL: Final = 0.99
"""Cosine above which two changes count as one direction."""
MOSTLY: Final = 0.5
"""Share of a change that rounding may take."""


CHANGES: Final = ("unchanged", "below-rounding")
"""Reasons that are of a model and the base, not of any two."""


@dataclass(frozen=True, slots=True)
class Hint:
    """Why a merge of `models` cannot do what one hopes for."""

    reason: str
    """`identical`, `near-identical`, `unchanged`, `parallel`, `slerp-is-lerp` or `below-rounding`."""
    models: tuple[str, str]
    value: float = 0.0
    """The number of it where it has one."""
    kind: str = ""
    """The element type, of what rounding takes."""

    @property
    def text(self) -> str:
        """Why, in words."""
        return text(self.reason, self.kind, (self.value,))


def hints(result: Result) -> tuple[Hint, ...]:
    """Return all hints."""
    return (*_of_pairs(result), *_of_changes(result))


def text(reason: str, kind: str, values: Sequence[float]) -> str:
    """Return in words why hints of one reason and kind are given; of several the number that holds for all."""
    most = "" if len(values) == 1 else "at most "
    least = "" if len(values) == 1 else "at least "
    match reason:
        case "identical":
            return "the same weights: every mean of them, and slerp at any t, is the same model again"
        case "near-identical":
            said = f"{most}{shared(max(values))} their norm apart"
            return f"{said}: a merge lies within that of either, and scores like either"
        case "slerp-is-lerp":
            return f"every tensor has a cosine above {COLLINEAR}, where slerp is a lerp: it gives what a lerp gives"
        case "parallel":
            # Rounded down, so that it holds for all.
            lowest = min(values) if len(values) == 1 else floor(1000 * min(values)) / 1000
            said = f"their changes point one way (cosine {least}{lowest:.3f})"
            return f"{said}: a merge only makes that one change longer or shorter"
        case "unchanged":
            return "no change at all: what is taken from it in a merge is the base"
        case _:
            said = f"storing it as {kind} rounds away {least}{shared(min(values))} the norm of its change"
            return f"{said}: train longer, or keep it and the merge in float32"


def _of_pairs(result: Result) -> Iterator[Hint]:
    total = result.total
    for a, b in result.pairs:
        names = result.models[a].name, result.models[b].name
        apart = total.relative(total.distance(a, b), a)
        near = total.collinear(a, b)
        if not total.differing(a, b):
            yield Hint("identical", names)
            continue
        if apart is not None and apart < NEAR:
            yield Hint("near-identical", names, apart)
        if near == total.sums.tensors:
            yield Hint("slerp-is-lerp", names)
        parallel = total.cosine(a, b) if (a, b) in result.kin else None
        if parallel is not None and parallel > PARALLEL:
            yield Hint("parallel", names, parallel)


def _of_changes(result: Result) -> Iterator[Hint]:
    total, base = result.total, result.base
    for each in result.changed:
        assert base is not None
        names = result.models[each].name, result.models[base].name
        lost = total.rounding(base, each)
        if lost is None:
            if base >= result.compared:  # else the two of them are hinted at as one
                yield Hint("unchanged", names)
        elif lost > MOSTLY:
            yield Hint("below-rounding", names, lost, result.types[each])


def shared(share: float) -> str:
    """Return a share as people say it: `3 % of`, or `8 times` where it is more than the whole."""
    if share >= 2:
        return f"{share:.0f} times" if share < 1000 else "more than 1000 times"
    value = 100 * share
    return f"{value:.0f} % of" if value >= 10 else f"{value:.2g} % of" if value >= 1e-3 else "less than 0.001 % of"
