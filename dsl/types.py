"""What a value of the language is: corpus kinds, model types, quantities, schedules. In and out: frozen data."""

from __future__ import annotations

from collections.abc import Mapping
from enum import Enum, StrEnum
from typing import Final, Union

from ladle.dsl.frozen import frozen


class Unknown(Enum):
    """The single value of a fact that nobody could read; never a guess."""

    UNKNOWN = "unknown"

    def __repr__(self) -> str:
        return "unknown"


UNKNOWN: Final = Unknown.UNKNOWN


class CorpusKind(StrEnum):
    """What a row of a corpus is."""

    TEXT = "text"
    CHAT = "chat"
    PREFERENCE = "preference"
    LABELLED = "labelled"
    PROMPT = "prompt"


class Dimension(StrEnum):
    """What a number counts. A bare number, `4Ki` and `30M` are plain; nothing is converted between dimensions."""

    PLAIN = "a plain number"
    PERCENT = "a percentage"
    POINTS = "percentage points"
    BYTES = "bytes"
    DURATION = "a duration"


@frozen
class Share:
    """A percentage, as a fraction: `10%` is `Share(0.1)`."""

    fraction: float


@frozen
class Schedule:
    """A per-tensor parameter: module name to a number or to values over depth; `default` for all other tensors.

    A tuple of values is piecewise linear over depth i/(L-1), ends included. The longest matching name wins.
    """

    modules: tuple[tuple[str, float | tuple[float, ...]], ...]
    default: float


Value = Union[None, bool, int, float, str, Share, Schedule, tuple["Value", ...], Mapping[str, "Value"]]
"""A resolved option value. It has one canonical form (`graph.canonical`), and nothing else may enter a fingerprint."""


Settings = tuple[tuple[str, str], ...]
"""Sorted names and values of a configuration."""


@frozen
class ModelType:
    """The type of a model. Each part may be `UNKNOWN`; a check that needs an unknown part is skipped and listed."""

    architecture: str | Unknown = UNKNOWN
    shape: tuple[tuple[str, int], ...] | Unknown = UNKNOWN
    """Sorted (name, size) pairs that must agree for a merge: hidden, layers, heads, vocab and so on."""
    vocabulary: str | Unknown = UNKNOWN
    """Identity of the token-to-id table; equal strings mean equal vocabularies."""
    template: str | Unknown | None = UNKNOWN
    """Identity of the chat template; None: the model has none."""
    parameters: int | Unknown = UNKNOWN
    tensors: tuple[tuple[str, str, tuple[int, ...]], ...] | Unknown = UNKNOWN
    """Sorted (name, dtype, shape) from the weight headers, where a folder could be read; else unknown."""
    licence: str | Unknown = UNKNOWN
    """What the source's card says, such as `apache-2.0`. No part of whether models can be merged."""
    pad_is_end: bool | Unknown = UNKNOWN
    """Whether its tokenizer pads with the token that ends a text, so that no training can teach it to stop."""
    function: Settings | Unknown = UNKNOWN
    """Sorted (name, value) of what its configuration says of how weights are used: what two models both say must agree
    for a merge."""
    settings: Settings | Unknown = UNKNOWN
    """The same of what may differ, and then deserves a look: how positions are counted and so on."""
    united: tuple[str, ...] = ()
    """Of a union of vocabularies, those that it is made from, as far as they are known, the one that it begins with
    first; empty for any other."""
    untokenized: str = ""
    """Why it reads no text, such as "`models/a` has no `tokenizer.json`"; "" where nothing is known to lack."""


@frozen
class AdapterType:
    """The type of an adapter: what it changes of the model that it sits on. It is no model without that one."""

    tensors: tuple[tuple[str, tuple[int, ...]], ...]
    """Sorted (name, shape) of the model's tensors that it changes."""
    modules: tuple[str, ...] = ()
    """Ends of the names of all modules that it says it changes; empty where it does not list them."""
    based_on: str = ""
    """The model that it says it was trained on: shown, never followed."""
    vocabulary: str | Unknown | None = None
    """Of its own tokenizer; None where the model's is used."""
    template: str | Unknown | None = UNKNOWN
    pad_is_end: bool | Unknown = UNKNOWN


def differing(a: Settings | Unknown, b: Settings | Unknown) -> tuple[tuple[str, str, str], ...]:
    """Return name and both values of what two models both say and say differently; what one leaves out says nothing."""
    if isinstance(a, Unknown) or isinstance(b, Unknown):
        return ()
    others = dict(b)
    return tuple((name, value, others[name]) for name, value in a if others.get(name, value) != value)


MADE: Final = "made:"
"""Begins the identity of a vocabulary that a step will make: it is known by what it is made from, not by content."""


def one_vocabulary(a: str | Unknown, b: str | Unknown) -> bool | Unknown:
    """Say whether two identities mean one vocabulary; unknown where one is of content and the other not made yet."""
    if isinstance(a, Unknown) or isinstance(b, Unknown):
        return UNKNOWN
    if a != b and a.startswith(MADE) != b.startswith(MADE):
        return UNKNOWN
    return a == b


@frozen
class CorpusType:
    """The type of a corpus: the kind of its rows."""

    kind: CorpusKind | Unknown
    unanswered: str = ""
    """The first chat that is known to have no answer of the assistant, as `file:row`; "" where none is known."""
    licence: str | Unknown = UNKNOWN
    """What the source's card says. No part of what may be done with the rows."""
