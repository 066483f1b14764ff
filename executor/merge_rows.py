"""What merges that run their models over rows share. In: nothing. Out: their options, and a rule on corpora."""

from __future__ import annotations

from ladle.dsl.signature import REQUIRED, Fault, Number, Option, Reference, Sort, Typed, Typing
from ladle.dsl.types import CorpusKind

ENGINES = ("torch", "transformers")

ON = Option(
    "on",
    Reference(Sort.CORPUS, (CorpusKind.TEXT,), many=True),
    REQUIRED,
    "text that the models are run over: a list with a corpus for each operand, in their order, or one for all",
)
ROWS = Option("rows", Number(low=1, integer=True), 256, "rows of each corpus, drawn at random")
CONTEXT = Option("context", Number(low=2, integer=True), 512, "tokens per sequence; longer rows are cut into several")
SEED = Option("seed", Number(low=0, high=2**32 - 1, integer=True), 42, "what the rows are drawn from")
OPTIONS = (ON, ROWS, CONTEXT, SEED)


def one_each(typing: Typing) -> Typed:
    """Return the first operand's type; there is one corpus, or one for each operand."""
    corpora, models = len(typing.references.get("on", ())), len(typing.operands)
    if corpora not in (1, models):
        message = f"`on` names {corpora} corpora, and there are {models} models"
        return (Fault("E243", message, "a corpus for each model, in their order, or one for all", "on"),)
    return typing.operands[0]
