"""Compares models. In: named folders, perhaps a base. Out: what was found, or all that is wrong."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from importlib import import_module
from pathlib import Path
from typing import Final, Protocol, cast

from ladle.dsl.codes import CODES
from ladle.dsl.diagnostics import Diagnostic, RecipeError
from ladle.dsl.signature import Fault
from ladle.dsl.source import Source, Span
from ladle.executor.comparing.fitting import Fit, fit
from ladle.executor.comparing.meter import Meter, meter
from ladle.executor.comparing.named import Named
from ladle.executor.comparing.result import Model, Result
from ladle.executor.comparing.subjects import Subject, subject
from ladle.executor.comparing.sums import Sums
from ladle.executor.console import from_here
from ladle.executor.quoting import short

MOST_BAD: Final = 20
"""Tensors with values that are not finite that are named, of each model."""


class Bad(Protocol):
    """Values of a model's tensor that are not finite numbers."""

    model: int
    tensor: str
    count: int


class _Measuring(Protocol):
    """What of `measuring` is used; it loads torch, so it is imported once everything else is known to be well."""

    def measure(
        self, models: Sequence[object], tensors: Sequence[str], base: int | None, meter: Meter
    ) -> Mapping[str, Sums | list[Bad]]: ...


def compare(models: Sequence[Named], base: Named | None, descent: bool, line: str = "") -> Result:
    """Read the models and the base once, side by side. `descent`: the base is the common ancestor.

    `line` is the command line, in which problems point at the word that they are of.
    """
    notes = [each.note for each in (*models, *((base,) if base else ())) if each.note]
    if base is not None and descent and (wrong := _unusable(models[0], base)):
        notes.append(f"no changes are taken from the common ancestor `{base.name}`: {wrong}")
        base = None
    everyone, place = _with_base(models, base)
    subjects = _subjects(everyone, line)
    words = [each.word or str(each.shown) for each in everyone]
    fitting = fit(subjects)
    if not isinstance(fitting, Fit):
        raise refused([(words[subjects.index(each)], fault) for each, fault in fitting], line)
    sums, bad = _measured(subjects, fitting, place)
    if bad:
        raise refused(_not_finite(subjects, words, bad), line)
    return Result(
        tuple(Model(each.name, each.shown) for each in everyone),
        place,
        len(models),
        descent and base is not None,
        sums,
        fitting.left_out,
        tuple(_type(each, fitting) for each in subjects),
        tuple(notes),
    )


def _with_base(models: Sequence[Named], base: Named | None) -> tuple[list[Named], int | None]:
    """Return all models under names that differ, and which of them the base is: one of its own where none is."""
    if base is None:
        return _apart(models), None
    place = next((place for place, each in enumerate(models) if each.lies == base.lies), len(models))
    return _apart([*models, *([base] if place == len(models) else [])]), place


def _apart(models: Sequence[Named]) -> list[Named]:
    """Return models under names that differ: folders of one name by their paths, one model twice with its number."""
    names = [each.name for each in models]
    told = [each if names.count(each.name) == 1 else replace(each, name=str(each.shown)) for each in models]
    seen: dict[str, int] = {}
    for place, each in enumerate(told):
        seen[each.name] = seen.get(each.name, 0) + 1
        if seen[each.name] > 1:
            told[place] = replace(each, name=f"{each.name} ({seen[each.name]})")
    return told


def refused(faults: Iterable[tuple[str, Fault]], line: str) -> RecipeError:
    """Return faults of words of a command line, or of folders, as the error that carries them all."""
    return RecipeError(tuple(_diagnostic(place, fault, line) for place, fault in dict.fromkeys(faults)))


def _diagnostic(place: str, fault: Fault, line: str) -> Diagnostic:
    start = f"{line} ".find(f" {place} ") + 1
    source, span = Source("command line", line), Span(start, start + len(place))
    if not start:
        source, span = Source(from_shown(place), ""), Span(0, 0)
    return Diagnostic(fault.code, CODES[fault.code], fault.message, source, span, "", fault.help)


def from_shown(place: str) -> str:
    """Return a folder as it is typed from here, where that is shorter."""
    return min(place, from_here(Path(place)), key=len) if place.startswith("/") else place


def _unusable(model: Named, base: Named) -> str:
    """Say why an ancestor that nobody asked for cannot stand beside a model; "" where it can."""
    first, found = _subject(model), _subject(base)
    if not isinstance(found, Subject):
        return found[0].message
    fitting = fit([first, found]) if isinstance(first, Subject) else None
    return "" if fitting is None or isinstance(fitting, Fit) else fitting[0][1].message


def _subject(model: Named) -> Subject | tuple[Fault, ...]:
    return subject(model.name, model.folder, model.adapters)


def _subjects(models: Sequence[Named], line: str) -> list[Subject]:
    found = [(each.word or str(each.shown), _subject(each)) for each in models]
    faults = [(word, fault) for word, bad in found if not isinstance(bad, Subject) for fault in bad]
    if faults:
        raise refused(faults, line)
    return [each for _, each in found if isinstance(each, Subject)]


def _measured(subjects: Sequence[Subject], fitting: Fit, base: int | None) -> tuple[Mapping[str, Sums], Sequence[Bad]]:
    """Return the sums, and all values that are not finite."""
    size = sum(each.headers[name].size for each in subjects for name in fitting.tensors)
    measuring = cast("_Measuring", import_module("ladle.executor.comparing.measuring"))
    with meter(size) as running:
        found = measuring.measure([(s.folder, s.headers, s.adapters) for s in subjects], fitting.tensors, base, running)
    bad = [each for held in found.values() if isinstance(held, list) for each in held]
    return {name: held for name, held in found.items() if isinstance(held, Sums)}, bad


def _not_finite(subjects: Sequence[Subject], words: Sequence[str], bad: Sequence[Bad]) -> Iterable[tuple[str, Fault]]:
    help = "the model is damaged, or its training diverged"
    for place, each in enumerate(subjects):
        mine = [item for item in bad if item.model == place]
        for item in mine[:MOST_BAD]:
            size = each.headers[item.tensor].elements
            said = f"`{short(item.tensor)}` of `{each.name}` holds {item.count} of {size} values that are not finite"
            yield words[place], Fault("E645", f"{said} numbers", help)
        if len(mine) > MOST_BAD:
            said = f"{len(mine) - MOST_BAD} more tensors of `{each.name}` hold values that are not finite numbers"
            yield words[place], Fault("E645", said, help)


def _type(model: Subject, fitting: Fit) -> str:
    """Return the type that most weights have."""
    counts: Counter[str] = Counter()
    for name in fitting.tensors:
        counts[model.headers[name].dtype] += model.headers[name].elements
    return counts.most_common(1)[0][0]
