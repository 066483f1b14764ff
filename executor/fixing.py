"""Fixes of findings. In: a sound recipe, rules. Out: its text with every fix applied that keeps what it must.

Fixes are applied in rounds, since one may bring up another. After each round the recipe must still check, and unless a
fix says that it changes what is computed, every target must be the same computation as before.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence
from pathlib import Path

from ladle.dsl.diagnostics import Diagnostic, Fix
from ladle.dsl.frozen import frozen
from ladle.dsl.lint import lint
from ladle.dsl.parse import read_source
from ladle.dsl.rule import Rule
from ladle.dsl.source import Source
from ladle.executor.atomic import in_words, rewrite
from ladle.executor.examine import Checked, examine_source
from ladle.executor.rulebook import rules
from ladle.executor.task import StepError

ROUNDS = 30
"""Rounds after which what is left stays: fixes that bring each other up forever would be a fault of ours."""


@frozen
class Fixed:
    """A recipe after its fixes, and what was done, in order."""

    after: Checked
    done: tuple[str, ...]


def fix(checked: Checked, asked: Sequence[Rule], unsafe: bool) -> Fixed:
    """Return a recipe with every fix applied, to a fixed point. One with errors stays as it is."""
    done: list[str] = []
    refused: set[tuple[str, str]] = set()
    for _ in range(ROUNDS if checked.sound else 0):
        wanted = _apart(each for each in _fixes(checked, asked, unsafe) if _key(each) not in refused)
        if not wanted:
            break
        for group in (wanted, *((each,) for each in wanted)):
            after = _applied(checked, group)
            if _kept(checked, after, group):
                checked = after
                done += [f"{each.code}: {each.fix.text}" for each in group if each.fix]
                break
            refused.update(_key(each) for each in group if len(group) == 1)
    return Fixed(checked, tuple(done))


def _fixes(checked: Checked, asked: Sequence[Rule], unsafe: bool) -> list[Diagnostic]:
    assert checked.program is not None, "a sound recipe has a program"
    found = lint(checked.program, asked, rules(), checked.sound)
    return [each for each in found if each.fix and (each.fix.safe or unsafe)]


def _key(diagnostic: Diagnostic) -> tuple[str, str]:
    source, span = diagnostic.source, diagnostic.span
    return diagnostic.code, source.text[span.start : span.end]


def _apart(found: Iterable[Diagnostic]) -> tuple[Diagnostic, ...]:
    """The fixes that touch no text of one before; those that change a computation wait until no other is left."""
    listed = list(found)
    first = [each for each in listed if each.fix and not each.fix.changes] or listed
    end = -1
    apart: list[Diagnostic] = []
    for each in sorted(first, key=lambda d: d.fix.edits[0].span.start if d.fix else 0):
        edits = each.fix.edits if each.fix else ()
        if edits and edits[0].span.start > end:
            apart.append(each)
            end = max(edit.span.end for edit in edits)
    return tuple(apart)


def _applied(checked: Checked, group: Iterable[Diagnostic]) -> Checked:
    text = checked.source.text
    edits = [edit for each in group if each.fix for edit in each.fix.edits]
    for edit in sorted(edits, key=lambda edit: edit.span.start, reverse=True):
        text = text[: edit.span.start] + edit.text + text[edit.span.end :]
    return examine_source(checked.path, Source(checked.source.path, text))


def _kept(before: Checked, after: Checked, group: Iterable[Diagnostic]) -> bool:
    """Say whether a recipe still checks and, unless a fix says otherwise, its targets are the same computations."""
    if not after.sound or after.program is None or before.program is None:
        return False
    if any(_changes(each.fix) for each in group):
        return True
    return {each.key for each in before.program.targets} == {each.key for each in after.program.targets}


def _changes(fix: Fix | None) -> bool:
    return fix is not None and (fix.changes or not fix.safe)


def write_fixed(path: Path, before: str, after: str) -> None:
    """Write a recipe's new text in one step, with the line ends it had. Raises StepError where it changed meanwhile."""
    with in_words(f"writing `{path}`"):
        place = Path(os.path.realpath(path))
        raw = place.read_bytes()
        source, _ = read_source(path)
        if source is None or source.text != before:
            raise StepError(f"`{path}` changed while its fixes were made", "run the command again")
        text = after.replace("\n", "\r\n") if b"\r\n" in raw else after
        mark = b"\xef\xbb\xbf" if raw.startswith(b"\xef\xbb\xbf") else b""
        rewrite(place, mark + text.encode())
