"""States within a training: the bytes of the run they lie in, and one run for all of them."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import pytest
from checking import graph
from ladle.dsl.frozen import replace
from ladle.dsl.graph import UNTIL, whole
from ladle.executor.backends.dvc import compile_pipeline
from ladle.executor.catalog import vocabulary
from ladle.executor.layout import layout
from ladle.executor.option_model import problems
from ladle.executor.task import CHECKPOINTS, Progress, StepError
from ladle.executor.trainers import sft
from trainer_inputs import OPTIONS, digests, task, write_model, write_tokens

# Seven rows in batches of four make epochs of two steps.
EPOCHS: dict[str, Any] = {**OPTIONS, "steps": None, "epochs": 3}


@pytest.fixture(scope="module")
def inputs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    place = tmp_path_factory.mktemp("snapshots")
    write_model(place / "model", attention_dropout=0.1)
    write_tokens(place / "tokens", [[5], [7], [9], [4], [12], [3], [8]], masked=2)
    return place


def train(inputs: Path, place: Path, **until: Any) -> tuple[dict[str, str], list[int]]:
    """Train up to a state in `place`, whose scratch folder stays; return what was written and the steps done."""
    shutil.rmtree(place / "output", ignore_errors=True)
    seen: list[Progress] = []
    options = {**EPOCHS, UNTIL: until} if until else EPOCHS
    made = task(place, "sft", options, inputs / "model", inputs / "tokens")
    sft.run(replace(made, report=seen.append))
    return digests(made.output), [progress.done for progress in seen if progress.detail]


def test_a_state_at_the_end_is_the_model_itself(inputs: Path, tmp_path: Path) -> None:
    trained, steps = train(inputs, tmp_path / "whole")
    assert steps == [1, 2, 3, 4, 5, 6]
    assert train(inputs, tmp_path / "epoch", epoch=3)[0] == trained
    assert train(inputs, tmp_path / "step", step=6)[0] == trained


def test_states_go_on_from_each_other_and_the_whole_from_them(inputs: Path, tmp_path: Path) -> None:
    alone = {epoch: train(inputs, tmp_path / f"alone-{epoch}", epoch=epoch)[0] for epoch in (1, 2)}
    trained, _ = train(inputs, tmp_path / "whole")
    assert train(inputs, tmp_path / "shared", epoch=1) == (alone[1], [1, 2])
    assert train(inputs, tmp_path / "shared", epoch=2) == (alone[2], [3, 4])
    assert train(inputs, tmp_path / "shared") == (trained, [5, 6])
    assert len({alone[1]["model.safetensors"], alone[2]["model.safetensors"], trained["model.safetensors"]}) == 3


def test_a_state_before_all_checkpoints_is_trained_from_the_beginning(inputs: Path, tmp_path: Path) -> None:
    alone, _ = train(inputs, tmp_path / "alone", step=1)
    train(inputs, tmp_path / "shared", epoch=2)
    assert train(inputs, tmp_path / "shared", step=1) == (alone, [1])


def test_a_state_that_was_killed_before_it_was_published_is_made_again(inputs: Path, tmp_path: Path) -> None:
    alone, _ = train(inputs, tmp_path / "shared", epoch=1)
    assert [path.name for path in (tmp_path / "shared" / "work" / CHECKPOINTS).iterdir()] == ["step-00000002"]
    assert train(inputs, tmp_path / "shared", epoch=1)[0] == alone


def test_a_state_beyond_the_training_is_refused(inputs: Path, tmp_path: Path) -> None:
    with pytest.raises(StepError, match="epoch 4 is beyond the training: it ends with step 8, and the training has 6"):
        train(inputs, tmp_path / "beyond", epoch=4)


# --- the graph ------------------------------------------------------------------------------------------------------

STATES = """
model m = base | cpt(epochs = 3)
model early[e in [2, 1, 3]] = snapshot(m, epoch = e)
evaluate t { models = [early]  on = [silk] }
"""


def test_the_state_at_the_last_epoch_is_the_model_and_no_fingerprint_changes() -> None:
    found, plain = graph(STATES), graph("model m = base | cpt(epochs = 3)")
    assert found.aliases["early-3"] == found.aliases["m"] == plain.aliases["m"]
    first, second = (found.nodes[found.aliases[f"early-{epoch}"]] for epoch in (1, 2))
    assert first.operator == "cpt"
    assert dict(first.options)[UNTIL] == {"epoch": 1}
    assert whole(first) == whole(second) == found.aliases["m"]
    assert first.fingerprint != second.fingerprint


def test_dvc_makes_the_states_of_one_training_in_their_order() -> None:
    files = compile_pipeline(layout(graph(STATES), vocabulary()))
    text = files["pipelines/t/dvc.yaml"].decode()
    stages = {part.split(":")[0].strip(): part for part in text.split("\n  ") if part.startswith(("early", "m:"))}
    assert set(stages) == {"early-1", "early-2", "m"}
    lines = text.splitlines()

    def deps(name: str) -> list[str]:
        start = lines.index(f"  {name}:")
        return [
            line.strip("- ") for line in lines[start : lines.index("    outs:", start)] if line.startswith("    - ")
        ]

    assert "artifacts/t/early-1" in deps("early-2")
    assert "artifacts/t/early-2" in deps("m")
    assert not any("artifacts/t/early" in each for each in deps("early-1"))


@pytest.mark.parametrize(
    "until", [{"epoch": 0}, {"epoch": 1, "step": 2}, {}, {"minute": 1}, "epoch", {"epoch": 1.5}, {"step": True}]
)
def test_a_node_file_says_where_a_state_lies_in_one_way(until: Any) -> None:
    options = {**OPTIONS, "warmup": 1}
    assert problems({**options, UNTIL: {"epoch": 2}}, vocabulary()["cpt"]) == ()
    assert problems({**options, UNTIL: until}, vocabulary()["cpt"])
