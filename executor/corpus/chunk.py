"""Long texts in parts. In: a corpus of text. Out: the rows of `chunk`."""

import re
from collections.abc import Iterator

from ladle.executor.corpus.writing import integer, write_rows
from ladle.executor.corpus_rows import read_rows
from ladle.executor.task import Task

_WORD = re.compile(r"\S+")


def run(task: Task) -> None:
    """Write the parts of each row, in order; their words together are the row's."""
    words = integer(task, "words") or 1
    write_rows(({"text": part} for row in read_rows(task.inputs[0]) for part in parts(str(row["text"]), words)), task)


def parts(text: str, most: int) -> Iterator[str]:
    """Yield `text` in parts of at most `most` words, cut at the last paragraph's or else sentence's end within them."""
    words = list(_WORD.finditer(text))
    start = 0
    while start < len(words):
        stop = min(start + most, len(words))
        if stop < len(words):
            stop = _end(text, words, start, stop)
        yield text[words[start].start() : words[stop - 1].end()]
        start = stop


def _end(text: str, words: list[re.Match[str]], start: int, stop: int) -> int:
    """Where a part ends: no earlier than in its second half, so that parts are of about one size."""
    places = range(stop, start + max(1, (stop - start) // 2), -1)
    gaps = {place: text[words[place - 1].end() : words[place].start()] for place in places}
    paragraph = next((place for place in places if gaps[place].count("\n") > 1), 0)
    return paragraph or next((place for place in places if words[place - 1][0].rstrip("\"')]")[-1:] in ".!?"), stop)
