"""Entries of a lock as read. In: JSON of a stranger. Out: facts of a model, a data set or a corpus, or `Bad`."""

from __future__ import annotations

import hashlib
import re
from typing import Final

from ladle.dsl.graph import Json
from ladle.dsl.types import UNKNOWN, CorpusKind, Unknown
from ladle.executor.lock.configuration import settings_of, shape_of
from ladle.executor.lock.entries import (
    LOCK,
    SCHEMA,
    Files,
    LockedAdapter,
    LockedCorpus,
    LockedData,
    LockedFile,
    LockedFolder,
    LockedModel,
    LockedRows,
    LockedTemplate,
    Pinned,
    Vocabulary,
    written,
)
from ladle.executor.lock.values import (
    COMMIT,
    MAX_ENTRIES,
    MAX_TEXT,
    NO_TEXT,
    Bad,
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

MAX_FILES: Final = 10_000
MAX_TEMPLATE: Final = 2**20
_NAME: Final = re.compile(r"[A-Za-z0-9][\w.-]{0,95}/[A-Za-z0-9][\w.-]{0,95}\Z", re.ASCII)
_REVISION: Final = re.compile(r"[A-Za-z0-9][\w./-]{0,250}\Z", re.ASCII)


def check_schema(value: Json) -> None:
    """Refuse a schema that this version does not read. Raises Bad."""
    if type(value) is not int or value < 1:
        raise Bad(("schema",), f"`schema` is {shown(value)}, and a lock says {SCHEMA}", "E414")
    if value > SCHEMA:
        message = f"`{LOCK}` has schema {short(str(value))}, and this version of Ladle reads {SCHEMA}"
        raise Bad(("schema",), message, "E415")


def pinned_of(name: str, where: tuple[str, ...]) -> Pinned:
    """Return repository and revision of a key. Raises Bad."""
    repository, _, revision = name.partition("@")
    if not _NAME.match(repository) or not _REVISION.match(revision) or ".." in name:
        raise Bad(where, f"`{short(name)}` is no `owner/name@revision`")
    return repository, revision


def pattern_of(name: str, where: tuple[str, ...]) -> str:
    """Return the path of a corpus or model folder. Raises Bad."""
    found = a_text(name, where, "a path of the project")
    if found.startswith(("/", "~")) or ".." in found.split("/") or "\\" in found:
        raise Bad(where, f"`{short(found)}` does not stay below the project's root")
    return found


_MODEL = ("architecture", "basis", "commit", "files", "licence", "parameters", "shape", "template", "vocabulary")
_MAY = ("pad_is_end", "settings")


def model_of(value: Json, where: tuple[str, ...], pinned: Pinned) -> LockedModel:
    """Return the entry of a model. Raises Bad."""
    body = the_keys(value, where, _MODEL, _MAY)
    settings = unless_unknown(body.get("settings", "unknown"), (*where, "settings"), settings_of)
    found = LockedModel(
        basis=a_text(body["basis"], (*where, "basis")),
        commit=_commit(body["commit"], (*where, "commit"), pinned),
        architecture=unless_unknown(body["architecture"], (*where, "architecture"), a_word),
        shape=unless_unknown(body["shape"], (*where, "shape"), shape_of),
        vocabulary=_vocabulary(body["vocabulary"], (*where, "vocabulary")),
        template=unless_unknown(body["template"], (*where, "template"), _template),
        licence=unless_unknown(body["licence"], (*where, "licence"), a_word),
        parameters=unless_unknown(body["parameters"], (*where, "parameters"), a_count),
        files=unless_unknown(body["files"], (*where, "files"), _files),
        pad_is_end=unless_unknown(body.get("pad_is_end", "unknown"), (*where, "pad_is_end"), a_flag),
        settings=settings,
    )
    size = found.vocabulary.size
    room = UNKNOWN if isinstance(found.shape, Unknown) else dict(found.shape)["vocab"]
    if not isinstance(size, Unknown) and not isinstance(room, Unknown) and size > room:
        message = f"the vocabulary of `{short(where[1])}` has {size} tokens, and its shape has room for {room}"
        raise Bad((*where, "vocabulary"), message, "E417")
    return found


def folder_of(value: Json, where: tuple[str, ...], folder: str) -> LockedFolder:
    """Return the entry of a model or adapter folder of the project. Raises Bad."""
    if not isinstance(value, dict) or "adapter" not in value:
        return model_of(value, where, (folder, ""))
    body = the_keys(value, where, ("adapter", "basis", "files"))
    inner = (*where, "adapter")
    found = the_keys(body["adapter"], inner, ("based_on", "pad_is_end", "template", "vocabulary"))
    return LockedAdapter(
        basis=a_text(body["basis"], (*where, "basis")),
        based_on=a_text(found["based_on"], (*inner, "based_on")),
        vocabulary=unless_unknown(found["vocabulary"], (*inner, "vocabulary"), _word_or_none),
        template=unless_unknown(found["template"], (*inner, "template"), _word_or_none),
        pad_is_end=unless_unknown(found["pad_is_end"], (*inner, "pad_is_end"), a_flag),
        files=unless_unknown(body["files"], (*where, "files"), _files),
    )


def _word_or_none(value: Json, where: tuple[str, ...]) -> str | None:
    return None if value is None else a_word(value, where)


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


def data_of(value: Json, where: tuple[str, ...], pinned: Pinned) -> LockedData:
    """Return the entry of a data set. Raises Bad."""
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


def corpus_of(value: Json, where: tuple[str, ...], pattern: str) -> LockedCorpus:
    """Return the entry of files of the project. Raises Bad."""
    body = the_keys(value, where, ("basis", "columns", "files", "kind", "rows"), ("present",))
    rows = _rows({key: body[key] for key in ("columns", "files", "kind", "rows")}, where)
    elsewhere = not a_flag(body.get("present", True), (*where, "present"))
    return LockedCorpus(a_text(body["basis"], (*where, "basis")), elsewhere, rows)


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
