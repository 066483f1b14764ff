"""What may be shown to a terminal. In: any text, also a stranger's. Out: text without control characters."""

from __future__ import annotations

import os
import shlex
import unicodedata
from pathlib import Path

REPORT = "nothing finished is lost. Please report this"
"""What to do about a fault of Ladle's own."""
_HIDDEN = frozenset({"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"})


def plain(text: str) -> str:
    """Return `text` with every control, bidirectional and invisible character but a line feed written as `\\u{...}`."""
    if text.isascii() and text.isprintable():
        return text
    return "".join(char if char == "\n" or _visible(char) else f"\\u{{{ord(char):x}}}" for char in text)


def one_line(text: str | Path) -> str:
    """Return a text of one line, such as a path, as `plain` does, a line feed in it written like the rest."""
    return plain(str(text)).replace("\n", "\\u{a}")


def from_here(path: Path) -> str:
    """Return `path` as it is typed in the working folder."""
    return os.path.relpath(path)


def typed(path: Path) -> str:
    """Return `path` as a shell takes it: quoted where it holds a space, say."""
    return shlex.quote(str(path))


def own_fault(fault: Exception) -> str:
    """Return in one line what went wrong in Ladle itself."""
    return f"a fault of Ladle's own: {type(fault).__name__}: {one_line(str(fault))}"


def _visible(char: str) -> bool:
    return unicodedata.category(char) not in _HIDDEN
