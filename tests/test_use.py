"""Names of other recipes: what `use` brings, whose mistake is whose, and where the results of each recipe lie."""

from __future__ import annotations

import pytest
from checking import FakeFacts, checked
from ladle.dsl.check import check
from ladle.dsl.graph import Graph
from ladle.dsl.lower import lower
from ladle.dsl.parse import parse
from ladle.dsl.source import Source
from ladle.dsl.verify import verify
from ladle.executor.catalog import vocabulary
from ladle.executor.layout import layout

SHARED = """edition 1
model base = local("models/a")
model instruct = local("models/b")
corpus papers: text = jsonl("text/p.jsonl")
corpus lessons: chat = jsonl("chat/l.jsonl")
stage cpt { on = papers  steps = 3 }
stage sft { on = lessons  steps = 3 }
stage full = cpt | sft
let k = 3
let paths = [cpt, cpt | sft]
benchmark silk: choice { on = jsonl("labelled/s.jsonl") }
model trained[p in paths] = base | p
"""
USING = """use "shared/u.recipe": base, instruct as chat, cpt, sft as tune, full, paths, k
use "shared/u.recipe": trained as t, silk, papers as read
model a = base | cpt | tune(steps = k)
model b = chat | full with { cpt.seed = 4 }
model c[p in paths] = chat | p
model d = t[cpt]
model e = base | tune(on = other)
corpus other: chat = jsonl("chat/o.jsonl")
evaluate table { models = [a, b, c, d, t, e]  on = [silk]  baseline = d }
"""


def told(text: str, **recipes: str) -> list[tuple[str, int, str]]:
    """Return file, line and code of every problem of a recipe that uses others."""
    facts = FakeFacts(recipes={f"shared/{name}.recipe": content for name, content in recipes.items()})
    found = checked(text, facts)[1]
    return [(each.source.path, each.source.position(each.span.start)[0], each.code) for each in found]


def helps(text: str, **recipes: str) -> str:
    facts = FakeFacts(recipes={f"shared/{name}.recipe": content for name, content in recipes.items()})
    return "\n".join(f"{each.message} | {each.help}" for each in checked(text, facts)[1])


def graphed(text: str, **recipes: str) -> Graph:
    facts = FakeFacts(recipes={f"shared/{name}.recipe": content for name, content in recipes.items()})
    program, wrong = checked(text, facts)
    assert not wrong, [(each.code, each.message) for each in wrong]
    return verify(lower(program, vocabulary(), facts))


def places(graph: Graph) -> dict[str, str]:
    """Return where everything lies, by fingerprint."""
    return {key: spot.place for key, spot in layout(graph, vocabulary()).spots.items()}


def test_every_kind_of_value_can_be_used() -> None:
    assert told(USING, u=SHARED) == []


def test_what_two_files_compute_alike_is_one() -> None:
    """`a` is written out of parts, and `trained[cpt | sft]` of the used recipe is the same."""
    graph = graphed(USING, u=SHARED)
    assert graph.aliases["a"] == graph.aliases["t-cpt-sft"]
    assert graph.aliases["d"] == graph.aliases["t-cpt"]


def test_a_used_recipe_changes_no_fingerprint() -> None:
    own = SHARED.replace("edition 1\n", "") + USING.split("\n", 2)[2].replace("chat |", "instruct |").replace(
        "tune", "sft"
    ).replace(" d = t[", " d = trained[").replace("d, t, e", "d, trained, e")
    assert set(graphed(own).aliases.values()) >= {
        key for name, key in graphed(USING, u=SHARED).aliases.items() if name in ("a", "b", "d", "e", "c-cpt")
    }


def test_results_lie_under_the_recipe_that_asks_for_them() -> None:
    graph = graphed(USING, u=SHARED)
    found = places(graph)
    own = places(graphed(SHARED, u=SHARED))
    assert found[graph.aliases["a"]] == "artifacts/u/trained-cpt-sft"
    assert found[graph.aliases["b"]] == "artifacts/t/b"
    assert {key: place for key, place in found.items() if key in own} == {
        key: place.replace("/t/", "/u/") for key, place in own.items() if key in found
    }
    assert {place for place in found.values() if place.startswith("scores")} == {
        f"scores/t/{name}/silk" for name in ("a", "b", "c-cpt", "c-cpt-sft", "d", "e")
    }


def test_a_corpus_that_its_own_recipe_does_not_need_is_made_by_its_user() -> None:
    shared = (
        'corpus raw: text = jsonl("text/p.jsonl")\ncorpus few: text = raw | take(3)\nstage cpt { on = few  steps = 3 }'
    )
    graph = graphed('use "shared/u.recipe": cpt\nmodel base = local("models/a")\nmodel m = base | cpt', u=shared)
    made = [place for place in places(graph).values() if "few" in place]
    assert sorted(made) == ["artifacts/t/rows-u-few-base-packing-isolated", "artifacts/t/u-few"]


def test_a_used_stage_keeps_its_own_corpus_and_the_settings_of_its_user() -> None:
    text = """use "shared/u.recipe": base, cpt as read
corpus papers: text = jsonl("text/other.jsonl")
model m = base | read with { read.steps = 9 }
variant smoke { stage.steps = 2 }
"""
    graph = graphed(text, u=SHARED)
    node = graph.nodes[graph.aliases["m"]]
    assert dict(node.options)["steps"] == 9
    files = [file for each in graph.walk((node.fingerprint,)) for file in each.files]
    assert files == ["models/a", "text/p.jsonl"]


def test_stages_of_one_name_in_two_files_are_told_apart() -> None:
    text = """use "shared/u.recipe": base, trained
corpus mine: text = jsonl("text/m.jsonl")
stage cpt { on = mine  steps = 3 }
model m = trained[cpt]
"""
    assert told(text, u=SHARED) == [("recipes/t.recipe", 4, "E215")]


def test_a_mistake_is_told_in_the_file_that_has_it_and_there_alone() -> None:
    broken = SHARED.replace("on = papers", "on = paperz").replace('"models/b"', '"models/none"').replace("= 3\n", "=\n")
    assert told(USING, u=broken) == [
        ("shared/u.recipe", 3, "E402"),
        ("shared/u.recipe", 6, "E101"),
        ("shared/u.recipe", 9, "E001"),
    ]


def test_a_used_stage_that_lacks_an_option_is_told_where_it_is_declared() -> None:
    text = 'use "shared/u.recipe": sft\nmodel base = local("models/a")\nmodel m = base | sft'
    assert told(text, u="stage sft { steps = 3 }") == [("shared/u.recipe", 1, "E205")]


@pytest.mark.parametrize(
    ("line", "code", "help"),
    [
        ('use "shared/u.recipe": bass', "E109", "`base`"),
        ('use "shared/u.recipe": zzzzzz', "E109", "it declares `base`"),
        ('use "shared/none.recipe": base', "E402", "check the path"),
        ('use "shared/u.recipe": table', "E109", "gives models"),
        ('use "shared/u.recipe": base\nmodel base = local("models/a")', "E102", "base as NAME"),
        ('use "shared/u.recipe": base\nuse "shared/u.recipe": instruct as base', "E102", "as NAME"),
        ('use "shared/t.recipe": base', "E110", "another name"),
        ('use "shared/v.recipe": base', "E109", 'use "shared/u.recipe": base'),
        ('use "shared/u.recipe": base\nmodel m[base in [1]] = local("models/b")', "E103", "rename the axis"),
    ],
)
def test_what_cannot_be_used_is_told_with_what_to_do(line: str, code: str, help: str) -> None:
    recipes = {
        "u": f"{SHARED}evaluate table {{ models = [base]  on = [silk] }}",
        "t": 'model base = local("models/a")',
        "v": 'use "shared/u.recipe": base\nmodel other = base',
    }
    assert [each[2] for each in told(line, **recipes)] == [code]
    assert help in helps(line, **recipes)


def test_cycles_are_told_once() -> None:
    u = 'use "shared/v.recipe": v\nmodel u = v'
    v = 'use "shared/u.recipe": u\nmodel v = u'
    assert told('use "shared/u.recipe": u\nmodel m = u', u=u, v=v) == [("shared/v.recipe", 1, "E108")]
    assert "`shared/u.recipe` -> `shared/v.recipe` -> `shared/u.recipe`" in helps('use "shared/u.recipe": u', u=u, v=v)
    assert told('use "shared/u.recipe": u', u='use "shared/u.recipe": u as w\nmodel u = w') == [
        ("shared/u.recipe", 1, "E108")
    ]


def test_a_recipe_that_is_used_on_two_ways_is_checked_once() -> None:
    u = 'use "shared/v.recipe": v\nmodel u = v | sft(on = nothing)'
    text = 'use "shared/u.recipe": u\nuse "shared/v.recipe": v\nmodel m = slerp(u, v, t = 0.5)'
    assert told(text, u=u, v='model v = local("models/none")') == [
        ("shared/u.recipe", 2, "E101"),
        ("shared/v.recipe", 1, "E402"),
    ]


def test_a_chain_of_many_recipes_is_bounded_and_quick() -> None:
    recipes = {f"r{i}": f'use "shared/r{i + 1}.recipe": m{i + 1}\nmodel m{i} = m{i + 1}' for i in range(300)}
    found = told('use "shared/r0.recipe": m0', **recipes)
    assert [code for _, _, code in found] == ["E302"]


def test_the_text_of_documentation_is_kept_by_name() -> None:
    program, _ = checked('## our start\n## and more\nmodel base = local("models/a")\nmodel m = base')
    assert program.docs == {"base": "our start\nand more"}


def test_a_variant_replaces_what_is_brought_and_leaves_the_used_recipe_alone() -> None:
    text = """use "shared/u.recipe": base, trained, cpt, papers as reading
stage mine: cpt { on = reading  steps = 9 }
model m = base | mine
model n = trained[cpt] | mine
variant smoke { reading = reading | take(rows = 5)  stage.steps = 2 }
"""
    facts = FakeFacts(recipes={"shared/u.recipe": SHARED})
    recipe, _ = parse(Source("recipes/t.recipe", text))
    program, wrong = check(recipe, vocabulary(), facts, "smoke")
    assert not wrong
    graph = verify(lower(program, vocabulary(), facts))
    by_place = {spot.place: graph.nodes[key] for key, spot in layout(graph, vocabulary()).spots.items()}
    assert by_place["artifacts/t-smoke/reading"].operator == "take"
    assert {dict(by_place[f"artifacts/t-smoke/{name}"].options)["steps"] for name in "mn"} == {2}
    assert dict(by_place["artifacts/u/trained-cpt"].options)["steps"] == 3


def test_a_stage_in_a_composition_of_another_file_is_called_as_it_is_there() -> None:
    text = """use "shared/u.recipe": base, full
stage sft: cpt { on = mine  steps = 7 }
corpus mine: text = jsonl("text/m.jsonl")
model m = base | full with { sft.steps = 5 }
"""
    graph = graphed(text, u=SHARED)
    node = graph.nodes[graph.aliases["m"]]
    assert (node.operator, dict(node.options)["steps"]) == ("sft", 5)
