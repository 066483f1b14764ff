"""Flags a final model whose last training is continued pretraining.

It reads the domain and forgets how to answer: in arXiv 2409.03444 such models fell below the instruct model they
were to beat. It is a step on the way: fine-tune it, or merge it with a model that answers.

Bad:

    model m = base | cpt

Good:

    model m = slerp(instruct, base | cpt, t = 0.5)
"""

from collections.abc import Iterator

from ladle.dsl.diagnostics import Severity
from ladle.dsl.program import Program, Term
from ladle.dsl.rule import Finding, Rule
from ladle.executor.chains import name, users


def find(program: Program) -> Iterator[Finding]:
    """Yield every model that is asked for, is made into nothing else, and ends with `cpt`."""
    used = users(program)
    scored = {each.term for table in program.evaluations for each in table.benchmarks}
    if scored and all(benchmark.operator.name == "loss" for benchmark in scored):
        return
    for term in program.targets:
        if term.operator.name == "cpt" and not used.get(term) and not _from_nothing(term):
            message = f"`{name(program, term)}` ends with continued pretraining"
            yield Finding(term.span, message, "add `| sft`, or merge it with an instruct model", "the last training")


def _from_nothing(term: Term) -> bool:
    return term.operands[0].operator.name == "init"


RULE = Rule("W531", "cpt-only-final", Severity.WARNING, find, whole=True)
