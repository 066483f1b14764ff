"""Long texts in parts. Out: the declaration of `chunk`."""

from ladle.dsl.signature import REQUIRED, Number, Operands, Operator, Option, Role, Sort
from ladle.dsl.types import CorpusKind

OPERATOR = Operator(
    name="chunk",
    role=Role.TRANSFORM,
    version=1,
    text="cut each text into parts, where a paragraph or else a sentence ends, or where there is no end within bounds",
    operands=Operands((Sort.CORPUS,), minimum=1, kinds=(CorpusKind.TEXT,)),
    options=(Option("words", Number(low=1, integer=True), REQUIRED, "words of a part at most"),),
    program="ladle.executor.corpus.chunk",
)
