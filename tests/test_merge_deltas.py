"""The task-arithmetic family: against float64, against mergekit, and what each method promises."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import pytest
import torch
from delta_reference import (
    METHODS,
    RANDOM,
    TRIMMING,
    Reference,
    answered,
    chances,
    each,
    module,
    options_of,
    own_masks,
    said,
    their_mask,
    under,
)
from ladle.dsl.graph import Json
from ladle.executor.task import StepError
from ladle.executor.weights.draws import Draws, Streams
from ladle.executor.weights.kernel import Call, Piece
from ladle.executor.weights.reading import matrix
from ladle.executor.weights.statistics import by_rank, largest
from ladle.executor.weights.together import together
from merging import (
    TENSOR,
    by_mergekit,
    defaults,
    drawn,
    hard,
    merged,
    parents,
    right,
    same_bits,
    sound,
    ulps,
    with_zeros_of_both_signs,
)

# --- the same in float64 ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("rescale", [False, True])
@pytest.mark.parametrize("normalize", [False, True])
@pytest.mark.parametrize("name", METHODS)
def test_nearly_every_element_is_rounded_as_in_float64(name: str, normalize: bool, rescale: bool) -> None:
    *models, base = parents(4, 200, 300)
    options = {"seed": 42} | each(name, 3, normalize=normalize, rescale=rescale)
    masks = own_masks(name, tuple(models), base, options) if name in RANDOM else ()
    exact = Reference(name, options, masks).merged(tuple(models), base)
    assert right(merged(module(name), tuple(models), base, **options), exact) >= 0.999


@pytest.mark.parametrize("name", METHODS)
def test_hard_cases_are_finite_however_cut_and_near_float64(name: str) -> None:
    for case, tensors in hard(3).items():
        *models, base = tensors
        for normalize in (False, True):
            options = {"seed": 7} | each(name, 2, normalize=normalize, rescale=name in RANDOM)
            made = sound(module(name), tuple(models), base, **options)
            masks = own_masks(name, tuple(models), base, options) if name in RANDOM else ()
            exact = Reference(name, options, masks).merged(tuple(models), base)
            assert ulps(made, exact, tensors) <= 1, case


# --- the same as mergekit ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("normalize", [False, True])
@pytest.mark.parametrize("name", ["task_arithmetic", *TRIMMING])
def test_is_mergekits_but_for_elements_at_a_threshold(name: str, normalize: bool) -> None:
    for case, tensors in {"usual": parents(4, 60, 80), "two": parents(3, 60, 80), **hard(3)}.items():
        *models, base = tensors
        options = each(name, len(models), normalize=normalize)
        reference = Reference(name, options | {"rescale": False})
        reference.merged(tuple(models), base)
        sure = reference.sure
        ours, theirs = (
            merged(module(name), tuple(models), base, **options),
            by_mergekit(name, tuple(models), base, **said(options)),
        )
        usual = case in ("usual", "two")
        assert not usual or sure.double().mean() > 0.97, "too many elements stand at a threshold to say anything"
        if sure.any():
            held = tuple(each[sure] for each in tensors)
            assert ulps(ours[sure], theirs[sure], held) <= 1, case


@pytest.mark.parametrize("normalize", [False, True])
@pytest.mark.parametrize("name", RANDOM)
def test_is_mergekits_under_mergekits_own_mask(name: str, normalize: bool) -> None:
    for case, tensors in {"usual": parents(4, 60, 80), "two": parents(3, 60, 80), **hard(3)}.items():
        *models, base = tensors
        if name.startswith("della") and (base.dim() == 3 or base.shape[-1] == 1):
            continue  # mergekit ranks along the second dimension of three, and draws NaN for a row of one
        options = each(name, len(models), normalize=normalize, rescale=True)
        torch.manual_seed(3)
        masks = tuple(their_mask(name, model - base, place, options) for place, model in enumerate(models))
        torch.manual_seed(3)
        theirs = by_mergekit(name, tuple(models), base, **said(options))
        ours = under(module(name), masks, tuple(models), base, {"seed": 0} | options)
        assert ulps(ours, theirs, tensors) <= 1, case


# --- what each method promises ------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", METHODS)
def test_one_whole_difference_of_weight_one_gives_the_model_back_bit_for_bit(name: str) -> None:
    for model, base in hard(2).values():
        assert torch.equal(merged(module(name), (model,), base, weights=None), model)


@pytest.mark.parametrize("name", METHODS)
def test_a_model_merged_with_itself_is_the_base_and_its_difference(name: str) -> None:
    model, base = parents(2, 40, 50)
    made = merged(module(name), (model, model), base, weights=[0.25, 0.5], normalize=False, **{"lambda": 2.0})
    assert right(made, base.double() + 1.5 * (model - base).double()) >= 0.999
    normalized = merged(module(name), (model, model), base, weights=[0.25, 0.5], normalize=True)
    assert right(normalized, model.double()) >= 0.999


@pytest.mark.parametrize("factor", [1.0, -0.5])
@pytest.mark.parametrize("weights", [None, [0.5], [0.25, 0.5], [0.5, -0.25]])
@pytest.mark.parametrize("name", METHODS)
def test_a_merge_of_the_base_alone_is_the_base(name: str, weights: list[Json] | None, factor: float) -> None:
    base = with_zeros_of_both_signs(parents(1, 40, 50)[0])
    options: dict[str, Json] = {"density": 0.5} if "density" in options_of(name) else {}
    models = (base,) * (2 if weights is None else len(weights))
    assert same_bits(merged(module(name), models, base, weights=weights, **{"lambda": factor}, **options), base)


@pytest.mark.parametrize("bad", [torch.nan, torch.inf, -torch.inf])
@pytest.mark.parametrize("name", METHODS)
def test_what_is_no_number_is_seen_even_where_it_is_dropped(name: str, bad: float) -> None:
    *models, base = parents(3, 20, 30)
    models[0][3, 4] = bad
    options: dict[str, Json] = {"weights": None, "seed": 0} | {
        option: value for option, value in (("density", 0.5), ("gamma", 0.1)) if option in options_of(name)
    }
    dropped = torch.zeros(20, 30)
    assert not torch.isfinite(under(module(name), (dropped, dropped), tuple(models), base, options)[3, 4])


@pytest.mark.parametrize("name", METHODS)
def test_weights_that_sum_to_zero_are_refused_only_where_they_divide(name: str) -> None:
    *models, base = parents(3, 20, 30)
    options: dict[str, Json] = {"weights": [0.5, -0.5]}
    with pytest.raises(StepError, match="sum to zero"):
        merged(module(name), tuple(models), base, normalize=True, **options)
    assert torch.isfinite(merged(module(name), tuple(models), base, normalize=False, **options)).all()


@pytest.mark.parametrize(
    ("name", "options"),
    [("breadcrumbs", {"density": 0.9, "gamma": 0.2}), ("della", {"density": 0.9, "epsilon": 0.2})],
)
def test_schedules_that_meet_where_they_cannot_are_refused_with_the_tensor(name: str, options: dict[str, Json]) -> None:
    *models, base = parents(3, 20, 30)
    with pytest.raises(StepError, match=f"density.*, for `{TENSOR}`"):
        merged(module(name), tuple(models), base, weights=None, **options)


@pytest.mark.parametrize("name", METHODS)
def test_tensors_merged_on_several_threads_are_those_of_one(name: str) -> None:
    *models, base = parents(3, 64, 96)
    options: dict[str, Json] = {"weights": [0.6, 0.5]}
    if "density" in options_of(name):
        options["density"] = 0.6

    def make(place: int) -> torch.Tensor:
        return merged(module(name), tuple(models), base, tensor=f"model.layers.{place}.mlp", piece=1000, **options)

    with ThreadPoolExecutor(4) as pool:
        several = list(pool.map(make, range(8)))
    assert all(torch.equal(made, make(place)) for place, made in enumerate(several))
    assert name not in RANDOM or not torch.equal(several[0], several[1]), "each tensor has a mask of its own"


@pytest.mark.parametrize("name", RANDOM)
def test_a_mask_depends_on_its_seed_and_operand(name: str) -> None:
    model, base = parents(2, 64, 96)
    options: dict[str, Json] = {"weights": [1, 1], "density": 0.6, "rescale": False, "normalize": False}
    one = merged(module(name), (model, model), base, seed=1, **options)
    assert torch.equal(one, merged(module(name), (model, model), base, seed=1, **options))
    assert not torch.equal(one, merged(module(name), (model, model), base, seed=2, **options))
    alone = merged(module(name), (model,), base, seed=1, **(options | {"weights": [2]}))
    assert not torch.equal(one, alone), "both operands have one mask"


@pytest.mark.parametrize("name", ["dare_linear", "della_linear"])
def test_the_share_that_is_kept_is_the_density_and_the_sum_of_magnitudes_stays(name: str) -> None:
    model, base = drawn(1, 300, 400), torch.zeros(300, 400)
    options: dict[str, Json] = {"weights": [1], "density": 0.3}
    made = merged(module(name), (model,), base, rescale=False, **options)
    share = (made != 0).double().mean()
    assert abs(share - 0.3) < 4 * (0.3 * 0.7 / model.numel()) ** 0.5
    scaled = merged(module(name), (model,), base, rescale=True, **options)
    torch.testing.assert_close(scaled.double().abs().sum(), model.double().abs().sum(), rtol=1e-5, atol=0)


def test_della_keeps_large_elements_of_a_row_more_often() -> None:
    model, base = drawn(1, 2000, 64), torch.zeros(2000, 64)
    made = merged(module("della_linear"), (model,), base, weights=[1], density=0.5, epsilon=0.3, rescale=False)
    kept = (made != 0).gather(1, model.abs().argsort(dim=1)).double().mean(dim=0)
    expected = torch.linspace(0.2, 0.8, 64, dtype=torch.float64)
    assert (kept - expected).abs().max() < 4.5 * (0.25 / 2000) ** 0.5


def test_ranks_are_those_of_a_stable_sort() -> None:
    for case, (values,) in hard(1).items():
        rows = values.reshape(matrix(tuple(values.shape)))
        exact = chances(rows, 0.5, 0.2)
        torch.testing.assert_close(by_rank(rows, 0.3, 0.7).double(), exact, rtol=0, atol=1e-6, msg=case)


def test_equal_magnitudes_stand_or_fall_together() -> None:
    delta = torch.tensor([[3.0, -2.0, 2.0, 2.0, 1.0, -1.0]])
    base = torch.zeros_like(delta)
    trimmed = merged(module("ties"), (delta,), base, weights=[1], density=0.5)
    assert trimmed.tolist() == [[3, -2, 2, 2, 0, 0]]
    without_largest = merged(module("breadcrumbs"), (delta,), base, weights=[1], density=0.5, gamma=0.2)
    assert without_largest.tolist() == [[0, -2, 2, 2, 0, 0]]


def magnitude(piece: Piece, place: int) -> torch.Tensor:
    return piece.models[place]


@pytest.mark.parametrize("place", range(4))
def test_thresholds_are_exact(place: int) -> None:
    for case, tensors in {"usual": parents(4, 60, 80), "float32": (torch.randn(4, 3000),) * 4, **hard(4)}.items():
        values = tensors[place].reshape(matrix(tuple(tensors[place].shape)))
        piece = Piece((values,), None, 0, Draws(Streams("t"), 0, values))
        ranked = values.abs().flatten().sort(descending=True).values
        for keep in {1, 2, len(ranked) // 3, len(ranked) - 1, len(ranked)} - {0}:
            if keep <= len(ranked):
                assert answered(largest(magnitude, (0,), keep), piece)[0] == ranked[keep - 1], case


def test_a_method_reads_no_more_often_than_it_says() -> None:
    *models, base = parents(4, 20, 30)
    piece = Piece(tuple(models), base, 0, Draws(Streams("t"), 0, base))
    for name in METHODS:
        plan = module(name).kernel(
            Call("t", (20, 30), 3, defaults(module(name).OPERATOR) | each(name, 3) | {"seed": 1})
        )
        assert answered(plan, piece)[1] == {"task_arithmetic": 0}.get(name, 2 if name in TRIMMING else 1)


def test_plans_that_end_at_other_times_are_asked_together() -> None:
    models = parents(2, 20, 30)
    piece = Piece(models, None, 0, Draws(Streams("t"), 0, models[0]))
    found, asked = answered(together([largest(magnitude, (at,), keep) for at, keep in ((0, 5), (1, 0), (0, 5))]), piece)
    assert asked == 2
    assert found == (found[0], torch.inf, found[0])
    assert found[0] == piece.models[0].abs().flatten().sort(descending=True).values[4]
