"""What mergekit wrote, judged. In: its folder and the tensors that are to be there. Out: nothing, or a StepError.

mergekit leaves out what is not in its table of an architecture, and writes what is no number, with exit status 0.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Final

import torch
from ladle.executor.headers import HostileHeader, Tensor, folder_tensors
from ladle.executor.quoting import short
from ladle.executor.task import StepError
from ladle.executor.weights.parents import Parent, damaged
from safetensors import safe_open

BUFFER: Final = "rotary_emb.inv_freq"
"""A buffer that early files hold and nothing reads."""
_LARGEST_SHOWN: Final = 3

Shape = tuple[int, ...]


def prove(folder: Path, wanted: Mapping[str, Shape], parents: Sequence[Parent]) -> None:
    """Raise StepError unless `folder` holds exactly the tensors `wanted`, all of finite numbers."""
    try:
        found = folder_tensors(folder)
    except (HostileHeader, OSError) as error:
        raise StepError(f"mergekit wrote no weights that can be read: {error}", "its log may say why") from None
    names = {name for name in wanted if not name.endswith(BUFFER)}
    if lost := sorted(names - found.keys()):
        raise StepError(
            f"mergekit dropped {_listed(lost)}: its table of the architecture has no such tensor",
            "the native engine merges every tensor",
        )
    if extra := sorted(found.keys() - wanted.keys()):
        raise StepError(f"mergekit added {_listed(extra)}, which no parent has", "its log may say why")
    for name in sorted(names):
        if found[name].shape != wanted[name]:
            raise StepError(f"mergekit wrote `{name}` as {found[name].shape}, and {wanted[name]} is expected")
    finite(folder, found, parents)


def finite(folder: Path, tensors: Mapping[str, Tensor], parents: Sequence[Parent]) -> None:
    """Raise StepError where `folder` holds what is no finite number: a parent that does is named, else the tensor."""
    for name in _not_finite(folder, tensors):
        undamaged(parents)
        raise StepError(
            f"mergekit gives values in `{name}` that are not finite numbers",
            "smaller weights may do; weights that sum to 0 cannot be normalised",
        )


def undamaged(parents: Sequence[Parent]) -> None:
    """Raise StepError for a parent that holds what is no finite number. Every tensor is read."""
    for parent in parents:
        for name in _not_finite(parent.folder, parent.headers):
            raise damaged(name, parent.name)


def _not_finite(folder: Path, tensors: Mapping[str, Tensor]) -> Iterable[str]:
    for file in sorted({tensor.file for tensor in tensors.values()}):
        with safe_open(str(folder / file), framework="pt", device="cpu") as opened:
            for name in sorted(name for name, tensor in tensors.items() if tensor.file == file):
                if not torch.isfinite(opened.get_tensor(name)).all():
                    yield name


def _listed(names: Sequence[str]) -> str:
    shown = ", ".join(f"`{short(name)}`" for name in names[:_LARGEST_SHOWN])
    return f"{shown} and {len(names) - _LARGEST_SHOWN} more" if len(names) > _LARGEST_SHOWN else shown


def only_weights(folder: Path) -> None:
    """Remove everything but weights and their index: configuration, tokenizer and template are put in place after."""
    for path in folder.iterdir():
        if not path.name.endswith((".safetensors", ".safetensors.index.json")):
            path.unlink()
