"""Merges that take models as a whole. In: their parents. Out: tensors, or rows of them, as they lie on disk."""

from __future__ import annotations

import torch
from ladle.executor.weights.adapted import leaf
from ladle.executor.weights.parents import Parent
from ladle.executor.weights.reading import DTYPES, Files, matrix
from ladle.executor.weights.stream import Rows


def raw(model: Parent, name: str, files: Files, rows: Rows | None = None) -> torch.Tensor:
    """Return a tensor in the type in which it lies on disk, with adapters in it rounded to that type.

    `rows`: these alone, as a matrix.
    """
    header = model.headers[name]
    dtype, (count, columns) = DTYPES[header.dtype], matrix(header.shape)
    at = rows or Rows(0, count, 0)
    shape = (at.count, columns) if rows else header.shape
    if model.adapters:
        return leaf(model, files).read(name, at.first, at.count).to(dtype).reshape(shape)
    buffer = torch.empty(at.count * columns * dtype.itemsize, dtype=torch.uint8)
    files.read(model.folder / header.file, header.start + at.start * dtype.itemsize, buffer.numpy().data)
    return buffer.view(dtype).reshape(shape)
