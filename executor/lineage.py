"""What an artifact says of itself. In: a folder. Out: its lineage, verified file by file, or what is wrong with it."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from ladle.dsl.graph import Json, fingerprint
from ladle.executor.file_digests import FileDigests
from ladle.executor.regular import read_regular

LINEAGE = "lineage.json"
SCHEMA = 1
LARGEST = 16 * 2**20
"""Bytes of the largest lineage or record that is read."""


@dataclass(frozen=True, slots=True)
class Lineage:
    """Everything that identity holds, and the SHA-256 of every file. No time, host, path or name."""

    operator: str
    version: int
    options: Mapping[str, Json]
    engines: Mapping[str, str]
    inputs: tuple[tuple[str, str], ...]
    """(role, fingerprint) in order."""
    content: tuple[str, ...]
    """SHA-256 of the data files it read directly, in order of their paths."""
    files: Mapping[str, str]
    """SHA-256 by path within the folder."""
    adopted: bool = False
    """Whether somebody said that this is the computation's result, where no step made it. No part of the identity."""
    from_adopted: tuple[str, ...] = ()
    """Fingerprints of the adopted artifacts that it was made from, near or far, sorted. No part of the identity."""

    @property
    def fingerprint(self) -> str:
        """The identity, computed again from the parts."""
        options = dict(self.options)
        return fingerprint(self.operator, self.version, options, self.engines, self.inputs, self.content)

    def encode(self) -> bytes:
        """Return the bytes of `lineage.json`."""
        parts: dict[str, Json] = {
            "schema": SCHEMA,
            "fingerprint": self.fingerprint,
            "operator": self.operator,
            "version": self.version,
            "options": dict(self.options),
            "engines": dict(self.engines),
            "inputs": [list(pair) for pair in self.inputs],
            "content": list(self.content),
            "files": dict(self.files),
        }
        if self.adopted:
            parts["adopted"] = True
        if self.from_adopted:
            parts["from_adopted"] = list(self.from_adopted)
        return (json.dumps(parts, indent=1, sort_keys=True, ensure_ascii=False, allow_nan=False) + "\n").encode()


@dataclass(frozen=True, slots=True)
class Damage:
    """Why a folder is no artifact. `absent`: there is nothing at all."""

    reason: str
    absent: bool = False


def read_lineage(folder: Path) -> Lineage | Damage:
    """Read `lineage.json`; the files are not looked at."""
    try:
        raw = json.loads(read_regular(folder / LINEAGE, LARGEST))
    except FileNotFoundError:
        return Damage("nothing is there", True) if not os.path.lexists(folder) else Damage(f"`{LINEAGE}` is missing")
    except (OSError, ValueError, RecursionError):
        return Damage(f"`{LINEAGE}` cannot be read")
    return decode(raw)


def decode(raw: Json) -> Lineage | Damage:
    """Return the lineage that parsed JSON holds. A fingerprint that its own parts do not give is damage."""
    try:
        found = _lineage(raw)
        claimed = raw["fingerprint"] if isinstance(raw, dict) else None
        return found if found.fingerprint == claimed else Damage("its fingerprint does not fit what it is said to be")
    except (KeyError, TypeError, ValueError, RecursionError):
        return Damage(f"`{LINEAGE}` is not what a step writes")


def _lineage(raw: Json) -> Lineage:
    if not isinstance(raw, dict) or raw["schema"] != SCHEMA:
        raise ValueError
    options, engines, inputs, content, files = (
        raw[key] for key in ("options", "engines", "inputs", "content", "files")
    )
    operator, version = raw["operator"], raw["version"]
    if not isinstance(operator, str) or type(version) is not int or not isinstance(options, dict):
        raise TypeError
    adopted = raw.get("adopted") is True
    made_from = _list(raw.get("from_adopted", []))
    parts = texts(engines), _pairs(inputs), _list(content), texts(files)
    return Lineage(operator, version, options, *parts, adopted, made_from)


def texts(raw: Json) -> dict[str, str]:
    """Return a map of strings. Raises TypeError for anything else."""
    if not isinstance(raw, dict):
        raise TypeError
    return {key: _text(value) for key, value in raw.items()}


def _list(raw: Json) -> tuple[str, ...]:
    if not isinstance(raw, list):
        raise TypeError
    return tuple(_text(item) for item in raw)


def _pairs(raw: Json) -> tuple[tuple[str, str], ...]:
    if not isinstance(raw, list):
        raise TypeError
    pairs = [_list(item) for item in raw]
    if any(len(pair) != 2 for pair in pairs):
        raise ValueError
    return tuple((pair[0], pair[1]) for pair in pairs)


def _text(raw: Json) -> str:
    if not isinstance(raw, str):
        raise TypeError
    return raw


def inspect(folder: Path, digests: FileDigests) -> Lineage | Damage:
    """Read an artifact's lineage and prove that its files are those listed, no more and no fewer, byte for byte."""
    lineage = read_lineage(folder)
    if isinstance(lineage, Damage):
        return lineage
    try:
        found = list_files(folder)
    except OSError as error:
        return Damage(f"it cannot be read: {(error.strerror or str(error)).lower()}")
    return _compare(folder, lineage, found, digests) or lineage


def _compare(folder: Path, lineage: Lineage, found: set[str], digests: FileDigests) -> Damage | None:
    if found != set(lineage.files):
        missing, extra = sorted(set(lineage.files) - found), sorted(found - set(lineage.files))
        return Damage(f"`{missing[0]}` is missing" if missing else f"`{extra[0]}` does not belong to it")
    for name, wanted in lineage.files.items():
        path = folder / name
        try:
            if path.is_symlink() and not _cached(path):
                return Damage(f"`{name}` is a symbolic link")
            if digests.sha256(path) != wanted:
                return Damage(f"`{name}` was changed after it was made")
        except OSError as error:
            return Damage(f"`{name}` cannot be read: {(error.strerror or str(error)).lower()}")
    return None


def _cached(link: Path) -> bool:
    """DVC may put a link into its cache in place of a file; its bytes are proved like any other's."""
    return "files/md5" in link.resolve().as_posix()


def list_files(folder: Path) -> set[str]:
    """Return the paths of all files below `folder` but its lineage, with `/`. A linked folder counts as a file."""
    found: set[str] = set()
    for parent, folders, files in os.walk(folder):
        linked = [name for name in folders if Path(parent, name).is_symlink()]
        found.update(Path(parent, name).relative_to(folder).as_posix() for name in [*files, *linked])
    return found - {LINEAGE}
