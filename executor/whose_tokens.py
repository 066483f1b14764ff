"""The option of merges that says whose tokens their result has. In: an operator. Out: the same with the option."""

from __future__ import annotations

from ladle.dsl.frozen import replace
from ladle.dsl.signature import OneOf, Operator, Option, Reference, Role, Sort, Word
from ladle.dsl.vocabularies import FIRST, TOKENIZER, UNION
from ladle.executor.merge import PROGRAM

WHOSE_TOKENS = Option(
    TOKENIZER,
    OneOf((Word((FIRST, UNION)), Reference(Sort.MODEL))),
    None,
    "whose vocabulary and template the result has, where the models' differ: `first`, `union` (the first's, and what "
    "the others have besides) or one of the models; none: they have one",
    field="tokenizer_source",
    late=True,
)


def with_whose_tokens(operator: Operator) -> Operator:
    """Return an operator with the option, where it is a merge of several models that the streaming engine computes."""
    takes = operator.operands
    several = takes.variadic or takes.family or len(takes.sorts) > 1
    if operator.role is not Role.MERGE or operator.program != PROGRAM or not several:
        return operator
    return replace(operator, options=(*operator.options, WHOSE_TOKENS))
