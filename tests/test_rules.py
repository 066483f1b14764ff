"""Every lint rule: its fixture has exactly the findings it names, its page's examples are true, clean recipes are."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import pytest
from checking import MODELS, FakeFacts
from expectations import FIXTURES, Case, cases, differences
from ladle.dsl.check import check
from ladle.dsl.diagnostics import Diagnostic
from ladle.dsl.frozen import replace
from ladle.dsl.lint import lint
from ladle.dsl.parse import parse
from ladle.dsl.rule import Rule
from ladle.dsl.signature import CorpusFacts, Fault, Sort
from ladle.dsl.source import Source
from ladle.dsl.types import CorpusKind, ModelType
from ladle.executor.catalog import vocabulary
from ladle.executor.examine import examine, examine_source
from ladle.executor.rule_pages import page
from ladle.executor.rulebook import rules

ROOT = Path(__file__).parent.parent
PRELUDE = (FIXTURES / "lint.recipe").read_text(encoding="utf-8")
RULES = {rule.name.replace("-", "_"): rule for rule in rules().values()}
MADE = {
    "models/small": replace(MODELS["models/a"], parameters=1_700_000_000),
    "models/large": replace(
        MODELS["models/a"], parameters=8_030_000_000, settings=(("rope_theta", "10000"), ("sliding_window", "4096"))
    ),
    "models/long": replace(MODELS["models/a"], settings=(("rope_theta", "1000000"),)),
    "models/far": replace(MODELS["models/a"], settings=(("sliding_window", "none"),)),
}


LICENCES = {
    "open/model": "apache-2.0",
    "org/base": "mit",
    "closed/model": "cc-by-nc-4.0",
    "open/data": "mit",
    "closed/data": "cc-by-nc-4.0",
}


class LintFacts(FakeFacts):
    """The made-up project, with a model of 1.7 and one of 8 billion parameters."""

    def model(self, folder: str):  # type: ignore[no-untyped-def]
        return MADE.get(folder) or super().model(folder)

    def hub_model(self, name: str, revision: str) -> ModelType | None:
        return ModelType(licence=LICENCES[name]) if name in LICENCES else None

    def hub_corpus(
        self, name: str, revision: str, part: tuple[str, str], columns: Mapping[str, str]
    ) -> CorpusFacts | tuple[Fault, ...] | None:
        known = LICENCES.get(name)
        return CorpusFacts(("messages",), CorpusKind.CHAT, licence=known) if known else None

    def hub_commit(self, sort: Sort, name: str, revision: str) -> str:
        return "0123456789abcdef0123456789abcdef01234567" if name.startswith("locked/") else ""


def told(text: str, asked: tuple[Rule, ...] = tuple(RULES.values()), prelude: str = PRELUDE) -> list[Diagnostic]:
    """Return what some rules find in a recipe that stands before the prelude."""
    source = Source("t.recipe", f"{text}\n{prelude}")
    recipe, unread = parse(source)
    program, wrong = check(recipe, vocabulary(), LintFacts())
    return [*lint(program, asked, rules(), sound=not (unread or wrong))]


def test_what_a_lock_pins_may_be_published() -> None:
    text = """model m = hub("locked/model")
model n = hub("open/model")
publish a { model = m  to = hub("me/a")  licence = "mit" }
publish b { model = n  to = hub("me/b")  licence = "mit" }
"""
    recipe, _ = parse(Source("t.recipe", text))
    (found,) = check(recipe, vocabulary(), LintFacts())[1]
    assert (found.code, found.source.position(found.span.start)[0]) == ("E220", 4)


@pytest.mark.parametrize("case", cases("rules"), ids=lambda case: case.name)
def test_fixture_has_exactly_the_findings_it_names(case: Case) -> None:
    asked = RULES[case.name.partition(":")[0]]
    about_comments = case.name.startswith(("unused_allow", "bad_allow"))
    found = told(case.source.text, tuple(RULES.values()) if about_comments else (asked,))
    if about_comments:
        found = [each for each in found if each.code in (asked.code, "W540")]
    assert differences(case, found) == []


def test_every_rule_has_a_fixture_that_finds_and_one_that_does_not() -> None:
    by_rule: dict[str, list[Case]] = {}
    for case in cases("rules"):
        by_rule.setdefault(case.name.partition(":")[0], []).append(case)
    assert set(by_rule) == set(RULES)
    for name, mine in by_rule.items():
        assert any(case.expected for case in mine), name
        assert any(not case.expected for case in mine) or any(
            len(case.expected) < case.source.text.count("\n") for case in mine
        ), name


@pytest.mark.parametrize("name", sorted(RULES))
def test_the_page_says_what_is_found(name: str) -> None:
    rule = RULES[name]
    said = page(rule)
    assert said.title.endswith(".")
    assert said.why
    every = tuple(RULES.values()) if rule.code in ("W598", "W599") else (rule,)
    lines = len(said.bad.split("\n"))
    found = [each for each in told(said.bad, every) if each.code == rule.code]
    assert any(each.source.position(each.span.start)[0] <= lines for each in found)
    lines = len(said.good.split("\n"))
    found = [each for each in told(said.good, every) if each.code == rule.code]
    assert not any(each.source.position(each.span.start)[0] <= lines for each in found)
    assert all((each.fix is not None) <= bool(rule.fix) for each in found)


@pytest.mark.parametrize("recipe", sorted((ROOT / "recipes").glob("*.recipe")), ids=lambda path: path.stem)
def test_a_shipped_recipe_has_no_finding(recipe: Path) -> None:
    checked = examine(recipe)
    assert checked.program is not None
    assert [(d.code, d.message) for d in lint(checked.program, rules().values(), rules(), checked.sound)] == []


def test_the_miniature_as_it_was_designed_has_no_finding() -> None:
    text = (FIXTURES / "recipes" / "quickstart.recipe").read_text(encoding="utf-8")
    path = ROOT / "recipes" / "quickstart.recipe"
    checked = examine_source(path, Source(str(path), text))
    assert checked.program is not None
    assert checked.sound
    assert [(d.code, d.message) for d in lint(checked.program, rules().values(), rules())] == []


@pytest.mark.parametrize(
    ("first", "second", "found"), [(64, 8, 1), (8, 32, 1), (16, 32, 0), (16, 16, 0), (None, 16, 0)]
)
def test_an_adapter_of_another_rank_is_found(first: int | None, second: int, found: int) -> None:
    recipe, _ = parse(Source("t.recipe", f"model m = base | sft | dpo\n{PRELUDE}"))
    program, _ = check(recipe, vocabulary(), LintFacts())
    dpo = program.models["m"]
    sft = dpo.operands[0]
    one = replace(sft, options={**sft.options, "lora": {"r": first} if first else None})
    two = replace(dpo, operands=(one,), options={**dpo.options, "lora": {"r": second}})
    changed = replace(program, terms=(*(term for term in program.terms if term not in (sft, dpo)), one, two))
    assert len(lint(changed, (RULES["adapter_rank_jump"],), rules())) == found
