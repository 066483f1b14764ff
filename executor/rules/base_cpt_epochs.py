"""Notes continued pretraining of a base model over several epochs that is merged right after.

In arXiv 2409.03444 the merge of a base model's continued pretraining was best after one epoch and fell after; that of
an instruct model rose up to five.

Bad:

    model m = slerp(instruct, base | cpt(epochs = 5), t = 0.5)

Good:

    model m = slerp(instruct, base | cpt(epochs = 1), t = 0.5)
"""

from collections.abc import Iterator

from ladle.dsl.diagnostics import Severity
from ladle.dsl.program import Program
from ladle.dsl.rule import Finding, Rule
from ladle.executor.chains import merges, name, tuned


def find(program: Program) -> Iterator[Finding]:
    """Yield every such operand of a merge, where its epochs are set."""
    learned = tuned(program)
    for merge in merges(program):
        for term in merge.operands:
            epochs = term.options.get("epochs")
            if term.operator.name != "cpt" or not isinstance(epochs, int | float) or epochs <= 1:
                continue
            if term.operands[0].operator.name != "init" and learned[term.operands[0]] is False:
                message = f"`{name(program, term)}` reads {epochs:g} epochs on a base model and is merged right after"
                help = "try one epoch beside it: on a base model more of them made the merge worse"
                yield Finding(term.written.get("epochs", term.span), message, help, "a base model")


RULE = Rule("W530", "base-cpt-epochs", Severity.INFO, find)
