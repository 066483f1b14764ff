"""What stands between tokens. In: a text and its tokens. Out: for each gap its comments, and where a line is empty."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from ladle.dsl.frozen import frozen
from ladle.dsl.lex import Token


@frozen
class Comment:
    """One comment, from its `#` to the last character that is no space."""

    text: str
    own_line: bool
    """False: a token stands before it on its line."""
    after_empty: bool
    """Whether the line before it is empty."""


@frozen
class Gap:
    """What stands before a token, or after the last one."""

    comments: tuple[Comment, ...] = ()
    empty: bool = False
    """Whether an empty line ends it."""

    def __add__(self, other: Gap) -> Gap:
        """Return the gap that is left when the token between the two goes; only its first comment may trail."""
        later = other.comments if not self.comments else tuple(_lowered(each) for each in other.comments)
        return Gap((*self.comments, *later), other.empty)


NOTHING = Gap()


def gaps(text: str, tokens: Sequence[Token]) -> Iterator[Gap]:
    """Yield what stands before each token, and at last what stands after all of them."""
    end = 0
    for token in tokens:
        yield _gap(text[end : token.start], end == 0)
        end = token.end
    yield _gap(text[end:], end == 0)


def _gap(between: str, first: bool) -> Gap:
    if "\n" not in between and "#" not in between:
        return NOTHING
    comments: list[Comment] = []
    empty = False
    beside, *lines = between.split("\n")
    if found := beside.strip(" \t"):
        comments.append(Comment(found, first, False))
    for line in lines[:-1]:
        found = line.strip(" \t")
        if found:
            comments.append(Comment(found, True, empty))
        empty = not found
    if lines and (last := lines[-1].strip(" \t")):
        comments.append(Comment(last, True, empty))
        empty = False
    return Gap(tuple(comments), empty)


def _lowered(comment: Comment) -> Comment:
    return Comment(comment.text, True, comment.after_empty)
