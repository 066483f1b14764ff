"""What kernels remark of tensors. In: whether something holds of each. Out: a sentence where it holds of nearly all.

Kept nowhere, and no part of what is made.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import partial
from typing import Final

NEARLY_ALL: Final = 0.9
"""Share of the tensors from which on a remark is told."""


@dataclass(slots=True)
class Remarks:
    """What is remarked of the tensors of one reading; threads share it."""

    _counts: dict[tuple[str, str], list[int]] = field(default_factory=dict)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def of(self, operator: str) -> Callable[[str, bool], None]:
        """Return what takes the remarks of a merge."""
        return partial(self._count, operator)

    def _count(self, operator: str, text: str, holds: bool) -> None:
        with self._lock:
            counts = self._counts.setdefault((operator, text), [0, 0])
            counts[holds] += 1

    def sentences(self) -> Iterator[str]:
        """Yield what holds for nearly all tensors."""
        for (operator, text), (not_so, so) in self._counts.items():
            if so >= NEARLY_ALL * (so + not_so):
                share = f"{so / (so + not_so):.0%} of the" if not_so else "all"
                yield f"`{operator}` {text}: so it is for {share} tensors"
