"""YAML as a tree with places. In: the bytes of a stranger's file. Out: documents of tables, lists and scalars.

Read event by event with ruamel's safe parser: no object is ever constructed. Size, depth and the size that aliases
expand to are bounded.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from ladle.dsl.codes import CODES
from ladle.dsl.diagnostics import Diagnostic
from ladle.dsl.source import Source, Span
from ladle.executor.importing.scalars import CORE, STRING, Plain, resolve
from ladle.executor.quoting import short
from ladle.executor.regular import read_regular
from ruamel.yaml import YAML
from ruamel.yaml.error import MarkedYAMLError, YAMLError
from ruamel.yaml.events import (
    AliasEvent,
    DocumentEndEvent,
    DocumentStartEvent,
    Event,
    MappingEndEvent,
    MappingStartEvent,
    ScalarEvent,
    SequenceEndEvent,
    SequenceStartEvent,
)
from ruamel.yaml.reader import ReaderError

LARGEST = 256 * 1024
"""Bytes of a file; real configurations have some thousand."""
DEEPEST = 32
MOST = 20_000
"""Values of a document, those that aliases repeat counted each time."""


@dataclass(frozen=True, slots=True)
class Scalar:
    """A word, number or text: its value as YAML 1.1 means it (what the tools read with), and as it is written."""

    value: Plain
    text: str
    span: Span
    size: int = 1


@dataclass(frozen=True, slots=True)
class Listing:
    """A list."""

    items: tuple[Tree, ...]
    span: Span
    size: int


@dataclass(frozen=True, slots=True)
class Entry:
    """One `key: value` of a table."""

    key: str
    at: Span
    value: Tree


@dataclass(frozen=True, slots=True)
class Table:
    """A table, its entries in order, each key once."""

    entries: tuple[Entry, ...]
    span: Span
    size: int

    def get(self, key: str) -> Entry | None:
        """Return the entry called `key`."""
        return next((entry for entry in self.entries if entry.key == key), None)


Tree = Scalar | Listing | Table


@dataclass(frozen=True, slots=True)
class Document:
    """One document of a file."""

    source: Source
    root: Tree

    def line(self, span: Span) -> int:
        """Return the line, from 1, on which a place stands."""
        return self.source.position(span.start)[0]


def read(path: Path) -> tuple[tuple[Document, ...], tuple[Diagnostic, ...]]:
    """Return the documents of a YAML file that are not empty, and what is wrong with it."""
    shown = str(path)
    try:
        raw = read_regular(path, LARGEST)
    except OSError as error:
        why = (error.strerror or str(error)).lower()
        return (), (_problem("E601", Source(shown, ""), Span(0, 0), f"cannot be read: {why}", "name a YAML file"),)
    try:
        text = raw.decode("utf-8-sig").replace("\r\n", "\n").replace("\r", "\n")
    except UnicodeDecodeError as error:
        line = raw.count(b"\n", 0, error.start) + 1
        message = f"is not UTF-8: byte {raw[error.start]:#04x} on line {line}"
        return (), (_problem("E602", Source(shown, ""), Span(0, 0), message, "save it as UTF-8"),)
    return parse(Source(shown, text))


def parse(source: Source) -> tuple[tuple[Document, ...], tuple[Diagnostic, ...]]:
    """Return the documents of a text, and what is wrong with it."""
    builder = _Builder(source)
    reader = YAML(typ="safe", pure=True)
    try:
        for event in reader.parse(source.text):
            builder.take(event)
    except _Stop:
        pass
    except ReaderError as error:
        message = f"holds the character U+{ord(source.text[error.position]):04X}, which YAML forbids"
        builder.problem("E603", Span(error.position, error.position + 1), message, "remove it")
    except MarkedYAMLError as error:
        builder.problem("E603", *_told(error, source))
    except (YAMLError, ValueError, RecursionError) as error:
        builder.problem("E603", Span(0, 0), f"is no YAML: {short(str(error))}", "")
    return tuple(builder.documents) if not builder.problems else (), tuple(builder.problems)


def _told(error: MarkedYAMLError, source: Source) -> tuple[Span, str, str]:
    mark = error.problem_mark or error.context_mark
    place = min(mark.index if mark is not None else 0, len(source.text))
    if source.text[place : place + 1] == "\t":
        return Span(place, place + 1), "a tab stands where YAML wants spaces", "indent with spaces"
    return Span(place, place), f"is no YAML: {error.problem or error.context}", "mend the line, or the one before it"


def _problem(code: str, source: Source, span: Span, message: str, help: str) -> Diagnostic:
    return Diagnostic(code, CODES[code], message, source, span, "", help)


class _Stop(Exception):
    """The file is hostile: nothing more of it is read."""


@dataclass(slots=True)
class _Open:
    """A table or list that is being read."""

    event: Event
    anchor: str | None
    items: list[Tree]


class _Builder:
    """Turns events into trees."""

    def __init__(self, source: Source) -> None:
        self.source = source
        self.documents: list[Document] = []
        self.problems: list[Diagnostic] = []
        self._stack: list[_Open] = []
        self._anchors: dict[str, Tree] = {}
        self._values = 0

    def problem(self, code: str, span: Span, message: str, help: str) -> None:
        """Add a problem of the file."""
        self.problems.append(_problem(code, self.source, span, message, help))

    def take(self, event: Event) -> None:
        """Take one event of the parser. Raises _Stop for what has no end."""
        match event:
            case DocumentStartEvent():
                self._anchors, self._values = {}, 0
            case ScalarEvent():
                self._tagged(event, (*CORE, STRING))
                value = event.value if event.style or event.tag == STRING else resolve(event.value)
                self._put(Scalar(value, event.value, _span(event)), event.anchor)
            case AliasEvent():
                self._alias(event)
            case SequenceStartEvent() | MappingStartEvent():
                self._tagged(event, ("tag:yaml.org,2002:seq", "tag:yaml.org,2002:map"))
                if len(self._stack) >= DEEPEST:
                    self._stop(event, f"is nested more than {DEEPEST} levels deep")
                self._stack.append(_Open(event, event.anchor, []))
            case SequenceEndEvent() | MappingEndEvent():
                self._close(event)
            case DocumentEndEvent():
                pass

    def _close(self, event: Event) -> None:
        done = self._stack.pop()
        span = Span(done.event.start_mark.index, event.end_mark.index)
        size = 1 + sum(item.size for item in done.items)
        if isinstance(event, SequenceEndEvent):
            self._put(Listing(tuple(done.items), span, size), done.anchor)
        else:
            self._put(Table(tuple(self._entries(done.items)), span, size), done.anchor)

    def _put(self, tree: Tree, anchor: str | None) -> None:
        self._values += 1
        if tree.size > MOST or self._values > MOST:
            self.problem("E606", tree.span, f"holds more than {MOST} values", "aliases count each time they are used")
            raise _Stop
        if anchor:
            self._anchors[anchor] = tree
        if self._stack:
            self._stack[-1].items.append(tree)
        elif not (isinstance(tree, Scalar) and tree.value is None):
            self.documents.append(Document(self.source, tree))

    def _alias(self, event: AliasEvent) -> None:
        tree = self._anchors.get(event.anchor)
        if tree is None:
            message = f"the alias `*{short(event.anchor)}` names nothing that is complete before it"
            self.problem("E603", _span(event), message, "an anchor `&name` comes first, and cannot hold itself")
            tree = Scalar(None, "", _span(event))
        self._put(tree, None)

    def _entries(self, items: list[Tree]) -> Iterator[Entry]:
        """Yield the entries of a table; `<<` brings those of other tables, which its own replace."""
        found: dict[str, Entry] = {}
        merged: dict[str, Entry] = {}
        for key, value in zip(items[::2], items[1::2], strict=True):
            if not isinstance(key, Scalar):
                self.problem("E603", key.span, "a key is a list or a table", "a key is a word")
            elif key.text == "<<":
                merged = {entry.key: entry for table in self._tables(value) for entry in table.entries} | merged
            elif key.text in found:
                line = self.source.position(found[key.text].at.start)[0]
                message = f"`{short(key.text)}` is written twice; the first time on line {line}"
                self.problem("E605", key.span, message, "keep one of them: which would count depends on the reader")
            else:
                found[key.text] = Entry(key.text, key.span, value)
        yield from (merged | found).values()

    def _tables(self, value: Tree) -> Iterator[Table]:
        for item in reversed(value.items) if isinstance(value, Listing) else (value,):
            if isinstance(item, Table):
                yield item
            else:
                self.problem("E603", item.span, "`<<` takes a table", "write `<<: *name`")

    def _tagged(self, event: ScalarEvent | SequenceStartEvent | MappingStartEvent, known: tuple[str, ...]) -> None:
        if event.tag and event.tag != "!" and event.tag not in known:
            message = f"has the tag `{short(str(event.tag))}`, which asks a reader to make an object of it"
            self.problem("E604", _span(event), message, "nothing of a file is executed here: write plain values")

    def _stop(self, event: Event, message: str) -> None:
        self.problem("E606", Span(event.start_mark.index, event.start_mark.index + 1), message, "flatten it")
        raise _Stop


def _span(event: Event) -> Span:
    return Span(event.start_mark.index, event.end_mark.index)
