"""Rows that are not elsewhere. In: a corpus, and a corpus or benchmark. Out: the rows of `except`."""

from collections.abc import Iterable

from ladle.executor.corpus.writing import pieces, write_rows
from ladle.executor.corpus_rows import read_rows
from ladle.executor.rows import Row
from ladle.executor.task import Task

Words = tuple[str, ...]

SHORT = 5
"""A question of fewer words is common speech: it is met only as a whole text, not inside one."""


def run(task: Task) -> None:
    """Write the rows of the operand that are not among the others."""
    others = list(read_rows(task.given("rows")))
    asked = {_words(str(row["question"])) for row in others if "question" in row}
    same = {content(row) for row in others if "question" not in row}
    operand = next(given for given in task.inputs if given.role != "rows")
    rows = (row for row in read_rows(operand) if content(row) not in same)
    write_rows((row for row in rows if not _asks(row, asked)) if asked else rows, task)


def content(row: Row) -> tuple[Words, ...]:
    """Return the words of each text of a row: what it says, without case, punctuation and spaces."""
    return tuple(_words(piece) for piece in pieces(row))


def _words(text: str) -> Words:
    letters = "".join(char if char.isalnum() else " " for char in text.casefold())
    return tuple(letters.split())


def _asks(row: Row, asked: set[Words]) -> bool:
    lengths = sorted({len(question) for question in asked})
    return any(_inside(_words(piece), asked, lengths) for piece in pieces(row))


def _inside(words: Words, asked: set[Words], lengths: Iterable[int]) -> bool:
    if words in asked:
        return True
    return any(
        words[start : start + length] in asked
        for length in lengths
        if length >= SHORT
        for start in range(len(words) - length + 1)
    )
