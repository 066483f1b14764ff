"""A declaration's tokens by its brackets. In: tokens and the gaps before them. Out: words and brackets, with comments.

Nothing here knows a declaration by name: a word, a bracket, an operator and a setting are all there is to lay out.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from ladle.dsl.brackets import CLOSERS
from ladle.dsl.frozen import frozen, replace
from ladle.dsl.lex import CLOSER, ENDS, Token
from ladle.dsl.trivia import NOTHING, Gap


@frozen
class Word:
    """One token that is no bracket and no comma."""

    type: str
    text: str
    before: Gap


@frozen
class Bracket:
    """A pair of brackets and what stands in it. `block`: settings, else items with commas between them."""

    type: str
    text: str
    closing: str
    items: tuple[Item, ...]
    last: Gap
    """What stands before the closing bracket."""
    before: Gap
    block: bool


Piece = Word | Bracket
Item = tuple[Piece, ...]
"""One entry of a list, a call, a map or a block, or a whole declaration: at least one piece."""


def read_pieces(tokens: Sequence[Token], before: Sequence[Gap]) -> tuple[Item, ...]:
    """Return a whole declaration, cut at the commas outside brackets. Its brackets match."""
    items, _, _ = _read(tokens, before, 0, False)
    return items


def _read(tokens: Sequence[Token], before: Sequence[Gap], start: int, block: bool) -> tuple[tuple[Item, ...], Gap, int]:
    """Return the items up to a closing bracket or the end, what stands before it, and its index."""
    items: list[Item] = []
    pieces: list[Piece] = []
    carried = NOTHING
    index = start
    while index < len(tokens) and tokens[index].type not in CLOSERS:
        token, gap = tokens[index], carried + before[index]
        carried = NOTHING
        if token.type == "COMMA" or (block and pieces and _begins(tokens, index)):
            items.append(tuple(pieces))
            pieces = []
        if token.type == "COMMA":
            carried = gap
        elif token.type in CLOSER:
            opens = token.type == "LBRACE" and index > 0 and tokens[index - 1].type in ("NAME", "WITH")
            inner, last, close = _read(tokens, before, index + 1, opens)
            pieces.append(Bracket(token.type, token.text, tokens[close].text, inner, last, gap, opens))
            index = close
        else:
            pieces.append(Word(token.type, token.text, gap))
        index += 1
    ends = before[index] if index < len(tokens) else NOTHING
    return (*filter(None, items), *([tuple(pieces)] if pieces else ())), carried + ends, index


def _begins(tokens: Sequence[Token], index: int) -> bool:
    """Whether a setting of a block begins here: `name =`, `owner.name =`, `require`."""
    token, after = tokens[index], tokens[index + 1]
    if token.type == "REQUIRE":
        return True
    if token.type not in ("NAME", "STAGE") or tokens[index - 1].type == "DOT":
        return False
    far = index
    while tokens[far + 1].type == "DOT" and far + 3 < len(tokens):
        far += 2
    return after.type in ("EQUAL", "DOT") and tokens[far + 1].type == "EQUAL"


def bare(item: Item) -> Item:
    """Return an item without what stands before it: whoever lays it out has set that already."""
    first: Piece = replace(item[0], before=NOTHING)
    return (first, *item[1:])


def split(item: Item, types: frozenset[str]) -> Iterator[Item]:
    """Yield the parts of an item, each but the first beginning with an operator of `types`."""
    start = 0
    for index, piece in enumerate(item):
        if index and isinstance(piece, Word) and piece.type in types and not unary(item, index):
            yield item[start:index]
            start = index
    yield item[start:]


def unary(item: Item, index: int) -> bool:
    """Whether the word at `index` is a minus that has no left side."""
    piece = item[index]
    if not isinstance(piece, Word) or piece.type != "MINUS":
        return False
    left = item[index - 1] if index else None
    return left is None or (isinstance(left, Word) and left.type not in ENDS)


def space(item: Item, index: int) -> str:
    """Return what stands between the piece at `index` and the one before it on a line: a space or nothing."""
    left, right = item[index - 1], item[index]
    if isinstance(right, Bracket):
        tight = right.type in ("CALL", "INDEX")
    else:
        number = isinstance(left, Word) and left.type == "NUMBER"  # `5.a` would be one number
        tight = right.type in ("RANGE", "COLON") or (right.type == "DOT" and not number)
    if isinstance(left, Word):
        tight = tight or left.type in ("DOT", "RANGE") or unary(item, index - 1)
    return "" if tight else " "
