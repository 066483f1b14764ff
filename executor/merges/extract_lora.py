"""An adapter of low rank from the difference of two models. Out: the declaration of `extract_lora`.

For each linear layer W of the model and W0 of the base the best B A of the rank in W - W0, by singular values
(https://github.com/arcee-ai/mergekit, `mergekit-extract-lora`; LoRA, arXiv 2106.09685). The result is no model: it is
a folder that peft loads onto the base.
"""

from ladle.dsl.signature import REQUIRED, Number, Operands, Operator, Option, Reference, Role, Sort, Typed, Typing, Word
from ladle.dsl.types import ModelType


def adapter_type(typing: Typing) -> Typed:
    """Return a type of which nothing is known: an adapter is no model."""
    return ModelType()


OPERATOR = Operator(
    name="extract_lora",
    role=Role.ADAPTER,
    version=1,
    text="an adapter of low rank from the difference of a model and its base",
    operands=Operands((Sort.MODEL,), minimum=1),
    options=(
        Option("base", Reference(Sort.MODEL), REQUIRED, "the model that the adapter is for", field="--base-model"),
        Option(
            "rank",
            Number(low=1, high=65536, integer=True),
            128,
            "the most singular values that are kept of a layer's difference",
            field="--max-rank",
        ),
        Option(
            "sv_epsilon",
            Number(low=0),
            0.0,
            "singular values that are not above it are left out",
            field="--sv-epsilon",
        ),
        Option(
            "embeddings",
            Word(("full", "lora", "none")),
            "full",
            "embeddings and head: whole, of low rank too, or left as the base has them",
        ),
        Option("norms", Word(("full", "none")), "full", "scales of norms: whole, or left as the base has them"),
    ),
    engines=("mergekit", "torch", "transformers"),
    typed=adapter_type,
    program="ladle.executor.mergekit.extract_lora",
)
