"""Tensors of pickled checkpoints. In: files nobody vouches for, in a confined process. Out: safetensors here.

Run by `ladle.executor.confined` alone. Nothing in a file is called: `torch.load(weights_only=True)` builds tensors and
plain containers, and refuses every other name.
"""

from __future__ import annotations

import pickle
import pickletools
import re
import zipfile
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, suppress
from pathlib import Path
from typing import IO, Final

import torch
from ladle.executor.confined import Forbidden
from ladle.executor.weights.writing import plan
from safetensors.torch import save_file

DTYPES: Final = frozenset({
    torch.float64, torch.float32, torch.float16, torch.bfloat16, torch.int64, torch.int32, torch.int16, torch.int8,
    torch.uint8, torch.bool, torch.float8_e4m3fn, torch.float8_e5m2,
})  # fmt: skip
MAX_NAME: Final = 500
SPARE: Final = 1 << 20
_WANTED: Final = re.compile(r"(?:GLOBAL|class|function|global:?) `?([\w.]+\.[\w.]+)`?")
_OWN: Final = ("torch.", "collections.")
_HEAD: Final = "lm_head.weight"
_WITHIN: Final = "state_dict"
"""Where checkpoints of trainers keep their tensors."""


class Refused(Exception):
    """A file that is not converted: the message says why, `help` what to do."""

    def __init__(self, message: str, help: str = "get the weights as safetensors from their source") -> None:
        super().__init__(message)
        self.help = help


def run(order: Mapping[str, object]) -> dict[str, object]:
    """Write the tensors of `files` as `part-00001.safetensors` and so on; return names left out as tied, or a refusal.

    `tied`: the configuration ties the head to the embeddings. `shard`: bytes of a part at most.
    """
    dropped: list[str] = []
    parts = 0
    seen: set[str] = set()
    torch.set_num_threads(1)
    try:
        for file in order["files"]:  # type: ignore[attr-defined]
            tensors, tied = _tensors(Path(file), bool(order["tied"]))
            dropped += tied
            if twice := sorted(seen & tensors.keys()):
                raise Refused(f"`{twice[0]}` is in two of the files")
            seen |= tensors.keys()
            for part in _parts(tensors, int(str(order["shard"]))):
                parts += 1
                save_file(part, f"part-{parts:05d}.safetensors", metadata={"format": "pt"})
    except Refused as refused:
        return {"refused": str(refused), "help": refused.help}
    return {"parts": parts, "dropped": sorted(dropped)}


def _tensors(path: Path, tied: bool) -> tuple[dict[str, torch.Tensor], list[str]]:
    """Return the tensors of a file, and the names left out since the model ties them."""
    found = _state(_load(path), path.name)
    total = sum(tensor.numel() * tensor.element_size() for tensor in found.values())
    if total > 4 * path.stat().st_size + SPARE:
        raise Refused(f"`{path.name}` claims {total} bytes of tensors and holds {path.stat().st_size}")
    aliases = Counter(_memory(tensor) for tensor in found.values())
    left = [name for name in found if tied and name.endswith(_HEAD) and aliases[_memory(found[name])] > 1]
    return {name: found[name] for name in sorted(found) if name not in left}, left


def _load(path: Path) -> object:
    zipped = zipfile.is_zipfile(path)
    if zipped:
        _stored(path)
    try:
        return torch.load(path, map_location="cpu", weights_only=True, mmap=zipped)
    except Forbidden as error:
        raise _hostile(path.name, str(error)) from None
    except pickle.UnpicklingError as error:
        said = _WANTED.search(str(error))
        wanted = said[1] if said else next(_asked(path, zipped), "")
        if not wanted:
            raise Refused(f"`{path.name}` is no checkpoint of tensors alone: {_line(error)}") from None
        raise _hostile(path.name, wanted) from None
    except MemoryError:
        raise Refused(f"`{path.name}` needs more memory than its size explains") from None
    except Exception as error:  # a damaged file makes the reader fail in every way there is
        if "allocate memory" in str(error) or "Cannot allocate" in str(error):
            raise Refused(f"`{path.name}` needs more memory than its size explains") from None
        raise Refused(f"`{path.name}` cannot be read: {_line(error)}") from None


def _asked(path: Path, zipped: bool) -> Iterator[str]:
    """Yield what a pickle would call that is none of torch, read off its text: nothing is unpickled."""
    strings: list[str] = []
    with suppress(ValueError, KeyError, OSError, zipfile.BadZipFile), ExitStack() as stack:
        stream: IO[bytes] = stack.enter_context(path.open("rb"))
        if zipped:
            archive = stack.enter_context(zipfile.ZipFile(stream))
            stream = archive.open(next((name for name in archive.namelist() if name.endswith("data.pkl")), ""))
        for code, argument, _ in pickletools.genops(stream):
            if code.name.endswith("UNICODE"):
                strings = [*strings[-1:], str(argument)]
            name = str(argument).replace(" ", ".") if code.name == "GLOBAL" else ".".join(strings)
            if code.name in ("GLOBAL", "STACK_GLOBAL") and not name.startswith(_OWN):
                yield name


def _stored(path: Path) -> None:
    """Refuse an archive that grows when it is read: torch stores tensors as they are."""
    try:
        with zipfile.ZipFile(path) as archive:
            entries = archive.infolist()
    except (zipfile.BadZipFile, NotImplementedError, ValueError) as error:
        raise Refused(f"`{path.name}` is a damaged archive: {_line(error)}") from None
    packed = any(
        entry.compress_type != zipfile.ZIP_STORED or entry.file_size > entry.compress_size for entry in entries
    )
    if packed or sum(entry.file_size for entry in entries) > path.stat().st_size:
        raise Refused(f"`{path.name}` is an archive that grows when it is unpacked, which no saved model is")


def _state(loaded: object, file: str) -> dict[str, torch.Tensor]:
    inner = loaded.get(_WITHIN) if isinstance(loaded, Mapping) else None
    state = inner if isinstance(inner, Mapping) else loaded
    if not isinstance(state, Mapping) or not state:
        raise Refused(f"`{file}` holds no tensors by name")
    return dict(_named(state, file))


def _named(state: Mapping[object, object], file: str) -> Iterator[tuple[str, torch.Tensor]]:
    for name, value in state.items():
        if not isinstance(name, str) or not name.isprintable() or not 0 < len(name) <= MAX_NAME:
            raise Refused(f"{ascii(name)[:60]} of `{file}` is no name of a tensor")
        if not isinstance(value, torch.Tensor):
            raise Refused(f"`{name}` of `{file}` is no tensor but of the type {type(value).__name__}")
        if value.dtype not in DTYPES or value.layout is not torch.strided or value.is_quantized or value.is_nested:
            raise Refused(f"`{name}` of `{file}` holds {value.dtype} ({value.layout}), which safetensors cannot hold")
        yield name, value.detach()


def _parts(tensors: Mapping[str, torch.Tensor], shard: int) -> Iterator[dict[str, torch.Tensor]]:
    """Yield what one file holds each, every tensor in memory of its own."""
    users = Counter(tensor.untyped_storage().data_ptr() for tensor in tensors.values())
    sizes = {name: tensor.numel() * tensor.element_size() for name, tensor in tensors.items()}
    for names in plan(sizes, shard):
        yield {name: _own(tensors[name], users[tensors[name].untyped_storage().data_ptr()] > 1) for name in names}


def _own(tensor: torch.Tensor, shared: bool) -> torch.Tensor:
    return tensor.clone() if shared and tensor.is_contiguous() else tensor.contiguous()


def _memory(tensor: torch.Tensor) -> tuple[object, ...]:
    """Equal for tensors that are one: the same numbers in the same order at the same place."""
    return tensor.untyped_storage().data_ptr(), tensor.storage_offset(), tensor.dtype, tensor.shape, tensor.stride()


def _hostile(file: str, wanted: str) -> Refused:
    return Refused(
        f"`{file}` asks for `{wanted[:80]}`, which is no tensor; nothing of it was run",
        "a file of weights needs no code: get them as safetensors from a source that you trust",
    )


def _line(error: Exception) -> str:
    return f"{type(error).__name__}: {' '.join(str(error).split())[:120]}"
