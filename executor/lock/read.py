"""`ladle.lock` as read. In: a file that a stranger may have written. Out: the lock, or what is wrong with it and where.

Every value is bounded and typed, every text free of control characters, every entry free of contradiction.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Final, TypeVar

from ladle.dsl.codes import CODES
from ladle.dsl.diagnostics import Diagnostic
from ladle.dsl.frozen import frozen, replace
from ladle.dsl.graph import Json
from ladle.dsl.source import Source, Span
from ladle.dsl.types import UNKNOWN, CorpusKind, Unknown
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
from ladle.executor.quoting import short

MAX_BYTES: Final = 16 * 2**20
MAX_ENTRIES: Final = 10_000
MAX_FILES: Final = 10_000
MAX_TEXT: Final = 1_000
MAX_TEMPLATE: Final = 2**20
MAX_NUMBER: Final = 2**53
MAX_PROBLEMS: Final = 20

HASH: Final = re.compile(r"[0-9a-f]{64}\Z")
COMMIT: Final = re.compile(r"[0-9a-f]{40}\Z")
_NAME: Final = re.compile(r"[A-Za-z0-9][\w.-]{0,95}/[A-Za-z0-9][\w.-]{0,95}\Z", re.ASCII)
_REVISION: Final = re.compile(r"[A-Za-z0-9][\w./-]{0,250}\Z", re.ASCII)
_CONTROL: Final = re.compile(r"[\x00-\x1f\x7f-\x9f\u200b-\u200f\u2028-\u202e\u2060-\u2069\ufeff\ud800-\udfff]")
_TEMPLATE_CONTROL: Final = re.compile(r"[\ud800-\udfff]")
SIZES: Final = ("heads", "hidden", "intermediate", "kv_heads", "layers", "tied", "vocab")
_WRONG: Final = "write it again with `ladle lock`, or mend it by hand"

T = TypeVar("T")
Key = TypeVar("Key")
Body = dict[str, Json]


class _Bad(Exception):
    """What is wrong, and the keys that lead there."""

    def __init__(self, where: tuple[str, ...], message: str, code: str = "E416") -> None:
        super().__init__(message)
        self.where, self.message, self.code = where, message, code


@frozen
class ReadLock:
    """A lock, and what is wrong with its file: no entry of a file with problems is believed."""

    lock: Lock
    problems: tuple[Diagnostic, ...]


def read_lock(path: Path) -> ReadLock:
    """Return the lock at `path`, empty where there is none. Nothing is raised for what is wrong with it."""
    try:
        if path.stat().st_size > MAX_BYTES:
            return _refused(Source(LOCK, ""), [_Bad((), f"`{LOCK}` is larger than {MAX_BYTES} bytes", "E414")])
        raw = path.read_bytes()
    except FileNotFoundError:
        return ReadLock(EMPTY, ())
    except OSError as error:
        why = (error.strerror or str(error)).lower()
        return _refused(Source(LOCK, ""), [_Bad((), f"`{LOCK}` cannot be read: {why}", "E414")])
    return parse_lock(raw)


def parse_lock(raw: bytes) -> ReadLock:
    """Return the lock that the bytes of a file hold, with every problem of it."""
    try:
        text = raw.decode("utf-8")
    except UnicodeDecodeError as error:
        return _refused(Source(LOCK, ""), [_Bad((), f"`{LOCK}` is not UTF-8 at byte {error.start}", "E414")])
    source = Source(LOCK, text)
    try:
        value: Json = json.loads(text, object_pairs_hook=_unique, parse_constant=_constant, parse_float=_constant)
    except json.JSONDecodeError as error:
        message = f"`{LOCK}` is no JSON: {error.msg.lower()}"
        return ReadLock(EMPTY, (_diagnostic(source, "E414", message, Span(error.pos, error.pos + 1)),))
    except RecursionError:
        return _refused(source, [_Bad((), f"`{LOCK}` is nested too deep", "E414")])
    except (_Bad, ValueError) as error:
        bad = error if isinstance(error, _Bad) else _Bad((), f"`{LOCK}`: {short(str(error))}", "E414")
        return _refused(source, [bad])
    reader = _Reader()
    lock = reader.lock(value)
    return _refused(source, reader.found) if reader.found else ReadLock(lock, ())


def _refused(source: Source, found: list[_Bad]) -> ReadLock:
    return ReadLock(EMPTY, tuple(_located(source, bad) for bad in found[:MAX_PROBLEMS]))


def _located(source: Source, bad: _Bad) -> Diagnostic:
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
        raise _Bad((twice,), f"`{short(twice)}` stands twice in one object", "E414")
    return found


def _constant(name: str) -> Json:
    raise _Bad((), f"{short(name)} is no number that a lock holds", "E414")


class _Reader:
    """Reads a lock; problems are kept, an entry with one is left out."""

    def __init__(self) -> None:
        self.found: list[_Bad] = []

    def lock(self, value: Json) -> Lock:
        try:
            top = _keys(value, (), ("schema",), ("models", "data", "corpora"))
            _schema(top["schema"])
        except _Bad as bad:
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
            body = _mapping(top.get(section, {}), (section,), MAX_ENTRIES)
        except _Bad as bad:
            self.found.append(bad)
            return made
        for name, value in body.items():
            try:
                where = (section, name)
                named = key(name, where)
                made[named] = read(value, where, named)
            except _Bad as bad:
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
                self.found.append(
                    _Bad((section, b), f"`{short(b)}` and `{short(a)}` are one commit and differ", "E417")
                )


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
        raise _Bad(("schema",), f"`schema` is {_shown(value)}, and a lock says {SCHEMA}", "E414")
    if value > SCHEMA:
        message = f"`{LOCK}` has schema {short(str(value))}, and this version of Ladle reads {SCHEMA}"
        raise _Bad(("schema",), message, "E415")


def _pinned(name: str, where: tuple[str, ...]) -> Pinned:
    repository, _, revision = name.partition("@")
    if not _NAME.match(repository) or not _REVISION.match(revision) or ".." in name:
        raise _Bad(where, f"`{short(name)}` is no `owner/name@revision`")
    return repository, revision


def _pattern(name: str, where: tuple[str, ...]) -> str:
    found = _text(name, where, "the path of a corpus")
    if found.startswith(("/", "~")) or ".." in found.split("/") or "\\" in found:
        raise _Bad(where, f"`{short(found)}` does not stay below the project's root")
    return found


_MODEL = ("architecture", "basis", "commit", "files", "licence", "parameters", "shape", "template", "vocabulary")


def _model(value: Json, where: tuple[str, ...], pinned: Pinned) -> LockedModel:
    body = _keys(value, where, _MODEL)
    found = LockedModel(
        basis=_text(body["basis"], (*where, "basis")),
        commit=_commit(body["commit"], (*where, "commit"), pinned),
        architecture=_known(body["architecture"], (*where, "architecture"), _word),
        shape=_known(body["shape"], (*where, "shape"), _shape),
        vocabulary=_vocabulary(body["vocabulary"], (*where, "vocabulary")),
        template=_known(body["template"], (*where, "template"), _template),
        licence=_known(body["licence"], (*where, "licence"), _word),
        parameters=_known(body["parameters"], (*where, "parameters"), _count),
        files=_known(body["files"], (*where, "files"), _files),
    )
    size = found.vocabulary.size
    room = UNKNOWN if isinstance(found.shape, Unknown) else dict(found.shape)["vocab"]
    if not isinstance(size, Unknown) and not isinstance(room, Unknown) and size > room:
        message = f"the vocabulary of `{short(where[1])}` has {size} tokens, and its shape has room for {room}"
        raise _Bad((*where, "vocabulary"), message, "E417")
    return found


def _shape(value: Json, where: tuple[str, ...]) -> tuple[tuple[str, int], ...] | Unknown:
    body = _keys(value, where, SIZES)
    tied = body.pop("tied")
    if not isinstance(tied, bool):
        raise _Bad((*where, "tied"), f"`tied` is {_shown(tied)}; it is true or false")
    sizes = {name: _known(size, (*where, name), _count) for name, size in body.items()}
    known: dict[str, int] = {name: size for name, size in sizes.items() if isinstance(size, int)}
    return tuple(sorted({**known, "tied": tied}.items())) if len(known) == len(sizes) else UNKNOWN


def _vocabulary(value: Json, where: tuple[str, ...]) -> Vocabulary:
    body = _keys(value, where, ("added", "identity", "size"))
    return Vocabulary(
        _known(body["identity"], (*where, "identity"), _word),
        _known(body["size"], (*where, "size"), _count),
        _known(body["added"], (*where, "added"), _tokens),
    )


def _tokens(value: Json, where: tuple[str, ...]) -> tuple[str, ...]:
    if not isinstance(value, list) or len(value) > MAX_FILES:
        raise _Bad(where, f"`{where[-1]}` is {_shown(value)}; it is a list of at most {MAX_FILES}")
    for token in value:
        if not isinstance(token, str) or len(token) > MAX_TEXT or _TEMPLATE_CONTROL.search(token):
            raise _Bad(where, f"{_shown(token)} is no token")
    return tuple(str(token) for token in value)


def _template(value: Json, where: tuple[str, ...]) -> LockedTemplate | None:
    if value is None:
        return None
    body = _keys(value, where, ("lines", "sha256"))
    sha256 = _hash(body["sha256"], (*where, "sha256"))
    text = _known(body["lines"], (*where, "lines"), _lines)
    if not isinstance(text, Unknown) and hashlib.sha256(text.encode()).hexdigest() != sha256:
        raise _Bad(
            (*where, "sha256"), f"the template of `{short(where[1])}` has another text than its hash says", "E417"
        )
    return LockedTemplate(sha256, text)


def _lines(value: Json, where: tuple[str, ...]) -> str:
    if not isinstance(value, list) or not all(isinstance(line, str) for line in value):
        raise _Bad(where, f"`lines` is {_shown(value)}; it is a list of the template's lines")
    text = "\n".join(str(line) for line in value)
    if len(text) > MAX_TEMPLATE or _TEMPLATE_CONTROL.search(text):
        raise _Bad(where, f"the template is longer than {MAX_TEMPLATE} characters, or no text")
    return text


def _data(value: Json, where: tuple[str, ...], pinned: Pinned) -> LockedData:
    body = _keys(value, where, ("basis", "commit", "licence", "present", "splits"))
    splits = _mapping(body["splits"], (*where, "splits"), MAX_ENTRIES)
    return LockedData(
        basis=_text(body["basis"], (*where, "basis")),
        commit=_commit(body["commit"], (*where, "commit"), pinned),
        licence=_known(body["licence"], (*where, "licence"), _word),
        present=_flag(body["present"], (*where, "present")),
        splits=tuple(
            sorted((_part(k, (*where, "splits", k)), _rows(v, (*where, "splits", k))) for k, v in splits.items())
        ),
    )


def _part(name: str, where: tuple[str, ...]) -> tuple[str, str]:
    subset, _, split = _text(name, where, "the name of a split").rpartition("/")
    return subset, split


def _corpus(value: Json, where: tuple[str, ...], pattern: str) -> LockedCorpus:
    body = _keys(value, where, ("basis", "columns", "files", "kind", "present", "rows"))
    rows = _rows({key: body[key] for key in ("columns", "files", "kind", "rows")}, where)
    return LockedCorpus(_text(body["basis"], (*where, "basis")), _flag(body["present"], (*where, "present")), rows)


def _rows(value: Json, where: tuple[str, ...]) -> LockedRows:
    body = _keys(value, where, ("columns", "files", "kind", "rows"))
    return LockedRows(
        columns=_known(body["columns"], (*where, "columns"), _columns),
        kind=_known(body["kind"], (*where, "kind"), _kind),
        rows=_known(body["rows"], (*where, "rows"), _count),
        files=_known(body["files"], (*where, "files"), _files),
    )


def _columns(value: Json, where: tuple[str, ...]) -> tuple[str, ...]:
    found = _tokens(value, where)
    if not found or len(set(found)) < len(found):
        raise _Bad(where, "`columns` names none, or one twice")
    return tuple(_text(name, where, "a column") for name in found)


def _kind(value: Json, where: tuple[str, ...]) -> CorpusKind:
    kinds = [kind.value for kind in CorpusKind]
    if value not in kinds:
        raise _Bad(where, f"`kind` is {_shown(value)}; it is one of {', '.join(kinds)}")
    return CorpusKind(str(value))


def _files(value: Json, where: tuple[str, ...]) -> Files:
    body = _mapping(value, where, MAX_FILES)
    return tuple((_path(name, (*where, name)), _file(body[name], (*where, name))) for name in sorted(body))


def _file(value: Json, where: tuple[str, ...]) -> LockedFile:
    body = _keys(value, where, ("bytes", "sha256"))
    size = _known(body["bytes"], (*where, "bytes"), lambda v, w: _count(v, w, 0))
    return LockedFile(size, _known(body["sha256"], (*where, "sha256"), _hash))


def _path(name: str, where: tuple[str, ...]) -> str:
    found = _text(name, where, "a file's path")
    if found.startswith(("/", "~")) or "\\" in found or any(part in ("", ".", "..") for part in found.split("/")):
        raise _Bad(where, f"`{short(found)}` is no path inside a repository or project")
    return found


# --- values ---------------------------------------------------------------------------------------------------------


def _known(value: Json, where: tuple[str, ...], read: Callable[[Json, tuple[str, ...]], T]) -> T | Unknown:
    return UNKNOWN if value == "unknown" else read(value, where)


def _commit(value: Json, where: tuple[str, ...], pinned: Pinned) -> str | Unknown:
    found = _known(value, where, _sha1)
    if not isinstance(found, Unknown) and COMMIT.match(pinned[1]) and found != pinned[1]:
        raise _Bad(where, f"`{short(written(pinned))}` names one commit and `commit` another", "E417")
    return found


def _sha1(value: Json, where: tuple[str, ...]) -> str:
    if not isinstance(value, str) or not COMMIT.match(value):
        raise _Bad(where, f"`commit` is {_shown(value)}; it is 40 digits and letters a to f, or unknown")
    return value


def _hash(value: Json, where: tuple[str, ...]) -> str:
    if not isinstance(value, str) or not HASH.match(value):
        raise _Bad(where, f"`{where[-1]}` is {_shown(value)}; it is a SHA-256, 64 digits and letters a to f")
    return value


def _count(value: Json, where: tuple[str, ...], least: int = 1) -> int:
    if type(value) is not int or not least <= value <= MAX_NUMBER:
        raise _Bad(where, f"`{where[-1]}` is {_shown(value)}; it is a whole number from {least} to {MAX_NUMBER}")
    return value


def _flag(value: Json, where: tuple[str, ...]) -> bool:
    if not isinstance(value, bool):
        raise _Bad(where, f"`{where[-1]}` is {_shown(value)}; it is true or false")
    return value


def _word(value: Json, where: tuple[str, ...]) -> str:
    found = _text(value, where)
    if not found.strip():
        raise _Bad(where, f"`{where[-1]}` is empty; what nobody could read is `unknown`")
    return found


def _text(value: Json, where: tuple[str, ...], what: str = "") -> str:
    named = what or f"`{where[-1]}`"
    if not isinstance(value, str):
        raise _Bad(where, f"{named} is {_shown(value)}; it is a string")
    if len(value) > MAX_TEXT:
        raise _Bad(where, f"{named} is longer than {MAX_TEXT} characters")
    if _CONTROL.search(value):
        raise _Bad(where, f"{named} holds a control or invisible character")
    return value


def _mapping(value: Json, where: tuple[str, ...], most: int) -> Body:
    if not isinstance(value, dict):
        raise _Bad(where, f"`{where[-1] if where else LOCK}` is {_shown(value)}; it is an object")
    if len(value) > most:
        raise _Bad(where, f"`{where[-1]}` holds more than {most} entries")
    return value


def _keys(value: Json, where: tuple[str, ...], wanted: tuple[str, ...], may: tuple[str, ...] = ()) -> Body:
    body = dict(_mapping(value, where, MAX_ENTRIES))
    named = f"`{short(where[-1])}`" if where else f"`{LOCK}`"
    for name in _missing(body, wanted):
        raise _Bad(where, f"{named} lacks `{name}`; what nobody could read is `unknown`")
    for name in body:
        if name not in wanted and name not in may:
            raise _Bad((*where, name), f"{named} has an unknown key `{short(name)}`")
    return body


def _missing(body: Body, wanted: tuple[str, ...]) -> Iterator[str]:
    return (name for name in wanted if name not in body)


def _shown(value: Json) -> str:
    return (
        short(repr(value))
        if not isinstance(value, dict | list)
        else "an object"
        if isinstance(value, dict)
        else "a list"
    )
