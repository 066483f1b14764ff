"""Whatever is checked can be linted: never a traceback, spans in the text; a safe fix leaves what is computed."""

from __future__ import annotations

import time
from pathlib import Path

import pytest
from checking import PRELUDE, FakeFacts
from expectations import Case, cases
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from ladle.dsl.check import check
from ladle.dsl.diagnostics import Diagnostic
from ladle.dsl.lint import lint
from ladle.dsl.parse import parse
from ladle.dsl.program import Program
from ladle.dsl.source import Source
from ladle.executor.catalog import vocabulary
from ladle.executor.rulebook import rules
from strategies import SHIPPED, mutated, recipes
from test_check_properties import sensible, sound


def judged(text: str) -> tuple[Program, tuple[Diagnostic, ...], bool]:
    """Return the program, what lint finds, and whether the recipe is sound."""
    recipe, unread = parse(Source("recipes/t.recipe", text))
    program, wrong = check(recipe, vocabulary(), FakeFacts())
    whole = not (unread or wrong)
    found = lint(program, rules().values(), rules(), whole)
    assert found == lint(program, rules().values(), rules(), whole)
    for each in found:
        assert each.code in rules()
        assert each.name == rules()[each.code].name
        assert 0 <= each.span.start <= each.span.end <= len(text)
        assert each.message
        assert each.help
        assert each.fix is None or rules()[each.code].fix == ("safe" if each.fix.safe else "unsafe")
    return program, found, whole


def keys(program: Program) -> set[str]:
    return {each.key for each in program.targets}


def mended(text: str) -> None:
    """Apply each fix alone: the recipe checks as before, and its targets are the same unless the fix says otherwise."""
    program, found, whole = judged(text)
    for each in found if whole else ():
        if each.fix is None:
            continue
        (edit,) = each.fix.edits
        after, _, still = judged(text[: edit.span.start] + edit.text + text[edit.span.end :])
        assert still or not each.fix.safe
        if each.fix.safe and not each.fix.changes:
            assert keys(after) == keys(program)


@pytest.mark.parametrize("case", [*cases("types"), *cases("syntax")], ids=lambda case: case.name)
def test_fixtures_of_mistakes_are_linted(case: Case) -> None:
    judged(f"{case.source.text}\n{PRELUDE}")


@pytest.mark.parametrize("case", cases("rules"), ids=lambda case: case.name)
def test_the_fixes_of_fixtures_hold(case: Case) -> None:
    prelude = (Path(__file__).parent / "fixtures" / "lint.recipe").read_text(encoding="utf-8")
    mended(f"{case.source.text}\n{prelude}")


_FEW = settings(max_examples=80, deadline=None, suppress_health_check=[HealthCheck.too_slow])


@given(recipes)
@_FEW
def test_anything_that_parses_is_linted(text: str) -> None:
    judged(text)


@given(sensible)
@_FEW
def test_recipes_that_nearly_make_sense_are_linted(text: str) -> None:
    judged(f"{text}\n{PRELUDE}")


@given(mutated(st.sampled_from(SHIPPED)))
@_FEW
def test_broken_recipes_are_linted(text: str) -> None:
    judged(text)


@given(sound, st.sampled_from(["", " | slerp(base, t = 0.2)", "| lerp((base | sft), t = {mlp: 1, else: 0})"]))
@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_fixes_hold(text: str, piped: str) -> None:
    mended(text.replace("\nmodel n", f" {piped}\nmodel n", 1) + f"\nlet spare = 3\n{PRELUDE}")


@pytest.mark.parametrize(
    "text",
    [
        "# allow W501: x\n" * 20_000,
        "model a = base | slerp(instruct, t = 0.2)  # allow W543: x\n" * 2,
        "stage a = dpo | cpt | dpo | cpt\nstage b = a | a | a | a | a | a\nstage c = b | b | b | b | b | b\n"
        "stage d = c | c | c | c\nmodel m = base | d\nmodel n = slerp(m, m | sft, t = 0.5)\n",
        "model m0 = base\n" + "".join(f"model m{n + 1} = slerp(m{n}, m{n} | sft, t = 0)\n" for n in range(40)),
        "model f[a in 1..40, b in 1..40] = base | cpt with { cpt.seed = a  cpt.steps = b }\n"
        "model g[m in f] = slerp(base, m, t = 0.2)\nevaluate t { models = [f, g]  on = [silk] }\n",
    ],
)
def test_nothing_takes_long(text: str) -> None:
    recipe, unread = parse(Source("recipes/t.recipe", f"{text}\n{PRELUDE}"))
    program, wrong = check(recipe, vocabulary(), FakeFacts())
    began = time.process_time()
    lint(program, rules().values(), rules(), not (unread or wrong))
    assert time.process_time() - began < 2
