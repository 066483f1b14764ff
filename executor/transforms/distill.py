"""Rows that a teacher writes. Out: the declaration of `distill`, and the kind of corpus that it makes."""

from ladle.dsl.signature import (
    REQUIRED,
    Fault,
    Number,
    OneOf,
    Operator,
    Option,
    Reference,
    Role,
    Sort,
    Text,
    Typed,
    Typing,
    Word,
)
from ladle.dsl.types import CorpusKind, CorpusType
from ladle.executor.transform import ONE


def made_type(typing: Typing) -> Typed:
    """Return the kind that `to` asks for; the file of the prompt must be there."""
    faults = tuple(each for each in typing.facts.files(str(typing.options["prompt"])) if isinstance(each, Fault))
    if faults:
        return tuple(Fault(each.code, each.message, each.help, "prompt") for each in faults)
    return CorpusType(CorpusKind(str(typing.options["to"])))


OPERATOR = Operator(
    name="distill",
    role=Role.TRANSFORM,
    version=1,
    text="what a teacher writes about each row, asked with a prompt",
    operands=ONE,
    options=(
        Option("by", OneOf((Reference(Sort.TEACHER), Reference(Sort.MODEL))), REQUIRED, "who is asked"),
        Option("prompt", Text(path=True), REQUIRED, "the file of the prompt, relative to the project's root"),
        Option("to", Word(("text", "chat", "preference")), "text", "the kind of row that an answer becomes"),
        Option("sets", Number(low=1, integer=True), 1, "answers for each row"),
        Option("seed", Number(low=0, high=2**32 - 1, integer=True), 42, "what answers are drawn from"),
    ),
    typed=made_type,
    checked_only=True,
)
