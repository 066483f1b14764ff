"""The manifest of a hub model. In: a folder with `source.json`. Out: the snapshot in the local cache it stands for.

A hub artifact holds no weights: `source.json` names repository, commit and the SHA-256 of every file, and the files
stay in the hub's cache, where every project of this machine shares them.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

from huggingface_hub import snapshot_download
from huggingface_hub.errors import HFValidationError, LocalEntryNotFoundError
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


def snapshot_folder(folder: Path) -> Path:
    """Return the snapshot in the hub cache that the manifest of `folder` names, without network.

    Raises StepError where the cache has lost it or a file has another size.
    """
    source = read_source(folder)
    try:
        names = [name for name, _, _ in source.files]
        found = snapshot_download(
            source.repository, revision=source.commit, allow_patterns=names, local_files_only=True
        )
    except (LocalEntryNotFoundError, HFValidationError):
        raise _lost(source) from None
    path = Path(found)
    for name, size, _ in source.files:
        if not (path / name).is_file() or (path / name).stat().st_size != size:
            raise _lost(source)
    return path


def _lost(source: Source) -> StepError:
    return StepError(
        f"`{source.repository}` at {source.commit[:12]} is no longer complete in the hub cache",
        "delete its artifact and run its step again: the files are downloaded once more",
    )
