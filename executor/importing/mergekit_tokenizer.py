"""mergekit's `tokenizer_source` and `tokenizer` as an option. In: a document, its models. Out: a merge's option."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from ladle.dsl.suggest import did_you_mean, nearest, sentences
from ladle.dsl.vocabularies import FIRST, TOKENIZER, UNION
from ladle.executor.importing.draft import ModelRef
from ladle.executor.importing.fields import Fields
from ladle.executor.importing.ledger import Sort
from ladle.executor.importing.sources import Source
from ladle.executor.quoting import short

BASE: Final = "base"
"""What mergekit calls the tokenizer of the `base_model`."""
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
    wanted = base if word == BASE else ModelRef(word)
    if wanted is None and merged:
        wanted = merged[0]
    if merged and wanted == merged[0]:
        return [(TOKENIZER, FIRST)]
    if wanted is not None and wanted in (*merged, base):
        return [(TOKENIZER, wanted)]
    merged_too = (model.name for model in (*merged, base) if model is not None)
    _unmet(place, key, word, did_you_mean(nearest(word, (UNION, BASE, *dict.fromkeys(merged_too)))))
    return []


def _unmet(place: Fields, key: str, word: str, hint: str) -> None:
    """Report a word that is no model, and note a model that is none of the merge's."""
    if hint and "/" not in word and not (place.ledger.root / word).exists():
        place.problem("E611", key, f"`{short(word)}` is no model of the merge, whose tokenizer it could have", hint)
        return
    reason = "a merge has the tokenizer of one of its models: `tokenizer = first`, `union` or one of them"
    place.lost(key, sentences((reason, hint)))
