"""Corpora in one. Out: the declaration of `mix`."""

from collections.abc import Sequence

from ladle.dsl.signature import Fault, Number, OneOf, Operands, Operator, Option, Role, Sort, Typed, Typing
from ladle.dsl.types import CorpusType, Dimension, Share, Value
from ladle.executor.transform import SEED

WEIGHT = OneOf((
    Number(low=0, high=1, open_low=True, dimensions=(Dimension.PERCENT,)),
    Number(low=0, open_low=True),
))  # fmt: skip
COUNT = Number(low=1, integer=True)


def mixed_type(typing: Typing) -> Typed:
    """Return the operands' type, or what is wrong with the weights: passes or shares, never both, shares of 100 %."""
    weights = typing.options.get("weights")
    weights = weights if isinstance(weights, Sequence) and not isinstance(weights, str) else ()
    shares = [weight.fraction for weight in weights if isinstance(weight, Share)]
    sized = [name for name in ("rows", "bytes") if typing.options.get(name) is not None]
    if shares and len(shares) < len(weights):
        return (
            Fault("E282", "`mix` is given both passes and shares", "write numbers (passes) or percentages (shares)"),
        )
    if shares and abs(sum(shares) - 1) > 1e-9:
        left = 1 - sum(shares[:-1])
        help = "shares sum to 100 %" + (f": the last would be `{left * 100:g}%`" if left > 0 else "")
        return (Fault("E282", f"the shares of `mix` sum to {sum(shares) * 100:g} %", help),)
    if sized and weights and not shares:
        message = f"`{sized[0]}` sets the size of shares, and passes have their own"
        return (Fault("E282", message, "write percentages, or leave it out", sized[0]),)
    if len(sized) == 2:
        return (Fault("E282", "`mix` is given both `rows` and `bytes`", "keep one of them", "bytes"),)
    return _mixed(typing, weights)


def _mixed(typing: Typing, weights: Sequence[Value]) -> Typed:
    """The first operand's type, with what is known of a row that the result has: one of an operand taken whole."""
    first = typing.operands[0]
    for operand, weight in zip(typing.operands, weights, strict=False):
        whole = isinstance(weight, int | float) and weight >= 1
        if whole and isinstance(operand, CorpusType) and isinstance(first, CorpusType) and operand.unanswered:
            return CorpusType(first.kind, operand.unanswered)
    return CorpusType(first.kind) if isinstance(first, CorpusType) else first


OPERATOR = Operator(
    name="mix",
    role=Role.TRANSFORM,
    version=1,
    text="corpora in one, in a random order: by passes (`2` twice, `0.1` a random tenth) or by shares of the result "
    "that sum to 100 %; shares count rows, for text bytes",
    operands=Operands((Sort.CORPUS,), variadic=True, minimum=1, weighted="must", weight_type=WEIGHT, ordered=False),
    options=(
        Option("rows", COUNT, None, "rows of the result, with shares; none: as many as there are with no row repeated"),
        Option(
            "bytes",
            Number(low=1, integer=True, dimensions=(Dimension.BYTES,)),
            None,
            "bytes of the result, with shares; none: as many as there are with no row repeated",
        ),
        SEED,
    ),
    typed=mixed_type,
    keeps_rows=True,
    program="ladle.executor.corpus.mix",
)
