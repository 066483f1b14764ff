"""Machine profiles. In: `profiles/NAME.toml`. Out: what of the machine a step may see, and how a run uses it.

A step takes the name of its profile from the environment variable LADLE_PROFILE; without one, what the machine has.
"""

from __future__ import annotations

import difflib
import os
import re
import tomllib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from ladle.executor.quoting import short
from ladle.executor.regular import read_regular
from ladle.executor.task import Machine, StepError
from ladle.executor.workspace import NAME

VARIABLE = "LADLE_PROFILE"
LARGEST = 2**20
"""Bytes of the largest profile that is read."""
KEEP = ("all", "last")
_HUB = re.compile(r"(?:https://[\w.-]+|http://(?:127\.0\.0\.1|localhost))(?::\d{1,5})?(?:/[\w./-]*)?\Z", re.ASCII)


@dataclass(frozen=True, slots=True)
class Profile:
    """A machine. `workers` 0: as many as `ladle run` finds good; `keep` says which intermediates stay after a run."""

    name: str
    machine: Machine
    workers: int = 0
    threads: int = 1
    """Of each step. Another number sums in another order: it gives other, equally good, weights."""
    keep: str = "all"
    hub: str = ""
    """Where hub models and data sets come from; "": HF_ENDPOINT, or the usual place."""
    hub_key: str = ""
    """The environment variable that holds the key for `hub`, and for no other host."""


def read_profile(root: Path, name: str | None = None) -> Profile:
    """Return the profile called `name`, or that of LADLE_PROFILE, or what the machine has. Raises StepError."""
    name = name or os.environ.get(VARIABLE) or ""
    if not name:
        return Profile("", Machine(device="cuda" if has_gpu() else "cpu"))
    if not NAME.match(name):
        raise StepError(f"`{short(name)}` is not the name of a profile", "letters, digits, `-` and `_`")
    folder = root / "profiles"
    try:
        raw = tomllib.loads(read_regular(folder / f"{name}.toml", LARGEST).decode("utf-8"))
    except FileNotFoundError:
        help = f"{_near(name, _names(folder))} (looked in `{folder}`); docs/profiles.md of Ladle has some to copy"
        raise StepError(f"there is no profile `{short(name)}`", help) from None
    except RecursionError:
        raise StepError(f"`profiles/{name}.toml` cannot be read: it is nested too deep") from None
    except OSError as error:
        why = (error.strerror or str(error)).lower()
        raise StepError(f"the profile `{short(name)}` cannot be read: {why}") from None
    except ValueError as error:
        raise StepError(f"`profiles/{name}.toml` cannot be read: {str(error)[:200]}") from None
    return _profile(name, raw)


def has_gpu() -> bool:
    """Say whether an NVIDIA device is there; torch is not asked, it would take a second to import."""
    return any(Path("/dev").glob("nvidia[0-9]*"))


def _names(folder: Path) -> list[str]:
    return sorted(path.stem for path in folder.glob("*.toml"))


def _near(word: str, known: list[str]) -> str:
    near = difflib.get_close_matches(word, known, 1)
    listed = ", ".join(f"`{name}`" for name in known) or "none"
    return f"did you mean `{near[0]}`?" if near else f"there are {listed}"


def _profile(name: str, raw: Mapping[str, object]) -> Profile:
    for key, value in raw.items():
        fits = KEYS.get(key)
        if fits is None:
            raise StepError(f"`profiles/{name}.toml` has an unknown key `{short(key)}`", _near(key, sorted(KEYS)))
        if not fits[0](value):
            raise StepError(f"`{key}` in `profiles/{name}.toml` is {short(repr(value))}", f"wanted is {fits[1]}")
    plain = Machine()
    machine = Machine(
        device=str(raw.get("device", "cuda" if has_gpu() else "cpu")),
        micro_batch=_whole(raw, "micro_batch", plain.micro_batch),
        attention=str(raw.get("attention", plain.attention)),
        save_seconds=_number(raw, "save_seconds", plain.save_seconds),
        save_steps=_whole(raw, "save_steps", plain.save_steps),
        metrics=raw.get("metrics", plain.metrics) is True,
    )
    return Profile(
        name,
        machine,
        _whole(raw, "workers", 0),
        _whole(raw, "threads", 1),
        str(raw.get("keep", "all")),
        str(raw.get("hub", "")).rstrip("/"),
        str(raw.get("hub_key", "")),
    )


def _whole(raw: Mapping[str, object], key: str, otherwise: int) -> int:
    value = raw.get(key, otherwise)
    return value if isinstance(value, int) else otherwise


def _number(raw: Mapping[str, object], key: str, otherwise: float) -> float:
    value = raw.get(key, otherwise)
    return float(value) if isinstance(value, int | float) else otherwise


def _count(value: object) -> bool:
    return type(value) is int and value >= 0


def _among(*words: str) -> Callable[[object], bool]:
    return lambda value: value in words


def _address(value: object) -> bool:
    """Say whether a key may be sent there: in the clear only within this machine."""
    return isinstance(value, str) and _HUB.match(value) is not None


def _variable(value: object) -> bool:
    return isinstance(value, str) and re.match(r"[A-Z][A-Z0-9_]{0,100}\Z", value) is not None


def _positive(value: object) -> bool:
    return type(value) in (int, float) and isinstance(value, int | float) and value > 0


KEYS: Mapping[str, tuple[Callable[[object], bool], str]] = {
    "device": (_among("cpu", "cuda"), '"cpu" or "cuda"'),
    "micro_batch": (_count, "a number of rows; 0: the program chooses"),
    "attention": (_among("sdpa", "eager", "flash_attention_2"), '"sdpa", "eager" or "flash_attention_2"'),
    "save_seconds": (_positive, "a number of seconds"),
    "save_steps": (_count, "a number of steps; 0: by time alone"),
    "metrics": (lambda value: isinstance(value, bool), "true or false"),
    "workers": (_count, "a number of processes; 0: as many as fit the cores"),
    "threads": (lambda value: _count(value) and value != 0, "a number of threads, 1 or more"),
    "keep": (_among(*KEEP), '"all" or "last"'),
    "hub": (_address, "the address of a hub, https://... (or http:// of this machine)"),
    "hub_key": (_variable, "the name of the environment variable that holds the key"),
}
"""What fits each key of a profile, and that in words."""
