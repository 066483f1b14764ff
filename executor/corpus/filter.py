"""Rows within bounds. In: a corpus. Out: the rows of `filter`."""

from ladle.executor.corpus.writing import integer, pieces, write_rows
from ladle.executor.corpus_rows import read_rows
from ladle.executor.rows import Row
from ladle.executor.task import Task

BOUNDS = ("min_words", "max_words", "min_chars", "max_chars")


def run(task: Task) -> None:
    """Write the rows whose words and characters lie within the bounds."""
    bounds = [integer(task, name) for name in BOUNDS]
    write_rows((row for row in read_rows(task.inputs[0]) if _within(row, bounds)), task)


def _within(row: Row, bounds: list[int | None]) -> bool:
    texts = pieces(row)
    words, chars = sum(len(text.split()) for text in texts), sum(map(len, texts))
    sizes = (words, words, chars, chars)
    return all(
        bound is None or (size >= bound if name.startswith("min") else size <= bound)
        for name, bound, size in zip(BOUNDS, bounds, sizes, strict=True)
    )
