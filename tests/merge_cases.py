"""Merge methods with options, what they are in float64, and what mergekit calls them. In: nothing. Out: cases."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from importlib import import_module
from types import ModuleType

import torch
from ladle.dsl.graph import Json
from merging import Tensors, by_mergekit

Reference = Callable[[Tensors, torch.Tensor | None], torch.Tensor]


@dataclass(frozen=True)
class Case:
    """A method with options, its reference in float64, and what mergekit calls it."""

    method: str
    options: Mapping[str, Json]
    exact: Reference
    operands: int = 2
    based: bool = False
    theirs: str = ""
    parameters: Mapping[str, float | bool | tuple[float, ...]] = field(default_factory=dict)
    base_is_first: bool = False
    """Whether mergekit calls the first operand the base."""
    selects: bool = False
    """Whether elements are chosen by a threshold, at which mergekit in float32 may choose others."""

    @property
    def module(self) -> ModuleType:
        return import_module(f"ladle.executor.merges.{self.method}")

    def split(self, tensors: Tensors) -> tuple[Tensors, torch.Tensor | None]:
        return (tensors[1:], tensors[0]) if self.based else (tensors, None)

    @property
    def count(self) -> int:
        return self.operands + self.based

    def ask_mergekit(
        self, models: Tensors, base: torch.Tensor | None, dtype: torch.dtype = torch.float32
    ) -> torch.Tensor:
        models, base = tuple(model.to(dtype) for model in models), None if base is None else base.to(dtype)
        if self.base_is_first:
            models, base = models[1:], models[0]
        return by_mergekit(self.theirs or self.method, models, base, **self.parameters)


def unit(x: torch.Tensor) -> torch.Tensor:
    return x / x.norm() if x.norm() else x


def circle(a: torch.Tensor, b: torch.Tensor, t: float, parallel: float = 1e-14, eps: float = 1e-300) -> torch.Tensor:
    x, y = a.double(), b.double()
    cosine = ((x / x.norm().clamp(min=eps)) * (y / y.norm().clamp(min=eps))).sum().clamp(-1, 1)
    if 1 - cosine.square() <= parallel:
        return (1 - t) * x + t * y
    angle = torch.acos(cosine)
    return (torch.sin((1 - t) * angle) * x + torch.sin(t * angle) * y) / torch.sin(angle)


def slerp(t: float, geometric: bool = False) -> Reference:
    def exact(models: Tensors, base: torch.Tensor | None) -> torch.Tensor:
        a, b = models[0].double(), models[1].double()
        if geometric and a.norm() > 1e-8 and b.norm() > 1e-8:
            return circle(unit(a), unit(b), t, 1 - 0.9995**2) * a.norm() ** (1 - t) * b.norm() ** t
        sizes = [x.norm() if x.norm() > 1e-8 else torch.ones(()) for x in (a, b)]
        cosine = ((a / sizes[0]) * (b / sizes[1])).sum()
        if cosine.abs() > 0.9995:
            return (1 - t) * a + t * b
        angle = torch.acos(cosine.double())
        return (torch.sin((1 - t) * angle) * a + torch.sin(t * angle) * b) / torch.sin(angle)

    return exact


def sums(*weights: float) -> Reference:
    def exact(models: Tensors, base: torch.Tensor | None) -> torch.Tensor:
        return sum(
            (model.double() * weight for model, weight in zip(models, weights, strict=True)),
            start=torch.zeros((), dtype=torch.float64),
        )

    return exact


def over(models: Tensors, base: torch.Tensor | None) -> tuple[list[torch.Tensor], torch.Tensor]:
    origin = torch.zeros((), dtype=torch.float64) if base is None else base.double()
    return [model.double() - origin for model in models], origin


def nuslerp(t: float, slices: Callable[[torch.Tensor], torch.Tensor] | None = None) -> Reference:
    def exact(models: Tensors, base: torch.Tensor | None) -> torch.Tensor:
        (a, b), origin = over(models, base)
        if slices is None:
            return circle(a, b, t, eps=1e-7) + origin
        made = torch.empty_like(a)
        for one, two, out in zip(slices(a), slices(b), slices(made), strict=True):
            out.copy_(circle(one, two, t, eps=1e-7))
        return made + origin

    return exact


def rows(x: torch.Tensor) -> torch.Tensor:
    return x.reshape(-1, x.shape[-1])


def columns(x: torch.Tensor) -> torch.Tensor:
    return x.reshape(x.shape[0], -1).T if x.dim() > 1 else x.reshape(1, -1)


def multislerp(*weights: float, eps: float = 1e-8) -> Reference:
    def exact(models: Tensors, base: torch.Tensor | None) -> torch.Tensor:
        deltas, origin = over(models, base)
        sizes = [delta.norm() for delta in deltas]
        mean = sum(w * d / (n + eps) for w, d, n in zip(weights, deltas, sizes, strict=True))
        assert isinstance(mean, torch.Tensor)
        if mean.norm() < eps:
            return sum((w * d for w, d in zip(weights, deltas, strict=True)), start=origin)
        return unit(mean) * sum(w * n for w, n in zip(weights, sizes, strict=True)) + origin

    return exact


def karcher(models: Tensors, base: torch.Tensor | None) -> torch.Tensor:
    wide = [model.double() for model in models]
    sizes = [float(model.norm()) for model in wide]
    units = [w / n for w, n in zip(wide, sizes, strict=True) if n > 1e-5 * min(1, max(sizes))]
    if not units:
        return torch.zeros_like(wide[0])
    mean = sum(units, start=torch.zeros_like(wide[0])) / len(units)
    mean = units[0].clone() if mean.norm() < 1e-5 else unit(mean)
    for _ in range(10):
        pull = torch.zeros_like(mean)
        for each in units:
            dot = (mean * each).sum().clamp(-1, 1)
            angle = torch.acos(dot)
            if 1e-5 <= angle < torch.pi - 1e-7:
                pull += angle / torch.sin(angle) * (each - dot * mean) / len(units)
        if pull.norm() < 1e-5:
            break
        mean = unit(torch.cos(pull.norm()) * mean + torch.sin(pull.norm()) * unit(pull))
    return mean * sum(sizes) / len(sizes)


def model_stock(models: Tensors, base: torch.Tensor | None) -> torch.Tensor:
    deltas, origin = over(models, base)
    found = [
        ((a * b).sum() / (a.norm() * b.norm()).clamp(min=1e-6)).clamp(-1, 1)
        for i, a in enumerate(deltas)
        for b in deltas[i + 1 :]
    ]
    cosine, count = sum(found, start=torch.zeros(())) / len(found), len(deltas)
    below = 1 + (count - 1) * cosine
    t = count * cosine / below if abs(below) >= 1e-6 else torch.zeros(())
    return origin + t * sum(deltas, start=torch.zeros(())) / count


def stock_by_row(models: Tensors, base: torch.Tensor | None) -> torch.Tensor:
    assert base is not None
    made = torch.empty_like(base, dtype=torch.float64)
    for place, out in enumerate(rows(made)):
        out.copy_(model_stock(tuple(rows(model)[place] for model in models), rows(base)[place]))
    return made


def arcee_fusion(models: Tensors, base: torch.Tensor | None) -> torch.Tensor:
    assert base is not None
    x, y = models[0].double(), base.double()
    p, q = x.softmax(-1) + 1e-8, y.softmax(-1) + 1e-8
    importance = ((x - y).abs() * (p * (p / q).log()).sum(-1, keepdim=True).clamp(min=0)).float()
    order = importance.reshape(-1).sort().values.double()
    low, middle, high = (order[int(share * (len(order) - 1))] for share in (0.25, 0.5, 0.75))
    return torch.where(importance >= middle + 1.5 * (high - low), x, y)


def nearswap(t: float) -> Reference:
    def exact(models: Tensors, base: torch.Tensor | None) -> torch.Tensor:
        (delta,), origin = over(models, base)
        return origin + (t / delta.abs().clamp(min=1e-6)).clamp(max=1) * delta

    return exact


def ram(epsilon: float, r: float = 0.0, alpha: float = 0.0) -> Reference:
    def exact(models: Tensors, base: torch.Tensor | None) -> torch.Tensor:
        deltas, origin = over(models, base)
        changed = [delta.abs() > epsilon for delta in deltas]
        count = sum(each.double() for each in changed)
        found = origin.clone()
        for delta, each in zip(deltas, changed, strict=True):
            ratio = (each & (count > 1)).sum() / (each & (count == 1)).sum().clamp(min=epsilon)
            factor = 1 + r * min(float(ratio), alpha)
            found = found + torch.where(each & (count == 1), factor * delta, 0)
            found = found + torch.where(each & (count > 1), delta / count.clamp(min=1), 0)
        return found

    return exact


def sce(share: float) -> Reference:
    def exact(models: Tensors, base: torch.Tensor | None) -> torch.Tensor:
        deltas, origin = over(models, base)
        stacked = torch.stack(deltas)
        spread = stacked.var(dim=0, unbiased=False).sqrt().float()
        equal = torch.stack([model == models[0] for model in models]).all(0)
        spread = spread.masked_fill(equal, 0)
        keep = int((~equal).sum() * share)
        if share < 1:
            order = spread.reshape(-1).sort(descending=True).values
            stacked = stacked * (spread >= order[keep - 1] if keep else torch.zeros_like(spread))
        squares = stacked.square().reshape(len(deltas), -1).sum(1)
        whole = squares.sum()
        weights = torch.full_like(squares, 1 / len(deltas)) if whole / spread.numel() < 1e-6 else squares / whole
        agree = stacked.sign() == torch.where(stacked.sum(0) >= 0, 1.0, -1.0)
        weights = weights.reshape(-1, *(1,) * (stacked.dim() - 1)) * agree
        return origin + (stacked * weights).sum(0) / weights.sum(0).clamp(min=1e-6)

    return exact


CASES = {
    "slerp": Case("slerp", {"t": 0.3}, slerp(0.3), parameters={"t": 0.3}, base_is_first=True),
    "slerp geometric": Case("slerp", {"t": 0.3, "norm": "geometric"}, slerp(0.3, geometric=True)),
    "lerp": Case("lerp", {"t": 0.3}, sums(0.7, 0.3), theirs="linear", parameters={"weight": (0.7, 0.3)}),
    "linear": Case("linear", {"weights": [0.7, 0.5]}, sums(7 / 12, 5 / 12), parameters={"weight": (0.7, 0.5)}),
    "linear as it is": Case("linear", {"weights": [0.7, 0.5], "normalize": False}, sums(0.7, 0.5),
                            parameters={"weight": (0.7, 0.5), "normalize": False}),
    "soup": Case("soup", {}, sums(1 / 3, 1 / 3, 1 / 3), 3, theirs="linear", parameters={"weight": (1.0, 1.0, 1.0)}),
    "passthrough": Case("passthrough", {"scale": 0.7}, sums(0.7), 1, parameters={"scale": 0.7}),
    "nuslerp": Case("nuslerp", {"weights": [0.3, 0.5]}, nuslerp(0.625), parameters={"weight": (0.3, 0.5)}),
    "nuslerp based": Case("nuslerp", {"weights": [0.3, 0.5]}, nuslerp(0.625), based=True,
                          parameters={"weight": (0.3, 0.5)}),
    "nuslerp rows": Case("nuslerp", {"weights": [0.3, 0.5], "nuslerp_flatten": False}, nuslerp(0.625, rows),
                         parameters={"weight": (0.3, 0.5), "nuslerp_flatten": False}),
    "nuslerp columns": Case("nuslerp", {"weights": [0.3, 0.5], "nuslerp_flatten": False, "nuslerp_row_wise": True},
                            nuslerp(0.625, columns), based=True,
                            parameters={"weight": (0.3, 0.5), "nuslerp_flatten": False, "nuslerp_row_wise": True}),
    "multislerp": Case("multislerp", {"weights": [1, 2, 1]}, multislerp(0.25, 0.5, 0.25), 3,
                       parameters={"weight": (1.0, 2.0, 1.0)}),
    "multislerp based": Case("multislerp", {"weights": [1, 2]}, multislerp(1 / 3, 2 / 3), based=True,
                             parameters={"weight": (1.0, 2.0)}),
    "karcher": Case("karcher", {}, karcher, 3),
    "model_stock": Case("model_stock", {}, model_stock, 3, based=True),
    "model_stock by row": Case("model_stock", {"filter_wise": True}, stock_by_row, based=True,
                               parameters={"filter_wise": True}),
    "arcee_fusion": Case("arcee_fusion", {}, arcee_fusion, 1, based=True, selects=True),
    "nearswap": Case("nearswap", {"t": 0.002}, nearswap(0.002), 1, based=True, parameters={"t": 0.002}),
    "ram": Case("ram", {"epsilon": 0.003}, ram(0.003), 3, based=True, parameters={"epsilon": 0.003}),
    "ramplus_tl": Case("ramplus_tl", {"epsilon": 0.003, "r": 0.3}, ram(0.003, 0.3, 0.2), 3, based=True,
                       parameters={"epsilon": 0.003, "r": 0.3}),
    "sce": Case("sce", {}, sce(1), 3, based=True),
    "sce of a tenth": Case("sce", {"select_topk": 0.1}, sce(0.1), 3, based=True, parameters={"select_topk": 0.1},
                           selects=True),
}  # fmt: skip
