"""Number literals. In: the text of one, such as `4Ki` or `1.5e-5`. Out: its value and dimension, or what is wrong."""

from __future__ import annotations

import math
import re
from typing import Final, NamedTuple

from ladle.dsl.suggest import nearest
from ladle.dsl.types import Dimension


class Unit(NamedTuple):
    """What a suffix means: its dimension, an integer factor, and a power of ten (`%` is 10**-2)."""

    dimension: Dimension
    factor: int
    exponent: int = 0


class NumberFault(NamedTuple):
    """Why a number is none, and what to write."""

    message: str
    help: str


UNITS: Final = {
    **{unit: Unit(Dimension.PLAIN, 1000**power) for power, unit in enumerate("kMBT", 1)},
    **{f"{unit}i": Unit(Dimension.PLAIN, 1024**power) for power, unit in enumerate("KMGT", 1)},
    **{f"{unit}B": Unit(Dimension.BYTES, 1000**power) for power, unit in enumerate("kMGT", 1)},
    **{f"{unit}iB": Unit(Dimension.BYTES, 1024**power) for power, unit in enumerate("KMGT", 1)},
    "%": Unit(Dimension.PERCENT, 1, -2),
    "pp": Unit(Dimension.POINTS, 1, -2),
    "s": Unit(Dimension.DURATION, 1),
    "m": Unit(Dimension.DURATION, 60),
    "h": Unit(Dimension.DURATION, 3600),
    "d": Unit(Dimension.DURATION, 86400),
}
"""Every unit. `B` after a bare number counts billions; bytes are written with a prefix."""

LONGEST: Final = 64
"""Characters of the longest number."""

_NUMBER = re.compile(
    r"(?P<whole>[0-9]+)(?:\.(?P<part>[0-9]+))?(?:[eE](?P<exponent>[+-]?[0-9]+))?(?P<unit>[^\W\d_]+|%)?"
)
_KINDS = "counts `k M B T` or `Ki Mi Gi Ti`, bytes `kB MB GB TB` or `KiB MiB GiB TiB`, `%`, `pp`, times `s m h d`"


def read_number(written: str) -> tuple[int | float, Dimension] | NumberFault:
    """Return value and dimension of a literal; without fraction and exponent an int, but for `%` and `pp`."""
    match = _NUMBER.fullmatch(written)
    if match is None or len(written) > LONGEST:
        return _malformed(written)
    whole, part, exponent, suffix = match["whole"], match["part"] or "", match["exponent"], match["unit"] or ""
    if "E" in written[: match.start("unit") if suffix else None]:
        return NumberFault(f"`{written}` is not a number here", f"write `{written.replace('E', 'e')}`")
    if len(whole) > 1 and whole[0] == "0":
        return NumberFault(f"`{written}` has leading zeros", f"write `{int(whole)}{written[len(whole) :]}`")
    unit = UNITS.get(suffix, Unit(Dimension.PLAIN, 1)) if suffix in UNITS or not suffix else None
    if unit is None:
        return _unknown_unit(written, suffix)
    if not part and exponent is None and not unit.exponent:
        return int(whole) * unit.factor, unit.dimension
    return _fraction(written, int(whole + part) * unit.factor, int(exponent or 0) - len(part) + unit.exponent, unit)


def with_point(text: str, start: int, end: int) -> str:
    """Return the number whose digits a comma parts before `text[start:end]`, written with a point, "" where none is."""
    before = re.search(r"(?<![\w.])([0-9]+),$", text[max(0, start - LONGEST) : start])
    return f"{before[1]}.{text[start:end]}" if before and text[start:end][:1].isdigit() else ""


def _fraction(written: str, digits: int, exponent: int, unit: Unit) -> tuple[float, Dimension] | NumberFault:
    """Return `digits * 10**exponent` rounded once to the nearest float."""
    value = float(f"{digits}e{exponent}")
    if not math.isfinite(value):
        return NumberFault(f"`{written}` is too large", "the largest number is about `1.7e308`")
    if digits and not value:
        return NumberFault(f"`{written}` is too small to be told from 0", "write `0`")
    return value, unit.dimension


def _malformed(written: str) -> NumberFault:
    message = f"`{_short(written)}` is not a number"
    if len(written) > LONGEST:
        return NumberFault(f"{message}: it has {len(written)} characters", f"a number has at most {LONGEST}")
    if written.startswith("."):
        return NumberFault(message, f"write `0{written}`")
    if "_" in written:
        return NumberFault(message, f"digits stand together: `{written.replace('_', '')}`")
    return NumberFault(message, "numbers look like `0.5`, `2e-5`, `4096`, `4Ki`, `30M`, `60%`, `24GiB`, `2h`")


def _unknown_unit(written: str, suffix: str) -> NumberFault:
    digits = written.removesuffix(suffix)
    same = [unit for unit in UNITS if unit.lower() == suffix.lower()]
    near = [*same, *(unit for unit in nearest(suffix, UNITS) if unit not in same)]
    if suffix in ("b", "G"):
        near = ["B", "GB"] if suffix == "G" else ["B"]
    if not near and suffix[0].lower() in "kmgtb":
        near = [unit for unit in UNITS if unit[0].lower() == suffix[0].lower()]
    named = ", ".join(f"`{digits}{unit}` ({_meaning(unit)})" for unit in near[:4])
    help = f"did you mean {named}?" if named else f"units are {_KINDS}"
    return NumberFault(f"`{written}` has the unknown unit `{_short(suffix)}`", help)


def _meaning(name: str) -> str:
    unit = UNITS[name]
    if unit.dimension in (Dimension.PERCENT, Dimension.POINTS):
        return unit.dimension.value.removeprefix("a ")
    of = {Dimension.BYTES: " bytes", Dimension.DURATION: " seconds"}.get(unit.dimension, "")
    return f"{unit.factor}{of}" if of else f"times {unit.factor}"


def _short(text: str) -> str:
    return text if len(text) <= 24 else f"{text[:20]}..."
