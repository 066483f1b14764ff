"""What merges of whole models and those that mergekit makes say of their models without refusing them."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch
from ladle.dsl.frozen import replace
from ladle.dsl.graph import Json
from ladle.executor.catalog import vocabulary
from ladle.executor.programs import program
from ladle.executor.task import StepError, Task
from safetensors.torch import load_file, save_file
from test_fisher import asked
from test_merge import folder, given, task, weights
from test_rebasin import save, shuffled
from transformers import GPT2Config, GPT2LMHeadModel

THETA = "has rope_theta 1000000, not 10000 as"


def told(task: Task) -> list[str]:
    """Run a step, to its end or to what it refuses, and return its notes."""
    found: list[str] = []
    try:
        program(vocabulary()[task.operator].program).run(replace(task, note=found.append))
    except StepError as error:
        found.append(error.message)
    return found


def spun(folder: Path) -> Path:
    """Give a model another base of its positions."""
    path = folder / "config.json"
    said = json.loads(path.read_text())
    said.pop("rope_parameters", None)
    path.write_text(json.dumps(said | {"rope_theta": 1e6, "rope_scaling": None}))
    return folder


def widened(folder: Path) -> Path:
    path = folder / "model.safetensors"
    save_file({name: each.double() for name, each in load_file(path).items()}, path, {"format": "pt"})
    return folder


@pytest.mark.parametrize(("operator", "more"), [("fisher", {}), ("regmean", {"off_diagonal": 0.9})])
def test_merges_that_run_models_tell_what_differs_and_what_is_narrowed_once(
    operator: str, more: dict[str, Json], tmp_path: Path
) -> None:
    merge = asked(tmp_path / "x", operator, **more)
    b = merge.given("1").path
    assert b
    widened(spun(b))
    assert told(merge) == [
        "`b` holds float64 (`model.embed_tokens.weight` and perhaps others), and merges compute in float32",
        f"`b` {THETA} `a`, whose configuration the result has",
    ]


def test_a_regression_that_sees_no_inputs_of_a_matrix_says_so(tmp_path: Path) -> None:
    """GPT-2 has no linear layers by name: what transformers calls Conv1D is another class."""
    merge = asked(tmp_path / "x", "regmean", off_diagonal=0.9)
    for number in (0, 1):
        place = merge.given(str(number)).path
        assert place
        config = GPT2Config(vocab_size=300, n_positions=64, n_embd=8, n_layer=1, n_head=2, bos_token_id=None,
                            eos_token_id=None)  # fmt: skip
        torch.manual_seed(number)
        GPT2LMHeadModel(config).save_pretrained(place)
    [note] = told(merge)
    assert "`transformer.h.0.attn.c_attn.weight` and 4 more matrices come out as plain means" in note


def test_rebasin_tells_what_differs_and_that_it_moves_nothing(tmp_path: Path) -> None:
    own = save(tmp_path / "own", 1)
    copy = shuffled(own, tmp_path / "copy", 2)
    for moved, last in ((copy, None), (own, "no unit changes its place")):
        place = tmp_path / f"made from {moved.name}"
        inputs = (given("0", moved), given("to", own))
        found = told(task(place, "rebasin", {}, inputs))
        assert [text.partition(":")[0] for text in found] == ([last] if last else [])
    assert told(task(tmp_path / "spun", "rebasin", {}, (given("0", spun(copy)), given("to", own)))) == [
        "`own` has rope_theta 10000, not 1000000 as `copy`, whose configuration the result has"
    ]


def test_what_mergekit_makes_is_told_of_too(tmp_path: Path) -> None:
    a = folder(tmp_path / "a", weights(1), rope_theta=10000.0)
    b = folder(tmp_path / "b", weights(2), rope_theta=1e6)
    note = f"`b` {THETA} `a`, whose configuration the result has"
    two = given("0", a), given("1", b)
    merge = replace(two[0], operator="lerp", path=None, options={"t": 0.5}, inputs=two)
    assert told(task(tmp_path / "merge", "mergekit", {}, (merge,))) == [note]
    layers: dict[str, Json] = {"layers": [[0, 1], [2]], "scale": 1.0}
    assert told(task(tmp_path / "stack", "stack", layers, two)) == [note]
    mixture = (given("0", b), given("1", b), given("base", a))
    assert told(task(tmp_path / "moe", "moe", {"gate_mode": "hidden"}, mixture))[0] == note
    (a / "tokenizer_config.json").write_text('{"auto_map": {}}')
    found = told(task(tmp_path / "lora", "extract_lora", {"rank": 4}, (given("0", b), given("base", a))))
    assert found[0] == f"`b` {THETA} `a`, on which the adapter sits"


# --- damage -----------------------------------------------------------------------------------------------------------


def damage(folder: Path) -> str:
    """Plant infinity in the last matrix of a model, and return its name."""
    path = folder / "model.safetensors"
    found = load_file(path)
    name = max(name for name in found if name.endswith("up_proj.weight"))
    found[name][0, 0] = torch.inf
    save_file(found, path, {"format": "pt"})
    return name


@pytest.mark.parametrize(("operator", "more"), [("fisher", {}), ("regmean", {"off_diagonal": 0.9})])
def test_a_damaged_model_that_is_run_is_named_with_its_tensor(
    operator: str, more: dict[str, Json], tmp_path: Path
) -> None:
    merge = asked(tmp_path / "x", operator, **more)
    b = merge.given("1").path
    assert b
    name = damage(b)
    assert told(merge)[-1] == f"`{name}` of `b` holds values that are not finite numbers"


@pytest.mark.parametrize(
    ("operator", "options"),
    [
        ("stack", {"layers": [[0, 1], [1, 2]], "scale": [1.0, 1.0]}),
        ("extract_lora", {"rank": 2, "sv_epsilon": 0, "embeddings": "none", "norms": "none"}),
    ],
)
def test_a_damaged_model_of_mergekits_is_named_with_its_tensor(
    operator: str, options: dict[str, Json], tmp_path: Path
) -> None:
    a, b = (folder(tmp_path / name, weights(seed)) for seed, name in enumerate("ab"))
    name = damage(b)
    inputs = (given("0", a), given("1", b)) if operator == "stack" else (given("0", b), given("base", a))
    (tmp_path / "out").mkdir()
    assert told(task(tmp_path / "out", operator, options, inputs))[-1] == (
        f"`{name}` of `b` holds values that are not finite numbers"
    )
