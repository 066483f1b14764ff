"""Fisher-weighted means: the formula, the information, that they beat the mean, and the program."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import small_languages
import torch
from kernels import merged
from ladle.dsl.frozen import replace
from ladle.dsl.graph import Json
from ladle.executor.task import Given, Interrupted, Progress, StepError, Task
from ladle.executor.weights import fisher
from ladle.executor.weights.fisher import information
from ladle.executor.weights.observed import Seen
from safetensors.torch import load_file
from small_languages import languages, network
from small_networks import Family, Rows, forward, loss, lower, mean_of
from test_choices import model, task
from test_scoring import rows, save_model

Tensor = torch.Tensor


def test_the_formula_in_float64() -> None:
    draw = torch.Generator().manual_seed(1)
    models = [torch.randn(20, 30, generator=draw).bfloat16().float() for _ in range(3)]
    known = [torch.rand(20, 30, generator=draw) ** 4 for _ in range(3)]
    for each in known:
        each[3] = 0
    weights: list[Json] = [1.0, 0.5, 2.0]
    numbers = torch.tensor([1.0, 0.5, 2.0], dtype=torch.float64)
    shares = torch.stack(known).double() * numbers[:, None, None]
    shares[:, 3] = numbers[:, None]
    wanted = (shares * torch.stack(models).double()).sum(0) / shares.sum(0)
    for elements in (2**18, 70):
        found = merged("fisher", [{"w": each} for each in (*models, *known)], weights=weights, piece=elements)["w"]
        torch.testing.assert_close(found.double(), wanted, rtol=1e-5, atol=1e-6)
        assert (found.bfloat16() == wanted.bfloat16()).double().mean() > 0.999


def test_equal_models_come_back_and_what_one_model_needs_is_its_own() -> None:
    draw = torch.Generator().manual_seed(1)
    one, two = torch.randn(2, 5, 6, generator=draw)
    some, none = torch.rand(5, 6, generator=draw), torch.zeros(5, 6)
    pair = lambda a, b, f, g: merged("fisher", [{"w": each} for each in (a, b, f, g)], weights=None)["w"]  # noqa: E731
    assert torch.equal(pair(one, one, some, none), one)
    torch.testing.assert_close(pair(one, two, some, none), one)
    torch.testing.assert_close(pair(one, two, none, some), two)
    torch.testing.assert_close(pair(one, two, none, none), (one + two) / 2)


# --- the property, on small networks --------------------------------------------------------------------------------


def squares(weights: dict[str, Tensor], task: Rows) -> dict[str, Tensor]:
    """Return the mean square of the gradient of each row's loss, divided by its mean."""
    leaves = {name: value.clone().requires_grad_() for name, value in weights.items()}
    found = {name: torch.zeros_like(value) for name, value in weights.items()}
    for row in range(200):
        error = torch.nn.functional.cross_entropy(forward(leaves, task[0][row : row + 1]), task[1][row : row + 1])
        for name, slope in zip(found, torch.autograd.grad(error, list(leaves.values())), strict=True):
            found[name] += slope**2
    mean = sum(each.sum() for each in found.values()) / sum(each.numel() for each in found.values())
    return {name: each / mean for name, each in found.items()}


def weighed(found: Family) -> dict[str, Tensor]:
    known = [squares(each, task) for each, task in zip(found.models, found.seen, strict=True)]
    return merged("fisher", [*found.models, *known], weights=None)


def test_it_beats_the_mean() -> None:
    low, high = lower(lambda f: loss(weighed(f), *f.held), lambda f: loss(mean_of(f.models), *f.held))
    assert high < 0, (low, high)


def test_on_language_models_it_is_lower_each_time() -> None:
    """Not seen: an interval below 0; one of five differs from the others by more than they are."""
    for seed in range(5):
        found = languages(seed)
        known = []
        for weights, texts in zip(found.models, found.seen, strict=True):
            asked = Seen(network(weights), "m", tuple(row[None] for row in texts), lambda done: None)
            known.append({name: each.detach() for name, each in information(asked).items()})
        ours = merged("fisher", [*found.models, *known], weights=None)
        assert small_languages.loss(ours, found.held) < small_languages.loss(merged("soup", found.models), found.held)


# --- the program ----------------------------------------------------------------------------------------------------


def test_the_information_is_the_mean_square_of_each_sequences_gradient() -> None:
    found = languages(0)
    sequences = tuple(row[None] for row in found.seen[0][:5])
    known = information(Seen(network(found.models[0]), "m", sequences, lambda done: None))
    wanted: dict[str, Tensor] = {}
    for ids in sequences:
        asked = network(found.models[0])
        (asked(ids, labels=ids).loss * (ids.shape[1] - 1)).backward()
        for name, each in asked.named_parameters():
            wanted[name] = wanted.get(name, torch.zeros_like(each)) + each.grad**2
    mean = sum(each.sum() for each in wanted.values()) / sum(each.numel() for each in wanted.values())
    for name, each in wanted.items():
        torch.testing.assert_close(known[name], each / mean, rtol=1e-3, atol=1e-5)


def test_no_gradient_is_held_longer_than_its_own_square_takes() -> None:
    found = languages(0)
    asked: Any = network(found.models[0])
    held: list[int] = []
    for each in asked.parameters():
        each.register_post_accumulate_grad_hook(
            lambda _: held.append(sum(p.grad is not None for p in asked.parameters()))
        )
    information(Seen(asked, "m", (found.seen[0][0][None],), lambda done: None))
    assert len(held) == len([*asked.parameters()])
    assert max(held) == 1


TEXTS: list[dict[str, Json]] = [{"text": f"the silk of a spider is {n} times strong"} for n in range(6)]
OTHERS: list[dict[str, Json]] = [{"text": f"nacre is made of {n} tablets"} for n in range(6)]


def asked(place: Path, operator: str = "fisher", **options: Json) -> Task:
    place.mkdir()
    models = [save_model(place / name, seed) for seed, name in enumerate("ab")]
    on = [rows(place / "a.jsonl", TEXTS), rows(place / "b.jsonl", OTHERS)]
    settings: dict[str, Json] = {"rows": 4, "context": 8, "seed": 42, **options}
    given = [model(str(number), path) for number, path in enumerate(models)]
    return task(place / "run", operator, settings, (*given, *on))


def stopping(unit: str, after: int) -> Callable[[Progress], None]:
    def report(progress: Progress) -> None:
        if progress.unit == unit and progress.done == after:
            raise Interrupted("stopped")

    return report


def test_the_program_writes_a_model_and_goes_on_where_it_was_stopped(tmp_path: Path) -> None:
    whole, parts = asked(tmp_path / "whole", weights=[1, 2]), asked(tmp_path / "parts", weights=[1, 2])
    fisher.run(whole)
    with pytest.raises(Interrupted):
        fisher.run(replace(parts, report=stopping("sequences of model 2", 2)))
    kept = {path: path.stat().st_mtime_ns for path in (parts.work / "observed-0").iterdir()}
    fisher.run(parts)
    assert {path: path.stat().st_mtime_ns for path in (parts.work / "observed-0").iterdir()} == kept
    files = {path.name: path.read_bytes() for path in parts.output.iterdir()}
    assert files == {path.name: path.read_bytes() for path in whole.output.iterdir()}
    inputs = [path for path in (given.path for given in whole.inputs if given.role.isdecimal()) if path]
    models = [load_file(path / "model.safetensors") for path in inputs]
    known = [load_file(whole.work / f"observed-{place}" / "model.safetensors") for place in (0, 1)]
    wanted = merged("fisher", [*models, *known], weights=[1, 2])
    found = load_file(whole.output / "model.safetensors")
    assert all(torch.equal(found[name], wanted[name]) for name in wanted)
    assert {"config.json", "tokenizer.json"} <= files.keys()


@pytest.mark.parametrize(
    ("texts", "said"), [([{"text": "a"}], "two tokens"), ([{"user": "a", "assistant": "b"}], "rows of `text`")]
)
def test_rows_that_teach_nothing_are_refused(tmp_path: Path, texts: list[dict[str, Json]], said: str) -> None:
    run = asked(tmp_path / "x")
    bad = rows(tmp_path / "bad.jsonl", texts)
    kept: tuple[Given, ...] = tuple(given for given in run.inputs if given.role != "on")
    with pytest.raises(StepError, match=said):
        fisher.run(replace(run, inputs=(*kept, bad)))


def test_a_model_that_depends_on_nothing_is_refused() -> None:
    silent: Any = network(seed=1)
    with torch.no_grad():
        silent.lm_head.weight.zero_()
        silent.model.norm.weight.zero_()
    with pytest.raises(StepError, match="no weight"):
        information(Seen(silent, "m", (torch.arange(6)[None],), lambda done: None))
