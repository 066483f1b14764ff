"""What a lock says to a check. In: a project's root. Out: facts of the hub and of files that are elsewhere.

The lock is read when it is first asked for, so that a recipe without hub or absent files costs nothing.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from functools import cached_property
from importlib import import_module
from pathlib import Path

from ladle.dsl.diagnostics import Diagnostic
from ladle.dsl.frozen import replace
from ladle.dsl.signature import CorpusFacts, Fault, File, Sort
from ladle.dsl.types import UNKNOWN, ModelType, Unknown
from ladle.executor.lock.entries import LOCK, LockedCorpus, LockedData, LockedFolder, LockedModel, LockedRows
from ladle.executor.lock.read import ReadLock, read_lock
from ladle.executor.quoting import short
from ladle.executor.rows import RowError, kind_of_columns

Columns = Mapping[str, str]


class LockedFacts:
    """The lock of one project, asked by name."""

    def __init__(self, root: Path) -> None:
        self._root = root
        self._asked = False
        self._missing: dict[str, None] = {}

    @cached_property
    def _read(self) -> ReadLock:
        self._asked = True
        return read_lock(self._root / LOCK)

    def read(self) -> None:
        """Read the lock now, whatever is asked of it later."""
        self._asked = bool(self._read)

    @property
    def problems(self) -> tuple[Diagnostic, ...]:
        """What is wrong with the lock, if anything was asked of it."""
        return self._read.problems if self._asked else ()

    @property
    def missing(self) -> tuple[str, ...]:
        """Repositories that were asked for and that the lock does not hold."""
        return tuple(self._missing)

    def model(self, name: str, revision: str) -> LockedModel | None:
        """Return the entry of a model: of this revision, or of any whose commit it is."""
        models = self._read.lock.models
        return models.get((name, revision)) or next(
            (entry for (repo, _), entry in models.items() if repo == name and _is(entry.commit, revision)), None
        )

    def data(self, name: str, revision: str) -> LockedData | None:
        """Return the entry of a data set: of this revision, or of any whose commit it is."""
        data = self._read.lock.data
        return data.get((name, revision)) or next(
            (entry for (repo, _), entry in data.items() if repo == name and _is(entry.commit, revision)), None
        )

    def corpus(self, pattern: str) -> LockedCorpus | None:
        """Return the entry of files of the project, for a check that does not find them."""
        return self._read.lock.corpora.get(pattern)

    def folder(self, folder: str) -> LockedFolder | None:
        """Return the entry of a model or adapter folder of the project, for a check that does not find it."""
        return self._read.lock.folders.get(folder)

    def in_part(self, folder: str) -> LockedFolder | None:
        """Return the entry of a folder whose weights alone are not here, None for any other."""
        entry = self.folder(folder)
        if entry is None:
            return None
        partly: Callable[[Path, str, LockedFolder], bool] = import_module("ladle.executor.lock.in_part").in_part
        try:
            return entry if partly(self._root, folder, entry) else None
        except OSError:
            return None

    def corpus_facts(self, pattern: str, entry: LockedCorpus, columns: Columns) -> CorpusFacts | tuple[Fault, ...]:
        """Return kind and columns of files that are elsewhere, or what is wrong with them."""
        return corpus_facts(pattern, entry.rows, columns)

    # --- what the checker asks --------------------------------------------------------------------------------------

    def hub_model(self, name: str, revision: str) -> ModelType | None:
        """Return the type of a hub model, None where the lock has no entry."""
        found = self.model(name, revision)
        if found is None:
            self._missing[name] = None
        return found.type() if found else None

    def hub_corpus(
        self, name: str, revision: str, part: tuple[str, str], columns: Columns
    ) -> CorpusFacts | tuple[Fault, ...] | None:
        """Return kind and columns of the rows of a split, None where the lock has no entry of it."""
        found = self.data(name, revision)
        rows = split(found, part) if found else None
        if rows is None:
            self._missing[name] = None
            return None
        facts = corpus_facts(f"{name} ({part[1]})", rows, columns)
        return replace(facts, licence=found.licence) if found and isinstance(facts, CorpusFacts) else facts

    def hub_commit(self, sort: Sort, name: str, revision: str) -> str:
        """Return the commit of a revision, "" where nobody could read it."""
        found = self.model(name, revision) if sort is Sort.MODEL else self.data(name, revision)
        return "" if found is None or isinstance(found.commit, Unknown) else found.commit

    def differing_token(self, identity: str, other: str) -> tuple[str, str, str] | None:
        """Return an added token that one of two vocabularies lacks, and what it is in each; None where none is known.

        Of other tokens the lock knows nothing.
        """
        a, b = self.added(identity), self.added(other)
        if a is None or b is None:
            return None
        token = min({*a} ^ {*b}, default=None)
        here, there = ("an added token" if token in each else "no added token" for each in (a, b))
        return None if token is None else (f"`{short(token)}`", here, there)

    def added(self, identity: str) -> tuple[str, ...] | None:
        """Return the added tokens of a vocabulary, None where no entry knows them."""
        lock = self._read.lock
        folders = (each for each in lock.folders.values() if isinstance(each, LockedModel))
        words = (each.vocabulary for each in (*lock.models.values(), *folders) if each.vocabulary.identity == identity)
        return next((each.added for each in words if not isinstance(each.added, Unknown)), None)

    def files(self, pattern: str) -> tuple[File, ...]:
        """Return files that are elsewhere, or those of a model folder; none where the lock does not know them.

        Where it knows no content, they are known by their pattern: such a graph can be planned and never run.
        """
        corpus, folder = self.corpus(pattern), self.folder(pattern)
        if corpus is None and folder is None:
            return ()
        known = corpus.rows.files if corpus else folder.files if folder else UNKNOWN
        if isinstance(known, Unknown) or any(isinstance(file.sha256, Unknown) for _, file in known):
            return (File(pattern, 0, hashlib.sha256(f"absent {pattern}".encode()).hexdigest()),)
        return tuple(
            File(path, file.bytes if isinstance(file.bytes, int) else 0, str(file.sha256)) for path, file in known
        )


def split(entry: LockedData, part: tuple[str, str]) -> LockedRows | None:
    """Return the rows of (subset, split). Without a subset the only one that has the split is meant."""
    known = dict(entry.splits)
    if part in known or part[0]:
        return known.get(part)
    named = [rows for (_, name), rows in entry.splits if name == part[1]]
    return named[0] if len(named) == 1 else None


def corpus_facts(what: str, rows: LockedRows, columns: Columns) -> CorpusFacts | tuple[Fault, ...]:
    """Return kind and canonical columns of locked rows once `columns` gives them their names, or what is wrong."""
    if isinstance(rows.columns, Unknown):
        try:
            return (
                CorpusFacts(*kind_of_columns(columns.values(), columns)) if columns else CorpusFacts(UNKNOWN, rows.kind)
            )
        except RowError:
            return CorpusFacts(UNKNOWN, UNKNOWN, "the lock knows no columns")
    try:
        return CorpusFacts(*kind_of_columns(rows.columns, columns))
    except RowError as error:
        help = import_module("ladle.executor.foreign_rows").remedy(dict.fromkeys(rows.columns), columns)
        return (Fault(error.code, f"`{short(what)}`, as `{LOCK}` has it: {error.message}", help),)


def _is(commit: str | Unknown, revision: str) -> bool:
    return commit == revision
