"""Forms for other programs: what is written has the fields, types and order that each form's schema asks for.

SARIF: the schema of OASIS, 2.1.0, where every object is closed. JUnit: that of Jenkins, and what the stricter Ant task
asks is stated here. Both schemas lie in `schemas/`. GitLab: what its documentation says of the code quality report,
stated here; nothing else may be written.
"""

from __future__ import annotations

import json
import re
import xml.etree.ElementTree as ElementTree
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from jsonschema import Draft4Validator, ValidationError
from ladle.dsl.diagnostics import Diagnostic, Edit, Fix, Severity
from ladle.dsl.frozen import replace
from ladle.dsl.lex import HIDDEN
from ladle.dsl.source import Source, Span
from ladle.executor.cli import run
from ladle.executor.form import FORMS, Report, render
from xmlschema import XMLSchema, XMLSchemaValidationError

SCHEMAS = Path(__file__).parent / "schemas"
TEXT = "edition 1\nmodel m = slerp(a, b, t = 0)\nmodel ä = slerp(a, b, t = 0)\n"


def problem(
    word: str = "t = 0", severity: Severity = Severity.WARNING, text: str = TEXT, path: str = "recipes/a b.recipe",
    message: str = "`slerp` ignores an operand", fix: Fix | None = None, code: str = "W540",
) -> Diagnostic:  # fmt: skip
    start = text.index(word)
    source = Source(path, text)
    return Diagnostic(
        code, "one-sided-merge", message, source, Span(start, start + len(word)), "", "mend it", severity, fix
    )


MENDED = Fix("write 0.5", (Edit(Span(TEXT.index("0)"), TEXT.index("0)") + 1), "0.5"),), safe=True)
REPORT = Report(
    ("recipes/a b.recipe", "recipes/sound.recipe"),
    (
        problem(severity=Severity.ERROR, code="E203"),
        problem(fix=MENDED),
        problem(severity=Severity.INFO, word="model ä"),
        problem(fix=MENDED),
    ),
)

# --- a small language for closed JSON objects -----------------------------------------------------------------------

Check = Callable[[object], None]


def text(value: object) -> None:
    assert isinstance(value, str)
    assert value


def count(value: object) -> None:
    assert type(value) is int
    assert value >= 1


def one_of(*words: str) -> Check:
    def check(value: object) -> None:
        assert value in words

    return check


def matching(pattern: str) -> Check:
    def check(value: object) -> None:
        assert isinstance(value, str)
        assert re.fullmatch(pattern, value), value

    return check


def each(inner: Check) -> Check:
    def check(value: object) -> None:
        assert isinstance(value, list)
        for item in value:
            inner(item)

    return check


def closed(required: dict[str, Check], optional: dict[str, Check] | None = None) -> Check:
    """An object with these keys and no other."""
    known = {**required, **(optional or {})}

    def check(value: object) -> None:
        assert isinstance(value, dict)
        assert set(required) <= set(value) <= set(known), set(value)
        for key, inner in value.items():
            known[key](inner)

    return check


# --- SARIF ----------------------------------------------------------------------------------------------------------

URI = matching(r"(?:[A-Za-z0-9._~!$&'()*+,;=:@/-]|%[0-9A-F]{2})+")
SARIF = Draft4Validator(json.loads((SCHEMAS / "sarif-2.1.0-rtm.4.json").read_text(encoding="utf-8")))


def sarif(report: Report) -> list[dict[str, object]]:
    log = json.loads(render("sarif", report, False))
    SARIF.validate(log)
    (run,) = log["runs"]
    for artifact in run["artifacts"]:
        URI(artifact["location"]["uri"])
    rules = run["tool"]["driver"]["rules"]
    assert len({rule["id"] for rule in rules}) == len(rules)
    assert all(rules[result["ruleIndex"]]["id"] == result["ruleId"] for result in run["results"])
    results: list[dict[str, object]] = run["results"]
    return results


def test_sarif_says_where_and_how_to_mend() -> None:
    error, warning, note, _ = sarif(REPORT)
    assert (error["level"], warning["level"], note["level"]) == ("error", "warning", "note")
    place = {"uri": "recipes/a%20b.recipe"}
    region = {"startLine": 2, "startColumn": 23, "endLine": 2, "endColumn": 28}
    assert warning["locations"] == [{"physicalLocation": {"artifactLocation": place, "region": region}}]
    assert "fixes" in warning
    assert "fixes" not in error
    assert len({json.dumps(each["partialFingerprints"]) for each in sarif(REPORT)}) == 4


def test_the_schemas_refuse_what_they_do_not_know() -> None:
    SARIF.check_schema(SARIF.schema)
    with pytest.raises(ValidationError, match="'extra' was unexpected"):
        SARIF.validate(json.loads(render("sarif", REPORT, False)) | {"extra": 1})
    with pytest.raises(XMLSchemaValidationError, match="extra"):
        JUNIT.validate(render("junit", REPORT, False).replace("<properties/>", "<extra/>"))


def test_sarif_of_nothing_is_a_log_too() -> None:
    assert sarif(Report(("a.recipe",), ())) == []


def test_nothing_in_a_sarif_message_is_a_link_or_an_argument() -> None:
    (found,) = sarif(Report(("a",), (problem(message="see [this](https://x) and {0}"),)))
    assert found["message"] == {"text": "see \\[this](https://x) and {{0}}\nhelp: mend it"}


def test_a_fingerprint_survives_a_moved_line() -> None:
    moved = problem(text="# above\n" + TEXT)
    (one,), (other,) = sarif(Report((), (problem(),))), sarif(Report((), (moved,)))
    assert one["partialFingerprints"] == other["partialFingerprints"]


# --- GitLab ---------------------------------------------------------------------------------------------------------

ISSUES = each(
    closed(
        {
            "description": text,
            "check_name": text,
            "fingerprint": matching("[0-9a-f]{64}"),
            "severity": one_of("info", "minor", "major", "critical", "blocker"),
            "location": closed({"path": matching(r"(?!\./|/).+"), "lines": closed({"begin": count})}),
        }
    )
)


def test_gitlab_gets_an_array_of_issues() -> None:
    issues = json.loads(render("gitlab", REPORT, False))
    ISSUES(issues)
    assert [issue["severity"] for issue in issues] == ["critical", "minor", "info", "minor"]
    assert len({issue["fingerprint"] for issue in issues}) == 4
    assert json.loads(render("gitlab", Report(("a",), ()), False)) == []


# --- JUnit ----------------------------------------------------------------------------------------------------------

JUNIT = XMLSchema(SCHEMAS / "junit-10.xsd")
SUITE = {"package", "id", "name", "timestamp", "hostname", "tests", "failures", "errors", "skipped", "time"}


def junit(report: Report) -> list[ElementTree.Element]:
    JUNIT.validate(render("junit", report, False))
    root = ElementTree.fromstring(render("junit", report, False))
    assert (root.tag, root.attrib) == ("testsuites", {})
    for number, suite in enumerate(root):
        assert suite.tag == "testsuite"
        assert set(suite.attrib) == SUITE
        assert suite.attrib["id"] == str(number)
        assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d", suite.attrib["timestamp"])
        cases = [child for child in suite if child.tag == "testcase"]
        assert [child.tag for child in suite] == ["properties", *["testcase"] * len(cases), "system-out", "system-err"]
        for case in cases:
            assert set(case.attrib) == {"name", "classname", "time"}
            assert all(case.attrib.values())
            assert [child.tag for child in case] in ([], ["failure"], ["skipped"])
            assert all(set(child.attrib) == {"message", "type"} for child in case if child.tag == "failure")
        told = [child.tag for case in cases for child in case]
        assert int(suite.attrib["tests"]) == len(cases)
        assert int(suite.attrib["failures"]) == told.count("failure")
        assert int(suite.attrib["skipped"]) == told.count("skipped")
        assert suite.attrib["errors"] == "0"
    return [*root]


def test_junit_has_a_suite_for_each_file() -> None:
    bad, sound = junit(REPORT)
    assert (bad.attrib["failures"], bad.attrib["skipped"]) == ("1", "3")
    assert (sound.attrib["tests"], sound.attrib["failures"]) == ("1", "0")
    (output,) = (child.text or "" for child in bad if child.tag == "system-out")
    assert output.split("\n")[0] == "2:23: warning[W540]: `slerp` ignores an operand (mend it)"
    assert output.count("\n") == 3
    failure = bad[1][0]
    assert failure.attrib == {"message": "E203: `slerp` ignores an operand", "type": "error"}
    assert failure.text == "mend it"


def test_where_warnings_fail_they_are_failed_cases() -> None:
    bad, _ = junit(replace(REPORT, strict=frozenset(REPORT.files)))
    assert (bad.attrib["failures"], bad.attrib["skipped"]) == ("3", "1")


# --- all ------------------------------------------------------------------------------------------------------------


def test_concise_is_a_line_each() -> None:
    shown = render("concise", REPORT, False).split("\n")
    assert shown[1] == "recipes/a b.recipe:2:23: warning[W540] `slerp` ignores an operand"
    assert len(shown) == 5


HOSTILE = "\x1b[31m\x07\u202e\r::error::x]]><![CDATA[<&\"'\ud800\ufffe"


@pytest.mark.parametrize("form", FORMS)
def test_what_others_wrote_cannot_leave_its_place(form: str) -> None:
    line = "# " + HOSTILE.replace("\r", "") + " t = 0\n"
    report = Report((HOSTILE,), (problem(text=line, path=HOSTILE, message=HOSTILE),))
    shown = render(form, report, False)
    assert not HIDDEN.search(shown.replace("\r", ""))
    assert "\x1b" not in shown
    shown.encode("utf-8")
    if form == "sarif":
        sarif(report)
    if form == "junit":
        junit(report)
    if form == "gitlab":
        ISSUES(json.loads(shown))


@given(st.text(min_size=1), st.text(), st.sampled_from(list(Severity)))
def test_any_text_gives_a_valid_report(path: str, words: str, severity: Severity) -> None:
    path = path.strip("/.") or "a"
    report = Report((path,), (problem(path=path, message=words, severity=severity),))
    sarif(report)
    junit(report)
    ISSUES(json.loads(render("gitlab", report, False)))
    assert render("concise", report, False).count("\n") == 1


def test_the_command_line_writes_each_form(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    from_disk = tmp_path / "r.recipe"
    from_disk.write_text("model m = nothing\n")
    for form in FORMS:
        assert run(["check", str(from_disk), "--format", form]) == 1
        assert "E101" in capsys.readouterr().out
