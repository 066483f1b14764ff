"""A mixture of experts from models of one shape. Out: `moe`, typed.

Formula:

    feed-forward of a token = sum of the softmax of g_i x over the experts_per_token largest, times expert i (x)

Attention, embeddings and norms are the base's; each expert gives its feed-forward layers, and a row g_i for it in the
gate of each layer is made from prompts that say what it is for. Nothing is trained.

Source: mergekit, `mergekit-moe`; Mixtral (arXiv 2401.04088).

When to use it: where models of one base are good at different things, and memory for all of them is at hand.

Example:

    model m = moe(cpt(base), instruct, base = base, experts_per_token = 1,
                  positive_prompts = each(["a paper on silk"], ["a question", "an answer"]))
"""

from __future__ import annotations

from ladle.dsl.frozen import replace
from ladle.dsl.signature import (
    REQUIRED,
    Fault,
    Number,
    Operands,
    Operator,
    Option,
    Reference,
    Role,
    Sort,
    Texts,
    Typed,
    Typing,
    Word,
)
from ladle.dsl.types import UNKNOWN, ModelType, Unknown

MIXTURES = {"llama": "mixtral", "mistral": "mixtral", "qwen3": "qwen3_moe"}
"""The architecture of the mixture by that of its models."""
RANDOM = "random"

OPTIONS = (
    Option(
        "base",
        Reference(Sort.MODEL),
        REQUIRED,
        "the model that gives attention, embeddings and norms",
        field="base_model",
    ),
    Option(
        "gate_mode",
        Word(("hidden", "hidden_avg", "cheap_embed", RANDOM)),
        "hidden",
        "what a gate is made from: the base's states for the last token of the prompts, the mean over all their "
        "tokens, their embeddings, or nothing",
        field="gate_mode",
    ),
    Option(
        "experts_per_token",
        Number(low=1, high=1024, integer=True),
        2,
        "how many experts work on a token",
        field="experts_per_token",
    ),
    Option(
        "positive_prompts",
        Texts(),
        None,
        'what each expert is for, `each(["a proof"], ["a poem", "a song"])`; none needs random gates',
        field="positive_prompts",
        each=True,
    ),
    Option(
        "negative_prompts",
        Texts(),
        None,
        "what each expert is not for",
        field="negative_prompts",
        each=True,
    ),
    Option("seed", Number(low=0, high=2**32 - 1, integer=True), 42, "what random gates are drawn from"),
)


def mixture_type(typing: Typing) -> Typed:
    """Return the base's type as a mixture, or why there is none."""
    first, options = typing.operands[0], typing.options
    assert isinstance(first, ModelType)
    experts, prompts = len(typing.operands), options["positive_prompts"]
    if not isinstance(first.architecture, Unknown) and first.architecture not in MIXTURES:
        message = f"`{first.architecture}` has no mixture of experts that `moe` can make"
        return (Fault("E632", message, f"it can of {', '.join(MIXTURES)}"),)
    if biased := [name for name, _, _ in _known(first) if name.endswith(".bias")]:
        message = f"these models have biases, such as `{biased[0]}`, and mergekit's mixtures have none"
        return (Fault("E632", message, "it would drop them"),)
    per_token = options["experts_per_token"]
    if isinstance(per_token, int) and per_token > experts:
        message = f"{per_token} experts are to work on a token, and there are {experts}"
        return (Fault("E632", message, "lower `experts_per_token`, or name more experts", "experts_per_token"),)
    if options["gate_mode"] != RANDOM:
        if prompts is None:
            help = 'write `positive_prompts = each(["..."], ["..."])`, or `gate_mode = random`'
            return (Fault("E632", "each expert needs prompts that say what it is for", help, "gate_mode"),)
        if experts > 1 and isinstance(prompts, tuple) and len(set(map(str, prompts))) == 1:
            message = "the prompts of all experts are the same, so that no gate could tell them apart"
            return (Fault("E632", message, "say what each expert is for", "positive_prompts"),)
    elif prompts is not None or options["negative_prompts"] is not None:
        name = "positive_prompts" if prompts is not None else "negative_prompts"
        return (Fault("E632", f"random gates do not use `{name}`", "leave it out, or choose a `gate_mode`", name),)
    return _mixture(first, experts)


def _known(model: ModelType) -> tuple[tuple[str, str, tuple[int, ...]], ...]:
    return () if isinstance(model.tensors, Unknown) else model.tensors


def _mixture(first: ModelType, experts: int) -> ModelType:
    known = first.architecture
    shape = first.shape
    if not isinstance(shape, Unknown):
        shape = tuple(sorted({**dict(shape), "experts": experts}.items()))
    architecture = UNKNOWN if isinstance(known, Unknown) else MIXTURES[known]
    return replace(first, architecture=architecture, shape=shape, parameters=UNKNOWN, tensors=UNKNOWN)


OPERATOR = Operator(
    name="moe",
    role=Role.MERGE,
    version=1,
    text="a mixture of experts: the feed-forward layers of models behind gates, the rest of a base",
    operands=Operands((Sort.MODEL,), variadic=True, minimum=2),
    options=OPTIONS,
    engines=("mergekit", "torch", "transformers"),
    whole=True,
    typed=mixture_type,
    program="ladle.executor.mergekit.moe",
)
