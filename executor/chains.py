"""How a model came to be. In: a term. Out: its trainings, its source, what it descends from: what rules ask."""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Callable, Iterator, Mapping, Sequence

from ladle.dsl.program import Program, Term
from ladle.dsl.signature import Role, Sort
from ladle.dsl.syntax import StageDecl
from ladle.dsl.types import CorpusKind, ModelType

_TUNED = re.compile(r"(?i)(?:^|[-_./])(?:instruct|chat|it|sft|dpo|orpo|rlhf|tuned)(?:$|[-_.\d])")
_MERGES = (Role.MERGE, Role.INTERNAL)


def stages(program: Program, *kinds: str) -> Iterator[Term]:
    """Yield every training, or those of some kinds."""
    for term in program.walk():
        if term.operator.role is Role.STAGE and (not kinds or term.operator.name in kinds):
            yield term


def merges(program: Program) -> Iterator[Term]:
    """Yield every merge, sums of models among them."""
    return filter(is_merge, program.walk())


def is_merge(term: Term) -> bool:
    """Say whether a model is a merge or a sum of several."""
    return term.operator.role in _MERGES and term.sort is Sort.MODEL and len(parents(term)) > 1


def prefers(term: Term) -> bool:
    """Say whether a training learns from preferences."""
    return term.operator.role is Role.STAGE and CorpusKind.PREFERENCE in term.operator.takes


def latest(program: Program, wanted: Callable[[Term], bool]) -> Mapping[Term, Term]:
    """Return for each model the last `wanted` of its trainings since it was a source or a merge, itself among them."""
    found: dict[Term, Term] = {}
    for term in program.walk():
        if _goes_on(term):
            last = term if term.operator.role is Role.STAGE and wanted(term) else found.get(parents(term)[0])
            if last is not None:
                found[term] = last
    return found


def origins(program: Program) -> Mapping[Term, Term]:
    """Return for each model the source or merge that it was before its trainings."""
    found: dict[Term, Term] = {}
    for term in program.walk():
        if term.sort is Sort.MODEL:
            found[term] = found[parents(term)[0]] if _goes_on(term) else term
    return found


def _goes_on(term: Term) -> bool:
    """Say whether a model goes on from one other: a training, or what has a single operand."""
    return term.sort is Sort.MODEL and len(parents(term)) == 1


def chats(term: Term) -> bool:
    """Say whether a training learns from chats."""
    return CorpusKind.CHAT in term.operator.takes


def ancestors(term: Term) -> frozenset[Term]:
    """Return every model that a model is made from, itself among them; claimed ancestors too."""
    seen: set[Term] = set()
    stack = [term]
    while stack:
        each = stack.pop()
        if each not in seen and each.sort is Sort.MODEL:
            seen.add(each)
            stack += parents(each)
            stack += each.references.get("from", ())
    return frozenset(seen)


def parents(term: Term) -> tuple[Term, ...]:
    """Return what a model's weights are made from: a model that lends its template is none of it."""
    return (*term.operands, *term.references.get("base", ()))


def users(program: Program) -> Mapping[Term, list[Term]]:
    """Return the models that are made from each model directly."""
    found: dict[Term, list[Term]] = {}
    for term in program.walk():
        if term.sort is Sort.MODEL:
            for used in parents(term):
                found.setdefault(used, []).append(term)
    return found


def parameters(term: Term) -> int | None:
    """Return how many parameters a model has, None where nobody knows."""
    count = term.type.parameters if isinstance(term.type, ModelType) else None
    return count if isinstance(count, int) else None


def tuned(program: Program) -> Mapping[Term, bool | None]:
    """Say of each model whether it ever learned from chats; None where its origin is of unknown training.

    A source that must be given a template has none of its own, so nobody tuned it; one of random weights likewise.
    """
    found: dict[Term, bool | None] = {}
    for term in program.walk():
        if term.sort is not Sort.MODEL:
            continue
        if term.operator.role is Role.MODEL_SOURCE:
            found[term] = _tuned_source(term)
        else:
            known = [found[each] for each in term.operands]
            learned = term.operator.role is Role.STAGE and chats(term)
            found[term] = True if learned or True in known else None if None in known or not known else False
    return found


def _tuned_source(source: Term) -> bool | None:
    if source.operator.name == "init":
        return False
    if any(isinstance(value, str) and _TUNED.search(value) for value in source.options.values()):
        return True
    given = source.options.get("template") is not None or "template" in source.references
    mute = isinstance(source.type, ModelType) and source.type.template is None
    return False if given or mute else None


def declared(program: Program) -> tuple[StageDecl, ...]:
    """Return the declared stages in the order of the text, for `stage_of`."""
    return tuple(each for each in program.recipe.declarations if isinstance(each, StageDecl))


def stage_of(stages: Sequence[StageDecl], term: Term) -> StageDecl | None:
    """Return the one of `stages` that a training's corpus is set in, None where it is set at the call."""
    on = term.written.get("on")
    place = bisect_right(stages, on.start, key=_start) if on else 0
    stage = stages[place - 1] if place else None
    return stage if stage and on and on.end <= stage.span.end else None


def _start(stage: StageDecl) -> int:
    return stage.span.start


def name(program: Program, term: Term) -> str:
    """Return what a message calls a computation."""
    return program.names.get(term, term.operator.name)
