"""Documents in rows. In: documents and a context. Out: rows, each a list of pieces of documents, in corpus order."""

from __future__ import annotations

from bisect import bisect_left, insort
from collections.abc import Sequence
from dataclasses import dataclass

from ladle.executor.prepare.documents import Asked, Counts, Document


@dataclass(frozen=True, slots=True)
class Piece:
    """Tokens `start` to `end` of document number `document`."""

    document: int
    start: int
    end: int

    @property
    def length(self) -> int:
        """Tokens of the piece."""
        return self.end - self.start


PackedRow = list[Piece]


def packed(documents: Sequence[Document], asked: Asked, counts: Counts) -> list[PackedRow]:
    """Return the rows that `packing` makes of `documents`."""
    lengths = [len(document.tokens) for document in documents]
    match asked.packing:
        case "wrapped":
            return _learned(wrapped(lengths, asked.context), documents, counts)
        case "isolated":
            return isolated(lengths, asked.context, counts)
        case _:
            return [[Piece(number, 0, length)] for number, length in enumerate(lengths)]


def wrapped(lengths: Sequence[int], context: int) -> list[PackedRow]:
    """Return one stream of all tokens, cut every `context` tokens."""
    rows: list[PackedRow] = [[]]
    room = context
    for number, length in enumerate(lengths):
        start = 0
        while start < length:
            if not room:
                rows.append([])
                room = context
            end = min(length, start + room)
            rows[-1].append(Piece(number, start, end))
            room -= end - start
            start = end
    return rows


def _learned(rows: list[PackedRow], documents: Sequence[Document], counts: Counts) -> list[PackedRow]:
    """All rows but a last one in which nothing is learned: one token, or the end of a chat after its last answer."""
    masks = [documents[piece.document].supervised[piece.start : piece.end] for piece in rows[-1]]
    if 1 not in b"".join(masks)[1:]:
        counts.unused_tokens += sum(piece.length for piece in rows.pop())
    return rows


def isolated(lengths: Sequence[int], context: int, counts: Counts) -> list[PackedRow]:
    """Return rows of whole documents by best fit, longest first; one longer than `context` is cut into parts.

    Rows are in the order of their first document, documents of a row in the order of the corpus.
    """
    pieces = [piece for number, length in enumerate(lengths) for piece in _parts(number, length, context, counts)]
    order = sorted(range(len(pieces)), key=lambda k: (-pieces[k].length, k))
    rows: list[list[int]] = []
    open_rows: dict[int, list[int]] = {}
    rooms: list[int] = []
    for k in order:
        at = bisect_left(rooms, pieces[k].length)
        if at == len(rooms):
            rows.append([])
            row, room = len(rows) - 1, context
        else:
            room = rooms[at]
            row = open_rows[room].pop()
            if not open_rows[room]:
                del open_rows[room], rooms[at]
        rows[row].append(k)
        left = room - pieces[k].length
        if left > 1:
            if left not in open_rows:
                insort(rooms, left)
            open_rows.setdefault(left, []).append(row)
    return [[pieces[k] for k in row] for row in sorted(sorted(row) for row in rows)]


def _parts(number: int, length: int, context: int, counts: Counts) -> list[Piece]:
    parts = [Piece(number, start, min(start + context, length)) for start in range(0, length, context)]
    counts.split += len(parts) > 1
    if parts[-1].length < 2 and len(parts) > 1:
        counts.unused_tokens += parts.pop().length
    return parts
