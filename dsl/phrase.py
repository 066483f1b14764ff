"""How declarations and settings look. In: their pieces. Out: lines; rows that fit share columns, others are broken.

The only rules: a block's settings stand on one line, two spaces apart, if they fit, else each on its own; so do what
brackets hold and what `|` or `+` joins. A bracket that is broken ends its last item with a comma.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import groupby
from typing import Final

from ladle.dsl.document import HARD, STEP, WIDTH, Doc, Either, Fill, Indent, Line, WhenBroken, flat, group, layout
from ladle.dsl.document import forced as never_flat
from ladle.dsl.frozen import frozen, replace
from ladle.dsl.pieces import Bracket, Item, Word, bare, space, split
from ladle.dsl.rows import Row, aligned
from ladle.dsl.trivia import Gap

LEVELS: Final = (frozenset({"WITH"}), frozenset({"PIPE"}), frozenset({"PLUS", "MINUS"}))
"""Where an expression is broken, loosest first."""


@frozen
class Broken:
    """A declaration or setting that takes several lines, or shares no columns."""

    lines: tuple[str, ...]
    comment: str = ""


@frozen
class Entry:
    """One declaration of a file or setting of a block, cut at its commas, and what stands before it."""

    before: Gap
    items: tuple[Item, ...]
    word: str
    """Its first word, if it is a declaration: rows of one word share columns."""


def stack(entries: Sequence[Entry], last: Gap, indent: int) -> tuple[str, list[str]]:
    """Return the comment that stands beside what comes before the entries, and the lines of the entries.

    A line is empty where one was. `last` is what stands after the entries.
    """
    beside, parts = "", list[Row | Broken | str]()
    for gap, entry in (*((entry.before, entry) for entry in entries), (last, None)):
        for comment in gap.comments:
            if not comment.own_line and parts:
                assert isinstance(parts[-1], Row | Broken)
                parts[-1] = replace(parts[-1], comment=comment.text)
            elif not comment.own_line:
                beside = comment.text
            else:
                parts += [*([""] if comment.after_empty and parts else []), comment.text]
        if entry:
            parts += [*([""] if gap.empty and parts else []), _entry(entry, indent)]
    return beside, [*_lines(parts, indent)]


def _lines(parts: Sequence[Row | Broken | str], indent: int) -> Iterator[str]:
    for kind, run in groupby(parts, key=lambda part: part.kind if isinstance(part, Row) else None):
        if kind is not None:
            yield from aligned([part for part in run if isinstance(part, Row)], indent)
            continue
        for part in run:
            if isinstance(part, str):
                yield part
            elif isinstance(part, Broken):
                yield from part.lines[:-1]
                yield part.lines[-1] + (part.comment and f"  {part.comment}")


def _entry(entry: Entry, indent: int) -> Row | Broken:
    docs = whole(entry.items, STEP)
    if not any(map(never_flat, docs)) and len(entry.items) == 1:
        row = _row(entry.items[0], entry.word)
        if row and len(row.line()) + indent <= WIDTH:
            return row
    first, *rest = layout(docs, indent)
    return Broken((first, *(line[indent:] for line in rest)))


def _row(item: Item, word: str) -> Row | None:
    """Return an entry as a row of columns, or None where it has none: it sets nothing."""
    for index, piece in enumerate(item):
        if isinstance(piece, Word) and piece.type == "EQUAL":
            row = Row((word, "="), _head(item[:index]), "=", (("", _flat(item[index + 1 :])),), "")
        elif isinstance(piece, Bracket) and piece.block and index + 1 == len(item):
            cells = tuple(map(_cell, piece.items))
            row = Row((word, piece.text), _head(item[:index]), piece.text, cells, piece.closing)
        else:
            continue
        return row
    return None


def _head(item: Item) -> tuple[str, ...]:
    """Return what stands before the sign, cut after a colon."""
    for index, piece in enumerate(item):
        if isinstance(piece, Word) and piece.type == "COLON":
            return _flat(item[: index + 1]), _flat(item[index + 1 :])
    return (_flat(item),)


def _cell(item: Item) -> tuple[str, str]:
    name = item[0].text if isinstance(item[0], Word) else ""
    return name, _flat(item)


def _flat(item: Item) -> str:
    return "".join(map(flat, phrase(bare(item), STEP)))


# --- expressions ---


def whole(items: Sequence[Item], block: int) -> list[Doc]:
    """Return the parts of an entry; `block` is the column where its own settings begin."""
    first, *rest = items
    if not rest:
        return phrase(bare(first), block)
    parts: list[Doc] = phrase(bare(first), block)
    for item in rest:
        parts += [",", Indent((*gap(item[0].before, Line(" ")), *phrase(bare(item), block)))]
    return [group(parts)]


def phrase(item: Item, block: int, level: int = 0) -> list[Doc]:
    """Return the parts of an item, broken before its loosest operators if it must be."""
    if level == len(LEVELS):
        return _sequence(item, block)
    first, *rest = split(item, LEVELS[level])
    parts = phrase(first, block, level + 1)
    if not rest:
        return parts
    inner = block + STEP
    for part in rest:
        operator, operand = part[0], part[1:]
        between = gap(operand[0].before, " ")
        if operator.text == "with":  # its block breaks by itself
            parts += [*gap(operator.before, " "), operator.text, *between, *phrase(bare(operand), block, level + 1)]
            continue
        side = phrase(bare(operand), inner, level + 1)
        parts.append(Indent((*gap(operator.before, Line(" ")), operator.text, *between, *side)))
    return [group(parts)]


def _sequence(item: Item, block: int) -> list[Doc]:
    parts: list[Doc] = []
    for index, piece in enumerate(item):
        if index:
            between = space(item, index)
            parts += [Indent(gap(piece.before))] if piece.before.comments else [between] if between else []
        parts.append(piece.text) if isinstance(piece, Word) else parts.extend(_bracket(piece, block))
    return parts


def gap(before: Gap, plain: Doc | None = None) -> tuple[Doc, ...]:
    """Return what stands before a piece: comments, each to the end of its line, else `plain`."""
    if not before.comments:
        return () if plain is None else (plain,)
    return (*_comments(before), HARD)


def _comments(before: Gap) -> tuple[Doc, ...]:
    parts: list[Doc] = []
    for comment in before.comments:
        parts += [HARD, comment.text] if comment.own_line else [f"  {comment.text}"]
    return tuple(parts)


def _bracket(bracket: Bracket, block: int) -> list[Doc]:
    if bracket.block:
        return [_block(bracket, block)]
    inner: list[Doc] = []
    filled = _atoms(bracket)
    for index, item in enumerate(bracket.items):
        plain: Doc = Line(" " if index else "")
        if index and filled:
            plain = Fill(len(_flat(item)) + 1)
        inner += [*([","] if index else []), *gap(item[0].before, plain), *phrase(bare(item), block)]
    if bracket.items and bracket.type != "LPAR":
        inner.append(WhenBroken(","))
    ends: tuple[Doc, ...] = (HARD,) if bracket.last.comments else (Line(""),) if inner else ()
    return [group((bracket.text, Indent((*inner, *_comments(bracket.last))), *ends, bracket.closing))]


def _atoms(bracket: Bracket) -> bool:
    """Whether a list holds single words alone: its lines are filled."""
    return bracket.type == "LSQB" and all(len(item) == 1 and isinstance(item[0], Word) for item in bracket.items)


def _block(bracket: Bracket, indent: int) -> Either:
    entries = [Entry(item[0].before, (item,), "") for item in bracket.items]
    beside, lines = stack(entries, bracket.last, indent)
    comments = any(entry.before.comments for entry in entries) or bracket.last.comments
    flats = [[*phrase(bare(item), indent)] for item in bracket.items]
    forced = bool(comments) or any(map(never_flat, (doc for docs in flats for doc in docs)))
    inner = "  ".join("".join(map(flat, docs)) for docs in flats)
    opening = bracket.text + (beside and f"  {beside}")
    margin = " " * STEP
    broken = (opening, *(line and margin + line for line in lines), bracket.closing)
    return Either(f"{bracket.text} {inner} {bracket.closing}" if inner else "{}", broken, forced)
