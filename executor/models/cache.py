"""The hub's cache on this machine. In: the manifest of a hub model. Out: the folder of its files, without network."""

from __future__ import annotations

from pathlib import Path

from huggingface_hub import snapshot_download
from huggingface_hub.errors import HFValidationError, LocalEntryNotFoundError
from ladle.executor.models.source import Source, read_source
from ladle.executor.task import StepError


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
