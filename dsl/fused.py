"""How large a merge is with every merge in it written out, as its step computes it. In: its inputs. Out: its size."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from ladle.dsl.frozen import frozen
from ladle.dsl.program import Term

MAX_LEVELS = 24
"""Merges within merges. A step computes them all at once, in float32, for each tensor."""
MAX_INPUTS = 512
"""Models that nested merges take, each as often as it is written. A merge of models alone may take more."""


@frozen
class Size:
    """The levels of a merge, and the inputs of all merges in it."""

    levels: int
    inputs: int

    @property
    def problem(self) -> str:
        """What is too large, or ""."""
        if self.levels > MAX_LEVELS:
            return f"merges are nested {self.levels} levels deep here, and {MAX_LEVELS} is the most"
        if self.levels > 1 and self.inputs > MAX_INPUTS:
            return f"written out, the nested merges here take {self.inputs:,} models, and {MAX_INPUTS} is the most"
        return ""


def size(inputs: Iterable[Term], known: Mapping[Term, Size]) -> Size:
    """Return the size of a merge of `inputs`; `known` has that of every input that is a merge."""
    listed = tuple(inputs)
    within = [known[each] for each in listed if each in known]
    return Size(1 + max((each.levels for each in within), default=0), len(listed) + sum(w.inputs for w in within))
