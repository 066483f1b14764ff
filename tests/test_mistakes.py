from pathlib import Path

import pytest
from checking import ShippedFacts
from ladle.dsl.check import check
from ladle.dsl.diagnostics import Diagnostic
from ladle.dsl.parse import parse
from ladle.dsl.source import Source
from ladle.executor.catalog import vocabulary
from mistakes import Mistake, mistakes

ROOT = Path(__file__).parent.parent


def found(source: Source) -> list[Diagnostic]:
    recipe, unread = parse(source)
    _, wrong = check(recipe, vocabulary(), ShippedFacts())
    return [*unread, *wrong]


def fault(mistake: Mistake) -> str:
    """Say what is wrong with what is said of a mistake, or ""."""
    source = Source("r.recipe", mistake.text)
    problems = found(source)
    said = " / ".join(f"{p.code} {p.message} | {p.help}" for p in problems)
    if len(problems) != 1:
        return f"{mistake.what}: {len(problems)} problems: {said}"
    if source.position(problems[0].span.start)[0] not in mistake.lines:
        return f"{mistake.what}: on another line: {said}"
    offered = problems[0].message if mistake.deleted else problems[0].help
    if mistake.names and not any(f"`{name}`" in offered for name in mistake.names):
        return f"{mistake.what}: the true name is not offered: {said}"
    return ""


@pytest.mark.parametrize(("recipe", "seed"), [("quickstart", 1), ("quickstart", 2), ("figure", 3), ("figure", 4)])
def test_each_mistake_is_one_problem_on_its_line_with_the_true_name(recipe: str, seed: int) -> None:
    text = (ROOT / f"recipes/{recipe}.recipe").read_text(encoding="utf-8")
    made = list(mistakes(text, seed, 250))
    assert [said for said in map(fault, made) if said] == []
