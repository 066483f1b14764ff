"""JSON that strangers wrote. In: its bytes. Out: its value; what parsing may cost is bounded before it is parsed.

A megabyte of `[],[],[]` becomes 20 MB of objects. So what could open a value is counted first, which costs next to
nothing: text within `LARGEST` bytes and `MOST_VALUES` values takes less than 1 GB, whatever it says (a test measures).
"""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Final

from ladle.dsl.graph import Json

LARGEST: Final = 64 * 2**20
"""Bytes of a tokenizer file at most: the largest known, of 262,144 tokens and 515,000 merges, has 33 MB."""
LARGEST_CONFIGURATION: Final = 16 * 2**20
"""Bytes of any other file of a model folder at most: the largest known, of 6,000 added tokens, has 1.2 MB."""
LARGEST_HEADER: Final = 32 * 2**20
"""Bytes of a header or an index at most: an index of 91,000 tensors has 9 MB, a header of a thousand layers 1 MB."""
MOST_VALUES: Final = 4_000_000
"""Commas and opening brackets at most, those in strings too: the largest tokenizer known has 1.8 million."""


class Unread(ValueError):
    """Why a file is not read or parsed; a sentence that begins with its name goes on with the message."""


def bounded(path: Path, most: int) -> bytes:
    """Return the bytes of a file. Raises Unread for more than `most`, and OSError."""
    with path.open("rb") as file:
        found = file.read(most + 1)
    if len(found) > most:
        raise Unread(f"is larger than {most} bytes")
    return found


def parsed(text: bytes, pairs: Callable[[list[tuple[str, Json]]], Json] | None = None) -> Json:
    """Return the value of JSON in UTF-8; `pairs` makes its objects.

    Raises Unread for what would cost too much or is no text, and ValueError for what is no JSON.
    """
    count = sum(text.count(each) for each in (b",", b"[", b"{"))
    if count > MOST_VALUES:
        raise Unread(f"has up to {count} values, and {MOST_VALUES} are the most that is read")
    try:
        found: Json = json.loads(text.decode("utf-8"), object_pairs_hook=pairs)
    except UnicodeDecodeError:
        raise Unread("is not UTF-8") from None
    except RecursionError:
        raise Unread("is nested too deep") from None
    return found
