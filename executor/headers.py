"""Headers of safetensors files. In: a model folder nobody vouches for. Out: its tensors by name, no weight read.

The format is 8 bytes of length, that many bytes of JSON, then the data. Everything in it is checked here before anyone
else opens the file: sizes, types, offsets without gap or overlap, names, and where an index points.
"""

from __future__ import annotations

from collections.abc import Mapping
from math import prod
from pathlib import Path
from types import MappingProxyType
from typing import Final

from ladle.dsl.frozen import frozen
from ladle.dsl.graph import Json
from ladle.executor.quoting import short
from ladle.executor.stranger_json import LARGEST_HEADER, Unread, bounded, parsed

MAX_TENSORS: Final = 1_000_000

BITS: Final[Mapping[str, int]] = MappingProxyType(
    {
        "BOOL": 8, "U8": 8, "I8": 8, "F8_E5M2": 8, "F8_E4M3": 8, "F8_E8M0": 8,
        "I16": 16, "U16": 16, "F16": 16, "BF16": 16,
        "I32": 32, "U32": 32, "F32": 32,
        "I64": 64, "U64": 64, "F64": 64,
    }
)  # fmt: skip
"""Bits of an element by the format's name of its type."""

SINGLE: Final = "model.safetensors"
INDEX: Final = "model.safetensors.index.json"


class HostileHeader(Exception):
    """A weight file or index that breaks its format; the message says how."""


@frozen
class Tensor:
    """One tensor: where its bytes lie, counted from the start of the file."""

    dtype: str
    shape: tuple[int, ...]
    file: str
    start: int
    end: int

    @property
    def elements(self) -> int:
        """How many numbers it holds."""
        return prod(self.shape)

    @property
    def size(self) -> int:
        """Its bytes."""
        return self.end - self.start


def folder_tensors(folder: Path) -> dict[str, Tensor]:
    """Return every tensor of a model folder by name, sorted; one file, or else the shards that its index names.

    Raises HostileHeader, and OSError for what cannot be read.
    """
    if (folder / SINGLE).is_file() or not (folder / INDEX).is_file():
        return dict(sorted(file_tensors(folder / SINGLE).items()))
    wanted = _index(folder / INDEX)
    found: dict[str, Tensor] = {}
    for name in sorted(set(wanted.values())):
        for key, tensor in file_tensors(_shard(folder, name)).items():
            if wanted.get(key) != name:
                raise HostileHeader(f"`{name}` holds `{short(key)}`, which the index does not place there")
            found[key] = tensor
    if missing := sorted(set(wanted) - set(found)):
        raise HostileHeader(f"the index places `{short(missing[0])}` in `{wanted[missing[0]]}`, which lacks it")
    return dict(sorted(found.items()))


def file_tensors(path: Path) -> dict[str, Tensor]:
    """Return the tensors of one file by name. Raises HostileHeader, and OSError for what cannot be read."""
    size = path.stat().st_size
    with path.open("rb") as file:
        first = file.read(8)
        length = int.from_bytes(first, "little")
        if len(first) < 8 or length > size - 8:
            raise HostileHeader(f"`{path.name}` is cut off: its header is longer than the file")
        if length > LARGEST_HEADER:
            raise HostileHeader(f"`{path.name}` claims a header of {length} bytes; {LARGEST_HEADER} is the most")
        text = file.read(length)
    header = _parsed(text, path.name)
    _metadata(header.pop("__metadata__", {}), path.name)
    if not header:
        raise HostileHeader(f"`{path.name}` holds no tensor")
    if len(header) > MAX_TENSORS:
        raise HostileHeader(f"`{path.name}` claims {len(header)} tensors")
    if odd := [name for name in header if not name or not name.isprintable()]:
        raise HostileHeader(f"{short(ascii(odd[0]))} of `{path.name}` is no name of a tensor")
    tensors = {name: _tensor(entry, f"`{short(name)}` of `{path.name}`", path.name) for name, entry in header.items()}
    _contiguous(tensors, size - 8 - length, path.name)
    return {
        name: Tensor(t.dtype, t.shape, t.file, t.start + 8 + length, t.end + 8 + length) for name, t in tensors.items()
    }


def _metadata(entry: Json, file: str) -> None:
    if not isinstance(entry, dict) or not all(isinstance(value, str) for value in entry.values()):
        raise HostileHeader(f"`__metadata__` of `{file}` is not an object of strings")


def _tensor(entry: Json, place: str, file: str) -> Tensor:
    if not isinstance(entry, dict) or set(entry) != {"dtype", "shape", "data_offsets"}:
        raise HostileHeader(f"{place} is not described by dtype, shape and data_offsets alone")
    dtype, shape, offsets = entry["dtype"], _counts(entry["shape"]), _counts(entry["data_offsets"])
    if not isinstance(dtype, str) or dtype not in BITS:
        raise HostileHeader(f"{place} has an unknown type")
    if shape is None or len(shape) > 16 or offsets is None or len(offsets) != 2 or offsets[0] > offsets[1]:
        raise HostileHeader(f"{place} has a shape or offsets that are none")
    if prod(shape) * BITS[dtype] != 8 * (offsets[1] - offsets[0]):
        raise HostileHeader(
            f"{place} has {offsets[1] - offsets[0]} bytes, which is not what {dtype} and its shape take"
        )
    return Tensor(dtype, shape, file, offsets[0], offsets[1])


def _contiguous(tensors: Mapping[str, Tensor], data: int, file: str) -> None:
    at = 0
    for name, tensor in sorted(tensors.items(), key=lambda item: (item[1].start, item[1].end)):
        if tensor.start != at:
            what = "overlaps another tensor" if tensor.start < at else "leaves a gap before it"
            raise HostileHeader(f"`{short(name)}` of `{file}` {what}")
        at = tensor.end
    if at != data:
        raise HostileHeader(f"the tensors of `{file}` take {at} bytes and the file holds {data}")


def _counts(value: Json) -> tuple[int, ...] | None:
    if not isinstance(value, list):
        return None
    found = tuple(item for item in value if isinstance(item, int) and not isinstance(item, bool) and 0 <= item < 2**63)
    return found if len(found) == len(value) else None


def _index(path: Path) -> dict[str, str]:
    try:
        text = bounded(path, LARGEST_HEADER)
    except Unread as error:
        raise HostileHeader(f"`{path.name}` {error}") from None
    wanted = _parsed(text, path.name).get("weight_map")
    if not isinstance(wanted, dict) or not wanted:
        raise HostileHeader(f"`{path.name}` has no `weight_map`")
    found = {key: name for key, name in wanted.items() if isinstance(name, str)}
    if len(found) < len(wanted):
        raise HostileHeader(f"`{path.name}` places a tensor in something that is no file name")
    return found


def _shard(folder: Path, name: str) -> Path:
    """Return the path of a shard, which lies in the folder itself and nowhere else."""
    if name != Path(name).name or "\\" in name or "\0" in name or not name.endswith(".safetensors"):
        raise HostileHeader(f"the index names `{short(name)}`, which is no weight file of this folder")
    path = folder / name
    if not path.is_file():
        raise HostileHeader(f"the index names `{short(name)}`, which is missing")
    return path


def _parsed(text: bytes, file: str) -> dict[str, Json]:
    try:
        value = parsed(text, _unique)
    except Unread as error:
        raise HostileHeader(f"`{file}` {error}") from None
    except ValueError as error:
        raise HostileHeader(f"`{file}` holds no JSON: {str(error)[:200]}") from None
    if not isinstance(value, dict):
        raise HostileHeader(f"`{file}` holds no JSON object")
    return value


def _unique(pairs: list[tuple[str, Json]]) -> Json:
    found = dict(pairs)
    if len(found) < len(pairs):
        raise ValueError("a name stands twice")
    return found
