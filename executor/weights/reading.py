"""Reads rows of tensors. In: safetensors files whose headers were checked. Out: float32 rows, in buffers used again.

Nothing is mapped and nothing kept: peak memory is one piece for each operand and thread.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Mapping
from math import prod
from pathlib import Path
from typing import Final, Protocol

import torch
from ladle.executor.headers import Tensor
from ladle.executor.task import StepError

DTYPES: Final[Mapping[str, torch.dtype]] = {
    "F16": torch.float16,
    "BF16": torch.bfloat16,
    "F32": torch.float32,
    "F64": torch.float64,
}
"""The element types that can be merged, by their name in a safetensors header."""


class Leaf(Protocol):
    """A model of a merge, as far as its weights go."""

    def read(self, tensor: str, row: int, rows: int) -> torch.Tensor:
        """Return rows of a tensor in float32, shape (rows, columns); valid until this thread reads the leaf again.

        A tensor of one dimension is one row, one of more is as many as all its dimensions but the last make.
        """


class Files:
    """Files that are read by position, open until it is closed and no longer.

    So a parent rewritten in place between two merges of one process is read anew. One that changes while it is read is
    noticed by its size, time and number.
    """

    def __init__(self) -> None:
        self._open: dict[Path, tuple[int, tuple[int, ...]]] = {}
        self._lock = threading.Lock()

    def __enter__(self) -> Files:
        return self

    def __exit__(self, *error: object) -> None:
        for number, _ in self._open.values():
            os.close(number)
        self._open.clear()

    def read(self, path: Path, start: int, buffer: memoryview) -> None:
        """Fill `buffer` from `start` on. Raises StepError where the file ends before, or cannot be read."""
        number, done = self._number(path), 0
        while done < len(buffer):
            try:
                count = os.preadv(number, [buffer[done:]], start + done)
            except OSError as error:
                why = (error.strerror or str(error)).lower()
                raise StepError(f"`{path}` cannot be read: {why}", "the disk or the file is damaged") from None
            if not count:
                raise StepError(f"`{path}` became shorter while it was read", "run again once nothing writes to it")
            done += count

    def unchanged(self) -> None:
        """Raise StepError for a file that was written to, or replaced, since it was opened."""
        for path, (number, before) in self._open.items():
            try:
                now = {_state(os.fstat(number)), _state(path.stat())}
            except OSError:
                now = set()
            if now != {before}:
                raise StepError(f"`{path}` changed while it was read", "run again once nothing writes to it")

    def _number(self, path: Path) -> int:
        with self._lock:
            if path not in self._open:
                try:
                    number = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
                except OSError as error:
                    why = (error.strerror or str(error)).lower()
                    raise StepError(f"`{path}` cannot be read: {why}", "the file is damaged or gone") from None
                self._open[path] = (number, _state(os.fstat(number)))
            return self._open[path][0]


def _state(found: os.stat_result) -> tuple[int, ...]:
    return found.st_dev, found.st_ino, found.st_size, found.st_mtime_ns


class Stored:
    """The tensors of a model folder, each converted to float32 (exact for every type but F64)."""

    def __init__(self, folder: Path, headers: Mapping[str, Tensor], files: Files) -> None:
        self._folder, self._headers, self._files = folder, headers, files
        self._mine = threading.local()

    def read(self, tensor: str, row: int, rows: int) -> torch.Tensor:
        """Return rows of a tensor in float32."""
        header = self._headers[tensor]
        dtype, columns = DTYPES[header.dtype], matrix(header.shape)[1]
        size = columns * dtype.itemsize
        buffer = self._buffer(rows * size)
        self._files.read(self._folder / header.file, header.start + row * size, buffer.numpy().data)
        return buffer.view(dtype).reshape(rows, columns).to(torch.float32)

    def _buffer(self, size: int) -> torch.Tensor:
        held: torch.Tensor | None = getattr(self._mine, "buffer", None)
        if held is None or held.numel() < size:
            held = self._mine.buffer = torch.empty(size, dtype=torch.uint8)
        return held[:size]


def matrix(shape: tuple[int, ...]) -> tuple[int, int]:
    """Return a tensor's rows and columns: the last dimension, and all others; a tensor of one dimension is one row."""
    return prod(shape[:-1]), shape[-1] if shape else 1
