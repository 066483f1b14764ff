"""A tiny vocabulary with real programs, and graphs over it, for tests of steps, plans and runs."""

from __future__ import annotations

import hashlib
import json
import os
import time
from collections.abc import Mapping
from contextlib import nullcontext
from dataclasses import dataclass, field
from importlib.metadata import version
from pathlib import Path

from ladle.dsl.frozen import replace
from ladle.dsl.graph import Graph, Input, Json, Node, Table, fingerprint
from ladle.dsl.signature import REQUIRED, Number, Operator, Option, Role, Text, Word
from ladle.dsl.types import ModelType
from ladle.executor.task import CHECKPOINTS, Interrupted, Progress, StepError, Task
from ladle.executor.trainers.signals import Stop, stop_on_signal

SEED = Option("seed", Number(low=0, integer=True), 42, "seed")
STEPS = Option("steps", Number(low=1, integer=True), 4, "steps")
T = Option("t", Number(low=0, high=1), 0.5, "t")

PATH = Option("path", Text(True), REQUIRED, "path")
MOOD = Option("mood", Word(("good", "bad", "ill", "late")), "good", "how it ends")

OPERATORS = (
    Operator("notes", Role.CORPUS_SOURCE, 1, "data", options=(PATH,), produces=False, pattern="path"),
    Operator("folder", Role.MODEL_SOURCE, 1, "data", options=(PATH,), produces=False, pattern="path"),
    Operator("start", Role.MODEL_SOURCE, 1, "a new model", options=(SEED,), program="tiny"),
    Operator("rows", Role.INTERNAL, 1, "rows", program="tiny"),
    Operator("train", Role.STAGE, 1, "training", options=(STEPS, SEED, MOOD), engines=("rich",), program="tiny"),
    Operator("blend", Role.MERGE, 1, "merge", options=(T,), program="tiny"),
    Operator("grade", Role.BENCHMARK, 1, "benchmark", program="tiny"),
    Operator("report", Role.INTERNAL, 1, "report", program="tiny"),
)


def vocabulary() -> Mapping[str, Operator]:
    return {operator.name: operator for operator in OPERATORS}


# --- programs -------------------------------------------------------------------------------------------------------


def run(task: Task) -> None:
    """Write a file that depends on operator, options and inputs alone; a training takes steps and checkpoints."""
    if log := os.environ.get("TINY_LOG"):
        with Path(log).open("a") as file:
            file.write(f"{task.operator} {task.name} {os.getpid()}\n")
    value = hashlib.sha256(json.dumps([task.operator, dict(task.options)], sort_keys=True).encode()).hexdigest()
    for given in task.inputs:
        value = _mix(value, _value(given))
    match task.options.get("mood"):
        case "bad":
            raise StepError("the loss is not a number at step 2", "lower the learning rate")
        case "ill":
            raise ValueError("a fault")
    if task.operator == "train":
        value = _train(task, value)
    if task.operator == "grade":
        (task.output / "metrics.json").write_text(json.dumps({"accuracy": int(value[:2], 16) / 255}))
    if task.operator == "report":
        (task.output / "metrics.json").write_text(json.dumps({"overall": int(value[:2], 16) / 255}))
    (task.output / "value.txt").write_text(value + "\n")


def _train(task: Task, value: str) -> str:
    steps = task.options["steps"]
    assert isinstance(steps, int)
    done = 0
    for saved in sorted((task.work / CHECKPOINTS).glob("step-*")):
        state = json.loads(saved.read_text())
        done, value = state["done"], state["value"]
    lines = ["step,loss"]
    late = task.options["mood"] == "late"
    with stop_on_signal() if late else nullcontext(Stop()) as stop:
        while done < steps and stop.signal is None:
            time.sleep(float(os.environ.get("TINY_PAUSE", "0")))
            value, done = _mix(value, str(done)), done + 1
            if late:  # as a real training does it: it reports a step, and saves after that, when it was asked to end
                task.report(Progress(done, steps, "step", (("loss", 1 / done),)))
            if not late or stop.signal is not None:
                _save(task.work / CHECKPOINTS / f"step-{done:04}", {"done": done, "value": value})
            if not late:
                task.report(Progress(done, steps, "step", (("loss", 1 / done),)))
    if done < steps:
        raise Interrupted("stopped")
    lines += [f"{n},{1 / n}" for n in range(1, steps + 1)]
    (task.output / "losses.csv").write_text("\n".join(lines) + "\n")
    return value


def _save(path: Path, value: Mapping[str, object]) -> None:
    path.parent.mkdir(exist_ok=True)
    partial = path.with_name(".partial")
    partial.write_text(json.dumps(value))
    partial.replace(path)


def _value(given: object) -> str:
    path, files, inputs = given.path, given.files, given.inputs  # type: ignore[attr-defined]
    if files:
        return hashlib.sha256(b"".join(file.read_bytes() for file in files)).hexdigest()
    if path:
        own = path / "value.txt"
        return own.read_text().strip() if own.exists() else _mix("adopted", (path / "config.json").read_text())
    value = str(given.operator)  # type: ignore[attr-defined]
    for inner in inputs:
        value = _mix(value, _value(inner))
    return value


def _mix(a: str, b: str) -> str:
    return hashlib.sha256(f"{a} {b}".encode()).hexdigest()


# --- graphs ---------------------------------------------------------------------------------------------------------


@dataclass
class Builder:
    """Builds a graph node by node."""

    root: Path
    recipe: str = "small"
    nodes: dict[str, Node] = field(default_factory=dict)
    aliases: dict[str, str] = field(default_factory=dict)
    scores: list[tuple[str, str, str]] = field(default_factory=list)

    def data(self, operator: str, *files: str) -> str:
        content = tuple(hashlib.sha256((self.root / file).read_bytes()).hexdigest() for file in sorted(files))
        return self._add(operator, Path(files[0]).stem, {}, (), tuple(sorted(files)), content)

    def add(self, operator: str, name: str, options: Mapping[str, Json] | None = None, **inputs: str) -> str:
        """Add a node; inputs are role=fingerprint, a role `_0` is written `0`."""
        pairs = tuple((role.lstrip("_"), key) for role, key in inputs.items())
        defaults = {
            o.name: o.default for o in vocabulary()[operator].options if o.name != vocabulary()[operator].pattern
        }
        key = self._add(operator, name, {**defaults, **(options or {})}, pairs, (), ())
        self.aliases[name] = key
        return key

    def grade(self, model: str, benchmark: str, on: str) -> str:
        name = self.nodes[model].name
        key = self._add("grade", f"{name}/{benchmark}", {}, (("model", model), ("on", on)), (), (), "scores")
        self.scores.append((name, benchmark, key))
        return key

    def _add(self, operator: str, name: str, options: Mapping[str, object], inputs: tuple[tuple[str, str], ...],
             files: tuple[str, ...], content: tuple[str, ...], group: str = "artifacts") -> str:  # fmt: skip
        known = vocabulary()[operator]
        engines = {name: ENGINES[name] for name in known.engines}
        settled: dict[str, Json] = json.loads(json.dumps(dict(options)))
        key = fingerprint(operator, known.version, settled, engines, inputs, content)
        self.nodes[key] = Node(
            key, operator, known.version, tuple(sorted(settled.items())), tuple(engines.items()),
            tuple(Input(role, node) for role, node in inputs), files, content, known.produces, name, group, None,
        )  # fmt: skip
        return key

    def graph(self, *targets: str) -> Graph:
        table = Table("t", (), tuple({b for _, b, _ in self.scores}), tuple(self.scores), "", ())
        return Graph(self.recipe, self.nodes, self.aliases, targets, (table,) if self.scores else ())


ENGINES = {"rich": version("rich")}


def small(root: Path, recipe: str = "small", steps: int = 4, t: float = 0.5, mood: str = "good") -> Graph:
    """A start, two trainings, a merge, scores of all, and a report: ten steps."""
    write_data(root)
    b = Builder(root, recipe)
    text, bench = b.data("notes", "corpora/a.jsonl", "corpora/b.jsonl"), b.data("notes", "corpora/bench.jsonl")
    base = b.add("start", "base")
    rows = b.add("rows", "one-rows", corpus=text)
    one = b.add("train", "one", {"steps": steps}, model=base, rows=rows)
    two = b.add("train", "two", {"seed": 7, "mood": mood}, model=base, rows=rows)
    merged = b.add("blend", "merged", {"t": t}, _0=one, _1=two)
    grades = [b.grade(model, "quiz", bench) for model in (one, two, merged)]
    report = b.add("report", "report", {}, **{f"s{n}": key for n, key in enumerate(grades)})
    return b.graph(report)


def write_data(root: Path) -> None:
    (root / "corpora").mkdir(exist_ok=True)
    for name in ("a", "b", "bench"):
        file = root / "corpora" / f"{name}.jsonl"
        if not file.exists():
            file.write_text(json.dumps({"text": name}) + "\n")


def typed(node: Node, type: ModelType) -> Node:
    return replace(node, type=type)
