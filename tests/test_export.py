"""Merges for mergekit and stages for trainers: round trips, the same bytes, deterministic text, refusals by name."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import pytest
import torch
from importing import FOLDER, imported
from ladle.dsl.diagnostics import RecipeError
from ladle.dsl.graph import Node
from ladle.executor.cli import run
from ladle.executor.exporting.subject import Subject
from ladle.executor.exporting.tools import exporters
from ladle.executor.opened import Opened, open_recipe
from ladle.executor.plan import find
from ladle.executor.task import Given
from ladle.executor.weights.modules import module_path, over_depth, value_at
from merging import ulps
from ruamel.yaml import YAML
from safetensors.torch import load_file
from test_merge import LAYERS, folder, merged, reference, weights

MERGES = sorted(path for path in FOLDER.glob("mergekit_*.yml") if "passthrough" not in path.stem)


def project(path: Path) -> Path:
    (path / ".git").mkdir(parents=True)
    (path / "recipes").mkdir()
    return path


def recipe(root: Path, name: str, text: str) -> Opened:
    place = root / "recipes" / f"{name}.recipe"
    place.write_text(text)
    return open_recipe(place)


def exported(opened: Opened, name: str, tool: str) -> str:
    node = opened.layout.graph.nodes[find(opened.layout, name)]
    subject = Subject(opened.layout, opened.loaded.program.source, node, tool)
    text = exporters()[tool].export(subject)
    if subject.problems:
        raise RecipeError(tuple(subject.problems))
    return text


def target(opened: Opened, name: str = "merged") -> str:
    return opened.layout.graph.aliases[name]


# --- mergekit -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("path", MERGES, ids=lambda path: path.stem)
def test_a_merge_comes_back_as_the_same_node(path: Path, tmp_path: Path) -> None:
    root = project(tmp_path / "p")
    first = recipe(root, "first", imported(path, root=root).text)
    file = root / "again.yml"
    file.write_text(exported(first, "merged", "mergekit"))
    second = recipe(root, "second", imported(file, root=root).text)
    assert target(second) == target(first)
    assert exported(second, "merged", "mergekit") == exported(first, "merged", "mergekit")


CONFIGS = {
    "slerp": "merge_method: slerp\nbase_model: ./models/b\nmodels: [{model: ./models/a}, {model: ./models/b}]\n"
    "parameters: {t: [{filter: self_attn, value: [0, 0.5, 1]}, {filter: mlp, value: 0.2}, {value: 0.6}]}\n",
    "within": "merge_method: slerp\nbase_model: ./models/b\nmodels: [{model: ./models/a}, {model: ./models/b}]\n"
    "parameters: {t: [{filter: q_proj, value: 0.9}, {filter: self_attn, value: [0, 0.5, 1]}, "
    "{filter: mlp, value: 0.2}, {filter: layers., value: 0.4}, {value: 0.6}]}\n",
    "gradient": "merge_method: slerp\nbase_model: ./models/a\nmodels: [{model: ./models/a}, {model: ./models/b}]\n"
    "parameters: {t: [0.1, 0.9, 0.3]}\n",
    "linear": "merge_method: linear\nmodels: [{model: ./models/a, parameters: {weight: 0.7}}, "
    "{model: ./models/b, parameters: {weight: 0.5}}]\n",
    "ties": "merge_method: ties\nbase_model: ./models/base\nmodels: [{model: ./models/a, parameters: {weight: 0.6, "
    "density: 0.4}}, {model: ./models/b, parameters: {weight: 1, density: 0.4}}]\nparameters: {lambda: 1.5}\n",
    "weights that vary": "merge_method: linear\nmodels: [{model: ./models/a, parameters: {weight: [{filter: self_attn, "
    "value: [0.2, 1]}, {value: 0.7}]}}, {model: ./models/b, parameters: {weight: 0.5}}]\n",
    "nuslerp": "merge_method: nuslerp\nmodels: [{model: ./models/a, parameters: {weight: [{filter: mlp, value: 0.1}, "
    "{value: 0.6}]}}, {model: ./models/b, parameters: {weight: 0.5}}]\n",
    "nuslerp over a base": "merge_method: nuslerp\nbase_model: ./models/base\nmodels: [{model: ./models/a, parameters: "
    "{weight: 0.6}}, {model: ./models/b, parameters: {weight: 0.5}}]\n"
    "parameters: {nuslerp_flatten: false, nuslerp_row_wise: true}\n",
    "multislerp": "merge_method: multislerp\nmodels: [{model: ./models/a, parameters: {weight: 1}}, "
    "{model: ./models/b, parameters: {weight: 1}}, {model: ./models/base, parameters: {weight: 0.5}}]\n"
    "parameters: {eps: 1.0e-7}\n",
    "karcher": "merge_method: karcher\nmodels: [{model: ./models/a}, {model: ./models/b}, {model: ./models/base}]\n"
    "parameters: {max_iter: 20}\n",
    "karcher of a base": "merge_method: karcher\nbase_model: ./models/base\n"
    "models: [{model: ./models/a}, {model: ./models/b}]\n",
    "model_stock": "merge_method: model_stock\nbase_model: ./models/base\n"
    "models: [{model: ./models/a}, {model: ./models/b}]\nparameters: {filter_wise: true}\n",
    "arcee_fusion": "merge_method: arcee_fusion\nbase_model: ./models/base\nmodels: [{model: ./models/a}]\n",
    "nearswap": "merge_method: nearswap\nbase_model: ./models/base\nmodels: [{model: ./models/base}, "
    "{model: ./models/a}]\nparameters: {t: [{filter: embed_tokens, value: 0}, {value: 0.3}]}\n",
    "ram": "merge_method: ram\nbase_model: ./models/base\nmodels: [{model: ./models/a}, {model: ./models/b}]\n"
    "parameters: {epsilon: 0.4}\n",
    "ramplus_tl": "merge_method: ramplus_tl\nbase_model: ./models/base\nmodels: [{model: ./models/a}, "
    "{model: ./models/b}]\nparameters: {epsilon: 0.4, r: 0.2, alpha: 0.5}\n",
    "sce": "merge_method: sce\nbase_model: ./models/base\nmodels: [{model: ./models/a}, {model: ./models/b}]\n"
    "parameters: {select_topk: 0.3, int8_mask: true}\n",
    "passthrough": "merge_method: passthrough\nmodels: [{model: ./models/a, parameters: {scale: [{filter: o_proj, "
    "value: [1, 0.5]}, {value: 1}]}}]\n",
    "trimmed unlike": "merge_method: ties\nbase_model: ./models/base\nmodels: [{model: ./models/a, parameters: {"
    "weight: [{filter: mlp, value: 0.1}, {value: 0.6}], density: 0.4}}, {model: ./models/b, parameters: {weight: 1, "
    "density: [{filter: self_attn, value: [0.2, 0.9]}, {value: 0.5}]}}]\n"
    "parameters: {lambda: [{filter: q_proj, value: 2}, {value: 1.5}], rescale: true}\n",
    "breadcrumbs": "merge_method: breadcrumbs\nbase_model: ./models/base\nmodels: [{model: ./models/a, parameters: "
    "{weight: 0.6, gamma: 0.05}}, {model: ./models/b, parameters: {weight: 1}}]\nparameters: {density: 0.7}\n",
    "breadcrumbs_ties": "merge_method: breadcrumbs_ties\nbase_model: ./models/base\nmodels: [{model: ./models/a, "
    "parameters: {weight: 0.6}}, {model: ./models/b, parameters: {weight: 1}}]\n"
    "parameters: {density: 0.7, gamma: 0.2, normalize: true}\n",
    "della whole": "merge_method: della\nbase_model: ./models/base\nmodels: [{model: ./models/a, parameters: "
    "{weight: 0.6}}, {model: ./models/b, parameters: {weight: 1}}]\nparameters: {density: 1, epsilon: 0.2}\n",
    "task": "merge_method: task_arithmetic\nbase_model: ./models/base\nmodels: [{model: ./models/a, parameters: "
    "{weight: 0.5}}, {model: ./models/b, parameters: {weight: -0.25}}]\n",
}


DRAWN = {
    name: f"merge_method: {name}\nbase_model: ./models/base\nmodels: [{{model: ./models/a, parameters: {{weight: 0.6, "
    f"density: 0.4}}}}, {{model: ./models/b, parameters: {{weight: 1, density: 0.7}}}}]\nparameters: {{{more}}}\n"
    for name, more in (
        ("dare_linear", "rescale: false"),
        ("dare_ties", "lambda: 0.5"),
        ("della", "epsilon: 0.1"),
        ("della_linear", "epsilon: [{filter: mlp, value: 0.2}, {value: 0.1}]"),
    )
}
"""Methods that draw at random, and draw other elements here."""
PARTED = {(name, torch.bfloat16) for name in ("sce", "ties", "trimmed unlike", "breadcrumbs", "breadcrumbs_ties")}
"""In bf16 elements are alike at the threshold; Ladle keeps all of them, mergekit some."""


VARIES = {
    "ties that vary": "merge_method: ties\nbase_model: ./models/base\nmodels: [{model: ./models/a, parameters: "
    "{weight: [{filter: mlp, value: [0.1, 0.9]}, {value: 0.5}], density: [{filter: mlp, value: 0.3}, {value: 0.8}]}}, "
    "{model: ./models/b, parameters: {weight: 1, density: 0.4}}]\nparameters: {lambda: [{filter: q_proj, value: 2}, "
    "{value: 1.5}]}\n",
}
"""Parameters that vary by module, depth and model at once."""


@pytest.mark.parametrize("name", [*CONFIGS, *DRAWN, *VARIES])
def test_a_method_comes_back_as_the_same_node(name: str, tmp_path: Path) -> None:
    root = project(tmp_path / "p")
    for seed, model in enumerate(("base", "a", "b"), 1):
        (folder(root / "models" / model, weights(seed)) / "chat_template.jinja").write_text("one template")
    file = root / "merge.yml"
    file.write_text((CONFIGS | DRAWN | VARIES)[name] + "dtype: float32\n")
    first = recipe(root, "first", imported(file, root=root).text)
    said = exported(first, "merged", "mergekit")
    file.write_text(said)
    again = recipe(root, "again", imported(file, root=root).text)
    assert target(again) == target(first)
    assert exported(again, "merged", "mergekit") == said


@pytest.mark.parametrize(
    ("name", "dtype"),
    [(name, dtype) for name in CONFIGS for dtype in (torch.float32, torch.bfloat16) if (name, dtype) not in PARTED],
)
def test_an_imported_merge_is_mergekits(
    name: str, dtype: torch.dtype, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    root = project(tmp_path / "p")
    for seed, model in enumerate(("base", "a", "b"), 1):
        (folder(root / "models" / model, weights(seed, dtype)) / "chat_template.jinja").write_text("one template")
    file = root / "merge.yml"
    written = "out_dtype: bfloat16\n" if dtype is torch.bfloat16 else ""
    file.write_text(CONFIGS[name] + "dtype: float32\n" + written)
    opened = recipe(root, "merge", imported(file, root=root).text)
    out = exported(opened, "merged", "mergekit")
    monkeypatch.chdir(root)
    reference.LoaderCache.loaders.clear()
    configuration = reference.MergeConfiguration.model_validate(YAML(typ="safe").load(out))
    options = reference.MergeOptions(quiet=True, write_model_card=False, copy_tokenizer=False)
    reference.run_merge(configuration, str(root / "theirs"), options)
    reference.LoaderCache.loaders.clear()
    theirs = load_file(root / "theirs" / "model.safetensors")
    ours = by_us(root, opened)
    assert ours.keys() == theirs.keys()
    parents = [weights(seed, dtype) for seed in (1, 2, 3)]
    for key in theirs:
        assert ours[key].dtype == theirs[key].dtype
        assert ulps(ours[key], theirs[key], tuple(parent[key] for parent in parents)) <= 1


def test_a_merge_that_is_written_in_float32_is_here_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    root = project(tmp_path / "p")
    for seed, model in enumerate(("base", "a", "b"), 1):
        place = folder(root / "models" / model, weights(seed, torch.bfloat16))
        (place / "chat_template.jinja").write_text("one template")
    file = root / "merge.yml"
    file.write_text(CONFIGS["linear"] + "dtype: float32\n")
    monkeypatch.chdir(root)
    recipe(root, "merge", imported(file, root=root).text)
    assert run(["run", "recipes/merge.recipe"]) == 0
    reference.LoaderCache.loaders.clear()
    configuration = reference.MergeConfiguration.model_validate(YAML(typ="safe").load(file.read_text()))
    options = reference.MergeOptions(quiet=True, write_model_card=False, copy_tokenizer=False)
    reference.run_merge(configuration, str(root / "theirs"), options)
    reference.LoaderCache.loaders.clear()
    ours, theirs = (load_file(root / place / "model.safetensors") for place in ("artifacts/merge/merged", "theirs"))
    assert {each.dtype for each in theirs.values()} == {torch.float32} == {each.dtype for each in ours.values()}
    for key in theirs:
        torch.testing.assert_close(ours[key], theirs[key], rtol=1e-6, atol=1e-6)


SLICES = {
    "stacked": """merge_method: passthrough
slices:
  - sources: [{model: models/a, layer_range: [0, 2]}]
  - sources: [{model: models/b, layer_range: [1, 2]}]
    parameters: {scale: [{filter: o_proj, value: 0}, {value: 1}]}
""",
    "in parts": """merge_method: slerp
base_model: models/a
slices:
  - sources: [{model: models/a, layer_range: [0, 1]}, {model: models/b, layer_range: [0, 1]}]
  - sources: [{model: models/a, layer_range: [1, 3]}, {model: models/b, layer_range: [1, 3]}]
parameters: {t: [{filter: mlp, value: 0.25}, {value: 0.5}]}
""",
    "in parts of their own": """merge_method: slerp
base_model: models/a
slices:
  - sources: [{model: models/a, layer_range: [0, 1]}, {model: models/b, layer_range: [0, 1]}]
    parameters: {t: 0.3}
  - sources: [{model: models/a, layer_range: [1, 3]}, {model: models/b, layer_range: [1, 3]}]
    parameters: {t: [{filter: mlp, value: [0.9, 0.1]}, {filter: norm, value: 0.4}, {value: [0.6, 0.8]}]}
""",
    "weights of parts": """merge_method: linear
slices:
  - sources:
    - {model: models/a, layer_range: [0, 2], parameters: {weight: 0.3}}
    - {model: models/b, layer_range: [0, 2], parameters: {weight: 0.9}}
  - sources:
    - {model: models/a, layer_range: [2, 3], parameters: {weight: 0.8}}
    - {model: models/b, layer_range: [2, 3]}
    parameters: {weight: 0.1}
""",
    "stretched over each": """merge_method: slerp
base_model: models/a
slices:
  - sources: [{model: models/a, layer_range: [0, 2]}, {model: models/b, layer_range: [0, 2]}]
  - sources: [{model: models/a, layer_range: [2, 3]}, {model: models/b, layer_range: [2, 3]}]
parameters: {t: [{filter: self_attn, value: [0, 0.5, 1]}, {value: 0.25}]}
""",
    "one of its own": """merge_method: slerp
base_model: models/a
slices:
  - sources: [{model: models/a, layer_range: [0, 3]}, {model: models/b, layer_range: [0, 3]}]
    parameters: {t: [{filter: self_attn, value: [0, 0.5, 1]}, {value: 0.25}]}
""",
}


@pytest.mark.parametrize("name", SLICES)
def test_imported_slices_give_what_mergekit_gives(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    root = project(tmp_path / "p")
    for seed, model in enumerate("ab"):
        (folder(root / "models" / model, weights(seed)) / "chat_template.jinja").write_text("one template")
    file = root / "merge.yml"
    file.write_text(SLICES[name] + "dtype: float32\n")
    monkeypatch.chdir(root)
    recipe(root, "merge", imported(file, root=root).text)
    assert run(["run", "recipes/merge.recipe"]) == 0
    reference.LoaderCache.loaders.clear()
    configuration = reference.MergeConfiguration.model_validate(YAML(typ="safe").load(file.read_text()))
    options = reference.MergeOptions(quiet=True, write_model_card=False, copy_tokenizer=False)
    reference.run_merge(configuration, str(root / "theirs"), options)
    reference.LoaderCache.loaders.clear()
    ours, theirs = (load_file(root / place / "model.safetensors") for place in ("artifacts/merge/merged", "theirs"))
    assert ours.keys() == theirs.keys()
    for key in theirs:
        torch.testing.assert_close(ours[key], theirs[key], rtol=1e-6, atol=3e-7)


def by_us(root: Path, opened: Opened) -> dict[str, torch.Tensor]:
    graph = opened.layout.graph

    def given(node: Node) -> tuple[Given, ...]:
        return tuple(one(item.role, graph.nodes[item.node]) for item in node.inputs)

    def one(role: str, node: Node) -> Given:
        if node.files:
            return Given(role, "local", "f" * 64, path=root / Path(node.files[0]).parent)
        return Given(role, node.operator, "e" * 64, options=dict(node.options), inputs=given(node))

    node = graph.nodes[target(opened)]
    return merged(root / "ours", node.operator, dict(node.options), *given(node))


MIXED = """edition 1
model a = local("models/a")
model b = local("models/b")
model merged = slerp(a, b, t = {layers: 0.1, q_proj: [0, 1], mlp: 0.9, self_attn: 0.3, input_layernorm: 0.7, else: 0.5})
"""


def test_filters_stand_in_the_order_in_which_the_engine_takes_names(tmp_path: Path) -> None:
    root = project(tmp_path / "p")
    for seed, model in enumerate("ab"):
        place = folder(root / "models" / model, weights(seed, torch.float32))
        (place / "chat_template.jinja").write_text("one template")
    opened = recipe(root, "mixed", MIXED)
    out = exported(opened, "merged", "mergekit")
    rules = [(rule.get("filter", ""), rule["value"]) for rule in YAML(typ="safe").load(out)["parameters"]["t"]]
    setting = dict(opened.layout.graph.nodes[target(opened)].options)["t"]
    for tensor in weights(0, torch.float32):
        first = next(value for part, value in rules if part in tensor)
        theirs = over_depth(first, module_path(tensor)[1], LAYERS) if isinstance(first, list) else first
        assert value_at(setting, tensor, LAYERS) == theirs
    file = root / "again.yml"
    file.write_text(out)
    first_again = recipe(root, "again", imported(file, root=root).text)
    file.write_text(exported(first_again, "merged", "mergekit"))
    assert target(recipe(root, "third", imported(file, root=root).text)) == target(first_again)


TOKENIZERS = """edition 1
model a = hub("acme/a")
model b = hub("acme/b")
model joined = slerp(a, b, t = 0.5, tokenizer = union)
model first  = linear(a: 1, b: 1, tokenizer = first)
model second = lerp(a, b, t = 0.5, tokenizer = b)
model plain  = lerp(a, b, t = 0.5)
model within = lerp(a, plain, t = 0.5, tokenizer = plain)
"""


def test_whose_tokenizer_a_merge_has_is_said_to_mergekit(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    root = project(tmp_path / "p")
    opened = recipe(root, "whose", TOKENIZERS)
    said = {
        name: YAML(typ="safe").load(exported(opened, name, "mergekit")).get("tokenizer_source")
        for name in ("joined", "first", "second", "plain")
    }
    assert said == {"joined": "union", "first": "acme/a", "second": "acme/b", "plain": None}
    assert run(["export", str(root / "recipes" / "whose.recipe"), "within", "--to", "mergekit"]) == 1
    assert "not from a merge" in capsys.readouterr().err


@pytest.mark.parametrize("call", ["ties(a: 1, b: 1, base = base", "nuslerp(a: 1, b: 1, base = base", "karcher([a, b]"])
@pytest.mark.parametrize("word", ["union", "first", "b"])
def test_whose_tokenizer_is_no_parameter_of_a_method(call: str, word: str, tmp_path: Path) -> None:
    text = "".join(f'model {name} = hub("acme/{name}")\n' for name in ("a", "b", "base"))
    opened = recipe(project(tmp_path / "p"), "whose", f"{text}model merged = {call}, tokenizer = {word})\n")
    said = YAML(typ="safe").load(exported(opened, "merged", "mergekit"))
    assert said["tokenizer_source"] == {"union": "union", "first": "acme/a", "b": "acme/b"}[word]
    assert "tokenizer_source" not in said["parameters"]


ARITHMETIC = """edition 1
model a = hub("acme/a")
model b = hub("acme/b")
model base = hub("acme/base")
model vector  = a + {embed: 0, else: 0.5} * (b - base)
model between = lerp(a, b, t = {self_attn: [0, 1], else: 0.25})
model mean    = soup([a, b, between])
model round_norm = slerp(a, b, t = 0.5, norm = geometric)
model grafted = graft(a, base = base, share = 0.1)
"""


def test_arithmetic_and_interpolation_become_linear_merges(tmp_path: Path) -> None:
    opened = recipe(project(tmp_path / "p"), "sums", ARITHMETIC)
    [vector] = YAML(typ="safe").load_all(exported(opened, "vector", "mergekit"))
    found = {model["model"]: model["parameters"]["weight"] for model in vector["models"]}
    assert found["acme/a"] == 1
    assert found["acme/b"] == [{"filter": "embed_tokens", "value": 0}, {"value": 0.5}]
    assert found["acme/base"] == [{"filter": "embed_tokens", "value": 0}, {"value": -0.5}]
    inner, outer = YAML(typ="safe").load_all(exported(opened, "mean", "mergekit"))
    assert (inner["name"], inner["models"][0]["parameters"]["weight"][-1]) == ("between", {"value": 0.75})
    assert [model["model"] for model in outer["models"]] == ["acme/a", "acme/b", "between"]


def test_what_mergekit_cannot_say_is_refused_by_name(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    root = project(tmp_path / "p")
    recipe(root, "sums", ARITHMETIC)
    place = str(root / "recipes" / "sums.recipe")
    assert run(["export", place, "round_norm", "--to", "mergekit", "-o", str(root / "x.yml")]) == 1
    assert "error[E620]: `norm = geometric`" in capsys.readouterr().err
    assert run(["export", place, "grafted", "--to", "mergekit"]) == 1
    assert "error[E620]: mergekit has no `graft`" in capsys.readouterr().err
    assert run(["export", place, "a", "--to", "mergekit"]) == 1
    assert run(["export", place, "vector", "--to", "trl"]) == 1
    assert not (root / "x.yml").exists()


THROUGH = """edition 1
model a = hub("acme/a")
model b = hub("acme/b")
model inner = mergekit(lerp(a, b, t = 0.25))
model outer = mergekit(slerp(inner, b, t = 0.5))
model deep  = stack(a, b, layers = each(0..3, 2..5), scale = each(1, {o_proj: 0, else: 1}))
model mix   = moe(a, b, base = a, gate_mode = random)
"""


def test_what_is_handed_to_mergekit_is_exported_as_the_merge_within(tmp_path: Path) -> None:
    opened = recipe(project(tmp_path / "p"), "through", THROUGH)
    inner, outer = YAML(typ="safe").load_all(exported(opened, "outer", "mergekit"))
    assert (inner["merge_method"], outer["merge_method"]) == ("linear", "slerp")
    assert [model["model"] for model in outer["models"]] == [inner["name"], "acme/b"]


def test_slices_are_exported_with_their_last_layer_left_out(tmp_path: Path) -> None:
    opened = recipe(project(tmp_path / "p"), "through", THROUGH)
    [deep] = YAML(typ="safe").load_all(exported(opened, "deep", "mergekit"))
    first, second = (each["sources"][0] for each in deep["slices"])
    assert (first["model"], first["layer_range"], "parameters" in first) == ("acme/a", [0, 4], False)
    assert (second["model"], second["layer_range"]) == ("acme/b", [2, 6])
    assert second["parameters"]["scale"] == [{"filter": "o_proj", "value": 0}, {"value": 1}]


def test_a_mixture_is_exported_and_comes_back_as_the_same_node(tmp_path: Path) -> None:
    root = project(tmp_path / "p")
    prompts = 'positive_prompts = each(["a proof"], ["a poem", "a song"])'
    more = f"model told = round(moe(a, inner, base = a, experts_per_token = 1, {prompts}), bf16)\n"
    opened = recipe(root, "through", THROUGH + more)
    text = exported(opened, "mix", "mergekit")
    assert "`--random-seed 42` is the seed of its gates" in text
    [mix] = YAML(typ="safe").load_all(text)
    assert (mix["base_model"], mix["gate_mode"], mix["experts_per_token"]) == ("acme/a", "random", 2)
    assert [each["source_model"] for each in mix["experts"]] == ["acme/a", "acme/b"]
    (root / "mix.yml").write_text(text)
    again = recipe(root, "again", imported(root / "mix.yml", root=root).text)
    assert again.layout.graph.aliases["merged"] == opened.layout.graph.aliases["mix"]
    text = exported(opened, "told", "mergekit")
    [told] = YAML(typ="safe").load_all(text)
    assert (told["dtype"], told["experts"][1]["source_model"]) == ("bfloat16", "./artifacts/through/inner")
    assert told["experts"][1]["positive_prompts"] == ["a poem", "a song"]
    assert "artifacts/through/inner is made by `ladle run " in text


# --- trainers -------------------------------------------------------------------------------------------------------

STAGES = """edition 1
model start = hub("acme/start", revision = "v1", template = chatml)
corpus texts: text = jsonl("t.jsonl", columns = {text: "body"})
corpus chats: chat = jsonl("c.jsonl")
corpus pairs: preference = jsonl("p.jsonl")
stage cpt  { on = texts  steps = 100  lr = 2e-5  packing = isolated  precision = bf16 }
stage sft  { on = chats  epochs = 2  lr = 2e-5  schedule = constant  warmup = 7  overlong = truncate }
stage dpo  { on = pairs  lr = 5e-7  beta = 0.05  loss = ipo  overlong = truncate }
stage orpo { on = pairs  lr = 3e-6  beta = 0.2  seed = 7 }
stage odd: sft { on = chats  supervise = final  tokens = 1000 }
model read   = start | cpt
model taught = start | sft
model better = taught | dpo
model other  = start | orpo
model strange = start | odd
"""


def stages(path: Path) -> Opened:
    root = project(path / "p")
    (root / "t.jsonl").write_text('{"body": "x"}\n')
    (root / "c.jsonl").write_text('{"user": "a", "assistant": "b"}\n')
    (root / "p.jsonl").write_text('{"prompt": "a", "chosen": "b", "rejected": "c"}\n')
    return recipe(root, "stages", STAGES)


@pytest.mark.parametrize("tool", ["trl", "axolotl"])
@pytest.mark.parametrize(("name", "kind"), [("read", "cpt"), ("taught", "sft"), ("other", "orpo")])
def test_a_stage_comes_back_with_the_same_settings(tool: str, name: str, kind: str, tmp_path: Path) -> None:
    opened = stages(tmp_path)
    root = tmp_path / "p"
    (root / "orpo").mkdir()
    file = root / ("orpo" if kind == "orpo" else ".") / "out.yml"
    text = exported(opened, name, tool)
    file.write_text(text)
    again = recipe(root, "again", imported(file, root=root, tool=tool).text)
    nodes = again.layout.graph.nodes
    found = dict(nodes[target(again, "tuned")].options)
    wanted = dict(opened.layout.graph.nodes[target(opened, name)].options)
    if wanted["precision"] is None:
        found["precision"] = None
    assert found == wanted
    assert exported(opened, name, tool) == text


def test_trl_knows_every_key_that_is_written(tmp_path: Path) -> None:
    from trl import DPOConfig, ModelConfig, ScriptArguments, SFTConfig  # noqa: PLC0415 - seconds, for this test alone
    from trl.scripts.utils import DatasetMixtureConfig  # noqa: PLC0415

    opened = stages(tmp_path)
    shared = {
        each.name for kind in (ModelConfig, ScriptArguments, DatasetMixtureConfig) for each in dataclasses.fields(kind)
    }
    for name, config in (("read", SFTConfig), ("taught", SFTConfig), ("better", DPOConfig)):
        body = YAML(typ="safe").load(exported(opened, name, "trl"))
        assert set(body) <= shared | {each.name for each in dataclasses.fields(config)}


def test_numbers_are_numbers_for_readers_of_yaml_1_1(tmp_path: Path) -> None:
    import yaml  # noqa: PLC0415 - what the tools read with

    body = yaml.safe_load(exported(stages(tmp_path), "better", "trl"))
    assert (body["learning_rate"], body["beta"], body["loss_type"]) == (5e-7, 0.05, "ipo")


@pytest.mark.parametrize("tool", ["trl", "axolotl"])
def test_all_that_a_trainer_cannot_say_is_refused_at_once(tool: str, tmp_path: Path) -> None:
    with pytest.raises(RecipeError) as error:
        exported(stages(tmp_path), "strange", tool)
    told = " ".join(problem.message for problem in error.value.diagnostics)
    assert "`supervise = final`" in told
    assert "`tokens`" in told


HUB_ROWS = """edition 1
model start = hub("acme/a")
corpus talk: chat = hub("acme/talk", subset = "long", split = "train_sft", revision = "{commit}")
corpus some: chat = hub("acme/talk") | take(rows = 5)
stage sft {{ on = talk  context = 512  overlong = truncate }}
model tuned = start | sft
model cut = start | sft(on = some)
model more = tuned | sft(seed = 7)
"""


@pytest.mark.parametrize(("commit", "pinned"), [("main", False), ("a" * 40, True)])
def test_rows_of_the_hub_are_named_as_there(commit: str, pinned: bool, tmp_path: Path) -> None:
    opened = recipe(project(tmp_path / "p"), "rows", HUB_ROWS.format(commit=commit))
    [trl] = YAML(typ="safe").load(text := exported(opened, "tuned", "trl"))["datasets"]
    assert trl == {"path": "acme/talk", "name": "long", "split": "train_sft"}
    assert ("and TRL the newest" in text) == pinned
    [axolotl] = YAML(typ="safe").load(exported(opened, "tuned", "axolotl"))["datasets"]
    assert axolotl["path"] == "acme/talk"
    assert (axolotl["name"], axolotl["split"], axolotl.get("revision") == commit) == ("long", "train_sft", pinned)


def test_what_must_be_made_first_is_told_as_a_command(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    root = project(tmp_path / "p")
    (root / "recipes" / "rows.recipe").write_text(HUB_ROWS.format(commit="main"))
    monkeypatch.chdir(root)
    opened = open_recipe(Path("recipes/rows.recipe"))
    assert "is made by `ladle run recipes/rows.recipe some`: run that first" in exported(opened, "cut", "trl")
    assert "is made by `ladle run recipes/rows.recipe tuned`: run that first" in exported(opened, "more", "axolotl")


def test_a_stage_is_no_model_that_is_written(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    root = project(tmp_path / "p")
    place = root / "recipes" / "rows.recipe"
    place.write_text(HUB_ROWS.format(commit="main"))
    assert run(["export", str(place), "sft", "--to", "trl"]) == 1
    shown = capsys.readouterr().err
    assert "`sft` is a stage" in shown
    assert "name a model that it makes: `tuned`, `cut`, `more`" in shown
    assert run(["export", str(place), "tund", "--to", "trl"]) == 1
    assert "did you mean `tuned`?" in capsys.readouterr().err
