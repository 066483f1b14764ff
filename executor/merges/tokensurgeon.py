"""A model with the tokenizer of another. Out: `tokensurgeon`, typed.

Formula:

    row of a token that both have = the model's row for it
    row of another (omp) = sum over k shared tokens of c_i times the model's row; the c_i make the donor's row best

`method` names other ways to make a row. A tied head stays tied.

Source: mergekit, `mergekit-tokensurgeon`; orthogonal matching pursuit (arXiv 2506.06607).

When to use it: before training on, or as a draft model for another that has the donor's tokens.

Example:

    model other = init(arch = llama, hidden = 64, layers = 4, heads = 4, intermediate = 128, tied = true,
                       tokenizer = bpe(papers, vocab = 300), template = chatml)
    model m = tokensurgeon(instruct, donor = other, k = 16)
"""

from ladle.dsl.frozen import replace
from ladle.dsl.signature import (
    REQUIRED,
    Flag,
    Number,
    Operands,
    Operator,
    Option,
    Reference,
    Role,
    Sort,
    Typed,
    Typing,
    Word,
)
from ladle.dsl.types import UNKNOWN, ModelType

METHODS = (
    "omp",
    "common_interpolation",
    "subword",
    "mean",
    "zero",
    "randn",
    "john_hewitt",
    "landmark_pca",
    "mp_rope",
)
"""Those of mergekit 0.1.5; its `stb` always fails."""


def transplanted_type(typing: Typing) -> Typed:
    """Return the first operand's type with vocabulary and template of the donor; how many rows that is a step sees."""
    model, donor = typing.operands[0], typing.references["donor"][0]
    assert isinstance(model, ModelType)
    assert isinstance(donor, ModelType)
    return replace(
        model,
        shape=UNKNOWN,
        vocabulary=donor.vocabulary,
        template=donor.template,
        parameters=UNKNOWN,
        tensors=UNKNOWN,
        pad_is_end=donor.pad_is_end,
    )


OPERATOR = Operator(
    name="tokensurgeon",
    role=Role.MERGE,
    version=1,
    text="a model with the tokenizer and template of another, embeddings made to fit",
    operands=Operands((Sort.MODEL,), minimum=1),
    options=(
        Option("donor", Reference(Sort.MODEL), REQUIRED, "the model that gives tokenizer and template", field="donor"),
        Option(
            "method",
            Word(METHODS),
            "omp",
            "how a token that the model lacks gets its embedding",
            field="--approximation-method",
        ),
        Option(
            "k",
            Number(low=1, high=65536, integer=True),
            64,
            "how many shared tokens stand for one that is lacking",
            field="-k",
        ),
        Option(
            "prefix_match",
            Flag(),
            False,
            "a token that is lacking gets the embedding of the longest token that it begins with",
            field="--prefix-match",
        ),
        Option(
            "byte_match",
            Flag(),
            False,
            "a token of one byte gets the embedding of the character, and the other way round",
            field="--byte-match",
        ),
        Option("seed", Number(low=0, high=2**32 - 1, integer=True), 42, "what random embeddings are drawn from"),
    ),
    engines=("mergekit", "torch", "transformers"),
    whole=True,
    agree=False,
    tokenizer_from="donor",
    typed=transplanted_type,
    program="ladle.executor.mergekit.tokensurgeon",
)
