"""Pointers of git LFS. In: a file of a clone. Out: the content that it stands for, where it is a pointer."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Final

LARGEST: Final = 1024
"""Bytes of a pointer at most, as git LFS has it."""
_POINTER: Final = rb"version https://git-lfs\.github\.com/spec/v1\n(?:.*\n)*?oid sha256:([0-9a-f]{64})\n"


def pointed(path: Path) -> str:
    """Return the SHA-256 of the content that a pointer stands for, "" for any other file, and for none."""
    try:
        if path.stat().st_size > LARGEST:
            return ""
        with path.open("rb") as file:
            found = re.match(_POINTER, file.read(LARGEST))
    except OSError:
        return ""
    return found[1].decode() if found else ""
