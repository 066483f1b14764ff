"""What an operator takes and gives: plain frozen data, and no operator by name. Out: the vocabulary."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from enum import Enum, StrEnum
from typing import Final, Protocol

from ladle.dsl.frozen import frozen
from ladle.dsl.source import Source
from ladle.dsl.types import UNKNOWN, AdapterType, CorpusKind, CorpusType, Dimension, ModelType, Unknown, Value


class Required(Enum):
    """The default of an option that has none and must be written."""

    REQUIRED = "required"


REQUIRED: Final = Required.REQUIRED


class Role(StrEnum):
    """Where an operator may stand."""

    MODEL_SOURCE = "model source"
    TOKENIZER = "tokenizer"
    STAGE = "stage kind"
    MERGE = "merge method"
    CORPUS_SOURCE = "corpus source"
    TRANSFORM = "corpus operator"
    BENCHMARK = "benchmark kind"
    CHOICE = "choice of models"
    """Decides at run time, by the scores of its operands on a benchmark: `best`, `greedy_soup`."""
    STATE = "state of a training"
    """A state within the training that its operand is the end of: `snapshot`."""
    TEACHER = "teacher"
    """A model behind an endpoint of the profile: it generates and judges, and is never trained, merged or scored."""
    ADAPTER = "adapter"
    """Differences of low rank from a base: no model by itself."""
    INTERNAL = "made by lowering"
    """Never written in a recipe: `prepare`, `affine`, `report`."""


class Sort(StrEnum):
    """What an operand or a referenced option is."""

    MODEL = "a model"
    CORPUS = "a corpus"
    BENCHMARK = "a benchmark"
    TEACHER = "a teacher"
    ADAPTER = "an adapter"


# --- the types of options: a closed union -----------------------------------------------------------------------


@frozen
class Number:
    """A number in [low, high]; `integer` forbids a fraction. With PERCENT allowed `10%` becomes a Share."""

    low: float | None = None
    high: float | None = None
    integer: bool = False
    open_low: bool = False
    open_high: bool = False
    dimensions: tuple[Dimension, ...] = (Dimension.PLAIN,)


@frozen
class Word:
    """One bare word of a closed enumeration, stored as its string."""

    choices: tuple[str, ...]


@frozen
class Flag:
    """`true` or `false`."""


@frozen
class Text:
    """A string; with `path` a path or glob inside the project root."""

    path: bool = False


@frozen
class Numbers:
    """A list of `length` numbers, each as `item` says (betas); 0: of any number of them, at least one."""

    item: Number
    length: int


@frozen
class Texts:
    """A list of strings, at least one."""


@frozen
class Scheduled:
    """A number in [low, high], or a map from module names to numbers or lists over depth with `else` last.

    `modules` are the names that a map may use (empty: any); of these only `layered` ones take a list over depth.
    With `open_low` every number is above `low`.
    """

    low: float
    high: float
    modules: tuple[str, ...] = ()
    layered: frozenset[str] = frozenset()
    open_low: bool = False


@frozen
class Names:
    """A map from names to strings, such as `columns = {user: "question"}`; keys are one of `keys`."""

    keys: tuple[str, ...]


@frozen
class Reference:
    """Another declaration, or an expression of that sort; it becomes an input, the option's name its role.

    `kinds` are the corpus kinds accepted (empty: any); `many` takes one or a list of them.
    """

    sort: Sort
    kinds: tuple[CorpusKind, ...] = ()
    many: bool = False
    answered: bool = False
    """Each chat of the corpus has an answer of the assistant: it is what is learned."""


@frozen
class Made:
    """A call of an operator of `role`, such as `tokenizer = bpe(...)`; it becomes an input of the node."""

    role: Role


@frozen
class Record:
    """A map whose keys are `fields`, each an option with its type and default (`lora = {r: 16}`)."""

    fields: tuple[Option, ...]


@frozen
class OneOf:
    """The first of `types` that fits."""

    types: tuple[OptionType, ...]


OptionType = Number | Word | Flag | Text | Numbers | Texts | Scheduled | Names | Record | Reference | Made | OneOf


@frozen
class Option:
    """One option: data from which checking, help, docs and the step's pydantic model are made."""

    name: str
    type: OptionType
    default: Value | Required
    """The explicit default. A default of None is written `none` and means what `text` says."""
    text: str
    field: str = ""
    """The TRL, transformers or mergekit field it becomes."""
    group: str = ""
    """Options of one group exclude each other; exactly one has a value (`budget`: epochs, steps, tokens).
    Setting one, at any precedence, replaces the group. The default is that of the member whose default is not None."""
    prepare: bool = False
    """A stage's option that belongs to the preparation of rows, not to the training."""
    hands_to: str = ""
    """Name of a Made option whose node gets this option's value too (`template` of init, for its tokenizer)."""
    positional: bool = False
    """May be written without its name, after the operands: `jsonl("x/*.jsonl")`, `every(50)`."""
    late: bool = False
    """Added when nodes without it existed already: while it has its default it is left out of a node's options, so that
    their fingerprints stay. A program reads it with that default."""
    each: bool = False
    """May be given operand by operand: `density = each(0.5, 0.7)`, stored as a tuple."""
    continues: str = ""
    """The word that goes on with what the stage before began under this option; an error where it began nothing."""
    within: str = ""
    """Of a STATE: the option of the stage, a number, that this one may not exceed."""
    checked_only: bool = False
    """Any value but the default is checked, and not made yet by this version."""


# --- operators ----------------------------------------------------------------------------------------------------


@frozen
class Operands:
    """Positional operands: `sorts` one by one, or the first of them where `minimum` says fewer; with `variadic` the
    last repeats (at least `minimum` in all).

    `weighted` allows `a: 0.7`: "no", "may", "must", or "others": all but the first must have one. `kinds` restricts
    corpus operands (empty: any, all equal).
    """

    sorts: tuple[Sort, ...] = ()
    variadic: bool = False
    minimum: int = 0
    weighted: str = "no"
    weight_type: OptionType | None = None
    kinds: tuple[CorpusKind, ...] = ()
    family: bool = False
    """The operand is one list or family, spliced in order (`soup(family)`)."""
    ordered: bool = True
    """False: the order of operands is no part of identity (`mix`); lowering sorts them, their weights along."""


@frozen
class Fault:
    """What an operator's own rule found wrong: `option` names where the caret goes ("" for the whole call)."""

    code: str
    message: str
    help: str
    option: str = ""


@frozen
class CorpusFacts:
    """What the first rows of a corpus say. `skipped` says why something is unknown."""

    columns: tuple[str, ...] | Unknown
    kind: CorpusKind | Unknown
    skipped: str = ""
    unanswered: str = ""
    """The first of these rows that is a chat without an answer of the assistant, as `file:row`."""
    licence: str | Unknown = UNKNOWN
    """What the source's card says, such as `cc-by-nc-4.0`."""


@frozen
class File:
    """One data file: path relative to the project root, bytes and SHA-256 of its content."""

    path: str
    bytes: int
    sha256: str


class Facts(Protocol):
    """What checking and lowering may ask about the world outside the recipe; the executor answers, tests fake it."""

    def corpus(self, pattern: str, columns: Mapping[str, str]) -> CorpusFacts | tuple[Fault, ...]:
        """Return kind and columns of the rows of the files that match `pattern`, from the first rows of each."""

    def benchmark(self, pattern: str, columns: Mapping[str, str], wanted: tuple[str, ...]) -> tuple[Fault, ...]:
        """Return what is wrong with the first rows of a benchmark's files: they have the columns `wanted`."""

    def model(self, folder: str) -> ModelType | AdapterType | tuple[Fault, ...]:
        """Return the type of a model or adapter folder from its configuration and headers; no weight is read."""

    def files(self, pattern: str) -> tuple[File, ...] | tuple[Fault, ...]:
        """Return the files of a pattern or folder, sorted by path, with content hashes."""

    def recipe(self, path: str) -> Source | Fault:
        """Return the text of another recipe of the project, its path relative to the root."""

    def engine(self, distribution: str) -> str:
        """Return the version of an engine from the constraints, never from what is installed."""

    def hub_model(self, name: str, revision: str) -> ModelType | None:
        """Return the type of a hub model as the lock has it, None where it has none. Any part may be unknown."""

    def hub_corpus(
        self, name: str, revision: str, part: tuple[str, str], columns: Mapping[str, str]
    ) -> CorpusFacts | tuple[Fault, ...] | None:
        """Return kind and columns of the rows of a hub data set as the lock has them, None where it has none.

        `part` is the subset ("" for the only one) and the split.
        """

    def hub_commit(self, sort: Sort, name: str, revision: str) -> str:
        """Return the commit that the lock has for a revision of a hub model or data set, "" where it has none."""

    def elsewhere(self, word: str) -> tuple[str, str]:
        """Return the option of a stage that another trainer calls `word`, and what to say of it; either may be ""."""

    def differing_token(self, identity: str, other: str) -> tuple[str, str, str] | None:
        """Return the first token in which two vocabularies differ, and what it is in each; None where nobody knows."""

    def lacking_token(self, identity: str, other: str) -> str:
        """Return the first token of the vocabulary `other` that `identity` lacks; "" where nobody knows of one."""

    def idle_schedule(self, type: ModelType, options: Mapping[str, Value]) -> Fault | None:
        """Return what is wrong with schedules in the options of a merge that name a module which a model has not."""

    def lacking_control(self, identity: str, template: str) -> str:
        """Return the first control token of a built-in template that a vocabulary lacks; "" where none is known."""


@frozen
class Typing:
    """What an operator's typing rule is given."""

    options: Mapping[str, Value]
    """Resolved, defaults explicit; `weights` of a weighted call too, one per operand."""
    operands: tuple[ModelType | CorpusType, ...]
    references: Mapping[str, tuple[ModelType | CorpusType, ...]]
    """Types of Reference and Made options by option name (a tokenizer's is a ModelType)."""
    facts: Facts
    identity: str = ""
    """Equal for equal calls (operator, options, operands, references), different for others; "" where nobody can say.
    What a step will make has no content to compare yet: a tokenizer's vocabulary is known by what it is made from."""
    target: bool = False
    """A model is to be published there: its name is judged, and nothing is asked of what lies there today."""


Typed = ModelType | CorpusType | tuple[Fault, ...]


@frozen
class Operator:
    """One word of the catalogue."""

    name: str
    role: Role
    version: int
    """Semantic version: raised when the same inputs and options give other bytes."""
    text: str
    operands: Operands = Operands()
    options: tuple[Option, ...] = ()
    engines: tuple[str, ...] = ()
    """Distributions whose versions enter the identity of its nodes."""
    typed: Callable[[Typing], Typed] | None = None
    """The type of the result and what is wrong; None: the generic rule of the role (a stage gives its
    model's type, a merge its first operand's, a transform its operand's)."""
    takes: tuple[CorpusKind, ...] = ()
    """Corpus kinds that a stage or benchmark takes for `on`."""
    columns: tuple[str, ...] = ()
    """The columns of a benchmark's rows, where the kind of corpus does not say them (`choices` or none)."""
    needs_template: bool = False
    """A stage or benchmark that renders chats: a model without a template is an error."""
    needs_base: bool = False
    """A merge over task vectors: it names `base =`."""
    tokenizer_from: str = ""
    """The option whose model gives a merge its tokenizer and template, where that is not the first operand."""
    agree: bool = True
    """Whether the models of a merge must be of one architecture, shape, vocabulary and template."""
    any_depth: bool = False
    """Models of a merge that agree may differ in how many layers they have."""
    keeps_rows: bool = False
    """A transform whose result has the rows of its operands: what is known of one row holds of the result."""
    produces: bool = True
    """False: the node records data that lies in the project or a hub cache (jsonl, local); no step makes it."""
    headline: Dimension = Dimension.PERCENT
    """In what a benchmark kind says its one number: an accuracy in percent, a loss as a plain number."""
    pin: str = ""
    """Name of the option of a source elsewhere that says which commit of it is meant."""
    pushes: bool = False
    """Whether a finished model can be published where this source reads."""
    pattern: str = ""
    """Name of the option that holds the path or glob of a data node; it is located by it and identified by content."""
    rescores: bool = False
    """A choice that scores models of its own: it is given the rows and the settings of its benchmark too."""
    whole: bool = False
    """A merge of whole models by a program of its own: a step by itself, never computed within another merge."""
    wraps: bool = False
    """A whole merge whose program computes the merge that is its operand, with those within it."""
    checked_only: bool = False
    """The word is checked and planned, and not made yet by this version: `run`, `compile` and `step` refuse it."""
    program: str = ""
    """Module whose `run(task)` makes the artifact; imported only by a step."""
    word: str = ""
    """How recipes write it where that is the name of another operator already: where a corpus stands, `hub` is the
    corpus source that is called `hub_rows` elsewhere (docs/decisions/013-one-word-two-places.md)."""
    pins: Callable[[Mapping[str, Value], Facts], Mapping[str, Value]] | None = None
    """Options as identity holds them, where facts say more than the recipe: a branch becomes its locked commit."""

    @property
    def written(self) -> str:
        """How recipes write it."""
        return self.word or self.name


Vocabulary = Mapping[str, Operator]
"""Every operator by name. Names are unique over all roles."""
