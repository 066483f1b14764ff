"""Regression means: the least-squares solution of a linear layer, in directions that no input has the mean."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from statistics import mean, stdev

import pytest
import torch
from kernels import merged
from ladle.executor.models.weights import load_model
from ladle.executor.task import Task
from ladle.executor.weights import regmean
from ladle.executor.weights.observed import Seen, sequences
from ladle.executor.weights.regmean import grams
from ladle.executor.weights.regression import Rows, regression
from safetensors.torch import load_file
from small_languages import Languages, Weights, languages, loss, network
from small_networks import T95
from test_fisher import asked

Tensor = torch.Tensor


def drawn(*shape: int, seed: int = 0) -> Tensor:
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def squares(inputs: list[Tensor]) -> list[Tensor]:
    return [x.T @ x for x in inputs]


def solve(known: Sequence[Tensor], weights: Sequence[Tensor], factor: float) -> Tensor:
    """Return the whole solution over matrices in memory."""

    def rows(of: Tensor) -> Rows:
        return lambda row, count: of[row : row + count].clone()

    found = regression([*map(rows, known)], [*map(rows, weights)], tuple(weights[0].shape), factor)
    return torch.stack(list(weights)).mean(0) if found is None else torch.cat([rows for _, rows in found])


@pytest.mark.parametrize("count", [2, 3])
def test_it_is_the_least_squares_solution(count: int) -> None:
    inputs = [drawn(60 + 10 * place, 12, seed=place) for place in range(count)]
    weights = [drawn(7, 12, seed=10 + place) for place in range(count)]
    rows, wanted = torch.cat(inputs), torch.cat([x @ w.T for x, w in zip(inputs, weights, strict=True)])
    solution = torch.linalg.lstsq(rows, wanted).solution.T
    torch.testing.assert_close(solve(squares(inputs), weights, 1.0), solution, rtol=1e-9, atol=1e-9)


def test_the_guard_is_a_heavier_diagonal() -> None:
    inputs, weights = [drawn(40, 6), drawn(40, 6, seed=1)], [drawn(3, 6, seed=2), drawn(3, 6, seed=3)]
    shrunk = [g * 0.7 + torch.diag(g.diagonal() * 0.3) for g in squares(inputs)]
    wanted = torch.linalg.solve(sum(shrunk), sum(g @ w.T for g, w in zip(shrunk, weights, strict=True))).T
    torch.testing.assert_close(solve(squares(inputs), weights, 0.7), wanted, rtol=1e-9, atol=1e-9)
    alone = solve([torch.diag(g.diagonal()) for g in squares(inputs)], weights, 1.0)
    torch.testing.assert_close(solve(squares(inputs), weights, 0.0), alone, rtol=1e-6, atol=1e-6)


@pytest.mark.parametrize("factor", [1.0, 0.9])
def test_what_no_input_reaches_stays_the_mean(factor: float) -> None:
    inputs = [drawn(40, 6), drawn(40, 6, seed=1)]
    for x in inputs:
        x[:, 4:] = 0
    weights = [drawn(3, 6, seed=2), drawn(3, 6, seed=3)]
    found = solve(squares(inputs), weights, factor)
    torch.testing.assert_close(found[:, 4:], (weights[0] + weights[1])[:, 4:] / 2)
    assert torch.equal(solve(squares(inputs), [weights[0]] * 2, factor), weights[0])


# --- the program ----------------------------------------------------------------------------------------------------


def seen_by(task: Task, place: int, layer: str) -> Tensor:
    """Return the inputs of a layer of an operand, over the rows that the program draws."""
    path = task.given(str(place)).path
    assert path
    model = load_model(path, torch.float32, "sdpa").eval()
    found: list[Tensor] = []
    hook = model.get_submodule(layer).register_forward_hook(lambda m, given, out: found.append(given[0][0]))
    with torch.no_grad():
        for ids in sequences(task, place, task.given(str(place))):
            model(torch.tensor([ids]))
    hook.remove()
    return torch.cat(found).double()


def test_a_linear_layer_of_a_model_is_solved_and_the_rest_is_the_mean(tmp_path: Path) -> None:
    run = asked(tmp_path / "x", "regmean", rows=6, context=16, off_diagonal=1.0)
    regmean.run(run)
    found = load_file(run.output / "model.safetensors")
    paths = [path for path in (given.path for given in run.inputs if given.role.isdecimal()) if path]
    models = [load_file(path / "model.safetensors") for path in paths]
    layer = "model.layers.1.mlp.up_proj"
    inputs = [seen_by(run, place, layer) for place in (0, 1)]
    weights = [each[f"{layer}.weight"].double() for each in models]
    middle = (weights[0] + weights[1]) / 2
    wanted = torch.cat([x @ (w - middle).T for x, w in zip(inputs, weights, strict=True)])
    solution = torch.linalg.lstsq(torch.cat(inputs), wanted, rcond=1e-4, driver="gelsd").solution.T + middle
    error = [sum((x @ (each - w).T).square().sum().item() for x, w in zip(inputs, weights, strict=True))
             for each in (found[f"{layer}.weight"].double(), solution, middle)]  # fmt: skip
    assert error[0] == pytest.approx(error[1], rel=1e-3, abs=1e-6)
    assert error[0] < 0.9 * error[2]
    for name in ("model.norm.weight", "model.embed_tokens.weight"):
        torch.testing.assert_close(found[name], (models[0][name] + models[1][name]) / 2, rtol=0, atol=0)


def test_a_model_is_run_again_for_what_would_not_fit_beside_it() -> None:
    found = languages(0)
    sequences = tuple(row[None] for row in found.seen[0][:3])
    told: list[int] = []
    asked = Seen(network(found.models[0]), "m", sequences, told.append)
    with torch.inference_mode():
        [whole] = grams(asked, 2**30).parts
        most = max(each.nbytes for each in whole.values())
        parts = list(grams(asked, most).parts)
        again = {name: each for part in parts for name, each in part.items()}
    assert len(parts) > 2
    assert all(sum(each.nbytes for each in part.values()) <= most for part in parts)
    assert again.keys() == whole.keys()
    assert all(torch.equal(again[name], whole[name]) for name in whole)
    assert told[3:] == sorted(told[3:])
    assert told[-1] == 3


def test_what_only_one_model_saw_is_solved_and_what_none_saw_is_the_mean() -> None:
    none, some = torch.zeros(6, 6, dtype=torch.float64), squares([drawn(40, 6)])[0]
    weights = [drawn(3, 6, seed=2), drawn(3, 6, seed=3)]
    torch.testing.assert_close(solve([none, some], weights, 0.9), weights[1])
    assert torch.equal(solve([none, none], weights, 0.9), (weights[0] + weights[1]) / 2)
    signed = torch.tensor([[-0.0, 1.0, 0.0, -0.0, 2.0, 3.0]], dtype=torch.float64)
    assert torch.equal(solve([some, some], [signed, signed], 0.9).signbit(), signed.signbit())


# --- a property, on small language models ---------------------------------------------------------------------------


def regressed(found: Languages, factor: float) -> Weights:
    known = []
    with torch.inference_mode():
        for weights, rows in zip(found.models, found.seen, strict=True):
            tokens = tuple(row[None] for row in rows[:64])
            seen = grams(Seen(network(weights), "m", tokens, lambda done: None))
            known.append({name: each for part in seen.parts for name, each in part.items()})
        middle = merged("soup", found.models)
        for name in known[0]:
            solved = solve([each[name].double() for each in known], [m[name].double() for m in found.models], factor)
            middle[name] = solved.float()
    return middle


def test_it_beats_the_mean_with_its_guard_and_not_without() -> None:
    """Over five seeds, paired; the plain least squares (`off_diagonal = 1`) are worse than the mean on so few rows."""
    found = [languages(seed) for seed in range(5)]
    for factor, better in ((0.9, True), (1.0, False)):
        gaps = [loss(regressed(f, factor), f.held) - loss(merged("soup", f.models), f.held) for f in found]
        high = mean(gaps) + T95 * stdev(gaps) / len(gaps) ** 0.5
        assert (high < 0) == better, gaps
