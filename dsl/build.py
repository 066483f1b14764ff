"""The actions of the grammar's rules. In: the children of a rule. Out: the node of the syntax tree that it is."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import NamedTuple, TypeVar

from ladle.dsl.codes import CODES
from ladle.dsl.diagnostics import Diagnostic
from ladle.dsl.frozen import replace
from ladle.dsl.lex import Token
from ladle.dsl.numbers import NumberFault, read_number, with_point
from ladle.dsl.source import Source, Span
from ladle.dsl.syntax import (
    Argument,
    Attribute,
    Axis,
    BenchmarkDecl,
    Binary,
    Block,
    Call,
    ComposeDecl,
    ConstantLiteral,
    CorpusDecl,
    EditionDecl,
    Entry,
    EvaluateDecl,
    Expr,
    GateDecl,
    Import,
    Index,
    LetDecl,
    ListLiteral,
    MapLiteral,
    ModelDecl,
    Name,
    Negation,
    NumberLiteral,
    Pipe,
    PublishDecl,
    Range,
    Requirement,
    Setting,
    StageDecl,
    StringLiteral,
    UseDecl,
    VariantDecl,
)
from ladle.dsl.types import Dimension

T = TypeVar("T")
_CONSTANTS = {"true": True, "false": False, "none": None}


class Key(NamedTuple):
    """What must not be written twice, and where it stands."""

    text: str
    span: Span


def place(token: Token) -> Span:
    """Return where a token stands."""
    return Span(token.start, token.end)


class Builder:
    """Makes the nodes of one source; problems that do not stop the parse are kept until `taken`."""

    def __init__(self, source: Source) -> None:
        self.source = source
        self.problems: list[Diagnostic] = []

    def report(self, code: str, span: Span, message: str, label: str = "", help: str = "") -> None:
        """Add a problem."""
        self.problems.append(Diagnostic(code, CODES[code], message, self.source, span, label, help))

    def taken(self) -> list[Diagnostic]:
        """Return the problems so far, and forget them."""
        problems, self.problems = self.problems, []
        return problems

    # --- parts and lists; a list is built in place, since it stands in one node only ---

    def nothing(self, *_: Token) -> None:
        """Return None for what is left out."""

    def second(self, _first: Token, node: T, *_rest: Token | None) -> T:
        """Return what stands between two tokens."""
        return node

    def empty(self) -> list[T]:
        """Return an empty list."""
        return []

    def one(self, node: T) -> list[T]:
        """Return a list of one."""
        return [node]

    def more(self, nodes: list[T], _comma: Token, node: T) -> list[T]:
        """Return the list with one more after a comma."""
        nodes.append(node)
        return nodes

    def append(self, nodes: list[T], node: T, _comma: Token | None = None) -> list[T]:
        """Return the list with one more."""
        nodes.append(node)
        return nodes

    # --- declarations ---

    def edition(self, word: Token, number: NumberLiteral) -> EditionDecl:
        """`edition 1`."""
        return EditionDecl(number, place(word).to(number.span))

    def use(self, word: Token, path: StringLiteral, _colon: Token, imports: list[Import]) -> UseDecl:
        """`use "FILE": a, b as c`."""
        return UseDecl(path, self._once(imports, _import_key, "imported"), place(word).to(imports[-1].span))

    def imported(self, name: Name, _as: Token | None = None, alias: Name | None = None) -> Import:
        """`name`, `name as alias`."""
        return Import(name, alias, name.span.to((alias or name).span))

    def let(self, word: Token, name: Name, _equal: Token, value: Expr) -> LetDecl:
        """`let NAME = EXPR`."""
        return LetDecl(name, value, place(word).to(value.span))

    def model(
        self, word: Token, name: Name, axes: list[Axis] | None, _equal: Token, value: Expr, overrides: Block | None
    ) -> ModelDecl:
        """`model NAME[axes] = EXPR with {...}`."""
        span = place(word).to(overrides.span if overrides else value.span)
        return ModelDecl(name, tuple(axes or ()), value, overrides, span)

    def corpus(self, word: Token, name: Name, _colon: Token, kind: Name, _equal: Token, value: Expr) -> CorpusDecl:
        """`corpus NAME: KIND = EXPR`."""
        return CorpusDecl(name, kind, value, place(word).to(value.span))

    def stage(self, word: Token, name: Name, kind: Name | None, block: Block) -> StageDecl:
        """`stage NAME: KIND {...}`."""
        return StageDecl(name, kind, block, place(word).to(block.span))

    def compose(self, word: Token, name: Name, _equal: Token, value: Expr) -> ComposeDecl:
        """`stage NAME = a | b`."""
        return ComposeDecl(name, value, place(word).to(value.span))

    def benchmark(self, word: Token, name: Name, _colon: Token, kind: Name, block: Block) -> BenchmarkDecl:
        """`benchmark NAME: KIND {...}`."""
        return BenchmarkDecl(name, kind, block, place(word).to(block.span))

    def evaluate(self, word: Token, name: Name, block: Block) -> EvaluateDecl:
        """`evaluate NAME {...}`."""
        return EvaluateDecl(name, block, place(word).to(block.span))

    def gate(self, word: Token, name: Name, _opening: Token, found: list[Requirement], closing: Token) -> GateDecl:
        """`gate NAME {...}`."""
        return GateDecl(name, tuple(found), place(word).to(place(closing)))

    def requirement(
        self, word: Token, left: Expr, sign: Token, right: Expr, reason: StringLiteral | None
    ) -> Requirement:
        """`require LEFT >= RIGHT else "reason"`."""
        return Requirement(left, sign.text, right, reason, place(word).to((reason or right).span))

    def variant(self, word: Token, name: Name, block: Block) -> VariantDecl:
        """`variant NAME {...}`."""
        return VariantDecl(name, block, place(word).to(block.span))

    def publish(self, word: Token, name: Name, block: Block) -> PublishDecl:
        """`publish NAME {...}`."""
        return PublishDecl(name, block, place(word).to(block.span))

    def axis(self, name: Name, _in: Token, values: Expr) -> Axis:
        """`x in XS`."""
        return Axis(name, values)

    def block(self, opening: Token, settings: list[Setting], closing: Token) -> Block:
        """`{...}` of a declaration or a `with`."""
        return Block(self._once(settings, _setting_key, "set"), place(opening).to(place(closing)))

    def setting(self, name: Name, _equal: Token, value: Expr) -> Setting:
        """`name = value`."""
        return Setting(None, name, value, name.span.to(value.span))

    def override(self, owner: Name | Token, _dot: Token, name: Name, _equal: Token, value: Expr) -> Setting:
        """`owner.name = value`; the owner may be the word `stage`."""
        owned = self.name(owner) if isinstance(owner, Token) else owner
        return Setting(owned, name, value, owned.span.to(value.span))

    # --- expressions ---

    def name(self, token: Token) -> Name:
        """Return a bare word."""
        return Name(token.text, Span(token.start, token.end))

    def number(self, token: Token) -> NumberLiteral:
        """Return a number; a bad one is reported and read as 0."""
        span = place(token)
        found = read_number(token.text)
        if isinstance(found, NumberFault):
            point = with_point(self.source.text, token.start, token.end)
            help = f"a decimal is written with a point: `{point}`" if point else found.help
            self.report("E002", span, found.message, "not a number", help)
            return NumberLiteral(0, Dimension.PLAIN, token.text, span)
        return NumberLiteral(*found, token.text, span)

    def string(self, token: Token) -> StringLiteral:
        """Return text without its quotes."""
        return StringLiteral(token.text[1:-1], place(token))

    def constant(self, token: Token) -> ConstantLiteral:
        """`true`, `false`, `none`."""
        return ConstantLiteral(_CONSTANTS[token.text], place(token))

    def ranged(
        self,
        first: NumberLiteral,
        _dots: Token,
        last: NumberLiteral,
        _by: Token | None = None,
        step: NumberLiteral | None = None,
    ) -> Range:
        """`1..5`, `0.1..0.9 by 0.2`."""
        return Range(first, last, step, first.span.to((step or last).span))

    def pipe(self, left: Expr, _pipe: Token, right: Expr) -> Pipe:
        """`a | f`."""
        return Pipe(left, right, left.span.to(right.span))

    def binary(self, left: Expr, sign: Token, right: Expr) -> Binary:
        """`a + b` and the like."""
        return Binary(sign.text, left, right, left.span.to(right.span))

    def negation(self, minus: Token, operand: Expr) -> Negation:
        """`-a`."""
        return Negation(operand, place(minus).to(operand.span))

    def group(self, opening: Token, inner: Expr, closing: Token) -> Expr:
        """`(a)`: the inner expression, its span widened, so that carets stand under the brackets too."""
        return replace(inner, span=place(opening).to(place(closing)))

    def empty_list(self, opening: Token, closing: Token) -> ListLiteral:
        """`[]`."""
        return ListLiteral((), place(opening).to(place(closing)))

    def listed(self, opening: Token, items: list[Expr], _tail: None, closing: Token) -> ListLiteral:
        """`[a, b]`."""
        return ListLiteral(tuple(items), place(opening).to(place(closing)))

    def mapped(self, opening: Token, entries: list[Entry], _tail: None, closing: Token) -> MapLiteral:
        """`{k: v}`."""
        return MapLiteral(self._once(entries, _entry_key, "given"), place(opening).to(place(closing)))

    def entry(self, key: Name | Token, _colon: Token, value: Expr) -> Entry:
        """`k: v`, `else: v`."""
        return Entry(self.name(key) if isinstance(key, Token) else key, value)

    def attribute(self, target: Expr, _dot: Token, name: Name) -> Attribute:
        """`a.b`."""
        return Attribute(target, name, target.span.to(name.span))

    def empty_call(self, function: Expr, _opening: Token, closing: Token) -> Call:
        """`f()`."""
        return Call(function, (), function.span.to(place(closing)))

    def call(self, function: Expr, _opening: Token, arguments: list[Argument], _tail: None, closing: Token) -> Call:
        """`f(a, b)`."""
        return Call(function, self._once(arguments, _argument_key, "given"), function.span.to(place(closing)))

    def index(self, target: Expr, _opening: Token, arguments: list[Argument], _tail: None, closing: Token) -> Index:
        """`a[b]`."""
        return Index(target, self._once(arguments, _argument_key, "given"), target.span.to(place(closing)))

    def argument(self, value: Expr) -> Argument:
        """`e`."""
        return Argument(value, None, None, value.span)

    def named(self, name: Name, _equal: Token, value: Expr) -> Argument:
        """`name = e`."""
        return Argument(value, name, None, name.span.to(value.span))

    def weighted(self, value: Expr, _colon: Token, weight: Expr) -> Argument:
        """`e: weight`."""
        return Argument(value, None, weight, value.span.to(weight.span))

    def _once(self, items: Iterable[T], key: Callable[[T], Key | None], verb: str) -> tuple[T, ...]:
        """Return `items` without those whose key was there already; each of them is a problem."""
        seen: dict[str, Span] = {}
        kept: list[T] = []
        for item in items:
            found = key(item)
            if found is None or found.text not in seen:
                kept.append(item)
            if found is None:
                continue
            first = seen.setdefault(found.text, found.span)
            if first is not found.span:
                line, column = self.source.position(first.start)
                help = f"it is {verb} first at line {line}, column {column}; keep one of the two"
                self.report("E010", found.span, f"`{found.text}` is {verb} twice", f"{verb} already", help)
        return tuple(kept)


def _setting_key(setting: Setting) -> Key:
    if setting.owner is None:
        return Key(setting.name.name, setting.name.span)
    return Key(f"{setting.owner.name}.{setting.name.name}", setting.owner.span.to(setting.name.span))


def _import_key(item: Import) -> Key:
    return Key(item.local.name, item.local.span)


def _entry_key(entry: Entry) -> Key:
    return Key(entry.key.name, entry.key.span)


def _argument_key(argument: Argument) -> Key | None:
    return Key(argument.name.name, argument.name.span) if argument.name else None
