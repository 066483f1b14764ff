"""mergekit in recipes: what is typed, what is refused, which engine computes what, and where its results lie."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from checking import graph, problems, program
from ladle.dsl.diagnostics import RecipeError
from ladle.dsl.types import UNKNOWN, ModelType
from ladle.executor.catalog import vocabulary
from ladle.executor.cli import run
from ladle.executor.examine import examine
from ladle.executor.forced_engine import MERGEKIT, NATIVE, computed_by, forced
from ladle.executor.mergekit.spoken import SPOKEN, runs
from ladle.executor.mergekit.tool import SETTINGS
from ladle.executor.nodefile import node_file
from ladle.executor.opened import open_recipe
from test_adapters import adapter
from test_merge import folder, weights

HEAD = """edition 1
model a    = local("models/a")
model b    = local("models/b")
model base = local("models/c")
"""


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    (tmp_path / ".git").mkdir()
    (tmp_path / "recipes").mkdir()
    for seed, name in enumerate("abc"):
        place = folder(tmp_path / "models" / name, weights(seed, torch.bfloat16))
        (place / "chat_template.jinja").write_text("one template")
    monkeypatch.chdir(tmp_path)
    return tmp_path


def recipe(project: Path, text: str, name: str = "r") -> Path:
    path = project / "recipes" / f"{name}.recipe"
    path.write_text(HEAD + text)
    return path


def said(capsys: pytest.CaptureFixture[str], *words: str) -> str:
    run([*words])
    out, err = capsys.readouterr()
    return out + err


# --- what mergekit can say ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("merge", "message"),
    [
        ("mergekit(a)", "`mergekit` computes a merge, and `a` is none"),
        ("mergekit(slerp(a, b, t = 0.5, norm = geometric))", "`norm = geometric` of `slerp` is no setting of mergekit"),
        ("mergekit(slerp(a, b, t = 0.5, tokenizer = first))", "`tokenizer = first` within `mergekit(...)`"),
        ("mergekit(lerp(a, linear(a: 1, b: 1, tokenizer = b), t = 0.5))", "`tokenizer = a model` within"),
        ("mergekit(round(a, bf16))", "`round` of a model that is no merge is no setting of mergekit"),
        ("mergekit(soup([slerp(a, b, t = 0.5, norm = geometric), b]))", "`norm = geometric` of `slerp`"),
        ("mergekit(stack(a, b, layers = each(0..1, 1..2)))", "`stack` goes through mergekit by itself"),
        ("mergekit(mergekit(slerp(a, b, t = 0.5)))", "`mergekit` goes through mergekit by itself"),
        ("mergekit(rebasin(a, to = b))", "`rebasin` is a step of its own, which mergekit has not"),
    ],
)
def test_what_mergekit_cannot_say_is_told_by_check(
    merge: str, message: str, project: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = recipe(project, f"model m = {merge}\n")
    assert run(["check", str(path)]) == 1
    assert f"error[E630]: {message}" in capsys.readouterr().out


@pytest.mark.parametrize(
    "merge",
    [
        "mergekit(slerp(a, b, t = {self_attn: [0, 1], else: 0.5}))",
        "ties(a: 0.7, b: 0.3, base = base, density = each(0.5, 0.7)) | lerp(b, t = 0.2) | round(bf16) | mergekit",
        "mergekit(b + 0.5 * (a - base))",
        "mergekit(slerp(mergekit(soup([a, b])), base, t = 0.1))",
    ],
)
def test_what_mergekit_can_say_checks(merge: str, project: Path) -> None:
    assert run(["check", str(recipe(project, f"model m = {merge}\n"))]) == 0


def test_weights_of_several_types_are_refused_for_mergekit(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    mixed = weights(1, torch.bfloat16) | {"model.norm.weight": torch.ones(8)}
    (folder(project / "models" / "a", mixed) / "chat_template.jinja").write_text("one template")
    path = recipe(project, "model m = mergekit(lerp(a, b, t = 0.5))\n")
    assert run(["check", str(path)]) == 1
    assert "`a` holds weights of BF16, F32, and mergekit writes one" in capsys.readouterr().out
    assert run(["check", str(recipe(project, "model m = mergekit(round(lerp(a, b, t = 0.5), bf16))\n"))]) == 0


# --- adapters, which no file holds with their model ------------------------------------------------------------------

TUNED = 'model tuned = local("models/tuned", from = base)\n'


@pytest.mark.parametrize(
    "made",
    [
        "stack(tuned, b, layers = each(0..1, 1..2))",
        "stack(b, again, layers = each(0..1, 1..2))",
        "moe(a, tuned, base = base, gate_mode = random)",
        "moe(a, b, base = tuned, gate_mode = random)",
        "extract_lora(tuned, base = base)",
        "extract_lora(a, base = tuned)",
        "tokensurgeon(tuned, donor = a)",
        "tokensurgeon(a, donor = tuned)",
        "mergekit(slerp(tuned, b, t = 0.5))",
        "mergekit(lerp(a, ties(b, base = tuned, density = 0.5), t = 0.5))",
    ],
)
def test_an_adapter_in_a_step_of_mergekit_is_told_by_check(
    made: str, project: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    adapter(project / "models/tuned")
    path = recipe(project, f"{TUNED}model again = tuned\nmodel m = {made}\n")
    assert run(["check", str(path), "--format", "json"]) == 1
    [told] = json.loads(capsys.readouterr().out)["diagnostics"]
    assert (told["code"], told["line"]) == ("E634", 7)
    assert told["message"] == "`tuned` is an adapter, which mergekit is not told of"


def test_what_is_wrong_within_mergekit_is_told_where_it_is_handed_over(project: Path) -> None:
    adapter(project / "models/tuned")
    text = f"""{TUNED}model whole = round(tuned, bf16)
model n = slerp(whole, b, t = 0.5)
model m = mergekit(n)
model odd = slerp(a, b, t = 0.5, norm = geometric)
model o = mergekit(odd)
model p = mergekit(stack(a, b, layers = each(0..1, 1..2)))
"""
    told = examine(recipe(project, text)).diagnostics
    places = [(each.code, each.source.position(each.span.start), each.label) for each in told]
    assert places == [
        ("E634", (8, 11), "merged in on line 6"),
        ("E630", (9, 13), "handed to mergekit on line 10"),
        ("E630", (11, 11), ""),
    ]
    assert told[2].help == "leave `mergekit(...)` around `stack(...)` out"


def test_what_mends_an_adapter_for_mergekit(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    adapter(project / "models/tuned")
    path = recipe(project, f"{TUNED}model m = stack(tuned, b, layers = each(0..1, 1..2))\n")
    assert "`model whole = round(tuned, bf16)`, and name `whole` here" in said(capsys, "check", str(path))
    mended = "model whole = round(tuned, bf16)\nmodel m = stack(whole, b, layers = each(0..1, 1..2))\n"
    assert run(["check", str(recipe(project, TUNED + mended))]) == 0
    merged = f"{TUNED}model whole = round(tuned, bf16)\nmodel m = slerp(whole, b, t = 0.5)\n"
    path = recipe(project, merged)
    assert run(["plan", str(path)]) == 0
    assert "error[E634]" in said(capsys, "run", str(path), "--engine", "mergekit")
    path = recipe(project, f"{TUNED}model m = slerp(tuned, b, t = 0.5)\n")
    assert "error[E634]" in (told := said(capsys, "plan", str(path), "--engine", "mergekit"))
    assert "in a recipe of its own, `model whole = round(tuned, bf16)`" in told
    assert '`local("artifacts/RECIPE/whole")`' in told
    assert run(["run", str(recipe(project, f"{TUNED}model whole = round(tuned, bf16)\n", "w"))]) == 0
    elsewhere = 'model whole = local("artifacts/w/whole")\nmodel m = slerp(whole, b, t = 0.5)\n'
    assert run(["plan", str(recipe(project, elsewhere)), "--engine", "mergekit"]) == 0


def test_an_export_says_of_an_adapter_what_helps(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    adapter(project / "models/tuned")
    path = str(recipe(project, f"{TUNED}model m = slerp(tuned, b, t = 0.5)\n"))
    told = said(capsys, "export", path, "m", "--to", "mergekit")
    assert "`model whole = round(tuned, bf16)`, and merge or train `whole`" in told
    path = str(recipe(project, f"{TUNED}model whole = round(tuned, bf16)\nmodel m = slerp(whole, b, t = 0.5)\n"))
    assert run(["export", path, "m", "--to", "mergekit"]) == 0
    out = capsys.readouterr().out
    assert "# artifacts/r/whole is made by `ladle run " in out
    assert "- model: ./artifacts/r/whole\n" in out
    assert run(["run", path, "whole"]) == 0
    assert (project / "artifacts/r/whole/model.safetensors").is_file()


def test_an_export_tells_of_rounding_twice_once(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = str(recipe(project, "model m = round(round(slerp(a, b, t = 0.5), bf16), fp16)\n"))
    assert said(capsys, "export", path, "m", "--to", "mergekit").count("error[E620]") == 1


# --- what is asked for ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("command", ["plan", "graph", "why"])
def test_of_what_is_asked_for_alone_it_is_judged_whether_mergekit_can_say_it(
    command: str, project: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    adapter(project / "models/tuned")
    text = f"""{TUNED}model fine = slerp(a, b, t = 0.5)
model odd = slerp(a, b, t = 0.5, norm = geometric)
model sat = slerp(tuned, b, t = 0.5)
model on_odd = stack(odd, b, layers = each(0..1, 1..2))
"""
    path = str(recipe(project, text))
    assert run([command, path, "fine", "--engine", "mergekit"]) == 0
    capsys.readouterr()
    for name, code in (("odd", "E630"), ("sat", "E634"), ("on_odd", "E630")):
        told = said(capsys, command, path, name, "--engine", "mergekit")
        assert re.findall(r"error\[(E\d+)\]", told) == [code]
    if command != "why":
        assert re.findall(r"error\[(E\d+)\]", said(capsys, command, path, "--engine", "mergekit")) == ["E630", "E634"]
        assert "nothing called `fin`" in said(capsys, command, path, "fin", "--engine", "mergekit")


# --- which engine computes what -------------------------------------------------------------------------------------


def test_plan_says_what_mergekit_computes(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    text = "model n = lerp(a, b, t = 0.5)\nmodel m = mergekit(n)\nmodel p = stack(a, b, layers = each(0..1, 1..2))\n"
    path = str(recipe(project, text))
    lines = said(capsys, "plan", path).splitlines()
    assert any(line.split()[:4] == ["run", "m", "lerp", "(by"] for line in lines)
    assert any(line.split()[:3] == ["run", "n", "lerp"] and "mergekit" not in line for line in lines)
    nodes = {node["name"]: node for node in json.loads(said(capsys, "plan", path, "--format", "json"))["nodes"]}
    engines = {name: nodes[name]["engine"] for name in ("a", "n", "m", "p")}
    assert engines == {"a": None, "n": NATIVE, "m": MERGEKIT, "p": MERGEKIT}


def test_a_plan_names_a_merge_of_the_other_engine_once(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = recipe(project, "model n = lerp(a, b, t = 0.5)\nmodel m = slerp(n, base, t = 0.5)\n")
    rows = [line.split()[:2] for line in said(capsys, "plan", str(path), "--engine", "mergekit", "--all").splitlines()]
    assert [row for row in rows if row[:1] == ["run"]] == [["run", "n"], ["run", "m"]]
    assert "reuse   3 of 5 nodes" in said(capsys, "plan", str(path), "--engine", "mergekit")
    table = said(capsys, "plan", str(path), "--engine", "mergekit", "--format", "markdown")
    assert "| m | slerp \\(by mergekit\\) | run | never made |" in table


def test_every_merge_is_computed_by_one_of_both_engines() -> None:
    known = {name: computed_by(operator) for name, operator in vocabulary().items()}
    whole = {"mergekit", "stack", "moe", "tokensurgeon", "extract_lora"}
    assert {name for name, engine in known.items() if engine == MERGEKIT} == whole
    assert {name for name, engine in known.items() if engine == NATIVE} >= {"slerp", "ties", "affine", "round"}


NESTED = """
model inner = ties(a: 1, b: 0.5, base = base)
model outer = slerp(inner, b, t = 0.3)
model again = stack(outer, b, layers = each(0..1, 1..2))
"""


def test_a_forced_engine_is_another_computation_with_a_name_of_its_own(project: Path) -> None:
    path = recipe(project, NESTED)
    native, other = open_recipe(path), open_recipe(path, "", MERGEKIT)
    assert other.layout.graph.recipe == "r-mergekit"
    for name in ("inner", "outer", "again"):
        assert other.layout.graph.aliases[name] != native.layout.graph.aliases[name]
    assert other.layout.graph.aliases["a"] == native.layout.graph.aliases["a"]
    operators = {node.name: node.operator for node in other.layout.steps(other.layout.graph.targets)}
    assert operators == {"inner": "mergekit", "outer": "mergekit", "again": "stack"}
    outer = other.layout.graph.nodes[other.layout.graph.aliases["outer"]]
    [inline] = json.loads(node_file(other.layout, outer))["node"]["inputs"]
    assert inline["inline"]["operator"] == "slerp"
    assert inline["inline"]["inputs"][0]["inline"]["operator"] == "ties"


def test_a_merge_that_is_handed_to_mergekit_is_what_the_forced_engine_makes(project: Path) -> None:
    forced_by_flag = open_recipe(recipe(project, "model m = lerp(a, b, t = 0.5)\n", "one"), "", MERGEKIT)
    written = open_recipe(recipe(project, "model m = mergekit(lerp(a, b, t = 0.5))\n", "two"))
    assert forced_by_flag.layout.graph.aliases["m"] == written.layout.graph.aliases["m"]


def test_what_no_merge_reaches_stays_as_it_was() -> None:
    text = "model merged = slerp(base, instruct, t = 0.5) | sft\nevaluate t { models = [base, merged]  on = [silk] }"
    before = graph(text)
    after = forced(before, vocabulary(), lambda name: "1.0")
    kept = {node.operator for node in before.nodes.values()} - {"slerp", "report"}
    for node in before.nodes.values():
        if node.operator in kept and node.name in ("base", "base/silk", "instruct"):
            assert node.fingerprint in after.nodes
    old, new = before.nodes[before.aliases["merged"]], after.nodes[after.aliases["merged"]]
    assert old.operator == new.operator == "sft"
    assert old.fingerprint != new.fingerprint
    rows = {key for _, _, key in after.tables[0].scores}
    assert rows <= after.nodes.keys()
    assert len(after.targets) == len(before.targets)


def test_a_forced_engine_compiles_and_its_pipeline_is_known(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = recipe(project, NESTED)
    assert run(["compile", str(path), "--engine", "mergekit"]) == 0
    assert (project / "pipelines" / "r-mergekit" / "nodes" / "outer.json").is_file()
    assert run(["compile", "--check"]) == 0
    assert "what recipes/r.recipe --engine mergekit says" in capsys.readouterr().out
    recipe(project, NESTED.replace("0.3", "0.4"))
    assert run(["compile", "--check"]) == 1
    assert "ladle compile recipes/r.recipe --engine mergekit" in capsys.readouterr().err


def test_results_of_a_used_recipe_become_the_recipes_own_under_a_forced_engine(project: Path) -> None:
    recipe(project, "model plain = lerp(a, b, t = 0.5)\n", "shared")
    path = project / "recipes" / "r.recipe"
    path.write_text(
        'edition 1\nuse "recipes/shared.recipe": plain\nmodel more = lerp(plain, plain | mergekit, t = 0.2)\n'
        "variant v { plain = plain | round(bf16) }\n"
    )
    opened = open_recipe(path, "v", MERGEKIT)
    steps = opened.layout.steps(opened.layout.graph.targets)
    places = {opened.layout.spots[node.fingerprint].place for node in steps}
    assert len(places) == len(steps)
    assert all(place.startswith("artifacts/r-v-mergekit/") for place in places)
    assert run(["compile", str(path), "--variant", "v", "--engine", "mergekit"]) == 0
    assert run(["compile", "--check"]) == 0


def test_what_cannot_be_forced_is_refused_before_anything_starts(
    project: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = recipe(project, "model m = slerp(a, b, t = 0.5, norm = geometric)\n")
    assert run(["run", str(path), "--engine", "mergekit"]) == 1
    assert "error[E630]" in capsys.readouterr().err
    assert not (project / "pipelines").exists()


def test_results_of_a_forced_engine_lie_among_no_other_recipes(
    project: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = recipe(project, NESTED)
    recipe(project, NESTED, "r-mergekit")
    assert run(["plan", str(path), "--engine", "mergekit"]) == 1
    assert "would lie among those of" in capsys.readouterr().err
    (project / "recipes" / "r-mergekit.recipe").unlink()
    recipe(project, NESTED + "variant mergekit { a = b }\n")
    assert run(["plan", str(path), "--engine", "mergekit"]) == 1


def test_of_the_native_engine_nothing_changes_its_identity(project: Path) -> None:
    path = recipe(project, NESTED)
    assert open_recipe(path, "", NATIVE).layout.graph.nodes == open_recipe(path).layout.graph.nodes


# --- how a process is started ---------------------------------------------------------------------------------------


def test_a_process_has_one_thread_and_no_network() -> None:
    assert SETTINGS["OMP_NUM_THREADS"] == "1"
    assert SETTINGS["HF_HUB_OFFLINE"] == SETTINGS["TRANSFORMERS_OFFLINE"] == "1"


def test_nothing_but_mergekits_programs_is_launched() -> None:
    command = [sys.executable, "-P", "-m", "ladle.executor.mergekit.launch", str(os.getpid()), "this"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode
    assert "this is no program of mergekit" in done.stderr


# --- types ----------------------------------------------------------------------------------------------------------


def of(text: str, name: str = "m") -> ModelType:
    found = program(text).models[name].type
    assert isinstance(found, ModelType)
    return found


def test_slices_change_the_number_of_layers() -> None:
    found = of("model m = stack(base, instruct, layers = each(0..2, 1..3))")
    assert isinstance(found.shape, tuple)
    assert dict(found.shape)["layers"] == 6
    [wrong] = problems(
        'model a = local("models/a")\nmodel b = stack(a, a, layers = each(0..2, 1..3))\n'
        "model m = slerp(a, b, t = 0.5)\n"
    )
    assert wrong[:2] == (3, "E210")
    assert "layers 6, not 4" in wrong[2]


def test_tensors_of_slices_are_known_where_their_parents_are(project: Path) -> None:
    opened = open_recipe(recipe(project, "model m = stack(a, b, layers = each(0..2, [2, 2]))\n"))
    type = opened.layout.graph.nodes[opened.layout.graph.aliases["m"]].type
    assert type is not None
    assert isinstance(type.tensors, tuple)
    names = {name for name, _, _ in type.tensors}
    assert "model.layers.4.mlp.up_proj.weight" in names
    assert "model.layers.5.mlp.up_proj.weight" not in names
    assert len(names) == 2 + 5 * 9


def test_layers_of_models_of_other_depths_stack_and_do_not_merge(
    project: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    few = {name: each for name, each in weights(5, torch.bfloat16).items() if "layers.2." not in name}
    place = folder(project / "models/d", few, num_hidden_layers=2)
    (place / "chat_template.jinja").write_text("one template")
    text = 'model d = local("models/d")\nmodel m = stack(d, a, layers = each(0..1, 1..2))\n'
    opened = open_recipe(recipe(project, text))
    type = opened.layout.graph.nodes[opened.layout.graph.aliases["m"]].type
    assert type is not None
    assert isinstance(type.tensors, tuple)
    assert len(type.tensors) == 2 + 4 * 9
    assert run(["check", str(recipe(project, text.replace("1..2))", "1..3))")))]) == 1
    assert "operand 2 has no layer 3: it has 3" in capsys.readouterr().out
    assert run(["check", str(recipe(project, text.replace("stack(d, a", "stack(a, d")))]) == 1
    assert "operand 2 has no layer 2: it has 2" in capsys.readouterr().out
    assert run(["check", str(recipe(project, text + "model s = slerp(a, d, t = 0.5)\n"))]) == 1
    assert "layers 2, not 3" in capsys.readouterr().out
    folder(place, few, num_hidden_layers=2, num_attention_heads=4)
    (place / "chat_template.jinja").write_text("one template")
    assert run(["check", str(recipe(project, text))]) == 1
    assert "E210" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("merge", "code"),
    [
        ("stack(base, instruct, layers = each(0..2, 1..4))", "E631"),
        ("stack(base, instruct, layers = each(0..2))", "E243"),
        ("stack(base, instruct, layers = 0..1)", "E243"),
        ("stack(base, layers = each(0.5))", "E201"),
        ("moe(base, instruct, base = base)", "E632"),
        ("moe(base, instruct, base = base, gate_mode = random, experts_per_token = 3)", "E632"),
        ('moe(base, instruct, base = base, positive_prompts = each(["x"], ["x"]))', "E632"),
        ('moe(base, instruct, base = base, gate_mode = random, positive_prompts = each(["x"], ["y"]))', "E632"),
        ('moe(base, instruct, base = base, positive_prompts = each("x", "y"))', "E201"),
        ("extract_lora(instruct, base = base, rank = 0)", "E204"),
        ("slerp(base, extract_lora(instruct, base = base), t = 0.5)", "E633"),
        ("tokensurgeon(base)", "E205"),
    ],
)
def test_what_cannot_be_is_refused(merge: str, code: str) -> None:
    prelude = (Path(__file__).parent / "fixtures/prelude.recipe").read_text(encoding="utf-8")
    assert {found[1] for found in problems(f"model m = {merge}\n{prelude}")} == {code}


def test_a_mixture_is_another_architecture_and_shape() -> None:
    found = of("model m = moe(base, instruct, base = base, gate_mode = random)")
    assert found.architecture == "mixtral"
    assert isinstance(found.shape, tuple)
    assert dict(found.shape)["experts"] == 2


def test_an_adapter_is_made_and_is_no_model() -> None:
    text = "model small = extract_lora(instruct, base = base, rank = 8)"
    made = graph(text)
    node = made.nodes[made.aliases["small"]]
    assert (node.operator, node.type, node.name) == ("extract_lora", None, "small")
    assert node.fingerprint in made.targets
    prelude = (Path(__file__).parent / "fixtures/prelude.recipe").read_text(encoding="utf-8")
    asked = "evaluate t { models = [small]  on = [silk] }"
    assert "E633" in {found[1] for found in problems(f"{text}\n{asked}\n{prelude}")}


def test_another_tokenizer_comes_with_its_vocabulary_and_prepares_the_rows() -> None:
    text = (
        'model a = local("models/a")\nmodel d = local("models/words")\n'
        "model moved = tokensurgeon(a, donor = d)\nmodel m = moved | cpt\n"
    )
    found = of(text, "moved")
    assert (found.vocabulary, found.shape) == ("words:2", UNKNOWN)
    made = graph(text)
    trained = made.nodes[made.aliases["m"]]
    rows = made.nodes[next(used.node for used in trained.inputs if used.role == "rows")]
    tokenizer = next(used.node for used in rows.inputs if used.role == "tokenizer")
    assert tokenizer == made.aliases["d"]


def test_layers_in_a_row_are_one_slice() -> None:
    assert runs([0, 1, 2, 5, 4, 4]) == [(0, 2), (5, 5), (4, 4), (4, 4)]
    assert "seed" not in SPOKEN


def test_a_graph_that_is_forced_says_what_was_wrong_with_its_recipe(project: Path) -> None:
    with pytest.raises(RecipeError):
        open_recipe(recipe(project, "model m = slerp(a, t = 0.5)\n"), "", MERGEKIT)
