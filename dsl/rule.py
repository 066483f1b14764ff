"""What a lint rule is. In: its code, name and question. Out: one frozen entry that lint, docs and `explain` read."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator

from ladle.dsl.diagnostics import Edit, Fix, Severity
from ladle.dsl.frozen import frozen
from ladle.dsl.program import Program
from ladle.dsl.source import Span

__all__ = ["Edit", "Finding", "Fix", "Rule", "never"]


@frozen
class Finding:
    """One place that a rule speaks of: what is wrong, what to do, and perhaps what mends it."""

    span: Span
    message: str
    help: str = ""
    label: str = ""
    fix: Fix | None = None


Find = Callable[[Program], Iterable[Finding]]


@frozen
class Rule:
    """One rule. Its page is the documentation of the module that defines it: why, bad, good."""

    code: str
    name: str
    """Kebab name, that of its file."""
    severity: Severity
    find: Find
    """Yields what the rule finds in a program; pure, and silent where a fact is unknown."""
    whole: bool = False
    """It judges what is absent, so it is silent while the recipe has errors: what is missing may stand in them."""
    fix: str = ""
    """`safe` or `unsafe` where its findings come with a fix."""


def never(program: Program) -> Iterator[Finding]:
    """Find nothing: for rules about the comments that allow findings, which `ladle.dsl.allow` applies itself."""
    yield from ()
