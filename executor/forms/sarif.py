"""SARIF 2.1.0. In: a report. Out: one run with its rules, results and fixes, as GitHub and others read it."""

from __future__ import annotations

import json
import re
from pathlib import Path
from urllib.parse import quote

from ladle.dsl.diagnostics import Diagnostic, Fix, Severity
from ladle.dsl.graph import Json
from ladle.dsl.render import places, plain
from ladle.dsl.source import Source, Span
from ladle.executor.form import Report
from ladle.executor.marks import marks
from ladle.executor.rule_pages import page
from ladle.executor.rulebook import rules
from ladle.executor.version import version

SCHEMA = "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json"
LEVELS = {Severity.ERROR: "error", Severity.WARNING: "warning", Severity.INFO: "note"}

_LINK = re.compile(r"\[(?=[^\[\]]*\]\()")
_PLACE = re.compile(r"\{(\d+)\}")


def render(report: Report) -> str:
    """Return the log."""
    codes = list(dict.fromkeys(each.code for each in report.diagnostics))
    first = {each.code: each for each in reversed(report.diagnostics)}
    driver: dict[str, Json] = {
        "name": "ladle",
        "version": version(),
        "rules": [_rule(first[code]) for code in codes],
    }
    run: dict[str, Json] = {
        "tool": {"driver": driver},
        "columnKind": "unicodeCodePoints",
        "artifacts": [{"location": {"uri": _uri(file)}} for file in report.files],
        "results": [_result(each, mark, codes.index(each.code)) for each, mark in marks(report.diagnostics)],
    }
    return json.dumps({"$schema": SCHEMA, "version": "2.1.0", "runs": [run]}, indent=2) + "\n"


def _rule(diagnostic: Diagnostic) -> dict[str, Json]:
    rule = rules().get(diagnostic.code)
    title = page(rule).title if rule else diagnostic.name.replace("-", " ")
    return {
        "id": diagnostic.code,
        "name": diagnostic.name.title().replace("-", ""),
        "shortDescription": {"text": title},
        "defaultConfiguration": {"level": LEVELS[diagnostic.severity]},
    }


def _result(diagnostic: Diagnostic, mark: str, rule: int) -> dict[str, Json]:
    line, column, end_line, end_column = places(diagnostic)
    help = f"\nhelp: {_text(diagnostic.help)}" if diagnostic.help else ""
    region: Json = {"startLine": line, "startColumn": column, "endLine": end_line, "endColumn": end_column}
    place: Json = {"artifactLocation": {"uri": _uri(diagnostic.source.path)}, "region": region}
    found: dict[str, Json] = {
        "ruleId": diagnostic.code,
        "ruleIndex": rule,
        "level": LEVELS[diagnostic.severity],
        "message": {"text": _text(diagnostic.message) + help},
        "locations": [{"physicalLocation": place}],
        "partialFingerprints": {"ladle/v1": mark},
    }
    if diagnostic.fix:
        found["fixes"] = [_fix(diagnostic.source, diagnostic.fix)]
    return found


def _fix(source: Source, fix: Fix) -> Json:
    replacements: list[Json] = [
        {"deletedRegion": _region(source, edit.span), "insertedContent": {"text": edit.text}} for edit in fix.edits
    ]
    change: Json = {"artifactLocation": {"uri": _uri(source.path)}, "replacements": replacements}
    return {"description": {"text": _text(fix.text)}, "artifactChanges": [change]}


def _region(source: Source, span: Span) -> Json:
    (line, column), (end_line, end_column) = source.position(span.start), source.position(span.end)
    return {"startLine": line, "startColumn": column, "endLine": end_line, "endColumn": end_column}


def _text(text: str) -> str:
    """Return a message as SARIF reads it: nothing in it is a link or the place of an argument."""
    return _PLACE.sub(r"{{\1}}", _LINK.sub(r"\\[", plain(text).replace("\\", "\\\\")))


def _uri(path: str) -> str:
    return Path(path).as_uri() if Path(path).is_absolute() else quote(Path(path).as_posix(), errors="replace")
