"""Tokenised documents before they are packed. In and out: frozen data, and what a preparation asks for."""

from __future__ import annotations

from array import array
from collections.abc import Mapping
from dataclasses import dataclass

from ladle.dsl.graph import Json
from ladle.executor.rows import Row
from ladle.executor.task import StepError

Located = tuple[str, Row]
"""A row and where it stands, `file:line`."""


@dataclass(frozen=True, slots=True)
class Document:
    """One text or chat: `tokens`, and which of them are learned (1) or only read (0). `place` is `file:row`."""

    place: str
    tokens: array[int]
    supervised: bytes


@dataclass(frozen=True, slots=True)
class Pair:
    """One preference: a prompt and two answers to it."""

    place: str
    prompt: array[int]
    chosen: array[int]
    rejected: array[int]


@dataclass(frozen=True, slots=True)
class Asked:
    """The options of a preparation."""

    context: int
    overlong: str
    packing: str
    supervise: str

    @staticmethod
    def of(options: Mapping[str, Json]) -> Asked:
        """Return the options of a node; those that its kind of corpus does not have keep their meaning of none."""
        return Asked(
            context=int(str(options.get("context", 1024))),
            overlong=str(options.get("overlong", "error")),
            packing=str(options.get("packing", "none")),
            supervise=str(options.get("supervise", "all")),
        )


@dataclass(slots=True)
class Counts:
    """What became of the rows of a corpus."""

    read: int = 0
    dropped: int = 0
    truncated: int = 0
    split: int = 0
    unused_tokens: int = 0


def integers(values: list[int]) -> array[int]:
    """Return token ids as an array of 32-bit integers."""
    return array("i", values)


def overlong(place: str, length: int, asked: Asked) -> StepError:
    """Return the error of a row that does not fit."""
    return StepError(
        f"`{place}` has {length} tokens, `context` is {asked.context}",
        "raise `context`, or say what becomes of long rows: `overlong = truncate` or `overlong = drop`",
    )
