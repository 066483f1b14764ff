"""Flags a merge of differences whose operand is not known to descend from `base`.

The difference of two models that share no training is noise of the size of the weights. `ties` and its kin add it all
the same. What the recipe does not train itself can claim its ancestor: `from = base`.

Bad:

    model other = hub("org/other-instruct", template = chatml)
    model m = ties(other: 0.5, instruct: 0.5, base = base)

Good:

    model other = hub("org/other-instruct", template = chatml, from = base)
    model m = ties(other: 0.5, base | sft: 0.5, base = base)
"""

from collections.abc import Iterator

from ladle.dsl.diagnostics import Severity
from ladle.dsl.program import Program
from ladle.dsl.rule import Finding, Rule
from ladle.dsl.suggest import listing
from ladle.executor.chains import ancestors, merges, name


def find(program: Program) -> Iterator[Finding]:
    """Yield every merge over differences with an operand of unknown descent."""
    for term in merges(program):
        base = term.references.get("base", ())
        if not term.operator.needs_base or not base:
            continue
        strange = dict.fromkeys(name(program, each) for each in term.operands if base[0] not in ancestors(each))
        if strange:
            one = len(strange) == 1
            said = f"{listing(tuple(strange))} {'is' if one else 'are'}"
            message = f"{said} not known to descend from `{name(program, base[0])}`"
            which, source = ("it", "its source") if one else ("them", "the source of each")
            help = f"train {which} from there, or say so at {source}: `from = {name(program, base[0])}`"
            yield Finding(term.span, message, help, "unknown descent")


RULE = Rule("W544", "unknown-ancestry", Severity.WARNING, find)
