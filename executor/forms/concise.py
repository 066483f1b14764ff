"""One line a problem, for editors and `grep`. In: a report. Out: `file:line:column: code message`."""

from ladle.dsl.render import plain
from ladle.executor.form import Report


def render(report: Report) -> str:
    """Return the report, a line for each problem."""
    lines = []
    for each in report.diagnostics:
        line, column = each.source.position(each.span.start)
        lines.append(f"{plain(each.source.path)}:{line}:{column}: {each.severity}[{each.code}] {plain(each.message)}\n")
    return "".join(lines)
