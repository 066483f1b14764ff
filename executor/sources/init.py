"""A model with random weights. Out: the declaration of `init`, and its full type by arithmetic."""

from ladle.dsl.signature import (
    REQUIRED,
    Fault,
    Flag,
    Made,
    Number,
    Operator,
    Option,
    Role,
    Typed,
    Typing,
    Word,
)
from ladle.dsl.types import UNKNOWN, ModelType, Unknown
from ladle.executor.source import CHOICES, built_in

COUNT = Number(low=1, integer=True)


def model_type(typing: Typing) -> Typed:
    """Return architecture, shape, vocabulary, template and parameter count, or which sizes do not fit each other."""
    sizes = {key: _size(typing, key) for key in ("hidden", "layers", "heads", "intermediate")}
    sizes["kv_heads"] = _size(typing, "kv_heads") or sizes["heads"]
    if faults := _faults(sizes):
        return faults
    arch, name = str(typing.options["arch"]), typing.options.get("template")
    tokenizer = next((t for t in typing.references.get("tokenizer", ()) if isinstance(t, ModelType)), ModelType())
    shape: tuple[tuple[str, int], ...] | Unknown = UNKNOWN
    parameters: int | Unknown = UNKNOWN
    if not isinstance(tokenizer.shape, Unknown):
        sizes |= {"vocab": dict(tokenizer.shape)["vocab"], "tied": typing.options["tied"] is True}
        shape, parameters = tuple(sorted(sizes.items())), count(arch, sizes)
    return ModelType(
        architecture=arch,
        shape=shape,
        vocabulary=tokenizer.vocabulary,
        template=built_in(name) if isinstance(name, str) else None,
        parameters=parameters,
    )


def count(arch: str, sizes: dict[str, int]) -> int:
    """Return the number of parameters of a decoder with gated MLP, RMS norms and, for qwen2, biases of q, k and v."""
    hidden, kv = sizes["hidden"], sizes["hidden"] // sizes["heads"] * sizes["kv_heads"]
    attention = 2 * hidden * hidden + 2 * hidden * kv + (hidden + 2 * kv if arch == "qwen2" else 0)
    layer = attention + 3 * hidden * sizes["intermediate"] + 2 * hidden
    return sizes["vocab"] * hidden * (2 - sizes["tied"]) + sizes["layers"] * layer + hidden


def _size(typing: Typing, key: str) -> int:
    value = typing.options.get(key)
    return value if isinstance(value, int) else 0


def _faults(sizes: dict[str, int]) -> tuple[Fault, ...]:
    hidden, heads, kv = sizes["hidden"], sizes["heads"], sizes["kv_heads"]
    if hidden % heads or hidden // heads % 2:
        return (
            Fault(
                "E280",
                f"{heads} heads do not divide `hidden = {hidden}` into equal parts of even size",
                "each head takes hidden / heads elements, an even number, since positions turn them in pairs",
                "heads",
            ),
        )
    if heads % kv:
        message = f"{kv} key-value heads cannot be shared by {heads} heads"
        return (Fault("E280", message, "`kv_heads` divides `heads`", "kv_heads"),)
    return ()


OPERATOR = Operator(
    name="init",
    role=Role.MODEL_SOURCE,
    version=1,
    text="a new model with random weights",
    options=(
        Option("arch", Word(("llama", "mistral", "qwen2")), "llama", "the architecture", field="model_type"),
        Option("hidden", COUNT, REQUIRED, "width of the model", field="hidden_size"),
        Option("layers", COUNT, REQUIRED, "layers", field="num_hidden_layers"),
        Option("heads", COUNT, REQUIRED, "attention heads", field="num_attention_heads"),
        Option("kv_heads", COUNT, None, "key-value heads; none: as many as heads", field="num_key_value_heads"),
        Option("intermediate", COUNT, REQUIRED, "width of the MLP", field="intermediate_size"),
        Option("tied", Flag(), False, "input and output embeddings are one", field="tie_word_embeddings"),
        Option(
            "context", Number(low=2, integer=True), 2048, "longest sequence it reads", field="max_position_embeddings"
        ),
        Option("tokenizer", Made(Role.TOKENIZER), REQUIRED, "its tokenizer, such as `bpe([web], vocab = 1536)`"),
        Option(
            "template",
            CHOICES,
            None,
            "its chat template; none: it has none",
            field="chat_template",
            hands_to="tokenizer",
        ),
        Option("precision", Word(("fp32", "bf16")), "fp32", "what its weights are held in", field="dtype"),
        Option("seed", Number(low=0, high=2**32 - 1, integer=True), 42, "what its weights are drawn from"),
    ),
    engines=("numpy", "torch", "transformers"),
    typed=model_type,
    program="ladle.executor.models.init",
)
