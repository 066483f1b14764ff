"""Merges that take models as a whole. In: their parents. Out: whole tensors, and what a model has beside weights."""

from __future__ import annotations

import shutil
from math import prod
from pathlib import Path
from typing import Final

import torch
from ladle.executor.models.folder import copy_tokenizer
from ladle.executor.weights.adapted import leaf
from ladle.executor.weights.parents import Parent
from ladle.executor.weights.reading import DTYPES, Files, matrix

_CONFIGURATION: Final = ("config.json", "generation_config.json")


def raw(model: Parent, name: str, files: Files) -> torch.Tensor:
    """Return a whole tensor in the type in which it lies on disk; with adapters in it rounded to that type."""
    header = model.headers[name]
    dtype = DTYPES[header.dtype]
    if model.adapters:
        return leaf(model, files).read(name, 0, matrix(header.shape)[0]).to(dtype).reshape(header.shape)
    buffer = torch.empty(prod(header.shape) * dtype.itemsize, dtype=torch.uint8)
    files.read(model.folder / header.file, header.start, buffer.numpy().data)
    return buffer.view(dtype).reshape(header.shape)


def configure(model: Parent, output: Path) -> None:
    """Copy configuration and tokenizer of a model."""
    copy_tokenizer(model.tokenizer, output)
    for name in _CONFIGURATION:
        if (model.folder / name).is_file():
            shutil.copyfile(model.folder / name, output / name)
