"""Flags a stage whose context is shorter than that of the stage before it.

What the earlier stage learned beyond the shorter context is not exercised any more and fades; long rows of the later
corpus stop the run, or are cut.

Bad:

    model m = base | cpt(context = 4Ki) | sft(context = 2Ki)

Good:

    model m = base | cpt(context = 4Ki) | sft(context = 4Ki)
"""

from collections.abc import Iterator

from ladle.dsl.diagnostics import Severity
from ladle.dsl.program import Program
from ladle.dsl.rule import Finding, Rule
from ladle.dsl.signature import Role
from ladle.executor.chains import declared, stage_of, stages


def find(program: Program) -> Iterator[Finding]:
    """Yield every training that shortens the context."""
    declarations = declared(program)
    for term in stages(program):
        before = term.operands[0]
        now, then = term.options.get("context"), before.options.get("context")
        trained = before.operator.role is Role.STAGE
        if trained and isinstance(now, int) and isinstance(then, int) and now < then:
            message = f"`{term.operator.name}` has a context of {now}, and `{before.operator.name}` before it {then}"
            help = f"set it to {then}, or shorten the earlier one"
            stage = stage_of(declarations, term)
            place = stage.name.span if stage else term.span
            yield Finding(term.written.get("context", place), message, help, f"{then} before")


RULE = Rule("W524", "context-shrinks", Severity.WARNING, find)
