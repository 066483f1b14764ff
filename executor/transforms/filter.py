"""Rows within bounds. Out: the declaration of `filter`."""

from ladle.dsl.signature import Fault, Number, Operator, Option, Role, Typed, Typing
from ladle.executor.transform import ONE

BOUNDS = ("min_words", "max_words", "min_chars", "max_chars")
COUNT = Number(low=1, integer=True)


def same_type(typing: Typing) -> Typed:
    """Return the operand's type; a filter without a bound, or with crossed ones, keeps all or nothing."""
    if all(typing.options.get(name) is None for name in BOUNDS):
        return (Fault("E281", "`filter` is given no bound, so it keeps every row", f"set one of {', '.join(BOUNDS)}"),)
    for low, high in ((BOUNDS[0], BOUNDS[1]), (BOUNDS[2], BOUNDS[3])):
        least, most = typing.options.get(low), typing.options.get(high)
        if isinstance(least, int) and isinstance(most, int) and least > most:
            return (
                Fault("E281", f"`{low}` is above `{high}`: no row is kept", "raise the one or lower the other", low),
            )
    return typing.operands[0]


OPERATOR = Operator(
    name="filter",
    role=Role.TRANSFORM,
    version=1,
    text="keep the rows within bounds; a row of several texts (messages, or prompt and answers) counts them all",
    operands=ONE,
    options=(
        Option("min_words", COUNT, None, "words of a row at least; words are parted by white space"),
        Option("max_words", COUNT, None, "words of a row at most"),
        Option("min_chars", COUNT, None, "characters of a row at least"),
        Option("max_chars", COUNT, None, "characters of a row at most"),
    ),
    typed=same_type,
    program="ladle.executor.corpus.filter",
)
