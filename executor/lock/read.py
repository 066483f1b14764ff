"""`ladle.lock` as read. In: a file that a stranger may have written. Out: the lock, or what is wrong with it and where.

Every value is bounded and typed, every text free of control characters, every entry free of contradiction.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Final, TypeVar

from ladle.dsl.codes import CODES
from ladle.dsl.diagnostics import Diagnostic
from ladle.dsl.frozen import frozen, replace
from ladle.dsl.graph import Json
from ladle.dsl.source import Source, Span
from ladle.dsl.types import Unknown
from ladle.executor.console import from_here
from ladle.executor.lock.entries import (
    EMPTY,
    LOCK,
    Lock,
    LockedData,
    LockedModel,
    Pinned,
    written,
)
from ladle.executor.lock.parts import check_schema, corpus_of, data_of, folder_of, model_of, pattern_of, pinned_of
from ladle.executor.lock.place import key_span
from ladle.executor.lock.values import (
    MAX_ENTRIES,
    Bad,
    Body,
    an_object,
    the_keys,
)
from ladle.executor.quoting import short
from ladle.executor.regular import read_regular

MAX_BYTES: Final = 16 * 2**20
MAX_PROBLEMS: Final = 20

_DAMAGED: Final = f"resolve its conflicts, or delete `{LOCK}` and run `ladle lock`"
_WRONG: Final = "mend the entry, or delete it and run `ladle lock`"
_NEWER: Final = "install a version of Ladle that reads it"

T = TypeVar("T")
Key = TypeVar("Key")


@frozen
class ReadLock:
    """A lock, and what is wrong with its file: no entry of a file with problems is believed."""

    lock: Lock
    problems: tuple[Diagnostic, ...]


def read_lock(path: Path) -> ReadLock:
    """Return the lock at `path`, empty where there is none. Nothing is raised for what is wrong with it."""
    named = from_here(path)
    try:
        raw = read_regular(path, MAX_BYTES)
    except FileNotFoundError:
        return ReadLock(EMPTY, ())
    except OSError as error:
        why = (error.strerror or str(error)).lower()
        return _refused(Source(named, ""), [Bad((), f"`{LOCK}` cannot be read: {why}", "E414")])
    return parse_lock(raw, named)


def parse_lock(raw: bytes, named: str = LOCK) -> ReadLock:
    """Return the lock that the bytes of the file `named` hold, with every problem of it."""
    try:
        text = raw.decode("utf-8")
    except UnicodeDecodeError as error:
        return _refused(Source(named, ""), [Bad((), f"`{LOCK}` is not UTF-8 at byte {error.start}", "E414")])
    source = Source(named, text)
    try:
        value: Json = json.loads(text, object_pairs_hook=_unique, parse_constant=_constant, parse_float=_constant)
    except json.JSONDecodeError as error:
        message = f"`{LOCK}` is no JSON: {error.msg.lower()}"
        return ReadLock(EMPTY, (_diagnostic(source, "E414", message, Span(error.pos, error.pos + 1)),))
    except RecursionError:
        return _refused(source, [Bad((), f"`{LOCK}` is nested too deep", "E414")])
    except (Bad, ValueError) as error:
        bad = error if isinstance(error, Bad) else Bad((), f"`{LOCK}`: {short(str(error))}", "E414")
        return _refused(source, [bad])
    reader = _Reader()
    lock = reader.lock(value)
    return _refused(source, reader.found) if reader.found else ReadLock(lock, ())


def _refused(source: Source, found: list[Bad]) -> ReadLock:
    return ReadLock(EMPTY, tuple(_located(source, bad) for bad in found[:MAX_PROBLEMS]))


def _located(source: Source, bad: Bad) -> Diagnostic:
    """Find the last of the keys that lead to a problem."""
    span = key_span(source.text, bad.where) if bad.where else Span(0, 0)
    return _diagnostic(source, bad.code, bad.message, span, entry=len(bad.where) > 1)


def _diagnostic(source: Source, code: str, message: str, span: Span, entry: bool = False) -> Diagnostic:
    help = _NEWER if code == "E415" else _WRONG if entry else _DAMAGED
    return Diagnostic(code, CODES[code], message, source, span, "", help)


def _unique(pairs: list[tuple[str, Json]]) -> Body:
    found = dict(pairs)
    if len(found) < len(pairs):
        keys = [key for key, _ in pairs]
        twice = next(key for key in keys if keys.count(key) > 1)
        raise Bad((twice,), f"`{short(twice)}` stands twice in one object", "E414")
    return found


def _constant(name: str) -> Json:
    raise Bad((), f"{short(name)} is no number that a lock holds", "E414")


class _Reader:
    """Reads a lock; problems are kept, an entry with one is left out."""

    def __init__(self) -> None:
        self.found: list[Bad] = []

    def lock(self, value: Json) -> Lock:
        try:
            top = the_keys(value, (), ("schema",), ("models", "data", "corpora", "folders"))
            check_schema(top["schema"])
        except Bad as bad:
            self.found.append(bad)
            return EMPTY
        models = self.entries(top, "models", pinned_of, model_of)
        data = self.entries(top, "data", pinned_of, data_of)
        corpora = self.entries(top, "corpora", pattern_of, corpus_of)
        folders = self.entries(top, "folders", pattern_of, folder_of)
        self.agree("models", models, _commit_of_model, lambda a, b: replace(a, basis="").agrees(replace(b, basis="")))
        self.agree("data", data, _commit_of_data, _same_data)
        return Lock(models, data, corpora, folders)

    def entries(
        self,
        top: Body,
        section: str,
        key: Callable[[str, tuple[str, ...]], Key],
        read: Callable[[Json, tuple[str, ...], Key], T],
    ) -> dict[Key, T]:
        made: dict[Key, T] = {}
        try:
            body = an_object(top.get(section, {}), (section,), MAX_ENTRIES)
        except Bad as bad:
            self.found.append(bad)
            return made
        for name, value in body.items():
            try:
                where = (section, name)
                named = key(name, where)
                made[named] = read(value, where, named)
            except Bad as bad:
                self.found.append(bad)
        return made

    def agree(
        self,
        section: str,
        entries: Mapping[Pinned, T],
        commit: Callable[[T], str | Unknown],
        same: Callable[[T, T], bool],
    ) -> None:
        """Report entries of one repository and commit that say different things of it."""
        first: dict[tuple[str, str], tuple[Pinned, T]] = {}
        for pinned, entry in entries.items():
            at = commit(entry)
            if isinstance(at, Unknown):
                continue
            before = first.setdefault((pinned[0], at), (pinned, entry))
            if before[0] != pinned and not same(before[1], entry):
                a, b = written(before[0]), written(pinned)
                self.found.append(Bad((section, b), f"`{short(b)}` and `{short(a)}` are one commit and differ", "E417"))


def _commit_of_model(entry: LockedModel) -> str | Unknown:
    return entry.commit


def _commit_of_data(entry: LockedData) -> str | Unknown:
    return entry.commit


def _same_data(a: LockedData, b: LockedData) -> bool:
    others = dict(b.splits)
    return a.licence == b.licence and all(others.get(part, rows) == rows for part, rows in a.splits)
