"""Adapters as models: against float64, against peft's own merging, in whole runs, and what is refused."""

from __future__ import annotations

import json
import math
import shutil
import warnings
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from ladle.dsl.graph import Json
from ladle.dsl.types import AdapterType
from ladle.executor.adapter import CONFIG, WEIGHTS, misfit, read_adapter
from ladle.executor.choosing.best import take
from ladle.executor.choosing.kinship import kinship
from ladle.executor.cli import run
from ladle.executor.facts import ProjectFacts
from ladle.executor.mergekit.parents import staged
from ladle.executor.model_folder import BadFolder
from ladle.executor.models.folder import model_folder
from ladle.executor.models.weights import load_given
from ladle.executor.task import Given, StepError
from ladle.executor.weights import merge, stream
from ladle.executor.weights.parents import parent
from ladle.executor.weights.reading import Files
from ladle.executor.weights.whole_models import raw
from safetensors.torch import load_file, save_file
from test_facts import codes
from test_local_model import HEAD, actions, ladle, project, template
from test_merge import HIDDEN, INNER, LAYERS, VOCAB, folder, given, merged, task, weights
from transformers import AutoModelForCausalLM, GPT2Config, LlamaConfig

with warnings.catch_warnings():
    warnings.simplefilter("ignore")
    import peft

__all__ = ["project"]

RANK = 2
Q = "model.layers.{}.self_attn.q_proj"
UP = "model.layers.{}.mlp.up_proj"
PLAIN: dict[str, Json] = {
    "peft_type": "LORA", "task_type": "CAUSAL_LM", "r": RANK, "lora_alpha": 8, "target_modules": ["q_proj", "up_proj"],
    "base_model_name_or_path": "someone/else", "bias": "none", "lora_dropout": 0.1, "modules_to_save": None,
}  # fmt: skip


def low_rank(rank: int = RANK) -> dict[str, torch.Tensor]:
    generator = torch.Generator().manual_seed(7)
    found = {}
    for layer in range(LAYERS):
        for module, shape in ((Q, (HIDDEN, HIDDEN)), (UP, (INNER, HIDDEN))):
            place = f"base_model.model.{module.format(layer)}"
            found[f"{place}.lora_A.weight"] = torch.randn(rank, shape[1], generator=generator)
            found[f"{place}.lora_B.weight"] = torch.randn(shape[0], rank, generator=generator)
    return found


def adapter(path: Path, tensors: dict[str, torch.Tensor] | None = None, **changes: Json) -> Path:
    path.mkdir(parents=True)
    (path / CONFIG).write_text(json.dumps(PLAIN | changes))
    save_file(low_rank() if tensors is None else tensors, path / WEIGHTS, metadata={"format": "pt"})
    return path


def on(role: str, path: Path, model: Given) -> Given:
    base = Given("from", model.operator, model.fingerprint, model.path, model.files, model.options, model.inputs)
    return Given(role, "local", f"{path.name}-{role}", path=path, options={"template": None}, inputs=(base,))


def folded(scale: float) -> dict[str, torch.Tensor]:
    """The base of seed 1 with the adapter of `low_rank` in it, in float64."""
    result, parts = {name: value.double() for name, value in weights(1).items()}, low_rank()
    for key in parts:
        if key.endswith("lora_A.weight"):
            module = key.removeprefix("base_model.model.").removesuffix(".lora_A.weight")
            b = parts[key.replace("lora_A", "lora_B")].double()
            result[f"{module}.weight"] += scale * (b @ parts[key].double())
    return result


# --- values ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("changes", "scale"), [({}, 4.0), ({"use_rslora": True}, 8 / math.sqrt(2))])
def test_an_adapter_is_its_model_plus_scaled_products(tmp_path: Path, changes: dict[str, Json], scale: float) -> None:
    base = given("from", folder(tmp_path / "a", weights(1)))
    result = merged(tmp_path / "m", "round", {"precision": "fp32"}, on("0", adapter(tmp_path / "x", **changes), base))
    for name, wanted in folded(scale).items():
        torch.testing.assert_close(result[name].double(), wanted, rtol=1e-6, atol=2e-6)


def test_a_merge_with_an_adapter_is_rounded_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stream, "PIECE_ELEMENTS", 3 * HIDDEN)  # several pieces a tensor
    base = given("from", folder(tmp_path / "a", weights(1, torch.bfloat16)))
    other = given("1", folder(tmp_path / "b", weights(2, torch.bfloat16)))
    result = merged(tmp_path / "m", "lerp", {"t": 0.25}, on("0", adapter(tmp_path / "x"), base), other)
    wrong = total = 0
    for name, value in weights(1, torch.bfloat16).items():
        exact = value.double() + folded(4.0)[name] - weights(1)[name].double()
        wanted = (0.75 * exact + 0.25 * weights(2, torch.bfloat16)[name].double()).bfloat16()
        wrong, total = wrong + int((result[name] != wanted).sum()), total + wanted.numel()
    assert wrong <= total // 1000


def test_an_adapter_on_an_adapter_adds_both(tmp_path: Path) -> None:
    base = given("from", folder(tmp_path / "a", weights(1)))
    first = on("from", adapter(tmp_path / "x"), base)
    second = on("0", adapter(tmp_path / "y", lora_alpha=2), first)
    result = merged(tmp_path / "m", "round", {"precision": "fp32"}, second)
    for name, wanted in folded(5.0).items():
        torch.testing.assert_close(result[name].double(), wanted, rtol=1e-6, atol=4e-6)


def test_an_adapter_less_its_model_is_its_difference(tmp_path: Path) -> None:
    base = given("1", folder(tmp_path / "a", weights(1)))
    coefficients: Json = [[[1, None]], [[-1, None]], [[1, None]]]
    other = given("2", folder(tmp_path / "b", weights(2)))
    operands = on("0", adapter(tmp_path / "x"), base), base, other
    result = merged(tmp_path / "m", "affine", {"coefficients": coefficients}, *operands)
    for name, wanted in folded(4.0).items():
        expected = wanted - weights(1)[name].double() + weights(2)[name].double()
        torch.testing.assert_close(result[name].double(), expected, rtol=1e-5, atol=4e-6)


LLAMA: dict[str, Json] = {
    "model_type": "llama", "architectures": ["LlamaForCausalLM"], "hidden_size": HIDDEN, "num_hidden_layers": LAYERS,
    "num_attention_heads": 2, "num_key_value_heads": 2, "intermediate_size": INNER, "vocab_size": VOCAB,
    "max_position_embeddings": 32, "attention_bias": True, "tie_word_embeddings": False, "pad_token_id": 0,
}  # fmt: skip

SETTINGS: dict[str, dict[str, object]] = {
    "plain": {},
    "rslora": {"use_rslora": True},
    "patterns": {
        "rank_pattern": {"q_proj": 3, "^model.layers.1.mlp.up_proj": 1},
        "alpha_pattern": {"layers.0.mlp.up_proj": 5},
    },
    "embeddings": {"target_modules": ["embed_tokens", "q_proj", "up_proj"]},
    "whole modules": {"modules_to_save": ["lm_head", "embed_tokens"]},
    "biases": {"bias": "all"},
    "biases of the adapted": {"bias": "lora_only"},
    "dora": {"use_dora": True},
    "some layers": {"layers_to_transform": [0, 2], "layers_pattern": "layers"},
    "all linear": {"target_modules": "all-linear"},
}  # fmt: skip


@pytest.mark.parametrize("name", SETTINGS)
def test_the_same_as_peft(tmp_path: Path, name: str) -> None:
    torch.manual_seed(3)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        model = AutoModelForCausalLM.from_config(LlamaConfig(**LLAMA)).float()
        model.save_pretrained(tmp_path / "base")
        settings = {"r": 4, "lora_alpha": 6, "target_modules": ["q_proj", "up_proj"], "task_type": "CAUSAL_LM"}
        trained = peft.get_peft_model(model, peft.LoraConfig(**settings | SETTINGS[name]))
        with torch.no_grad():
            for parameter in trained.parameters():
                if parameter.requires_grad:
                    parameter.add_(torch.randn_like(parameter) * 0.1)
        trained.save_pretrained(tmp_path / "x")
        wanted = trained.merge_and_unload().state_dict()
    before = load_file(tmp_path / "base" / "model.safetensors")
    source = on("0", tmp_path / "x", given("from", tmp_path / "base"))
    result = merged(tmp_path / "m", "round", {"precision": "fp32"}, source)
    assert set(result) == set(wanted)
    assert any(not torch.equal(result[name], before[name]) for name in before)
    for tensor, value in wanted.items():
        torch.testing.assert_close(result[tensor], value, rtol=1e-6, atol=1e-6)
    loaded = load_given(source, torch.float32, "sdpa").state_dict()
    for tensor, value in result.items():
        assert torch.equal(loaded[tensor], value)


GPT2: dict[str, Json] = {
    "vocab_size": VOCAB, "n_embd": HIDDEN, "n_layer": 2, "n_head": 2, "bos_token_id": 0, "eos_token_id": 0,
}  # fmt: skip


def test_matrices_that_are_stored_turned_are_peft_s_too(tmp_path: Path) -> None:
    torch.manual_seed(3)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        model = AutoModelForCausalLM.from_config(GPT2Config(**GPT2))
        model.save_pretrained(tmp_path / "base")
        chosen = peft.LoraConfig(
            r=2, target_modules=["c_attn"], fan_in_fan_out=True, init_lora_weights=False, task_type="CAUSAL_LM"
        )
        trained = peft.get_peft_model(model, chosen)
        trained.save_pretrained(tmp_path / "x")
        wanted = trained.merge_and_unload().state_dict()
    source = on("0", tmp_path / "x", given("from", tmp_path / "base"))
    for tensor, value in merged(tmp_path / "m", "round", {"precision": "fp32"}, source).items():
        torch.testing.assert_close(value, wanted[tensor], rtol=1e-6, atol=1e-6)


def test_a_loaded_adapter_has_the_type_asked_for(tmp_path: Path) -> None:
    torch.manual_seed(3)
    AutoModelForCausalLM.from_config(LlamaConfig(**LLAMA)).save_pretrained(tmp_path / "base")
    source = on("0", adapter(tmp_path / "x"), given("from", tmp_path / "base"))
    exact = load_given(source, torch.float32, "sdpa").state_dict()
    rounded = load_given(source, torch.bfloat16, "sdpa").state_dict()
    assert all(torch.equal(rounded[name], exact[name].bfloat16()) for name in exact)


def test_whatever_takes_models_takes_an_adapter_with_its_model(tmp_path: Path) -> None:
    base = given("base", folder(tmp_path / "a", weights(1, torch.bfloat16)))
    source = on("model", adapter(tmp_path / "x"), base)
    chosen = task(tmp_path / "best", "best", {}, (source,))
    take(source, chosen)
    result = load_file(chosen.output / "model.safetensors")
    assert not (chosen.output / CONFIG).exists()
    with Files() as files:
        found = parent(source, tmp_path)
        for name, value in result.items():
            assert torch.equal(raw(found, name, files), value)
            exact = folded(4.0)[name] - weights(1)[name].double() + weights(1, torch.bfloat16)[name].double()
            torch.testing.assert_close(value.double(), exact, rtol=2**-8, atol=1e-6)
    twice = on("model", adapter(tmp_path / "y", lora_alpha=16), base)
    with pytest.raises(StepError, match="of which mergekit is not told"):
        staged(parent(source, tmp_path), tmp_path / "staged")
    assert len({parent(each, tmp_path).lies for each in (base, source, twice)}) == 3
    assert kinship(base, [source, twice], tmp_path) == pytest.approx([1.0], abs=1e-6)


def test_what_needs_a_folder_of_weights_is_refused(tmp_path: Path) -> None:
    source = on("0", adapter(tmp_path / "x"), given("from", folder(tmp_path / "a", weights(1))))
    with pytest.raises(StepError, match="whole model is needed") as refused:
        model_folder(source)
    assert "round(MODEL, bf16)" in refused.value.help


# --- what is refused ------------------------------------------------------------------------------------------------


def a_name(old: str, new: str) -> Callable[[dict[str, torch.Tensor]], None]:
    def change(tensors: dict[str, torch.Tensor]) -> None:
        for key in [key for key in tensors if old in key]:
            tensors[key.replace(old, new)] = tensors.pop(key)

    return change


def without(key: str) -> Callable[[dict[str, torch.Tensor]], None]:
    return lambda tensors: tensors.__delitem__(key)


FIRST = f"base_model.model.{Q.format(0)}"
REFUSED: list[tuple[dict[str, Json], Callable[[dict[str, torch.Tensor]], None] | None, str]] = [
    ({"peft_type": "IA3"}, None, "is of the type `IA3`"),
    ({"peft_type": ["LORA"]}, None, "is of the type"),
    ({"auto_mapping": {"base_model_class": "X"}}, None, "auto_mapping"),
    ({"task_type": "SEQ_CLS"}, None, "for the task `SEQ_CLS`"),
    ({"bias": "some"}, None, "`bias` = `some`"),
    ({"init_lora_weights": "pissa_niter_4"}, None, "began as `pissa_niter_4`"),
    ({"layer_replication": [[0, 2]]}, None, "sets `layer_replication`"),
    ({"lora_bias": True}, None, "sets `lora_bias`"),
    ({"trainable_token_indices": [3]}, None, "sets `trainable_token_indices`"),
    ({"a_setting_of_tomorrow": "on"}, None, "sets `a_setting_of_tomorrow` to `on`"),
    ({"use_dora": "yes"}, None, "neither true nor false"),
    ({"use_dora": True}, None, "too few or too many parts"),
    ({"r": 3}, None, "has rank 2"),
    ({"rank_pattern": {"q_proj": 5}}, None, "its configuration says 5"),
    ({"rank_pattern": {"(a+)+": 2}}, None, "`(a+)+` in `rank_pattern`"),
    ({"rank_pattern": {"(a": 2}}, None, "which is no pattern"),
    ({"alpha_pattern": [1]}, None, "is no map"),
    ({"lora_alpha": None}, None, "no number"),
    ({"lora_alpha": 10**400}, None, "no number"),
    ({"target_modules": ["q_proj"]}, None, "which its `target_modules` do not name"),
    ({"modules_to_save": ["lm_head"]}, None, "says it saved `lm_head`"),
    ({"layers_to_transform": [0, 9]}, None, "layer `9`"),
    ({}, a_name("base_model.model.", "model."), "no meaning here"),
    ({}, a_name("lora_A", "lora_C"), "no meaning here"),
    ({}, without(f"{FIRST}.lora_B.weight"), "too few or too many parts"),
    ({}, lambda found: found.update({f"{FIRST}.lora_B.weight": torch.zeros(HIDDEN, 3)}), "A as 2 x 8 and B as 8 x 3"),
    ({}, lambda found: found.update({f"{FIRST}.weight": torch.zeros(1, 1)}), "two shapes"),
    ({}, lambda found: found.update({f"{FIRST}.bias": torch.zeros(1, dtype=torch.int8)}), "as I8"),
]  # fmt: skip


def test_a_wrong_rank_is_mended_as_its_help_says(tmp_path: Path) -> None:
    with pytest.raises(BadFolder) as refused:
        read_adapter(adapter(tmp_path / "x", r=3), "x")
    assert "correct the configuration, `r`" in refused.value.fault.help
    assert refused.value.fault.help.endswith("trained with rank 2")
    assert read_adapter(adapter(tmp_path / "y", r=2), "y").changes


@pytest.mark.parametrize(("changes", "spoil", "said"), REFUSED)
def test_what_would_change_the_meaning_is_refused_by_name(
    tmp_path: Path,
    changes: dict[str, Json],
    spoil: Callable[[dict[str, torch.Tensor]], None] | None,
    said: str,
) -> None:
    tensors = low_rank()
    if spoil:
        spoil(tensors)
    adapter(tmp_path / "x", tensors, **changes)
    with pytest.raises(BadFolder) as refused:
        read_adapter(tmp_path / "x", "x")
    assert said in refused.value.fault.message


def shapes_of(tensors: dict[str, torch.Tensor]) -> dict[str, tuple[int, ...]]:
    return {name: tuple(value.shape) for name, value in tensors.items()}


def test_an_adapter_that_does_not_fit_says_where(tmp_path: Path) -> None:
    found = read_adapter(adapter(tmp_path / "x"), "x").type
    shapes = shapes_of(weights(1))
    assert misfit(found, shapes) == ""
    assert "has no `model.layers.2.mlp.up_proj.weight`" in misfit(
        found, {name: shape for name, shape in shapes.items() if ".2." not in name}
    )
    assert "as 9 x 9, and the adapter was made for 8 x 8" in misfit(found, shapes | {f"{Q.format(1)}.weight": (9, 9)})
    assert "does not hold" in misfit(found, shapes | {f"{Q.format(3)}.weight": (8, 8)})
    head = {f"base_model.model.{name}": torch.zeros(VOCAB, HIDDEN) for name in ("lm_head.weight",)}
    saved = read_adapter(adapter(tmp_path / "y", low_rank() | head, modules_to_save=["lm_head"]), "y").type
    assert "no `lm_head.weight`, since its head is tied" in misfit(saved, shapes)
    words = {"base_model.model.model.embed_tokens.weight": torch.zeros(VOCAB, HIDDEN)}
    embedded = read_adapter(adapter(tmp_path / "z", low_rank() | words, modules_to_save=["embed_tokens"]), "z").type
    assert "would change the head too" in misfit(embedded, shapes)
    assert misfit(embedded, shapes | {"lm_head.weight": (VOCAB, HIDDEN)}) == ""


TIED: dict[str, dict[str, object]] = {
    "low rank": {"target_modules": ["embed_tokens", "q_proj"]},
    "low rank, tied": {"target_modules": ["embed_tokens", "q_proj"], "ensure_weight_tying": True},
    "whole": {"modules_to_save": ["embed_tokens"]},
    "whole, tied": {"modules_to_save": ["embed_tokens"], "ensure_weight_tying": True},
}


def untied(place: Path, output: Path) -> Path:
    """Give a model a head of its own, as the help of E427 says."""
    weights = load_file(place / "model.safetensors")
    config = json.loads((place / "config.json").read_text()) | {"tie_word_embeddings": False}
    output.mkdir()
    (output / "config.json").write_text(json.dumps(config))
    head = {"lm_head.weight": weights["model.embed_tokens.weight"].clone()}
    save_file(weights | head, output / "model.safetensors", {"format": "pt"})
    return output


@pytest.mark.parametrize("name", TIED)
def test_tied_embeddings_are_refused_and_with_a_head_of_its_own_the_model_is_the_one_that_was_trained(
    tmp_path: Path, name: str
) -> None:
    torch.manual_seed(3)
    ids = torch.tensor([[1, 2, 3, 4]])
    with warnings.catch_warnings(), torch.no_grad():
        warnings.simplefilter("ignore")
        model = AutoModelForCausalLM.from_config(LlamaConfig(**LLAMA | {"tie_word_embeddings": True})).float()
        model.save_pretrained(tmp_path / "base")
        settings = {"r": 4, "lora_alpha": 6, "target_modules": ["q_proj"], "task_type": "CAUSAL_LM"}
        trained = peft.get_peft_model(model, peft.LoraConfig(**settings | TIED[name])).eval()
        for parameter in trained.parameters():
            if parameter.requires_grad:
                parameter.add_(torch.randn_like(parameter) * 0.1)
        trained.save_pretrained(tmp_path / "x")
        wanted = trained(ids).logits
    with pytest.raises(StepError, match="tie") as refused:
        parent(on("0", tmp_path / "x", given("from", tmp_path / "base")), tmp_path)
    assert "a head of its own" in refused.value.help
    own = given("from", untied(tmp_path / "base", tmp_path / "own"))
    with torch.no_grad():
        found = load_given(on("0", tmp_path / "x", own), torch.float32, "sdpa").eval()(ids).logits
    torch.testing.assert_close(found, wanted, rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("part", ["lora_A", "lora_B"])
def test_an_adapter_that_holds_no_numbers_is_named(tmp_path: Path, part: str) -> None:
    tensors = low_rank()
    tensors[f"{FIRST}.{part}.weight"][0, 0] = math.nan
    source = on("0", adapter(tmp_path / "x", tensors), given("from", folder(tmp_path / "a", weights(1))))
    with pytest.raises(StepError, match=f"{part}.weight` of the adapter `x` holds values that are not finite"):
        merge.run(task(tmp_path / "m", "round", {"precision": "bf16"}, (source,)))


def test_an_adapter_without_its_model_is_refused_by_a_step(tmp_path: Path) -> None:
    alone = given("0", adapter(tmp_path / "x"))
    with pytest.raises(StepError, match="no model without another") as refused:
        merge.run(task(tmp_path / "m", "round", {"precision": "bf16"}, (alone,)))
    assert "from = MODEL" in refused.value.help


def test_adapters_in_a_folder_of_the_project(tmp_path: Path) -> None:
    adapter(tmp_path / "models/x")
    found = ProjectFacts(tmp_path).model("models/x")
    assert isinstance(found, AdapterType)
    assert found.based_on == "someone/else"
    shutil.copyfile(tmp_path / "models/x" / WEIGHTS, tmp_path / "models/x/model.safetensors")
    assert codes(ProjectFacts(tmp_path).model("models/x")) == ["E425"]
    (tmp_path / "models/x/model.safetensors").unlink()
    (tmp_path / "models/x" / WEIGHTS).rename(tmp_path / "models/x/adapter_model.bin")
    refused = ProjectFacts(tmp_path).model("models/x")
    assert isinstance(refused, tuple)
    assert (refused[0].code, refused[0].help.endswith("`ladle convert models/x`")) == ("E413", True)


# --- the whole way --------------------------------------------------------------------------------------------------

RECIPE = """
model base = local("models/tiny")
model other = local("models/other")
model tuned = local("models/adapter", from = base)
model again = local("models/adapter", from = base, template = other)
model merged = slerp(again, other, t = 0.5)
model written = round(tuned, bf16)
model trained = again | sft
model later = local("models/adapter", from = trained)
model last = lerp(later, trained, t = 0.5)
evaluate scores { models = [tuned, merged, written, trained, last]  on = [colours] }
"""


def tiny_adapter(root: Path) -> Path:
    config = json.loads((root / "models/tiny/config.json").read_text())
    hidden, inner, layers = config["hidden_size"], config["intermediate_size"], config["num_hidden_layers"]
    tensors = {}
    for layer in range(layers):
        for module, shape in ((Q, (hidden, hidden)), (UP, (inner, hidden))):
            place = f"base_model.model.{module.format(layer)}"
            tensors[f"{place}.lora_A.weight"] = torch.ones(RANK, shape[1]) / 64
            tensors[f"{place}.lora_B.weight"] = torch.ones(shape[0], RANK) / 64
    return adapter(root / "models/adapter", tensors)


def test_an_adapter_of_the_project_is_merged_trained_and_scored(project: Path) -> None:
    tiny_adapter(project)
    (project / "my.recipe").write_text(HEAD + RECIPE)
    ladle(project, "check", "my.recipe")
    assert {"merged", "written", "trained"} <= set(actions(project))
    ladle(project, "run", "my.recipe", "--workers", "1")
    assert set(actions(project).values()) == {"reuse"}
    made = project / "artifacts/my"
    assert not (made / "tuned").exists()
    written = load_file(made / "written/model.safetensors")
    before = load_file(project / "models/tiny/model.safetensors")
    name = f"{Q.format(0)}.weight"
    assert torch.equal(written[name], (before[name].float() + 4 * RANK / 64**2).bfloat16())
    assert not any((path / CONFIG).exists() for path in made.iterdir())
    assert template(made / "trained") == template(project / "models/other")
    rows = json.loads(ladle(project, "report", "my.recipe", "--format", "json"))["rows"]
    assert {row["model"] for row in rows} == {"tuned", "merged", "written", "trained", "last"}
    last, start = (load_file(made / each / "model.safetensors")[name].float() for each in ("last", "trained"))
    torch.testing.assert_close(last - start, torch.full_like(last, 4 * RANK / 64**2 / 2), rtol=0, atol=1e-6)
    assert "is not told of adapters" in ladle(project, "export", "my.recipe", "merged", "--to", "mergekit", status=1)
    config = json.loads((project / "models/adapter" / CONFIG).read_text())
    (project / "models/adapter" / CONFIG).write_text(json.dumps(config | {"lora_alpha": 9}))
    assert {name for name, action in actions(project).items() if action == "run"} >= {"merged", "written", "trained"}


PLANNED = """
model base = local("models/tiny")
model tuned = local("models/adapter", from = base)
model twice = local("models/adapter", from = tuned)
model merged = slerp(twice, base, t = 0.5)
model o = local("models/other")
model n = slerp(twice, o, t = 0.5, tokenizer = first)
"""


@pytest.mark.parametrize(
    ("named", "told"),
    [
        ("someone/else", True),
        ("someone/Tiny", False),
        ("cache/hub/models--someone--tiny/snapshots/0123abc", False),
        ("../out/tiny/", False),
        ("", False),
        (None, False),
    ],
)
def test_a_plan_says_where_an_adapter_names_another_model(
    project: Path,
    named: str | None,
    told: bool,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(project)
    folder = tiny_adapter(project)
    config = json.loads((folder / CONFIG).read_text())
    (folder / CONFIG).write_text(json.dumps(config | {"base_model_name_or_path": named}))
    (project / "models/tiny/generation_config.json").write_text('{"temperature": 0.5}')
    (project / "models/other/generation_config.json").write_text('{"temperature": 1.5}')
    (project / "my.recipe").write_text(HEAD + PLANNED)
    assert run(["plan", "my.recipe"]) == 0
    said = capsys.readouterr().err
    assert ("`tuned` says that it was trained on `someone/else`, and sits on `base` here" in said) == told
    assert ("says that it was trained" in said) == told
    assert "`n` takes the generation configuration of `twice`, and not that of `o`" in said
    assert "`merged` takes" not in said
    if told:
        assert run(["run", "my.recipe", "n"]) == 0
        assert "`tuned` says that it was trained on `someone/else`" in capsys.readouterr().err


def problems(root: Path, recipe: str) -> list[tuple[str, str, str]]:
    (root / "my.recipe").write_text(f"edition 1\n{recipe}")
    found = json.loads(ladle(root, "check", "my.recipe", "--format", "json", status=1))["diagnostics"]
    return [(each["code"], each["message"], each["help"]) for each in found]


def test_check_names_the_model_an_adapter_needs_and_where_it_does_not_fit(project: Path) -> None:
    folder = tiny_adapter(project)
    ((code, _, help),) = problems(project, 'model a = local("models/adapter")')
    assert code == "E426"
    assert help == (
        'name the model that it sits on: `local("models/adapter", from = MODEL)`; '
        "it says that it was trained on `someone/else`"
    )
    save_file({key: value[:, :2].contiguous() for key, value in load_file(folder / WEIGHTS).items()}, folder / WEIGHTS)
    fitting = 'model base = local("models/tiny")\nmodel a = local("models/adapter", from = base)'
    ((code, message, _),) = problems(project, fitting)
    assert (code, "the adapter was made for" in message) == ("E427", True)
