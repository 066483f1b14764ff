"""Text without what a scan or a converter left in it. Out: the declaration of `clean`."""

from ladle.dsl.signature import Operands, Operator, Role, Sort
from ladle.dsl.types import CorpusKind

OPERATOR = Operator(
    name="clean",
    role=Role.TRANSFORM,
    version=1,
    text="mend text: one form of each character (NFC), no control characters, words parted at line ends joined, runs "
    "of spaces and empty lines made one; a row that is empty then is left out",
    operands=Operands((Sort.CORPUS,), minimum=1, kinds=(CorpusKind.TEXT,)),
    program="ladle.executor.corpus.clean",
)
