"""A lock brought up to date. In: a project, what its recipes want. Out: the new lock, what changed, what failed.

An entry is whole or not there at all: what one repository refuses leaves its old entry as it was, and the others are
kept. The new lock is read back, as a stranger's would be, before a byte of it is written.
"""

from __future__ import annotations

from collections.abc import Callable, Container, Iterable, Mapping
from dataclasses import dataclass, field
from importlib import import_module
from pathlib import Path
from typing import Protocol, TypeVar

from ladle.dsl.diagnostics import RecipeError
from ladle.dsl.frozen import replace
from ladle.dsl.graph import Json
from ladle.executor.disk import in_words, write_file
from ladle.executor.endpoint import HubEndpoint
from ladle.executor.lock.changes import differences
from ladle.executor.lock.entries import LOCK, Lock, LockedCorpus, LockedData, LockedFolder, LockedModel, Pinned, written
from ladle.executor.lock.local import local_corpus
from ladle.executor.lock.read import parse_lock, read_lock
from ladle.executor.lock.standing import reader
from ladle.executor.lock.wanted import Wanted
from ladle.executor.lock.write import corpus_json, data_json, encode_lock, folder_json, model_json
from ladle.executor.locks import Waiting, hold
from ladle.executor.task import StepError
from ladle.executor.workspace import Workspace

ALL = "all"
Here = TypeVar("Here", LockedCorpus, LockedFolder)
_ENTER = f"put it there, or lock it where it is and commit `{LOCK}`, or enter what is known of it"


class Source(Protocol):
    """Who answers about repositories: the hub."""

    def model(self, name: str, revision: str) -> LockedModel:
        """Return the facts of a model. Raises StepError."""

    def data(self, name: str, revision: str, parts: tuple[tuple[str, str], ...]) -> LockedData:
        """Return the facts of splits of a data set. Raises StepError."""


@dataclass(slots=True)
class Updated:
    """What came of it: for each entry asked about its lines of difference ("new" for one that was not there)."""

    lock: Lock
    changes: dict[str, tuple[str, ...]] = field(default_factory=dict)
    failures: dict[str, StepError] = field(default_factory=dict)
    written: bool = False


def update(root: Path, wished: Wanted, names: tuple[str, ...], endpoint: HubEndpoint, waiting: Waiting) -> Updated:
    """Bring the lock of a project up to date: what is missing, and what `names` (or `all`) name.

    Raises RecipeError for a lock that cannot be read, StepError for a name that no entry has.
    """
    with in_words(f"writing `{LOCK}`"), hold(Workspace(root).lock("lock"), waiting):
        before = read_lock(root / LOCK)
        if before.problems:
            raise RecipeError(before.problems)
        work = _Work(root, Updated(before.lock), names, _connecting(endpoint))
        _known(names, before.lock, wished)
        work.models(wished)
        work.data(wished)
        work.corpora(wished)
        work.folders(wished)
        content = encode_lock(work.done.lock)
        _prove(content)
        if work.done.lock != before.lock or not (root / LOCK).exists():
            write_file(root / LOCK, content)
            work.done.written = True
        return work.done


def _connecting(endpoint: HubEndpoint) -> Callable[[], Source]:
    """The client is loaded when something must be asked: a lock of local corpora needs none."""

    def connect() -> Source:
        found: Source = import_module("ladle.executor.lock.remote_rows").DataHub(endpoint)
        return found

    return connect


def _known(names: tuple[str, ...], lock: Lock, wished: Wanted) -> None:
    entries = [*lock.models, *lock.data, *wished.models, *wished.data]
    paths = (*lock.corpora, *wished.corpora, *lock.folders, *wished.folders)
    known = {ALL, *paths, *(p[0] for p in entries), *(written(p) for p in entries)}
    for name in names:
        if name not in known:
            raise StepError(f"no recipe and no entry of `{LOCK}` names `{name}`", "name a repository, a path, or `all`")


def _prove(content: bytes) -> None:
    if problems := parse_lock(content).problems:
        message = f"what was found contradicts itself or the rest of the lock: {problems[0].message}"
        raise StepError(message, "nothing was written; update the other entry too: `ladle lock --update all`")


def _told(path: str, error: StepError | OSError) -> StepError:
    if isinstance(error, StepError):
        return error
    return StepError(f"`{path}` cannot be read: {(error.strerror or str(error)).lower()}", "who may read it?")


@dataclass(slots=True)
class _Work:
    root: Path
    done: Updated
    names: tuple[str, ...]
    connect: Callable[[], Source]
    hub: Source | None = None

    def models(self, wished: Wanted) -> None:
        found = dict(self.done.lock.models)
        for name, revision in (*wished.models, *self.named(found, wished.models)):
            before = found.get((name, revision))
            if before is None or self.asked(name, revision):
                entry = self.model(name, revision)
                if entry is not None:
                    found[name, revision] = entry
                    self.note(written((name, revision)), model_json(before) if before else None, model_json(entry))
        self.done.lock = replace(self.done.lock, models=found)

    def data(self, wished: Wanted) -> None:
        found = dict(self.done.lock.data)
        for name, revision in (*wished.data, *self.named(found, wished.data)):
            parts = wished.data.get((name, revision), {})
            before = found.get((name, revision))
            known = {part for part, _ in before.splits} if before else set()
            missing = [part for part in parts if part not in known]
            if missing or self.asked(name, revision):
                entry = self.splits(name, revision, tuple(sorted({*parts, *known})))
                if entry is not None:
                    found[name, revision] = entry
                    self.note(written((name, revision)), data_json(before) if before else None, data_json(entry))
        self.done.lock = replace(self.done.lock, data=found)

    def corpora(self, wished: Wanted) -> None:
        def encoded(path: str, entry: LockedCorpus) -> bytes:
            return encode_lock(Lock(corpora={path: entry}))

        found = self.here(self.done.lock.corpora, wished.corpora, local_corpus, corpus_json, encoded)
        self.done.lock = replace(self.done.lock, corpora=found)

    def folders(self, wished: Wanted) -> None:
        def encoded(path: str, entry: LockedFolder) -> bytes:
            return encode_lock(Lock(folders={path: entry}))

        known = self.done.lock.folders
        found = self.here(known, wished.folders, reader(known), folder_json, encoded)
        self.done.lock = replace(self.done.lock, folders=found)

    def here(
        self,
        known: Mapping[str, Here],
        wished: Iterable[str],
        read: Callable[[Path, str], Here | None],
        shown: Callable[[Here], Json],
        encoded: Callable[[str, Here], bytes],
    ) -> dict[str, Here]:
        """Read what lies in the project. Of what is not here, what is known stays as it is, letter by letter."""
        found = dict(known)
        for path in wished:
            before = found.get(path)
            try:
                entry = read(self.root, path)
                if entry is not None:
                    _prove(encoded(path, entry))
                elif before is None:
                    raise StepError(f"`{path}` is neither here nor in `{LOCK}`", _ENTER)
            except (StepError, OSError) as error:
                self.done.failures[path] = _told(path, error)
                continue
            if entry is not None:
                found[path] = entry
                self.note(path, shown(before) if before else None, shown(entry))
        return found

    def named(self, entries: Iterable[Pinned], others: Container[Pinned]) -> tuple[Pinned, ...]:
        """Return entries that no recipe asks for, and the user by name."""
        return tuple(p for p in entries if p not in others and {p[0], written(p)} & set(self.names))

    def asked(self, name: str, revision: str) -> bool:
        return bool({ALL, name, written((name, revision))} & set(self.names))

    def source(self) -> Source:
        self.hub = self.hub or self.connect()
        return self.hub

    def model(self, name: str, revision: str) -> LockedModel | None:
        try:
            entry = self.source().model(name, revision)
            _prove(encode_lock(Lock(models={(name, revision): entry})))
        except StepError as error:
            self.done.failures[written((name, revision))] = error
            return None
        return entry

    def splits(self, name: str, revision: str, parts: tuple[tuple[str, str], ...]) -> LockedData | None:
        try:
            entry = self.source().data(name, revision, parts)
            _prove(encode_lock(Lock(data={(name, revision): entry})))
        except StepError as error:
            self.done.failures[written((name, revision))] = error
            return None
        return entry

    def note(self, name: str, before: Json, after: Json) -> None:
        lines = ("new",) if before is None else tuple(differences(before, after))
        if lines:
            self.done.changes[name] = lines
