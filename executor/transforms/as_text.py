"""A corpus as plain text. Out: the declaration of `as_text`."""

from ladle.dsl.signature import Operands, Operator, Role, Sort, Typed, Typing
from ladle.dsl.types import CorpusKind, CorpusType


def text_type(typing: Typing) -> Typed:
    """Return the type of plain text."""
    return CorpusType(CorpusKind.TEXT)


OPERATOR = Operator(
    name="as_text",
    role=Role.TRANSFORM,
    version=1,
    text="turn rows of messages, preferences, prompts or questions into plain text: what they say, one empty line "
    "apart; of a preference the chosen side",
    operands=Operands(
        (Sort.CORPUS,),
        minimum=1,
        kinds=(CorpusKind.CHAT, CorpusKind.PREFERENCE, CorpusKind.LABELLED, CorpusKind.PROMPT),
    ),
    typed=text_type,
    program="ladle.executor.corpus.as_text",
)
