"""Which tensors of several models can be compared. In: models. Out: their names, what is left out, what misfits."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from ladle.dsl.signature import Fault
from ladle.dsl.types import Unknown
from ladle.executor.comparing.modules import module
from ladle.executor.comparing.subjects import Subject
from ladle.executor.headers import BITS
from ladle.executor.quoting import short

COMPARED: Final = ("F16", "BF16", "F32", "F64")
"""Element types whose values are weights."""
SHOWN: Final = 3
"""Tensors that a message names."""

_BY_TOKEN: Final = ("embed", "lm_head", "embed_in", "embed_out", "wte", "word_embeddings")
"""Modules with a row for each token."""
_BUFFER: Final = "rotary_emb.inv_freq"


@dataclass(frozen=True, slots=True)
class Fit:
    """Tensors that all models have in one shape; and, by tensor, why others are left out."""

    tensors: tuple[str, ...]
    left_out: Mapping[str, str]


def fit(subjects: Sequence[Subject]) -> Fit | tuple[tuple[Subject, Fault], ...]:
    """Return what can be compared, or every model that does not fit the first one, and how."""
    first, *others = subjects
    faults = tuple((other, fault) for other in others if (fault := _misfit(first, other)))
    if faults:
        return faults
    left_out = dict(_left_out(subjects))
    tensors = tuple(name for name in first.headers if name not in left_out)
    if tensors:
        return Fit(tensors, left_out)
    types = sorted({header.dtype for header in first.headers.values()})
    message = f"`{first.name}` has no weights to compare: its tensors hold {', '.join(types)}"
    return ((first, Fault("E644", message, "compare the models before they are quantized")),)


def _misfit(first: Subject, other: Subject) -> Fault | None:
    for what, a, b in _architecture(first, other):
        if a != b:
            message = f"the {what} of `{other.name}` is {b}, and that of `{first.name}` is {a}"
            return Fault("E642", message, "only models of one architecture and size can be compared or merged")
    wrong = [*_wrong(first, other)]
    if not wrong:
        return None
    more = f"; and {len(wrong) - SHOWN} more" if len(wrong) > SHOWN else ""
    help = "only models with the same tensors can be compared or merged"
    return Fault("E643", f"`{other.name}` does not fit `{first.name}`: {'; '.join(wrong[:SHOWN])}{more}", help)


def _architecture(first: Subject, other: Subject) -> Iterator[tuple[str, object, object]]:
    if not isinstance(first.type.architecture, Unknown) and not isinstance(other.type.architecture, Unknown):
        yield "architecture", first.type.architecture, other.type.architecture
    shapes = [dict(each.type.shape) for each in (first, other) if isinstance(each.type.shape, tuple)]
    if len(shapes) == 2:
        for key in sorted(shapes[0].keys() - {"vocab", "tied"}):
            yield f"size `{key}`", shapes[0][key], shapes[1].get(key)


def _wrong(first: Subject, other: Subject) -> Iterator[str]:
    """Yield each tensor that is not the same in both; those with a row for each token may be."""
    for name in sorted(first.headers.keys() | other.headers.keys()):
        if module(name)[0] in _BY_TOKEN and not _other_width(name, first, other):
            continue
        one, two = first.headers.get(name), other.headers.get(name)
        if one and two and one.shape != two.shape:
            yield f"`{short(name)}` is {_size(two.shape)}, not {_size(one.shape)}"
        elif not (one and two) and not name.endswith(_BUFFER):
            yield f"`{short(name)}` is {'missing' if one else 'not in the other'}"


def _other_width(name: str, first: Subject, other: Subject) -> bool:
    one, two = first.headers.get(name), other.headers.get(name)
    return bool(one and two and one.shape[1:] != two.shape[1:])


def _left_out(subjects: Sequence[Subject]) -> Iterator[tuple[str, str]]:
    """Yield tensors that cannot be compared, and why."""
    first, *others = subjects
    shifted = next((said for other in others if (said := _shifted(first, other))), "")
    for name in sorted({name for each in subjects for name in each.headers}):
        if why := _obstacle(name, subjects, shifted):
            yield name, why


def _obstacle(name: str, subjects: Sequence[Subject], shifted: str) -> str:
    """Say why a tensor cannot be compared, "" where it can; `shifted` says which token stands for another."""
    if lacking := next((each.name for each in subjects if name not in each.headers), ""):
        return f"`{lacking}` has none"
    headers = [each.headers[name] for each in subjects]
    if odd := next((header.dtype for header in headers if header.dtype not in COMPARED), ""):
        return f"it holds {odd}, of {BITS[odd]} bits"
    if not headers[0].elements:
        return "it is empty"
    rows = list(dict.fromkeys(header.shape[0] for header in headers if header.shape))
    other = f"{', '.join(map(str, rows[:-1]))} and {rows[-1]} rows" if len(rows) > 1 else shifted
    return f"other vocabularies: {other}" if other and module(name)[0] in _BY_TOKEN else ""


def _shifted(first: Subject, other: Subject) -> str:
    """Say which id stands for another token; "" where none does, though one may have more tokens."""
    tokens = {number: word for word, number in first.words.items()}
    for word, number in sorted(other.words.items(), key=lambda item: item[1]):
        if tokens.get(number, word) != word:
            return f"{number} is {short(repr(tokens[number]))} in `{first.name}`, {short(repr(word))} in `{other.name}`"
    return ""


def _size(shape: tuple[int, ...]) -> str:
    return " x ".join(map(str, shape)) or "a number"
