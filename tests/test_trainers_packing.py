"""Packed rows: isolated documents are trained as if alone, no document is predicted from another, leaks are refused."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from ladle.executor.models.weights import load_model
from ladle.executor.task import Machine, StepError
from ladle.executor.trainers import cpt
from ladle.executor.trainers.forward import dense_log_probs, fused_log_probs
from ladle.executor.trainers.isolation import refuse_leaks
from ladle.executor.trainers.rows import token_rows
from safetensors.numpy import load_file, save_file
from torch.nn import functional
from trainer_inputs import OPTIONS, task, write_model, write_tokens
from transformers import AutoModelForCausalLM, LlamaForCausalLM
from trl.trainer.utils import add_fused_lm_head

PACKED = [[5, 7, 3], [9], [2, 2, 2, 2], [1, 6]]


def steps(place: Path, model: Path, rows: Path, **options: Any) -> list[tuple[float, float]]:
    """Return (loss, norm of the gradient) of each step."""
    made = task(place, "cpt", OPTIONS | options, model, rows)
    cpt.run(made)
    lines = (made.output / "losses.csv").read_text().splitlines()[1:]
    return [(float(line.split(",")[1]), float(line.split(",")[3])) for line in lines]


def apart(packed: Path, folder: Path) -> Path:
    """Write the documents of packed rows as rows of their own, without packing."""
    rows = load_file(packed / "rows.safetensors")
    lengths = [length for row in PACKED for length in row]
    write_tokens(folder, [[length] for length in lengths])
    offsets = np.cumsum([0, *lengths])
    documents = np.concatenate([np.zeros(length) for length in lengths]).astype(np.int32)
    save_file({**rows, "documents": documents, "offsets": offsets}, folder / "rows.safetensors")
    return folder


@pytest.mark.parametrize("attention", ["sdpa", "eager"])
def test_an_isolated_row_is_worth_its_documents(tmp_path: Path, attention: str) -> None:
    model = write_model(tmp_path / "model", num_hidden_layers=2)
    packed = write_tokens(tmp_path / "packed", PACKED, "isolated")
    rows = token_rows(packed)
    loaded = load_model(model, torch.float32, attention).train()
    batch = rows.batch(range(len(PACKED)), pad=0)
    together = dense_log_probs(loaded, batch, batch["labels"]).sum(-1)
    starts = np.cumsum([0, *(length for row in PACKED for length in row)])
    alone = []
    for start, end in pairwise(starts):
        document = torch.from_numpy(rows.tokens[start:end].astype(np.int64))[None]
        alone.append(dense_log_probs(loaded, {"input_ids": document}, document).sum())
    bounds = np.cumsum([0, *(len(row) for row in PACKED)])
    for k in range(len(PACKED)):
        assert together[k].item() == pytest.approx(sum(alone[bounds[k] : bounds[k + 1]]).item(), rel=1e-5)


def test_training_on_isolated_rows_is_training_on_their_documents(tmp_path: Path) -> None:
    model = write_model(tmp_path / "model")
    packed = write_tokens(tmp_path / "packed", PACKED, "isolated")
    whole = {"steps": 1, "global_batch": 10}
    ours = steps(tmp_path / "a", model, packed, **whole)
    assert ours[0] == pytest.approx(
        steps(tmp_path / "b", model, apart(packed, tmp_path / "apart"), **whole)[0], rel=1e-5
    )


def test_wrapped_documents_see_each_other_and_isolated_ones_do_not(tmp_path: Path) -> None:
    model = write_model(tmp_path / "model")
    isolated = steps(tmp_path / "a", model, write_tokens(tmp_path / "isolated", PACKED, "isolated"))
    wrapped = steps(tmp_path / "b", model, write_tokens(tmp_path / "wrapped", PACKED, "wrapped"))
    assert isolated != wrapped


@pytest.mark.parametrize("packing", ["isolated", "wrapped"])
def test_the_first_token_of_a_document_is_not_predicted(tmp_path: Path, packing: str) -> None:
    rows = token_rows(write_tokens(tmp_path / "rows", PACKED, packing))
    labels = rows.batch([0, 2], pad=0)["labels"]
    assert (labels[0] != -100).tolist() == [False, *4 * [True], False, *6 * [True], False, True, True]
    assert (labels[1, :8] != -100).tolist() == 4 * [False, True]
    assert (labels[1, 8:] == -100).all()


def test_a_row_cut_from_a_stream_begins_with_a_token_that_is_not_predicted_either(tmp_path: Path) -> None:
    """Where a wrapped row begins in the middle of a document, nothing comes before its first token."""
    rows = token_rows(write_tokens(tmp_path / "rows", [[4]], "wrapped"))
    assert rows.batch([0], pad=0)["labels"][0].tolist()[0] == -100


def test_unsupervised_tokens_and_padding_have_no_label(tmp_path: Path) -> None:
    rows = token_rows(write_tokens(tmp_path / "rows", [[6], [4]], masked=3))
    batch = rows.batch([0, 1], pad=9)
    assert (batch["labels"] != -100).tolist() == [[False] * 3 + [True] * 3, [False] * 3 + [True] + [False] * 2]
    assert batch["input_ids"][1].tolist()[4:] == [9, 9]
    assert "position_ids" not in batch


def test_padding_needs_no_attention_mask(tmp_path: Path) -> None:
    """Under a causal mask nothing sees what comes after it: the value of the pad changes no prediction."""
    model = load_model(write_model(tmp_path / "model"), torch.float32, "sdpa")
    rows = token_rows(write_tokens(tmp_path / "rows", [[9], [4]]))
    found = []
    for pad in (0, 33):
        batch = rows.batch([0, 1], pad=pad)
        found.append(dense_log_probs(model, batch, batch["labels"]))
    assert torch.equal(found[0], found[1])
    masked = model(input_ids=batch["input_ids"], attention_mask=torch.tensor([[1] * 9, [1] * 4 + [0] * 5]))
    torch.testing.assert_close(found[1], exact(masked.logits, batch["labels"]))


class Leaky(LlamaForCausalLM):
    """A model that pays no attention to positions, as architectures without a packed mask do."""

    def forward(self, input_ids: torch.Tensor, position_ids: torch.Tensor | None = None, **more: Any) -> Any:
        return super().forward(input_ids, **more)


@pytest.mark.parametrize("precision", ["fp32", "bf16"])
def test_a_model_that_cannot_isolate_is_refused(tmp_path: Path, precision: str) -> None:
    write_model(tmp_path / "model", initializer_range=0.02)
    leaky = Leaky.from_pretrained(tmp_path / "model")
    with pytest.raises(StepError, match="packed documents see each other"):
        refuse_leaks(leaky, Machine(), precision)
    refuse_leaks(AutoModelForCausalLM.from_pretrained(tmp_path / "model"), Machine(), precision)


def exact(logits: torch.Tensor, labels: torch.Tensor) -> torch.Tensor:
    """Return the log-probability of each label from all logits."""
    wanted = labels[:, 1:]
    found = functional.log_softmax(logits[:, :-1], -1).gather(-1, wanted.clamp(min=0)[..., None])[..., 0]
    return torch.where(wanted == -100, 0.0, found)


@pytest.mark.parametrize("scored", [dense_log_probs, fused_log_probs])
def test_log_probabilities_are_those_of_the_next_token(tmp_path: Path, scored: Any) -> None:
    model = load_model(write_model(tmp_path / "model"), torch.float32, "sdpa")
    ids = torch.tensor([[5, 6, 7, 8, 9], [9, 8, 7, 6, 5], [2, 3, 4, 5, 6]])
    labels = torch.tensor([[5, 6, -100, 8, 9], [-100, -100, 7, 6, -100], [2, -100, -100, -100, -100]])
    expected = exact(model(input_ids=ids).logits, labels)
    add_fused_lm_head(model)
    torch.testing.assert_close(scored(model, {"input_ids": ids}, labels), expected)
    nothing = torch.full_like(labels, -100)
    empty = scored(model, {"input_ids": ids}, nothing)
    assert empty.tolist() == [[0.0] * 4] * 3
    empty.sum().backward()
    assert all(weight.grad is None or not weight.grad.any() for weight in model.parameters())


def test_rows_of_another_kind_are_refused(tmp_path: Path) -> None:
    folder = write_tokens(tmp_path / "rows", [[4]])
    (folder / "rows.safetensors").write_bytes(b"not safetensors")
    with pytest.raises(StepError, match="prepared rows cannot be read"):
        token_rows(folder)
