"""How deep expressions are nested. In: a declaration. Out: the first place below a bound. Never recurses itself."""

from __future__ import annotations

from ladle.dsl.source import Span
from ladle.dsl.syntax import (
    Attribute,
    Binary,
    Block,
    BrokenDecl,
    Call,
    ComposeDecl,
    ConstantLiteral,
    CorpusDecl,
    Declaration,
    EditionDecl,
    Expr,
    GateDecl,
    Index,
    LetDecl,
    ListLiteral,
    MapLiteral,
    ModelDecl,
    Name,
    Negation,
    NumberLiteral,
    Pipe,
    Range,
    StringLiteral,
    UseDecl,
)


def too_deep(declaration: Declaration, bound: int) -> Span | None:
    """Return the first expression that lies more than `bound` levels down, or None."""
    level = [*expressions(declaration)]
    for _ in range(bound):
        level = [child for expr in level for child in children(expr)]
        if not level:
            return None
    return min((expr.span for expr in level), key=lambda span: span.start)


def expressions(declaration: Declaration) -> tuple[Expr, ...]:
    """Return the outermost expressions of a declaration."""
    match declaration:
        case EditionDecl() | UseDecl() | BrokenDecl():
            return ()
        case GateDecl(requirements=requirements):
            return tuple(side for each in requirements for side in (each.left, each.right))
        case LetDecl(value=value) | CorpusDecl(value=value) | ComposeDecl(value=value):
            return (value,)
        case ModelDecl(axes=axes, value=value, overrides=overrides):
            settings = overrides.settings if overrides else ()
            return (*(axis.values for axis in axes), value, *(setting.value for setting in settings))
        case _:
            return _settings(declaration.block)


def _settings(block: Block) -> tuple[Expr, ...]:
    return tuple(setting.value for setting in block.settings)


def children(expr: Expr) -> tuple[Expr, ...]:
    """Return the expressions right inside `expr`, in order."""
    match expr:
        case NumberLiteral() | StringLiteral() | ConstantLiteral() | Name() | Range():
            return ()
        case ListLiteral(items=items):
            return items
        case MapLiteral(entries=entries):
            return tuple(entry.value for entry in entries)
        case Call(function=inner, arguments=arguments) | Index(target=inner, arguments=arguments):
            weights = (argument.weight for argument in arguments if argument.weight is not None)
            return (inner, *(argument.value for argument in arguments), *weights)
        case Attribute(target=inner) | Negation(operand=inner):
            return (inner,)
        case Binary(left=left, right=right) | Pipe(left=left, right=right):
            return (left, right)
