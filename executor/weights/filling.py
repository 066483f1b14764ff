"""A file that fills up in no order. In: bytes and their places. Out: all of it on disk, and its SHA-256.

The system would keep what is written in memory until there is none left, then read it all again for the digest. Here
the whole part at the file's beginning is hashed while it is warm, put on disk and let go of: written memory is used
again for what comes next, and the models that are read stay in memory instead (measured: a third of the time).
"""

from __future__ import annotations

import hashlib
import os
import threading
from concurrent.futures import Executor, Future
from pathlib import Path
from typing import Final

STRIDE: Final = 32 << 20
"""Bytes that are hashed and put on disk at a time."""
_BLOCK: Final = 1 << 20
_PAGE: Final = 4096
_DURABLE: Final = getattr(os, "fdatasync", os.fsync)


class Filling:
    """A new file of a known size; threads write into it while two of the background follow: one hashes, one syncs."""

    def __init__(self, path: Path, size: int, background: Executor) -> None:
        """Make the file. Raises OSError where there is one."""
        self.path, self._size, self._background = path, size, background
        self._number = os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o644)
        os.ftruncate(self._number, size)
        self._lock = threading.Lock()
        self._landed: dict[int, int] = {}
        self._whole, self._followed = 0, 0
        self._digest = hashlib.sha256()
        self._following: Future[None] | None = None
        self._settling: list[Future[None]] = []

    def write(self, place: int, raw: memoryview) -> None:
        """Write bytes; one thread at a time, since the system would let the others wait at full speed."""
        with self._lock:
            done = 0
            while done < len(raw):
                done += os.pwrite(self._number, raw[done:], place + done)
            self._landed[place] = place + done
            while self._whole in self._landed:
                self._whole = self._landed.pop(self._whole)
            if not self._following and self._due():
                self._following = self._background.submit(self._follow)

    def finish(self) -> str:
        """Wait until everything is on disk; return the SHA-256 in hex. Raises OSError where the disk refused."""
        while following := self._following:
            following.result()
        for settling in self._settling:
            settling.result()
        if self._followed < self._size:
            raise RuntimeError(f"{self._size - self._followed} bytes of {self.path.name} were never written")
        return self._digest.hexdigest()

    def close(self) -> None:
        """Let go of the file."""
        os.close(self._number)

    def _due(self) -> bool:
        return self._whole - self._followed >= STRIDE or self._followed < self._whole == self._size

    def _follow(self) -> None:
        """Hash what lies whole until too little is left; the disk has its time meanwhile."""
        while True:
            with self._lock:
                first, end = self._followed, self._whole
                if not self._due():
                    self._following = None
                    return
            end = min(end, first + STRIDE)
            self._hash(first, end)
            self._settling.append(self._background.submit(self._settle, first, end))
            self._followed = end

    def _settle(self, first: int, end: int) -> None:
        """Put what was hashed on disk, and let go of its memory."""
        _DURABLE(self._number)
        if hasattr(os, "posix_fadvise"):
            first -= first % _PAGE
            os.posix_fadvise(self._number, first, end - first, os.POSIX_FADV_DONTNEED)

    def _hash(self, first: int, end: int) -> None:
        block = memoryview(bytearray(_BLOCK))
        while first < end:
            count = os.preadv(self._number, [block[: end - first]], first)
            if not count:
                raise OSError(f"{self.path.name} became shorter while it was written")
            self._digest.update(block[:count])
            first += count
