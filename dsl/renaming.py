"""Another name for a declaration. In: a recipe as written, two names. Out: its text with every mention changed."""

from __future__ import annotations

from collections.abc import Iterator

from ladle.dsl.depth import children, expressions
from ladle.dsl.source import Span
from ladle.dsl.syntax import (
    BrokenDecl,
    Declaration,
    EditionDecl,
    Expr,
    ModelDecl,
    Name,
    Recipe,
    StageDecl,
    UseDecl,
    VariantDecl,
)


def renamed(recipe: Recipe, old: str, new: str) -> str:
    """Return the text of `recipe` with the declaration `old` and everything that mentions it called `new`.

    A stage whose name was its kind says the kind from now on; what another recipe declares gets an alias. Names of
    options, of modules and of columns stay. A word of an enumeration that is spelt like the declaration cannot be told
    apart here: the caller checks that the result means the same.
    """
    text = recipe.source.text
    spans = sorted({span for each in recipe.declarations for span in _mentions(each, old)}, key=lambda s: s.start)
    kinds = {each.name.span for each in recipe.declarations if isinstance(each, StageDecl) and each.kind is None}
    brought = {
        item.name.span
        for each in recipe.declarations
        if isinstance(each, UseDecl)
        for item in each.imports
        if item.alias is None
    }
    for span in reversed(spans):
        said = f"{new}: {old}" if span in kinds else f"{old} as {new}" if span in brought else new
        text = text[: span.start] + said + text[span.end :]
    return text


def _mentions(declaration: Declaration, name: str) -> Iterator[Span]:
    match declaration:
        case EditionDecl() | BrokenDecl():
            return
        case UseDecl(imports=imports):
            yield from (item.local.span for item in imports if item.local.name == name)
            return
        case ModelDecl(overrides=overrides) if overrides:
            owners = (setting.owner for setting in overrides.settings)
            yield from (owner.span for owner in owners if owner and owner.name == name)
        case VariantDecl(block=block):
            reached = (setting.owner or setting.name for setting in block.settings)
            yield from (each.span for each in reached if each.name == name)
        case _:
            pass
    if declaration.name.name == name:
        yield declaration.name.span
    stack: list[Expr] = [*expressions(declaration)]
    while stack:
        expr = stack.pop()
        if isinstance(expr, Name) and expr.name == name:
            yield expr.span
        stack.extend(children(expr))
