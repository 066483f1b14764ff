"""What an import found out besides the recipe. In: keys, places, reasons. Out: notes and problems, in order."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from ladle.dsl.codes import CODES
from ladle.dsl.diagnostics import Diagnostic
from ladle.dsl.render import plain
from ladle.dsl.source import Span
from ladle.executor.importing.reasons import Sort as Sort
from ladle.executor.importing.tree import Document, Listing, Scalar, Table, Tree
from ladle.executor.quoting import short


@dataclass(frozen=True, slots=True)
class Note:
    """One thing to know about an imported file: file, line, key and why."""

    sort: Sort
    file: str
    line: int
    key: str
    reason: str

    @property
    def place(self) -> str:
        """Where it stands, `file:line`."""
        return f"{self.file}:{self.line}"

    @property
    def text(self) -> str:
        """The note in a line, without control characters or line ends."""
        named = f"{self.key}: " if self.key else ""
        return plain(f"{self.sort}: {self.place}: {named}{self.reason}")


Place = tuple[Document, Span]
"""Where something stands in a file."""


@dataclass(slots=True)
class Ledger:
    """Notes and problems of one import, and what it knows of the machine."""

    root: Path
    """The project's root, which a recipe's paths are relative to."""
    devices: int = 1
    notes: list[Note] = field(default_factory=list)
    problems: list[Diagnostic] = field(default_factory=list)
    profile: dict[str, str | int] = field(default_factory=dict)
    """Keys of a profile that the files suggest."""
    named: dict[str, Place] = field(default_factory=dict)
    """Where each model is named first."""
    detected: list[str] = field(default_factory=list)
    """Of each file the tool, and how that shows."""

    def note(self, sort: Sort, document: Document, span: Span, key: str, reason: str) -> None:
        """Add a note about a key, once."""
        found = Note(sort, document.source.path, document.line(span), key, reason)
        if found not in self.notes:
            self.notes.append(found)

    def name(self, document: Document, span: Span, model: str) -> None:
        """Keep where a model is named first, for notes that need every file."""
        self.named.setdefault(model.rstrip("/") or model, (document, span))

    def note_model(self, sort: Sort, model: str, reason: str) -> None:
        """Add a note about a model where it is named."""
        if model in self.named:
            self.note(sort, *self.named[model], "", reason)
        else:
            self.notes.append(Note(sort, "", 1, "", reason))

    def problem(self, code: str, document: Document, span: Span, message: str, help: str = "") -> None:
        """Add a problem: nothing is written where there is one."""
        found = Diagnostic(code, CODES[code], message, document.source, span, "", help)
        if found not in self.problems:
            self.problems.append(found)


def shown(tree: Tree) -> str:
    """Return a value as a note quotes it: on one line, and not longer than a line takes."""
    match tree:
        case Scalar():
            return short(plain(tree.text))
        case Listing(items):
            return f"a list of {len(items)}"
        case Table(entries):
            return f"a table of {len(entries)}"
