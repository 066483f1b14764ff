"""Notes preference learning on a merged model.

It is allowed and sometimes meant. The order of arXiv 2409.03444 is the other one: preferences first, then the merge,
which evens out what they cost.

Bad:

    model m = slerp(instruct, base | sft, t = 0.5) | dpo

Good:

    model m = slerp(instruct, base | sft | dpo, t = 0.5)
"""

from collections.abc import Iterator

from ladle.dsl.diagnostics import Severity
from ladle.dsl.program import Program
from ladle.dsl.rule import Finding, Rule
from ladle.executor.chains import is_merge, name, origins, prefers, stages


def find(program: Program) -> Iterator[Finding]:
    """Yield every preference stage above a merge."""
    before = origins(program)
    for term in stages(program):
        start = before[term]
        if prefers(term) and is_merge(start):
            message = f"`{term.operator.name}` learns preferences on the merge `{name(program, start)}`"
            yield Finding(term.span, message, "merge after it instead, or compare both orders", "after a merge")


RULE = Rule("W532", "preference-after-merge", Severity.INFO, find)
