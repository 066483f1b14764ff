"""mergekit itself: as an engine for merges, and its tools; each in a process of its own, on tiny models."""

from __future__ import annotations

import importlib
import json
import os
import select
import subprocess
import sys
import warnings
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
import torch
from ladle.dsl.graph import Json
from ladle.executor.catalog import vocabulary
from ladle.executor.mergekit import result, tool
from ladle.executor.models import bpe, init
from ladle.executor.models.weights import load_model, load_tokenizer
from ladle.executor.task import Given, Interrupted, Machine, Progress, StepError, Task
from ladle.executor.weights import merge
from ladle.executor.weights.parents import parent
from safetensors.torch import load_file, save_file
from test_merge import folder, given, weights
from test_models import SIZES

WORDS = ["silk", "bone", "nacre", "chitin", "keratin", "collagen", "mineral", "fibre", "spider", "web"]


def task(place: Path, operator: str, options: Mapping[str, Json], *inputs: Given, report: Any = None) -> Task:
    for name in ("work", "output"):
        (place / name).mkdir(parents=True)
    seen: list[Progress] = []
    heard = report or seen.append
    return Task(operator, place.name, options, inputs, "0" * 64, place / "work", place / "output", Machine(), heard)


def made(place: Path, operator: str, options: Mapping[str, Json], *inputs: Given) -> Path:
    """Run the program of an operator, with the defaults of what `options` leaves out."""
    known = vocabulary()[operator]
    usual = {each.name: each.default for each in known.options if not hasattr(each.type, "sort")}
    importlib.import_module(known.program).run(task(place, operator, {**usual, **options}, *inputs))
    return place / "output"


def tensors(place: Path) -> dict[str, torch.Tensor]:
    found: dict[str, torch.Tensor] = load_file(place / "model.safetensors")
    return found


# --- the engine -----------------------------------------------------------------------------------------------------


def nested(tmp_path: Path, dtype: torch.dtype) -> Given:
    """Return `slerp(linear(a: 0.6, b: 0.4), c)` as a step is given it."""
    places = {name: folder(tmp_path / name, weights(seed, dtype)) for seed, name in enumerate("abc")}
    inner = (given("0", places["a"]), given("1", places["b"]))
    linear = Given("0", "linear", "1" * 64, options={"weights": [0.6, 0.4], "normalize": True}, inputs=inner)
    schedule: Json = {"schedule": {"self_attn": [0, 1]}, "else": 0.3}
    options: dict[str, Json] = {"t": schedule, "norm": "linear"}
    return Given("0", "slerp", "2" * 64, options=options, inputs=(linear, given("1", places["c"])))


def test_an_expression_through_mergekit_is_what_the_native_engine_makes(tmp_path: Path) -> None:
    expression = nested(tmp_path, torch.bfloat16)
    theirs = made(tmp_path / "theirs", "mergekit", {}, expression)
    ours = task(tmp_path / "ours", "slerp", expression.options, *expression.inputs)
    merge.run(ours)
    a, b = tensors(ours.output), tensors(theirs)
    assert a.keys() == b.keys()
    assert {each.dtype for each in b.values()} == {torch.bfloat16}
    different = sum(int((a[name] != b[name]).sum()) for name in a)
    assert different <= sum(each.numel() for each in a.values()) // 100
    for name in a:
        torch.testing.assert_close(a[name], b[name], rtol=1 / 64, atol=1e-3)
    # Configuration, template and what ends a text are those of the first operand, not of mergekit's base.
    assert sorted(path.name for path in theirs.iterdir()) == sorted(path.name for path in ours.output.iterdir())
    for name in ("config.json", "chat_template.jinja", "generation_config.json"):
        assert (theirs / name).read_bytes() == (ours.output / name).read_bytes()


def test_what_mergekit_says_when_it_fails_is_told_without_escapes(tmp_path: Path) -> None:
    made = task(tmp_path / "t", "slerp", {})
    broken = made.work / "broken.yaml"
    broken.write_text('merge_method: "\\e[31mno such method"\nmodels: [{model: ./nowhere}]\nbase_model: ./nowhere\n')
    with pytest.raises(StepError) as error:
        tool.run(tool.Call(tool.YAML, (str(broken), str(made.output)), made.output), made, 1)
    assert "`run_yaml` ended with status 1: " in error.value.message
    assert "\x1b" not in error.value.message
    assert "\n" not in error.value.message
    log = made.work / "mergekit.log"
    assert str(log) in error.value.help
    assert "nowhere" in log.read_text()
    assert not list(made.output.iterdir())


def test_a_step_that_is_asked_to_end_leaves_no_process(tmp_path: Path) -> None:
    def stop(progress: Progress) -> None:
        raise Interrupted("stopped")

    stopped = task(tmp_path / "t", "mergekit", {}, nested(tmp_path, torch.float32), report=stop)
    with pytest.raises(Interrupted):
        importlib.import_module("ladle.executor.mergekit.merge").run(stopped)
    assert not [path for path in Path("/proc").glob("[0-9]*/cwd") if _leads(path, stopped.work)]


def _leads(path: Path, folder: Path) -> bool:
    try:
        return path.readlink() == folder
    except OSError:
        return False


KILLED = """
import os, sys
from pathlib import Path
from ladle.executor.mergekit import tool
from ladle.executor.task import Machine, Task

def report(progress):
    print(Path(f"/proc/self/task/{os.getpid()}/children").read_text(), flush=True)

place = Path(sys.argv[1])
task = Task("slerp", "killed", {}, (), "0" * 64, place, place / "output", Machine(), report)
tool.run(tool.Call(tool.YAML, (str(place / "none.yaml"), str(place / "output")), place / "output"), task, 1)
"""


@pytest.mark.slow
def test_mergekit_dies_with_the_process_that_called_it(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "none.yaml")  # mergekit waits for its configuration
    command = [sys.executable, "-c", KILLED, str(tmp_path)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as caller:
        assert caller.stdout is not None
        child = os.pidfd_open(int(caller.stdout.readline()))
        caller.kill()
        assert select.select([child], [], [], 60)[0], "mergekit outlived its caller"
        os.close(child)


def test_a_folder_with_files_is_never_merged_into(tmp_path: Path) -> None:
    made = task(tmp_path / "t", "slerp", {})
    (made.output / "model.safetensors.index.json").write_text("{}")
    with pytest.raises(RuntimeError, match="not empty"):
        tool.run(tool.Call(tool.YAML, (), made.output), made, 1)


@pytest.mark.slow
def test_a_recipe_runs_under_mergekit_and_is_found_made(tmp_path: Path) -> None:
    (tmp_path / ".git").mkdir()
    (tmp_path / "recipes").mkdir()
    for seed, name in enumerate("ab"):
        (folder(tmp_path / "models" / name, weights(seed)) / "chat_template.jinja").write_text("one template")
    recipe = tmp_path / "recipes" / "r.recipe"
    recipe.write_text(
        'edition 1\nmodel a = local("models/a")\nmodel b = local("models/b")\nmodel m = slerp(a, b, t = 0.3)\n'
        "model k = karcher([a, b])\nmodel s = sce([a], base = b, select_topk = 0.5)\n"
    )

    def ladle(*words: str) -> str:
        command = [str(Path(sys.executable).parent / "ladle"), *words]
        done = subprocess.run(command, capture_output=True, text=True, check=False, cwd=tmp_path)
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    ladle("run", "recipes/r.recipe")
    assert "r-mergekit: 3 made" in ladle("run", "recipes/r.recipe", "--engine", "mergekit")
    assert "nothing to do" in ladle("plan", "recipes/r.recipe", "--engine", "mergekit")
    assert "nothing to do" in ladle("plan", "recipes/r.recipe")
    for model in "mks":
        ours, theirs = tensors(tmp_path / "artifacts/r" / model), tensors(tmp_path / "artifacts/r-mergekit" / model)
        for name in ours:
            torch.testing.assert_close(ours[name], theirs[name], rtol=1e-5, atol=1e-6)
    node = tmp_path / "pipelines/r-mergekit/nodes/m.json"
    assert "kept" in ladle("step", str(node))


def test_what_does_not_fit_is_refused_before_mergekit_is_called(tmp_path: Path) -> None:
    a, b = (folder(tmp_path / name, weights(seed)) for seed, name in enumerate("ab"))
    shifted = {name: each for name, each in weights(3).items() if "layers.2" not in name}
    c = folder(tmp_path / "c", shifted, num_hidden_layers=2)
    inner = Given("0", "lerp", "1" * 64, options={"t": 0.5}, inputs=(given("0", a), given("1", b)))
    outer = Given("0", "lerp", "2" * 64, options={"t": 0.5}, inputs=(inner, given("1", c)))
    with pytest.raises(StepError, match="num_hidden_layers"):
        made(tmp_path / "m", "mergekit", {}, outer)
    assert not list((tmp_path / "m" / "work").glob("*.log"))


def test_a_schedule_that_matches_nothing_is_refused(tmp_path: Path) -> None:
    a, b = (folder(tmp_path / name, weights(seed)) for seed, name in enumerate("ab"))
    schedule: Json = {"schedule": {"q_norm": 0.9}, "else": 0.5}
    merge = Given("0", "lerp", "1" * 64, options={"t": schedule}, inputs=(given("0", a), given("1", b)))
    with pytest.raises(StepError, match="`q_norm` in `t` matches no tensor"):
        made(tmp_path / "m", "mergekit", {}, merge)


@pytest.mark.slow
def test_a_merge_that_stands_twice_is_computed_once(tmp_path: Path) -> None:
    a, b = (folder(tmp_path / name, weights(seed)) for seed, name in enumerate("ab"))
    inner = [
        Given(role, "lerp", "1" * 64, options={"t": 0.25}, inputs=(given("0", a), given("1", b))) for role in ("0", "1")
    ]
    rounded = Given("0", "round", "3" * 64, options={"precision": "bf16"}, inputs=(inner[0],))
    outer = Given("0", "slerp", "2" * 64, options={"t": 0.5, "norm": "linear"}, inputs=(rounded, inner[1]))
    twice = Given("0", "linear", "4" * 64, options={"weights": [1, 1], "normalize": True}, inputs=(outer, inner[1]))
    out = made(tmp_path / "m", "mergekit", {}, twice)
    found = tensors(out)
    for name, x in weights(0).items():
        y = weights(1)[name]
        lerp = 0.75 * x + 0.25 * y
        torch.testing.assert_close(found[name].float(), lerp, rtol=1e-2, atol=1e-2)
    assert {each.dtype for each in found.values()} == {torch.bfloat16}
    assert json.loads((out / "config.json").read_text())["dtype"] == "bfloat16"
    assert len(list((tmp_path / "m" / "work" / "mergekit").glob("*.yaml"))) == 4


# --- the result -----------------------------------------------------------------------------------------------------


def judge(tmp_path: Path, change: Mapping[str, torch.Tensor | None]) -> str:
    """Return what is said of a result that is its parent with some tensors changed, or left out."""
    first = parent(given("0", folder(tmp_path / "a", weights(1))), tmp_path)
    found = {name: tensor for name, tensor in {**weights(1), **change}.items() if tensor is not None}
    (tmp_path / "out").mkdir()
    save_file(found, tmp_path / "out" / "model.safetensors")
    with pytest.raises(StepError) as error:
        result.prove(tmp_path / "out", {name: each.shape for name, each in first.headers.items()}, [first])
    return error.value.message


def test_a_tensor_that_mergekit_dropped_is_named(tmp_path: Path) -> None:
    names = [name for name in weights(1) if "down_proj" in name]
    assert f"dropped `{min(names)}`" in judge(tmp_path, dict.fromkeys(names))


def test_a_tensor_that_no_parent_has_is_named(tmp_path: Path) -> None:
    assert "added `extra.weight`" in judge(tmp_path, {"extra.weight": torch.ones(2)})


def test_a_tensor_of_another_shape_is_named(tmp_path: Path) -> None:
    assert "`model.norm.weight` as (3,)" in judge(tmp_path, {"model.norm.weight": torch.ones(3)})


def test_what_is_no_number_is_named_by_its_tensor(tmp_path: Path) -> None:
    bad = torch.full((8,), float("nan"))
    assert "values in `model.norm.weight` that are not finite" in judge(tmp_path, {"model.norm.weight": bad})


def test_what_is_no_number_in_a_parent_is_named_by_the_parent(tmp_path: Path) -> None:
    damaged = weights(1) | {"model.norm.weight": torch.full((8,), float("inf"))}
    first = parent(given("0", folder(tmp_path / "a", damaged)), tmp_path)
    with pytest.raises(StepError, match=r"`model\.norm\.weight` of `a` holds values that are not finite"):
        result.prove(first.folder, {name: each.shape for name, each in first.headers.items()}, [first])


# --- the tools ------------------------------------------------------------------------------------------------------


def test_slices_are_copied_as_they_are(tmp_path: Path) -> None:
    a, b = (folder(tmp_path / name, weights(seed, torch.bfloat16)) for seed, name in enumerate("ab"))
    options: dict[str, Json] = {
        "layers": [[0, 1, 2], [1, 1]],
        "scale": [1.0, {"schedule": {"o_proj": 0.0, "down_proj": 0.0}, "else": 1.0}],
    }
    out = made(tmp_path / "deep", "stack", options, given("0", a), given("1", b))
    found, first, second = tensors(out), tensors(a), tensors(b)
    assert json.loads((out / "config.json").read_text())["num_hidden_layers"] == 5
    assert torch.equal(found["model.embed_tokens.weight"], first["model.embed_tokens.weight"])
    assert torch.equal(found["model.norm.weight"], second["model.norm.weight"])
    origins = [(first, 0), (first, 1), (first, 2), (second, 1), (second, 1)]
    for place, (origin, layer) in enumerate(origins):
        for name in (name for name in origin if f"layers.{layer}." in name):
            factor = 0 if place > 2 and ("o_proj" in name or "down_proj" in name) else 1
            got = found[name.replace(f"layers.{layer}.", f"layers.{place}.")]
            assert torch.equal(got, origin[name] * factor)
    assert len(found) == len(first) + 2 * (len(first) - 2) // 3


def test_slices_of_models_of_other_depths(tmp_path: Path) -> None:
    few = {name: each for name, each in weights(1, torch.bfloat16).items() if "layers.2." not in name}
    a = folder(tmp_path / "a", few, num_hidden_layers=2)
    b = folder(tmp_path / "b", weights(2, torch.bfloat16))
    for number, (first, second, slices) in enumerate([(a, b, [[0, 1], [1, 2]]), (b, a, [[0, 2], [1]])]):
        out = made(tmp_path / f"deep{number}", "stack", {"layers": slices}, given("0", first), given("1", second))
        found, sources = tensors(out), [tensors(first), tensors(second)]
        origins = [(tensors, layer) for tensors, layers in zip(sources, slices, strict=True) for layer in layers]
        assert json.loads((out / "config.json").read_text())["num_hidden_layers"] == len(origins)
        for place, (origin, layer) in enumerate(origins):
            for name in (name for name in origin if f"layers.{layer}." in name):
                assert torch.equal(found[name.replace(f"layers.{layer}.", f"layers.{place}.")], origin[name])
        assert torch.equal(found["model.norm.weight"], sources[1]["model.norm.weight"])


@pytest.fixture(scope="module")
def models(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Given]:
    """Three models of one tokenizer, and one of another size and tokenizer."""
    place = tmp_path_factory.mktemp("models")
    found: dict[str, Given] = {}
    for seed, (name, words, more) in enumerate(
        (
            ("base", WORDS, {}),
            ("a", WORDS, {}),
            ("b", WORDS, {}),
            ("other", WORDS[::-1][:6], {"hidden": 24, "layers": 1, "tied": False}),
        )
    ):
        rows = [{"text": " ".join(words[(k + j * j) % len(words)] + str(k % 7) for j in range(9))} for k in range(60)]
        file = place / f"{name}.jsonl"
        file.write_text("".join(json.dumps(row) + "\n" for row in rows))
        corpus = Given("corpora", "jsonl", "c", None, (file,), {"path": file.name, "columns": None})
        bpe.run(task(place / f"{name}-words", "bpe", {"vocab": 280, "template": "chatml"}, corpus))
        tokenizer = Given("tokenizer", "bpe", "t", place / f"{name}-words" / "output")
        init.run(task(place / name, "init", {**SIZES, "heads": 2, **more, "seed": seed}, tokenizer))
        found[name] = Given(name, "init", str(seed) * 64, place / name / "output")
    return found


def role(model: Given, role: str) -> Given:
    return Given(role, model.operator, model.fingerprint, model.path)


PROMPTS: dict[str, Json] = {"positive_prompts": [["silk"], ["bone", "nacre"]], "negative_prompts": None}
NO_PROMPTS: dict[str, Json] = {"positive_prompts": None, "negative_prompts": None}


@pytest.mark.parametrize(
    ("mode", "more"),
    [
        ("cheap_embed", PROMPTS),
        pytest.param("hidden", PROMPTS, marks=pytest.mark.slow),
        pytest.param("random", NO_PROMPTS, marks=pytest.mark.slow),
    ],
)
def test_a_mixture_has_the_experts_layers_and_the_bases_rest(
    mode: str, more: dict[str, Json], models: dict[str, Given], tmp_path: Path
) -> None:
    options = {"gate_mode": mode, "experts_per_token": 1, "seed": 7, **more}
    inputs = (role(models["a"], "0"), role(models["b"], "1"), role(models["base"], "base"))
    out = made(tmp_path / mode, "moe", options, *inputs)
    model = load_model(out, torch.float32, "sdpa")
    assert type(model).__name__ == "MixtralForCausalLM"
    assert model(torch.tensor([[5, 6, 7]])).logits.isfinite().all()
    found = model.state_dict()
    a, b, base = (tensors(models[name].path or tmp_path) for name in ("a", "b", "base"))
    attention = "model.layers.1.self_attn.q_proj.weight"
    assert torch.equal(found[attention], base[attention])
    for place, expert in enumerate((a, b)):
        layer = "model.layers.1.mlp."
        assert torch.equal(found[f"{layer}experts.down_proj"][place], expert[f"{layer}down_proj.weight"])
        gate_up = torch.cat([expert[f"{layer}gate_proj.weight"], expert[f"{layer}up_proj.weight"]])
        assert torch.equal(found[f"{layer}experts.gate_up_proj"][place], gate_up)
    gates = found["model.layers.0.mlp.gate.weight"]
    assert gates.shape == (2, 16)
    assert not torch.equal(gates[0], gates[1])
    for name in ("tokenizer_config.json", "generation_config.json", "chat_template.jinja"):
        assert (out / name).read_bytes() == ((models["base"].path or tmp_path) / name).read_bytes()


def test_experts_that_are_one_model_are_refused(models: dict[str, Given], tmp_path: Path) -> None:
    inputs = (role(models["a"], "0"), role(models["a"], "1"), role(models["base"], "base"))
    with pytest.raises(StepError, match="all experts are one model"):
        made(tmp_path / "m", "moe", {"gate_mode": "cheap_embed", "seed": 7, **PROMPTS}, *inputs)


def adapted(base: Given, adapter: Path) -> Any:
    peft = importlib.import_module("peft")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of peft's own use of transformers
        model = load_model(base.path or adapter, torch.float32, "sdpa")
        return peft.PeftModel.from_pretrained(model, adapter).merge_and_unload().state_dict()


def test_an_adapter_of_full_rank_gives_the_model_back(models: dict[str, Given], tmp_path: Path) -> None:
    options: dict[str, Json] = {"rank": 64, "sv_epsilon": 0.0, "embeddings": "full", "norms": "full"}
    out = made(tmp_path / "full", "extract_lora", options, role(models["a"], "0"), role(models["base"], "base"))
    assert sorted(path.name for path in out.iterdir()) == ["adapter_config.json", "adapter_model.safetensors"]
    assert str(tmp_path) not in (out / "adapter_config.json").read_text()
    found, wanted = adapted(models["base"], out), tensors(models["a"].path or tmp_path)
    for name in wanted:
        torch.testing.assert_close(found[name], wanted[name], rtol=1e-4, atol=1e-6)


@pytest.mark.slow
def test_an_adapter_of_low_rank_is_the_best_of_its_rank(models: dict[str, Given], tmp_path: Path) -> None:
    options: dict[str, Json] = {"rank": 4, "sv_epsilon": 0.0, "embeddings": "none", "norms": "none"}
    out = made(tmp_path / "low", "extract_lora", options, role(models["a"], "0"), role(models["base"], "base"))
    assert json.loads((out / "adapter_config.json").read_text())["modules_to_save"] == []
    found, model, base = (
        adapted(models["base"], out),
        tensors(models["a"].path or tmp_path),
        tensors(models["base"].path or tmp_path),
    )
    assert torch.equal(found["model.embed_tokens.weight"], base["model.embed_tokens.weight"])
    for name in (name for name in base if "proj" in name):
        left = torch.linalg.svdvals((model[name] - base[name]).double())[4:].norm()
        torch.testing.assert_close((model[name] - found[name]).double().norm(), left, rtol=1e-3, atol=1e-6)


@pytest.mark.slow
def test_embeddings_of_low_rank_are_a_part_of_the_adapter(models: dict[str, Given], tmp_path: Path) -> None:
    options: dict[str, Json] = {"rank": 2, "sv_epsilon": 1e-3, "embeddings": "lora", "norms": "none"}
    out = made(tmp_path / "low", "extract_lora", options, role(models["a"], "0"), role(models["base"], "base"))
    names = load_file(out / "adapter_model.safetensors")
    assert "base_model.model.model.embed_tokens.lora_embedding_A" in names


@pytest.mark.parametrize("method", ["omp", *(pytest.param(name, marks=pytest.mark.slow) for name in ("mean", "randn"))])
def test_a_model_gets_the_tokenizer_of_another(method: str, models: dict[str, Given], tmp_path: Path) -> None:
    options: dict[str, Json] = {"method": method, "k": 8, "prefix_match": False, "byte_match": False, "seed": 1}
    out = made(tmp_path / method, "tokensurgeon", options, role(models["a"], "0"), role(models["other"], "donor"))
    model, tokenizer = load_model(out, torch.float32, "sdpa"), load_tokenizer(out)
    before, words = load_tokenizer(models["a"].path or tmp_path), tensors(models["a"].path or tmp_path)
    embeddings, had = model.get_input_embeddings().weight, words["model.embed_tokens.weight"]
    assert len(tokenizer) == embeddings.shape[0] == model.config.vocab_size
    shared = sorted(tokenizer.get_vocab().keys() & before.get_vocab().keys())
    assert len(shared) > 200
    for token in shared:
        assert torch.equal(embeddings[tokenizer.get_vocab()[token]], had[before.get_vocab()[token]])
    rest = [name for name in words if "embed_tokens" not in name]
    assert all(torch.equal(model.state_dict()[name], words[name]) for name in rest)
    donor = models["other"].path or tmp_path
    assert (out / "tokenizer.json").read_bytes() == (donor / "tokenizer.json").read_bytes()


def test_a_tokenizer_that_asks_for_code_is_refused(models: dict[str, Given], tmp_path: Path) -> None:
    donor = tmp_path / "donor"
    donor.mkdir()
    for path in (models["other"].path or tmp_path).iterdir():
        (donor / path.name).write_bytes(path.read_bytes())
    said = json.loads((donor / "tokenizer_config.json").read_text()) | {"auto_map": {"AutoTokenizer": "evil.py"}}
    (donor / "tokenizer_config.json").write_text(json.dumps(said))
    options: dict[str, Json] = {"method": "omp", "k": 8, "prefix_match": False, "byte_match": False, "seed": 1}
    with pytest.raises(StepError, match="auto_map"):
        made(tmp_path / "t", "tokensurgeon", options, role(models["a"], "0"), given("donor", donor))
