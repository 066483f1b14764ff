"""A tokenizer trained on corpora. Out: the declaration of `bpe`; its vocabulary is known by what it is made from."""

from ladle.dsl.signature import REQUIRED, Number, Operator, Option, Reference, Role, Sort, Typed, Typing
from ladle.dsl.types import MADE, UNKNOWN, ModelType
from ladle.executor.source import CHOICES, built_in


def vocabulary_type(typing: Typing) -> Typed:
    """Return vocabulary, its size and the template handed over."""
    name, size = typing.options.get("template"), typing.options["vocab"]
    return ModelType(
        vocabulary=f"{MADE}{typing.identity}" if typing.identity else UNKNOWN,
        template=built_in(name) if isinstance(name, str) else None,
        shape=(("vocab", size),) if isinstance(size, int) else UNKNOWN,
    )


OPERATOR = Operator(
    name="bpe",
    role=Role.TOKENIZER,
    version=1,
    text="a byte-level BPE tokenizer trained on corpora; it reserves an end, a pad and the template's control tokens",
    options=(
        Option("corpora", Reference(Sort.CORPUS, many=True), REQUIRED, "one corpus or a list of them", positional=True),
        Option(
            "vocab",
            Number(low=260, high=2**24, integer=True),
            REQUIRED,
            "size of the vocabulary, control tokens included",
        ),
        Option(
            "template",
            CHOICES,
            None,
            "the chat template whose control tokens are reserved; given by the model's source",
        ),
    ),
    engines=("tokenizers", "transformers"),
    typed=vocabulary_type,
    program="ladle.executor.models.bpe",
)
