"""What tells problems apart over time. In: problems. Out: a mark for each that survives edits of other lines."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Iterable, Iterator

from ladle.dsl.diagnostics import Diagnostic


def marks(diagnostics: Iterable[Diagnostic]) -> Iterator[tuple[Diagnostic, str]]:
    """Yield each problem with the digest of its file, code, line of text, and how many such came before."""
    seen: Counter[str] = Counter()
    for each in diagnostics:
        key = "\0".join((each.source.path, each.code, line_of(each)))
        seen[key] += 1
        yield each, hashlib.sha256(f"{key}\0{seen[key]}".encode(errors="replace")).hexdigest()


def line_of(diagnostic: Diagnostic) -> str:
    """Return the line on which a problem starts, its spaces evened."""
    number, _ = diagnostic.source.position(diagnostic.span.start)
    return " ".join(diagnostic.source.line(number).split())
