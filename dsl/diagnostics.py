"""Problems as values. In: codes, spans, messages. Out: diagnostics, and the one exception that carries them."""

from __future__ import annotations

from enum import StrEnum

from ladle.dsl.frozen import frozen
from ladle.dsl.source import Source, Span


class Severity(StrEnum):
    """How bad a problem is; only an error stops."""

    ERROR = "error"
    WARNING = "warning"
    INFO = "info"


@frozen
class Edit:
    """Text that takes the place of a span; an empty span inserts."""

    span: Span
    text: str


@frozen
class Fix:
    """What mends a problem. `text` says what is done."""

    text: str
    edits: tuple[Edit, ...]
    safe: bool
    """What the recipe says stays as meant; only a safe fix is applied unasked."""
    changes: bool = False
    """It changes what is computed, and `text` says so; any other safe fix leaves every target as it is."""


@frozen
class Diagnostic:
    """One problem: `message` says what is wrong, `label` stands at the caret, `help` says what to do."""

    code: str
    name: str
    """Kebab name of the code, such as `unknown-option`."""
    message: str
    source: Source
    span: Span
    label: str = ""
    help: str = ""
    severity: Severity = Severity.ERROR
    fix: Fix | None = None


class RecipeError(Exception):
    """Carries every problem of a recipe out of a phase."""

    def __init__(self, diagnostics: tuple[Diagnostic, ...]) -> None:
        super().__init__("; ".join(f"{d.code}: {d.message}" for d in diagnostics))
        self.diagnostics = diagnostics
