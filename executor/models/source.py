"""The manifest of a hub model. In: a folder with `source.json`. Out: repository, commit and files.

A hub artifact holds no weights: `source.json` names repository, commit and the SHA-256 of every file, and the files
stay in the hub's cache, where every project of this machine shares them.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

from ladle.executor.task import StepError

MANIFEST = "source.json"


@dataclass(frozen=True, slots=True)
class Source:
    """A hub model at one commit: `files` are (path, bytes, SHA-256), sorted by path."""

    repository: str
    commit: str
    files: tuple[tuple[str, int, str], ...]


def write_source(folder: Path, source: Source) -> None:
    """Write the manifest of `source` to `folder`."""
    files = {path: {"bytes": size, "sha256": digest} for path, size, digest in source.files}
    value = {"schema": 1, "repository": source.repository, "commit": source.commit, "files": files}
    (folder / MANIFEST).write_text(json.dumps(value, indent=1, sort_keys=True) + "\n", encoding="utf-8")


def read_source(folder: Path) -> Source:
    """Return the manifest of `folder`. Raises StepError where it cannot be read."""
    try:
        value = json.loads((folder / MANIFEST).read_text(encoding="utf-8"))
        files = tuple(
            (path, int(entry["bytes"]), str(entry["sha256"])) for path, entry in sorted(value["files"].items())
        )
        return Source(str(value["repository"]), str(value["commit"]), files)
    except (OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise StepError(f"`{MANIFEST}` of `{folder.name}` cannot be read: {error}") from None
