"""Writes a recipe's pipeline. In: the steps of a graph. Out: node files and dvc.yaml, written where they differ."""

from __future__ import annotations

from pathlib import Path

from ladle.executor.backends.dvc import compile_pipeline, pipeline_file
from ladle.executor.disk import in_words, write_file
from ladle.executor.gitignore import ignore
from ladle.executor.layout import Layout
from ladle.executor.nodefile import node_file
from ladle.executor.regular import read_regular
from ladle.executor.workspace import Workspace


def write_pipeline(
    layout: Layout, workspace: Workspace, dvc: bool = True, targets: tuple[str, ...] = ()
) -> tuple[str, ...]:
    """Write what a recipe compiles to and remove node files of steps it no longer has; return what changed.

    Without `dvc` only the node files are written, which `ladle run` needs too. With it git is kept from seeing results.
    `targets` are asked for by name, whether or not the recipe asks for them.
    """
    wanted = pipeline_files(layout, workspace, targets)
    if not dvc:
        del wanted[pipeline_file(layout.graph.recipe)]
    written = []
    with in_words("writing the pipeline"):
        for place, content in wanted.items():
            path = workspace.path(place)
            if not _same(path, content):
                write_file(path, content)
                written.append(place)
        for place in left_over(layout, workspace, frozenset(wanted)):
            workspace.path(place).unlink()
            written.append(place)
        if is_dvc_project(workspace):
            hide(layout, workspace, layout.graph.targets)
    return tuple(written)


def hide(layout: Layout, workspace: Workspace, targets: tuple[str, ...]) -> None:
    """Keep git from seeing what the recipe's own steps for `targets` have made."""
    ignore(workspace, (layout.spots[node.fingerprint].place for node in layout.steps(targets) if not node.recipe))


def pipeline_files(layout: Layout, workspace: Workspace, targets: tuple[str, ...] = ()) -> dict[str, bytes]:
    """Return the files of a recipe's pipeline by path: what it compiles to, and node files of what else is wanted.

    That are the steps of `targets`, and those of earlier ones that the recipe still declares: they are no stages.
    """
    files = compile_pipeline(layout)
    named = {node.fingerprint for node in layout.steps(targets)}
    for key, spot in layout.spots.items():
        node = layout.graph.nodes[key]
        there = not node.recipe and workspace.path(spot.node_file).exists()
        if spot.node_file not in files and (key in named or there):
            files[spot.node_file] = node_file(layout, node)
    return files


def left_over(layout: Layout, workspace: Workspace, wanted: frozenset[str]) -> tuple[str, ...]:
    """Return the node files of a recipe that are not among `wanted`: their steps are gone."""
    folder = workspace.root / "pipelines" / layout.graph.recipe / "nodes"
    found = (path.relative_to(workspace.root).as_posix() for path in sorted(folder.glob("*.json")))
    return tuple(place for place in found if place not in wanted)


def is_dvc_project(workspace: Workspace) -> bool:
    """Say whether the project is one that `dvc init` made."""
    return (workspace.root / ".dvc" / "config").exists()


def _same(path: Path, content: bytes) -> bool:
    try:
        return read_regular(path, len(content)) == content
    except OSError:
        return False
