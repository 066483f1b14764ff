"""The text of PDF files. Out: the declaration of `pdf`."""

from ladle.dsl.signature import REQUIRED, Fault, Operator, Option, Role, Text, Typed, Typing
from ladle.dsl.types import CorpusKind, CorpusType


def text_type(typing: Typing) -> Typed:
    """Return the type of plain text, or that no file is there."""
    faults = tuple(each for each in typing.facts.files(str(typing.options["path"])) if isinstance(each, Fault))
    return faults or CorpusType(CorpusKind.TEXT)


OPERATOR = Operator(
    name="pdf",
    role=Role.CORPUS_SOURCE,
    version=1,
    text="the text of PDF files, one row a file, in the order of their paths",
    options=(
        Option("path", Text(path=True), REQUIRED, "path or glob, relative to the project's root", positional=True),
    ),
    typed=text_type,
    pattern="path",
    checked_only=True,
)
