"""Each merge method of the language against float64 and against mergekit, on usual and on hard tensors."""

from __future__ import annotations

from collections.abc import Mapping
from importlib import import_module
from pathlib import Path

import pytest
import test_merge as engine
import torch
from ladle.dsl.graph import Json
from ladle.executor.mergekit_names import METHODS
from ladle.executor.task import StepError
from merge_cases import CASES
from merging import (
    Tensors,
    apart,
    by_mergekit,
    defaults,
    hard,
    merged,
    mergekit,
    nearer,
    parents,
    right,
    same_bits,
    sound,
    ulps,
    with_zeros_of_both_signs,
)

SHAPES = {"matrix": (300, 257), "vector": (4096,), "three dimensions": (12, 9, 64)}


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("name", CASES)
def test_a_result_is_that_of_float64_rounded(name: str, shape: str) -> None:
    case = CASES[name]
    models, base = case.split(parents(case.count, *SHAPES[shape]))
    made = sound(case.module, models, base, **case.options)
    exact = case.exact(models, base)
    assert right(made, exact) >= 0.999


ASKED = [name for name in CASES if name not in ("slerp geometric", "sce of a tenth")]
"""mergekit has no geometric slerp, and takes some of the elements that vary alike where Ladle takes all."""


@pytest.mark.parametrize("name", ASKED)
def test_a_result_is_mergekits(name: str) -> None:
    case = CASES[name]
    models, base = case.split(parents(case.count, 300, 257))
    made = merged(case.module, models, base, **case.options)
    theirs = case.ask_mergekit(models, base)
    everyone = models if base is None else (*models, base)
    off = (apart(made, theirs, everyone) > 1) & (apart(theirs, case.exact(models, base), everyone) <= 1)
    if case.selects:
        assert off.double().mean() < 2e-3
    else:
        assert not off.any()


@pytest.mark.parametrize("name", ASKED)
def test_a_result_is_nearer_to_float64_than_mergekits_in_bf16(name: str) -> None:
    case = CASES[name]
    models, base = case.split(parents(case.count, 300, 257))
    exact = case.exact(models, base)
    made = merged(case.module, models, base, **case.options).bfloat16()
    assert nearer(made, case.ask_mergekit(models, base, torch.bfloat16), exact)


def test_the_importances_of_arcee_fusion_are_mergekits_in_float64() -> None:
    case = CASES["arcee_fusion"]
    models, base = case.split(parents(2, 300, 257))
    assert torch.equal(merged(case.module, models, base).double(), case.ask_mergekit(models, base, torch.float64))


def test_sce_is_mergekits_where_no_elements_that_vary_alike_are_parted() -> None:
    case = CASES["sce of a tenth"]
    models, base = case.split(parents(4, 300, 257))
    spread = torch.stack(models).double().var(dim=0, unbiased=False).reshape(-1)
    varying = int((spread > 0).sum())
    least = spread.sort(descending=True).values[int(varying * 0.1) - 1]
    kept = int((spread >= least * (1 - 1e-12)).sum())
    assert kept > int(varying * 0.1)
    share = (kept + 0.5) / varying
    theirs = by_mergekit(
        "sce", tuple(model.double() for model in models), base.double() if base is not None else None, select_topk=share
    )
    for ours in (share, 0.1):
        made = merged(case.module, models, base, select_topk=ours)
        torch.testing.assert_close(made.double(), theirs, rtol=1e-6, atol=1e-9)


@pytest.mark.parametrize("kind", hard(1))
@pytest.mark.parametrize("name", CASES)
def test_hard_tensors_merge_as_in_float64(name: str, kind: str) -> None:
    case = CASES[name]
    models, base = case.split(hard(case.count)[kind])
    exact = case.exact(models, base)
    everyone = models if base is None else (*models, base)
    made = sound(case.module, models, base, **case.options)
    assert ulps(made, exact, everyone) <= 1


UNLIKE = {
    *(("multislerp", kind) for kind in ("all zero", "opposite", "tiny", "one element of each sign")),
    ("nuslerp rows", "opposite"),
    ("karcher", "opposite"),
}
"""Where mergekit stops, as no direction is left of three; or divides by the sine of two right angles, which rounding
leaves of it."""
OVERFLOWN = ("huge", "tiny and huge")
"""Squares of what float32 holds that it does not hold: mergekit gives other numbers there, or none."""


@pytest.mark.parametrize(
    ("name", "kind"), [(name, kind) for name in ASKED for kind in hard(1) if (name, kind) not in UNLIKE]
)
def test_hard_tensors_merge_as_in_mergekit(name: str, kind: str) -> None:
    case = CASES[name]
    models, base = case.split(hard(case.count)[kind])
    everyone = models if base is None else (*models, base)
    made = merged(case.module, models, base, **case.options)
    for dtype in (torch.float64,) if kind in OVERFLOWN else (torch.float64, torch.float32):
        assert ulps(made, case.ask_mergekit(models, base, dtype), everyone) <= 1


# --- properties ---------------------------------------------------------------------------------------------------

SINGLES: Mapping[str, tuple[str, Mapping[str, Json], int]] = {
    "slerp at 0": ("slerp", {"t": 0.0}, 0),
    "slerp at 1": ("slerp", {"t": 1.0}, 1),
    "slerp geometric at 0": ("slerp", {"t": 0.0, "norm": "geometric"}, 0),
    "slerp geometric at 1": ("slerp", {"t": 1.0, "norm": "geometric"}, 1),
    "lerp at 0": ("lerp", {"t": 0.0}, 0),
    "lerp at 1": ("lerp", {"t": 1.0}, 1),
    "linear": ("linear", {"weights": [0, 3, 0]}, 1),
    "nuslerp": ("nuslerp", {"weights": [0, 2]}, 1),
    "nuslerp rows": ("nuslerp", {"weights": [0.5, 0], "nuslerp_flatten": False}, 0),
    "nuslerp columns": ("nuslerp", {"weights": [0, 0.5], "nuslerp_flatten": False, "nuslerp_row_wise": True}, 1),
    "multislerp": ("multislerp", {"weights": [0, 0, 3]}, 2),
    "passthrough": ("passthrough", {"scale": 1.0}, 0),
}


def exact_numbers(count: int, *shape: int) -> Tensors:
    """Return float32 tensors whose values no shorter type holds."""
    return tuple(torch.randn(shape, generator=torch.Generator().manual_seed(seed)) * 0.02 for seed in range(count))


@pytest.mark.parametrize("based", [False, True])
@pytest.mark.parametrize("name", SINGLES)
def test_one_weight_beside_zeros_gives_its_operand_bit_for_bit(name: str, based: bool) -> None:
    method, options, place = SINGLES[name]
    given = options.get("weights")
    count = len(given) if isinstance(given, list) else 1 if method == "passthrough" else 2
    *models, base = exact_numbers(count + 1, 40, 30)
    module = import_module(f"ladle.executor.merges.{method}")
    takes_base = any(option.name == "base" for option in module.OPERATOR.options)
    made = merged(module, tuple(models), base if based and takes_base else None, piece=64, **options)
    assert torch.equal(made, models[place])


@pytest.mark.parametrize("name", [name for name in CASES if name not in ("linear as it is", "passthrough")])
def test_equal_parents_give_themselves_back_bit_for_bit(name: str) -> None:
    """Where the base is equal too, for every method; beside another base for those that interpolate without it."""
    case = CASES[name]
    plain, other = exact_numbers(2, 40, 30)
    one = with_zeros_of_both_signs(plain)
    options = dict(case.options) | ({"epsilon": 0.0} if case.method in ("ram", "ramplus_tl") else {})
    made = merged(case.module, (one,) * case.operands, one if case.based else None, **options)
    assert torch.equal(made, one)
    assert same_bits(made, one)
    if case.based and case.method not in ("nearswap", "arcee_fusion", "sce"):
        wanted = plain if name in ADDED_AGAIN else one
        assert same_bits(merged(case.module, (wanted,) * case.operands, other, **options), wanted)


ADDED_AGAIN = ("nuslerp columns", "model_stock by row", "ram", "ramplus_tl")
"""Beside another base y these compute y + (x - y), which where x is 0 is 0 but for rounding, as documented."""

SUMS: Mapping[str, tuple[str, Mapping[str, Json], int]] = {
    "far beyond": ("lerp", {"t": 0.75}, 2),
    "a difference": ("affine", {"coefficients": [[[1.5, None]], [[-0.25, None]], [[-0.25, None]]]}, 3),
    "a chat vector": ("affine", {"coefficients": [[[1.0, None]], [[0.5, None]], [[-0.5, None]]]}, 3),
    "pcb": ("pcb", {"density": 0.5}, 3),
    "graft": ("graft", {"share": 0.5}, 2),
    "round": ("round", {"precision": "fp32"}, 1),
}


@pytest.mark.parametrize("name", SUMS)
def test_equal_parents_in_a_sum_keep_the_sign_of_zero(name: str) -> None:
    method, options, count = SUMS[name]
    module = import_module(f"ladle.executor.{'internal' if method == 'affine' else 'merges'}.{method}")
    one = with_zeros_of_both_signs(exact_numbers(1, 40, 30)[0])
    takes_base = any(option.name == "base" for option in module.OPERATOR.options)
    assert same_bits(merged(module, (one,) * count, one if takes_base else None, **options), one)


def test_nearswap_moves_no_weight_by_more_than_t() -> None:
    base, model = parents(2, 300, 257)
    module = CASES["nearswap"].module
    made = merged(module, (model,), base, t=0.001)
    assert (made - base).abs().max() <= 0.001 + 1e-7
    assert torch.equal(merged(module, (model,), base, t=0.0), base)
    assert torch.equal(merged(module, (model,), base, t=10.0), model)


@pytest.mark.parametrize("t", [0.0, 1e-7, 1e-3, 10.0])
def test_nearswap_keeps_the_sign_of_zero(t: float) -> None:
    """Of a base that it does not move, and of a model that it takes over."""
    base, model = torch.tensor([[-0.0, -0.0, 0.0, -0.0, 1e-4]]), torch.tensor([[-0.0, 1.0, -0.0, -1.0, -0.0]])
    module = CASES["nearswap"].module
    made = merged(module, (model,), base, t=t)
    moved = (made != base) | (t >= (base - model).abs().clamp(min=1e-6))
    assert same_bits(made[~moved], base[~moved])
    assert same_bits(merged(module, (base,), base, t=t), base)
    assert t < 10 or same_bits(made, model)


def test_what_is_parallel_or_opposite_is_interpolated_linearly() -> None:
    a = parents(1, 64, 64)[0]
    for method, weights in (("nuslerp", [0.75, 0.25]), ("multislerp", [0.75, 0.25])):
        module = import_module(f"ladle.executor.merges.{method}")
        torch.testing.assert_close(merged(module, (a, 3 * a), weights=weights), 1.5 * a)
    module = CASES["nuslerp"].module
    torch.testing.assert_close(merged(module, (a, -a), weights=[0.75, 0.25]), 0.5 * a)


@pytest.mark.parametrize("method", ["linear", "nuslerp", "multislerp"])
def test_weights_whose_schedules_sum_to_zero_stop_the_merge_at_the_tensor(method: str, tmp_path: Path) -> None:
    weights: Json = [{"schedule": {"q_proj": [0.5, -0.5, 0.5]}, "else": 0.5}, 0.5]
    defaults_of = defaults(import_module(f"ladle.executor.merges.{method}").OPERATOR)
    with pytest.raises(StepError, match=r"sum to zero for `model\.layers\.1\.self_attn\.q_proj\.weight`"):
        engine.merged(tmp_path / "m", method, defaults_of | {"weights": weights}, *engine.pair(tmp_path))


def test_schedules_reach_every_number_that_holds_for_a_tensor(tmp_path: Path) -> None:
    a, b = engine.pair(tmp_path)
    base = engine.given("base", engine.folder(tmp_path / "base", engine.weights(9)))
    at: Json = {"schedule": {"embed": 0.0}, "else": 1.0}
    one, two, origin = (engine.weights(seed) for seed in (1, 2, 9))
    made = engine.merged(tmp_path / "p", "passthrough", {"scale": at}, a)
    assert not made["model.embed_tokens.weight"].any()
    assert torch.equal(made["model.norm.weight"], one["model.norm.weight"])
    made = engine.merged(tmp_path / "n", "nearswap", {"t": {"schedule": {"embed": 0.0}, "else": 9.0}}, a, base)
    assert torch.equal(made["model.embed_tokens.weight"], origin["model.embed_tokens.weight"])
    assert torch.equal(made["model.norm.weight"], one["model.norm.weight"])
    made = engine.merged(tmp_path / "s", "sce", {"select_topk": at}, a, b, base)
    assert torch.equal(made["model.embed_tokens.weight"], origin["model.embed_tokens.weight"])
    assert not torch.equal(made["model.norm.weight"], origin["model.norm.weight"])
    options = {"weights": [at, 1.0], "nuslerp_flatten": True, "nuslerp_row_wise": False}
    made = engine.merged(tmp_path / "w", "nuslerp", options, a, b)
    assert torch.equal(made["model.embed_tokens.weight"], two["model.embed_tokens.weight"])


@pytest.mark.parametrize("bad", [float("nan"), float("inf"), float("-inf")])
@pytest.mark.parametrize("name", CASES)
def test_a_parent_that_holds_no_numbers_is_named(name: str, bad: float, tmp_path: Path) -> None:
    case = CASES[name]
    folders = []
    for place in range(case.count):
        tensors = engine.weights(place)
        if place == case.count - 1:
            tensors["model.layers.1.mlp.up_proj.weight"][3, 5] = bad
        folders.append(engine.folder(tmp_path / f"parent{place}", tensors))
    roles = ["base", *map(str, range(case.operands))] if case.based else list(map(str, range(case.operands)))
    inputs = [engine.given(role, path) for role, path in zip(roles, folders, strict=True)]
    options = defaults(case.module.OPERATOR) | dict(case.options)
    with pytest.raises(StepError, match=r"`model\.layers\.1\.mlp\.up_proj\.weight` of `parent"):
        engine.merged(tmp_path / "m", case.method, options, *inputs)


def test_the_names_that_mergekit_has_are_known() -> None:
    assert {method.spec.name for method in mergekit.registry.registered_methods()} == METHODS
