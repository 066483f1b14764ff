"""GitLab's code quality report. In: a report. Out: its JSON, an array of issues, which a merge request shows."""

from __future__ import annotations

import json
import posixpath

from ladle.dsl.diagnostics import Severity
from ladle.dsl.render import plain
from ladle.executor.form import Report
from ladle.executor.marks import marks

SEVERITIES = {Severity.ERROR: "critical", Severity.WARNING: "minor", Severity.INFO: "info"}


def render(report: Report) -> str:
    """Return the array: description, check_name, fingerprint, severity and location of each problem."""
    issues = []
    for each, mark in marks(report.diagnostics):
        line, _ = each.source.position(each.span.start)
        help = f" ({plain(each.help)})" if each.help else ""
        issues.append(
            {
                "description": f"{each.code}: {plain(each.message)}{help}",
                "check_name": each.name,
                "fingerprint": mark,
                "severity": SEVERITIES[each.severity],
                "location": {"path": posixpath.normpath(plain(each.source.path)), "lines": {"begin": line}},
            }
        )
    return json.dumps(issues, indent=2) + "\n"
