"""Which weights of a table somebody vouched for. In: the scores a report is given. Out: adopted ones, and descendants.

A score's lineage names the adopted artifacts behind it; where its own model is among them, that one was adopted.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from ladle.executor.lineage import Lineage, read_lineage
from ladle.executor.task import Given


@dataclass(frozen=True, slots=True)
class Origins:
    """Models that no step made, and models that steps made from such."""

    adopted: tuple[str, ...]
    from_adopted: tuple[str, ...]

    @property
    def said(self) -> tuple[str, ...]:
        """The note that a table has of them, if there are any."""
        parts = []
        if self.adopted:
            parts.append(f"{_named(self.adopted)} adopted: trained elsewhere, and vouched for.")
        if self.from_adopted:
            parts.append(f"{_named(self.from_adopted)} made from an adopted model.")
        return (" ".join(parts),) if parts else ()


def origins(inputs: Iterable[Given], table: str, labels: Sequence[str], benchmark: str) -> Origins:
    """Return which of the models called `labels` were adopted or made from such, as their scores' lineages say."""
    scores = {given.role: given.path for given in inputs if given.path is not None}
    adopted: list[str] = []
    descended: list[str] = []
    for label in labels:
        folder = scores.get(f"score:{table}/{label}/{benchmark}")
        lineage = read_lineage(folder) if folder else None
        if isinstance(lineage, Lineage) and lineage.from_adopted:
            mine = any(role == "model" and key in lineage.from_adopted for role, key in lineage.inputs)
            (adopted if mine else descended).append(label)
    return Origins(tuple(adopted), tuple(descended))


def _named(labels: Sequence[str]) -> str:
    quoted = [f"`{label}`" for label in labels]
    return f"{quoted[0]} was" if len(quoted) == 1 else f"{', '.join(quoted[:-1])} and {quoted[-1]} were"
