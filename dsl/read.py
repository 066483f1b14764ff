"""A recipe's file into its Source. In: a path. Out: the text with `\\n` line ends, or why it cannot be read."""

from __future__ import annotations

import os
import stat
from itertools import islice
from pathlib import Path
from typing import Final

from ladle.dsl.codes import CODES
from ladle.dsl.diagnostics import Diagnostic
from ladle.dsl.source import Source, Span
from ladle.dsl.suggest import nearest

LARGEST: Final = 2 * 1024 * 1024
"""Bytes of the largest recipe: some thirty thousand lines."""

_BOM: Final = "\ufeff"
_MOST_BESIDE: Final = 1000
"""Recipes of a folder that a misspelt name is compared with."""


def read_source(path: str | os.PathLike[str]) -> tuple[Source | None, tuple[Diagnostic, ...]]:
    """Return the source of a file, or None and the one problem that forbids it.

    A byte order mark at the start is dropped; `\\r\\n` becomes `\\n`. Never raises for what a file is or holds.
    """
    shown = os.fspath(path)
    try:
        if not stat.S_ISREG(Path(path).stat().st_mode):
            return _refuse(shown, "E016", "it is not a file", "name a file that ends in `.recipe`")
        with Path(path).open("rb") as file:
            data = file.read(LARGEST + 1)
    except (OSError, ValueError) as error:
        reason = error.strerror.lower() if isinstance(error, OSError) and error.strerror else "its name is no file name"
        near = _beside(Path(path)) if isinstance(error, FileNotFoundError) else ""
        help = f"did you mean `{near}`?" if near else "check its name and who may read it"
        return _refuse(shown, "E016", f"it cannot be read: {reason}", help)
    return decode_source(shown, data)


def _beside(path: Path) -> str:
    """Return the recipe that is meant by a path that there is not, "" where none in its folder is like it."""
    try:
        there = {each.stem: each for each in islice(path.parent.glob("*.recipe"), _MOST_BESIDE)}
    except OSError:
        return ""
    stem = path.name.removesuffix(".recipe")
    near = (stem,) if stem in there else nearest(stem, there)
    return str(path.with_name(there[near[0]].name)) if near else ""


def decode_source(shown: str, data: bytes) -> tuple[Source | None, tuple[Diagnostic, ...]]:
    """Return the source that bytes hold, at most one more than the largest recipe has, or why they hold none."""
    if len(data) > LARGEST:
        return _refuse(shown, "E017", f"it is larger than {LARGEST // 1024**2} MiB", "split it into several recipes")
    try:
        return Source(shown, _plain(data.decode("utf-8"))), ()
    except UnicodeDecodeError as error:
        return None, (_not_utf8(shown, data, error.start),)


def _plain(text: str) -> str:
    return text.removeprefix(_BOM).replace("\r\n", "\n")


def _refuse(shown: str, code: str, message: str, help: str) -> tuple[None, tuple[Diagnostic, ...]]:
    return None, (Diagnostic(code, CODES[code], message, Source(shown, ""), Span(0, 0), "", help),)


def _not_utf8(shown: str, data: bytes, offset: int) -> Diagnostic:
    """Return the problem at the byte `offset`; the text around it is shown with U+FFFD for what is no text."""
    source = Source(shown, _plain(data.decode("utf-8", errors="replace")))
    start = len(_plain(data[:offset].decode("utf-8")))
    message = f"byte {offset} (0x{data[offset]:02x}) is not UTF-8"
    help = "save the file as UTF-8"
    return Diagnostic("E018", CODES["E018"], message, source, Span(start, start + 1), "not a character", help)
