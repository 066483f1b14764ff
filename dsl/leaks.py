"""Evaluation data in training data. In: models and benchmarks of a table. Out: which stage trained on which."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from ladle.dsl.program import Term
from ladle.dsl.signature import Role, Sort

Leak = tuple[Term, Term, Term]
"""(benchmark, stage application that trained on its rows, the corpus it trained on)."""


def leaks(models: Iterable[Term], benchmarks: Iterable[Term]) -> Iterator[Leak]:
    """Yield a leak for each benchmark whose file or corpus any ancestor of a model trained on.

    Rows that `except` took out do not count: a transform's rows are its operands', without those it refers to.
    """
    trained = {corpus: stage for stage in _stages(models) for corpus in _corpora(stage)}
    content: dict[str, list[Term]] = {}
    for corpus in trained:
        for part in _content(corpus):
            content.setdefault(_identity(part), []).append(corpus)
    for benchmark in benchmarks:
        for asked in _corpora(benchmark):
            upstream = {_identity(part) for part in _content(asked)}
            suspects = {corpus: None for each in upstream for corpus in content.get(each, ())}
            found = next((c for c in suspects if _overlap(c, upstream, _left_out(asked))), None)
            if found is not None:
                yield benchmark, trained[found], found


def _stages(models: Iterable[Term]) -> Iterator[Term]:
    """The trainings among the ancestors of `models`, each once."""
    seen: set[Term] = set()
    stack = list(models)
    while stack:
        term = stack.pop()
        if term in seen or term.sort is not Sort.MODEL:
            continue
        seen.add(term)
        stack += [used for _, used in term.inputs()]
        if term.operator.role is Role.STAGE:
            yield term


def _corpora(user: Term) -> Iterator[Term]:
    return (term for terms in user.references.values() for term in terms if term.sort is Sort.CORPUS)


def _identity(corpus: Term) -> str:
    """A file is the same however its columns are named."""
    located = corpus.options.get(corpus.operator.pattern)
    return f"file {located}" if corpus.operator.pattern else corpus.key


def _content(corpus: Term) -> Iterator[Term]:
    """A corpus and everything its rows come from."""
    seen: set[Term] = set()
    stack = [corpus]
    while stack:
        term = stack.pop()
        if term not in seen:
            seen.add(term)
            stack += term.operands
            yield term


def _left_out(corpus: Term) -> set[str]:
    """What was taken out of a corpus on the way to it, while it has one source."""
    found: set[str] = set()
    while True:
        found |= {_identity(each) for each in _referred(corpus)}
        if len(corpus.operands) != 1:
            return found
        corpus = corpus.operands[0]


def _referred(transform: Term) -> Iterator[Term]:
    for terms in transform.references.values():
        for term in terms:
            yield from _corpora(term) if term.sort is Sort.BENCHMARK else (term,)


def _overlap(corpus: Term, asked: set[str], apart: set[str]) -> bool:
    """Say whether rows of `asked` (a corpus and its sources, by identity) can be in `corpus`."""
    seen: set[Term] = set()
    stack = [corpus]
    while stack:
        term = stack.pop()
        if term in seen or _identity(term) in apart:
            continue
        seen.add(term)
        if _identity(term) in asked:
            return True
        if not any(_identity(each) in asked for each in _referred(term)):
            stack += term.operands
    return False
