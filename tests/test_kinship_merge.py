"""Top-k greedy merging with kinship: what it merges, what it records, that it is never worse than its best member."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from ladle.dsl.frozen import replace
from ladle.dsl.graph import Json
from ladle.executor.choosing import kinship_merge
from ladle.executor.choosing.kinship import kinship
from ladle.executor.choosing.scores import headline
from ladle.executor.task import Given, Interrupted, Progress, Task
from ladle.executor.weights import merge
from safetensors.torch import load_file, save_file
from test_choices import LOSS, measure, model, record, task
from test_scoring import rows, save_model

TEXTS: list[dict[str, Json]] = [{"text": "the silk of a spider is strong"}, {"text": "nacre is made of aragonite"}]


@pytest.fixture(scope="module")
def family(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, ...]:
    """A base and three models near it, the third on the other side of it than the first two."""
    place = tmp_path_factory.mktemp("kin")
    base = save_model(place / "base", 0)
    weights = load_file(base / "model.safetensors")
    draw = torch.Generator().manual_seed(1)
    shared, *own = [
        {name: 0.2 * torch.randn(value.shape, generator=draw) for name, value in weights.items()} for _ in range(4)
    ]
    found = []
    for number, sign in enumerate((1.0, 1.0, -1.0)):
        folder = save_model(place / "abc"[number], 0)
        moved = {name: value + sign * shared[name] + own[number][name] for name, value in weights.items()}
        save_file(moved, folder / "model.safetensors", {"format": "pt"})
        found.append(folder)
    return (*found, base)


def made(place: Path, family: tuple[Path, ...], k: int = 2, rounds: int = 4) -> Task:
    place.mkdir(exist_ok=True)
    *members, base = family
    on = rows(place / "t.jsonl", TEXTS)
    scores = [measure(place, "loss", path) for path in members]
    given = [model(str(number), path) for number, path in enumerate(members)]
    named = [Given(f"score:{number}", "loss", "s" * 64, path=each.path) for number, each in enumerate(scores)]
    options: dict[str, Json] = {"on": {"operator": "loss", "options": LOSS}, "k": k, "rounds": rounds}
    return task(place / "kin", "kinship_merge", options, (*given, model("base", base), on, *named))


def told(run: Task) -> Any:
    return record(run.output)


def test_kinship_is_the_cosine_of_what_was_learned(tmp_path: Path, family: tuple[Path, ...]) -> None:
    *members, base = family
    given = [model(str(number), path) for number, path in enumerate(members)]
    found = kinship(model("base", base), given, tmp_path)
    weights = [load_file(path / "model.safetensors") for path in family]
    flat = [torch.cat([(w[n] - weights[-1][n]).double().flatten() for n in w]) for w in weights[:-1]]
    wanted = [torch.cosine_similarity(flat[0], other, dim=0).item() for other in flat[1:]]
    assert found == pytest.approx(wanted, abs=1e-9)
    assert found[1] < 0 < found[0]
    assert kinship(model("base", base), [given[0], model("1", base)], tmp_path) == [0.0]


def test_every_merge_is_of_the_best_in_pairs_or_explores(tmp_path: Path, family: tuple[Path, ...]) -> None:
    run = made(tmp_path, family)
    kinship_merge.run(run)
    found = told(run)
    values = [each["score"] for each in found["members"]]
    assert [each["parents"] for each in found["tried"][:3]] == [[0, 1], [0, 2], [1, 2]]
    values += [each["score"] for each in found["tried"]]
    assert found["score"] == min(values) <= min(values[:3])
    assert found["won"] == values.index(min(values))
    place = 3
    while place < len(found["tried"]):  # after the first round: one pair of the two best, or one with the best in it
        best = sorted(range(3 + place), key=lambda each: (values[each], each))[:2]
        parents = found["tried"][place]["parents"]
        assert parents == sorted(best) or best[0] in parents
        if parents != sorted(best):
            assert found["tried"][place]["kinship"] is not None
        place += 1
    # What is recorded is what was made: the winner, made again from its parents, has these bytes and this score.
    folders = list(family[:3])
    for number, each in enumerate(found["tried"]):
        one, two = (model(str(role), folders[parent]) for role, parent in enumerate(each["parents"]))
        again = task(tmp_path / f"again-{number}", "slerp", {"t": 0.5, "norm": "linear"}, (one, two))
        merge.run(again)
        folders.append(again.output.rename(tmp_path / f"made-{number}"))
    wanted = folders[found["won"]] / "model.safetensors"
    assert (run.output / "model.safetensors").read_bytes() == wanted.read_bytes()
    assert headline(measure(tmp_path / "anew", "loss", folders[found["won"]]).path)[1] == found["score"]


def test_the_best_member_stays_where_no_merge_is_better(tmp_path: Path, family: tuple[Path, ...]) -> None:
    run = made(tmp_path, family)
    first = run.given("score:1")
    assert first.path
    (first.path / "metrics.json").write_text(json.dumps({"loss": 0.01}))
    kinship_merge.run(run)
    assert told(run)["won"] == 1
    assert told(run)["taken"] == [1]
    assert (run.output / "model.safetensors").read_bytes() == (family[1] / "model.safetensors").read_bytes()


def stopping(after: int) -> Callable[[Progress], None]:
    seen: list[Progress] = []

    def report(progress: Progress) -> None:
        seen.append(progress)
        if progress.unit == "merges" and progress.done == after:
            raise Interrupted("stopped")

    return report


def test_a_stopped_run_goes_on_without_scoring_again(tmp_path: Path, family: tuple[Path, ...]) -> None:
    whole = made(tmp_path / "whole", family)
    kinship_merge.run(whole)
    run = made(tmp_path / "parts", family)
    for after in (2, 4):
        with pytest.raises(Interrupted):
            kinship_merge.run(replace(run, report=stopping(after)))
    notes = run.work / "kin" / "scores.json"
    assert len(json.loads(notes.read_text())) == 4
    kinship_merge.run(run)
    files = {path.name: path.read_bytes() for path in run.output.iterdir()}
    assert files == {path.name: path.read_bytes() for path in whole.output.iterdir()}
