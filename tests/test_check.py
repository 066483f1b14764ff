import subprocess
import sys

import pytest
from checking import PRELUDE, FakeFacts, checked, graph, problems
from expectations import Case, cases, differences
from ladle.dsl.check import check
from ladle.dsl.frozen import replace
from ladle.dsl.parse import parse
from ladle.dsl.signature import Scheduled
from ladle.dsl.source import Source
from ladle.executor.catalog import vocabulary


@pytest.mark.parametrize("case", cases("types"), ids=lambda case: case.name)
def test_fixture_has_exactly_the_problems_it_names(case: Case) -> None:
    _, found = checked(f"{case.source.text}\n{PRELUDE}")
    assert differences(case, found) == []


def told(text: str, modules: tuple[str, ...]) -> list[tuple[str, str, str]]:
    """Check with a vocabulary whose `t` knows the modules of a model."""
    operators = dict(vocabulary())
    slerp = operators["slerp"]
    known = Scheduled(0, 1, modules, frozenset({"mlp"}))
    options = tuple(replace(each, type=known) if each.name == "t" else each for each in slerp.options)
    operators["slerp"] = replace(slerp, options=options)
    recipe, _ = parse(Source("t.recipe", f"{text}\n{PRELUDE}"))
    return [(each.code, each.message, each.help) for each in check(recipe, operators, FakeFacts())[1]]


def test_a_schedule_names_modules_that_there_are() -> None:
    modules = ("embed", "self_attn", "mlp")
    assert told("model m = slerp(base, instruct, t = {mlp: [0, 1], embed: 0, else: 1})", modules) == []
    ((code, message, help),) = told("model m = slerp(base, instruct, t = {self_atn: 0, else: 1})", modules)
    assert (code, help) == ("E213", "did you mean `self_attn`?")
    assert "`self_atn`" in message
    ((code, message, _),) = told("model m = slerp(base, instruct, t = {embed: [0, 1], else: 1})", modules)
    assert code == "E213"
    assert "outside the layers" in message


def test_what_is_told_of_tokens_is_not_listed_as_unchecked_too() -> None:
    longer, padded = 'model a = local("models/longer")\n', 'model b = local("models/padded")\n'
    program, found = checked(f"{longer}{padded}model m = lerp(a, b, t = 0.5)\n{PRELUDE}")
    assert [each.code for each in found] == ["E262"]
    assert not any("`a` and `b`" in what for _, what in program.skipped)
    program, found = checked(f'model a = local("models/a")\n{padded}model m = lerp(a, b, t = 0.5)\n{PRELUDE}')
    assert found == ()
    assert any("`a` and `b` have one vocabulary" in what for _, what in program.skipped)


def test_what_is_unknown_is_listed_not_judged() -> None:
    text = (
        'model h = hub("a/b")\nmodel m = slerp(h, instruct, t = 0.5) | sft\ncorpus v: chat = jsonl("unknown/v.jsonl")'
    )
    found, wrong = checked(f"{text}\n{PRELUDE}")
    assert wrong == ()
    lines = [found.source.position(span.start)[0] for span, _ in found.skipped]
    said = " / ".join(what for _, what in found.skipped)
    assert lines == sorted(lines)
    assert "whether `h` and `instruct` have one architecture, shape, vocabulary, template" in said
    assert "has a chat template, which `sft` needs" in said
    assert "whether the rows of `v` are chat" in said


def test_a_recipe_without_an_edition_is_of_the_first() -> None:
    assert graph(PRELUDE, prelude=False).nodes.keys() == graph(f"edition 1\n{PRELUDE}", prelude=False).nodes.keys()


def test_a_broken_declaration_is_blamed_once() -> None:
    text = "model m = base | (\nmodel n = m | sft\nevaluate t { models = [m, n]  on = [silk]  baseline = m }"
    _, wrong = checked(f"{text}\n{PRELUDE}")
    assert len(wrong) == 1
    assert wrong[0].code.startswith("E0")


def test_checking_loads_nothing_heavy() -> None:
    code = "import sys, ladle.dsl.check, ladle.dsl.lower, ladle.dsl.verify; print(*sys.modules)"
    loaded = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.split()
    assert not {"pydantic", "torch", "numpy", "lark", "difflib", "asyncio"} & set(loaded)


@pytest.mark.parametrize("call", ['"a/b"', '"a-b/c.d_e", revision = "refs/pr/1"', '"a/b", revision = "0123abcd"'])
def test_a_repository_is_named_as_the_hub_names_it(call: str) -> None:
    assert problems(f"model h = hub({call})") == []


@pytest.mark.parametrize(
    ("call", "wrong"),
    [
        *((f'"{name}"', name) for name in ("../x", "a b/c", "a", "a/b/c", "a/..", "/a", "a/.b", "a..b/c", "", "-a/b")),
        *((f'"a/b", revision = "{text}"', text) for text in ("../../y", "a..b", "/a", "a//b", "a b", "", "-r")),
    ],
)
def test_what_cannot_be_a_repository_or_revision_is_refused(call: str, wrong: str) -> None:
    ((_, code, message),) = problems(f"model h = hub({call})")
    assert code == "E285"
    assert message.startswith(f"`{wrong}` is no ")


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("let a = 1 / 0", "E214"),
        ("model m = base / 0", "E214"),
        ("let a = 5..1", "E218"),
        ("let a = [" + "1, " * 10_000 + "1]", "E302"),
        ("corpus m: text = mix(papers: 1, lessons: 1)", "E207"),
        ("corpus m: text = mix(papers: 0, papers | every(2): 1)", "E204"),
    ],
)
def test_what_to_do_is_said(text: str, code: str) -> None:
    _, (problem,) = checked(f"{text}\n{PRELUDE}")
    assert problem.code == code
    assert problem.help


def test_a_choice_on_no_benchmark_is_judged_without_a_fault() -> None:
    checked(f"model m = best([base, instruct], on = [])\nevaluate t {{ models = [m]  on = [silk] }}\n{PRELUDE}")
