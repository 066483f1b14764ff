"""Whose vocabulary a merge has. In: its option `tokenizer`, its models' types. Out: the result's type and source."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, Final

from ladle.dsl.frozen import replace
from ladle.dsl.signature import Role
from ladle.dsl.types import MADE, UNKNOWN, CorpusType, ModelType, Unknown, one_vocabulary

if TYPE_CHECKING:
    from ladle.dsl.computation import Computation
    from ladle.dsl.program import Term

TOKENIZER: Final = "tokenizer"
"""The option of a merge that says whose vocabulary and template its result has: a word, or one of its models."""
FIRST: Final = "first"
UNION: Final = "union"
ROWS: Final = "vocab"
"""The size of a shape that says how many tokens a model has embeddings for."""

Shape = tuple[tuple[str, int], ...]


def merged_type(type: ModelType | CorpusType, merge: Computation) -> ModelType | CorpusType:
    """Return the type of a merge that is of `type` but for its tokens.

    The vocabulary of a union is known by what it is made from, its size by nobody, where its models' differ.
    """
    models = [each.type for each in merge.inputs]
    if not isinstance(type, ModelType):
        return type
    for named in merge.references.get(TOKENIZER, ()):
        return _with_tokens_of(type, named.type) if isinstance(named.type, ModelType) else type
    if merge.options.get(TOKENIZER) != UNION or _one(type, models):
        return type
    shape = type.shape if isinstance(type.shape, Unknown) else _sized(type.shape, UNKNOWN)
    found = dict.fromkeys(model.vocabulary for model in models if isinstance(model, ModelType))
    united = tuple(each for each in found if isinstance(each, str)) if isinstance(type.vocabulary, str) else ()
    made = f"{MADE}{merge.key}"
    return replace(type, vocabulary=made, united=united, shape=shape, parameters=UNKNOWN, tensors=UNKNOWN)


def merged(inputs: Iterable[tuple[str, Term]]) -> Iterator[Term]:
    """Yield what a merge computes with: whose tokenizer it has is none of that."""
    return (term for role, term in inputs if role != TOKENIZER)


def origin(type: ModelType | CorpusType, made: Computation) -> Term | None:
    """Return the source that a model has its tokenizer and template from, None where it brings or makes its own."""
    for giver in made.references.get(made.operator.tokenizer_from, ()):
        return giver.source
    if not made.operands or made.operator.role is Role.MODEL_SOURCE:
        return None
    if named := made.references.get(TOKENIZER, ()):
        return named[0].source
    first = made.operands[0]
    if isinstance(type, ModelType) and isinstance(first.type, ModelType) and type.vocabulary != first.type.vocabulary:
        return None
    return first.source


def _one(found: ModelType, models: Iterable[ModelType | CorpusType]) -> bool:
    """Say whether all models are known to have one vocabulary and one number of embeddings."""
    known = [model for model in models if isinstance(model, ModelType)]
    return all(
        one_vocabulary(found.vocabulary, model.vocabulary) is True and model.shape == found.shape for model in known
    )


def _with_tokens_of(found: ModelType, named: ModelType) -> ModelType:
    """The first operand's type with vocabulary, template and number of embeddings of the model that is named."""
    tensors: tuple[tuple[str, str, tuple[int, ...]], ...] | Unknown = UNKNOWN
    if not isinstance(found.tensors, Unknown) and not isinstance(named.tensors, Unknown):
        shapes = {name: shape for name, _, shape in named.tensors}
        tensors = tuple((name, dtype, shapes.get(name, shape)) for name, dtype, shape in found.tensors)
    return replace(
        found,
        vocabulary=named.vocabulary,
        united=named.united,
        template=named.template,
        pad_is_end=named.pad_is_end,
        untokenized=named.untokenized,
        shape=named.shape if isinstance(found.shape, Unknown) else _sized(found.shape, named.shape),
        parameters=named.parameters,
        tensors=tensors,
    )


def _sized(shape: Shape, named: Shape | Unknown) -> Shape:
    """A shape with the number of embeddings of another, none where that is unknown."""
    rows = () if isinstance(named, Unknown) else tuple(pair for pair in named if pair[0] == ROWS)
    return tuple(sorted((*(pair for pair in shape if pair[0] != ROWS), *rows)))
