"""The merge engine: against float64, against mergekit's own runner, and what it refuses."""

from __future__ import annotations

import hashlib
import importlib
import json
import math
import warnings
from pathlib import Path

import pytest
import torch
from ladle.dsl.graph import Json
from ladle.executor.task import Given, Machine, Progress, StepError, Task
from ladle.executor.templates import BUILT_IN
from ladle.executor.weights import merge
from safetensors.torch import load_file, save_file

with warnings.catch_warnings():
    warnings.simplefilter("ignore", DeprecationWarning)  # mergekit's unpickler names numpy.core
    reference = importlib.import_module("mergekit.merge")

HIDDEN, LAYERS, VOCAB, INNER = 8, 3, 12, 16


def shapes() -> dict[str, tuple[int, ...]]:
    found: dict[str, tuple[int, ...]] = {"model.embed_tokens.weight": (VOCAB, HIDDEN), "model.norm.weight": (HIDDEN,)}
    for i in range(LAYERS):
        at = f"model.layers.{i}."
        for name in ("q_proj", "k_proj", "v_proj", "o_proj"):
            found[f"{at}self_attn.{name}.weight"] = (HIDDEN, HIDDEN)
        for name, shape in (
            ("gate_proj", (INNER, HIDDEN)),
            ("up_proj", (INNER, HIDDEN)),
            ("down_proj", (HIDDEN, INNER)),
        ):
            found[f"{at}mlp.{name}.weight"] = shape
        for name in ("input_layernorm", "post_attention_layernorm"):
            found[f"{at}{name}.weight"] = (HIDDEN,)
    return found


def weights(seed: int, dtype: torch.dtype = torch.float32) -> dict[str, torch.Tensor]:
    generator = torch.Generator().manual_seed(seed)
    return {name: torch.randn(shape, generator=generator).to(dtype) for name, shape in shapes().items()}


def folder(path: Path, tensors: dict[str, torch.Tensor], **changes: Json) -> Path:
    path.mkdir(parents=True, exist_ok=True)
    config: dict[str, Json] = {
        "architectures": ["LlamaForCausalLM"],
        "model_type": "llama",
        "hidden_size": HIDDEN,
        "num_hidden_layers": LAYERS,
        "num_attention_heads": 2,
        "intermediate_size": INNER,
        "vocab_size": VOCAB,
        "tie_word_embeddings": True,
    }
    (path / "config.json").write_text(json.dumps(config | changes))
    (path / "generation_config.json").write_text('{"eos_token_id": 3}')
    (path / "chat_template.jinja").write_text(f"template of {path.name}")
    save_file(tensors, path / "model.safetensors", metadata={"format": "pt"})
    return path


def given(role: str, path: Path) -> Given:
    return Given(role, "local", "f" * 64, path=path)


def task(path: Path, operator: str, options: dict[str, Json], inputs: tuple[Given, ...]) -> Task:
    (path / "output").mkdir(parents=True)
    (path / "work").mkdir()
    seen: list[Progress] = []
    return Task(operator, "merged", options, inputs, "0" * 64, path / "work", path / "output", Machine(), seen.append)


def merged(path: Path, operator: str, options: dict[str, Json], *inputs: Given) -> dict[str, torch.Tensor]:
    made = task(path, operator, options, inputs)
    merge.run(made)
    found: dict[str, torch.Tensor] = load_file(made.output / "model.safetensors")
    return found


def pair(tmp_path: Path, dtype: torch.dtype = torch.float32) -> tuple[Given, Given]:
    a = folder(tmp_path / "a", weights(1, dtype))
    b = folder(tmp_path / "b", weights(2, dtype))
    return given("0", a), given("1", b)


def slerp64(a: torch.Tensor, b: torch.Tensor, t: float) -> torch.Tensor:
    x, y = a.double(), b.double()
    angle = torch.acos((x / x.norm() * (y / y.norm())).sum())
    return (torch.sin((1 - t) * angle) * x + torch.sin(t * angle) * y) / torch.sin(angle)


# --- values, against float64 ----------------------------------------------------------------------------------------


def test_slerp_in_float64(tmp_path: Path) -> None:
    result = merged(tmp_path / "m", "slerp", {"t": 0.3, "norm": "linear"}, *pair(tmp_path))
    a, b = weights(1), weights(2)
    for name in shapes():
        torch.testing.assert_close(result[name].double(), slerp64(a[name], b[name], 0.3), rtol=2e-5, atol=2e-6)


@pytest.mark.parametrize(("norm", "t", "seed"), [("linear", 0, 1), ("linear", 1, 2), ("geometric", 0, 1)])
def test_slerp_at_its_ends_is_an_operand_bit_for_bit(tmp_path: Path, norm: str, t: int, seed: int) -> None:
    result = merged(tmp_path / "m", "slerp", {"t": t, "norm": norm}, *pair(tmp_path))
    expected = weights(seed)
    assert all(torch.equal(result[name], expected[name]) for name in expected)


def test_geometric_slerp_interpolates_directions_and_norms_apart(tmp_path: Path) -> None:
    result = merged(tmp_path / "m", "slerp", {"t": 0.25, "norm": "geometric"}, *pair(tmp_path))
    for name, a, b in ((n, weights(1)[n].double(), weights(2)[n].double()) for n in shapes()):
        expected = slerp64(a / a.norm(), b / b.norm(), 0.25) * a.norm() ** 0.75 * b.norm() ** 0.25
        torch.testing.assert_close(result[name].double(), expected, rtol=2e-5, atol=2e-6)


def test_schedule_takes_the_longest_module_path_and_interpolates_over_depth(tmp_path: Path) -> None:
    t: Json = {"schedule": {"layers": 0.1, "self_attn": [0, 1], "q_proj": [1, 0, 0, 0.5], "embed": 0.9}, "else": 0.4}
    result = merged(tmp_path / "m", "lerp", {"t": t}, *pair(tmp_path))
    a, b = weights(1), weights(2)
    # Three layers stand at depths 0, 1/2 and 1; four values at 0, 1/3, 2/3 and 1, so the middle layer has (0 + 0) / 2.
    q, attention = (1, 0.0, 0.5), (0, 0.5, 1)
    for name in shapes():
        layer = int(name.split(".")[2]) if ".layers." in name else -1
        if layer < 0:
            expected = 0.9 if "embed" in name else 0.4
        elif "q_proj" in name:
            expected = q[layer]
        else:
            expected = attention[layer] if "self_attn" in name else 0.1
        wanted = (1 - expected) * a[name].double() + expected * b[name].double()
        torch.testing.assert_close(result[name].double(), wanted, rtol=1e-6, atol=1e-6)


def test_affine_sums_products_of_numbers_and_schedules(tmp_path: Path) -> None:
    c = given("2", folder(tmp_path / "c", weights(3)))
    delta: Json = {"schedule": {"embed": 0}, "else": 1}
    coefficients: Json = [[[1, None]], [[0.8, delta]], [[-0.8, delta]]]
    result = merged(tmp_path / "m", "affine", {"coefficients": coefficients}, *pair(tmp_path), c)
    for name in shapes():
        scale = 0.0 if "embed" in name else 0.8
        wanted = weights(1)[name].double() + scale * (weights(2)[name].double() - weights(3)[name].double())
        torch.testing.assert_close(result[name].double(), wanted, rtol=1e-5, atol=2e-6)


def test_soup_is_the_mean_and_linear_normalises(tmp_path: Path) -> None:
    a, b = pair(tmp_path)
    soup = merged(tmp_path / "soup", "soup", {}, a, b)
    linear = merged(tmp_path / "linear", "linear", {"weights": [3, 3], "normalize": True}, a, b)
    for name in shapes():
        wanted = (weights(1)[name].double() + weights(2)[name].double()) / 2
        torch.testing.assert_close(soup[name].double(), wanted, rtol=1e-6, atol=1e-6)
        torch.testing.assert_close(linear[name].double(), wanted, rtol=1e-6, atol=1e-6)


def test_task_arithmetic_adds_weighted_differences(tmp_path: Path) -> None:
    base = given("base", folder(tmp_path / "base", weights(9)))
    options: dict[str, Json] = {"weights": [0.5, -0.25], "normalize": False, "lambda": 2.0}
    result = merged(tmp_path / "m", "task_arithmetic", options, *pair(tmp_path), base)
    for name in shapes():
        z, a, b = (weights(seed)[name].double() for seed in (9, 1, 2))
        torch.testing.assert_close(
            result[name].double(), z + 2 * (0.5 * (a - z) - 0.25 * (b - z)), rtol=1e-5, atol=2e-6
        )


def test_nested_merge_is_rounded_once(tmp_path: Path) -> None:
    a, b = pair(tmp_path, torch.bfloat16)
    c = given("1", folder(tmp_path / "c", weights(3, torch.bfloat16)))
    inner = Given("0", "lerp", "e" * 64, options={"t": 0.3}, inputs=(a, b))
    result = merged(tmp_path / "m", "lerp", {"t": 0.6}, inner, c)
    once = twice = 0
    for name in shapes():
        x, y, z = (weights(seed, torch.bfloat16)[name].double() for seed in (1, 2, 3))
        exact = 0.7 * x + 0.3 * y
        once += int((result[name] != (0.4 * exact + 0.6 * z).bfloat16()).sum())
        twice += int((result[name] != (0.4 * exact.bfloat16().double() + 0.6 * z).bfloat16()).sum())
    assert result["model.norm.weight"].dtype == torch.bfloat16
    assert once * 20 < twice


# --- the same as mergekit's own runner ------------------------------------------------------------------------------


def by_mergekit(tmp_path: Path, method: str, parameters: Json, weights: list[Json], base: Path, *others: Path) -> Path:
    reference.LoaderCache.loaders.clear()
    models = [
        {"model": {"model": {"path": str(path)}}, "parameters": {"weight": weight}}
        for path, weight in zip(others, weights, strict=True)
    ]
    configuration = reference.MergeConfiguration.model_validate(
        {
            "merge_method": method,
            "base_model": {"model": {"path": str(base)}},
            "models": models,
            "parameters": parameters,
            "dtype": "float32",
        }
    )
    out = tmp_path / f"mergekit-{method}"
    reference.run_merge(
        configuration, str(out), reference.MergeOptions(quiet=True, write_model_card=False, copy_tokenizer=False)
    )
    reference.LoaderCache.loaders.clear()
    return out


def test_slerp_with_the_papers_schedule_is_mergekits(tmp_path: Path) -> None:
    a, b = pair(tmp_path)
    lists: dict[str, Json] = {"self_attn": [0, 0.5, 0.3, 0.7, 1], "mlp": [1, 0.5, 0.7, 0.3, 0]}
    ours = merged(tmp_path / "m", "slerp", {"t": {"schedule": lists, "else": 0.5}, "norm": "linear"}, a, b)
    filters: Json = [*({"filter": name, "value": value} for name, value in lists.items()), {"value": 0.5}]
    assert a.path is not None
    assert b.path is not None
    theirs = load_file(
        by_mergekit(tmp_path, "slerp", {"t": filters}, [1, 1], a.path, a.path, b.path) / "model.safetensors"
    )
    assert ours.keys() == theirs.keys()
    for name in theirs:
        torch.testing.assert_close(ours[name], theirs[name], rtol=1e-6, atol=3e-7)


def test_lerp_is_mergekits_normalised_linear(tmp_path: Path) -> None:
    a, b = pair(tmp_path)
    ours = merged(tmp_path / "m", "lerp", {"t": 0.3}, a, b)
    assert a.path is not None
    assert b.path is not None
    out = by_mergekit(tmp_path, "linear", {"normalize": True}, [0.7, 0.3], a.path, a.path, b.path)
    theirs = load_file(out / "model.safetensors")
    for name in theirs:
        torch.testing.assert_close(ours[name], theirs[name], rtol=3e-7, atol=1e-7)


def test_ties_is_mergekits(tmp_path: Path) -> None:
    a, b = pair(tmp_path)
    base = given("base", folder(tmp_path / "base", weights(9)))
    options: dict[str, Json] = {
        "weights": [0.6, None],
        "density": 0.4,
        "normalize": True,
        "rescale": False,
        "lambda": 1.5,
    }
    ours = merged(tmp_path / "m", "ties", options, a, b, base)
    parameters: Json = {"density": 0.4, "normalize": True, "rescale": False, "lambda": 1.5}
    assert a.path is not None
    assert b.path is not None
    assert base.path is not None
    out = by_mergekit(tmp_path, "ties", parameters, [0.6, 1.0], base.path, a.path, b.path)
    theirs = load_file(out / "model.safetensors")
    for name in theirs:
        torch.testing.assert_close(ours[name], theirs[name], rtol=1e-6, atol=1e-6)


# --- determinism and files ------------------------------------------------------------------------------------------


def digest(path: Path) -> str:
    files = sorted(path.rglob("*"))
    return hashlib.sha256(b"".join(file.name.encode() + file.read_bytes() for file in files)).hexdigest()


def dare(tmp_path: Path, name: str, seed: int) -> str:
    base = given("base", folder(tmp_path / "base", weights(9)))
    options: dict[str, Json] = {
        "weights": [1, 1],
        "density": 0.5,
        "rescale": True,
        "normalize": False,
        "lambda": 1.0,
        "seed": seed,
    }
    made = task(tmp_path / name, "dare_ties", options, (*pair(tmp_path), base))
    merge.run(made)
    return digest(made.output)


def test_dare_depends_on_its_seed_alone(tmp_path: Path) -> None:
    torch.manual_seed(1)
    one = dare(tmp_path, "one", 42)
    torch.manual_seed(2)
    state = torch.random.get_rng_state()
    assert dare(tmp_path, "two", 42) == one
    assert torch.equal(torch.random.get_rng_state(), state)
    assert dare(tmp_path, "three", 43) != one


def test_a_parent_rewritten_in_place_is_read_anew_in_the_same_process(tmp_path: Path) -> None:
    inputs = pair(tmp_path)
    before = merged(tmp_path / "m1", "lerp", {"t": 0.5}, *inputs)
    folder(tmp_path / "b", weights(7))
    after = merged(tmp_path / "m2", "lerp", {"t": 0.5}, *inputs)
    name = "model.norm.weight"
    assert not torch.equal(before[name], after[name])
    torch.testing.assert_close(after[name], (weights(1)[name] + weights(7)[name]) / 2)


def test_result_has_the_files_of_the_first_operand_and_no_path(tmp_path: Path) -> None:
    made = task(tmp_path / "m", "slerp", {"t": 0.5}, pair(tmp_path))
    merge.run(made)
    assert sorted(file.name for file in made.output.iterdir()) == [
        "chat_template.jinja",
        "config.json",
        "generation_config.json",
        "model.safetensors",
    ]
    assert (made.output / "chat_template.jinja").read_text() == "template of a"
    assert not any(str(tmp_path).encode() in file.read_bytes() for file in made.output.iterdir())


def test_a_template_that_the_recipe_put_on_the_first_operand_is_written(tmp_path: Path) -> None:
    a, b = pair(tmp_path)
    control = [{"id": 1, "content": "<|im_start|>"}, {"id": 2, "content": "<|im_end|>"}]
    for operand in (a, b):
        assert operand.path is not None
        table = {"model": {"type": "BPE", "vocab": {"a": 0}}, "added_tokens": control}
        (operand.path / "tokenizer.json").write_text(json.dumps(table))
    put_on = Given("0", "local", "f" * 64, path=a.path, options={"template": "chatml"})
    made = task(tmp_path / "m", "slerp", {"t": 0.5}, (put_on, b))
    merge.run(made)
    assert (made.output / "chat_template.jinja").read_text() == BUILT_IN["chatml"].text


def test_shards_hold_the_model_and_an_index(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    whole = merged(tmp_path / "whole", "slerp", {"t": 0.5}, *pair(tmp_path))
    monkeypatch.setattr("ladle.executor.weights.writing.SHARD_BYTES", 1500)
    made = task(tmp_path / "m", "slerp", {"t": 0.5}, pair(tmp_path))
    merge.run(made)
    monkeypatch.undo()
    index = json.loads((made.output / "model.safetensors.index.json").read_text())
    parts = {name: load_file(made.output / file)[name] for name, file in index["weight_map"].items()}
    assert len(set(index["weight_map"].values())) > 2
    assert all(torch.equal(parts[name], whole[name]) for name in whole)
    again = merged(tmp_path / "again", "lerp", {"t": 0}, given("0", made.output), given("1", made.output))
    assert all(torch.equal(again[name], whole[name]) for name in whole)


def test_progress_counts_bytes(tmp_path: Path) -> None:
    made = task(tmp_path / "m", "slerp", {"t": 0.5}, pair(tmp_path))
    merge.run(made)
    last = made.report.__self__[-1]  # type: ignore[attr-defined]
    written = sum(4 * math.prod(shape) for shape in shapes().values())
    assert (last.done, last.total, last.unit) == (written, written, "bytes")


# --- refusals -------------------------------------------------------------------------------------------------------


def refused(tmp_path: Path, operator: str, options: dict[str, Json], *inputs: Given) -> str:
    made = task(tmp_path / "refused", operator, options, inputs)
    with pytest.raises(StepError) as error:
        merge.run(made)
    return error.value.message


def test_nan_in_a_parent_is_named_by_tensor_and_parent(tmp_path: Path) -> None:
    bad = weights(2)
    bad["model.layers.1.mlp.up_proj.weight"][0, 0] = float("nan")
    a, _ = pair(tmp_path)
    message = refused(tmp_path, "slerp", {"t": 0.5}, a, given("1", folder(tmp_path / "bad", bad)))
    assert message == "`model.layers.1.mlp.up_proj.weight` of `bad` holds 1 value that is no finite number"


def test_weights_that_sum_to_zero_are_refused(tmp_path: Path) -> None:
    message = refused(tmp_path, "linear", {"weights": [1, -1], "normalize": True}, *pair(tmp_path))
    assert "sum to zero" in message


def test_a_module_that_matches_nothing_is_refused(tmp_path: Path) -> None:
    message = refused(tmp_path, "slerp", {"t": {"schedule": {"lm_head": 1}, "else": 0.5}}, *pair(tmp_path))
    assert message == "`lm_head` in `t` matches no tensor of the model"


def test_a_list_over_depth_outside_the_layers_is_refused(tmp_path: Path) -> None:
    message = refused(tmp_path, "slerp", {"t": {"schedule": {"embed": [0, 1]}, "else": 0.5}}, *pair(tmp_path))
    assert message == "`embed` has a list over depth, but `model.embed_tokens.weight` stands in no layer"


def test_other_shapes_are_named_before_weights_are_read(tmp_path: Path) -> None:
    other = weights(2)
    other["model.embed_tokens.weight"] = torch.zeros(VOCAB + 1, HIDDEN)
    message = refused(tmp_path, "slerp", {"t": 0.5}, pair(tmp_path)[0], given("1", folder(tmp_path / "o", other)))
    assert message == "the shape of `model.embed_tokens.weight` is (12, 8) in `a` and (13, 8) in `o`"


def test_a_missing_tensor_is_named(tmp_path: Path) -> None:
    other = weights(2)
    del other["model.norm.weight"]
    message = refused(tmp_path, "slerp", {"t": 0.5}, pair(tmp_path)[0], given("1", folder(tmp_path / "o", other)))
    assert message == "`model.norm.weight` is in `a` but not in `o`"


def test_other_heads_of_equal_shape_are_refused(tmp_path: Path) -> None:
    other = given("1", folder(tmp_path / "o", weights(2), num_attention_heads=4))
    message = refused(tmp_path, "slerp", {"t": 0.5}, pair(tmp_path)[0], other)
    assert message == "`num_attention_heads` is 2 in `a` and 4 in `o`"


def test_other_token_ids_of_equal_size_are_refused(tmp_path: Path) -> None:
    a, b = pair(tmp_path)
    for operand, tokens in ((a, ["x", "y"]), (b, ["y", "x"])):
        assert operand.path is not None
        table = {"model": {"type": "BPE", "vocab": {token: i for i, token in enumerate(tokens)}}, "added_tokens": []}
        (operand.path / "tokenizer.json").write_text(json.dumps(table))
    assert "different vocabularies" in refused(tmp_path, "slerp", {"t": 0.5}, a, b)


@pytest.mark.parametrize("text", ["", "{", "[3]", "[" * 100_000])
def test_a_generation_configuration_that_is_none_is_refused_of_any_parent(tmp_path: Path, text: str) -> None:
    a, b = pair(tmp_path)
    assert b.path is not None
    (b.path / "generation_config.json").write_text(text)
    assert refused(tmp_path, "lerp", {"t": 0.5}, a, b).startswith("`b/generation_config.json` ")


def test_a_truncated_file_is_refused(tmp_path: Path) -> None:
    a, b = pair(tmp_path)
    assert b.path is not None
    file = b.path / "model.safetensors"
    file.write_bytes(file.read_bytes()[:-10])
    assert "the weights of `b` are refused: the tensors of" in refused(tmp_path, "slerp", {"t": 0.5}, a, b)


def test_an_index_that_points_outside_is_refused(tmp_path: Path) -> None:
    a, b = pair(tmp_path)
    assert b.path is not None
    (b.path / "model.safetensors").unlink()
    index = {"weight_map": {"model.norm.weight": "../a/model.safetensors"}}
    (b.path / "model.safetensors.index.json").write_text(json.dumps(index))
    assert "which is no weight file of this folder" in refused(tmp_path, "slerp", {"t": 0.5}, a, b)


def test_overflow_of_the_result_type_is_refused(tmp_path: Path) -> None:
    huge = {name: torch.full(shape, 60000.0, dtype=torch.float16) for name, shape in shapes().items()}
    a, b = given("0", folder(tmp_path / "a", huge)), given("1", folder(tmp_path / "b", huge))
    message = refused(tmp_path, "linear", {"weights": [1, 1], "normalize": False}, a, b)
    assert "gives values that float16 cannot hold" in message
