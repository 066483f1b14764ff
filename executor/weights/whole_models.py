"""Merges that take models as a whole. In: their parents. Out: whole tensors."""

from __future__ import annotations

import torch
from ladle.executor.weights.adapted import leaf
from ladle.executor.weights.parents import Parent
from ladle.executor.weights.reading import DTYPES, Files, matrix


def raw(model: Parent, name: str, files: Files) -> torch.Tensor:
    """Return a whole tensor in the type in which it lies on disk; with adapters in it rounded to that type."""
    header = model.headers[name]
    dtype = DTYPES[header.dtype]
    if model.adapters:
        return leaf(model, files).read(name, 0, matrix(header.shape)[0]).to(dtype).reshape(header.shape)
    buffer = torch.empty(header.elements * dtype.itemsize, dtype=torch.uint8)
    files.read(model.folder / header.file, header.start, buffer.numpy().data)
    return buffer.view(dtype).reshape(header.shape)
