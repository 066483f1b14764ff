"""Choices of models: decided by scores, recorded, and the bytes of what was chosen."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from ladle.dsl.graph import Json
from ladle.executor.choosing import best, greedy_soup
from ladle.executor.choosing.scores import headline
from ladle.executor.scoring import choice, loss
from ladle.executor.task import Given, Machine, Progress, StepError, Task
from ladle.executor.weights import merge
from safetensors.torch import load_file
from test_scoring import QUESTIONS, rows, save_model

LIKELIHOOD: dict[str, Json] = {"score": "likelihood"}
LOSS: dict[str, Json] = {"context": 64}


def model(role: str, path: Path) -> Given:
    return Given(role, "sft", path.name * 16, path=path)


def task(place: Path, operator: str, options: dict[str, Json], inputs: tuple[Given, ...]) -> Task:
    for name in ("output", "work"):
        (place / name).mkdir(parents=True)
    seen: list[Progress] = []
    return Task(operator, "x", options, inputs, "0" * 64, place / "work", place / "output", Machine(), seen.append)


def scored(place: Path, metric: str, *values: float) -> tuple[Given, ...]:
    """Return the inputs of scores that say `values`."""
    found = []
    for number, value in enumerate(values):
        folder = place / f"score-{number}"
        folder.mkdir(parents=True)
        (folder / "metrics.json").write_text(json.dumps({metric: value, "n": 4, "low": 0, "high": 1}))
        found.append(Given(f"score:{number}", "choice", "s" * 64, path=folder))
    return tuple(found)


@pytest.fixture(scope="module")
def models(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, ...]:
    place = tmp_path_factory.mktemp("choices")
    found = tuple(save_model(place / name, seed) for seed, name in enumerate("abc"))
    for folder in found:
        (folder / "losses.csv").write_text("step,loss\n")
        (folder / "lineage.json").write_text("{}")
    return found


def record(folder: Path) -> Any:
    return json.loads((folder / "choice.json").read_text())


@pytest.mark.parametrize(
    ("metric", "values", "won"),
    [
        ("accuracy", (0.5, 0.75, 0.6), 1),
        ("loss", (2.5, 2.0, 1.5), 2),
        ("accuracy", (0.5, 0.75, 0.75), 1),
        ("loss", (1, 1, 1), 0),
    ],
)
def test_the_best_model_is_taken_and_every_score_recorded(
    tmp_path: Path, models: tuple[Path, ...], metric: str, values: tuple[float, ...], won: int
) -> None:
    given = tuple(model(str(place), path) for place, path in enumerate(models))
    made = task(tmp_path / "best", "best", {}, (*given, *scored(tmp_path, metric, *values)))
    best.run(made)
    names = {path.name for path in made.output.iterdir()}
    assert names == {path.name for path in models[won].iterdir()} - {"losses.csv", "lineage.json"} | {"choice.json"}
    weights = made.output / "model.safetensors"
    assert weights.samefile(models[won] / "model.safetensors")
    found = record(made.output)
    assert found["taken"] == [won]
    assert [each["score"] for each in found["members"]] == list(values)
    assert [each["fingerprint"] for each in found["members"]] == [path.name * 16 for path in models]


def test_a_model_of_the_project_is_copied_for_it_may_be_edited(tmp_path: Path, models: tuple[Path, ...]) -> None:
    files = tuple(sorted(path for path in models[0].iterdir() if path.name != "lineage.json"))
    local = Given("0", "local", "l" * 64, path=models[0], files=files)
    made = task(tmp_path / "best", "best", {}, (local, model("1", models[1]), *scored(tmp_path, "accuracy", 1, 0)))
    best.run(made)
    weights = made.output / "model.safetensors"
    assert weights.read_bytes() == (models[0] / "model.safetensors").read_bytes()
    assert not weights.samefile(models[0] / "model.safetensors")


@pytest.mark.parametrize("broken", ["{", "[]", '{"n": 3}', '{"accuracy": NaN}', '{"accuracy": null}'])
def test_a_score_that_is_none_stops_the_choice(tmp_path: Path, models: tuple[Path, ...], broken: str) -> None:
    scores = scored(tmp_path, "accuracy", 1, 0)
    assert scores[1].path
    (scores[1].path / "metrics.json").write_text(broken)
    made = task(tmp_path / "best", "best", {}, (model("0", models[0]), model("1", models[1]), *scores))
    with pytest.raises(StepError, match="a score of this choice"):
        best.run(made)


# --- greedy soups ---------------------------------------------------------------------------------------------------


def asked(place: Path, kind: str) -> tuple[Given, dict[str, Json], Any]:
    place.mkdir(exist_ok=True)
    if kind == "choice":
        return rows(place / "q.jsonl", QUESTIONS), LIKELIHOOD, choice
    texts: list[dict[str, Json]] = [{"text": "the silk of a spider is strong"}, {"text": "nacre is made of aragonite"}]
    return rows(place / "t.jsonl", texts), LOSS, loss


def measure(place: Path, kind: str, path: Path) -> Given:
    on, options, program = asked(place, kind)
    made = task(place / f"of-{path.name}-{kind}", kind, options, (Given("model", "sft", str(path), path=path), on))
    program.run(made)
    return Given("", kind, "s" * 64, path=made.output)


def mean(place: Path, paths: list[Path]) -> Path:
    made = task(place, "soup", {}, tuple(model(str(number), path) for number, path in enumerate(paths)))
    merge.run(made)
    return made.output


@pytest.mark.parametrize("kind", ["choice", "loss"])
def test_a_greedy_soup_is_what_its_definition_says(tmp_path: Path, models: tuple[Path, ...], kind: str) -> None:
    on, options, _ = asked(tmp_path, kind)
    scores = [measure(tmp_path, kind, path) for path in models]
    inputs = tuple(model(str(place), path) for place, path in enumerate(models))
    named = tuple(Given(f"score:{place}", kind, "s" * 64, path=each.path) for place, each in enumerate(scores))
    settings: dict[str, Json] = {"on": {"operator": kind, "options": options}}
    made = task(tmp_path / "stew", "greedy_soup", settings, (*inputs, on, *named))
    greedy_soup.run(made)

    sign = -1 if kind == "loss" else 1
    merits = [sign * headline(each.path)[1] for each in scores]
    order = sorted(range(3), key=lambda place: (-merits[place], place))
    taken, value = [order[0]], merits[order[0]]
    for number, place in enumerate(order[1:]):
        soup = mean(tmp_path / f"mean-{number}", [models[each] for each in (*taken, place)])
        found = sign * headline(measure(tmp_path / f"try-{number}", kind, soup).path)[1]
        if found >= value:
            taken, value = [*taken, place], found
    assert record(made.output)["taken"] == taken
    assert record(made.output)["score"] == sign * value
    expected = load_file(mean(tmp_path / "expected", [models[each] for each in taken]) / "model.safetensors")
    weights = load_file(made.output / "model.safetensors")
    assert all(expected[name].equal(weights[name]) for name in expected)


@pytest.mark.parametrize("kind", ["choice", "loss"])
def test_a_greedy_soup_is_never_below_its_best_member_on_what_decides(tmp_path: Path, kind: str) -> None:
    on, options, _ = asked(tmp_path, kind)
    sign = -1 if kind == "loss" else 1
    for start in (3, 6, 9):
        paths = [save_model(tmp_path / f"model-{seed}", seed) for seed in range(start, start + 3)]
        scores = [measure(tmp_path, kind, path) for path in paths]
        inputs = tuple(model(str(place), path) for place, path in enumerate(paths))
        named = tuple(Given(f"score:{place}", kind, "s" * 64, path=each.path) for place, each in enumerate(scores))
        settings: dict[str, Json] = {"on": {"operator": kind, "options": options}}
        made = task(tmp_path / f"stew-{start}", "greedy_soup", settings, (*inputs, on, *named))
        greedy_soup.run(made)
        best = max(sign * headline(each.path)[1] for each in scores)
        assert sign * headline(measure(tmp_path / f"own-{start}", kind, made.output).path)[1] >= best


@pytest.mark.parametrize(
    "on", [None, "choice", {"operator": "slerp", "options": {}}, {"operator": "choice", "options": {"score": "odd"}}]
)
def test_a_greedy_soup_trusts_no_node_file(tmp_path: Path, models: tuple[Path, ...], on: Json) -> None:
    scores = scored(tmp_path, "accuracy", 1, 0)
    made = task(tmp_path / "s", "greedy_soup", {"on": on}, (model("0", models[0]), model("1", models[1]), *scores))
    with pytest.raises(StepError):
        greedy_soup.run(made)
