"""Merges models. In: a task whose inputs are models or merges of models. Out: a model folder.

The arithmetic is mergekit's own, called tensor by tensor on float32 copies of the parents. A merge within a merge is
computed for the same tensor before it is used, so nothing is rounded in between and no whole model is ever in memory.
mergekit's loaders, filters and file writing are not used: they cache by path, ignore misspelt names and drop tensors.
Configuration, tokenizer, template and element types are those of the first operand.
"""

from __future__ import annotations

import itertools
import json
import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final, cast

import torch
from ladle.dsl.graph import Json
from ladle.executor.models.folder import copy_tokenizer
from ladle.executor.random_streams import stream_seed
from ladle.executor.task import Given, Progress, StepError, Task
from ladle.executor.weights import shards
from ladle.executor.weights.methods import MERGES, call, ineffective
from ladle.executor.weights.parents import DTYPES, Parent, Reader, agree, parent
from mergekit.merge_methods import merge_tensors

ROUNDED: Final = {"bf16": torch.bfloat16, "fp16": torch.float16, "fp32": torch.float32}
"""What `round` rounds to."""
_CONFIGURATION: Final = ("config.json", "generation_config.json")


@dataclass(frozen=True, slots=True)
class Merge:
    """A merge of models: `base`, if any, is the model the task vectors are taken from."""

    operator: str
    options: Mapping[str, Json]
    operands: tuple[Operand, ...]
    base: Operand | None

    @property
    def everyone(self) -> tuple[Operand, ...]:
        """The operands and then the base."""
        return self.operands if self.base is None else (*self.operands, self.base)


Operand = Parent | Merge


def run(task: Task) -> None:
    """Write the merged model into `task.output`. Raises StepError for parents that do not fit or hold no numbers."""
    tree = _merge(task.operator, task.options, task.inputs, task.work)
    parents, dtype = tuple(_parents(tree)), _rounds(tree)
    agree(parents)
    first = parents[0]
    _refuse_ineffective(tree, tuple(first.headers))
    sizes = {name: _bytes(first, name, dtype) for name in sorted(first.headers)}
    done = itertools.count(1)
    with Reader() as reader, one_thread(), torch.inference_mode():

        def tensor(name: str) -> torch.Tensor:
            result = _rounded(tree, name, reader, first, dtype)
            task.report(Progress(next(done), len(sizes), "tensors"))
            return result

        shards.write(task.output, shards.plan(sizes), tensor)
    copy_tokenizer(first.tokenizer, task.output)
    for name in _CONFIGURATION:
        if (first.folder / name).is_file():
            shutil.copyfile(first.folder / name, task.output / name)
    if dtype is not None:
        _state_dtype(task.output / "config.json", dtype)


def _state_dtype(config: Path, dtype: torch.dtype) -> None:
    """Say in the configuration what the weights were rounded to."""
    said = json.loads(config.read_text(encoding="utf-8"))
    name = "torch_dtype" if "torch_dtype" in said else "dtype"
    said[name] = str(dtype).removeprefix("torch.")
    config.write_text(json.dumps(said, indent=2, sort_keys=True) + "\n", encoding="utf-8")


def _rounds(tree: Operand) -> torch.dtype | None:
    """The element type of the result where the first operand is rounded, else that of the first parent (None)."""
    while isinstance(tree, Merge):
        if tree.operator == "round":
            return ROUNDED[str(tree.options["precision"])]
        tree = tree.operands[0]
    return None


def _merge(operator: str, options: Mapping[str, Json], inputs: tuple[Given, ...], work: Path) -> Merge:
    numbered = sorted((given for given in inputs if given.role.isdecimal()), key=lambda given: int(given.role))
    bases = [given for given in inputs if given.role == "base"]
    return Merge(
        operator,
        options,
        tuple(_operand(given, work) for given in numbered),
        _operand(bases[0], work) if bases else None,
    )


def _operand(given: Given, work: Path) -> Operand:
    if given.path is None and given.operator in MERGES:
        return _merge(given.operator, given.options, given.inputs, work)
    return parent(given, work)


def _parents(tree: Operand) -> Iterator[Parent]:
    """Yield the models of a merge; the first is the one whose configuration the result has."""
    if isinstance(tree, Parent):
        yield tree
        return
    for operand in tree.everyone:
        yield from _parents(operand)


def _refuse_ineffective(tree: Operand, tensors: tuple[str, ...]) -> None:
    if isinstance(tree, Parent):
        return
    if message := ineffective(tree.options, tensors):
        raise StepError(message, "a schedule names modules of the model's architecture")
    for operand in tree.everyone:
        _refuse_ineffective(operand, tensors)


def _rounded(tree: Merge, tensor: str, reader: Reader, first: Parent, dtype: torch.dtype | None) -> torch.Tensor:
    """Return a tensor of the result, rounded once to the first operand's element type."""
    try:
        result = _value(tree, tensor, reader, first.layers).to(dtype or DTYPES[first.headers[tensor].dtype])
    except ValueError as error:
        raise StepError(str(error)) from None
    if not torch.isfinite(result).all():
        raise _blame(tree, tensor, reader, first)
    return result


def _value(tree: Operand, tensor: str, reader: Reader, layers: int) -> torch.Tensor:
    """Return a tensor of a merge in float32."""
    if isinstance(tree, Parent):
        return reader.read(tree, tensor)
    if tree.operator == "round":
        value = _value(tree.operands[0], tensor, reader, layers)
        return value.to(ROUNDED[str(tree.options["precision"])]).to(torch.float32)
    wanted = call(tree.operator, tree.options, len(tree.operands), tensor, layers)
    operands = tree.operands if tree.base is None else (tree.base, *tree.operands)
    values = [_value(operand, tensor, reader, layers) for operand in operands]
    if wanted.geometric:
        values = _equal_norms(values[0], values[1], wanted.t)
    with _stream(tree.options, tensor):
        merged = merge_tensors(
            values, wanted.method, parameters=wanted.parameters, base_index=wanted.base_index, name=tensor
        )
    return cast(torch.Tensor, merged)


def _equal_norms(a: torch.Tensor, b: torch.Tensor, t: float) -> list[torch.Tensor]:
    """Return both tensors at the norm |a|^(1-t) |b|^t, so that what is interpolated is their directions."""
    norm_a, norm_b = (float(torch.linalg.vector_norm(x, dtype=torch.float64)) for x in (a, b))
    if min(norm_a, norm_b) < 1e-8:
        return [a, b]
    return [a * (norm_b / norm_a) ** t, b * (norm_a / norm_b) ** (1 - t)]


def _blame(tree: Merge, tensor: str, reader: Reader, first: Parent) -> StepError:
    for model in _parents(tree):
        bad = torch.count_nonzero(~torch.isfinite(reader.read(model, tensor))).item()
        if bad:
            return StepError(
                f"`{tensor}` of `{model.name}` holds {bad} values that are not finite numbers",
                "the model is damaged, or its training diverged",
            )
    dtype = first.headers[tensor].dtype
    return StepError(
        f"merging `{tensor}` gives values that {dtype} cannot hold", "smaller weights, or a smaller `lambda`, would do"
    )


@contextmanager
def one_thread() -> Iterator[None]:
    """Compute on one thread: a sum over a tensor then has one order, on every machine of its kind."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(before)


@contextmanager
def _stream(options: Mapping[str, Json], tensor: str) -> Iterator[None]:
    """Draw from a stream of the merge's seed and the tensor's name, whatever was drawn before."""
    seed = options.get("seed")
    if seed is None:
        yield
        return
    assert isinstance(seed, int)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(stream_seed(seed, f"dare/{tensor}"))
        yield


def _bytes(model: Parent, tensor: str, dtype: torch.dtype | None) -> int:
    header = model.headers[tensor]
    count = 1
    for size in header.shape:
        count *= size
    return count * (dtype or DTYPES[header.dtype]).itemsize
