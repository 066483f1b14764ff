"""Folders that are here in part: all but their weights. In: a folder, its entry of the lock. Out: whether it is one.

A repository may hold a model's configuration and tokenizer, and not its weights, or pointers to them. Where what is
here is what was locked, the lock speaks for the whole, as it does for a folder that is not here at all.
"""

from __future__ import annotations

from pathlib import Path

from ladle.dsl.types import Unknown
from ladle.executor.file_digests import FileDigests
from ladle.executor.lock.entries import LockedFolder
from ladle.executor.places import located
from ladle.executor.pointers import pointed

WEIGHTS = ".safetensors"
_PICKLES = (".bin", ".pt", ".pth", ".ckpt")


def in_part(root: Path, folder: str, entry: LockedFolder | None) -> bool:
    """Say whether of the files of an entry all weights are missing or pointed to, and all else here is as locked.

    A folder with other weights, in whatever form, or with a file of the model that the lock does not know, is judged as
    it is. Raises OSError where a file cannot be read.
    """
    if entry is None or isinstance(entry.files, Unknown):
        return False
    paths, faults = located(root, folder)
    known = dict(entry.files)
    if faults or not any(name.endswith(WEIGHTS) for name in known) or _weighed(root / folder):
        return False
    digests = FileDigests(root / ".ladle" / "digests.json")
    here = {path.relative_to(root).as_posix(): path for path in paths}
    said = ((name, pointed(path) or digests.sha256(path)) for name, path in here.items())
    agreed = all(name in known and known[name].sha256 == content for name, content in said)
    digests.save()
    return agreed


def _weighed(folder: Path) -> bool:
    return any(path.suffix in (WEIGHTS, *_PICKLES) and not pointed(path) for path in folder.iterdir())
