"""Values of a lock as read. In: JSON of a stranger. Out: a value of its type and within its bounds, or `Bad`."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from typing import Final, TypeVar

from ladle.dsl.graph import Json
from ladle.dsl.types import UNKNOWN, Unknown
from ladle.executor.lock.entries import LOCK
from ladle.executor.quoting import short

MAX_ENTRIES: Final = 10_000
MAX_TEXT: Final = 1_000
MAX_NUMBER: Final = 2**53
HASH: Final = re.compile(r"[0-9a-f]{64}\Z")
COMMIT: Final = re.compile(r"[0-9a-f]{40}\Z")
CONTROL: Final = re.compile(r"[\x00-\x1f\x7f-\x9f\u200b-\u200f\u2028-\u202e\u2060-\u2069\ufeff\ud800-\udfff]")
NO_TEXT: Final = re.compile(r"[\ud800-\udfff]")

T = TypeVar("T")
Body = dict[str, Json]


class Bad(Exception):
    """What is wrong, and the keys that lead there."""

    def __init__(self, where: tuple[str, ...], message: str, code: str = "E416") -> None:
        super().__init__(message)
        self.where, self.message, self.code = where, message, code


def unless_unknown(value: Json, where: tuple[str, ...], read: Callable[[Json, tuple[str, ...]], T]) -> T | Unknown:
    """Return `value` as `read` reads it, or that nobody knows it."""
    return UNKNOWN if value == "unknown" else read(value, where)


def a_commit(value: Json, where: tuple[str, ...]) -> str:
    """Return a commit."""
    if not isinstance(value, str) or not COMMIT.match(value):
        raise Bad(where, f"`commit` is {shown(value)}; it is 40 digits and letters a to f, or unknown")
    return value


def a_hash(value: Json, where: tuple[str, ...]) -> str:
    """Return a SHA-256."""
    if not isinstance(value, str) or not HASH.match(value):
        raise Bad(where, f"`{where[-1]}` is {shown(value)}; it is a SHA-256, 64 digits and letters a to f")
    return value


def a_count(value: Json, where: tuple[str, ...], least: int = 1) -> int:
    """Return a whole number of at least `least`."""
    if type(value) is not int or not least <= value <= MAX_NUMBER:
        raise Bad(where, f"`{where[-1]}` is {shown(value)}; it is a whole number from {least} to {MAX_NUMBER}")
    return value


def a_flag(value: Json, where: tuple[str, ...]) -> bool:
    """Return true or false."""
    if not isinstance(value, bool):
        raise Bad(where, f"`{where[-1]}` is {shown(value)}; it is true or false")
    return value


def a_word(value: Json, where: tuple[str, ...]) -> str:
    """Return a text that says something."""
    found = a_text(value, where)
    if not found.strip():
        raise Bad(where, f"`{where[-1]}` is empty; what nobody could read is `unknown`")
    return found


def a_text(value: Json, where: tuple[str, ...], what: str = "") -> str:
    """Return a bounded text without control or invisible characters."""
    named = what or f"`{where[-1]}`"
    if not isinstance(value, str):
        raise Bad(where, f"{named} is {shown(value)}; it is a string")
    if len(value) > MAX_TEXT:
        raise Bad(where, f"{named} is longer than {MAX_TEXT} characters")
    if CONTROL.search(value):
        raise Bad(where, f"{named} holds a control or invisible character")
    return value


def an_object(value: Json, where: tuple[str, ...], most: int) -> Body:
    """Return an object of at most `most` entries."""
    if not isinstance(value, dict):
        raise Bad(where, f"`{where[-1] if where else LOCK}` is {shown(value)}; it is an object")
    if len(value) > most:
        raise Bad(where, f"`{where[-1]}` holds more than {most} entries")
    return value


def the_keys(value: Json, where: tuple[str, ...], wanted: tuple[str, ...], may: tuple[str, ...] = ()) -> Body:
    """Return an object that has all of `wanted` and else only of `may`."""
    body = dict(an_object(value, where, MAX_ENTRIES))
    named = f"`{short(where[-1])}`" if where else f"`{LOCK}`"
    for name in _missing(body, wanted):
        raise Bad(where, f"{named} lacks `{name}`; what nobody could read is `unknown`")
    for name in body:
        if name not in wanted and name not in may:
            raise Bad((*where, name), f"{named} has an unknown key `{short(name)}`")
    return body


def _missing(body: Body, wanted: tuple[str, ...]) -> Iterator[str]:
    return (name for name in wanted if name not in body)


def shown(value: Json) -> str:
    """Return a value as a message quotes it."""
    if isinstance(value, dict | list):
        return "an object" if isinstance(value, dict) else "a list"
    # JSON's own words: who reads a lock knows nothing of None.
    return short(json.dumps(value) if value is None or isinstance(value, bool) else repr(value))
