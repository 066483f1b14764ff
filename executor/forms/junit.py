"""JUnit XML. In: a report. Out: a suite for each file, a failed case for each problem, one that passed for none.

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
    suites = "".join(_suite(number, file, found) for number, (file, found) in enumerate(by_file.items()))
    return f'<?xml version="1.0" encoding="UTF-8"?>\n<testsuites>\n{suites}</testsuites>\n'


def _suite(number: int, file: str, found: list[Diagnostic]) -> str:
    name = _quoted(file)
    skipped = sum(each.severity is Severity.INFO for each in found)
    counts = f'tests="{max(1, len(found))}" failures="{len(found) - skipped}" errors="0" skipped="{skipped}"'
    head = f'package="ladle" id="{number}" name={name} timestamp="1970-01-01T00:00:00" hostname="localhost"'
    passed = [f'    <testcase name="sound" classname={name} time="0"/>\n'] if not found else []
    cases = "".join((*passed, *_cases(name, found)))
    return (
        f'  <testsuite {head} {counts} time="0">\n    <properties/>\n{cases}'
        "    <system-out/>\n    <system-err/>\n  </testsuite>\n"
    )


def _cases(file: str, found: Iterable[Diagnostic]) -> Iterator[str]:
    for each in found:
        line, column, _, _ = places(each)
        yield f'    <testcase name={_quoted(f"{line}:{column} {each.code} {each.name}")} classname={file} time="0">\n'
        if each.severity is Severity.INFO:
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
