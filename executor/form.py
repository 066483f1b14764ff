"""Diagnostics in the form that is asked for. In: the name of a form, a report. Out: its text."""

from __future__ import annotations

from collections.abc import Mapping
from importlib import import_module
from typing import Protocol, cast

from ladle.dsl.diagnostics import Diagnostic
from ladle.dsl.frozen import frozen
from ladle.dsl.graph import Json
from ladle.dsl.render import NO_MORE, render_github, render_json, render_text
from ladle.executor import forms

FORMS = ("text", "concise", "json", "github", "sarif", "gitlab", "junit")
"""Forms of `check` and `lint`. What is not for people nor for Ladle's own programs is a module of `forms`, imported
where it is asked for."""


@frozen
class Report:
    """The files that were judged, in order, and every problem of them."""

    files: tuple[str, ...]
    diagnostics: tuple[Diagnostic, ...]
    strict: frozenset[str] = frozenset()
    """The files of which a warning is a failure."""
    more: Mapping[str, Json] = NO_MORE
    """What JSON tells beside: checks that could not be made, and what was not here."""


class _Form(Protocol):
    def render(self, report: Report) -> str:
        """Return the report as text."""


def render(form: str, report: Report, color: bool) -> str:
    """Return a report in one of `FORMS`."""
    if form == "text":
        return render_text(report.diagnostics, color)
    if form == "json":
        return render_json(report.diagnostics, report.more)
    if form == "github":
        return render_github(report.diagnostics)
    module = cast("_Form", import_module(f"{forms.__name__}.{form}"))
    return module.render(report)
