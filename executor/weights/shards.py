"""Writes a model's tensors as they are made. In: their sizes and a maker. Out: safetensors files, index."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Final

import torch
from safetensors.torch import save_file

SHARD_BYTES: Final = 1 << 30
"""A shard is written as soon as its tensors are made, so this bounds the memory of a merge."""


def plan(sizes: Mapping[str, int], limit: int = SHARD_BYTES) -> tuple[tuple[str, ...], ...]:
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


def write(folder: Path, shards: tuple[tuple[str, ...], ...], tensor: Callable[[str], torch.Tensor]) -> None:
    """Write what `tensor` makes of each name, in the order of `shards`, under the file names transformers expects."""
    place: dict[str, str] = {}
    total = 0
    for number, names in enumerate(shards, start=1):
        single = len(shards) == 1
        file = "model.safetensors" if single else f"model-{number:05d}-of-{len(shards):05d}.safetensors"
        part = {name: tensor(name).contiguous() for name in names}
        save_file(part, folder / file, metadata={"format": "pt"})
        place.update(dict.fromkeys(names, file))
        total += sum(value.nbytes for value in part.values())
    if len(shards) > 1:
        index = {"metadata": {"total_size": total}, "weight_map": dict(sorted(place.items()))}
        text = json.dumps(index, indent=2, sort_keys=True) + "\n"
        (folder / "model.safetensors.index.json").write_text(text, encoding="utf-8")
