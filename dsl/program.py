"""A recipe as meant: names resolved, options set, types known. Frozen data, made by check, to lower, lint and print."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from fractions import Fraction
from pathlib import PurePath
from types import MappingProxyType
from typing import Union

from ladle.dsl.frozen import frozen
from ladle.dsl.graph import canonical, digest
from ladle.dsl.signature import Operator, Role, Sort, Vocabulary
from ladle.dsl.source import Source, Span
from ladle.dsl.syntax import Recipe, VariantDecl
from ladle.dsl.types import CorpusType, Dimension, ModelType, Schedule, Value


@frozen
class Term:
    """One computation as meant. Equal computations are one object, so `is` compares them and a set counts them."""

    __eq__ = object.__eq__
    __hash__ = object.__hash__

    key: str
    """Digest of operator, options and the keys of its inputs; equal for equal computations, whatever is on disk."""
    operator: Operator
    operands: tuple[Term, ...]
    options: Mapping[str, Value]
    """Every option that is a value, defaults explicit; `weights` or `coefficients` too, where operands have them."""
    references: Mapping[str, tuple[Term, ...]]
    """Every option that is another computation, by its name."""
    type: ModelType | CorpusType
    span: Span
    """Where it is written first."""
    written: Mapping[str, Span]
    """Where each option that is set somewhere is set, as it is written first; what has its default is not here."""
    origin: Term | None = None
    """What a model's tokenizer and template come from, where that is another: see `source`."""
    doubtful: bool = False
    """Something is wrong with it, or with what it is made from, and told: that less is known of it is no news."""

    @property
    def sort(self) -> Sort | None:
        """What it may stand for; None: a tokenizer."""
        return SORTS.get(self.operator.role)

    @property
    def source(self) -> Term:
        """Where a model's tokenizer and template come from: the source of the model it has them from, or itself."""
        return self.origin or self

    def inputs(self) -> Iterator[tuple[str, Term]]:
        """Yield (role, term) of everything it is made from."""
        yield from ((str(place), operand) for place, operand in enumerate(self.operands))
        yield from ((name, term) for name, terms in self.references.items() for term in terms)


SORTS: Mapping[Role, Sort] = {
    Role.MODEL_SOURCE: Sort.MODEL,
    Role.STAGE: Sort.MODEL,
    Role.MERGE: Sort.MODEL,
    Role.INTERNAL: Sort.MODEL,
    Role.CORPUS_SOURCE: Sort.CORPUS,
    Role.TRANSFORM: Sort.CORPUS,
    Role.BENCHMARK: Sort.BENCHMARK,
    Role.CHOICE: Sort.MODEL,
    Role.STATE: Sort.MODEL,
    Role.TEACHER: Sort.TEACHER,
    Role.ADAPTER: Sort.ADAPTER,
}
"""What an application of an operator is. `affine` is the only internal operator among terms."""


@frozen
class Named:
    """A computation and how the expression calls it: by a declared name, or one made from inputs and operators."""

    term: Term
    label: str


@frozen
class Linked:
    """The value of an option that refers to other computations."""

    items: tuple[Named, ...]


Choice = Union[Value, Linked]
"""What an option is set to."""


@frozen
class Setting:
    """One option as set, and where. `failed`: it has no value, and the problem is reported already."""

    value: Choice
    span: Span
    failed: bool = False

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Setting) and (self.value, self.failed) == (other.value, other.failed)

    def __hash__(self) -> int:
        return hash((self.value, self.failed))


@frozen
class Step:
    """A training to be applied: a declared stage, or a kind where none of that name is declared."""

    name: str
    kind: Operator
    declared: Mapping[str, Setting]
    called: Mapping[str, Setting]
    """What was set at the call: `sft(epochs = 2)`."""
    span: Span
    home: str = ""
    """The used recipe that declares it and its name there; "" for what the file at hand declares."""

    @property
    def key(self) -> str:
        """Equal for steps that do the same, wherever they are written."""
        values = self.values
        return (self.home or self.name) + "".join(f"\0{name}={choice_key(values[name])}" for name in sorted(values))

    @property
    def values(self) -> Mapping[str, Choice]:
        """What was set at the call, by option."""
        return {name: setting.value for name, setting in self.called.items() if not setting.failed}


@frozen
class StageValue:
    """Stages to be applied one after the other; a declared composition is its steps."""

    steps: tuple[Step, ...]


@frozen
class Part:
    """One product of model arithmetic: a number times an optional schedule times a model."""

    factor: Fraction
    schedule: Schedule | None
    model: Named


@frozen
class Combination:
    """A sum of models with coefficients. Sum 1: a model. Sum 0: a delta."""

    parts: tuple[Part, ...]
    label: str

    @property
    def total(self) -> Fraction:
        """The sum of the coefficients; a schedule stands only on sums of zero, so it does not change the total."""
        return sum((part.factor for part in self.parts if part.schedule is None), Fraction(0))


@frozen
class Quantity:
    """An exact number with its dimension."""

    number: Fraction
    dimension: Dimension


@frozen
class Constant:
    """A string, `true`, `false` or `none`."""

    value: bool | str | None


@frozen
class BareWord:
    """A bare word that some option takes and nothing declares: `[wrapped, isolated]` on an axis."""

    word: str


@frozen
class Items:
    """A list. `size` counts what is in it, nested lists through; `broken`: an item failed and is left out."""

    items: tuple[Meaning, ...]
    size: int
    depth: int
    broken: bool = False


@frozen
class Entries:
    """A map in the order written."""

    entries: tuple[tuple[str, Meaning], ...]
    size: int
    depth: int


@frozen
class Member:
    """One member of a family: the value and key of each axis, and its model."""

    values: tuple[Meaning, ...]
    keys: tuple[str, ...]
    model: Named


@frozen
class Family:
    """A family of models, members in order, last axis fastest. `broken`: a member failed and is left out."""

    name: str
    axes: tuple[str, ...]
    members: tuple[Member, ...]
    by_keys: Mapping[tuple[str, ...], Member]
    """The members again, by the keys of their axes: members of a large family are looked up, not searched."""
    broken: bool = False

    @classmethod
    def of(cls, name: str, axes: tuple[str, ...], members: tuple[Member, ...], broken: bool = False) -> Family:
        """Return the family of `members`."""
        return cls(name, axes, members, {member.keys: member for member in members}, broken)


@frozen
class Failed:
    """A value whose problem is reported already: whatever touches it is silent."""


FAILED = Failed()

Meaning = Union[Quantity, Constant, BareWord, Items, Entries, StageValue, Named, Combination, Family, Failed]
"""What an expression means."""


@frozen
class Evaluation:
    """One `evaluate`: (label, model) by (name, benchmark); `baseline` is a label of `models` or "".

    `average` is the axis that rows are averaged over ("": none) and `groups` the rows that come of it, each with the
    labels of its models. `development`: the table says `as = dev`, so it may report a model on what selected it.
    """

    name: str
    models: tuple[Named, ...]
    benchmarks: tuple[Named, ...]
    baseline: str
    span: Span
    average: str = ""
    groups: tuple[tuple[str, tuple[str, ...]], ...] = ()
    development: bool = False


@frozen
class Measure:
    """The headline number of a model on a benchmark, in a sum: `factor` is 1 or -1."""

    model: Named
    benchmark: Named
    factor: int


@frozen
class Side:
    """One side of a requirement: measured numbers and a constant, which is a fraction where they are (60% is 3/5)."""

    measures: tuple[Measure, ...]
    constant: Fraction


@frozen
class Demand:
    """One `require`: `left` and `right` are compared with `sign`. `text` is how it is written."""

    left: Side
    sign: str
    right: Side
    reason: str
    text: str
    span: Span


@frozen
class Gate:
    """One `gate`: what measured numbers must be. It is part of no computation's identity."""

    name: str
    demands: tuple[Demand, ...]
    span: Span


@frozen
class Publication:
    """One `publish`: a model, the repository it goes to, and its licence ("" where none is said)."""

    name: str
    model: Named
    repository: str
    licence: str
    span: Span


@frozen
class Home:
    """Where a computation of a used recipe lies: under that recipe's name, by the name it has there."""

    recipe: str
    name: str


@frozen
class Program:
    """A checked recipe. Where there were problems it holds what could be made of the rest."""

    source: Source
    recipe: Recipe
    """The recipe as written."""
    vocabulary: Vocabulary
    """What it was read by."""
    corpora: Mapping[str, Term]
    stages: Mapping[str, StageValue]
    benchmarks: Mapping[str, Term]
    models: Mapping[str, Term]
    """Every declared model and family member by name."""
    families: Mapping[str, Family]
    constants: Mapping[str, Meaning]
    evaluations: tuple[Evaluation, ...]
    terms: tuple[Term, ...]
    """Every computation that a declaration reaches, inputs before users."""
    names: Mapping[Term, str]
    """The name of each of `terms`: the declared one, else the member's, else one made from the expression."""
    targets: tuple[Term, ...]
    """What is asked for: what `evaluate` and `publish` name; without one, every declared model."""
    skipped: tuple[tuple[Span, str], ...]
    """Checks that a fact nobody knows left undone."""
    docs: Mapping[str, str] = MappingProxyType({})
    """The `##` lines of declarations, by name."""
    used: tuple[Program, ...] = ()
    """Every recipe that this one uses, also through others, each once."""
    homes: Mapping[Term, Home] = MappingProxyType({})
    """Where those of `terms` lie that a used recipe asks for itself; all others lie under the name of this one."""
    gates: tuple[Gate, ...] = ()
    publications: tuple[Publication, ...] = ()
    moving: frozenset[Term] = frozenset()
    """Sources that name no commit and whose commit no lock knows: they may be another tomorrow."""
    variant: str = ""
    """The variant that is chosen; "" for none."""

    @property
    def name(self) -> str:
        """The name under which results of this recipe lie: that of its file, and the variant's."""
        stem = PurePath(self.source.path).stem
        return f"{stem}-{self.variant}" if self.variant else stem

    @property
    def variants(self) -> tuple[str, ...]:
        """The names of its variants."""
        return tuple(each.name.name for each in self.recipe.declarations if isinstance(each, VariantDecl))

    def walk(self) -> Iterator[Term]:
        """Yield every computation, inputs before users."""
        return iter(self.terms)


def ancestry(roots: Iterable[Term], sort: Sort | None = None) -> Iterator[Term]:
    """Yield `roots` and everything that they are made from, each once; with `sort` only along terms of that sort."""
    seen: set[Term] = set()
    stack = list(roots)
    while stack:
        term = stack.pop()
        if term not in seen and (sort is None or term.sort is sort):
            seen.add(term)
            stack += [used for _, used in term.inputs()]
            yield term


def choice_key(choice: Choice) -> str:
    """Return a text that is equal for equal choices."""
    if isinstance(choice, Linked):
        return "@" + ",".join(item.term.key for item in choice.items)
    return digest(canonical(choice))
