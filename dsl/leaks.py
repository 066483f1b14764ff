"""Evaluation data in training data. In: models and benchmarks of a table. Out: which stage trained on which."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator

from ladle.dsl.program import Program, Term, ancestry
from ladle.dsl.signature import Fault, Role, Sort

Leak = tuple[Term, Term, Term]
"""(benchmark, stage application that trained on its rows, the corpus it trained on)."""

Identify = Callable[[Term], frozenset[str]]
"""What a corpus is known by: two corpora that share one of these hold the same rows."""


def by_place(corpus: Term) -> frozenset[str]:
    """Know a file by its path, however its columns are named, and a made corpus by what it is made from."""
    pattern = corpus.operator.pattern
    return frozenset((f"file {corpus.options.get(pattern)}" if pattern else corpus.key,))


def leaks(models: Iterable[Term], benchmarks: Iterable[Term], identify: Identify = by_place) -> Iterator[Leak]:
    """Yield a leak for each benchmark whose file or corpus any ancestor of a model trained on.

    Rows that `except` took out do not count: a transform's rows are its operands', without those it refers to.
    """
    trained = {corpus: stage for stage in _stages(models) for corpus in _corpora(stage)}
    content: dict[str, list[Term]] = {}
    for corpus in trained:
        for each in {each for part in _content(corpus) for each in identify(part)}:
            content.setdefault(each, []).append(corpus)
    for benchmark in benchmarks:
        for asked in _corpora(benchmark):
            upstream = {each for part in _content(asked) for each in identify(part)}
            suspects = {corpus: None for each in sorted(upstream) for corpus in content.get(each, ())}
            apart = {each for part in _left_out(asked) for each in identify(part)}
            found = next((corpus for corpus in suspects if _overlap(corpus, upstream, apart, identify)), None)
            if found is not None:
                yield benchmark, trained[found], found


def same_bytes(program: Program, identify: Identify) -> Iterator[tuple[Term, Fault]]:
    """Yield (benchmark, fault) where a table asks rows that were trained on under another path alone."""
    names = program.names
    for table in program.evaluations:
        models, asked = [model.term for model in table.models], [each.term for each in table.benchmarks]
        told = {benchmark for benchmark, _, _ in leaks(models, asked)}
        for benchmark, _, corpus in leaks(models, [each for each in asked if each not in told], identify):
            message = f"the rows of `{names[benchmark]}` are trained on: `{names[corpus]}` holds the same bytes"
            help = "leave them out of the training with `except`, or evaluate on other rows"
            yield benchmark, Fault("E303", message, help)


def shares(benchmark: Term, other: Term, identify: Identify = by_place) -> bool:
    """Say whether two benchmarks ask the same rows, or some of them."""
    if benchmark is other:
        return True
    for asked in _corpora(benchmark):
        upstream = {each for part in _content(asked) for each in identify(part)}
        apart = {each for part in _left_out(asked) for each in identify(part)}
        if any(_overlap(corpus, upstream, apart, identify) for corpus in _corpora(other)):
            return True
    return False


def _stages(models: Iterable[Term]) -> Iterator[Term]:
    """The trainings among the ancestors of `models`, each once."""
    return (term for term in ancestry(models, Sort.MODEL) if term.operator.role is Role.STAGE)


def _corpora(user: Term) -> Iterator[Term]:
    return (term for terms in user.references.values() for term in terms if term.sort is Sort.CORPUS)


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


def _left_out(corpus: Term) -> Iterator[Term]:
    """What was taken out of a corpus on the way to it, while it has one source."""
    yield from _referred(corpus)
    while len(corpus.operands) == 1:
        corpus = corpus.operands[0]
        yield from _referred(corpus)


def _referred(transform: Term) -> Iterator[Term]:
    for terms in transform.references.values():
        for term in terms:
            yield from _corpora(term) if term.sort is Sort.BENCHMARK else (term,)


def _overlap(corpus: Term, asked: set[str], apart: set[str], identify: Identify) -> bool:
    """Say whether rows of `asked` (a corpus and its sources, by identity) can be in `corpus`."""
    seen: set[Term] = set()
    stack = [corpus]
    while stack:
        term = stack.pop()
        if term in seen or identify(term) & apart:
            continue
        seen.add(term)
        if identify(term) & asked:
            return True
        if not any(identify(each) & asked for each in _referred(term)):
            stack += term.operands
    return False
