"""Flags a preference stage that learns faster than the fine-tuning before it.

Preference losses have steep gradients: their usual rate is a tenth to a hundredth of that of `sft`. At the same rate
they push the chosen answers' likelihood down with the rejected ones'.

Bad:

    model m = base | sft(lr = 1e-6) | dpo(lr = 4e-6)

Good:

    model m = base | sft(lr = 1e-5) | dpo(lr = 5e-7)
"""

from collections.abc import Iterator

from ladle.dsl.diagnostics import Severity
from ladle.dsl.program import Program
from ladle.dsl.rule import Finding, Rule
from ladle.executor.chains import chats, latest, prefers, stages


def find(program: Program) -> Iterator[Finding]:
    """Yield every preference stage whose rate is above that of the fine-tuning before it, of one method."""
    tuned = latest(program, chats)
    for term in stages(program):
        tuning = tuned.get(term) if prefers(term) else None
        if tuning is None or (tuning.options.get("lora") is None) != (term.options.get("lora") is None):
            continue
        rate, before = term.options.get("lr"), tuning.options.get("lr")
        if isinstance(rate, int | float) and isinstance(before, int | float) and rate > before:
            message = f"`{term.operator.name}` learns at {rate:g}, faster than `{tuning.operator.name}` before it"
            help = f"set it below {before:g}; a tenth to a hundredth is usual"
            yield Finding(term.written.get("lr", term.span), message, help, f"`{tuning.operator.name}`: {before:g}")


RULE = Rule("W521", "preference-rate-above-sft", Severity.WARNING, find)
