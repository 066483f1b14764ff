"""Text that may be broken into lines. In: parts that say where. Out: lines, broken only where they would be too wide.

A group stands on one line if it fits, else each of its own line breaks is one; groups inside judge for themselves.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from ladle.dsl.frozen import frozen

WIDTH: Final = 120
"""Columns of a line."""

STEP: Final = 2
"""Columns of an indentation."""


@frozen
class Line:
    """A line break where its group is broken, else `flat`."""

    flat: str


@frozen
class Hard:
    """A line break, always."""


@frozen
class WhenBroken:
    """Text that stands only where its group is broken."""

    text: str


@frozen
class Fill:
    """A space, or a line break where the `width` columns that follow would be too many."""

    width: int


@frozen
class Either:
    """`flat` if it fits and is allowed, else `lines`, which are laid out already."""

    flat: str
    lines: tuple[str, ...]
    forced: bool


@frozen
class Indent:
    """Parts whose line breaks are indented by one step more."""

    parts: tuple[Doc, ...]


@frozen
class Group:
    """Parts that stand on one line if they fit; `forced`: they hold a hard break and never do."""

    parts: tuple[Doc, ...]
    forced: bool


Doc = str | Line | Hard | WhenBroken | Fill | Either | Indent | Group

HARD: Final = Hard()


def group(parts: Iterable[Doc]) -> Group:
    """Return a group of parts."""
    kept = tuple(parts)
    return Group(kept, any(map(forced, kept)))


def forced(doc: Doc) -> bool:
    """Whether a part can never stand on one line."""
    match doc:
        case Hard():
            return True
        case Group(forced=known) | Either(forced=known):
            return known
        case Indent(parts):
            return any(map(forced, parts))
        case _:
            return False


def flat(doc: Doc) -> str:
    """Return a part that is not forced as it stands on one line."""
    match doc:
        case str():
            return doc
        case Line(text) | Either(flat=text):
            return text
        case Fill():
            return " "
        case Indent(parts) | Group(parts=parts):
            return "".join(map(flat, parts))
        case _:
            return ""


_Open = tuple[int, bool, Doc]
"""What is still to be set: its indentation, whether its group is broken, and the part."""


def layout(parts: Iterable[Doc], indent: int) -> list[str]:
    """Return the lines of parts that begin at column `indent`; the first line holds no indentation."""
    out = [""]
    column = indent
    stack: list[_Open] = [(indent, True, doc) for doc in reversed(tuple(parts))]
    while stack:
        at, broken, doc = stack.pop()
        match doc:
            case str():
                out[-1] += doc
                column += len(doc)
            case Indent(inner):
                stack += [(at + STEP, broken, part) for part in reversed(inner)]
            case Group(inner, always):
                breaks = always or not _fits(doc, WIDTH - column, stack)
                stack += [(at, breaks, part) for part in reversed(inner)]
            case Either(text, lines, always):
                if not always and _fits(doc, WIDTH - column, stack):
                    stack.append((at, False, text))
                else:
                    between = [part for line in lines for part in (HARD, line)][1:]
                    stack += [(at, True, part) for part in reversed(between)]
            case WhenBroken(text):
                stack += [(at, broken, text)] if broken else []
            case Line(text) if not broken:
                stack.append((at, broken, text))
            case Fill(width) if not broken or column + 1 + width <= WIDTH:
                stack.append((at, broken, " "))
            case _:
                out[-1] = out[-1].rstrip(" ")
                out.append(" " * at)
                column = at
    out[-1] = out[-1].rstrip(" ")
    return out


def _fits(doc: Doc, room: int, rest: list[_Open]) -> bool:
    """Whether `doc` on one line, and what must follow it up to the next break, has room."""
    waiting = len(rest)
    stack: list[_Open] = [(0, False, doc)]
    while room >= 0:
        if not stack:
            if not waiting:
                return True
            waiting -= 1
            stack.append(rest[waiting])
        at, broken, part = stack.pop()
        match part:
            case str():
                room -= len(part)
            case Indent(inner):
                stack += [(at, broken, each) for each in reversed(inner)]
            case Group(inner, always):
                stack += [(at, broken or always, each) for each in reversed(inner)]
            case Either(text, lines, always):
                if broken or always:
                    return room >= len(lines[0])
                room -= len(text)
            case WhenBroken(text):
                room -= len(text) if broken else 0
            case Line(text) if not broken:
                room -= len(text)
            case Fill() if not broken:
                room -= 1
            case _:
                return True
    return False
