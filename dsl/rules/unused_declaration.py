"""Flags a declaration that nothing asked for needs.

A table asks for models and benchmarks, and these for stages and corpora. What none of them reaches is never made: a
leftover, or a name that was meant to stand in the table. A file without models and tables is a library for others, and
is not judged.

Bad:

    corpus spare: text = jsonl("text/spare.jsonl")
    model m = base | sft
    evaluate table { models = [base, m]  on = [silk]  baseline = base }

Good:

    model m = base | sft
    evaluate table { models = [base, m]  on = [silk]  baseline = base }
"""

from collections.abc import Iterator

from ladle.dsl.depth import children, expressions
from ladle.dsl.diagnostics import Edit, Fix, Severity
from ladle.dsl.program import Program
from ladle.dsl.rule import Finding, Rule
from ladle.dsl.source import Source, Span
from ladle.dsl.syntax import (
    BenchmarkDecl,
    BrokenDecl,
    ComposeDecl,
    CorpusDecl,
    Declaration,
    EditionDecl,
    EvaluateDecl,
    Expr,
    LetDecl,
    ModelDecl,
    Name,
    Recipe,
    StageDecl,
)

NAMED = (LetDecl, ModelDecl, CorpusDecl, StageDecl, ComposeDecl, BenchmarkDecl)


def find(program: Program) -> Iterator[Finding]:
    """Yield each declaration that no table, or without one no model, leads to."""
    asking = any(isinstance(each, EvaluateDecl) for each in program.recipe.declarations)
    roots = [each for each in program.recipe.declarations if _asks(each, asking)]
    if not roots:
        return
    needed = _needed(program.recipe, roots)
    for each in program.recipe.declarations:
        if isinstance(each, NAMED) and not _asks(each, asking) and each.name.name not in needed:
            what = "no table needs it" if asking else "no model needs it"
            message = f"`{each.name.name}` is declared, and {what}"
            fix = Fix("take the declaration away", (Edit(_lines(program.source, each.span), ""),), safe=False)
            yield Finding(each.name.span, message, "use it, or take it away", "never used", fix)


def _asks(declaration: Declaration, asking: bool) -> bool:
    """Say whether a declaration asks for something: a table, and whatever else is not there to be used by name."""
    if isinstance(declaration, EditionDecl | BrokenDecl):
        return False
    if isinstance(declaration, NAMED):
        return not asking and isinstance(declaration, ModelDecl)
    return bool(expressions(declaration))


def _needed(recipe: Recipe, roots: list[Declaration]) -> set[str]:
    by_name = {each.name.name: each for each in recipe.declarations if isinstance(each, NAMED)}
    needed: set[str] = set()
    stack = list(roots)
    while stack:
        for name in _mentions(stack.pop()):
            if name in by_name and name not in needed:
                needed.add(name)
                stack.append(by_name[name])
    return needed


def _mentions(declaration: Declaration) -> Iterator[str]:
    stack: list[Expr] = [*expressions(declaration)]
    while stack:
        expr = stack.pop()
        if isinstance(expr, Name):
            yield expr.name
        stack += children(expr)


def _lines(source: Source, span: Span) -> Span:
    """The lines of a declaration, with the end of the last; the declaration alone where something else stands there."""
    start = source.text.rfind("\n", 0, span.start) + 1
    end = source.text.find("\n", span.end)
    end = len(source.text) if end < 0 else end + 1
    rest = source.text[span.end : end].strip()
    clean = not source.text[start : span.start].strip() and (not rest or rest.startswith("#"))
    return Span(start, end) if clean else span


RULE = Rule("W501", "unused-declaration", Severity.WARNING, find, whole=True, fix="unsafe")
