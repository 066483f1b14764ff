"""The recipe that an import makes, before it has names. In and out: frozen data."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from ladle.dsl.source import Span
from ladle.executor.importing.fields import Fields
from ladle.executor.importing.ledger import Ledger
from ladle.executor.importing.tree import Document, Table


@dataclass(frozen=True, slots=True)
class ModelRef:
    """A model by what a file calls it: a folder, a repository of the hub, or the output of another file."""

    name: str
    revision: str = ""
    template: str = ""
    """A built-in template that the file puts on the model."""


@dataclass(frozen=True, slots=True)
class Corpus:
    """A corpus: a name to begin with, its kind, its expression; `weight` is what a mixture takes of it."""

    name: str
    kind: str
    expression: str
    weight: str = "1"
    mixed: str = ""
    """Options of the mixture that it is a part of, `seed = 7`."""


@dataclass(frozen=True, slots=True)
class Trained:
    """A model that a file trains: start, kind, settings as they are written, corpora, and what the output is called."""

    start: ModelRef
    kind: str
    settings: tuple[tuple[str, str], ...]
    corpora: tuple[Corpus, ...]
    outputs: tuple[str, ...]
    adapter: ModelRef | None = None
    """The adapter, of another file's training, that it goes on with; none: it starts from the model alone."""
    fresh: bool = False
    """Whether it folds that adapter and trains a new one."""
    reference: ModelRef | None = None
    """The model that answers are measured against, where the file names one."""


@dataclass(frozen=True, slots=True)
class Base:
    """The model whose tokenizer mergekit takes: the `base_model`, where one is `named`, else the first; and where."""

    model: ModelRef
    document: Document
    span: Span
    named: bool


@dataclass(frozen=True, slots=True)
class Merged:
    """A model that a file merges: method, operands with their weights, and options, of which some are models."""

    method: str
    operands: tuple[tuple[ModelRef, str], ...]
    options: tuple[tuple[str, str | ModelRef], ...]
    name: str
    """What the document calls itself; "" for none."""
    outputs: tuple[str, ...]
    """What other documents call it."""
    rounded: str = ""
    """The precision that the tool rounds it to before another merge takes it; "" where that is not to be said."""

    base: Base | None = None
    """The model whose tokenizer the tool gives the result unasked."""


Made = Trained | Merged


def needs(made: Made) -> tuple[ModelRef, ...]:
    """Return the models that one is made from."""
    if isinstance(made, Trained):
        return (made.start, *(model for model in (made.adapter, made.reference) if model))
    return (*(model for model, _ in made.operands), *(value for _, value in made.options if not isinstance(value, str)))


@dataclass(frozen=True, slots=True)
class Importer:
    """One tool whose files are read: `signs` are groups of keys of which one, whole, shows that a file is its."""

    name: str
    signs: tuple[frozenset[str], ...]
    convert: Callable[[Document, Ledger, Request], Made | None]
    rank: int = 0
    """Of several tools that a file could be of, the highest counts."""
    documents: bool = False
    """Whether one file may hold several documents."""
    template: str = ""
    """How its file puts a chat template on the model; "" where it cannot."""


@dataclass(frozen=True, slots=True)
class Read:
    """What a document makes, and the tool that it is of."""

    made: Made
    document: Document
    tool: Importer


@dataclass(frozen=True, slots=True)
class Request:
    """What the user said beside the file: a kind of stage, "" for what the file says."""

    stage: str = ""


def fields_of(document: Document, ledger: Ledger) -> Fields | None:
    """Return the keys of a document; a document that is no table is reported."""
    root = document.root
    if isinstance(root, Table):
        return Fields(document, root, ledger)
    ledger.problem("E608", document, root.span, "a configuration is a table, `key: value`", "is it another file?")
    return None
