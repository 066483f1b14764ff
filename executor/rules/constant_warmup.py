"""Flags a warm-up that is set beside a constant schedule.

Trainers disagree on it: the `constant` schedule of most libraries drops the warm-up without a word, Ladle's honours it.
Settings taken from elsewhere would train differently here than they did there.

Bad:

    model m = base | cpt(schedule = constant, warmup = 10%)

Good:

    model m = base | cpt(schedule = constant, warmup = 0)
"""

from collections.abc import Iterator

from ladle.dsl.diagnostics import Severity
from ladle.dsl.program import Program
from ladle.dsl.rule import Finding, Rule
from ladle.dsl.types import Share
from ladle.executor.chains import stages


def find(program: Program) -> Iterator[Finding]:
    """Yield every warm-up above zero that is set for a constant schedule."""
    for term in stages(program):
        warmup = term.options.get("warmup")
        none = warmup in (0, None) or (isinstance(warmup, Share) and warmup.fraction == 0)
        if term.options.get("schedule") == "constant" and "warmup" in term.written and not none:
            message = f"`{term.operator.name}` has a constant schedule and warms up"
            help = "write `warmup = 0` for a constant rate throughout, or another schedule"
            yield Finding(term.written["warmup"], message, help, "dropped elsewhere, honoured here")


RULE = Rule("W523", "constant-warmup", Severity.WARNING, find)
