"""Whether a lock is good for its recipes. In: a lock, and what they want. Out: what is missing, what is stale."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from itertools import islice
from pathlib import Path
from typing import TypeVar

from ladle.dsl.codes import CODES
from ladle.dsl.diagnostics import Diagnostic
from ladle.dsl.graph import Json
from ladle.dsl.source import Source, Span
from ladle.executor.lock.changes import differences
from ladle.executor.lock.entries import LOCK, Lock, LockedCorpus, LockedFolder, LockedModel, written
from ladle.executor.lock.facts import split
from ladle.executor.lock.folders import local_folder
from ladle.executor.lock.in_part import in_part
from ladle.executor.lock.local import local_corpus
from ladle.executor.lock.wanted import Wanted
from ladle.executor.lock.write import corpus_json, folder_json
from ladle.executor.places import located
from ladle.executor.task import StepError

Here = TypeVar("Here", LockedCorpus, LockedFolder)
Places = Mapping[str, tuple[Source, Span]]

_HELP = f"run `ladle lock` and commit `{LOCK}`"
_THERE = f"put it there, or run `ladle lock` where it is and commit `{LOCK}`"
_SHOWN = 3
"""Facts of an entry that a message tells."""


def standing(lock: Lock, wished: Wanted, root: Path) -> tuple[Diagnostic, ...]:
    """Return what the lock lacks, and each entry of what lies in the project that `ladle lock` would change."""
    corpora = _here(lock.corpora, wished.corpora, root, local_corpus, corpus_json)
    folders = _here(lock.folders, wished.folders, root, reader(lock.folders), folder_json)
    return (*_models(lock, wished), *_data(lock, wished), *corpora, *folders)


def reader(known: Mapping[str, LockedFolder]) -> Callable[[Path, str], LockedFolder | None]:
    """Return what reads a folder of the project: nothing of one of which the lock knows more than is here."""

    def read(root: Path, folder: str) -> LockedFolder | None:
        return None if in_part(root, folder, known.get(folder)) else local_folder(root, folder)

    return read


def unused(lock: Lock, wished: Wanted) -> tuple[str, ...]:
    """Return the entries that none of the recipes asks for."""
    pinned = [
        *(key for key in lock.models if key not in wished.models),
        *(k for k in lock.data if k not in wished.data),
    ]
    paths = [
        *(path for path in lock.corpora if path not in wished.corpora),
        *(path for path in lock.folders if path not in wished.folders),
    ]
    return (*map(written, pinned), *paths)


def _models(lock: Lock, wished: Wanted) -> Iterator[Diagnostic]:
    for pinned, place in wished.models.items():
        if pinned not in lock.models:
            yield _problem("E418", place, f"`{written(pinned)}` is not in `{LOCK}`")


def _data(lock: Lock, wished: Wanted) -> Iterator[Diagnostic]:
    for pinned, parts in wished.data.items():
        entry = lock.data.get(pinned)
        for part, place in parts.items():
            if entry is None or split(entry, part) is None:
                yield _problem("E418", place, f"the split `{part[1]}` of `{written(pinned)}` is not in `{LOCK}`")


def _here(
    known: Mapping[str, Here],
    wished: Places,
    root: Path,
    read: Callable[[Path, str], Here | None],
    shown: Callable[[Here], Json],
) -> Iterator[Diagnostic]:
    """Yield what is neither here nor locked, and what is here and not what the lock says of it."""
    for path, place in wished.items():
        entry = known.get(path)
        if entry is None:
            if not located(root, path)[0]:
                yield _problem("E418", place, f"`{path}` is neither here nor in `{LOCK}`", _THERE)
            continue
        try:
            found = read(root, path)
        except StepError as error:
            message = f"`{path}` is not what `{LOCK}` says of it: {error.message}"
            yield _problem("E419", place, message, error.help)
            continue
        if found and not _same(found, entry):
            yield _problem("E419", place, _differs(path, shown(entry), shown(found)))


def _same(found: Here, entry: Here) -> bool:
    if isinstance(found, LockedModel) and isinstance(entry, LockedModel):
        return found.agrees(entry)
    return found == entry


def _differs(path: str, locked: Json, found: Json) -> str:
    assert isinstance(locked, dict)
    assert isinstance(found, dict)
    if locked["files"] not in ("unknown", found["files"]):
        return f"the files of `{path}` are not those of `{LOCK}`"
    told = list(islice(differences(locked, found), _SHOWN))
    return f"`{path}` is not what `{LOCK}` says of it, and `ladle lock` would write: {'; '.join(told)}"


def _problem(code: str, place: tuple[Source, Span], message: str, help: str = _HELP) -> Diagnostic:
    return Diagnostic(code, CODES[code], message, place[0], place[1], "", help)
