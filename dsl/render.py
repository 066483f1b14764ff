"""Diagnostics for people and programs. In: diagnostics. Out: text with carets, JSON, or GitHub workflow commands."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from types import MappingProxyType
from typing import Final
from unicodedata import category, east_asian_width

from ladle.dsl.diagnostics import Diagnostic, Fix, Severity
from ladle.dsl.graph import Json
from ladle.dsl.lex import HIDDEN
from ladle.dsl.source import Source

WIDEST: Final = 120
"""Columns of a source line that are shown; a longer one is cut around the caret."""

NO_MORE: Final[Mapping[str, Json]] = MappingProxyType({})

_TAB: Final = "    "
_CUT: Final = "..."
_COLORS: Final = {Severity.ERROR: "31", Severity.WARNING: "33", Severity.INFO: "36"}
_UNSAFE = re.compile(f"{HIDDEN.pattern}|[\t\n\ufffe\uffff]")


def render_text(diagnostics: Iterable[Diagnostic], color: bool) -> str:
    """Return each diagnostic with its place, its line and a caret, separated by empty lines; "" for none."""
    return "\n".join(_text(diagnostic, color) for diagnostic in diagnostics)


def render_json(diagnostics: Iterable[Diagnostic], more: Mapping[str, Json] = NO_MORE) -> str:
    """Return `{"schema": 1, "diagnostics": [...]}` and `more`, lines and columns from 1, in code points."""
    return json.dumps({"schema": 1, "diagnostics": [_record(d) for d in diagnostics], **more}, indent=2) + "\n"


def render_github(diagnostics: Iterable[Diagnostic]) -> str:
    """Return one GitHub workflow command a diagnostic."""
    return "".join(_command(diagnostic) for diagnostic in diagnostics)


def github_error(file: str, title: str, message: str, help: str, line: int = 1) -> str:
    """Return the GitHub workflow command that shows what no diagnostic tells as an error of a file."""
    return _commanded("error", {"file": file, "line": str(line), "title": title}, message, help)


# --- text ---


def _text(diagnostic: Diagnostic, color: bool) -> str:
    line, column, end_line, end_column = places(diagnostic)
    paint = _COLORS[diagnostic.severity] if color else ""
    gutter = " " * len(str(line))
    head = f"{diagnostic.severity}[{diagnostic.code}]"
    lines = [f"{_painted(head, f'1;{paint}' if paint else '')}: {plain(diagnostic.message)}"]
    lines.append(f"{gutter}--> {plain(diagnostic.source.path)}:{line}:{column}")
    if diagnostic.source.text:
        source = diagnostic.source.line(line)
        end = end_column - 1 if end_line == line else len(source)
        shown, before, width = _window(source, column - 1, end)
        caret = _painted(f"{'^' * width}{' ' if diagnostic.label else ''}{plain(diagnostic.label)}", paint)
        lines += [f"{gutter} |", f"{line} | {shown}".rstrip(), f"{gutter} | {' ' * before}{caret}"]
    if diagnostic.help:
        lines.append(f"{gutter} = help: {plain(diagnostic.help)}")
    return "\n".join(lines) + "\n"


def _window(source: str, start: int, end: int) -> tuple[str, int, int]:
    """Return the part of a line to show, the columns before the caret, and the caret's width.

    Columns are those of a terminal: a wide character takes two, one that combines none, a tab four.
    """
    cells = [plain(char, tab=_TAB) for char in source]
    widths = [_width(cell) for cell in cells]
    first, last = 0, len(cells)
    if sum(widths) > WIDEST:
        first = _walk(widths, start, -WIDEST // 3)
        last = _walk(widths, first, WIDEST)
    left = _CUT if first else ""
    right = _CUT if last < len(cells) else ""
    before = len(left) + sum(widths[first:start])
    width = max(1, sum(widths[start : min(end, last)]))
    return left + "".join(cells[first:last]) + right, before, width


def _walk(widths: list[int], place: int, columns: int) -> int:
    """Return the index that lies `columns` away from `place`, or the end of the line."""
    step = 1 if columns > 0 else -1
    left = abs(columns)
    while 0 <= (next_place := place + step) <= len(widths) and left > 0:
        left -= widths[min(place, next_place)]
        place = next_place
    return place


def _width(cell: str) -> int:
    return sum(0 if category(char) in ("Mn", "Me") else 2 if east_asian_width(char) in "WF" else 1 for char in cell)


def plain(text: str, tab: str = " ") -> str:
    """Return `text` on one line and without a character that could steer a terminal or hide: those become U+FFFD."""
    return _UNSAFE.sub("\ufffd", text.replace("\t", tab).replace("\n", " "))


def _painted(text: str, paint: str) -> str:
    return f"\x1b[{paint}m{text}\x1b[0m" if paint else text


# --- programs ---


def places(diagnostic: Diagnostic) -> tuple[int, int, int, int]:
    """Return line, column, end line and end column, all from 1; the end is the column after the last character."""
    source, span = diagnostic.source, diagnostic.span
    return *source.position(span.start), *source.position(span.end)


def _record(diagnostic: Diagnostic) -> dict[str, Json]:
    line, column, end_line, end_column = places(diagnostic)
    return {
        "code": diagnostic.code,
        "name": diagnostic.name,
        "severity": str(diagnostic.severity),
        "message": diagnostic.message,
        "help": diagnostic.help,
        "file": diagnostic.source.path,
        "line": line,
        "column": column,
        "end_line": end_line,
        "end_column": end_column,
        **({"fix": _fix(diagnostic.source, diagnostic.fix)} if diagnostic.fix else {}),
    }


def _fix(source: Source, fix: Fix) -> dict[str, Json]:
    edits: list[Json] = []
    for edit in fix.edits:
        (line, column), (end_line, end_column) = source.position(edit.span.start), source.position(edit.span.end)
        place: dict[str, Json] = {"line": line, "column": column, "end_line": end_line, "end_column": end_column}
        edits.append({**place, "text": edit.text})
    return {"text": fix.text, "safe": fix.safe, "edits": edits}


_LEVELS: Final = {Severity.ERROR: "error", Severity.WARNING: "warning", Severity.INFO: "notice"}


def _command(diagnostic: Diagnostic) -> str:
    line, column, end_line, end_column = places(diagnostic)
    properties = {
        "file": diagnostic.source.path,
        "line": str(line),
        "col": str(column),
        "endLine": str(end_line),
        "endColumn": str(end_column),
        "title": f"{diagnostic.code} {diagnostic.name}",
    }
    return _commanded(_LEVELS[diagnostic.severity], properties, diagnostic.message, diagnostic.help)


def _commanded(level: str, properties: Mapping[str, str], message: str, help: str) -> str:
    told = plain(message) + (f"\nhelp: {plain(help)}" if help else "")
    listed = ",".join(f"{key}={_escaped(plain(value), ':,')}" for key, value in properties.items())
    return f"::{level} {listed}::{_escaped(told)}\n"


def _escaped(text: str, more: str = "") -> str:
    """Return `text` as a workflow command needs it: `%` first, then line ends, then what separates its properties."""
    for char in "%\r\n" + more:
        text = text.replace(char, f"%{ord(char):02X}")
    return text
