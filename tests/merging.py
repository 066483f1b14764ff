"""Merge methods over tensors. In: a method's module, options, tensors. Out: what it makes, how near it is.

Parents hold bf16 values in float32, as the engine hands them to kernels. `right` and `ulps` compare with a
float64 reference, `by_mergekit` calls mergekit on the same tensors.
"""

from __future__ import annotations

import importlib
import warnings
from collections.abc import Mapping
from types import ModuleType
from typing import Final, cast

import torch
from kernels import merged_tensor
from ladle.dsl.graph import Json
from ladle.dsl.signature import REQUIRED, Operator, Reference
from ladle.executor.weights.stream import PIECE_ELEMENTS

with warnings.catch_warnings():
    warnings.simplefilter("ignore", DeprecationWarning)  # mergekit's unpickler names numpy.core
    mergekit = importlib.import_module("mergekit.merge_methods")

Tensors = tuple[torch.Tensor, ...]
TENSOR: Final = "model.layers.0.mlp.up_proj.weight"
SMALL_PIECES: Final = 64
"""Cuts a test's tensors into many pieces."""


def merged(
    method: ModuleType,
    models: Tensors,
    base: torch.Tensor | None = None,
    *,
    piece: int = PIECE_ELEMENTS,
    tensor: str = TENSOR,
    **options: Json,
) -> torch.Tensor:
    """Return what a method makes of tensors, in float32: options that are not given have their defaults."""
    under = None if base is None else {tensor: base}
    given = defaults(method.OPERATOR) | options
    return merged_tensor(method.kernel, tensor, [{tensor: each} for each in models], under, given, piece)


def defaults(operator: Operator) -> dict[str, Json]:
    """Return the options of a method that need not be written, references left out."""
    return {
        option.name: cast(Json, option.default)
        for option in operator.options
        if option.default is not REQUIRED and not isinstance(option.type, Reference)
    }


def by_mergekit(
    method: str, models: Tensors, base: torch.Tensor | None = None, **parameters: float | bool | tuple[float, ...]
) -> torch.Tensor:
    """Return what mergekit makes of the tensors; it computes in their precision, which float64 and bf16 may be too."""
    tensors, index = (list(models), None) if base is None else ([base, *models], 0)
    return cast(torch.Tensor, mergekit.merge_tensors(tensors, method, parameters=parameters, base_index=index))


# --- how near -----------------------------------------------------------------------------------------------------


def ulp(values: torch.Tensor) -> torch.Tensor:
    """Return the distance between neighbouring bf16 numbers at each value, in float64."""
    exponent = torch.frexp(values.double())[1].clamp(min=-125)
    return torch.ldexp(torch.ones_like(values, dtype=torch.float64), exponent - 8)


def right(result: torch.Tensor, exact: torch.Tensor) -> float:
    """Return the share of elements that are the float64 reference correctly rounded to bf16.

    Half way between two neighbours, as `0.3 (b - a)` of bf16 numbers often is, either is right.
    """
    off = (result.bfloat16().double() - exact.double()).abs()
    return float((off <= ulp(exact) * (0.5 + 1e-9)).double().mean())


def apart(result: torch.Tensor, exact: torch.Tensor, operands: Tensors = ()) -> torch.Tensor:
    """Return how far two results are apart, both in bf16, in units of its last place, element by element.

    Where operands cancel, no float32 sum is so near: with `operands` a unit is at least 64 of float32's of the largest.
    """
    unit = ulp(exact)
    for operand in operands:
        unit = torch.maximum(unit, ulp(operand) * 2.0**-10)
    return (result.bfloat16().double() - exact.bfloat16().double()).abs() / unit


def ulps(result: torch.Tensor, exact: torch.Tensor, operands: Tensors = ()) -> float:
    """Return the largest of these distances."""
    return float(apart(result, exact, operands).max())


def nearer(result: torch.Tensor, theirs: torch.Tensor, exact: torch.Tensor) -> bool:
    """Say whether `result` in bf16 is at least as near to the reference as `theirs`, in the mean."""
    ours, other = ((each.bfloat16().double() - exact).abs().mean() for each in (result, theirs))
    return bool(ours <= other * (1 + 1e-4))


# --- tensors ------------------------------------------------------------------------------------------------------


def drawn(seed: int, *shape: int, scale: float = 1.0) -> torch.Tensor:
    """Return normally distributed bf16 values, in float32."""
    found = torch.randn(shape, generator=torch.Generator().manual_seed(seed)) * scale
    return found.bfloat16().float()


def parents(count: int, *shape: int, scale: float = 0.02, away: float = 0.25) -> Tensors:
    """Return a model and `count - 1` that were trained from it: they differ from it by `away` of its size."""
    first = drawn(0, *shape, scale=scale)
    others = (first + drawn(seed, *shape, scale=scale * away) for seed in range(1, count))
    return (first, *(other.bfloat16().float() for other in others))


def with_zeros_of_both_signs(values: torch.Tensor) -> torch.Tensor:
    """Return the values with a row of 0.0 and one of -0.0, and some of both among the others."""
    found = values.clone()
    found[0], found[1] = 0.0, -0.0
    found.reshape(-1)[64::7] = -0.0
    found.reshape(-1)[67::7] = 0.0
    return found


def same_bits(a: torch.Tensor, b: torch.Tensor) -> bool:
    """Say whether float32 tensors are equal bit for bit: 0.0 and -0.0 are not."""
    return torch.equal(a.view(torch.int32), b.view(torch.int32))


def hard(count: int) -> Mapping[str, Tensors]:
    """Return what breaks formulas: `count` tensors of each kind, of which one may serve as the base."""
    usual = parents(count, 24, 16)
    x, zero = usual[0], torch.zeros(24, 16)
    return {
        "all zero": (zero,) * count,
        "first zero": (zero, *usual[1:]),
        "last zero": (*usual[:-1], zero),
        "equal": (x,) * count,
        "collinear": tuple(x * 2.0**place for place in range(count)),
        "opposite": tuple(x if place % 2 == 0 else -x for place in range(count)),
        "unrelated": tuple(drawn(seed, 24, 16) for seed in range(count)),
        "tiny": tuple((each * 1e-30).bfloat16().float() for each in usual),
        "huge": tuple((each * 1e30).bfloat16().float() for each in usual),
        "tiny and huge": tuple((each * 10.0 ** (30 - 60 * (i % 2))).bfloat16().float() for i, each in enumerate(usual)),
        "one element": tuple(drawn(seed, 1) for seed in range(count)),
        "one element of each sign": tuple(torch.full((1,), 1.5 * (-1) ** seed) for seed in range(count)),
        "one dimension": parents(count, 300),
        "one column": parents(count, 300, 1),
        "three dimensions": parents(count, 5, 7, 9),
    }


def sound(method: ModuleType, models: Tensors, base: torch.Tensor | None = None, **options: Json) -> torch.Tensor:
    """Return what a method makes, having seen that it is finite and no matter of how the tensors are cut."""
    made = merged(method, models, base, **options)
    assert torch.isfinite(made).all(), "a result is not finite"
    cut = merged(method, models, base, piece=SMALL_PIECES, **options)
    size = max(float(each.abs().max()) for each in models)
    torch.testing.assert_close(cut, made, rtol=1e-6, atol=1e-7 * size, msg=lambda why: f"the cut matters: {why}")
    return made
