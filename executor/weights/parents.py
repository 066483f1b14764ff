"""The models of a merge as they lie on disk. In: model folders. Out: tensor headers, tensors, and whether they fit."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Protocol, cast

import torch
from ladle.dsl.graph import Json
from ladle.executor.task import StepError
from safetensors import SafetensorError, safe_open

DTYPES: Final[Mapping[str, torch.dtype]] = {
    "F16": torch.float16,
    "BF16": torch.bfloat16,
    "F32": torch.float32,
    "F64": torch.float64,
}
"""The element types that can be merged, by their name in a safetensors header."""

_SAME_CONFIGURATION: Final = (
    "architectures",
    "model_type",
    "num_hidden_layers",
    "num_attention_heads",
    "num_key_value_heads",
    "head_dim",
    "tie_word_embeddings",
)


@dataclass(frozen=True, slots=True)
class Header:
    """One tensor of a model: element type, shape and the file (a name within the folder) it lies in."""

    dtype: str
    shape: tuple[int, ...]
    file: str


@dataclass(frozen=True, slots=True)
class Parent:
    """A model folder: `headers` by tensor name. Weights are read through `Reader`, never kept."""

    name: str
    folder: Path
    headers: Mapping[str, Header]
    configuration: Mapping[str, Json]
    vocabulary: Mapping[str, int]
    """Token to id, or empty where the folder has no `tokenizer.json`."""

    @property
    def layers(self) -> int:
        """Number of layers."""
        number = self.configuration.get("num_hidden_layers")
        return number if isinstance(number, int) else 1


def parent(name: str, folder: Path) -> Parent:
    """Read configuration, headers and vocabulary of a model folder. Raises StepError where something is unreadable."""
    configuration = _json(folder / "config.json", name)
    files = sorted(folder.glob("*.safetensors"))
    if not files:
        raise StepError(f"`{name}` has no safetensors weights", "a merge reads `*.safetensors` in the model's folder")
    headers: dict[str, Header] = {}
    for file in _indexed(folder, files, name):
        with _opened(file, name) as weights:
            for tensor in weights.keys():  # noqa: SIM118 (a file, not a mapping)
                part = weights.get_slice(tensor)
                headers[tensor] = Header(part.get_dtype(), tuple(part.get_shape()), file.name)
    return Parent(name, folder, headers, configuration, _vocabulary(folder, name))


def agree(parents: Sequence[Parent]) -> None:
    """Raise StepError unless all parents have one architecture, vocabulary, and the same tensors in name and shape."""
    first = parents[0]
    for tensor, header in first.headers.items():
        if header.dtype not in DTYPES:
            raise StepError(f"`{tensor}` of `{first.name}` holds {header.dtype}, which cannot be merged")
    for other in parents[1:]:
        for key in _SAME_CONFIGURATION:
            _same(f"`{key}`", first, first.configuration.get(key), other, other.configuration.get(key))
        for tensor in sorted(first.headers.keys() | other.headers.keys()):
            _same_tensor(tensor, first, other)
        if first.vocabulary and other.vocabulary and first.vocabulary != other.vocabulary:
            token = _first_difference(first.vocabulary, other.vocabulary)
            raise StepError(
                f"`{first.name}` and `{other.name}` have different vocabularies: {token!r} has not the same id in both",
                "models merge only over one vocabulary",
            )


class Weights(Protocol):
    """An open safetensors file."""

    def keys(self) -> list[str]:
        """Return the names of its tensors."""

    def get_slice(self, name: str) -> _Slice:
        """Return a tensor's header, without its elements."""

    def get_tensor(self, name: str) -> torch.Tensor:
        """Return a tensor."""

    def __enter__(self) -> Weights: ...
    def __exit__(self, *error: object) -> None: ...


class _Slice(Protocol):
    def get_dtype(self) -> str: ...
    def get_shape(self) -> list[int]: ...


class Reader:
    """Reads tensors of parents in float32; files stay open (mapped) until it is closed, and no longer.

    So a parent rewritten in place between two merges of one process is read anew.
    """

    def __init__(self) -> None:
        self._stack = ExitStack()
        self._open: dict[Path, Weights] = {}

    def __enter__(self) -> Reader:
        return self

    def __exit__(self, *error: object) -> None:
        self._stack.close()

    def read(self, parent: Parent, tensor: str) -> torch.Tensor:
        """Return `tensor` of `parent` in float32, exact for every type but F64."""
        path = parent.folder / parent.headers[tensor].file
        if path not in self._open:
            self._open[path] = self._stack.enter_context(_opened(path, parent.name))
        return self._open[path].get_tensor(tensor).to(torch.float32)


def _opened(path: Path, name: str) -> Weights:
    try:
        return cast(Weights, safe_open(str(path), framework="pt", device="cpu"))
    except (SafetensorError, OSError) as error:
        raise StepError(
            f"`{path.name}` of `{name}` cannot be read: {error}", "the file is damaged or cut off"
        ) from None


def _indexed(folder: Path, files: list[Path], name: str) -> list[Path]:
    """Return the files that hold the model: those of the index where there is one, so that no stale shard is read."""
    index = folder / "model.safetensors.index.json"
    if not index.exists():
        single = folder / "model.safetensors"
        return [single] if single.exists() else files
    listed = _json(index, name).get("weight_map")
    wanted = set(listed.values()) if isinstance(listed, dict) else set()
    for file in wanted:
        if not isinstance(file, str) or Path(file).name != file or not (folder / file).is_file():
            raise StepError(f"the index of `{name}` names `{file}`, which is not a file of its folder")
    return sorted(folder / file for file in wanted if isinstance(file, str))


def _json(path: Path, name: str) -> dict[str, Json]:
    try:
        value = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise StepError(f"`{path.name}` of `{name}` cannot be read: {error}") from None
    if not isinstance(value, dict):
        raise StepError(f"`{path.name}` of `{name}` is not a JSON object")
    return value


def _vocabulary(folder: Path, name: str) -> Mapping[str, int]:
    path = folder / "tokenizer.json"
    if not path.exists():
        return {}
    table = _json(path, name)
    model = table.get("model")
    listed = model.get("vocab") if isinstance(model, dict) else None
    tokens: dict[str, int] = {}
    if isinstance(listed, dict):
        tokens.update((token, number) for token, number in listed.items() if isinstance(number, int))
    elif isinstance(listed, list):
        tokens.update((str(pair[0]), i) for i, pair in enumerate(listed) if isinstance(pair, list) and pair)
    added = table.get("added_tokens")
    for entry in added if isinstance(added, list) else []:
        if isinstance(entry, dict) and isinstance(entry.get("id"), int):
            tokens[str(entry.get("content"))] = cast(int, entry["id"])
    return tokens


def _first_difference(a: Mapping[str, int], b: Mapping[str, int]) -> str:
    return min((token for token in a.keys() | b.keys() if a.get(token) != b.get(token)), key=lambda t: (a.get(t, 0), t))


def _same_tensor(tensor: str, first: Parent, other: Parent) -> None:
    for one, two in ((first, other), (other, first)):
        if tensor not in one.headers:
            raise StepError(f"`{tensor}` is in `{two.name}` but not in `{one.name}`", "models of one shape merge")
    if other.headers[tensor].dtype not in DTYPES:
        raise StepError(f"`{tensor}` of `{other.name}` holds {other.headers[tensor].dtype}, which cannot be merged")
    _same(f"the shape of `{tensor}`", first, first.headers[tensor].shape, other, other.headers[tensor].shape)


def _same(what: str, first: Parent, a: object, other: Parent, b: object) -> None:
    # A key that one configuration leaves to its default says nothing against the other.
    if a is not None and b is not None and a != b:
        raise StepError(f"{what} is {a} in `{first.name}` and {b} in `{other.name}`", "models of one shape merge")
