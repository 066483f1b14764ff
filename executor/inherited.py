"""What a merge takes from one of its models where others differ. In: a plan, the project. Out: notes for the user.

Weights are merged; a chat template and a generation configuration cannot be, so those of the other models are left.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Final

from ladle.dsl.graph import Graph, Json, Node
from ladle.dsl.signature import Role
from ladle.dsl.suggest import listing
from ladle.dsl.types import UNKNOWN, Unknown, one_vocabulary
from ladle.dsl.vocabularies import TOKENIZER
from ladle.executor.model_folder import BadFolder, json_object
from ladle.executor.plan import Action, Plan
from ladle.executor.sits_on import is_adapter
from ladle.executor.workspace import Workspace

GENERATION: Final = "generation_config.json"
Settings = Mapping[str, Json]

_OF_THE_LIBRARY: Final = ("transformers_version", "_from_model_config")
"""Keys that say who wrote a file, and nothing of how text is generated."""


def inherited(made: Plan, workspace: Workspace) -> Iterator[str]:
    """Yield a note for each merge to run and each thing that it takes from one model and others have otherwise."""
    graph = made.layout.graph
    for item in made.nodes:
        operator = made.layout.operator(item.node)
        if item.action is not Action.RUN or operator.role not in (Role.MERGE, Role.INTERNAL):
            continue
        donor, others = _models(graph, item.node)
        if donor is None:
            continue
        templates = [each.name for each in others if _other_template(donor, each)]
        own = _generation(made, workspace, donor)
        settings = [
            each.name for each in others if _other_settings(own, _generation(made, workspace, each), donor, each)
        ]
        for what, names in (("chat template", templates), ("generation configuration", settings)):
            if names:
                yield f"`{item.node.name}` takes the {what} of `{donor.name}`, and not that of {listing(names)}"


def _models(graph: Graph, node: Node) -> tuple[Node | None, tuple[Node, ...]]:
    """The model whose template a merge has, and the others."""
    found = {item.role: graph.nodes[item.node] for item in node.inputs if item.role.isdecimal() or item.role == "base"}
    named = [graph.nodes[item.node] for item in node.inputs if item.role == TOKENIZER]
    donor = named[0] if named else found.get("0")
    others = {each.fingerprint: each for each in found.values() if donor and each.fingerprint != donor.fingerprint}
    return donor, tuple(others.values())


def _other_template(a: Node, b: Node) -> bool:
    one, other = (None if each.type is None else each.type.template for each in (a, b))
    known = a.type is not None and b.type is not None
    return known and not isinstance(one, Unknown) and not isinstance(other, Unknown) and one != other


def _other_settings(own: Settings | None, other: Settings | None, donor: Node, node: Node) -> bool:
    """Say whether both are known and differ; numbers of tokens tell nothing where the vocabularies differ."""
    vocabularies = [UNKNOWN if each.type is None else each.type.vocabulary for each in (donor, node)]
    if own is None or other is None:
        return False
    numbers = one_vocabulary(*vocabularies) is True
    return any(own.get(key) != other.get(key) for key in own.keys() | other.keys() if numbers or "token_id" not in key)


def _generation(made: Plan, workspace: Workspace, node: Node) -> Settings | None:
    """The generation configuration of a model as far as it lies on this disk, or of what it will come from."""
    graph, donor = made.layout.graph, node
    for _ in range(len(graph.nodes)):
        inputs = {item.role: graph.nodes[item.node] for item in donor.inputs}
        if not donor.produces:
            if dict(donor.options).get("template") is not None:
                return None  # the end of a turn is added to it when the template is put on
            if "template" not in inputs and is_adapter(donor):
                donor = inputs["from"]  # an adapter is folded into a model, whose settings stay
                continue
            if "template" not in inputs:
                return _read(workspace.root, next((file for file in donor.files if file.endswith(GENERATION)), ""))
            donor = inputs["template"]
        elif found := _read(workspace.artifact(made.layout.spots[donor.fingerprint].place), GENERATION):
            return found
        elif after := inputs.get(TOKENIZER, inputs.get("model", inputs.get("0"))):
            donor = after
        else:
            return None
    return None


def _read(folder: Path, name: str) -> Settings | None:
    try:
        found = json_object(folder / name, folder.name) if name else {}
    except (BadFolder, OSError):
        return None
    return {key: value for key, value in found.items() if key not in _OF_THE_LIBRARY}
