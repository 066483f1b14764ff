"""Merges within merges: fused, they are what their steps make one after the other."""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest
import torch
from kernels import Held, merged
from ladle.dsl.graph import Json
from ladle.executor.catalog import kernel
from ladle.executor.cli import run
from ladle.executor.weights.kernel import Call
from ladle.executor.weights.reading import Leaf
from ladle.executor.weights.stream import Merge, Rows, stream
from test_merge import weights
from test_merge_faults import plain

SHAPE = (12, 20)
PIECE = 60
LEAVES = 3
TRIMMED: dict[str, Json] = {
    "weights": [1, 1], "density": [0.5, 0.5], "normalize": True, "rescale": False, "lambda": 1,
}  # fmt: skip


@dataclass(frozen=True)
class Kind:
    """A merge of two operands, with a base or not; `asks` of the whole tensor or not."""

    operator: str
    options: dict[str, Json]
    base: bool = False


KINDS = (
    Kind("slerp", {"t": 0.4}),
    Kind("lerp", {"t": 0.3}),
    Kind("linear", {"weights": [0.6, 0.4], "normalize": True}),
    Kind("ties", TRIMMED, base=True),
    Kind("task_arithmetic", {"weights": [0.5, 0.5], "normalize": False, "lambda": 1}, base=True),
    Kind("model_stock", {"filter_wise": False}, base=True),
)


def fused(steps: list[tuple[Kind, tuple[int, ...]]], leaves: list[torch.Tensor]) -> torch.Tensor:
    """What the engine makes of the last step in one go; operands are places among the leaves and the steps before."""
    parts: list[Leaf | Merge] = [Held({"t": leaf}) for leaf in leaves]
    for kind, operands in steps:
        made = kernel(kind.operator)
        assert made is not None
        base = operands[2] if kind.base else -1
        parts.append(Merge(operands[:2], base, made(Call("t", SHAPE, 2, kind.options))))
    found = torch.full(SHAPE, torch.nan)

    def write(rows: Rows, value: Callable[[int], torch.Tensor]) -> None:
        found[rows.first : rows.first + rows.count] = value(len(parts) - 1)

    with torch.inference_mode():
        stream("t", SHAPE, parts, write, torch.device("cpu"), PIECE)
    return found


def stepwise(steps: list[tuple[Kind, tuple[int, ...]]], leaves: list[torch.Tensor]) -> torch.Tensor:
    values = list(leaves)
    for kind, operands in steps:
        models = [{"t": values[place]} for place in operands[:2]]
        base = {"t": values[operands[2]]} if kind.base else None
        values.append(merged(kind.operator, models, base, piece=PIECE, **kind.options)["t"])
    return values[-1]


@pytest.mark.parametrize("seed", range(60))
def test_a_nest_of_merges_is_what_its_steps_make(seed: int) -> None:
    draw = random.Random(seed)
    made = torch.Generator().manual_seed(seed)
    leaves = [torch.randn(SHAPE, generator=made) for _ in range(LEAVES)]
    steps = []
    for count in range(draw.randrange(2, 7)):
        places = range(LEAVES + count)
        last = LEAVES + count - 1
        operands = tuple(draw.choice((last, draw.choice(places))) for _ in range(3))
        steps.append((draw.choice(KINDS), operands))
    assert torch.equal(fused(steps, leaves), stepwise(steps, leaves))


def test_what_asks_of_a_sum_of_what_asks_is_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for seed, name in enumerate("abc"):
        plain(tmp_path / name, weights(seed))
    (tmp_path / "recipes").mkdir()
    models = "".join(f'model {name} = local("{name}")\n' for name in "abc")
    text = "model m = slerp(round(ties(a, b, base = c, density = 0.5), bf16), c, t = 0.4)\n"
    (tmp_path / "recipes/n.recipe").write_text(f"edition 1\n\n{models}{text}")
    monkeypatch.chdir(tmp_path)
    assert run(["run", "recipes/n.recipe"]) == 0
    assert (tmp_path / "artifacts/n/m/model.safetensors").is_file()
