"""Top-k greedy merging with model kinship (Hu et al. 2024, arXiv 2410.12613). In: models and scores. Out: the best.

The first round merges every two members. Then, with S the `k` best of members and merged models so far, each round
merges every two of S, and explores: the best is merged with the one of S and the members that is least akin to it.
It ends where S stays the same, or after `rounds`. A merge is `slerp` at t = 0.5 of models as they lie in files, as in
the paper; kinship is the cosine of their differences from the base. Where the paper's listing says that the most akin
model is explored, its text and its experiment say the least; this does as they do. S holds members too, so that the
result is never below the best member on the benchmark that decides.
"""

from __future__ import annotations

import itertools
import json
import shutil
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

from ladle.dsl.frozen import replace
from ladle.dsl.graph import Json, digest
from ladle.executor.atomic import write_file
from ladle.executor.choosing import best
from ladle.executor.choosing.kinship import kinship
from ladle.executor.choosing.rescoring import Asked, asked, empty, rescored
from ladle.executor.choosing.scores import Candidate, candidates, merit, write_choice
from ladle.executor.task import Given, Progress, Task
from ladle.executor.weights import merge


@dataclass(frozen=True, slots=True)
class Kin:
    """A member, or a merge of two earlier ones; numbers count members first, then merges as they were made."""

    number: int
    parents: tuple[int, ...]
    value: float
    merit: float


def run(task: Task) -> None:
    """Write the best model found, and how every one on the way was made."""
    found = candidates(task)
    pool = _Pool(task, asked(task), found)
    pool.merge_all(itertools.combinations(range(len(found)), 2))
    top: tuple[int, ...] = ()
    for _ in range(_whole(task, "rounds")):
        before, top = top, pool.top(_whole(task, "k"))
        if top == before:
            break
        pool.keep(top)
        pairs = [*itertools.combinations(sorted(top), 2), *pool.explored(top)]
        pool.merge_all(pairs)
    (won,) = pool.top(1)
    pool.deliver(won)
    members = sorted(pool.members(won))
    more: dict[str, Json] = {"tried": pool.tried(), "won": won, "score": pool.kin[won].value}
    write_choice(task.output, found, members, more)


def _whole(task: Task, name: str) -> int:
    value = task.options[name]
    assert isinstance(value, int)
    return value


@dataclass(slots=True)
class _Pool:
    """Members and merges. Scores survive a kill; a merge's files are made when they are needed, and made again."""

    task: Task
    benchmark: Asked
    found: tuple[Candidate, ...]
    kin: list[Kin] = field(default_factory=list)
    akin: dict[tuple[int, int], float] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.kin = [Kin(each.place, (), each.value, each.merit) for each in self.found]

    def top(self, count: int) -> tuple[int, ...]:
        """Return the best models, the first among equals."""
        order = sorted(self.kin, key=lambda each: (-each.merit, each.number))
        return tuple(each.number for each in order[:count])

    def merge_all(self, pairs: Iterable[tuple[int, int]]) -> None:
        """Merge and score pairs that were not merged before."""
        for pair in pairs:
            if all(each.parents != pair for each in self.kin):
                value = self._scored(len(self.kin), pair)
                self.kin.append(Kin(len(self.kin), pair, value, merit(self.found[0].metric, value)))
                self.task.report(Progress(len(self.kin) - len(self.found), 0, "merges"))

    def explored(self, top: tuple[int, ...]) -> Iterator[tuple[int, int]]:
        """Yield the best model with the one least akin to it among the best and the members."""
        first = top[0]
        others = sorted({*top, *range(len(self.found))} - {first})
        models = [self.given(each) for each in (first, *others)]
        values = kinship(self.task.given("base"), models, self.task.work)
        pairs = [(min(first, each), max(first, each)) for each in others]
        self.akin.update({pair: round(value, 6) for pair, value in zip(pairs, values, strict=True)})
        yield min(pairs, key=lambda pair: (self.akin[pair], pair))

    def given(self, number: int) -> Given:
        """Return a model as an input, its files there."""
        kin = self.kin[number]
        if not kin.parents:
            return self.found[number].model
        return self._made(number, kin.parents)

    def members(self, number: int) -> frozenset[int]:
        """Return the members that a model descends from."""
        parents = self.kin[number].parents
        return frozenset((number,)) if not parents else frozenset().union(*map(self.members, parents))

    def keep(self, numbers: Iterable[int]) -> None:
        """Remove the files of all merges but these."""
        kept = {self._folder(each) for each in numbers}
        for folder in self._place().glob("model-*"):
            if folder not in kept:
                shutil.rmtree(folder)

    def deliver(self, number: int) -> None:
        """Put a model into the output."""
        if not self.kin[number].parents:
            best.take(self.found[number].model, self.task)
            return
        made = self.given(number).path
        assert made is not None
        for file in made.iterdir():
            shutil.move(file, self.task.output / file.name)

    def tried(self) -> list[Json]:
        """Return every merge: its parents' numbers, its score, and the kinship of its parents where it was asked."""
        return [
            {
                "parents": list[Json](each.parents),
                "score": each.value,
                "kinship": self.akin.get((each.parents[0], each.parents[1])),
            }
            for each in self.kin[len(self.found) :]
        ]

    def _place(self) -> Path:
        return self.task.work / "kin"

    def _folder(self, number: int) -> Path:
        return self._place() / f"model-{number}"

    def _made(self, number: int, parents: tuple[int, ...]) -> Given:
        folder = self._folder(number)
        identity = digest([self.task.fingerprint, number, *parents])
        if not folder.is_dir():
            one, two = (replace(self.given(each), role=str(place)) for place, each in enumerate(parents))
            partial = empty(self._place() / "partial")
            options: dict[str, Json] = {"t": 0.5, "norm": "linear"}
            merge.run(replace(self.task, operator="slerp", options=options, inputs=(one, two), output=partial))
            partial.rename(folder)
        return Given("model", "slerp", identity, folder)

    def _scored(self, number: int, parents: tuple[int, int]) -> float:
        """Return the score of a merge: the one noted down before a kill, or a new one."""
        note = self._place() / "scores.json"
        scores: dict[str, float] = json.loads(note.read_text()) if note.is_file() else {}
        key = f"{number} {parents[0]} {parents[1]}"
        if key not in scores:
            scores[key] = rescored(self.task, self.benchmark, self._made(number, parents))
            write_file(note, json.dumps(scores).encode())
        return scores[key]
