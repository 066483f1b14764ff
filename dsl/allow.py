"""Comments that allow findings. In: a recipe as written, findings. Out: those not allowed, and comments that are wrong.

`# allow W501: reason` at the end of a line speaks of what is found on that line; on a line of its own, of the
declaration that follows, or inside one of the next line.
"""

from __future__ import annotations

import re
from bisect import bisect_left
from collections.abc import Iterable, Mapping
from typing import Final

from ladle.dsl.diagnostics import Diagnostic, Edit, Fix
from ladle.dsl.frozen import frozen
from ladle.dsl.rule import Finding, Rule
from ladle.dsl.source import Span
from ladle.dsl.suggest import did_you_mean, nearest
from ladle.dsl.syntax import Declaration, Recipe

UNUSED: Final = "W598"
WRONG: Final = "W599"

COMMENT: Final = re.compile(r'"[^"\n]*"?|(#[^\n]*)')
ALLOW: Final = re.compile(r"#+\s*allow[ \t]+([A-Za-z]+\d+(?:\s*,\s*[A-Za-z]+\d+)*)\s*(?::(.*)|([^#]*))")
_COMMENTS: Final = 20
"""Lines of comment between an `allow` and what it speaks of, at most."""
SHOWN: Final = 60
"""Characters of a reason that a help repeats."""
_CODE = re.compile(r"[A-Za-z]+\d+")


@frozen
class Allow:
    """One comment: its codes with their places, its reason, and the range of text that it speaks of."""

    span: Span
    codes: tuple[tuple[str, Span], ...]
    reason: str
    bare: str
    """What stands in the place of a reason, without the colon before it."""
    covers: Span | None
    alone: bool
    """It stands on a line of its own."""
    removal: Span
    """What is to be taken away with it: its line, or the spaces before it."""


def allows(recipe: Recipe) -> tuple[Allow, ...]:
    """Return every comment of a recipe that begins with `allow` and a code."""
    text = recipe.source.text
    if "allow" not in text:
        return ()
    declarations = {each.span.start: each for each in recipe.declarations}
    found = (match for match in COMMENT.finditer(text) if match[1])
    return tuple(_allow(text, declarations, match.start(1), told) for match in found if (told := ALLOW.match(match[1])))


def _allow(text: str, declarations: Mapping[int, Declaration], start: int, told: re.Match[str]) -> Allow:
    line = text.rfind("\n", 0, start) + 1
    end = _line_end(text, start)
    alone = not text[line:start].strip()
    covers = _following(text, declarations, end) if alone else Span(line, end)
    offset = start + told.start(1)
    codes = tuple((c[0], Span(offset + c.start(), offset + c.end())) for c in _CODE.finditer(told[1]))
    removal = Span(line, min(end + 1, len(text))) if alone else Span(len(text[:start].rstrip()), end)
    return Allow(
        Span(start, end), codes, (told[2] or "").strip(), (told[3] or "").strip(" \t,"), covers, alone, removal
    )


def _following(text: str, declarations: Mapping[int, Declaration], end: int) -> Span | None:
    """The declaration that begins on the next line that is no comment, else that line; nothing over an empty line."""
    start = end + 1
    for _ in range(_COMMENTS):
        if start >= len(text):
            return None
        stop = _line_end(text, start)
        line = text[start:stop].strip()
        if not line:
            return None
        if not line.startswith("#"):
            return declarations[start].span if start in declarations else Span(start, stop)
        start = stop + 1
    return None


def _line_end(text: str, start: int) -> int:
    end = text.find("\n", start)
    return len(text) if end < 0 else end


def judge(
    given: Iterable[Allow],
    found: Iterable[Diagnostic],
    codes: Mapping[str, Rule],
    asked: Iterable[str],
    sound: bool,
) -> tuple[list[Diagnostic], list[tuple[str, Finding]]]:
    """Return the findings that are not allowed, and (code, finding) for each comment that is wrong or unused."""
    known = sorted(found, key=_start)
    by_code: dict[str, list[Diagnostic]] = {}
    for each in known:
        by_code.setdefault(each.code, []).append(each)
    allowed: set[int] = set()
    wrong: list[tuple[str, Finding]] = []
    judged = {code for code in asked if sound or not codes[code].whole}
    for allow in given:
        if not allow.reason:
            wrong.append((WRONG, _unreasoned(allow)))
            continue
        for code, span in allow.codes:
            if code not in codes:
                wrong.append((WRONG, _unknown(code, span, codes)))
                continue
            matching = _within(by_code.get(code, []), allow.covers)
            allowed.update(map(id, matching))
            if not matching and code in judged:
                wrong.append((UNUSED, _unused(allow, code, span)))
    return [each for each in known if id(each) not in allowed], wrong


def _within(sorted_findings: list[Diagnostic], covers: Span | None) -> list[Diagnostic]:
    """The findings that begin in a range."""
    if covers is None:
        return []
    first = bisect_left(sorted_findings, covers.start, key=_start)
    return sorted_findings[first : bisect_left(sorted_findings, covers.end, key=_start)]


def _start(diagnostic: Diagnostic) -> int:
    return diagnostic.span.start


_REASON = "write why: `# allow W501: kept for the appendix`"


def _unreasoned(allow: Allow) -> Finding:
    if not allow.bare:
        return Finding(allow.span, "this allows a finding without a reason", _REASON, "no reason")
    codes = ", ".join(code for code, _ in allow.codes)
    help = f"write `# allow {codes}: {allow.bare[:SHOWN]}`"
    return Finding(
        allow.span, f"`allow {codes}` allows nothing: the colon before its reason is missing", help, "no colon"
    )


def _unknown(code: str, span: Span, codes: Iterable[str]) -> Finding:
    if code.startswith("E"):
        return Finding(span, f"`{code}` is an error, and errors cannot be allowed", "mend it instead")
    help = did_you_mean(nearest(code, codes)) or "`docs/lint.md` lists the codes of all rules"
    return Finding(span, f"no rule has the code `{code}`", help, "unknown code")


def _unused(allow: Allow, code: str, span: Span) -> Finding:
    alone = len(allow.codes) == 1
    fix = Fix("take the comment away", (Edit(allow.removal, ""),), safe=True) if alone else None
    place = "the line" if not allow.alone else "what follows"
    help = "take it away" if alone else f"take `{code}` away"
    return Finding(span, f"`{code}` is allowed here, and {place} does not have it", help, "allows nothing", fix)
