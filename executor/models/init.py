"""A model with random weights. In: a task with sizes, a seed and a tokenizer. Out: a transformers folder."""

from __future__ import annotations

from typing import Any

import torch
from ladle.executor.models.folder import copy_tokenizer
from ladle.executor.models.weights import PRECISIONS, SHARD_SIZE, load_tokenizer, quiet
from ladle.executor.random_streams import stream
from ladle.executor.task import Progress, StepError, Task
from ladle.executor.templates import BUILT_IN
from transformers import AutoConfig, AutoModelForCausalLM, GenerationConfig

DEVIATION = 0.02
"""Of the normal distribution that matrices are drawn from, as in Llama and GPT-2."""


def run(task: Task) -> None:
    """Write a model whose every weight is a function of the task's options alone.

    Each tensor has a stream of its own, named after it: neither threads nor the order of tensors change a byte.
    """
    quiet()
    folder = task.given("tokenizer").path
    if folder is None:
        raise StepError("the tokenizer has no folder", "run the step that makes it first")
    tokenizer = load_tokenizer(folder)
    config = configuration(task, tokenizer)
    with torch.device("meta"):
        model = AutoModelForCausalLM.from_config(config)
    model.to_empty(device="cpu")
    model.tie_weights()
    draw(model, int(str(task.options["seed"])))
    model.to(config.dtype)
    model.generation_config = GenerationConfig(
        eos_token_id=ends(task, tokenizer), pad_token_id=tokenizer.pad_token_id, use_cache=True
    )
    model.save_pretrained(task.output, max_shard_size=SHARD_SIZE)
    copy_tokenizer(folder, task.output)
    task.report(Progress(1, 1, "models"))


def configuration(task: Task, tokenizer: Any) -> Any:
    """Return the transformers configuration of the model."""
    option = task.options
    if fault := _misfit(task):
        raise StepError(fault, "change the sizes in the recipe, and `ladle compile`")
    precision = PRECISIONS[str(option["precision"])]
    config = AutoConfig.for_model(
        str(option["arch"]),
        vocab_size=len(tokenizer),
        hidden_size=option["hidden"],
        num_hidden_layers=option["layers"],
        num_attention_heads=option["heads"],
        num_key_value_heads=option["kv_heads"] or option["heads"],
        intermediate_size=option["intermediate"],
        max_position_embeddings=option["context"],
        tie_word_embeddings=option["tied"],
        initializer_range=DEVIATION,
        bos_token_id=None,
        eos_token_id=tokenizer.eos_token_id,
        pad_token_id=tokenizer.pad_token_id,
        attention_dropout=0.0,
        dtype=precision,
    )
    if hasattr(config, "sliding_window"):
        config.sliding_window = None
    return config


def _misfit(task: Task) -> str:
    """Checking refuses these sizes; a node file may be a stranger's."""
    hidden, heads = int(str(task.options["hidden"])), int(str(task.options["heads"]))
    shared = int(str(task.options["kv_heads"] or heads))
    if hidden % heads or hidden // heads % 2:
        return f"{heads} heads do not divide `hidden = {hidden}` into equal parts of even size"
    return f"{shared} key-value heads cannot be shared by {heads} heads" if heads % shared else ""


def ends(task: Task, tokenizer: Any) -> list[int]:
    """Return the tokens that end a generated text: the end of a document and, with a template, that of a turn."""
    name = task.options["template"]
    turn = [tokenizer.convert_tokens_to_ids(BUILT_IN[name].turn_end)] if isinstance(name, str) else []
    return [tokenizer.eos_token_id, *turn]


def draw(model: Any, seed: int) -> None:
    """Fill all weights: matrices normal with `DEVIATION`, biases 0, scales of norms 1."""
    with torch.no_grad():
        for name, weight in model.named_parameters():
            if weight.ndim > 1:
                normal = stream(seed, f"init/{name}").standard_normal(tuple(weight.shape), dtype="float32")
                weight.copy_(torch.from_numpy(normal)).mul_(DEVIATION)
            else:
                weight.fill_(0.0 if name.endswith("bias") else 1.0)
