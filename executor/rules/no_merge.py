"""Notes a model of 7 to 8 billion parameters that read a domain and is merged with nothing.

At this size the merge with the instruct model was the best variant of both families in arXiv 2409.03444, by 12 and 20 %
over the instruct model; it costs no training.

Bad:

    model m = large | cpt | sft

Good:

    model m = slerp(large, large | cpt | sft, t = 0.5)
"""

from collections.abc import Iterator

from ladle.dsl.diagnostics import Severity
from ladle.dsl.program import Program
from ladle.dsl.rule import Finding, Rule
from ladle.executor.chains import is_merge, latest, name, origins, parameters, users

SIZES = (6_000_000_000, 10_000_000_000)


def find(program: Program) -> Iterator[Finding]:
    """Yield every final model of that size with `cpt` and no merge in its making."""
    used, before = users(program), origins(program)
    read = latest(program, lambda term: term.operator.name == "cpt")
    for term in program.targets:
        count = parameters(term)
        if used.get(term) or count is None or not SIZES[0] <= count <= SIZES[1] or is_merge(before[term]):
            continue
        if term in read:
            message = f"`{name(program, term)}` read a domain and is merged with nothing"
            help = "merge it with the instruct model: `slerp(instruct, m, t = 0.5)`"
            yield Finding(term.span, message, help, f"{count / 1e9:.1f} billion parameters")


RULE = Rule("W534", "no-merge", Severity.INFO, find, whole=True)
