"""Runs a plan on this machine. In: a plan. Out: its artifacts, made by warm workers side by side, and an exit status.

The bytes do not depend on the number of workers or on the order of steps: each step is a function of its node file.
"""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from types import FrameType

from ladle.dsl.graph import Json
from ladle.executor.backends.display import Display, duration
from ladle.executor.backends.pool import Death, Message, Pool, Worker
from ladle.executor.backends.schedule import Job, Schedule, foreseen, jobs
from ladle.executor.environment import variables
from ladle.executor.plan import Plan
from ladle.executor.profile import Profile
from ladle.executor.record import latest
from ladle.executor.task import Progress
from ladle.executor.workspace import Workspace

CATALOGUE = "ladle.executor.catalog:vocabulary"
FAULT = 70
TRIES = 2
"""How often a step whose worker is killed is begun."""
_LISTEN_SECONDS = 0.25


@dataclass(frozen=True, slots=True)
class Failure:
    """A step without a result. `fault`: ours, not the user's."""

    job: Job
    message: str
    help: str
    fault: bool
    log: str


@dataclass(frozen=True, slots=True)
class Result:
    """What a run came to. `stopped` is the signal that ended it, or 0."""

    made: tuple[str, ...]
    """Fingerprints, in the order in which they were done."""
    failures: tuple[Failure, ...]
    skipped: tuple[Job, ...]
    """Steps that waited for a failed one."""
    stopped: int

    @property
    def status(self) -> int:
        """The exit status."""
        if self.stopped:
            return 128 + self.stopped
        return FAULT if any(failure.fault for failure in self.failures) else 1 if self.failures else 0


def default_workers(profile: Profile, steps: int) -> int:
    """Return how many workers are good: two, since most recipes have two long branches; one for a GPU."""
    if profile.workers:
        return min(profile.workers, steps)
    if profile.machine.device != "cpu":
        return min(1, steps)
    return min(2, len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1, steps)


def run(
    plan: Plan, workspace: Workspace, profile: Profile, display: Display, workers: int = 0, vocabulary: str = CATALOGUE
) -> Result:
    """Make what a plan says. The node files must be written, and the workspace's run lock be held."""
    records = latest(workspace)
    todo = jobs(plan, records)
    if not todo:
        return Result((), (), (), 0)
    count = min(workers, len(todo)) if workers else default_workers(profile, len(todo))
    with Pool(workspace.root, vocabulary, variables(profile), workspace.log("worker")) as pool, _signals() as heard:
        loop = _Loop(plan.layout.graph.recipe, workspace, display, pool, Schedule({job.key: job for job in todo}))
        display.say(announced(len(todo), count, foreseen(plan, todo, records, count)))
        try:
            return loop.run(count, heard)
        finally:
            display.close()


def announced(steps: int, workers: int, seconds: float | None) -> str:
    """Return what is said when a run begins."""
    what = f"{steps} steps" if steps != 1 else "1 step"
    who = f"{workers} workers" if workers != 1 else "1 worker"
    if seconds is None:
        return f"{what} to run, {who}; how long is not known before they ran once: each says its time left"
    return f"{what} to run, {who}: about {duration(seconds)} if they take what they took before"


@dataclass(slots=True)
class _Heard:
    """The signal that asked the run to end, or 0."""

    number: int = 0


@contextmanager
def _signals() -> Iterator[_Heard]:
    """Note SIGINT, SIGTERM and SIGHUP; a second one is not held back."""
    heard = _Heard()
    before = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)}

    def restore() -> None:
        for number, handler in before.items():
            signal.signal(number, handler)

    def note(number: int, frame: FrameType | None) -> None:
        heard.number = number
        restore()

    for number, handler in before.items():
        if handler is not signal.SIG_IGN:
            signal.signal(number, note)
    try:
        yield heard
    finally:
        restore()


@dataclass(slots=True)
class _Loop:
    recipe: str
    workspace: Workspace
    display: Display
    pool: Pool
    schedule: Schedule
    made: list[str] = field(default_factory=list)
    failures: list[Failure] = field(default_factory=list)
    skipped: list[Job] = field(default_factory=list)
    tries: dict[str, int] = field(default_factory=dict)
    told: set[str] = field(default_factory=set)
    """Steps about which it was said that they wait for another process."""

    def run(self, count: int, heard: _Heard) -> Result:
        while not heard.number and (self.schedule.waiting or self.busy()):
            while len(self.pool.workers) < min(count, len(self.schedule.waiting) + len(self.busy())):
                self.pool.start()
            self.hand_out()
            for worker, message in self.pool.listen(_LISTEN_SECONDS):
                self.hear(worker, message)
        if heard.number:
            self.display.say("stopping: running steps save their checkpoints")
            self.pool.stop()
        return Result(tuple(self.made), tuple(self.failures), tuple(self.skipped), heard.number)

    def busy(self) -> list[Worker]:
        return [worker for worker in self.pool.workers if worker.jobs]

    def hand_out(self) -> None:
        for worker in self.pool.workers:
            if worker.jobs:
                continue
            elsewhere = frozenset(other.loaded for other in self.busy() if other.loaded)
            job = self.schedule.take(worker.loaded, elsewhere)
            if job:
                self.begin(worker, job)
            elif not worker.imported and self.schedule.waiting:
                worker.imported = True
                programs: list[Json] = list(dict.fromkeys(job.program for job in self.schedule.waiting.values()))
                self.pool.order(worker, {"load": programs})

    def begin(self, worker: Worker, job: Job) -> None:
        together = (job, *self.schedule.companions(job))
        worker.jobs, worker.loaded = {each.node_file: each for each in together}, job.model
        for each in together:
            self.tries[each.key] = self.tries.get(each.key, 0) + 1
            self.display.begin(each)
        steps: list[Json] = [[each.node_file, str(self.log(each))] for each in together]
        self.pool.order(worker, {"steps": steps})

    def log(self, job: Job) -> str:
        return str(self.workspace.log(f"{self.recipe}-{job.name}"))

    def hear(self, worker: Worker, message: Message | Death) -> None:
        if isinstance(message, Death):
            for job in worker.jobs.values():
                self.died(job, message)
            return
        place = str(message.get("step"))
        if place not in worker.jobs:
            return
        job = worker.jobs[place]
        if "at" in message:
            self.display.progress(job, _progress(message))
        elif "note" in message:
            self.display.say(f"note: {job.name}: {message['note']}")
        elif "waiting" in message:
            self.wait(job, str(message["waiting"]))
        elif "done" in message:
            del worker.jobs[place]
            self.schedule.finish(job)
            self.made.append(job.key)
            self.display.end(job, float(str(message["seconds"])), str(message["done"]))
        elif "error" in message:
            del worker.jobs[place]
            self.fail(job, str(message["error"]), str(message["help"]), bool(message["fault"]))

    def wait(self, job: Job, holder: str) -> None:
        if job.key not in self.told:
            self.told.add(job.key)
            self.display.say(f"{job.name} waits for {holder}")

    def died(self, job: Job, death: Death) -> None:
        if self.tries[job.key] < TRIES:
            self.display.drop(job)
            self.display.say(f"the worker of {job.name} was {death}: the step is begun again")
            self.schedule.put_back(job)
        else:
            help = "a step that is killed again and again has usually run out of memory"
            self.fail(job, f"its worker was {death}, {TRIES} times", help, False)

    def fail(self, job: Job, message: str, help: str, fault: bool) -> None:
        self.display.drop(job)
        self.display.say(f"FAILED {job.name}: {message}")
        self.failures.append(Failure(job, message, help, fault, self.log(job)))
        self.skipped.extend(self.schedule.lose(job))


def _progress(message: Mapping[str, Json]) -> Progress:
    detail = message["detail"]
    pairs = tuple((name, float(str(value))) for name, value in detail.items()) if isinstance(detail, dict) else ()
    return Progress(int(str(message["at"])), int(str(message["of"])), str(message["unit"]), pairs)
