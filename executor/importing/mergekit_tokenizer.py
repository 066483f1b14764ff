"""mergekit's `tokenizer_source` and `tokenizer` as an option. In: a document, its models. Out: a merge's option."""

from __future__ import annotations

from collections.abc import Sequence

from ladle.dsl.vocabularies import FIRST, TOKENIZER, UNION
from ladle.executor.importing.draft import ModelRef
from ladle.executor.importing.fields import Fields
from ladle.executor.importing.ledger import Sort
from ladle.executor.importing.sources import Source

Options = list[tuple[str, str | ModelRef]]

_REASONS = {
    "tokens": (
        Sort.LOST,
        "a token that a model lacks has the row of the base, or the mean of the others'",
    ),
    "pad_to_multiple_of": (Sort.LOST, "the result is padded as the model whose tokenizer it has"),
}


def tokenizer_option(fields: Fields, operands: Sequence[Source], base: ModelRef | None) -> Options:
    """Return the option `tokenizer` where a document says whose tokenizer the result has."""
    place, key = fields, "tokenizer_source"
    if "tokenizer" in fields:
        table = fields.fields("tokenizer")
        if table is None:
            return []
        place, key = table, "source"
    word = place.text(key)
    if place is not fields:
        place.rest(_REASONS)
    if word is None:
        return []
    merged = [source.model for source in operands]
    if word == UNION:
        place.assumed(key, "padded rows are kept, and mergekit leaves them out")
        return [(TOKENIZER, UNION)]
    wanted = base if word == "base" else ModelRef(word)
    if wanted is None and merged:
        wanted = merged[0]
    if merged and wanted == merged[0]:
        return [(TOKENIZER, FIRST)]
    if wanted is not None and wanted in (*merged, base):
        return [(TOKENIZER, wanted)]
    place.lost(key, "a merge has the tokenizer of one of its models: `tokenizer = first`, `union` or one of them")
    return []
