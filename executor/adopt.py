"""A model trained elsewhere as the result of a node. In: a model folder and a name. Out: an artifact that says so."""

from __future__ import annotations

import shutil
import time
from pathlib import Path

from ladle.dsl.graph import Node
from ladle.dsl.signature import Role
from ladle.dsl.types import ModelType, Unknown, one_vocabulary
from ladle.dsl.vocabularies import Shape
from ladle.executor.disk import in_words, publish, remove, sync_tree, tree_bytes
from ladle.executor.layout import Layout, merges
from ladle.executor.lineage import LINEAGE, Lineage, read_lineage
from ladle.executor.locks import hold, refuse_beside_a_run
from ladle.executor.manifest import manifest
from ladle.executor.model_folder import model_type
from ladle.executor.places import MODEL_NAMES
from ladle.executor.plan import find
from ladle.executor.record import Record, write_record
from ladle.executor.task import StepError
from ladle.executor.workspace import Workspace


def adopt(layout: Layout, workspace: Workspace, folder: Path, name: str) -> str:
    """Copy a model folder to the place of the node called `name`, and say in its lineage that no step made it.

    The user vouches that the folder is that computation's result; what can be checked is its type. The steps before it
    need not exist. Returns the place. Raises StepError where the folder is no model, or another one.
    """
    node = layout.graph.nodes[find(layout, name)]
    if not is_model(layout, node):
        raise StepError(f"`{name}` is not a model that a step makes", "models are adopted, not corpora or scores")
    files = _files(folder)
    _compare(node, folder, files)
    place = layout.spots[node.fingerprint].place
    _refuse_second_result(workspace, node, place)
    with in_words(f"adopting `{folder}`"), hold(workspace.lock("run"), refuse_beside_a_run):
        _publish(node, workspace, files, place, folder)
    return place


_MODELS = (Role.STAGE, Role.MODEL_SOURCE)


def is_model(layout: Layout, node: Node) -> bool:
    """Say whether a node is a model that a step makes."""
    operator = layout.operator(node)
    return node.produces and (merges(operator) or operator.role in _MODELS)


def _refuse_second_result(workspace: Workspace, node: Node, place: str) -> None:
    """One computation has one result: what was made from an earlier one would be taken for this one's."""
    key = node.fingerprint
    lineages = {path: read_lineage(workspace.artifact(path)) for path in workspace.published()}
    known = {path: found for path, found in lineages.items() if isinstance(found, Lineage)}
    made = [path for path, found in known.items() if found.fingerprint == key]
    users = [path for path, found in known.items() if any(used == key for _, used in found.inputs)]
    if made or users:
        listed = ", ".join(f"`{path}`" for path in (*made, *users)[:5])
        raise StepError(
            f"`{node.name}` has a result already, or something was made from one: {listed}",
            f"delete these folders first if the model for `{place}` is to be another one",
        )


def _files(folder: Path) -> tuple[Path, ...]:
    """The files that make a model; the rest of the folder (cards, trainer state, other formats) stays where it is."""
    if not folder.is_dir():
        raise StepError(f"`{folder}` is not a folder")
    found = [path for path in sorted(folder.iterdir()) if path.name in MODEL_NAMES or path.suffix == ".safetensors"]
    return tuple(path for path in found if path.is_file())


def _compare(node: Node, folder: Path, files: tuple[Path, ...]) -> None:
    found = model_type(folder, folder.name, files)
    if not isinstance(found, ModelType):
        raise StepError(found[0].message, found[0].help)
    wanted = node.type or ModelType()
    pairs = {
        "architecture": (wanted.architecture, found.architecture),
        "shape": (wanted.shape, _of_sizes(found.shape, wanted.shape)),
    }
    if one_vocabulary(wanted.vocabulary, found.vocabulary) is False:
        pairs["vocabulary"] = (wanted.vocabulary, found.vocabulary)
    for part, (said, given) in pairs.items():
        if not isinstance(said, Unknown) and not isinstance(given, Unknown) and said != given:
            raise StepError(
                f"the {part} of `{folder.name}` is not that of `{node.name}`",
                f"the recipe says {_shown(said)}, the folder has {_shown(given)}",
            )


def _of_sizes(found: Shape | Unknown, wanted: Shape | Unknown) -> Shape | Unknown:
    """The sizes that are wanted: nobody knows how many tokens a union of vocabularies has before it is made."""
    if isinstance(found, Unknown) or isinstance(wanted, Unknown):
        return found
    return tuple(pair for pair in found if pair[0] in dict(wanted))


def _shown(value: object) -> str:
    pairs = value if isinstance(value, tuple) else ()
    return ", ".join(f"{name} {size}" for name, size in pairs) if pairs else str(value)[:60]


def _publish(node: Node, workspace: Workspace, files: tuple[Path, ...], place: str, folder: Path) -> None:
    work = workspace.work(node.fingerprint)
    new = work / "adopted"
    remove(new)
    new.mkdir(parents=True)
    for path in files:
        shutil.copyfile(path, new / path.name)
    inputs = tuple((item.role, item.node) for item in node.inputs)
    held = manifest(new, workspace.digests)
    options, engines = dict(node.options), dict(node.engines)
    lineage = Lineage(node.operator, node.version, options, engines, inputs, node.content, held, adopted=True)
    (new / LINEAGE).write_bytes(lineage.encode())
    sync_tree(new)
    write_record(workspace, Record(place, lineage, {}, time.time(), 0.0, str(folder.resolve()), tree_bytes(new)))
    publish(new, workspace.destination(place), work / "old")
    remove(work)
    workspace.digests.save()
