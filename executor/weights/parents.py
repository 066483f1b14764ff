"""The models of a merge as they lie on disk. In: inputs of a step. Out: headers, tensors, and whether they fit."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

from ladle.dsl.graph import Json
from ladle.dsl.types import differing
from ladle.executor.adapter import Adapter, misfit, sitting
from ladle.executor.headers import HostileHeader, Tensor, folder_tensors
from ladle.executor.model_settings import degrees, function, listed
from ladle.executor.models.folder import (
    adapted,
    adapter,
    model_folder,
    read_config,
    read_json,
    refuse_pickles,
    tokenizer_folder,
)
from ladle.executor.models.template import GENERATION, vocabulary
from ladle.executor.quoting import short
from ladle.executor.task import Given, StepError
from ladle.executor.weights.modules import module_path
from ladle.executor.weights.reading import DTYPES
from ladle.executor.weights.rearranged import called_embedding, is_embedding

_ONE_SHAPE: Final = "models of one shape merge"
_SAME_CONFIGURATION: Final = ("architectures", "model_type", "num_hidden_layers")


@dataclass(frozen=True, slots=True)
class Parent:
    """A model of a merge: `headers` by tensor name. Weights are read through `adapted.leaf`, never kept."""

    name: str
    folder: Path
    """Holds configuration and weights."""
    tokenizer: Path
    """Holds the tokenizer and the chat template."""
    headers: Mapping[str, Tensor]
    configuration: Mapping[str, Json]
    vocabulary: Mapping[str, int]
    """Token to id, or empty where there is no `tokenizer.json`."""
    adapters: tuple[Adapter, ...] = ()
    """What is folded into the weights as they are read."""

    @property
    def called(self) -> str:
        """What a message calls it."""
        return f"`{self.name}`"

    @property
    def lies(self) -> str:
        """Where its weights are: a folder, and those of its adapters."""
        return "\n".join(str(folder) for folder in (self.folder, *(each.folder for each in self.adapters)))

    @property
    def rows(self) -> int:
        """Number of tokens that it has embeddings for, as configuration and weights say; 0 where these differ."""
        said = self.configuration.get("vocab_size")
        shapes = (header.shape for name, header in self.headers.items() if called_embedding(name))
        return next((shape[0] for shape in shapes if shape[:1] == (said,)), 0)

    def embeddings(self) -> tuple[str, ...]:
        """Return the names of the tensors that hold a row for each token."""
        return tuple(name for name, header in self.headers.items() if is_embedding(name, header.shape, self.rows))

    def strays(self) -> tuple[str, ...]:
        """Return the names of what is called an embedding of tokens, and has not a row for each."""
        return tuple(name for name in self.headers if called_embedding(name) and name not in self.embeddings())

    @property
    def layers(self) -> int:
        """Number of layers: what the configuration says, or else what the names of the tensors do."""
        number = self.configuration.get("num_hidden_layers")
        if isinstance(number, int) and not isinstance(number, bool) and number > 0:
            return number
        return max((module_path(name)[1] for name in self.headers), default=-1) + 1 or 1


def parent(given: Given, work: Path) -> Parent:
    """Return the model of an input; `work` takes its tokenizer where the recipe put a template on it.

    Raises StepError for a folder that is no model, or whose weight files break their format.
    """
    below = adapted(given)
    return _stored(given, work) if below is None else _with_adapter(parent(below, work), given, work)


def _with_adapter(model: Parent, given: Given, work: Path) -> Parent:
    found = adapter(given)
    if wrong := misfit(found.type, {name: header.shape for name, header in model.headers.items()}):
        raise StepError(
            f"the adapter `{found.name}` does not fit: `{model.name}` {wrong}",
            sitting(wrong),
        )
    tokenizer = tokenizer_folder(given, work)
    _prove_generation(tokenizer, found.name)
    words = vocabulary(tokenizer) if (tokenizer / "tokenizer.json").is_file() else {}
    if words and model.vocabulary and words != model.vocabulary:
        raise StepError(f"the adapter `{found.name}` has a tokenizer of another vocabulary than `{model.name}`")
    adapters = (*model.adapters, found)
    return replace(model, name=found.name, tokenizer=tokenizer, vocabulary=words, adapters=adapters)


def _stored(given: Given, work: Path) -> Parent:
    folder = model_folder(given)
    refuse_pickles(folder)
    name = given.path.name if given.path else given.role
    try:
        headers = folder_tensors(folder)
    except HostileHeader as error:
        raise StepError(f"the weights of `{name}` are refused: {error}", "get the file again from its source") from None
    except OSError as error:
        why = (error.strerror or str(error)).lower()
        raise StepError(f"the weights of `{name}` cannot be read: {why}", "a merge reads safetensors files") from None
    tokenizer = tokenizer_folder(given, work)
    for place in (folder, tokenizer):
        _prove_generation(place, name)
    words = vocabulary(tokenizer) if (tokenizer / "tokenizer.json").is_file() else {}
    return Parent(name, folder, tokenizer, headers, read_config(folder), words)


def _prove_generation(folder: Path, name: str) -> None:
    """Raise StepError for a generation configuration that is none: that of the result is a copy of one."""
    if (folder / GENERATION).is_file():
        read_json(folder / GENERATION, name)


def agree(parents: Sequence[Parent]) -> None:
    """Raise StepError unless all parents have one architecture, vocabulary, and the same tensors in name and shape."""
    fit(parents)
    first = parents[0]
    for other in parents[1:]:
        for tensor in first.embeddings():
            _same(f"the shape of `{tensor}`", first, first.headers[tensor].shape, other, other.headers[tensor].shape)
        if first.vocabulary and other.vocabulary and first.vocabulary != other.vocabulary:
            token = _first_difference(first.vocabulary, other.vocabulary)
            shown = short(repr(token))
            raise StepError(
                f"`{first.name}` and `{other.name}` have different vocabularies: {shown} has not the same id in both",
                "models merge only over one vocabulary",
            )


def fit(parents: Sequence[Parent]) -> None:
    """Raise StepError unless all parents have one architecture, and the same tensors in name and shape.

    How many rows embeddings have, and which token each is of, is no part of that: `vocabularies.arrange` says.
    """
    first = parents[0]
    for tensor, header in first.headers.items():
        if header.dtype not in DTYPES:
            raise StepError(f"`{tensor}` of `{first.name}` holds {header.dtype}, which cannot be merged")
    for other in parents[1:]:
        for key in _SAME_CONFIGURATION:
            _same(f"`{key}`", first, first.configuration.get(key), other, other.configuration.get(key))
        for name, here, there in differing(function(first.configuration), function(other.configuration)):
            raise StepError(f"`{name}` is {here} in `{first.name}` and {there} in `{other.name}`", _ONE_SHAPE)
        for tensor in sorted(first.headers.keys() | other.headers.keys()):
            _same_tensor(tensor, first, other)


def damaged(tensor: str, model: str) -> StepError:
    """Return the error for a tensor that holds NaN or infinity: a merge would spread them, or hide them."""
    return StepError(
        f"`{tensor}` of `{model}` holds values that are not finite numbers",
        "the model is damaged, or its training diverged",
    )


def apart(parents: Sequence[Parent]) -> Iterator[str]:
    """Yield what of parents that fit deserves a look: what differs (the result has the first one's), what is lost."""
    yield from narrowed(parents)
    yield from unlike(parents)


def narrowed(parents: Sequence[Parent]) -> Iterator[str]:
    """Yield which parents hold more than float32 can."""
    for each in parents:
        if wide := next((name for name, header in each.headers.items() if header.dtype == "F64"), ""):
            yield f"`{each.name}` holds float64 (`{wide}` and perhaps others), and merges compute in float32"


def unlike(parents: Sequence[Parent], so: str = "whose configuration the result has") -> Iterator[str]:
    """Yield in what settings that deserve a look parents differ from the first; `so` says what that one's are to be."""
    first = parents[0]
    for other in parents[1:]:
        if found := listed(differing(degrees(first.configuration), degrees(other.configuration))):
            yield f"`{other.name}` has {found} as `{first.name}`, {so}"


def _first_difference(a: Mapping[str, int], b: Mapping[str, int]) -> str:
    return min((token for token in a.keys() | b.keys() if a.get(token) != b.get(token)), key=lambda t: (a.get(t, 0), t))


def _same_tensor(tensor: str, first: Parent, other: Parent) -> None:
    for one, two in ((first, other), (other, first)):
        if tensor not in one.headers:
            raise StepError(f"`{tensor}` is in `{two.name}` but not in `{one.name}`", _ONE_SHAPE)
    if other.headers[tensor].dtype not in DTYPES:
        raise StepError(f"`{tensor}` of `{other.name}` holds {other.headers[tensor].dtype}, which cannot be merged")
    shapes = [each.headers[tensor].shape for each in (first, other)]
    if all(is_embedding(tensor, each.headers[tensor].shape, each.rows) for each in (first, other)):
        shapes = [shape[1:] for shape in shapes]
    _same(f"the shape of `{tensor}`", first, shapes[0], other, shapes[1])


def _same(what: str, first: Parent, a: object, other: Parent, b: object) -> None:
    # A key that one configuration leaves to its default says nothing against the other.
    if a is not None and b is not None and a != b:
        raise StepError(f"{what} is {a!r} in `{first.name}` and {b!r} in `{other.name}`", _ONE_SHAPE)
