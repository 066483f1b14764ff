"""JUnit XML. In: a report. Out: a suite for each file, a failed case for each problem, one that passed for none.

What does not fail a command is a case that was skipped, told in the output of its suite.
The form is the Ant JUnit schema: order of elements and required attributes are its. Nothing is timed, so times are 0.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from ladle.dsl.diagnostics import Diagnostic, Severity
from ladle.dsl.render import places, plain
from ladle.executor.form import Report

_ESCAPES = {"&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;"}


def render(report: Report) -> str:
    """Return the document."""
    by_file: dict[str, list[Diagnostic]] = {file: [] for file in report.files}
    for each in report.diagnostics:
        by_file.setdefault(each.source.path, []).append(each)
    suites = "".join(
        _suite(number, file, found, file in report.strict) for number, (file, found) in enumerate(by_file.items())
    )
    return f'<?xml version="1.0" encoding="UTF-8"?>\n<testsuites>\n{suites}</testsuites>\n'


def _suite(number: int, file: str, found: list[Diagnostic], strict: bool) -> str:
    name = _quoted(file)
    passing = [each for each in found if not _fails(each, strict)]
    skipped = len(passing)
    counts = f'tests="{max(1, len(found))}" failures="{len(found) - skipped}" errors="0" skipped="{skipped}"'
    head = f'package="ladle" id="{number}" name={name} timestamp="1970-01-01T00:00:00" hostname="localhost"'
    passed = [f'    <testcase name="sound" classname={name} time="0"/>\n'] if not found else []
    cases = "".join((*passed, *_cases(name, found, strict)))
    return (
        f'  <testsuite {head} {counts} time="0">\n    <properties/>\n{cases}'
        f"    {_output(passing)}\n    <system-err/>\n  </testsuite>\n"
    )


def _fails(found: Diagnostic, strict: bool) -> bool:
    return found.severity is Severity.ERROR or (strict and found.severity is Severity.WARNING)


def _output(found: Iterable[Diagnostic]) -> str:
    """What is told and does not fail, a line each."""
    lines = []
    for each in found:
        line, column, _, _ = places(each)
        help = f" ({plain(each.help)})" if each.help else ""
        lines.append(_escaped(f"{line}:{column}: {each.severity}[{each.code}]: {plain(each.message)}{help}\n"))
    return f"<system-out>{''.join(lines)}</system-out>" if lines else "<system-out/>"


def _cases(file: str, found: Iterable[Diagnostic], strict: bool) -> Iterator[str]:
    for each in found:
        line, column, _, _ = places(each)
        yield f'    <testcase name={_quoted(f"{line}:{column} {each.code} {each.name}")} classname={file} time="0">\n'
        if not _fails(each, strict):
            yield "      <skipped/>\n"
        else:
            text = _escaped(plain(each.help))
            message, kind = _quoted(f"{each.code}: {each.message}"), _quoted(each.severity)
            yield f"      <failure message={message} type={kind}>{text}</failure>\n"
        yield "    </testcase>\n"


def _quoted(text: str) -> str:
    return f'"{_escaped(plain(text))}"'


def _escaped(text: str) -> str:
    return "".join(_ESCAPES.get(char, char) for char in text)
