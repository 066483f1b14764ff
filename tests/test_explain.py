"""`ladle explain`: every code has a page that is true, every word of the catalogue an answer."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from checking import PRELUDE, checked
from ladle.dsl.codes import CODES
from ladle.dsl.pages import read_page
from ladle.executor.catalog import vocabulary
from ladle.executor.cli import run
from ladle.executor.explaining import codes, explain, known
from ladle.executor.reference import pages

ROOT = Path(__file__).parent.parent


def found(text: str) -> list[str]:
    return [problem.code for problem in checked(f"{text}\n{PRELUDE}")[1]]


@pytest.mark.parametrize("code", sorted(CODES))
def test_a_code_has_a_page_whose_examples_are_true(code: str) -> None:
    page = read_page(code)
    assert page is not None, f"write dsl/pages/{code}.md"
    assert page.title.endswith(".")
    assert page.why
    if page.cause:
        assert (page.bad, page.good) == ("", "")
    else:
        assert found(page.bad) == [code]
        assert found(page.good) == []


def test_no_page_is_left_of_a_code_that_is_gone() -> None:
    assert {path.stem for path in (ROOT / "dsl/pages").glob("*.md")} == set(CODES)


@pytest.mark.parametrize("name", sorted(pages()))
def test_the_reference_is_current(name: str) -> None:
    text = (ROOT / "docs/reference" / name).read_text(encoding="utf-8")
    assert text == pages()[name], "run `python -m ladle.executor.reference`"


def test_no_page_is_left_of_a_method_that_is_gone() -> None:
    reference = ROOT / "docs/reference"
    there = {path.relative_to(reference).as_posix() for path in reference.glob("*/*.md")}
    assert there == {name for name in pages() if "/" in name}
    assert there >= {"merges/extract_lora.md", *(f"choices/{name}.md" for name in ("best", "greedy_soup"))}


@pytest.mark.parametrize("name", [name for name in sorted(pages()) if "/" in name])
def test_a_page_of_a_method_says_formula_source_and_use(name: str) -> None:
    told = pages()[name]
    for part in ("Formula", "Source: ", "When to use it: ", "```recipe\n"):
        assert part in told, part


def test_a_merge_is_told_with_formula_source_and_example(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["explain", "nuslerp"]) == 0
    said = capsys.readouterr().out
    for part in ("      (sin((1-t) w) a + sin(t w) b) / sin w", "Source: mergekit 0.1.5", "    model m = nuslerp("):
        assert part in said
    assert run(["explain", "nuslerp", "sft", "--format", "json"]) == 0
    merge, stage = json.loads(capsys.readouterr().out)["entries"]
    assert "When to use it" in merge["about"]
    assert (stage["about"], stage["example"]) == ("", "")


def test_every_word_has_an_answer() -> None:
    words = known()
    assert {"sft", "slerp", "lr", "sft.lr", "choice", "mix", "E203", "unknown-option", "preference"} <= set(words)
    assert not {"prepare", "affine", "report"} & set(words)
    assert all(explain(word) for word in words)


def test_an_option_is_told_with_type_range_default_and_field(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["explain", "sft.lr"]) == 0
    said = capsys.readouterr().out
    for part in ("sft.lr: a number from 0 to 1 (0 not included)", "default: 2e-5", "becomes: learning_rate"):
        assert part in said
    assert run(["explain", "warmup", "steps", "--format", "json"]) == 0
    entries = json.loads(capsys.readouterr().out)["entries"]
    takers = {name for name, operator in vocabulary().items() if any(o.name == "warmup" for o in operator.options)}
    assert {entry["of"] for entry in entries if entry["name"] == "warmup"} == takers
    assert {entry["default"] for entry in entries if entry["name"] == "warmup"} == {"5%"}
    assert all(entry["excludes"] == ["epochs", "tokens"] for entry in entries if entry["name"] == "steps")


def test_an_operator_is_told_with_all_its_options(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["explain", "dpo"]) == 0
    said = capsys.readouterr().out
    assert "stage kind" in said
    assert "takes: preference" in said
    assert all(f"dpo.{option.name}: " in said for option in vocabulary()["dpo"].options)


def test_a_code_is_found_by_its_name_and_in_small_letters(capsys: pytest.CaptureFixture[str]) -> None:
    for word in ("E203", "e203", "unknown-option"):
        assert run(["explain", word]) == 0
        assert "error[E203] unknown-option" in capsys.readouterr().out


@pytest.mark.parametrize(("word", "near"), [("epohcs", "`epochs`"), ("E2033", "`E203`"), ("slrep", "`slerp`")])
def test_an_unknown_word_is_answered_with_the_nearest(word: str, near: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["explain", word]) == 1
    assert near in capsys.readouterr().err


def test_without_a_word_everything_is_listed(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["explain"]) == 0
    said = capsys.readouterr().out
    assert all(f"  {record['code']}" in said for record in codes())
    assert run(["explain", "--format", "json"]) == 0
    assert "slerp" in json.loads(capsys.readouterr().out)["words"]["merge method"]


def test_a_hostile_word_is_stripped(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["explain", "\x1b[31mx"]) == 1
    assert "\x1b" not in capsys.readouterr().err


def test_the_name_that_a_library_gives_an_option_is_answered(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["explain", "learning_rate"]) == 0
    assert "sft.lr:" in capsys.readouterr().out


def test_words_of_declarations_are_explained(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["explain", "with", "publish"]) == 0
    assert "`publish NAME {" in capsys.readouterr().out


def test_an_option_that_an_operator_has_not_is_answered_with_those_it_has(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["explain", "sft.nope"]) == 1
    assert "`sft` has `on`" in capsys.readouterr().err
