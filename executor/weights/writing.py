"""Writes a model's tensors as they are made. In: their types and shapes, then rows. Out: safetensors files and index.

Where each tensor lies is decided before the first is computed, so rows are written in place by any thread in any
order, and none is held.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from math import prod
from pathlib import Path
from typing import Final

import torch
from ladle.dsl.graph import Json
from ladle.executor.headers import INDEX, SINGLE
from ladle.executor.task import unheard
from ladle.executor.weights.filling import Filling

SHARD_BYTES = 1 << 30
"""A weight file is no larger, unless one tensor is."""
NAMES: Final[Mapping[torch.dtype, str]] = {
    torch.float16: "F16",
    torch.bfloat16: "BF16",
    torch.float32: "F32",
    torch.float64: "F64",
}


@dataclass(frozen=True, slots=True)
class Shape:
    """What is to be written of a tensor."""

    dtype: torch.dtype
    shape: tuple[int, ...]

    @property
    def bytes(self) -> int:
        """Its size."""
        return prod(self.shape) * self.dtype.itemsize


class Writer:
    """The weight files of one new model in an empty folder."""

    def __init__(self, folder: Path, tensors: Mapping[str, Shape]) -> None:
        """Lay the files out."""
        self._folder, self._tensors = folder, tensors
        self._shards = plan({name: shape.bytes for name, shape in tensors.items()}, SHARD_BYTES)
        self._places: dict[str, tuple[Filling, int]] = {}
        self._files: list[Filling] = []
        self._background = ThreadPoolExecutor(2)

    def __enter__(self) -> Writer:
        for file, names in self.files():
            self._begin(self._folder / file, names)
        return self

    def __exit__(self, *error: object) -> None:
        self._background.shutdown(wait=True, cancel_futures=True)
        for file in self._files:
            file.close()

    def files(self) -> Iterator[tuple[str, tuple[str, ...]]]:
        """Yield each weight file's name, as transformers expects it, with its tensors."""
        count = len(self._shards)
        for place, names in enumerate(self._shards, start=1):
            yield (SINGLE if count == 1 else f"model-{place:05d}-of-{count:05d}.safetensors"), names

    def write(self, tensor: str, start: int, rows: torch.Tensor) -> None:
        """Write elements of a tensor, from element `start` on, rounded already."""
        file, place = self._places[tensor]
        raw = rows.contiguous().reshape(-1).view(torch.uint8).numpy().data
        file.write(place + start * rows.element_size(), raw)

    def finish(self, hashed: Callable[[Path, str], None] = unheard) -> None:
        """Wait until everything is on disk, and write the index where there are several files.

        `hashed` takes the SHA-256 of each weight file.
        """
        for file in self._files:
            hashed(file.path, file.finish())
        if len(self._shards) > 1:
            total = sum(shape.bytes for shape in self._tensors.values())
            index: Json = {
                "metadata": {"total_size": total},
                "weight_map": dict(sorted((name, file) for file, names in self.files() for name in names)),
            }
            text = json.dumps(index, indent=2, sort_keys=True) + "\n"
            (self._folder / INDEX).write_text(text, encoding="utf-8")

    def _begin(self, path: Path, names: tuple[str, ...]) -> None:
        header, offsets, size = _header({name: self._tensors[name] for name in names})
        file = Filling(path, len(header) + size, self._background)
        self._files.append(file)
        file.write(0, memoryview(header))
        self._places.update({name: (file, len(header) + at) for name, at in offsets.items()})


def plan(sizes: Mapping[str, int], limit: int) -> tuple[tuple[str, ...], ...]:
    """Return tensor names cut into shards of at most `limit` bytes each (a larger tensor has one of its own)."""
    shards: list[tuple[str, ...]] = []
    current: list[str] = []
    used = 0
    for name, size in sizes.items():
        if current and used + size > limit:
            shards.append(tuple(current))
            current, used = [], 0
        current.append(name)
        used += size
    return (*shards, tuple(current)) if current else tuple(shards)


def _header(tensors: Mapping[str, Shape]) -> tuple[bytes, dict[str, int], int]:
    """Return the head of a safetensors file, where each tensor begins after it, and the bytes they take in all.

    Wider types come first, so that each lies at a multiple of its size; the head is a multiple of 8 bytes long.
    """
    entries: dict[str, Json] = {"__metadata__": {"format": "pt"}}
    offsets: dict[str, int] = {}
    at = 0
    for name, shape in sorted(tensors.items(), key=lambda item: (-item[1].dtype.itemsize, item[0])):
        offsets[name] = at
        end = at + shape.bytes
        entries[name] = {
            "dtype": NAMES[shape.dtype],
            "shape": list(shape.shape),
            "data_offsets": [at, end],
        }
        at = end
    text = json.dumps(entries, separators=(",", ":"), ensure_ascii=False).encode()
    text += b" " * (-len(text) % 8)
    return len(text).to_bytes(8, "little") + text, offsets, at
