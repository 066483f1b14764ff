"""What a document of mergekit says of its result. In: its keys. Out: precision, names and seed, and notes."""

from __future__ import annotations

from typing import Final

from ladle.dsl.signature import Operator
from ladle.dsl.suggest import did_you_mean, listing, nearest
from ladle.executor.importing.fields import Fields
from ladle.executor.importing.ledger import Sort
from ladle.executor.importing.spelling import option, takes
from ladle.executor.quoting import short

PRECISIONS: Final = {"bfloat16": "bf16", "float16": "fp16", "float32": "fp32"}
_OTHERS: Final = ("float64", "int64")
"""What mergekit could write too."""
SEED: Final = "seed"
RANDOM_SEED: Final = "random_seed"
MORE: Final = {
    "chat_template": (Sort.LOST, "the template is that of the model whose tokenizer it is: `template =` at its source"),
    "write_model_card": (Sort.MACHINE, "a card is written when a model is published"),
}


def rounded(fields: Fields) -> str:
    """Return the precision that mergekit writes a result in, "" where the document says none.

    `dtype` is that of computing, and of what is written where no `out_dtype` says otherwise.
    """
    key = "out_dtype" if "out_dtype" in fields else "dtype"
    word = spoken(fields, key)
    if word in _OTHERS:
        fields.lost(key, f"results here are {listing(PRECISIONS, last='or')}; it has the precision of a model")
    return PRECISIONS.get(word, "")


def spoken(fields: Fields, key: str) -> str:
    """Return a precision as torch calls it, "" for none, and for one that nothing is called by, which is reported."""
    word = (fields.text(key) or "").removeprefix("torch.")
    if word and word not in (*PRECISIONS, *_OTHERS):
        help = did_you_mean(nearest(word, PRECISIONS)) or f"there are {listing(PRECISIONS)}"
        fields.problem("E611", key, f"mergekit knows no precision `{short(word)}`", help)
        return ""
    return word


def outputs(fields: Fields) -> tuple[str, ...]:
    """Return what other documents call the result."""
    return tuple(text for key in ("name", "out_path") if (text := fields.text(key)))


def seed(fields: Fields, operator: Operator) -> list[tuple[str, str]]:
    """Return the seed that a file names; mergekit itself reads it from its command line alone."""
    if RANDOM_SEED not in fields:
        return []
    known = option(operator, SEED)
    number = fields.whole(RANDOM_SEED)
    if known is None:
        fields.agrees(RANDOM_SEED, f"`{operator.name}` draws nothing at random")
    elif number is not None and not takes(known.type, number):
        fields.problem(
            "E611", RANDOM_SEED, f"`{RANDOM_SEED}` cannot be {number} here", "a seed is between 0 and 2^32 - 1"
        )
    elif number is not None:
        reason = f"it is `{SEED}` here; mergekit takes it as `--random-seed`, and passes over it in a file"
        fields.assumed(RANDOM_SEED, reason)
        return [(SEED, str(number))]
    return []
