"""`ladle.lock` as read. In: a file that a stranger may have written. Out: the lock, or what is wrong with it and where.

Every value is bounded and typed, every text free of control characters, every entry free of contradiction.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Final, TypeVar

from ladle.dsl.codes import CODES
from ladle.dsl.diagnostics import Diagnostic
from ladle.dsl.frozen import frozen, replace
from ladle.dsl.graph import Json
from ladle.dsl.source import Source, Span
from ladle.dsl.types import UNKNOWN, CorpusKind, Unknown
from ladle.executor.console import from_here
from ladle.executor.lock.entries import (
    EMPTY,
    LOCK,
    SCHEMA,
    Files,
    Lock,
    LockedCorpus,
    LockedData,
    LockedFile,
    LockedModel,
    LockedRows,
    LockedTemplate,
    Pinned,
    Vocabulary,
)
from ladle.executor.lock.values import (
    COMMIT,
    MAX_ENTRIES,
    MAX_TEXT,
    NO_TEXT,
    Bad,
    Body,
    a_commit,
    a_count,
    a_flag,
    a_hash,
    a_text,
    a_word,
    an_object,
    shown,
    the_keys,
    unless_unknown,
)
from ladle.executor.quoting import short

MAX_BYTES: Final = 16 * 2**20
MAX_FILES: Final = 10_000
MAX_TEMPLATE: Final = 2**20
MAX_PROBLEMS: Final = 20

_NAME: Final = re.compile(r"[A-Za-z0-9][\w.-]{0,95}/[A-Za-z0-9][\w.-]{0,95}\Z", re.ASCII)
_REVISION: Final = re.compile(r"[A-Za-z0-9][\w./-]{0,250}\Z", re.ASCII)
SIZES: Final = ("heads", "hidden", "intermediate", "kv_heads", "layers", "tied", "vocab")
_WRONG: Final = "write it again with `ladle lock`, or mend it by hand"

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
        if path.stat().st_size > MAX_BYTES:
            return _refused(Source(named, ""), [Bad((), f"`{LOCK}` is larger than {MAX_BYTES} bytes", "E414")])
        raw = path.read_bytes()
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
    """Find the last of the keys that lead to a problem, each after the one before it."""
    place, span = 0, Span(0, 0)
    for key in bad.where:
        written = json.dumps(key, ensure_ascii=False)
        found = source.text.find(f"{written}:", place)
        if found < 0:
            break
        place, span = found, Span(found, found + len(written))
    return _diagnostic(source, bad.code, bad.message, span)


def _diagnostic(source: Source, code: str, message: str, span: Span) -> Diagnostic:
    help = "install a version of Ladle that reads it" if code == "E415" else _WRONG
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
            top = the_keys(value, (), ("schema",), ("models", "data", "corpora"))
            _schema(top["schema"])
        except Bad as bad:
            self.found.append(bad)
            return EMPTY
        models = self.entries(top, "models", _pinned, _model)
        data = self.entries(top, "data", _pinned, _data)
        corpora = self.entries(top, "corpora", _pattern, _corpus)
        self.agree("models", models, _commit_of_model, lambda a, b: replace(a, basis="") == replace(b, basis=""))
        self.agree("data", data, _commit_of_data, _same_data)
        return Lock(models, data, corpora)

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


def written(pinned: Pinned) -> str:
    """Return a repository and revision as the key of an entry."""
    return f"{pinned[0]}@{pinned[1]}"


def _commit_of_model(entry: LockedModel) -> str | Unknown:
    return entry.commit


def _commit_of_data(entry: LockedData) -> str | Unknown:
    return entry.commit


def _same_data(a: LockedData, b: LockedData) -> bool:
    others = dict(b.splits)
    return a.licence == b.licence and all(others.get(part, rows) == rows for part, rows in a.splits)


# --- entries --------------------------------------------------------------------------------------------------------


def _schema(value: Json) -> None:
    if type(value) is not int or value < 1:
        raise Bad(("schema",), f"`schema` is {shown(value)}, and a lock says {SCHEMA}", "E414")
    if value > SCHEMA:
        message = f"`{LOCK}` has schema {short(str(value))}, and this version of Ladle reads {SCHEMA}"
        raise Bad(("schema",), message, "E415")


def _pinned(name: str, where: tuple[str, ...]) -> Pinned:
    repository, _, revision = name.partition("@")
    if not _NAME.match(repository) or not _REVISION.match(revision) or ".." in name:
        raise Bad(where, f"`{short(name)}` is no `owner/name@revision`")
    return repository, revision


def _pattern(name: str, where: tuple[str, ...]) -> str:
    found = a_text(name, where, "the path of a corpus")
    if found.startswith(("/", "~")) or ".." in found.split("/") or "\\" in found:
        raise Bad(where, f"`{short(found)}` does not stay below the project's root")
    return found


_MODEL = ("architecture", "basis", "commit", "files", "licence", "parameters", "shape", "template", "vocabulary")


def _model(value: Json, where: tuple[str, ...], pinned: Pinned) -> LockedModel:
    body = the_keys(value, where, _MODEL)
    found = LockedModel(
        basis=a_text(body["basis"], (*where, "basis")),
        commit=_commit(body["commit"], (*where, "commit"), pinned),
        architecture=unless_unknown(body["architecture"], (*where, "architecture"), a_word),
        shape=unless_unknown(body["shape"], (*where, "shape"), _shape),
        vocabulary=_vocabulary(body["vocabulary"], (*where, "vocabulary")),
        template=unless_unknown(body["template"], (*where, "template"), _template),
        licence=unless_unknown(body["licence"], (*where, "licence"), a_word),
        parameters=unless_unknown(body["parameters"], (*where, "parameters"), a_count),
        files=unless_unknown(body["files"], (*where, "files"), _files),
    )
    size = found.vocabulary.size
    room = UNKNOWN if isinstance(found.shape, Unknown) else dict(found.shape)["vocab"]
    if not isinstance(size, Unknown) and not isinstance(room, Unknown) and size > room:
        message = f"the vocabulary of `{short(where[1])}` has {size} tokens, and its shape has room for {room}"
        raise Bad((*where, "vocabulary"), message, "E417")
    return found


def _shape(value: Json, where: tuple[str, ...]) -> tuple[tuple[str, int], ...] | Unknown:
    body = the_keys(value, where, SIZES)
    tied = body.pop("tied")
    if not isinstance(tied, bool):
        raise Bad((*where, "tied"), f"`tied` is {shown(tied)}; it is true or false")
    sizes = {name: unless_unknown(size, (*where, name), a_count) for name, size in body.items()}
    known: dict[str, int] = {name: size for name, size in sizes.items() if isinstance(size, int)}
    return tuple(sorted({**known, "tied": tied}.items())) if len(known) == len(sizes) else UNKNOWN


def _vocabulary(value: Json, where: tuple[str, ...]) -> Vocabulary:
    body = the_keys(value, where, ("added", "identity", "size"))
    return Vocabulary(
        unless_unknown(body["identity"], (*where, "identity"), a_word),
        unless_unknown(body["size"], (*where, "size"), a_count),
        unless_unknown(body["added"], (*where, "added"), _tokens),
    )


def _tokens(value: Json, where: tuple[str, ...]) -> tuple[str, ...]:
    if not isinstance(value, list) or len(value) > MAX_FILES:
        raise Bad(where, f"`{where[-1]}` is {shown(value)}; it is a list of at most {MAX_FILES}")
    for token in value:
        if not isinstance(token, str) or len(token) > MAX_TEXT or NO_TEXT.search(token):
            raise Bad(where, f"{shown(token)} is no token")
    return tuple(str(token) for token in value)


def _template(value: Json, where: tuple[str, ...]) -> LockedTemplate | None:
    if value is None:
        return None
    body = the_keys(value, where, ("lines", "sha256"))
    sha256 = a_hash(body["sha256"], (*where, "sha256"))
    text = unless_unknown(body["lines"], (*where, "lines"), _lines)
    if not isinstance(text, Unknown) and hashlib.sha256(text.encode()).hexdigest() != sha256:
        raise Bad(
            (*where, "sha256"), f"the template of `{short(where[1])}` has another text than its hash says", "E417"
        )
    return LockedTemplate(sha256, text)


def _lines(value: Json, where: tuple[str, ...]) -> str:
    if not isinstance(value, list) or not all(isinstance(line, str) for line in value):
        raise Bad(where, f"`lines` is {shown(value)}; it is a list of the template's lines")
    text = "\n".join(str(line) for line in value)
    if len(text) > MAX_TEMPLATE or NO_TEXT.search(text):
        raise Bad(where, f"the template is longer than {MAX_TEMPLATE} characters, or no text")
    return text


def _data(value: Json, where: tuple[str, ...], pinned: Pinned) -> LockedData:
    body = the_keys(value, where, ("basis", "commit", "licence", "present", "splits"))
    splits = an_object(body["splits"], (*where, "splits"), MAX_ENTRIES)
    return LockedData(
        basis=a_text(body["basis"], (*where, "basis")),
        commit=_commit(body["commit"], (*where, "commit"), pinned),
        licence=unless_unknown(body["licence"], (*where, "licence"), a_word),
        present=a_flag(body["present"], (*where, "present")),
        splits=tuple(
            sorted((_part(k, (*where, "splits", k)), _rows(v, (*where, "splits", k))) for k, v in splits.items())
        ),
    )


def _part(name: str, where: tuple[str, ...]) -> tuple[str, str]:
    subset, _, split = a_text(name, where, "the name of a split").rpartition("/")
    return subset, split


def _corpus(value: Json, where: tuple[str, ...], pattern: str) -> LockedCorpus:
    body = the_keys(value, where, ("basis", "columns", "files", "kind", "present", "rows"))
    rows = _rows({key: body[key] for key in ("columns", "files", "kind", "rows")}, where)
    return LockedCorpus(a_text(body["basis"], (*where, "basis")), a_flag(body["present"], (*where, "present")), rows)


def _rows(value: Json, where: tuple[str, ...]) -> LockedRows:
    body = the_keys(value, where, ("columns", "files", "kind", "rows"))
    return LockedRows(
        columns=unless_unknown(body["columns"], (*where, "columns"), _columns),
        kind=unless_unknown(body["kind"], (*where, "kind"), _kind),
        rows=unless_unknown(body["rows"], (*where, "rows"), a_count),
        files=unless_unknown(body["files"], (*where, "files"), _files),
    )


def _columns(value: Json, where: tuple[str, ...]) -> tuple[str, ...]:
    found = _tokens(value, where)
    if not found or len(set(found)) < len(found):
        raise Bad(where, "`columns` names none, or one twice")
    return tuple(a_text(name, where, "a column") for name in found)


def _kind(value: Json, where: tuple[str, ...]) -> CorpusKind:
    kinds = [kind.value for kind in CorpusKind]
    if value not in kinds:
        raise Bad(where, f"`kind` is {shown(value)}; it is one of {', '.join(kinds)}")
    return CorpusKind(str(value))


def _files(value: Json, where: tuple[str, ...]) -> Files:
    body = an_object(value, where, MAX_FILES)
    return tuple((_path(name, (*where, name)), _file(body[name], (*where, name))) for name in sorted(body))


def _file(value: Json, where: tuple[str, ...]) -> LockedFile:
    body = the_keys(value, where, ("bytes", "sha256"))
    size = unless_unknown(body["bytes"], (*where, "bytes"), lambda v, w: a_count(v, w, 0))
    return LockedFile(size, unless_unknown(body["sha256"], (*where, "sha256"), a_hash))


def _path(name: str, where: tuple[str, ...]) -> str:
    found = a_text(name, where, "a file's path")
    if found.startswith(("/", "~")) or "\\" in found or any(part in ("", ".", "..") for part in found.split("/")):
        raise Bad(where, f"`{short(found)}` is no path inside a repository or project")
    return found


def _commit(value: Json, where: tuple[str, ...], pinned: Pinned) -> str | Unknown:
    found = unless_unknown(value, where, a_commit)
    if not isinstance(found, Unknown) and COMMIT.match(pinned[1]) and found != pinned[1]:
        raise Bad(where, f"`{short(written(pinned))}` names one commit and `commit` another", "E417")
    return found
