"""Findings that are known already. In: a baseline file, findings. Out: those that are new; and the file, written anew.

An entry is a recipe, a code and the text of a line, and how often: a line that moves stays known, one that changes not.
"""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from collections.abc import Iterable, Mapping
from pathlib import Path

from ladle.dsl.diagnostics import Diagnostic, Severity
from ladle.executor.atomic import write_file
from ladle.executor.marks import line_of
from ladle.executor.regular import read_regular
from ladle.executor.task import StepError

SCHEMA = 1
LARGEST = 8 * 2**20
"""Bytes of the largest baseline that is read."""

Known = Counter[tuple[str, str]]
"""How many findings of (recipe, code and digest of the line) are known."""


def read_baseline(path: Path) -> Known:
    """Return what a baseline knows. Raises StepError for a file that is missing, or is none."""
    try:
        data = read_regular(path, LARGEST)
    except OSError as error:
        why = (error.strerror or str(error)).lower()
        raise StepError(f"the baseline `{path}` cannot be read: {why}", "write it: `--write-baseline`") from error
    try:
        return _known(json.loads(data))
    except (ValueError, RecursionError) as error:
        raise StepError(f"`{path}` is no baseline of this version", "write it anew: `--write-baseline`") from error


def _known(content: object) -> Known:
    findings = content.get("findings") if isinstance(content, dict) and content.get("schema") == SCHEMA else None
    if not isinstance(findings, dict):
        return _no()
    known: Known = Counter()
    for recipe, entries in findings.items():
        if not isinstance(entries, dict):
            return _no()
        for entry, count in entries.items():
            if type(count) is not int or count < 1:
                return _no()
            known[recipe, entry] = count
    return known


def _no() -> Known:
    raise ValueError("not a baseline")


def unknown(root: Path, path: Path, found: Iterable[Diagnostic], known: Known) -> tuple[Diagnostic, ...]:
    """Return the errors and the findings of a recipe that a baseline does not know; what it knows is counted off."""
    new: list[Diagnostic] = []
    for each in found:
        key = (_name(root, path), _entry(each))
        if each.severity is not Severity.ERROR and known[key] > 0:
            known[key] -= 1
        else:
            new.append(each)
    return tuple(new)


def write_baseline(place: Path, root: Path, found: Mapping[Path, Iterable[Diagnostic]]) -> int:
    """Write every finding of these recipes that is no error; return how many."""
    entries: dict[str, Counter[str]] = {}
    for path, diagnostics in found.items():
        for each in diagnostics:
            if each.severity is not Severity.ERROR:
                entries.setdefault(_name(root, path), Counter())[_entry(each)] += 1
    content = {"schema": SCHEMA, "findings": {name: dict(sorted(entries[name].items())) for name in sorted(entries)}}
    write_file(place, (json.dumps(content, indent=1) + "\n").encode())
    return sum(counter.total() for counter in entries.values())


def _entry(diagnostic: Diagnostic) -> str:
    digest = hashlib.sha256(line_of(diagnostic).encode(errors="replace")).hexdigest()[:16]
    return f"{diagnostic.code} {digest}"


def _name(root: Path, path: Path) -> str:
    resolved = path.resolve()
    return resolved.relative_to(root).as_posix() if resolved.is_relative_to(root) else resolved.as_posix()
