"""Flags an uneven interpolation whose first operand comes through a pipe.

`t` counts from the first operand, and a pipe fills it: in `a | slerp(b, t = 0.2)` the result is four fifths `a`, which
most readers take the other way round. Written as a call the order is plain. The fix writes the same computation so.

Bad:

    model m = base | slerp(instruct, t = 0.2)

Good:

    model m = slerp(base, instruct, t = 0.2)
"""

from collections.abc import Iterator

from ladle.dsl.depth import children, expressions
from ladle.dsl.diagnostics import Edit, Fix, Severity
from ladle.dsl.program import Program
from ladle.dsl.rule import Finding, Rule
from ladle.dsl.signature import Role
from ladle.dsl.source import Span
from ladle.dsl.syntax import Call, Expr, Name, NumberLiteral, Pipe


def find(program: Program) -> Iterator[Finding]:
    """Yield every merge behind a pipe whose `t` is not one half."""
    for declaration in program.recipe.declarations:
        stack: list[Expr] = [*expressions(declaration)]
        while stack:
            expr = stack.pop()
            stack += children(expr)
            if isinstance(expr, Pipe) and isinstance(expr.right, Call) and _uneven(program, expr.right):
                yield _finding(program.source.text, expr.left, expr.right)


def _uneven(program: Program, call: Call) -> bool:
    operator = program.vocabulary.get(call.function.name) if isinstance(call.function, Name) else None
    if operator is None or operator.role is not Role.MERGE:
        return False
    t = next((each.value for each in call.arguments if each.name and each.name.name == "t"), None)
    return t is not None and not (isinstance(t, NumberLiteral) and t.value == 0.5)


def _finding(text: str, left: Expr, call: Call) -> Finding:
    first, method = _text(text, left.span), _text(text, call.function.span)
    rest = text[call.arguments[0].span.start : call.span.end]
    fix = Fix("write it as a call", (Edit(left.span.to(call.span), f"{method}({first}, {rest}"),), safe=True)
    shown = " ".join(first.split())
    shown = shown if len(shown) <= 30 else f"{shown[:27]}..."
    message = f"`t` counts from `{shown}`, which the pipe makes the first operand of `{method}`"
    return Finding(
        call.span, message, f"write the order out: `{method}({shown}, ...)`", "t = 0 is before the pipe", fix
    )


def _text(text: str, span: Span) -> str:
    return text[span.start : span.end]


RULE = Rule("W543", "implicit-merge-order", Severity.WARNING, find, fix="safe")
