"""PCB-Merging: its formula in float64, hard cases, and that it beats the mean."""

from __future__ import annotations

import pytest
import torch
from kernels import merged
from small_networks import loss, lower, mean_of

Tensor = torch.Tensor


def reference(models: list[Tensor], base: Tensor, density: float, weights: list[float], factor: float) -> Tensor:
    """The formula of the method, written down in float64."""
    deltas = torch.stack([(model - base).double().flatten() for model in models])
    count, size = deltas.shape

    def norm(x: Tensor) -> Tensor:
        return x / (x.abs().max() or 1.0)

    scores = []
    for one in deltas:
        intra = torch.softmax(count * norm(one * one), 0)
        inter = torch.stack([torch.softmax(norm(one * other), 0) for other in deltas]).sum(0)
        score = intra * inter
        keep = round(density * size)
        scores.append(score * (score >= score.sort(descending=True).values[keep - 1]))
    kept = torch.stack(scores)
    weighted = (kept * torch.tensor(weights, dtype=torch.float64)[:, None] * deltas).sum(0)
    whole = kept.sum(0)
    change = weighted / torch.where(whole == 0, torch.ones_like(whole), whole)
    return (base.double().flatten() + factor * change).reshape(base.shape)


def tensors(count: int, *shape: int, scale: float = 0.1) -> tuple[list[Tensor], Tensor]:
    generator = torch.Generator().manual_seed(7)
    base = torch.randn(shape, generator=generator)
    return [base + scale * torch.randn(shape, generator=generator) for _ in range(count)], base


@pytest.mark.parametrize("count", [2, 3])
@pytest.mark.parametrize("density", [1.0, 0.5, 0.2])
def test_the_formula_in_float64(count: int, density: float) -> None:
    models, base = tensors(count, 40, 30)
    weights = [1.0, 0.5, 1.2][:count]
    options = {"density": density, "lambda": 0.8, "weights": list(weights)}
    for elements in (2**18, 97):
        found = merged("pcb", [{"w": model} for model in models], {"w": base}, **options, piece=elements)["w"]
        wanted = reference(models, base, density, weights, 0.8)
        # Scores that float32 cannot tell apart may be ranked the other way round at the threshold.
        far = (found.double() - wanted).abs() > 1e-5
        assert far.sum() <= 1
        same = (found.bfloat16() == wanted.bfloat16()) | far
        assert same.double().mean() > 0.999


@pytest.mark.parametrize("scale", [1e-30, 1e-3, 1e30])
def test_no_size_of_the_differences_makes_a_difference(scale: float) -> None:
    models, _ = tensors(2, 16, 8, scale=1.0)
    zero = torch.zeros(16, 8)
    small = merged("pcb", [{"w": each} for each in models], {"w": zero}, density=0.5, **{"lambda": 1.0})["w"]
    large = merged("pcb", [{"w": each * scale} for each in models], {"w": zero}, density=0.5, **{"lambda": 1.0})["w"]
    torch.testing.assert_close(large / scale, small, rtol=1e-4, atol=1e-6)


def test_equal_models_give_themselves_and_a_model_equal_to_the_base_is_no_number_lost() -> None:
    models, base = tensors(1, 8, 8)
    same = merged("pcb", [{"w": models[0]}] * 3, {"w": base}, density=1.0, **{"lambda": 1.0})["w"]
    torch.testing.assert_close(same, models[0])
    for group in ([base, base], [base, models[0]]):
        assert (
            merged("pcb", [{"w": each} for each in group], {"w": base}, density=0.3, **{"lambda": 1.0})["w"]
            .isfinite()
            .all()
        )
    one = merged("pcb", [{"w": torch.tensor([2.0])}, {"w": torch.tensor([4.0])}], {"w": torch.tensor([1.0])},
                 density=1.0, **{"lambda": 1.0})["w"]  # fmt: skip
    torch.testing.assert_close(one, torch.tensor([3.0]))  # one element: all scores are equal


@pytest.mark.parametrize("density", [1.0, 0.9])
def test_it_beats_the_mean_on_tasks_of_disjoint_inputs(density: float) -> None:
    options = {"density": density, "lambda": 1.0}
    low, high = lower(
        lambda f: loss(merged("pcb", f.models, f.base, **options), *f.held), lambda f: loss(mean_of(f.models), *f.held)
    )
    assert high < 0, (low, high)
