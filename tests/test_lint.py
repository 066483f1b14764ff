"""`ladle lint` as a user meets it: what is asked, allowed, known already and mended, and how it ends."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest
from ladle.executor.cli import run
from ladle.executor.examine import examine
from ladle.executor.fixing import write_fixed
from ladle.executor.rule_pages import document
from ladle.executor.task import StepError

from corpora import write

ROOT = Path(__file__).parent.parent
RECIPE = """\
corpus papers: text = jsonl("papers.jsonl")
corpus pairs: preference = jsonl("pairs.jsonl")
corpus lessons: chat = jsonl("lessons.jsonl")
corpus spare: text = jsonl("papers.jsonl", columns = {text: "text"})
stage sft { on = lessons  steps = 40  lr = 1e-3  context = 1k }
stage dpo { on = pairs    steps = 40  lr = 1e-4  context = 1024 }
model base = init(arch = llama, hidden = 64, layers = 1, heads = 4, intermediate = 128, tied = true,
                  tokenizer = bpe([papers], vocab = 512), template = chatml)
model tuned = base | sft | dpo
model m = tuned | slerp(base | sft, t = 0.25)
"""
"""Four findings: W501 on line 4, W511 on 5, W522 on 6, W543 on 10."""


@pytest.fixture
def recipe(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    write(tmp_path / "papers.jsonl", [{"text": "one"}, {"text": "two"}])
    write(tmp_path / "pairs.jsonl", [{"prompt": "q", "chosen": "a", "rejected": "b"}])
    turns = [{"role": "user", "content": "q"}, {"role": "assistant", "content": "a"}]
    write(tmp_path / "lessons.jsonl", [{"messages": turns}])
    (tmp_path / ".git").mkdir()
    path = tmp_path / "recipes" / "r.recipe"
    path.parent.mkdir()
    path.write_text(RECIPE)
    monkeypatch.chdir(tmp_path)
    return path


def found(capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, list[str]]:
    """Return the exit status of lint and `line code` of what it finds."""
    status = run(["lint", "recipes/r.recipe", "--format", "json", *arguments])
    shown = capsys.readouterr().out
    listed = json.loads(shown)["diagnostics"] if shown else []
    return status, [f"{each['line']} {each['code']}" for each in listed]


ALL = ["4 W501", "5 W511", "6 W522", "10 W543"]


def test_warnings_are_no_failure_unless_strict(recipe: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert found(capsys) == (0, ALL)
    assert found(capsys, "--strict") == (1, ALL)
    assert run(["check", str(recipe)]) == 0
    assert "r.recipe: ok\n" in capsys.readouterr().out
    assert run(["check", "--lint", str(recipe)]) == 0
    assert "r.recipe: ok, 4 warnings (3 with a safe fix: `ladle lint --fix`)\n" in capsys.readouterr().out


def test_what_fails_in_junit_is_what_fails(recipe: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for strict, status in (([], 0), (["--strict"], 1)):
        assert run(["lint", str(recipe), "--format", "junit", *strict]) == status
        assert ("<failure " in capsys.readouterr().out) is bool(status)


@pytest.mark.parametrize("command", ["check", "lint"])
def test_what_could_not_be_checked_is_told_in_json(
    recipe: Path, capsys: pytest.CaptureFixture[str], command: str
) -> None:
    recipe.write_text('edition 1\nmodel a = hub("o/a")\nmodel b = hub("o/b")\nmodel m = slerp(a, b, t = 0.5)\n')
    run([command, str(recipe), "--format", "json"])
    told = json.loads(capsys.readouterr().out)
    assert told["absent"] == []
    assert {each["line"] for each in told["skipped"]} == {4}
    assert all(each["file"].endswith("r.recipe") and each["message"] for each in told["skipped"])


def test_notes_never_fail(recipe: Path, capsys: pytest.CaptureFixture[str]) -> None:
    recipe.write_text(RECIPE + "model after = slerp(base, base | sft, t = 0.5) | dpo(beta = 0.1)\n")
    assert found(capsys, "--select", "W532", "--strict") == (0, ["11 W532"])


@pytest.mark.parametrize(
    ("arguments", "codes"),
    [
        (("--select", "W5"), ALL),
        (("--select", "W511,W522"), ALL[1:3]),
        (("--select", "W50", "--select", "W54"), [ALL[0], ALL[3]]),
        (("--ignore", "W51"), [ALL[0], *ALL[2:]]),
        (("--select", "W51", "--ignore", "W511"), []),
    ],
)
def test_rules_are_chosen_by_code_and_prefix(
    recipe: Path, capsys: pytest.CaptureFixture[str], arguments: tuple[str, ...], codes: list[str]
) -> None:
    assert found(capsys, *arguments) == (0, codes)


@pytest.mark.parametrize(
    "arguments",
    [
        ("--select", "W9"),
        ("--ignore", "E203"),
        ("--select", ""),
        ("--unsafe-fixes",),
        ("--write-baseline",),
        ("--fix", "--write-baseline"),
        ("--format", "xml"),
    ],
)
def test_wrong_usage(recipe: Path, capsys: pytest.CaptureFixture[str], arguments: tuple[str, ...]) -> None:
    assert run(["lint", str(recipe), *arguments]) == 2
    assert recipe.read_text() == RECIPE


@pytest.mark.parametrize(
    ("option", "meant"),
    [
        ("learning-rate-band", "`W520`, learning-rate-band"),
        ("lerning_rate_band", "`W520`, learning-rate-band"),
        ("W5200", "`W520`"),
    ],
)
def test_the_name_of_a_rule_is_answered_with_its_code(
    recipe: Path, capsys: pytest.CaptureFixture[str], option: str, meant: str
) -> None:
    assert run(["lint", str(recipe), "--select", option]) == 2
    assert f"did you mean {meant}" in capsys.readouterr().err


def test_errors_are_shown_with_the_warnings_that_are_sure(recipe: Path, capsys: pytest.CaptureFixture[str]) -> None:
    recipe.write_text(RECIPE + "model broken = base | sft(beta = 0.1)\nmodel worse = (\n")
    status, codes = found(capsys, "--strict")
    assert status == 1
    assert codes == [*ALL[1:], "11 E203", "12 E012"]
    recipe.unlink()
    assert found(capsys)[0] == 1


# --- the project's settings -----------------------------------------------------------------------------------------


def test_the_project_says_what_counts(recipe: Path, capsys: pytest.CaptureFixture[str]) -> None:
    project = recipe.parents[1] / "pyproject.toml"
    project.write_text('[tool.ladle.lint]\nselect = ["W52", "W511"]\nignore = ["W511"]\nstrict = true\n')
    assert found(capsys) == (1, ["6 W522"])
    assert found(capsys, "--ignore", "W522") == (1, ["5 W511"])
    assert run(["check", "--lint", str(recipe)]) == 1
    capsys.readouterr()
    project.write_text("[tool.other]\nladle = 1\n")
    assert found(capsys) == (0, ALL)


@pytest.mark.parametrize(
    "text",
    [
        "[tool.ladle]\nlint.strict = true\n",
        "[tool]\nother = 1\nladle.lint.strict = true\n",
        "tool.ladle.lint.strict = true\n",
        "tool = { other = 1, ladle = { lint = { strict = true } } }\n",
        "[ \"tool\" . 'ladle' . lint ]\nstrict = true\n",
        '[tool\t.\t"ladle"]\nlint = {strict = true}\n',
    ],
)
def test_the_project_says_it_in_any_spelling_of_toml(
    recipe: Path, capsys: pytest.CaptureFixture[str], text: str
) -> None:
    project = recipe.parents[1] / "pyproject.toml"
    project.write_text(f'[project]\nname = "x"\n{text}' if text.startswith("[") else text)
    assert found(capsys) == (1, ALL)


@pytest.mark.parametrize(
    "text",
    [
        'selct = ["W501"]',
        'select = "W501"',
        'select = ["W999"]',
        "strict = 1",
        'baseline = "/etc/passwd"',
        'baseline = "../x"',
        "select = [",
        "a = " + "[" * 5000,
    ],
)
def test_settings_that_mean_nothing_are_refused(recipe: Path, capsys: pytest.CaptureFixture[str], text: str) -> None:
    (recipe.parents[1] / "pyproject.toml").write_text(f"[tool.ladle.lint]\n{text}\n")
    assert run(["lint", str(recipe)]) == 2
    assert "error" in capsys.readouterr().err.lower()


def test_a_project_file_that_is_no_text_is_refused(recipe: Path) -> None:
    (recipe.parents[1] / "pyproject.toml").write_bytes(b"\xff\xfe[tool.ladle]")
    assert run(["lint", str(recipe)]) == 2
    (recipe.parents[1] / "pyproject.toml").write_text("tool = 3  # ladle\n")
    assert run(["lint", str(recipe)]) == 2


# --- what is known already ------------------------------------------------------------------------------------------


def test_a_baseline_hides_what_it_knows_and_nothing_else(recipe: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["lint", "recipes", "--baseline", "known.json", "--write-baseline"]) == 0
    assert capsys.readouterr().out == "known.json: 4 findings\n"
    assert found(capsys, "--baseline", "known.json") == (0, [])
    recipe.write_text(f"# moved down\n{RECIPE}corpus more: text = papers | every(2)\n")
    assert found(capsys, "--baseline", "known.json") == (0, ["12 W501"])
    recipe.write_text(RECIPE.replace("lr = 1e-3", "lr = 2e-3"))
    assert found(capsys, "--baseline", "known.json", "--strict") == (1, ["5 W511"])


def test_a_baseline_counts(recipe: Path, capsys: pytest.CaptureFixture[str]) -> None:
    run(["lint", "recipes", "--baseline", "known.json", "--write-baseline", "--select", "W511"])
    recipe.write_text(RECIPE.replace("context = 1k }", "context = 1k }\n") + "stage two: sft { on = lessons }\n")
    twice = RECIPE.replace("stage sft", "stage sft", 1)
    recipe.write_text(twice + RECIPE.split("\n")[4].replace("sft", "two: sft") + "\n")
    capsys.readouterr()
    assert found(capsys, "--select", "W511", "--baseline", "known.json") == (0, ["11 W511"])


def test_errors_are_never_known_already(recipe: Path, capsys: pytest.CaptureFixture[str]) -> None:
    recipe.write_text(RECIPE + "model n = base | stf\n")
    assert run(["lint", "recipes", "--baseline", "known.json", "--write-baseline"]) == 1
    assert not Path("known.json").exists()


@pytest.mark.parametrize(
    "text", ["", "[]", "{}", '{"schema": 2, "findings": {}}', '{"schema": 1, "findings": {"a": {"b": -1}}}', "[" * 9999]
)
def test_what_is_no_baseline_is_said(recipe: Path, capsys: pytest.CaptureFixture[str], text: str) -> None:
    assert run(["lint", "recipes", "--baseline", "known.json"]) == 1
    Path("known.json").mkdir()
    assert run(["lint", "recipes", "--baseline", "known.json"]) == 1
    Path("known.json").rmdir()
    Path("known.json").write_text(text)
    assert run(["lint", "recipes", "--baseline", "known.json"]) == 1
    assert "--write-baseline" in capsys.readouterr().err


# --- fixes ----------------------------------------------------------------------------------------------------------


def test_safe_fixes_leave_a_recipe_that_means_the_same(recipe: Path, capsys: pytest.CaptureFixture[str]) -> None:
    before = examine(recipe).program
    assert found(capsys, "--fix", "--ignore", "W511") == (0, ["4 W501"])
    after = examine(recipe).program
    assert before is not None
    assert after is not None
    assert {each.key for each in after.targets} == {each.key for each in before.targets}
    text = recipe.read_text()
    assert "lr = 1e-4  context = 1024  beta = 0.1 }" in text
    assert "model m = slerp(tuned, base | sft, t = 0.25)\n" in text


def test_a_fix_that_changes_the_computation_says_so(recipe: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["lint", "recipes", "--fix"]) == 0
    assert "W511: write `1Ki`: another context" in capsys.readouterr().err
    assert "context = 1Ki }" in recipe.read_text()
    again = recipe.read_text()
    assert run(["lint", "recipes", "--fix"]) == 0
    assert recipe.read_text() == again


def test_unsafe_fixes_are_asked_for(recipe: Path, capsys: pytest.CaptureFixture[str]) -> None:
    recipe.write_text(RECIPE + "corpus more: text = spare | every(2)   # a leftover\n")
    assert found(capsys, "--fix", "--unsafe-fixes") == (0, [])
    text = recipe.read_text()
    assert "spare" not in text
    assert "leftover" not in text
    assert examine(recipe).sound


def test_a_comment_that_allows_nothing_is_taken_away(recipe: Path, capsys: pytest.CaptureFixture[str]) -> None:
    clean = RECIPE.replace("model tuned", "# allow W524: short\nmodel tuned").replace("1k }", "1k }   # allow W540: x")
    recipe.write_text(clean)
    assert found(capsys, "--select", "W598,W524,W540", "--fix") == (0, [])
    assert recipe.read_text() == RECIPE


def test_line_ends_mark_and_mode_stay(recipe: Path) -> None:
    recipe.write_bytes(b"\xef\xbb\xbf" + RECIPE.replace("\n", "\r\n").encode())
    recipe.chmod(0o640)
    link = recipe.with_name("link.recipe")
    link.symlink_to(recipe)
    assert run(["lint", str(link), "--fix", "--select", "W522"]) == 0
    assert link.is_symlink()
    assert recipe.read_bytes() == (
        b"\xef\xbb\xbf"
        + RECIPE.replace("context = 1024 }", "context = 1024  beta = 0.1 }").replace("\n", "\r\n").encode()
    )
    assert recipe.stat().st_mode & 0o777 == 0o640


def test_a_recipe_that_changed_meanwhile_is_not_overwritten(recipe: Path) -> None:
    with pytest.raises(StepError, match="changed while"):
        write_fixed(recipe, "what was read\n", "what was made of it\n")
    assert recipe.read_text() == RECIPE
    assert [each.name for each in recipe.parent.iterdir()] == ["r.recipe"]


def test_a_recipe_with_errors_is_not_touched(recipe: Path) -> None:
    broken = RECIPE + "model n = base | stf\n"
    recipe.write_text(broken)
    assert run(["lint", "recipes", "--fix", "--unsafe-fixes"]) == 1
    assert recipe.read_text() == broken


def test_a_recipe_that_cannot_be_written_is_a_problem_in_words(
    recipe: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    if os.geteuid() == 0:
        recipe.parent.chmod(0o755)
        assert run(["lint", "recipes", "--fix"]) == 0
        return
    recipe.parent.chmod(0o555)
    assert run(["lint", "recipes", "--fix"]) == 1
    recipe.parent.chmod(0o755)
    assert recipe.read_text() == RECIPE


# --- files and folders ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("command", ["check", "lint"])
def test_a_folder_is_every_recipe_below_it(recipe: Path, capsys: pytest.CaptureFixture[str], command: str) -> None:
    (recipe.parent / "deep").mkdir()
    (recipe.parent / ".hidden").mkdir()
    for name in ("deep/b.recipe", ".hidden/c.recipe", ".d.recipe", "e.txt"):
        (recipe.parent / name).write_text(RECIPE)
    assert run([command, "recipes", "recipes/r.recipe", "--format", "text"]) == 0
    out = capsys.readouterr().out
    assert [line.partition(":")[0] for line in out.split("\n") if ": ok" in line] == [
        "recipes/deep/b.recipe",
        "recipes/r.recipe",
    ]


@pytest.mark.parametrize("command", ["check", "lint"])
def test_a_folder_without_recipes_is_wrong_usage(recipe: Path, command: str) -> None:
    recipe.unlink()
    assert run([command, "recipes"]) == 2


# --- documents ------------------------------------------------------------------------------------------------------


def test_the_page_of_rules_is_current(update_golden: bool) -> None:
    page = ROOT / "docs" / "lint.md"
    if update_golden:
        page.write_text(document(), encoding="utf-8")
    assert page.read_text(encoding="utf-8") == document()
