"""What all parts of the checker share. In: declarations, vocabulary, facts. Out: one table of computations."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from types import MappingProxyType
from typing import Protocol

from ladle.dsl import vocabularies
from ladle.dsl.computation import Computation
from ladle.dsl.frozen import frozen
from ladle.dsl.fused import Size, size
from ladle.dsl.problems import Problems
from ladle.dsl.program import FAILED, Failed, Meaning, Named, StageValue, Term
from ladle.dsl.program import Setting as OptionSetting
from ladle.dsl.signature import (
    Facts,
    Fault,
    OneOf,
    Operator,
    Option,
    OptionType,
    Record,
    Role,
    Sort,
    Vocabulary,
    Word,
)
from ladle.dsl.source import Source, Span
from ladle.dsl.syntax import Declaration, Expr, Setting, StageDecl
from ladle.dsl.types import CorpusType, ModelType
from ladle.dsl.values import MAX_ITEMS


@frozen
class Scope:
    """Where an expression stands: the axes it sees, and the settings of `with` that reach the stages it applies."""

    axes: Mapping[str, Meaning] = MappingProxyType({})
    overrides: tuple[Setting, ...] = ()
    sort: Sort | None = None
    """What is wanted here, where that decides what a word means: where a corpus stands, `hub` is a corpus source."""

    def outside(self) -> Scope:
        """Return this place without `with`: values and axes are not applied here."""
        return Scope(self.axes, sort=self.sort)

    def of(self, sort: Sort | None) -> Scope:
        """Return this place where something of `sort` is wanted."""
        return self if sort is self.sort else Scope(self.axes, self.overrides, sort)


class Evaluate(Protocol):
    """Gives the meaning of an expression; handed in, since parts of expressions call each other."""

    def __call__(self, world: World, expr: Expr, scope: Scope) -> Meaning:
        """Return the meaning of `expr`, reporting what is wrong with it."""


class Resolve(Protocol):
    """Gives the meaning of a declared name."""

    def __call__(self, world: World, name: str) -> Meaning:
        """Return the meaning of what is declared as `name`, reporting what is wrong with it."""


class TooMany(Exception):
    """The recipe expands to more computations than a graph may hold; ends the check, after it is reported."""


class World:
    """The state of the check of one file. `terms` and the `sizes` of merges are shared by the files of one check.

    `used`: the file is used by another, so that places in it say which file they are of.
    """

    def __init__(
        self,
        source: Source,
        vocabulary: Vocabulary,
        facts: Facts,
        evaluate: Evaluate,
        resolve: Resolve,
        terms: dict[str, Term] | None = None,
        sizes: dict[Term, Size] | None = None,
        used: bool = False,
    ) -> None:
        self.vocabulary = vocabulary
        self.facts = facts
        self.problems = Problems(source)
        self.file = source.path if used else ""
        self.declared: dict[str, Declaration] = {}
        self.brought: dict[str, Meaning] = {}
        """What `use` brings, by the name it goes by here."""
        self.overlay: tuple[Setting, ...] = ()
        """The settings of the variant that is chosen: those of stages have the last word."""
        self.varied: dict[tuple[str, str], tuple[Mapping[str, OptionSetting], ...]] = {}
        """What those settings are for a stage, by its kind and name."""
        self.meanings: dict[str, Meaning] = {}
        self.terms: dict[str, Term] = {} if terms is None else terms
        self.labels: dict[Term, str] = {}
        self.titles: dict[Term, str] = {}
        self.sizes: dict[Term, Size] = {} if sizes is None else sizes
        self.reached: set[Span] = set()
        self.doubtful: set[tuple[Term, str]] = set()
        """Options of stages whose value failed: they have their default, and may have meant anything."""
        self.members = 0
        self.words = frozenset(
            word for o in vocabulary.values() for option in o.options for word in _spoken(option.type)
        )
        self._in_corpora = {operator.word: operator for operator in vocabulary.values() if operator.word}
        self._evaluate = evaluate
        self._resolve = resolve
        self._refused: set[str] = set()
        self._told: set[str] = set()
        """Computations whose typing rule said here what is wrong with them."""
        self._skipped: dict[str, tuple[Span, str]] = {}

    # --- names ------------------------------------------------------------------------------------------------------

    def evaluate(self, expr: Expr, scope: Scope) -> Meaning:
        """Return what `expr` means in `scope`."""
        return self._evaluate(self, expr, scope)

    def lookup(self, name: str) -> Meaning | None:
        """Return what a declared name means, or None where nothing declares it."""
        if name not in self.meanings and name in self.declared:
            self.meanings[name] = FAILED
            self.meanings[name] = self._resolve(self, name)
        return self.meanings.get(name)

    def stages(self) -> tuple[str, ...]:
        """Return the names that stages are declared under."""
        brought = (name for name, meaning in self.brought.items() if isinstance(meaning, StageValue))
        return (*(name for name, each in self.declared.items() if isinstance(each, StageDecl)), *brought)

    def kinds(self, stage: str) -> tuple[str, ...]:
        """Return the kinds of the steps that a declared stage is."""
        meaning = self.meanings.get(stage)
        return tuple(step.kind.name for step in meaning.steps) if isinstance(meaning, StageValue) else ()

    def excuse(self, names: Iterable[str]) -> None:
        """Treat names as failed, since what declares them is spelled wrong and reported."""
        for name in names:
            if name not in self.declared:
                self.meanings.setdefault(name, FAILED)

    def operators(self, *roles: Role) -> Iterator[str]:
        """Yield the names of the operators of these roles, as recipes write them."""
        return (operator.written for operator in self.vocabulary.values() if operator.role in roles)

    def operator(self, name: str, scope: Scope) -> Operator | None:
        """Return the operator that a word of the catalogue means where it stands."""
        if scope.sort is Sort.CORPUS and name in self._in_corpora:
            return self._in_corpora[name]
        found = self.vocabulary.get(name)
        return None if found is None or found.word else found

    def skip(self, span: Span, text: str, *about: Term, once: str = "") -> None:
        """Record a check that an unknown fact leaves undone; of those of one `once` the first says it for all.

        Of what is doubtful it is told already why nothing is known.
        """
        if not any(term.doubtful for term in about):
            self._skipped.setdefault(once or f"{span} {text}", (span, text))

    @property
    def skipped(self) -> tuple[tuple[Span, str], ...]:
        """What was not checked, in the order of the text."""
        return tuple(sorted(self._skipped.values(), key=lambda item: (item[0].start, item[1])))

    def written(self, span: Span, most: int = 40) -> str:
        """Return the text of a place, on one line and shortened, for a message."""
        text = " ".join(span.within(self.problems.source).text[span.start : span.end].split())
        return text if len(text) <= most else text[: most - 3] + "..."

    def placed(self, span: Span) -> Span:
        """Return a place of this file as other files are to see it."""
        return Span(span.start, span.end, self.problems.source) if self.file and span.source is None else span

    # --- computations -----------------------------------------------------------------------------------------------

    def make(self, asked: Computation, span: Span, spans: Mapping[str, Span]) -> Term | Failed:
        """Return the one term of a computation, typed; what its typing rule finds is reported at the option's span.

        What is wrong is a computation of which nothing is known, so that what uses it is judged too.
        """
        if asked.key in self._refused:
            return FAILED
        known = self.terms.get(asked.key)
        if known is not None and (not known.doubtful or asked.key in self._told):
            return known
        self._told.add(asked.key)
        type = self._type(asked, span, spans)
        found = known or self._made(asked, type, span, spans)
        if isinstance(found, Failed):
            self._refused.add(asked.key)
        return found

    def _type(self, asked: Computation, span: Span, spans: Mapping[str, Span]) -> ModelType | CorpusType | Failed:
        found = asked.operator.typed(asked.typing(self.facts)) if asked.operator.typed else asked.of_role()
        if not isinstance(found, tuple) and (idle := self._idle_schedule(asked)):
            found = (idle,)
        if not isinstance(found, tuple):
            return asked.kept(found)
        for fault in found:
            self.problems.report(fault.code, spans.get(fault.option, span), fault.message, fault.help)
        return FAILED

    def _idle_schedule(self, asked: Computation) -> Fault | None:
        """What is wrong with schedules of a merge or a sum that name what its models have not."""
        first = asked.operands[0].type if asked.operands else None
        if asked.operator.role not in (Role.MERGE, Role.INTERNAL) or not isinstance(first, ModelType):
            return None
        return self.facts.idle_schedule(first, asked.options)

    def _made(
        self, asked: Computation, type: ModelType | CorpusType | Failed, span: Span, spans: Mapping[str, Span]
    ) -> Term | Failed:
        """Enter a computation in the table; FAILED where it is a merge too large for one step."""
        doubtful = isinstance(type, Failed) or asked.doubtful
        if isinstance(type, Failed):
            type = asked.nothing_known()
        elif asked.operator.role is Role.MERGE:
            type = vocabularies.merged_type(type, asked)
        self._bound(span)
        term = Term(
            asked.key,
            asked.operator,
            asked.operands,
            dict(asked.options),
            dict(asked.references),
            type,
            self.placed(span),
            {name: self.placed(place) for name, place in spans.items()},
            vocabularies.origin(type, asked),
            doubtful,
        )
        if not self._fits(term, span):
            return FAILED
        self.terms[asked.key] = term
        return term

    def name(self, term: Term, label: str) -> Named:
        """Return `term` as an expression calls it. Of several ways to write it the shortest names it."""
        known = self.labels.get(term)
        if known is None or (len(label), label) < (len(known), known):
            self.labels[term] = label
        return Named(term, label)

    def entitle(self, term: Term, name: str) -> Named:
        """Return `term` under a name that declares it; of several such names the shortest is its own."""
        known = self.titles.get(term)
        if known is None or (len(name), name) < (len(known), known):
            self.titles[term] = name
        return Named(term, name)

    def _fits(self, term: Term, span: Span) -> bool:
        """Say whether a merge, with the merges in it, is small enough for one step; report one that is not."""
        if term.operator.role not in (Role.MERGE, Role.INTERNAL) or term.operator.whole:
            return True
        self.sizes[term] = found = size(vocabularies.merged(term.inputs()), self.sizes)
        if found.problem:
            help = "merge fewer levels: `soup` and `linear` take many models at once, and so does a sum of models"
            self.problems.report("E305", span, found.problem, help, "here the bound is passed")
        return not found.problem

    def _bound(self, span: Span) -> None:
        if len(self.terms) >= MAX_ITEMS:
            message = f"the recipe expands to more than {MAX_ITEMS:,} nodes"
            self.problems.report("E302", span, message, "make a family or a range smaller", "here the bound is passed")
            raise TooMany


def words(type: OptionType) -> tuple[str, ...]:
    """Return the bare words that an option of this type takes."""
    match type:
        case Word(choices):
            return choices
        case OneOf(types):
            return tuple(word for inner in types for word in words(inner))
        case _:
            return ()


def _spoken(type: OptionType) -> tuple[str, ...]:
    """The bare words that a value of this type may hold, in its maps too."""
    match type:
        case OneOf(types):
            return tuple(word for inner in types for word in _spoken(inner))
        case Record(fields):
            return tuple(word for field in fields for word in _spoken(field.type))
        case _:
            return words(type)


def option_of(operator: Operator, name: str) -> Option | None:
    """Return the option of that name."""
    return next((option for option in operator.options if option.name == name), None)
