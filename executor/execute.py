"""One run of a recipe, from lock to dvc.lock. In: the steps of a graph. Out: artifacts in place, and an exit status.

The same bytes as `dvc repro` makes, whichever is used and in whatever order.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from ladle.dsl.signature import Role
from ladle.executor.absent import refuse_absent
from ladle.executor.backends.bars import Bars
from ladle.executor.backends.display import Display, Lines, Scored
from ladle.executor.backends.dvc_lock import commit
from ladle.executor.backends.local import CATALOGUE, Result, run
from ladle.executor.collect import drop_intermediates
from ladle.executor.disk import in_words
from ladle.executor.fetchable import fetchable
from ladle.executor.layout import Layout
from ladle.executor.locks import Holder, hold
from ladle.executor.pipeline import hide, is_dvc_project, write_pipeline
from ladle.executor.plan import Plan, plan
from ladle.executor.profile import Profile
from ladle.executor.reuse import link
from ladle.executor.workspace import Workspace
from rich.console import Console

Say = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Ran:
    """What a run did: the plan it followed, what came of it, and a note about DVC ("" if there is none)."""

    plan: Plan
    result: Result
    note: str


def execute(
    layout: Layout,
    workspace: Workspace,
    targets: tuple[str, ...],
    profile: Profile,
    console: Console,
    workers: int = 0,
    vocabulary: str = CATALOGUE,
    used: tuple[Layout, ...] = (),
) -> Ran:
    """Make what `targets` need and is missing. One run at a time: a second waits, having said for whom.

    `used` are the recipes whose results this one takes: their pipelines and lock files are kept up to date as well.
    """
    told: set[int] = set()

    def waiting(holder: Holder) -> None:
        if holder.pid not in told:
            told.add(holder.pid)
            console.print(f"waiting: another run works here, {holder}", markup=False, highlight=False, soft_wrap=True)

    refuse_absent(layout.graph, targets, workspace.root)
    with in_words("running"), hold(workspace.lock("run"), waiting) as lock:
        return _run(layout, workspace, targets, profile, console, workers, vocabulary, used, lock)


def _run(
    layout: Layout,
    workspace: Workspace,
    targets: tuple[str, ...],
    profile: Profile,
    console: Console,
    workers: int,
    vocabulary: str,
    used: tuple[Layout, ...],
    lock: int,
) -> Ran:
    dvc = is_dvc_project(workspace)
    for each in used if dvc else ():
        write_pipeline(each, workspace)
    write_pipeline(layout, workspace, dvc, targets)
    made = plan(layout, workspace, targets)
    if known := fetchable(made, workspace):
        console.print(f"note: {known}", markup=False, highlight=False, soft_wrap=True)
    for item in made.links:
        link(workspace, item.source, item.place, item.node.fingerprint)
    result = run(made, workspace, profile, _display(made, console), workers, vocabulary)
    if dvc:
        hide(layout, workspace, targets)
    pipelines = (*used, layout) if dvc and not result.stopped else ()
    note = "; ".join(dict.fromkeys(told for each in pipelines if (told := commit(each, workspace, lock))))
    if profile.keep == "last" and not result.status:
        drop_intermediates(made, workspace)
    return Ran(made, result, note)


def _display(made: Plan, console: Console) -> Display:
    total = len(made.work)
    if console.is_terminal and total:
        return Bars(total, console)
    return Lines(total, lambda text: console.print(text, markup=False, highlight=False, soft_wrap=True), _scores(made))


def _scores(made: Plan) -> dict[str, Scored]:
    """Return, for each model of which scores are to be made, how many."""
    found: dict[str, Scored] = {}
    for item in made.work:
        if made.layout.operator(item.node).role is Role.BENCHMARK:
            key = next((used.node for used in item.node.inputs if used.role == "model"), "")
            group = found.setdefault(key, Scored(made.layout.graph.nodes[key].name if key else "", 0))
            group.wanted += 1
    found.pop("", None)
    return found
