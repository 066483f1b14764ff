"""Another mixture at the end of a training. Out: the declaration of `anneal`."""

from collections.abc import Sequence

from ladle.dsl.signature import REQUIRED, Fault, Number, Operands, Operator, Option, Role, Sort, Typed, Typing
from ladle.dsl.types import Dimension, Share

SHARE = Number(low=0, high=1, open_low=True, dimensions=(Dimension.PERCENT,))


def same_type(typing: Typing) -> Typed:
    """Return the first operand's type; the shares of the others leave room for it."""
    weights = typing.options.get("weights")
    given = weights if isinstance(weights, Sequence) and not isinstance(weights, str) else ()
    total = sum(weight.fraction for weight in given if isinstance(weight, Share))
    if total > 1 + 1e-9:
        help = "what is left to 100 % is the mixture itself"
        return (Fault("E287", f"the shares of `anneal` sum to {total * 100:g} %", help),)
    return typing.operands[0]


OPERATOR = Operator(
    name="anneal",
    role=Role.TRANSFORM,
    version=1,
    text="the rows of a mixture, with other corpora taking shares of them towards the end of the training",
    operands=Operands((Sort.CORPUS,), variadic=True, minimum=2, weighted="others", weight_type=SHARE),
    options=(Option("last", SHARE, REQUIRED, "how much of the training, at its end"),),
    typed=same_type,
    checked_only=True,
)
