"""Hints of many models in few lines. In: hints of pairs. Out: one for each reason, with the pairs that are meant."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from ladle.executor.comparing.hints import CHANGES, Hint, text

Pair = tuple[str, str]
Quote = Callable[[str], str]


@dataclass(frozen=True, slots=True)
class Told:
    """One reason, and every pair that it holds for."""

    reason: str
    pairs: tuple[Pair, ...]
    text: str

    def line(self, quote: Quote) -> str:
        """Return it as one line."""
        who = _changed(self.pairs, quote) if self.reason in CHANGES else _paired(self.pairs, quote)
        return f"{who}: {self.text}"


def grouped(hints: Iterable[Hint]) -> tuple[Told, ...]:
    """Return hints of one reason as one, in the order in which reasons come up."""
    groups: dict[tuple[str, str], list[Hint]] = {}
    for each in hints:
        groups.setdefault((each.reason, each.kind), []).append(each)
    return tuple(
        Told(reason, tuple(each.models for each in found), text(reason, kind, tuple(each.value for each in found)))
        for (reason, kind), found in groups.items()
    )


def _changed(pairs: Sequence[Pair], quote: Quote) -> str:
    """Name models and the one base of them all."""
    models, base = [quote(a) for a, _ in pairs], quote(pairs[0][1])
    return f"{models[0]} and {base}" if len(models) == 1 else f"each of {_listed(models)}, and {base}"


def _paired(pairs: Sequence[Pair], quote: Quote) -> str:
    """Name pairs: as groups of which every two are meant, or as all but a few, whichever is shorter."""
    names = list(dict.fromkeys(name for pair in pairs for name in pair))
    meant = {frozenset(pair) for pair in pairs}
    but = [(a, b) for i, a in enumerate(names) for b in names[i + 1 :] if frozenset((a, b)) not in meant]
    cliques = _cliques(names, pairs, meant)
    if but and len(names) + 2 * len(but) < sum(map(len, cliques)):
        return f"{_every(names, quote)}, but not {_each(but, quote)}"
    return "; ".join(_every(clique, quote) for clique in cliques)


def _cliques(names: Sequence[str], pairs: Sequence[Pair], meant: set[frozenset[str]]) -> list[list[str]]:
    """Return groups that together have every pair, each as large as it gets from the first pair that is left."""
    left = {frozenset(pair): list(pair) for pair in pairs}
    found = []
    while left:
        clique = next(iter(left.values()))
        for name in names:
            if name not in clique and all(frozenset((name, other)) in meant for other in clique):
                clique = [*clique, name]
        clique.sort(key=names.index)
        found.append(clique)
        left = {key: pair for key, pair in left.items() if not key <= set(clique)}
    return found


def _every(names: Sequence[str], quote: Quote) -> str:
    listed = _listed([quote(name) for name in names])
    return listed if len(names) == 2 else f"every two of {listed}"


def _each(pairs: Sequence[Pair], quote: Quote) -> str:
    return "; ".join(f"{quote(a)} and {quote(b)}" for a, b in pairs)


def _listed(names: Sequence[str]) -> str:
    return f"{', '.join(names[:-1])} and {names[-1]}" if len(names) > 1 else names[0]
