"""Files that fill up in no order: what lies on disk, its digest, and what is said where something is missing."""

from __future__ import annotations

import hashlib
import random
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from ladle.executor.weights import filling
from ladle.executor.weights.filling import Filling


@pytest.fixture
def background() -> Iterator[ThreadPoolExecutor]:
    with ThreadPoolExecutor(2) as pool:
        yield pool


@pytest.mark.parametrize("stride", [1, 1000, 1 << 20])
def test_pieces_in_any_order_make_one_file_and_its_digest(
    tmp_path: Path, background: ThreadPoolExecutor, monkeypatch: pytest.MonkeyPatch, stride: int
) -> None:
    monkeypatch.setattr(filling, "STRIDE", stride)
    data = random.Random(stride).randbytes(100_003)
    pieces = [(at, data[at : at + 777]) for at in range(0, len(data), 777)]
    random.Random(1).shuffle(pieces)
    file = Filling(tmp_path / "a", len(data), background)
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(lambda piece: file.write(piece[0], memoryview(piece[1])), pieces))
    assert file.finish() == hashlib.sha256(data).hexdigest()
    file.close()
    assert (tmp_path / "a").read_bytes() == data


def test_a_file_that_lacks_a_piece_is_not_finished(tmp_path: Path, background: ThreadPoolExecutor) -> None:
    file = Filling(tmp_path / "a", 10, background)
    file.write(0, memoryview(b"12345"))
    file.write(6, memoryview(b"7890"))
    with pytest.raises(RuntimeError, match="never written"):
        file.finish()
    file.close()


def test_a_file_that_is_there_is_not_written_to(tmp_path: Path, background: ThreadPoolExecutor) -> None:
    (tmp_path / "a").write_text("here")
    with pytest.raises(FileExistsError):
        Filling(tmp_path / "a", 10, background)
    assert (tmp_path / "a").read_text() == "here"


def test_a_merge_of_local_models_does_not_wait_for_the_library_of_the_hub() -> None:
    code = "import sys, ladle.executor.weights.merge; sys.exit('huggingface_hub' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
