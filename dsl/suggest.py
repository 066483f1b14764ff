"""The nearest names to a misspelt one. In: what was written, what exists. Out: the likeliest, best first."""

from __future__ import annotations

from collections.abc import Iterable
from functools import lru_cache

_SHOWN = 3
_FEW = 100
"""Names among which searches are remembered."""


def nearest(written: str, names: Iterable[str]) -> tuple[str, ...]:
    """Return the names that are nearest to `written` and near enough, at most three, all equally far.

    A letter dropped, added, changed or swapped with its neighbour is one step; a third of the letters may differ.
    """
    listed = tuple(names)
    # A misspelt option is looked up again for each member of a family.
    return _remembered(written, listed) if len(listed) <= _FEW else _nearest(written, listed)


def _nearest(written: str, names: tuple[str, ...]) -> tuple[str, ...]:
    best: list[str] = []
    least = max(1, len(written) // 3)
    for name in names:
        if name == written or abs(len(name) - len(written)) > least:
            continue
        far = distance(written, name, least)
        if far < least:
            best, least = [name], far
        elif far == least and far < max(len(name), len(written)):
            best.append(name)
    return tuple(sorted(set(best))[:_SHOWN])


_remembered = lru_cache(maxsize=1024)(_nearest)


def distance(a: str, b: str, most: int) -> int:
    """Return the number of letters dropped, added, changed or swapped between `a` and `b`, at most `most + 1`."""
    before: list[int] = []
    row = list(range(len(b) + 1))
    for i, char in enumerate(a, 1):
        older, before, row = before, row, [i]
        for j, other in enumerate(b, 1):
            cost = min(before[j] + 1, row[j - 1] + 1, before[j - 1] + (char != other))
            if i > 1 and j > 1 and char == b[j - 2] and a[i - 2] == other:
                cost = min(cost, older[j - 2] + 1)
            row.append(cost)
        if min(row) > most:
            return most + 1
    return min(row[-1], most + 1)


def did_you_mean(found: tuple[str, ...]) -> str:
    """Return the question that offers `found`, or ""."""
    if not found:
        return ""
    names = [f"`{name}`" for name in found]
    listed = names[0] if len(names) == 1 else f"{', '.join(names[:-1])} or {names[-1]}"
    return f"did you mean {listed}?"


def sentences(parts: Iterable[str]) -> str:
    """Return what is said as one text: each part once, `;` between them, but none after a question mark."""
    return "; ".join(dict.fromkeys(part for part in parts if part)).replace("?; ", "? ")


def listing(names: Iterable[str], most: int = 8, last: str = "and") -> str:
    """Return names in backquotes for a sentence, `last` before the last of them, shortened after `most`."""
    quoted = [f"`{name}`" for name in names]
    if len(quoted) > most:
        return f"{', '.join(quoted[:most])} and {len(quoted) - most} more"
    return quoted[0] if len(quoted) == 1 else f"{', '.join(quoted[:-1])} {last} {quoted[-1]}" if quoted else "nothing"
