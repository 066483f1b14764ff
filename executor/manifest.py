"""What lies in an artifact. In: its folder. Out: the SHA-256 of each file, several hashed side by side."""

from __future__ import annotations

import os
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from ladle.executor.file_digests import FileDigests
from ladle.executor.lineage import list_files


def manifest(folder: Path, digests: FileDigests) -> dict[str, str]:
    """Return the SHA-256 of every file below `folder`, by path, sorted."""
    names = sorted(list_files(folder))
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        found = pool.map(digests.sha256, [folder / name for name in names])
        return dict(zip(names, found, strict=True))
