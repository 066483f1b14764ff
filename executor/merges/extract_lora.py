"""An adapter of low rank from the difference of two models. Out: the declaration of `extract_lora`.

Formula, for a linear layer W of the model and W0 of the base, where W - W0 = U S V' in singular values:

    B A = U_r S_r V_r',  the nearest to W - W0 of all products of rank r

Of the values the `rank` largest are kept, and of these those above `sv_epsilon`. Embeddings, head and norms are as
their options say. The result is no model, and cannot be merged, trained or scored: it is a folder that peft loads onto
the base.

Source: mergekit 0.1.5, `mergekit-extract-lora`; LoRA (arXiv 2106.09685).

When to use it: to keep or hand on a trained model as a small file beside its base. A change that was trained in full
is rarely of low rank: what the rank leaves out is lost.

Example:

    model m = extract_lora(instruct, base = base, rank = 8)
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
