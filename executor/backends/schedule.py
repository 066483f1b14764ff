"""What runs next, and where. In: the steps to make and what they wait for. Out: one step at a time for a worker."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from graphlib import TopologicalSorter
from itertools import islice

from ladle.dsl.graph import Node
from ladle.dsl.signature import Role
from ladle.executor.layout import Layout
from ladle.executor.merge import PROGRAM as MERGING
from ladle.executor.plan import Plan
from ladle.executor.record import Record

_SECONDS = {Role.STAGE: 60.0, Role.BENCHMARK: 3.0}
"""Of a step that never ran, by role; any other takes about one."""
_PER_STEP = 0.2
MOST_TOGETHER = 16
"""Merges that are computed in one reading: each has files open and pieces in memory."""


@dataclass(frozen=True, slots=True)
class Job:
    """One step to make: `after` are the fingerprints it waits for, `model` what a score keeps loaded."""

    key: str
    name: str
    operator: str
    program: str
    place: str
    node_file: str
    after: frozenset[str]
    model: str
    rank: float
    """Seconds from its start to the end of the last step that needs it: the longest path goes first."""
    reads: frozenset[str] = frozenset()
    """Of a merge, fingerprints of its models: merges of the same models are computed in one reading."""


def jobs(plan: Plan, records: Mapping[str, Record]) -> tuple[Job, ...]:
    """Return the steps of a plan as jobs, with ranks from what they took before."""
    layout, work = plan.layout, {item.node.fingerprint: item.node for item in plan.work}
    after = {key: frozenset(u.fingerprint for _, u in layout.reads(node)) & work.keys() for key, node in work.items()}
    for key, before in layout.earlier_states(work.values()).items():
        after[key] |= {before.fingerprint}
    rank: dict[str, float] = {}
    for key in reversed(list(TopologicalSorter(after).static_order())):
        users = (rank[other] for other in work if key in after[other])
        rank[key] = _seconds(layout, work[key], records) + max(users, default=0.0)
    return tuple(_job(layout, node, after[key], rank[key]) for key, node in work.items())


def foreseen(plan: Plan, todo: Sequence[Job], records: Mapping[str, Record], workers: int) -> float | None:
    """Return the seconds that steps will take if they take what they took before; None where one has never run."""
    known = [records.get(job.place) for job in todo]
    if not all(record and record.lineage.operator == job.operator for record, job in zip(known, todo, strict=True)):
        return None
    each = sum(_seconds(plan.layout, plan.layout.graph.nodes[job.key], records) for job in todo)
    return max(each / workers, max(job.rank for job in todo))


def _job(layout: Layout, node: Node, after: frozenset[str], rank: float) -> Job:
    operator, spot = layout.operator(node), layout.spots[node.fingerprint]
    model = next((item.node for item in node.inputs if item.role == "model"), "")
    scored = model if operator.role is Role.BENCHMARK else ""
    name = f"{node.recipe}-{spot.name}" if node.recipe else spot.name
    together = operator.program == MERGING
    reads = layout.leaves(node) if together else frozenset[str]()
    return Job(
        node.fingerprint, name, node.operator, operator.program, spot.place, spot.node_file, after, scored, rank, reads
    )


def _seconds(layout: Layout, node: Node, records: Mapping[str, Record]) -> float:
    record = records.get(layout.spots[node.fingerprint].place)
    if record is not None and record.lineage.operator == node.operator and not record.taken_from:
        return record.seconds
    steps = dict(node.options).get("steps")
    if layout.operator(node).role is Role.STAGE and isinstance(steps, int):
        return 5 + steps * _PER_STEP
    return _SECONDS.get(layout.operator(node).role, 1.0)


@dataclass(slots=True)
class Schedule:
    """The jobs not yet begun, and those that cannot be."""

    waiting: dict[str, Job]
    done: set[str] = field(default_factory=set)
    lost: set[str] = field(default_factory=set)
    """Failed, or waiting for what failed."""

    def take(self, loaded: str, elsewhere: frozenset[str]) -> Job | None:
        """Take the best job that can start now, or None.

        Scores come last, those of the model in `loaded` first; one whose model another worker has loaded is left to it
        while there is anything else.
        """
        ready = [job for job in self.waiting.values() if job.after <= self.done]
        if not ready:
            return None
        best = max(ready, key=lambda job: (job.model not in elsewhere, not job.model, job.model == loaded, job.rank))
        del self.waiting[best.key]
        return best

    def companions(self, job: Job) -> tuple[Job, ...]:
        """Take the jobs that read just what a job reads, and can start now."""
        if not job.reads:
            return ()
        same = (other for other in self.waiting.values() if other.reads == job.reads and other.after <= self.done)
        found = tuple(islice(same, MOST_TOGETHER - 1))
        for other in found:
            del self.waiting[other.key]
        return found

    def put_back(self, job: Job) -> None:
        """Offer a job again."""
        self.waiting[job.key] = job

    def finish(self, job: Job) -> None:
        """Note that a job is done."""
        self.done.add(job.key)

    def lose(self, job: Job) -> tuple[Job, ...]:
        """Note that a job failed; return the jobs that can no longer run for it."""
        self.lost.add(job.key)
        fallen: list[Job] = []
        for other in list(self.waiting.values()):
            if other.after & self.lost:
                self.lost.add(other.key)
                fallen.append(self.waiting.pop(other.key))
        return tuple(fallen)
