"""SHA-256 of files, remembered by what stat says of them. In: paths. Out: digests; the memory lies in `.ladle/`."""

from __future__ import annotations

import errno
import hashlib
import json
import os
import stat
import sys
import time
from contextlib import suppress
from pathlib import Path

from ladle.executor.atomic import hide
from ladle.executor.regular import read_regular

LARGEST = 64 * 2**20
"""Bytes of a memory that is read: some three hundred thousand files."""

WORTH_SAYING = 2 * 2**30
"""Bytes of a file that is not hashed in silence: it takes more than a second."""
_SETTLED_NS = 50_000_000
"""A file written less than this ago is hashed but not remembered: its next change could leave the same time stamp."""


class FileDigests:
    """SHA-256 by file. A file whose size, time of change and inode are those remembered is not read again."""

    def __init__(self, memory: Path) -> None:
        self._memory = memory
        self._known: dict[str, list[int | str]] = _read(memory)
        self._fresh: dict[str, list[int | str]] = {}

    def sha256(self, path: Path) -> str:
        """Return the digest (hex) of a file's bytes. Raises OSError where it cannot be read."""
        before = path.stat()
        if not stat.S_ISREG(before.st_mode):
            raise OSError(errno.EINVAL, "it is no regular file", str(path))
        key, mark = str(path), [before.st_size, before.st_mtime_ns, before.st_ino]
        known = self._known.get(key)
        if known and known[:3] == mark:
            return str(known[3])
        if before.st_size >= WORTH_SAYING:
            size = f"{before.st_size / 2**30:.1f} GiB"
            print(f"hashing {path.name!a} ({size}): once, it is remembered", file=sys.stderr, flush=True)
        with path.open("rb") as file:
            found = hashlib.file_digest(file, "sha256").hexdigest()
        if time.time_ns() - before.st_mtime_ns > _SETTLED_NS:
            self._known[key] = self._fresh[key] = [*mark, found]
        return found

    def learn(self, path: Path, digest: str) -> None:
        """Take the digest of a file from who wrote it, and writes no more."""
        found = path.stat()
        self._known[str(path)] = [found.st_size, found.st_mtime_ns, found.st_ino, digest]

    def save(self) -> None:
        """Write what was learnt; it is only a memory, so a disk that refuses is no problem."""
        if not self._fresh:
            return
        merged = {**_read(self._memory), **self._fresh}
        partial = self._memory.with_name(f"{self._memory.name}.{os.getpid()}")
        try:
            hide(self._memory.parent)
            partial.write_text(json.dumps(merged))
            partial.replace(self._memory)
        except OSError:
            with suppress(OSError):
                partial.unlink()
        self._fresh = {}


def _read(memory: Path) -> dict[str, list[int | str]]:
    try:
        found = json.loads(read_regular(memory, LARGEST))
    except (OSError, ValueError, RecursionError):
        return {}
    if not isinstance(found, dict):
        return {}
    return {k: v for k, v in found.items() if isinstance(v, list) and len(v) == 4 and isinstance(v[3], str)}
