"""Models in memory. In: a model folder. Out: the model, its tokenizer, and a folder written from a trained model."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Final

import torch
from ladle.executor.disk import refusal
from ladle.executor.memory import starved
from ladle.executor.models.folder import adapted, configuration_folder, copy_tokenizer, read_config, refuse_pickles
from ladle.executor.task import Given, StepError
from ladle.executor.weights.adapted import leaf
from ladle.executor.weights.parents import parent
from ladle.executor.weights.reading import Files, matrix
from ladle.executor.weights.stream import cut
from safetensors import SafetensorError
from transformers import AutoConfig, AutoModelForCausalLM, AutoTokenizer, GenerationConfig
from transformers.utils import logging

PRECISIONS: Final = {"fp32": torch.float32, "bf16": torch.bfloat16}
SHARD_SIZE: Final = "5GB"
ROUND: Final = "write it with the adapter in it first: `round(MODEL, bf16)`"


def quiet() -> None:
    """Turn off the bars and hints of transformers: a step reports through its task."""
    logging.disable_progress_bar()
    logging.set_verbosity_error()


def load_model(folder: Path, dtype: torch.dtype, attention: str) -> Any:
    """Return the causal language model of `folder` with weights in `dtype`. No pickle, no remote code, no network.

    Raises StepError for weights that are not exactly the model's: transformers would draw missing ones at random and
    drop those it does not know.
    """
    quiet()
    refuse_pickles(folder)
    read_config(folder)
    try:
        model, found = AutoModelForCausalLM.from_pretrained(
            folder,
            dtype=dtype,
            attn_implementation=attention,
            local_files_only=True,
            trust_remote_code=False,
            use_safetensors=True,
            output_loading_info=True,
        )
    except Exception as error:  # a stranger's configuration makes transformers fail in every way there is
        raise _unloadable("the model", folder, error) from error
    for names, what in ((found["missing_keys"], "lack"), (found["unexpected_keys"], "hold what it has no place for:")):
        if names:
            raise StepError(
                f"the weights of `{folder.name}` {what} `{min(names)}`",
                "they and `config.json` belong to different models, or a file is missing",
            )
    return model


def load_given(given: Given, dtype: torch.dtype, attention: str) -> Any:
    """Return the model of an input as `load_model` does, its adapters folded into the weights in float32."""
    model = load_model(configuration_folder(given), dtype, attention)
    if adapted(given) is not None:
        fold(model, given)
    return model


def fold(model: Any, given: Given) -> None:
    """Give a loaded model the weights that its adapters make of them, rounded to its type once."""
    state = model.state_dict()
    with torch.no_grad(), Files() as files, TemporaryDirectory() as work:
        found = parent(given, Path(work))
        read = leaf(found, files).read
        for tensor in sorted({tensor for adapter in found.adapters for tensor in adapter.changes}):
            if tensor not in state or state[tensor].shape != found.headers[tensor].shape:
                raise StepError(f"the adapter `{found.name}` changes `{tensor}`, which is called otherwise here", ROUND)
            shape = found.headers[tensor].shape
            rows = state[tensor].view(matrix(shape))
            for part in cut(shape):
                rows[part.first : part.first + part.count] = read(tensor, part.first, part.count)
            if not torch.isfinite(rows).all():
                raise StepError(f"`{tensor}` with the adapter `{found.name}` in it holds values that are no numbers")
        files.unchanged()


def load_tokenizer(folder: Path) -> Any:
    """Return the fast tokenizer of `folder`, chat template included."""
    quiet()
    try:
        return AutoTokenizer.from_pretrained(folder, local_files_only=True, trust_remote_code=False, use_fast=True)
    except Exception as error:  # as with models
        raise _unloadable("the tokenizer of", folder, error) from error


def save_model(model: Any, dtype: torch.dtype, start: Path, tokenizer: Path, output: Path) -> None:
    """Write `model` in `dtype` to `output`, with the configurations of `start` and that tokenizer.

    The configurations are read again: a trainer changes those of the model it holds. Nothing of the run, the machine or
    a path is written.
    """
    quiet()
    config = AutoConfig.from_pretrained(start, local_files_only=True, trust_remote_code=False)
    config.architectures = [type(model).__name__]
    config.dtype = dtype
    model.to(device="cpu", dtype=dtype)
    model.config = config
    model.generation_config = GenerationConfig.from_model_config(config)
    with writing("the model"):
        model.save_pretrained(output, max_shard_size=SHARD_SIZE)
    # Published generation settings often break the rules by which transformers would save them: they are copied.
    for folder in (start, tokenizer):
        copy_tokenizer(folder, output)


@contextmanager
def writing(what: str) -> Iterator[None]:
    """Turn a disk's refusal, which the libraries wrap in exceptions of their own, into a StepError."""
    try:
        yield
    except OSError as error:
        raise refusal(f"writing {what}", error) from error
    except (RuntimeError, SafetensorError) as error:
        raise StepError(
            f"{what} cannot be written: {_first_line(error)}", "is the disk full? free some space and run again"
        ) from error


def _unloadable(what: str, folder: Path, error: Exception) -> Exception:
    if starved(error):
        return error
    reason = " ".join(str(error).split())[:200]
    if isinstance(error, LookupError | TypeError | AttributeError | ArithmeticError):
        reason = f"{type(error).__name__}: {reason}"
    if "ignore_mismatched_sizes" in reason:
        reason = "its weights have not the sizes that `config.json` says"
    help = "its files are not what this version of transformers reads"
    return StepError(f"{what} `{folder.name}` cannot be loaded: {reason}", help)


def _first_line(error: Exception) -> str:
    return str(error).strip().split("\n")[0]
