"""When a merge cannot matter. In: what was found. Out: hints in plain words, each with its reason."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from ladle.executor.comparing.result import Result
from ladle.executor.comparing.sums import COLLINEAR

NEAR: Final = 1e-3
"""Relative distance below which two models count as one."""
PARALLEL: Final = 0.99
"""Cosine above which two changes count as one direction."""
MOSTLY: Final = 0.5
"""Share of a change that rounding may take."""


@dataclass(frozen=True, slots=True)
class Hint:
    """Why a merge of `models` cannot do what one hopes for."""

    reason: str
    """`identical`, `near-identical`, `unchanged`, `parallel`, `slerp-is-lerp` or `below-rounding`."""
    models: tuple[str, ...]
    text: str


def hints(result: Result) -> tuple[Hint, ...]:
    """Return all hints."""
    return (*_of_pairs(result), *_of_changes(result))


def _of_pairs(result: Result) -> Iterator[Hint]:
    total = result.total
    for a, b in result.pairs:
        names = result.models[a].name, result.models[b].name
        apart = total.relative(total.distance(a, b), a)
        near = total.collinear(a, b)
        if not total.differing(a, b):
            text = "the same weights: every mean of them, and slerp at any t, is the same model again"
            yield Hint("identical", names, text)
            continue
        if apart is not None and apart < NEAR:
            text = f"{shared(apart)} their norm apart: a merge lies within that of either, and scores like either"
            yield Hint("near-identical", names, text)
        if near == total.sums.tensors:
            text = f"every tensor has a cosine above {COLLINEAR}, where slerp is a lerp: it gives what a lerp gives"
            yield Hint("slerp-is-lerp", names, text)
        parallel = total.cosine(a, b) if (a, b) in result.kin else None
        if parallel is not None and parallel > PARALLEL:
            said = f"their changes point one way (cosine {parallel:.3f})"
            text = f"{said}: a merge only makes that one change longer or shorter"
            yield Hint("parallel", names, text)


def _of_changes(result: Result) -> Iterator[Hint]:
    total, base = result.total, result.base
    for each in result.changed:
        assert base is not None
        names = result.models[each].name, result.models[base].name
        lost = total.rounding(base, each)
        if lost is None:
            if base >= result.compared:  # else the two of them are hinted at as one
                text = "no change at all: what is taken from it in a merge is the base"
                yield Hint("unchanged", names, text)
        elif lost > MOSTLY:
            text = (
                f"storing it as {result.types[each]} rounds away {shared(lost)} the norm of its change: "
                "train longer, or keep it and the merge in float32"
            )
            yield Hint("below-rounding", names, text)


def shared(share: float) -> str:
    """Return a share as people say it: `3 % of`, or `8 times` where it is more than the whole."""
    if share >= 2:
        return f"{share:.0f} times" if share < 1000 else "more than 1000 times"
    value = 100 * share
    return f"{value:.0f} % of" if value >= 10 else f"{value:.2g} % of" if value >= 1e-3 else "less than 0.001 % of"
