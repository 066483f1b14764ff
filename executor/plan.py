"""What will happen to each node, and why. In: the steps of a graph and the disk. Out: a plan; nothing is changed.

Only what is needed and missing is made: an intermediate may be gone once everything made from it is there.
"""

from __future__ import annotations

import difflib
import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum

from ladle.dsl.graph import Node
from ladle.dsl.types import Unknown
from ladle.executor.changes import AGAIN, changes
from ladle.executor.layout import Layout
from ladle.executor.lineage import LARGEST, LINEAGE, Damage, Lineage, inspect, read_lineage
from ladle.executor.record import Record, latest
from ladle.executor.regular import read_regular
from ladle.executor.task import CHECKPOINTS, StepError
from ladle.executor.workspace import TOTAL, Workspace

NEVER = "never made"
"""Why a step runs whose place never held anything."""


class Action(StrEnum):
    """What will happen to a node."""

    RUN = "run"
    REUSE = "reuse"
    RESUME = "resume"


@dataclass(frozen=True, slots=True)
class Planned:
    """One node of a plan."""

    node: Node
    action: Action
    reason: str
    place: str = ""
    """Where its artifact lies; "" for a node that no step of this plan makes (data, a merge within a merge)."""
    source: str = ""
    """An equal artifact elsewhere, which only gets a second name."""
    size: int | None = None
    """Bytes of the artifact, as well as they are known."""


@dataclass(frozen=True, slots=True)
class Plan:
    """Every node that the targets need, inputs first."""

    layout: Layout
    targets: tuple[str, ...]
    nodes: tuple[Planned, ...]

    @property
    def work(self) -> tuple[Planned, ...]:
        """What a worker must make."""
        return tuple(item for item in self.nodes if item.place and item.action is not Action.REUSE)

    @property
    def links(self) -> tuple[Planned, ...]:
        """What lies elsewhere and only needs a second name."""
        return tuple(item for item in self.nodes if item.source)

    @property
    def size(self) -> int:
        """Bytes of all artifacts of the graph, as well as they are known: the disk the whole graph needs."""
        return sum(item.size or 0 for item in self.nodes)

    @property
    def new(self) -> int:
        """Bytes of what will be made."""
        return sum(item.size or 0 for item in self.work)


def plan(layout: Layout, workspace: Workspace, targets: tuple[str, ...] = ()) -> Plan:
    """Return what will happen to each node that `targets` (those of the recipe, if none are given) need."""
    wanted = targets or layout.graph.targets
    made = _Planner(layout, workspace, wanted).plan()
    workspace.digests.save()
    return made


class _Planner:
    """Looks at the disk as little as it must, and at each artifact once."""

    def __init__(self, layout: Layout, workspace: Workspace, targets: tuple[str, ...]) -> None:
        self.layout, self.workspace, self.targets = layout, workspace, targets
        self.found: dict[str, Lineage | Damage] = {}
        self.sources: dict[str, str] = {}
        self.index: dict[str, str] | None = None
        self.records: dict[str, Record] | None = None
        self.done: dict[str, Planned] = {}

    def plan(self) -> Plan:
        missing = self.missing()
        for node in self.layout.steps(self.targets):
            self.seek(node)
        order = list(self.layout.graph.walk(self.targets))
        for node in order:
            self.done[node.fingerprint] = self.planned(node, missing)
        for node in reversed(order):
            self.fused(node)
        return Plan(self.layout, self.targets, tuple(self.done[node.fingerprint] for node in order))

    def missing(self) -> set[str]:
        """Return the fingerprints of the steps that must run."""
        missing: set[str] = set()
        stack = [key for key in self.targets if self.layout.graph.nodes[key].produces]
        seen = set(stack)
        while stack:
            node = self.layout.graph.nodes[stack.pop()]
            if self.lies_ready(node):
                continue
            missing.add(node.fingerprint)
            reads = [used.fingerprint for _, used in self.layout.reads(node) if used.fingerprint not in seen]
            seen.update(reads)
            stack.extend(reads)
        return missing

    def lies_ready(self, node: Node) -> bool:
        key, place = node.fingerprint, self.layout.spots[node.fingerprint].place
        found = self.found[key] = inspect(self.workspace.artifact(place), self.workspace.digests)
        if isinstance(found, Lineage) and found.fingerprint == key:
            return True
        source = self.elsewhere(key)
        if source:
            self.sources[key] = source
        return bool(source)

    def seek(self, node: Node) -> None:
        """Look for what nothing needs just now: it is not made again, but linked where an equal artifact lies."""
        if node.fingerprint in self.found:
            return
        found = read_lineage(self.workspace.artifact(self.layout.spots[node.fingerprint].place))
        if isinstance(found, Lineage) and found.fingerprint == node.fingerprint:
            self.found[node.fingerprint] = found
        elif source := self.elsewhere(node.fingerprint):
            self.sources[node.fingerprint] = source

    def elsewhere(self, key: str) -> str:
        """Return a place that holds the artifact of `key`, whole; "" if there is none."""
        if self.index is None:
            self.index = {}
            for place in self.workspace.published():
                self.index.setdefault(_claimed(self.workspace, place), place)
        place = self.index.get(key, "")
        if place and isinstance(inspect(self.workspace.artifact(place), self.workspace.digests), Damage):
            return ""
        return place

    def planned(self, node: Node, missing: set[str]) -> Planned:
        key = node.fingerprint
        if not node.produces:
            reason = f"data: {_shown(node.files)}" if node.files else "asked where the profile says"
            return Planned(node, Action.REUSE, reason)
        place, size = self.layout.spots[key].place, self.size(node)
        if key in missing:
            resumes = checkpoint(self.workspace, key)
            reason = self.reason(node)
            if resumes:
                why = "" if reason == NEVER else f" ({reason})"
                return Planned(node, Action.RESUME, f"{resumes}{why}", place, size=size)
            return Planned(node, Action.RUN, reason, place, size=size)
        if key in self.sources:
            reason = f"equal to `{self.sources[key]}`, which gets a second name"
            return Planned(node, Action.REUSE, reason, place, self.sources[key], size)
        found = self.found.get(key)
        reason = _lies(found) if isinstance(found, Lineage) else "not needed: what is made from it is there"
        return Planned(node, Action.REUSE, reason, place, size=size)

    def fused(self, node: Node) -> None:
        """A merge that only merges use is computed within their steps: it has no place, and shares their fate."""
        users = [self.layout.graph.nodes[key] for key in self.done if self.uses(key, node)]
        mine = self.done[node.fingerprint]
        inlined = users and all(self.layout.inlined(user, node) for user in users)
        if not node.produces or node.fingerprint in self.targets or not inlined:
            return
        fate = Action.REUSE
        if any(self.done[user.fingerprint].action is not Action.REUSE for user in users):
            fate = Action.RUN
        reason = f"computed within {_shown(tuple(user.name for user in users))}"
        self.done[node.fingerprint] = Planned(mine.node, fate, reason)

    def uses(self, key: str, node: Node) -> bool:
        return any(item.node == node.fingerprint for item in self.layout.graph.nodes[key].inputs)

    def reason(self, node: Node) -> str:
        """Say why a step must run, from what lay in its place before."""
        found = self.found[node.fingerprint]
        record = self.record(self.layout.spots[node.fingerprint].place)
        if isinstance(found, Damage) and not found.absent:
            return f"the artifact is damaged: {found.reason}"
        before = found if isinstance(found, Lineage) else record.lineage if record else None
        if before is None:
            return NEVER
        if before.fingerprint == node.fingerprint:
            return "its files are gone"
        return "; ".join(changes(node, before, self.layout, self.workspace, self.remade)) or "changed"

    def remade(self, key: str) -> bool:
        return key in self.done and self.done[key].action is not Action.REUSE

    def record(self, place: str) -> Record | None:
        if self.records is None:
            self.records = latest(self.workspace)
        return self.records.get(place)

    def size(self, node: Node) -> int | None:
        """Bytes of a model from its number of parameters; of anything else, what it was when last made."""
        if node.type is not None and not isinstance(node.type.parameters, Unknown) and not _manifest(node):
            return node.type.parameters * (2 if dict(node.options).get("precision") == "bf16" else 4)
        record = self.record(self.layout.spots[node.fingerprint].place) if node.produces else None
        return record.size if record else None


def _lies(found: Lineage) -> str:
    """Say how what lies ready came to be."""
    if found.adopted:
        return "adopted: trained elsewhere, and vouched for"
    return "made already, from an adopted model" if found.from_adopted else "made already"


def _manifest(node: Node) -> bool:
    """A hub model is a manifest of its repository's files; the files themselves stay in the hub's cache."""
    return node.operator == "hub"


def _claimed(workspace: Workspace, place: str) -> str:
    try:
        raw = json.loads(read_regular(workspace.path(place) / LINEAGE, LARGEST))
        return str(raw["fingerprint"])
    except (OSError, ValueError, KeyError, TypeError, RecursionError, StepError):
        return ""


def checkpoint(workspace: Workspace, key: str) -> str:
    """Say where a step would go on, "" where it has no checkpoint."""
    work = workspace.work(key)
    found = [path.name.removeprefix("step-") for path in (work / "scratch" / CHECKPOINTS).glob("step-*")]
    steps = [int(number) for number in found if number.isdecimal()]
    if not steps:
        return ""
    try:
        total = f" of {int(read_regular(work / TOTAL, 100))}"
    except (OSError, ValueError):
        total = ""
    return f"resumes at step {max(steps)}{total}"


def _shown(names: tuple[str, ...]) -> str:
    listed = ", ".join(f"`{name}`" for name in names[:3])
    return f"{listed} and {len(names) - 3} more" if len(names) > 3 else listed


@dataclass(frozen=True, slots=True)
class Why:
    """Why a node will or will not be made: its own plan, and what behind it is the cause."""

    planned: Planned
    causes: tuple[Planned, ...]
    """The nodes it waits for that are made too, nearest first."""

    @property
    def roots(self) -> tuple[Planned, ...]:
        """Those of the causes that are made for a reason of their own, and not only since another is."""
        return tuple(each for each in self.causes if own_parts(each.reason))


def why(layout: Layout, workspace: Workspace, name: str) -> tuple[Why, ...]:
    """Explain each node that `name` means, as the plan of the whole recipe has it. Raises StepError for none."""
    keys = sought(layout, name)
    wanted = layout.graph.targets
    reached = {node.fingerprint for node in layout.graph.walk(wanted)}
    made = plan(layout, workspace, (*wanted, *(key for key in keys if key not in reached)))
    by_key = {item.node.fingerprint: item for item in made.nodes}
    return tuple(Why(by_key[key], tuple(_causes(layout, by_key, key))) for key in keys)


def own_parts(reason: str) -> tuple[str, ...]:
    """Return the parts of a reason that do not only say that another step runs."""
    return tuple(part for part in reason.split("; ") if not part.endswith(AGAIN))


def _causes(layout: Layout, by_key: dict[str, Planned], key: str) -> Iterator[Planned]:
    seen, queue = {key}, [key]
    while queue:
        for item in layout.graph.nodes[queue.pop(0)].inputs:
            if item.node not in seen and by_key[item.node].action is not Action.REUSE:
                seen.add(item.node)
                queue.append(item.node)
                yield by_key[item.node]


def find(layout: Layout, name: str) -> str:
    """Return the fingerprint of the one node called `name`. Raises StepError where there is none, or more."""
    keys = sought(layout, name)
    if len(keys) > 1:
        names = tuple(layout.graph.nodes[key].name for key in keys)
        raise StepError(f"`{name}` is {len(keys)} of them: {_shown(names)}", "name one of them")
    return keys[0]


def sought(layout: Layout, name: str) -> tuple[str, ...]:
    """Return the fingerprints of what `name` means: a declaration of the recipe, a member, a step, an artifact.

    A family is all its members, `trained[cpt | sft]` one; a benchmark is its scores, an `evaluate` those of its table.
    """
    graph = layout.graph
    # Of two results of one name, that of a used recipe and an own one, the own is meant.
    nodes = sorted(graph.nodes.items(), key=lambda item: not item[1].recipe)
    known: dict[str, tuple[str, ...]] = {node.name: (key,) for key, node in nodes}
    known |= {spot.name: (key,) for key, _ in nodes if (spot := layout.spots.get(key))}
    known |= {alias: (key,) for alias, key in graph.aliases.items()} | dict(graph.groups)
    found = known.get(name) or known.get(_as_label(name))
    if found:
        return found
    picked = layout.picks(name) if layout.picks and "[" in name else ()
    if picked and all(each in known for each in picked):
        return tuple(dict.fromkeys(key for each in picked for key in known[each]))
    near = difflib.get_close_matches(_as_label(name), sorted(known), 1)
    hint = f"did you mean `{near[0]}`?" if near else "`ladle plan` lists what it has"
    raise StepError(f"the recipe has nothing called `{name}`", hint)


def _as_label(name: str) -> str:
    """Return the name of the artifact of a member that is written as in the recipe: `trained[cpt | sft]`."""
    return re.sub(r"[^\w%]+", "-", name.replace(".", "_")).strip("-").replace("%", "pct") if "[" in name else name
