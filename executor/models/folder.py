"""Model folders of steps. In: an input of a step. Out: where its configuration, weights and tokenizer lie.

A model is a plain transformers folder, with three exceptions that only this module knows. A `hub` artifact holds a
manifest and the tokenizer; its weights stay in the hub's cache. A `local` folder may have a chat template put on by the
recipe. And it may be an adapter, a change of another input. No weights are loaded here.
"""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from importlib import import_module
from pathlib import Path
from typing import Final

from ladle.dsl.graph import Json
from ladle.executor.adapter import Adapter, is_adapter, read_adapter
from ladle.executor.console import from_here
from ladle.executor.model_folder import BadFolder, as_step_error, converting, json_object, pickled
from ladle.executor.models.source import MANIFEST
from ladle.executor.models.template import GENERATION, put_on
from ladle.executor.task import Given, StepError

TOKENIZER_FILES: Final = (
    "added_tokens.json",
    "chat_template.jinja",
    "chat_template.json",
    "generation_config.json",
    "merges.txt",
    "sentencepiece.bpe.model",
    "special_tokens_map.json",
    "spiece.model",
    "tokenizer.json",
    "tokenizer.model",
    "tokenizer_config.json",
    "vocab.json",
    "vocab.txt",
)
"""What a tokenizer may consist of, and what ends a generated text. Copied byte for byte: no stage changes it."""


def adapted(given: Given) -> Given | None:
    """Return the model that an adapter sits on, None for an input that is no adapter. Raises StepError without one."""
    folder = _folder(given)
    if not is_adapter(folder):
        return None
    found = next((item for item in given.inputs if item.role == "from"), None)
    if found is None:
        help = f'write `local("{folder.name}", from = MODEL)`'
        raise StepError(f"`{folder.name}` is an adapter, which is no model without another", help)
    return found


def adapter(given: Given) -> Adapter:
    """Return the adapter of an input. Raises StepError for one that is not computed here, or is damaged."""
    folder = _folder(given)
    try:
        return read_adapter(folder, folder.name)
    except BadFolder as bad:
        raise StepError(bad.fault.message, bad.fault.help) from None
    except OSError as error:
        raise StepError(f"`{folder.name}` cannot be read: {(error.strerror or str(error)).lower()}") from None


def configuration_folder(given: Given) -> Path:
    """Return the folder of a model's configuration: of an adapter that of the model it sits on."""
    below = adapted(given)
    return model_folder(given) if below is None else configuration_folder(below)


def model_folder(given: Given) -> Path:
    """Return the folder of a model's configuration and weights.

    Raises StepError where there is none: where the input is an adapter, whose value no folder holds.
    """
    folder = _folder(given)
    if is_adapter(folder):
        help = "give it a merge, or `round(MODEL, bf16)`, which writes the model with the adapter in it"
        raise StepError(f"`{folder.name}` is an adapter, and a whole model is needed here", help)
    return _snapshot(folder) if (folder / MANIFEST).is_file() else folder


def _snapshot(folder: Path) -> Path:
    """Return the files of a hub model. The hub's library, a tenth of a merge's start, is loaded where there is one."""
    found: Path = import_module("ladle.executor.models.cache").snapshot_folder(folder)
    return found


def refuse_pickles(folder: Path) -> None:
    """Raise StepError for a folder of weights that are pickles, with the command that converts them."""
    if file := pickled(folder):
        message = f"the weights of `{folder.name}` are pickles (`{file}`), which can run code when they are read"
        raise StepError(message, converting(Path(from_here(folder))))


def tokenizer_folder(given: Given, work: Path) -> Path:
    """Return the folder of a model's tokenizer and chat template; a copy below `work` where a template was put on.

    Raises StepError where the model has no tokenizer or lacks the template's control tokens.
    """
    folder, below = _folder(given), adapted(given)
    if below is not None and not (folder / "tokenizer.json").is_file():
        folder = tokenizer_folder(below, work)
    if given.operator != "local" or (given.options.get("template") is None and not _donor(given)):
        return folder
    copied = work / f"tokenizer-{given.fingerprint[:16]}"
    shutil.rmtree(copied, ignore_errors=True)
    copied.mkdir(parents=True)
    copy_tokenizer(folder, copied)
    if below is not None and not (copied / GENERATION).is_file():
        copy_generation(configuration_folder(below), copied)
    donor = _donor(given)
    put_on(copied, given.options.get("template"), None if donor is None else tokenizer_folder(donor, work))
    return copied


def copy_tokenizer(source: Path, output: Path) -> None:
    """Copy the tokenizer files of `source`, byte for byte, links followed (a hub cache consists of links)."""
    for name in TOKENIZER_FILES:
        if (source / name).is_file():
            shutil.copyfile(source / name, output / name)


def copy_generation(source: Path, output: Path) -> None:
    """Copy what says how texts end, where it is there."""
    if (source / GENERATION).is_file():
        shutil.copyfile(source / GENERATION, output / GENERATION)


def read_config(folder: Path) -> Mapping[str, Json]:
    """Return `config.json`. Raises StepError if it is missing, is no JSON object, or asks for code of its own."""
    config = read_json(folder / "config.json", folder.name)
    if "auto_map" in config:
        raise StepError(
            f"the model `{folder.name}` asks for code of its own (`auto_map`)",
            "only architectures that transformers itself implements are run",
        )
    return config


def read_json(path: Path, name: str) -> Mapping[str, Json]:
    """Return the JSON object of a file of a model that is called `name`. Raises StepError."""
    try:
        with as_step_error():
            return json_object(path, name)
    except OSError as error:
        why = (error.strerror or str(error)).lower()
        raise StepError(f"`{name}/{path.name}` cannot be read: {why}", "check the file and its permissions") from None


def precision_of(folder: Path) -> str:
    """Return `bf16` or `fp32`: the precision of the weights as `config.json` states it (float16 counts as bf16)."""
    config = read_config(folder)
    stated = str(config.get("dtype", config.get("torch_dtype", "float32")))
    return "bf16" if stated.removeprefix("torch.") in ("bfloat16", "float16") else "fp32"


def _folder(given: Given) -> Path:
    if given.path is None or not given.path.is_dir():
        raise StepError(f"the input `{given.role}` has no folder", "run the step that makes it first")
    return given.path


def _donor(given: Given) -> Given | None:
    return next((item for item in given.inputs if item.role == "template"), None)
