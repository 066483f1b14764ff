"""What a check refuses of an imported recipe. In: its problems. Out: notes at the lines of the files they come from."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from typing import Final

from ladle.dsl.diagnostics import Diagnostic
from ladle.executor.importing.draft import Read
from ladle.executor.importing.ledger import Ledger, Place, Sort
from ladle.executor.importing.writing import Writer

_DECLARED: Final = re.compile(r"(?:model|stage|corpus) ([a-z][a-z0-9_]*)")
_TEMPLATE: Final = "E208"


def note_unsound(found: Iterable[Diagnostic], writer: Writer, read: Sequence[Read], ledger: Ledger) -> None:
    """Note each problem where a file names the model, or says the training or merge, that it stands at."""
    for problem in found:
        (document, span), of = _place(_name(problem), writer, read, ledger)
        help = f": {problem.help}" if problem.help else ""
        if problem.code == _TEMPLATE and of and of.tool.template:
            help = f": {of.tool.template} in the file, or `template =` at the model's source in the recipe"
        ledger.note(Sort.WRONG, document, span, "", f"{problem.message} ({problem.code}){help}")


def _name(problem: Diagnostic) -> str:
    """Return the name of the declaration that a problem stands in."""
    before = problem.source.text[: problem.span.start + 1]
    names = re.findall(rf"(?m)^{_DECLARED.pattern}", before)
    return names[-1] if names else ""


def _place(name: str, writer: Writer, read: Sequence[Read], ledger: Ledger) -> tuple[Place, Read | None]:
    """Return where the files say what is declared under a name, and what is made there; else where they begin."""
    model = writer.sources.get(name)
    place = ledger.named.get(model.name) if model else None
    if place is not None:
        return place, next((each for each in read if each.document is place[0]), None)
    of = read[writer.made.get(name, 0)]
    return (of.document, of.document.root.span), of
