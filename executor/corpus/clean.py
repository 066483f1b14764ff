"""Text without what a scan or a converter left in it. In: a corpus of text. Out: the rows of `clean`."""

import re
import unicodedata

from ladle.executor.corpus.writing import write_rows
from ladle.executor.corpus_rows import read_rows
from ladle.executor.task import Task

_SOFT = re.compile(r"\u00ad(?=[ \t]*\n)")
"""A soft hyphen that shows: it parts a word at the end of a line."""
_PARTED = re.compile(r"(?<=[^\W\d_])[-\u2010]\n(?=[^\W\d_])")
_SPACES = re.compile(r"[ \t\u00a0\u2000-\u200a\u202f\u3000]+")
_AROUND = re.compile(r" ?\n ?")
_EMPTY = re.compile(r"\n{3,}")
_KEPT = ("\n", "\t")


def run(task: Task) -> None:
    """Write each row's text mended; rows left without text are dropped."""
    texts = (cleaned(str(row["text"])) for row in read_rows(task.inputs[0]))
    write_rows(({"text": text} for text in texts if text), task)


def cleaned(text: str) -> str:
    """Return `text` mended; cleaning it again changes nothing."""
    text = _SOFT.sub("\u2010", text.replace("\r\n", "\n").replace("\r", "\n").replace("\f", "\n"))
    kept = (char for char in text if char in _KEPT or unicodedata.category(char) not in ("Cc", "Cf"))
    text = unicodedata.normalize("NFC", "".join(kept))
    text = _PARTED.sub(_joined, _AROUND.sub("\n", _SPACES.sub(" ", text)))
    return _EMPTY.sub("\n\n", text).strip()


def _joined(parted: re.Match[str]) -> str:
    """A word parted at a line's end is one word; before a capital the hyphen was its own."""
    return "-" if parted.string[parted.end()].isupper() else ""
