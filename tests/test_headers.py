"""Headers of weight files: what is read of honest ones, and that hostile ones are refused."""

from __future__ import annotations

import contextlib
import json
from pathlib import Path

import pytest
from hypothesis import given as drawn
from hypothesis import strategies as st
from ladle.executor import headers
from ladle.executor.headers import INDEX, SINGLE, HostileHeader, file_tensors, folder_tensors

Entry = dict[str, object]


def entry(dtype: str = "F32", shape: list[object] | None = None, start: int = 0, end: int = 8) -> Entry:
    return {"dtype": dtype, "shape": [2] if shape is None else shape, "data_offsets": [start, end]}


def save(path: Path, header: object, data: int = 8, length: int | None = None) -> Path:
    text = header if isinstance(header, bytes) else json.dumps(header).encode()
    path.write_bytes((len(text) if length is None else length).to_bytes(8, "little") + text + bytes(data))
    return path


def test_an_honest_file_is_read_as_the_library_reads_it(tmp_path: Path) -> None:
    numpy = pytest.importorskip("numpy")
    library = pytest.importorskip("safetensors.numpy")
    arrays = {"b": numpy.ones((3, 2), numpy.float32), "a": numpy.zeros((5,), numpy.float16)}
    library.save_file(arrays, tmp_path / SINGLE, metadata={"format": "pt"})
    found = folder_tensors(tmp_path)
    assert {name: (t.dtype, t.shape) for name, t in found.items()} == {"a": ("F16", (5,)), "b": ("F32", (3, 2))}
    assert list(found) == ["a", "b"]
    data = (tmp_path / SINGLE).read_bytes()
    assert data[found["b"].start : found["b"].end] == arrays["b"].tobytes()


@pytest.mark.parametrize(
    ("header", "data", "length", "said"),
    [
        ({"a": entry()}, 8, 2**63, "longer than the file"),
        ({"a": entry()}, 8, 10**6, "longer than the file"),
        ({"a": entry()}, 4, None, "take 8 bytes and the file holds 4"),
        ({"a": entry()}, 12, None, "take 8 bytes and the file holds 12"),
        ({"a": entry(start=0, end=8), "b": entry(start=4, end=12)}, 12, None, "overlaps"),
        ({"a": entry(start=0, end=8), "b": entry(start=12, end=20)}, 20, None, "gap"),
        ({"a": entry(start=8, end=0)}, 8, None, "none"),
        ({"a": entry(start=-8, end=0)}, 8, None, "none"),
        ({"a": entry(shape=[3])}, 8, None, "not what F32"),
        ({"a": entry(shape=[2**40, 2**40])}, 8, None, "not what F32"),
        ({"a": entry(shape=[-2])}, 8, None, "none"),
        ({"a": entry(shape=[True, 2])}, 8, None, "none"),
        ({"a": entry(dtype="F31")}, 8, None, "unknown type"),
        ({"a": {"dtype": "F32"}}, 8, None, "described"),
        ({"a": 3}, 8, None, "described"),
        ([1], 8, None, "no JSON object"),
        (b"{", 8, None, "no JSON"),
        (b"\xff\xfe", 8, None, "is not UTF-8"),
        (b"[" * 100_000, 8, None, "nested too deep"),
        (b'{"a": 1, "a": 2}', 8, None, "stands twice"),
        ({"a": entry(shape=[1] * 17 + [2])}, 8, None, "none"),
    ],
)
def test_a_hostile_header_is_refused(tmp_path: Path, header: object, data: int, length: int | None, said: str) -> None:
    with pytest.raises(HostileHeader, match=said):
        file_tensors(save(tmp_path / SINGLE, header, data, length))


def test_a_gigantic_header_is_refused_before_it_is_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(headers, "LARGEST_HEADER", 1000)
    with pytest.raises(HostileHeader, match="claims a header of 5000 bytes"):
        file_tensors(save(tmp_path / SINGLE, {"a": entry()}, 10_000, 5000))


def test_an_empty_file_is_refused(tmp_path: Path) -> None:
    (tmp_path / SINGLE).write_bytes(b"")
    with pytest.raises(HostileHeader, match="cut off"):
        file_tensors(tmp_path / SINGLE)


def index(folder: Path, places: object) -> None:
    (folder / INDEX).write_text(json.dumps({"weight_map": places}))


def test_shards_are_read_as_their_index_says(tmp_path: Path) -> None:
    save(tmp_path / "one.safetensors", {"a": entry()})
    save(tmp_path / "two.safetensors", {"b": entry()})
    index(tmp_path, {"b": "two.safetensors", "a": "one.safetensors"})
    assert {name: tensor.file for name, tensor in folder_tensors(tmp_path).items()} == {
        "a": "one.safetensors",
        "b": "two.safetensors",
    }


@pytest.mark.parametrize(
    ("places", "said"),
    [
        ({"a": "../one.safetensors"}, "no weight file of this folder"),
        ({"a": "/etc/passwd"}, "no weight file of this folder"),
        ({"a": "sub/one.safetensors"}, "no weight file of this folder"),
        ({"a": ".."}, "no weight file of this folder"),
        ({"a": "one.safetensors\0"}, "no weight file of this folder"),
        ({"a": "weights.bin"}, "no weight file of this folder"),
        ({"a": "three.safetensors"}, "missing"),
        ({"a": "one.safetensors", "b": "one.safetensors"}, "lacks it"),
        ({"b": "one.safetensors"}, "does not place there"),
        ({"a": 3}, "no file name"),
        ({}, "no `weight_map`"),
        ([], "no `weight_map`"),
    ],
)
def test_a_hostile_index_is_refused(tmp_path: Path, places: object, said: str) -> None:
    save(tmp_path / "one.safetensors", {"a": entry()})
    index(tmp_path, places)
    with pytest.raises(HostileHeader, match=said):
        folder_tensors(tmp_path)


@pytest.mark.parametrize(
    ("header", "said"),
    [({}, "no tensor"), ({"__metadata__": 5}, "metadata"), ({"__metadata__": {"a": 1}, "a": entry()}, "metadata"),
     ({"\ud800": entry()}, "no name"), ({"": entry()}, "no name")],
)  # fmt: skip
def test_a_header_without_tensors_or_with_odd_metadata_is_refused(
    tmp_path: Path, header: dict[str, object], said: str
) -> None:
    text = json.dumps(header).encode()
    (tmp_path / SINGLE).write_bytes(len(text).to_bytes(8, "little") + text + bytes(400))
    with pytest.raises(HostileHeader, match=said):
        file_tensors(tmp_path / SINGLE)


@drawn(st.binary(max_size=300))
def test_no_bytes_escape_as_another_error(tmp_path_factory: pytest.TempPathFactory, data: bytes) -> None:
    path = tmp_path_factory.mktemp("weights") / SINGLE
    path.write_bytes(data)
    with contextlib.suppress(HostileHeader):
        file_tensors(path)
