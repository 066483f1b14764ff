"""Flags a preference stage on a model that never learned to answer.

A model that was never fine-tuned on chats gives both answers of a pair next to no likelihood, so that their difference
says little. `orpo` after `sft` is the order of arXiv 2409.03444 and is fine.

Bad:

    model m = base | cpt | dpo

Good:

    model m = base | cpt | sft | dpo
"""

from collections.abc import Iterator

from ladle.dsl.diagnostics import Severity
from ladle.dsl.program import Program
from ladle.dsl.rule import Finding, Rule
from ladle.executor.chains import prefers, stages, tuned


def find(program: Program) -> Iterator[Finding]:
    """Yield every preference stage on a model that is known to be untuned."""
    learned = tuned(program)
    for term in stages(program):
        if prefers(term) and not prefers(term.operands[0]) and learned[term.operands[0]] is False:
            message = f"`{term.operator.name}` learns preferences on a model that was never instruction-tuned"
            yield Finding(term.span, message, f"fine-tune it before: `| sft | {term.operator.name}`", "no `sft` before")


RULE = Rule("W533", "preference-untuned", Severity.WARNING, find)
