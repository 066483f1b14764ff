"""Flags a context that is written with a decimal multiple, such as `8k`.

`8k` is 8,000. Models are trained for powers of two, and what one calls a context of 8k is `8Ki`, 8,192 tokens. The fix
changes what is computed: the stage sees 8,192 tokens where it saw 8,000.

Bad:

    model m = base | sft(context = 2k)

Good:

    model m = base | sft(context = 2Ki)
"""

from collections.abc import Iterator

from ladle.dsl.depth import children, expressions
from ladle.dsl.diagnostics import Edit, Fix, Severity
from ladle.dsl.program import Program
from ladle.dsl.rule import Finding, Rule
from ladle.dsl.syntax import (
    BenchmarkDecl,
    Call,
    Declaration,
    EvaluateDecl,
    Expr,
    ModelDecl,
    Name,
    NumberLiteral,
    StageDecl,
)

BINARY = {"k": "Ki", "M": "Mi"}


def find(program: Program) -> Iterator[Finding]:
    """Yield every literal that `context` is set to with a decimal multiple."""
    for declaration in program.recipe.declarations:
        for name, value in _set(declaration):
            if name.name == "context" and isinstance(value, NumberLiteral) and value.written[-1:] in BINARY:
                written = value.written[:-1] + BINARY[value.written[-1]]
                tokens = f"{value.value:,} tokens"
                fix = Fix(f"write `{written}`: another context", (Edit(value.span, written),), safe=True, changes=True)
                message = f"`{value.written}` is {tokens}, and a context of that name is `{written}`"
                yield Finding(value.span, message, f"write `{written}`, or the number of tokens", tokens, fix)


def _set(declaration: Declaration) -> Iterator[tuple[Name, Expr]]:
    match declaration:
        case StageDecl(block=block) | BenchmarkDecl(block=block) | EvaluateDecl(block=block):
            yield from ((each.name, each.value) for each in block.settings)
        case ModelDecl(overrides=overrides) if overrides:
            yield from ((each.name, each.value) for each in overrides.settings)
        case _:
            pass
    stack = [*expressions(declaration)]
    while stack:
        expr = stack.pop()
        stack += children(expr)
        if isinstance(expr, Call):
            yield from ((each.name, each.value) for each in expr.arguments if each.name)


RULE = Rule("W511", "decimal-context", Severity.WARNING, find, fix="safe")
