"""Model folders that nobody vouches for. In: a folder of the project. Out: the type of its model, or what is wrong.

No weight is read, nothing of the folder is run: configuration, tokenizer files and headers are data.
"""

from __future__ import annotations

import re
from collections.abc import Container, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from ladle.dsl.graph import Json, digest
from ladle.dsl.signature import Fault
from ladle.dsl.types import UNKNOWN, ModelType, Unknown
from ladle.executor.console import typed
from ladle.executor.expected_tensors import misfit
from ladle.executor.headers import INDEX, SINGLE, HostileHeader, Tensor, folder_tensors
from ladle.executor.model_settings import degrees, function
from ladle.executor.stranger_json import LARGEST, LARGEST_CONFIGURATION, Unread, bounded, parsed
from ladle.executor.task import StepError
from ladle.executor.templates import template_identity

PICKLES = (".bin", ".pt", ".pth", ".ckpt")
"""Endings of files that torch pickles."""
TOKENIZER = "tokenizer.json"
GENERATION = "generation_config.json"

_ARCHITECTURE = re.compile(r"[\w.-]{1,60}\Z")

SIZES = {
    "hidden": "hidden_size",
    "layers": "num_hidden_layers",
    "heads": "num_attention_heads",
    "intermediate": "intermediate_size",
    "vocab": "vocab_size",
}
"""Sizes of a shape, and what configurations call them."""


class BadFolder(Exception):
    """What is wrong with a model folder."""

    def __init__(self, code: str, message: str, help: str) -> None:
        super().__init__(message)
        self.fault = Fault(code, message, help)


@contextmanager
def as_step_error() -> Iterator[None]:
    """Raise what is wrong with a model folder as the StepError that says it."""
    try:
        yield
    except BadFolder as bad:
        raise StepError(bad.fault.message, bad.fault.help) from None


def model_type(folder: Path, name: str, files: tuple[Path, ...]) -> ModelType | tuple[Fault, ...]:
    """Return the type of the model in `folder`, which recipes call `name` and which consists of `files`."""
    try:
        config = json_object(folder / "config.json", name)
        no_code(folder, name, config)
        _no_pickle(folder, name)
        tensors = folder_tensors(folder)
        _fitting(config, tensors, name)
        if (folder / GENERATION).is_file():
            json_object(folder / GENERATION, name)  # it is copied as it is
        return ModelType(
            architecture=architecture(config, name),
            shape=shape(config, tensors),
            vocabulary=vocabulary_identity(folder, name),
            template=_template(folder, name),
            pad_is_end=pad_is_end(folder, name),
            untokenized="" if (folder / TOKENIZER).is_file() else f"`{name}` has no `{TOKENIZER}`",
            parameters=sum(tensor.elements for tensor in tensors.values()),
            tensors=tuple((key, tensor.dtype, tensor.shape) for key, tensor in tensors.items()),
            function=function(config),
            settings=degrees(config),
        )
    except BadFolder as bad:
        return (bad.fault,)
    except HostileHeader as error:
        return (Fault("E411", f"the weights of `{name}` are refused: {error}", "get the file again from its source"),)
    except OSError as error:
        why = (error.strerror or str(error)).lower()
        return (Fault("E410", f"`{name}` cannot be read: {why}", "check the folder and its permissions"),)


def architecture(config: Mapping[str, Json], name: str) -> str:
    """Return `model_type` of a configuration. Raises BadFolder."""
    found = config.get("model_type")
    if not isinstance(found, str) or not _ARCHITECTURE.match(found):
        raise BadFolder("E410", f"`{name}/config.json` names no `model_type`", "save the model with transformers")
    return found


def _fitting(config: Mapping[str, Json], tensors: Mapping[str, Tensor], name: str) -> None:
    if wrong := misfit(config, tensors):
        help = "they and `config.json` belong to different models, or a file is missing"
        raise BadFolder("E410", f"the weights of `{name}` {wrong}", help)


def shape(config: Mapping[str, Json], tensors: Container[str]) -> tuple[tuple[str, int], ...] | Unknown:
    """Return the sizes by name, unknown for a configuration that does not speak of sizes as decoders of today do."""
    sizes = {key: config.get(field) for key, field in SIZES.items()}
    sizes["kv_heads"] = config.get("num_key_value_heads", sizes["heads"])
    sizes["tied"] = "lm_head.weight" not in tensors
    found = {key: size for key, size in sizes.items() if isinstance(size, int)}
    return tuple(sorted(found.items())) if len(found) == len(sizes) else UNKNOWN


def vocabulary_identity(folder: Path, name: str) -> str | Unknown:
    """Return the identity of the token-to-id table: model and added tokens of the fast tokenizer."""
    if not (folder / TOKENIZER).is_file():
        return UNKNOWN
    tokenizer = json_object(folder / TOKENIZER, name)
    model, added = tokenizer.get("model"), tokenizer.get("added_tokens", [])
    vocab = model.get("vocab") if isinstance(model, dict) else None
    if not vocab:
        return UNKNOWN
    try:
        return digest([vocab, [[item.get("id"), item.get("content")] for item in _objects(added)]])[:32]
    except (ValueError, RecursionError):  # a number that is none, half of a surrogate pair
        message = f"the vocabulary in `{name}/tokenizer.json` holds what is no token or no number"
        raise BadFolder("E410", message, "get the file again") from None


def tokenizer_identity(folder: Path, name: str) -> tuple[str | Unknown | None, str | Unknown | None, bool | Unknown]:
    """Return vocabulary, template and whether pad is end of a tokenizer that may not be there. Raises BadFolder."""
    if not (folder / "tokenizer.json").is_file():
        return None, UNKNOWN, UNKNOWN
    return vocabulary_identity(folder, name), _template(folder, name), pad_is_end(folder, name)


def template_text(folder: Path, name: str) -> str | None:
    """Return the chat template of the tokenizer in `folder`, None where it has none. Raises BadFolder."""
    file = folder / "chat_template.jinja"
    if file.is_file():
        return _speakable(_text(file, name), name)
    if not (folder / "tokenizer_config.json").is_file():
        return None
    found = json_object(folder / "tokenizer_config.json", name).get("chat_template")
    if isinstance(found, str):
        return _speakable(found, name)
    if not all(isinstance(item.get("name"), str) for item in _objects(found)):
        message = f"the chat templates in `{name}/tokenizer_config.json` are no names and templates"
        raise BadFolder("E410", message, "get the file again")
    defaults = [item.get("template") for item in _objects(found) if item.get("name") == "default"]
    default = defaults[-1] if defaults else None
    return _speakable(default, name) if isinstance(default, str) else None


def pad_is_end(folder: Path, name: str) -> bool | Unknown:
    """Say whether pad and end are one token; unknown where the tokenizer's configuration does not name both."""
    if not (folder / "tokenizer_config.json").is_file():
        return UNKNOWN
    settings = json_object(folder / "tokenizer_config.json", name)
    pad, end = (_token(settings.get(key)) for key in ("pad_token", "eos_token"))
    return pad == end if pad and end else UNKNOWN


def _token(value: Json) -> str:
    """A token as written: its text, or an object with its `content`."""
    found = value.get("content") if isinstance(value, dict) else value
    return found if isinstance(found, str) else ""


def _template(folder: Path, name: str) -> str | None:
    found = template_text(folder, name)
    return None if found is None else template_identity(found)


def _speakable(template: str, name: str) -> str:
    try:
        template.encode()
    except UnicodeEncodeError:
        message = f"the chat template in `{name}/tokenizer_config.json` holds half of a surrogate pair"
        raise BadFolder("E410", message, "get the file again") from None
    return template


def no_code(folder: Path, name: str, config: Mapping[str, Json]) -> None:
    """Refuse a configuration or tokenizer that asks for code. Raises BadFolder."""
    tokenizer = folder / "tokenizer_config.json"
    asked = "auto_map" in config or (tokenizer.is_file() and "auto_map" in json_object(tokenizer, name))
    if asked:
        message = f"`{name}` asks for code of its own (`auto_map`), which is never run"
        raise BadFolder("E412", message, "use an architecture that transformers itself has")


def pickled(folder: Path) -> str:
    """Return the first pickle of a folder that has no safetensors, "" where there is none."""
    if (folder / SINGLE).is_file() or (folder / INDEX).is_file():
        return ""
    return next((path.name for path in sorted(folder.iterdir()) if path.suffix in PICKLES), "")


def converting(folder: Path) -> str:
    """Return the help that says how pickled weights become safetensors."""
    return f"convert them in a process of its own: `ladle convert {typed(folder)}`"


def _no_pickle(folder: Path, name: str) -> None:
    if file := pickled(folder):
        message = f"the weights of `{name}` are pickles (`{file}`), which can run code when they are read"
        raise BadFolder("E413", message, converting(Path(name)))
    if not (folder / SINGLE).is_file() and not (folder / INDEX).is_file():
        message = f"`{name}` has no weights: no `{SINGLE}` and no `{INDEX}`"
        help = "save the model with transformers; where its weights are on another machine, run `ladle lock` there"
        raise BadFolder("E410", message, help)


def json_object(path: Path, name: str) -> dict[str, Json]:
    """Return the JSON object of a file. Raises BadFolder."""
    try:
        value = parsed(_bytes(path, name))
    except Unread as error:
        raise BadFolder("E410", f"`{name}/{path.name}` {error}", "get the file again") from None
    except ValueError as error:
        raise BadFolder("E410", f"`{name}/{path.name}` holds no JSON: {error}", "get the file again") from None
    if not isinstance(value, dict):
        raise BadFolder("E410", f"`{name}/{path.name}` holds no JSON object", "get the file again")
    return value


def _text(path: Path, name: str) -> str:
    try:
        return _bytes(path, name).decode("utf-8")
    except UnicodeDecodeError:
        raise BadFolder("E410", f"`{name}/{path.name}` is not UTF-8", "get the file again") from None


def _bytes(path: Path, name: str) -> bytes:
    if not path.is_file():
        raise BadFolder("E410", f"`{name}` has no `{path.name}`", "a model folder is what transformers saves")
    most = LARGEST if path.name == TOKENIZER else LARGEST_CONFIGURATION
    try:
        return bounded(path, most)
    except Unread as error:
        raise BadFolder("E410", f"`{name}/{path.name}` {error}", "get the file again") from None


def _objects(value: Json) -> list[dict[str, Json]]:
    return [item for item in value if isinstance(item, dict)] if isinstance(value, list) else []
