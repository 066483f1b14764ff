"""What a training gives: the same bytes for the same task, on any machine settings, and what it does not write."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import pytest
import torch
from ladle.dsl.frozen import replace
from ladle.executor.task import Given, Machine, Progress, StepError
from ladle.executor.trainers import cpt, dpo, orpo, sft
from ladle.executor.trainers.order import order
from safetensors.torch import load_file, save_file
from trainer_inputs import DPO, OPTIONS, ORPO, digests, task, write_model, write_pairs, write_tokens
from transformers import AutoModelForCausalLM, AutoTokenizer

PROGRAMS = {"cpt": (cpt, OPTIONS), "sft": (sft, OPTIONS), "dpo": (dpo, DPO), "orpo": (orpo, ORPO)}
KINDS = list(PROGRAMS)
TOKEN_ROWS = [[5], [7], [9], [4], [12], [3], [8], [6], [10], [11]]
PAIR_ROWS = [
    (3, 4, 5),
    (2, 6, 3),
    (5, 2, 2),
    (4, 4, 7),
    (3, 3, 3),
    (6, 2, 5),
    (2, 2, 2),
    (4, 5, 3),
    (2, 3, 6),
    (5, 5, 1),
]


@pytest.fixture
def inputs(tmp_path: Path) -> Path:
    write_model(tmp_path / "model")
    write_tokens(tmp_path / "tokens", TOKEN_ROWS, masked=2)
    write_pairs(tmp_path / "pairs", PAIR_ROWS)
    return tmp_path


def trained(inputs: Path, name: str, kind: str, machine: Machine | None = None, **changes: Any) -> Path:
    program, options = PROGRAMS[kind]
    rows = inputs / ("tokens" if kind in ("cpt", "sft") else "pairs")
    made = task(inputs / name, kind, options | changes, inputs / "model", rows, machine)
    program.run(made)
    return made.output


@pytest.mark.parametrize("kind", KINDS)
def test_the_same_task_gives_the_same_bytes_whatever_ran_before(inputs: Path, kind: str) -> None:
    first = digests(trained(inputs, "first", kind))
    torch.manual_seed(99)
    trained(inputs, "between", "orpo" if kind == "cpt" else "cpt", precision="bf16", seed=7)
    assert digests(trained(inputs, "second", kind)) == first


@pytest.mark.parametrize("kind", KINDS)
def test_a_training_writes_a_plain_model_folder(inputs: Path, kind: str) -> None:
    output = trained(inputs, "out", kind)
    start = digests(inputs / "model")
    written = digests(output)
    assert set(written) == {*start, "losses.csv"}
    assert {name for name in start if written[name] != start[name]} == {"model.safetensors"}
    assert str(inputs).encode() not in b"".join((output / name).read_bytes() for name in written)
    weights = load_file(output / "model.safetensors")
    assert set(weights) == set(load_file(inputs / "model" / "model.safetensors"))
    model = AutoModelForCausalLM.from_pretrained(output)
    assert model.lm_head.weight is model.model.embed_tokens.weight
    assert AutoTokenizer.from_pretrained(output).chat_template.startswith("{% for m in messages %}")


@pytest.mark.parametrize("kind", KINDS)
def test_the_size_of_a_forward_pass_does_not_change_the_result(inputs: Path, kind: str) -> None:
    """Ten rows in batches of four: the last batch of an epoch is cut into passes of unequal size."""
    whole = trained(inputs, "whole", kind, global_batch=4, epochs=2, steps=None)
    cut = trained(inputs, "cut", kind, Machine(micro_batch=1), global_batch=4, epochs=2, steps=None)
    assert len((whole / "losses.csv").read_text().splitlines()) == 1 + 6
    ours, theirs = load_file(whole / "model.safetensors"), load_file(cut / "model.safetensors")
    for name, weight in ours.items():
        torch.testing.assert_close(weight, theirs[name], rtol=1e-4, atol=2e-6)
    for one, other in zip(losses(whole), losses(cut), strict=True):
        assert one["loss"] == pytest.approx(other["loss"], rel=1e-5)
        assert one["grad_norm"] == pytest.approx(other["grad_norm"], rel=1e-4)


def losses(output: Path) -> list[dict[str, float]]:
    header, *lines = (output / "losses.csv").read_text().splitlines()
    return [dict(zip(header.split(","), map(float, line.split(",")), strict=True)) for line in lines]


def test_a_micro_batch_that_does_not_divide_the_batch_is_refused(inputs: Path) -> None:
    with pytest.raises(StepError, match=r"`micro_batch` 3 .* `global_batch` 4"):
        trained(inputs, "out", "sft", Machine(micro_batch=3))


@pytest.mark.parametrize("kind", KINDS)
def test_measuring_does_not_change_the_weights(inputs: Path, kind: str) -> None:
    quiet = trained(inputs, "quiet", kind)
    seen: list[Progress] = []
    program, options = PROGRAMS[kind]
    rows = inputs / ("tokens" if kind in ("cpt", "sft") else "pairs")
    made = task(inputs / "measured", kind, options, inputs / "model", rows, Machine(metrics=True))
    program.run(replace(made, report=seen.append))
    assert digests(made.output) == digests(quiet)
    if kind != "orpo":
        assert 0 < dict(seen[-1].detail)["entropy"] < math.log(64)
        assert 0 <= dict(seen[-1].detail)["mean_token_accuracy"] <= 1


def test_measuring_does_not_change_the_weights_of_a_model_with_dropout(inputs: Path) -> None:
    write_model(inputs / "model", attention_dropout=0.2)
    quiet = digests(trained(inputs, "quiet", "sft"))
    assert digests(trained(inputs, "measured", "sft", Machine(metrics=True))) == quiet


def test_progress_counts_steps_and_tokens(inputs: Path) -> None:
    seen: list[Progress] = []
    made = task(inputs / "out", "sft", OPTIONS, inputs / "model", inputs / "tokens")
    sft.run(replace(made, report=seen.append))
    assert [(p.done, p.total, p.unit) for p in seen] == [(k, 3, "steps") for k in range(4)]
    assert [dict(p.detail)["loss"] for p in seen[1:]] == [line["loss"] for line in losses(made.output)]
    assert dict(seen[-1].detail)["tokens_per_s"] > 0
    assert set(dict(seen[-1].detail)) == {"loss", "lr", "tokens_per_s"}


def test_nothing_is_printed(inputs: Path, capfd: pytest.CaptureFixture[str]) -> None:
    trained(inputs, "out", "dpo")
    assert capfd.readouterr() == ("", "")


@pytest.mark.parametrize("kind", KINDS)
def test_bf16_is_what_is_computed_in_and_written(inputs: Path, kind: str) -> None:
    output = trained(inputs, "out", kind, precision="bf16")
    assert {weight.dtype for weight in load_file(output / "model.safetensors").values()} == {torch.bfloat16}
    assert json.loads((output / "config.json").read_text())["dtype"] == "bfloat16"
    assert losses(output) != losses(trained(inputs, "exact", kind))


def test_without_a_word_the_precision_is_that_of_the_start_model(inputs: Path) -> None:
    model = AutoModelForCausalLM.from_pretrained(inputs / "model").to(torch.bfloat16)
    model.save_pretrained(inputs / "model")
    output = trained(inputs, "out", "sft")
    assert {weight.dtype for weight in load_file(output / "model.safetensors").values()} == {torch.bfloat16}


@pytest.mark.parametrize("kind", KINDS)
def test_a_loss_that_is_no_number_stops_the_training(inputs: Path, kind: str) -> None:
    poison(inputs / "model", "model.norm.weight")
    with pytest.raises(StepError, match="the loss of step 1 is nan"):
        trained(inputs, "out", kind)


def poison(folder: Path, name: str) -> None:
    weights = load_file(folder / "model.safetensors")
    weights[name][0] = math.nan
    save_file(weights, folder / "model.safetensors", metadata={"format": "pt"})


def test_a_training_that_breaks_down_names_the_step_and_keeps_the_checkpoint(inputs: Path) -> None:
    """One token's embedding is no number; only a row of the third step holds it."""
    write_model(inputs / "model", tie_word_embeddings=False)
    weights = load_file(inputs / "model" / "model.safetensors")
    weights["model.embed_tokens.weight"][63] = math.nan
    save_file(weights, inputs / "model" / "model.safetensors", metadata={"format": "pt"})
    rows = load_file(inputs / "tokens" / "rows.safetensors")
    rows["tokens"][rows["tokens"] == 63] = 62
    rows["tokens"][rows["offsets"][order(42, 0, len(TOKEN_ROWS))[9]]] = 63
    save_file(rows, inputs / "tokens" / "rows.safetensors")
    with pytest.raises(StepError, match="the loss of step 3 is nan") as stopped:
        trained(inputs, "out", "sft", Machine(save_steps=1))
    assert "checkpoint is kept" in stopped.value.help
    kept = sorted(folder.name for folder in (inputs / "out/work/checkpoints").iterdir())
    assert kept == ["step-00000001", "step-00000002"]


def test_a_model_that_brings_code_is_refused(inputs: Path) -> None:
    file = inputs / "model" / "config.json"
    file.write_text(json.dumps(json.loads(file.read_text()) | {"auto_map": {"AutoModelForCausalLM": "code.Model"}}))
    with pytest.raises(StepError, match="asks for code of its own"):
        trained(inputs, "out", "sft")


def test_generation_settings_come_along_as_they_are(inputs: Path) -> None:
    """Even those that transformers would refuse to save."""
    settings = '{"do_sample": false, "temperature": 0.6, "eos_token_id": [1, 2]}'
    (inputs / "model" / "generation_config.json").write_text(settings)
    assert (trained(inputs, "out", "sft") / "generation_config.json").read_text() == settings


def test_a_template_put_on_by_the_recipe_comes_along(inputs: Path) -> None:
    donor = write_model(inputs / "donor")
    (donor / "chat_template.jinja").write_text("{{ messages[0].content }}")
    made = task(inputs / "out", "sft", OPTIONS, inputs / "model", inputs / "tokens")
    start = replace(made.given("model"), inputs=(Given("template", "local", "d", donor),))
    sft.run(replace(made, inputs=(start, made.given("rows"))))
    assert (made.output / "chat_template.jinja").read_text() == "{{ messages[0].content }}"


def test_rows_longer_than_the_model_reads_are_refused(inputs: Path) -> None:
    write_tokens(inputs / "tokens", [[129]])
    with pytest.raises(StepError, match="up to 129 tokens, the model reads at most 128"):
        trained(inputs, "out", "cpt")


def test_weights_that_are_not_the_models_are_refused(inputs: Path) -> None:
    file = inputs / "model" / "model.safetensors"
    weights = load_file(file)
    save_file({**weights, "model.extra": torch.ones(2)}, file, metadata={"format": "pt"})
    with pytest.raises(StepError, match=r"hold what it has no place for: `model\.extra`"):
        trained(inputs, "extra", "sft")
    del weights["model.layers.0.mlp.up_proj.weight"]
    save_file(weights, file, metadata={"format": "pt"})
    with pytest.raises(StepError, match=r"lack `model\.layers\.0\.mlp\.up_proj\.weight`"):
        trained(inputs, "lacking", "sft")
    file.write_bytes(file.read_bytes()[:-100])
    with pytest.raises(StepError, match="cannot be loaded"):
        trained(inputs, "short", "sft")


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a GPU")
def test_a_gpu_that_is_not_there_is_not_replaced_in_silence(inputs: Path) -> None:
    with pytest.raises(StepError, match="asks for a GPU, and there is none"):
        trained(inputs, "out", "sft", Machine(device="cuda"))


def test_tokens_that_the_model_does_not_have_are_refused(inputs: Path) -> None:
    write_model(inputs / "model", vocab_size=40)
    with pytest.raises(StepError, match=r"gives token \d+, the model has 40"):
        trained(inputs, "out", "dpo")


def test_an_empty_corpus_is_refused(inputs: Path) -> None:
    write_tokens(inputs / "tokens", [[3]])
    weights = {name: value[:1] if name == "offsets" else value[:0] for name, value in _rows(inputs).items()}
    save_file(weights, inputs / "tokens" / "rows.safetensors")
    with pytest.raises(StepError, match="no row to train on"):
        trained(inputs, "out", "sft")


def _rows(inputs: Path) -> dict[str, torch.Tensor]:
    return load_file(inputs / "tokens" / "rows.safetensors")


def test_dpo_measures_against_the_reference_it_is_given(inputs: Path) -> None:
    other = write_model(inputs / "other", seed=5)
    own = trained(inputs, "own", "dpo")
    program, options = PROGRAMS["dpo"]
    made = task(inputs / "against", "dpo", options, inputs / "model", inputs / "pairs", reference=other)
    program.run(made)
    same = task(inputs / "same", "dpo", options, inputs / "model", inputs / "pairs", reference=inputs / "model")
    program.run(same)
    assert digests(same.output) == digests(own)
    assert losses(own)[0]["loss"] == pytest.approx(math.log(2))
    assert losses(made.output)[0]["loss"] != pytest.approx(math.log(2), rel=1e-3)
