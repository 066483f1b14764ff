"""Flags a preference stage that leaves `beta` to its default.

`beta` is what such a stage is about: how strongly the model is held to its reference, or how much preference weighs
beside likelihood. It means another thing in each kind, and articles differ by a factor of ten. Write it, be it the
default: the fix does.

Bad:

    stage polish: dpo { on = pairs  lr = 5e-7 }
    model m = base | sft | polish

Good:

    stage polish: dpo { on = pairs  lr = 5e-7  beta = 0.1 }
    model m = base | sft | polish
"""

from collections.abc import Iterator

from ladle.dsl.diagnostics import Edit, Fix, Severity
from ladle.dsl.program import Program
from ladle.dsl.rule import Finding, Rule
from ladle.dsl.source import Span
from ladle.dsl.syntax import StageDecl
from ladle.executor.chains import declared, prefers, stage_of, stages


def find(program: Program) -> Iterator[Finding]:
    """Yield every preference stage whose `beta` is set nowhere."""
    declarations = declared(program)
    for term in stages(program):
        if not prefers(term) or "beta" not in term.options or "beta" in term.written:
            continue
        beta = term.options["beta"]
        message = f"`{term.operator.name}` leaves `beta` to its default, {beta}"
        stage = stage_of(declarations, term)
        span = stage.name.span if stage else term.span
        fix = _fix(stage, f"beta = {beta}") if stage else None
        yield Finding(span, message, f"write `beta = {beta}`, or what is meant", "no `beta`", fix)


def _fix(stage: StageDecl, text: str) -> Fix | None:
    """The default written out after the last setting: the stage stays what it is."""
    if not stage.block.settings:
        return None
    end = stage.block.settings[-1].span.end
    return Fix(f"write `{text}`", (Edit(Span(end, end), f"  {text}"),), safe=True)


RULE = Rule("W522", "beta-missing", Severity.WARNING, find, fix="safe")
