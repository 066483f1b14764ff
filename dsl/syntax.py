"""A recipe as written: the syntax tree. Frozen data; every node knows its span. Names are not resolved here."""

from __future__ import annotations

from ladle.dsl.frozen import frozen
from ladle.dsl.source import Source, Span
from ladle.dsl.types import Dimension

# --- expressions ----------------------------------------------------------------------------------------------------


@frozen
class NumberLiteral:
    """`0.5`, `4Ki`, `60%`, `24GiB`, `2h`. `value` is in plain units (60% is 0.6, 2h is 7200).

    It is an int when written without fraction and exponent, so that a count is never a float.
    """

    value: int | float
    dimension: Dimension
    written: str
    span: Span


@frozen
class StringLiteral:
    """Text between double quotes."""

    value: str
    span: Span


@frozen
class ConstantLiteral:
    """`true`, `false` or `none`."""

    value: bool | None
    span: Span


@frozen
class Name:
    """A bare word: a declaration, an axis, a catalogue word or a word of an enumeration."""

    name: str
    span: Span


@frozen
class ListLiteral:
    """`[a, b]`."""

    items: tuple[Expr, ...]
    span: Span


@frozen
class Entry:
    """`key: value` of a map; the key may be `else`."""

    key: Name
    value: Expr


@frozen
class MapLiteral:
    """`{k: v, else: w}`."""

    entries: tuple[Entry, ...]
    span: Span


@frozen
class Range:
    """`1..5`, `0.1..0.9 by 0.2`: literals, ends included."""

    first: NumberLiteral
    last: NumberLiteral
    step: NumberLiteral | None
    span: Span


@frozen
class Argument:
    """One argument of a call or index: `e`, `name = e` (name set) or `e: weight` (weight set)."""

    value: Expr
    name: Name | None
    weight: Expr | None
    span: Span


@frozen
class Call:
    """`f(a, b, t = 0.5)`."""

    function: Expr
    arguments: tuple[Argument, ...]
    span: Span


@frozen
class Index:
    """`trained[base, cpt | sft]` or `trained[start = base]`."""

    target: Expr
    arguments: tuple[Argument, ...]
    span: Span


@frozen
class Attribute:
    """`a.b`."""

    target: Expr
    name: Name
    span: Span


@frozen
class Negation:
    """`-a`."""

    operand: Expr
    span: Span


@frozen
class Binary:
    """`a + b`, `a - b`, `a * b`, `a / b`; `operator` is the sign."""

    operator: str
    left: Expr
    right: Expr
    span: Span


@frozen
class Pipe:
    """`a | f`: fills the first operand of `f`; two stages compose."""

    left: Expr
    right: Expr
    span: Span


Expr = (
    NumberLiteral | StringLiteral | ConstantLiteral | Name | ListLiteral | MapLiteral | Range
    | Call | Index | Attribute | Negation | Binary | Pipe
)  # fmt: skip


# --- declarations ---------------------------------------------------------------------------------------------------


@frozen
class Setting:
    """`name = value` in a block, or `owner.name = value` in a `with` or variant; `owner` may be the word `stage`."""

    owner: Name | None
    name: Name
    value: Expr
    span: Span


@frozen
class Block:
    """`{ ... }`: settings in the order written."""

    settings: tuple[Setting, ...]
    span: Span


@frozen
class Axis:
    """`x in XS`."""

    name: Name
    values: Expr


@frozen
class EditionDecl:
    """`edition 1`."""

    number: NumberLiteral
    span: Span


@frozen
class Import:
    """`name` or `name as alias` of a `use`."""

    name: Name
    alias: Name | None
    span: Span

    @property
    def local(self) -> Name:
        """The name it goes by here."""
        return self.alias or self.name


@frozen
class UseDecl:
    """`use "shared/llama.recipe": base, instruct as chat`."""

    path: StringLiteral
    imports: tuple[Import, ...]
    span: Span
    doc: str = ""


@frozen
class LetDecl:
    """`let NAME = EXPR`."""

    name: Name
    value: Expr
    span: Span
    doc: str = ""


@frozen
class ModelDecl:
    """`model NAME[axes] = EXPR with { ... }`."""

    name: Name
    axes: tuple[Axis, ...]
    value: Expr
    overrides: Block | None
    span: Span
    doc: str = ""


@frozen
class CorpusDecl:
    """`corpus NAME: KIND = EXPR`."""

    name: Name
    kind: Name
    value: Expr
    span: Span
    doc: str = ""


@frozen
class StageDecl:
    """`stage NAME: KIND { ... }`; without `kind` the name is the kind."""

    name: Name
    kind: Name | None
    block: Block
    span: Span
    doc: str = ""


@frozen
class ComposeDecl:
    """`stage NAME = cpt | sft`."""

    name: Name
    value: Expr
    span: Span
    doc: str = ""


@frozen
class BenchmarkDecl:
    """`benchmark NAME: KIND { ... }`."""

    name: Name
    kind: Name
    block: Block
    span: Span
    doc: str = ""


@frozen
class EvaluateDecl:
    """`evaluate NAME { models on baseline }`."""

    name: Name
    block: Block
    span: Span
    doc: str = ""


@frozen
class Requirement:
    """`require LEFT >= RIGHT else "reason"`; `sign` is the comparison as written."""

    left: Expr
    sign: str
    right: Expr
    reason: StringLiteral | None
    span: Span


@frozen
class GateDecl:
    """`gate NAME { require ... }`."""

    name: Name
    requirements: tuple[Requirement, ...]
    span: Span
    doc: str = ""


@frozen
class VariantDecl:
    """`variant NAME { cpt.epochs = 1  papers = papers | take(rows = 200) }`; the settings are those of a `with`."""

    name: Name
    block: Block
    span: Span
    doc: str = ""


@frozen
class PublishDecl:
    """`publish NAME { model = ...  to = ... }`."""

    name: Name
    block: Block
    span: Span
    doc: str = ""


@frozen
class BrokenDecl:
    """A declaration that did not parse. Its problem is reported; its name, if readable, counts as declared."""

    keyword: str
    name: Name | None
    span: Span


Declaration = (
    EditionDecl
    | UseDecl
    | LetDecl
    | ModelDecl
    | CorpusDecl
    | StageDecl
    | ComposeDecl
    | BenchmarkDecl
    | EvaluateDecl
    | GateDecl
    | VariantDecl
    | PublishDecl
    | BrokenDecl
)  # fmt: skip


@frozen
class Recipe:
    """A recipe as written: its declarations in order."""

    source: Source
    declarations: tuple[Declaration, ...]
