"""Engine versions as committed. In: `constraints.txt`, which ships in the wheel. Out: version by distribution name."""

from __future__ import annotations

import re
from functools import cache
from pathlib import Path

_PIN = re.compile(r"^([A-Za-z0-9._-]+)==([^\s;+]+)")


@cache
def pinned() -> dict[str, str]:
    """Return the pinned version of each distribution, by its normalised name (lower case, `-`)."""
    text = Path(__file__).with_name("constraints.txt").read_text(encoding="utf-8")
    pins = (_PIN.match(line) for line in text.splitlines())
    return {re.sub(r"[-_.]+", "-", pin[1]).lower(): pin[2] for pin in pins if pin}
