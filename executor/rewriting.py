"""A file's new text. In: its path and bytes. Out: the old file or the new, whole, with the same permissions."""

from __future__ import annotations

import os
import stat
from pathlib import Path


def rewrite(path: Path, content: bytes) -> None:
    """Replace what a file holds. A link stays a link; others may do with the file what they might before.

    Raises OSError where the folder cannot be written.
    """
    path = path.resolve()
    mode = stat.S_IMODE(path.stat().st_mode)
    partial = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        with os.fdopen(os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
            file.write(content)
            os.fchmod(file.fileno(), mode)
            file.flush()
            os.fsync(file.fileno())
        partial.replace(path)
    except BaseException:
        partial.unlink(missing_ok=True)
        raise
