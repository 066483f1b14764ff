"""A random choice of rows. Out: the declaration of `sample`."""

from ladle.dsl.signature import Fault, Number, Operator, Option, Role, Typed, Typing
from ladle.dsl.types import Dimension
from ladle.executor.transform import ONE, SEED


def same_type(typing: Typing) -> Typed:
    """Return the operand's type; exactly one of `rows` and `share` says how much is kept."""
    if (typing.options.get("rows") is None) == (typing.options.get("share") is None):
        return (
            Fault("E281", "`sample` takes one of `rows` and `share`", "`sample(rows = 100)` or `sample(share = 10%)`"),
        )
    return typing.operands[0]


OPERATOR = Operator(
    name="sample",
    role=Role.TRANSFORM,
    version=1,
    text="keep a random choice of rows, in their order",
    operands=ONE,
    options=(
        Option("rows", Number(low=1, integer=True), None, "how many rows; all where there are fewer"),
        Option(
            "share",
            Number(low=0, high=1, open_low=True, dimensions=(Dimension.PERCENT,)),
            None,
            "how much of the rows, rounded to whole rows",
        ),
        SEED,
    ),
    typed=same_type,
    program="ladle.executor.corpus.sample",
)
