"""What a document of mergekit says of its result. In: its keys. Out: precision, names and seed, and notes."""

from __future__ import annotations

from typing import Final

from ladle.dsl.signature import Operator
from ladle.executor.catalog import vocabulary
from ladle.executor.importing.fields import Fields
from ladle.executor.importing.ledger import Sort
from ladle.executor.importing.spelling import option, takes

PRECISIONS: Final = {"bfloat16": "bf16", "float16": "fp16", "float32": "fp32"}
ROUND: Final = "round"
SEED: Final = "seed"
RANDOM_SEED: Final = "random_seed"
MORE: Final = {
    "chat_template": (Sort.LOST, "the template is that of the model whose tokenizer it is: `template =` at its source"),
    "write_model_card": (Sort.MACHINE, "a card is written when a model is published"),
}


def rounded(fields: Fields, intermediate: bool, whose: str = "its first operand") -> str:
    """Return the precision that mergekit rounds a result to, where the recipe should say it; else that is noted."""
    key = "out_dtype" if "out_dtype" in fields else "dtype"
    word = fields.text(key)
    if word is None:
        return ""
    if key == "dtype" and word == "float32":
        where = "within another merge it stays float32; as a result it" if intermediate else "the result"
        reason = f"{where} is rounded to the precision of {whose}, and mergekit's is float32"
        fields.assumed(key, f"{reason}: `round(..., fp32)` says so")
        return ""
    round = vocabulary().get(ROUND)
    precision = option(round, "precision") if round else None
    said = PRECISIONS.get(word, word)
    if precision is not None and takes(precision.type, said):
        return said
    last = f"the result has the precision of {whose}"
    fields.lost(key, "nested merges here are rounded once, at the end" if intermediate else last)
    return ""


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
