"""Checkpoints of a training. In: a work folder and a writer of files. Out: whole checkpoints only, the newest two kept.

A checkpoint is written aside, synced and renamed; a manifest inside holds the SHA-256 of each file, so that one that
was damaged later is passed over in favour of the one before.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
from collections.abc import Callable
from pathlib import Path

KEPT = 2
MANIFEST = "manifest.json"


def write(folder: Path, step: int, fill: Callable[[Path], None]) -> Path:
    """Make the checkpoint of `step` below `folder`; `fill` writes its files into the folder it is given."""
    folder.mkdir(parents=True, exist_ok=True)
    partial = folder / f".partial-{step:08d}"
    shutil.rmtree(partial, ignore_errors=True)
    partial.mkdir()
    fill(partial)
    digests = {file.name: _digest(file) for file in sorted(partial.iterdir())}
    (partial / MANIFEST).write_text(json.dumps(digests, indent=1) + "\n", encoding="utf-8")
    for file in partial.iterdir():
        _sync(file)
    _sync(partial)
    whole = folder / f"step-{step:08d}"
    shutil.rmtree(whole, ignore_errors=True)
    partial.rename(whole)
    _sync(folder)
    for old in _by_age(folder)[KEPT:]:
        shutil.rmtree(old, ignore_errors=True)
    return whole


def newest(folder: Path, below: int | None = None) -> Path | None:
    """Return the newest whole checkpoint below `folder`, or None; what a kill left half-written is removed.

    With `below` it is one before that step: at least one step is left to do, and a state is not gone past.
    """
    for partial in folder.glob(".partial-*"):
        shutil.rmtree(partial, ignore_errors=True)
    found = (each for each in _by_age(folder) if below is None or step_of(each) < below)
    return next((checkpoint for checkpoint in found if _whole(checkpoint)), None)


def step_of(checkpoint: Path) -> int:
    """Return the number of optimizer steps that `checkpoint` stands after."""
    return int(checkpoint.name.removeprefix("step-"))


def _by_age(folder: Path) -> list[Path]:
    return sorted(folder.glob("step-*"), reverse=True)


def _whole(checkpoint: Path) -> bool:
    try:
        digests = json.loads((checkpoint / MANIFEST).read_text(encoding="utf-8"))
        return bool(digests) and all(_digest(checkpoint / name) == digest for name, digest in digests.items())
    except (OSError, ValueError, AttributeError, RecursionError):
        return False


def _digest(file: Path) -> str:
    with file.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def _sync(path: Path) -> None:
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
