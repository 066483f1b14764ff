"""Flags a learning rate far outside what is usual for the kind of stage.

Usual for full training of models of a billion parameters and more: `cpt` 1e-6 to 2e-4, `sft` 5e-7 to 1e-4, `orpo` 1e-7
to 5e-5, `dpo` 1e-8 to 5e-6; ten times that for an adapter. From random weights, and for models below 200 million
parameters, up to 1e-2. Ten times too much destroys a model in the first steps; ten times too little teaches nothing and
looks like a result.

Bad:

    model m = base | dpo(lr = 2e-4)

Good:

    model m = base | dpo(lr = 5e-7)
"""

from collections.abc import Iterator, Mapping

from ladle.dsl.diagnostics import Severity
from ladle.dsl.program import Program, Term
from ladle.dsl.rule import Finding, Rule
from ladle.executor.chains import parameters, stages

BANDS: Mapping[str, tuple[float, float]] = {
    "cpt": (1e-6, 2e-4),
    "sft": (5e-7, 1e-4),
    "orpo": (1e-7, 5e-5),
    "dpo": (1e-8, 5e-6),
}
SMALL = 200_000_000
"""Parameters below which a model is trained as if from nothing."""
MOST = 1e-2
"""What AdamW bears at all."""


def find(program: Program) -> Iterator[Finding]:
    """Yield every learning rate that is set outside its band."""
    for term in stages(program, *BANDS):
        rate = term.options.get("lr")
        low, high = _band(term)
        if isinstance(rate, int | float) and "lr" in term.written and not low <= rate <= high:
            much = "high" if rate > high else "low"
            how = "an adapter" if term.options.get("lora") is not None else "full training"
            message = f"a learning rate of {rate:g} is {much} for `{term.operator.name}`"
            help = f"{low:g} to {high:g} is usual for {how} of such a model"
            yield Finding(term.written["lr"], message, help, f"usual: {low:g} to {high:g}")


def _band(term: Term) -> tuple[float, float]:
    low, high = BANDS[term.operator.name]
    count = parameters(term.operands[0])
    if term.operands[0].operator.name == "init" or (count is not None and count < SMALL):
        return low, MOST
    factor = 10 if term.options.get("lora") is not None else 1
    return low * factor, high * factor


RULE = Rule("W520", "learning-rate-band", Severity.WARNING, find)
