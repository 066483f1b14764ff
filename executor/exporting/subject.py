"""A model of a recipe that is written for another tool. In: a graph and a name. Out: its node, inputs and places.

What a tool cannot say is collected as problems, each at the place of the recipe that says it.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath

from ladle.dsl.codes import CODES
from ladle.dsl.diagnostics import Diagnostic
from ladle.dsl.graph import Json, Node
from ladle.dsl.signature import Role
from ladle.dsl.source import Source, Span
from ladle.executor.console import typed
from ladle.executor.layout import Layout
from ladle.executor.nodefile import model_folder
from ladle.executor.places import ADAPTER

CODE = "E620"


@dataclass(slots=True)
class Subject:
    """What is exported: the node, the graph around it, and what could not be said."""

    layout: Layout
    source: Source
    node: Node
    tool: str
    problems: list[Diagnostic] = field(default_factory=list)
    remarks: list[str] = field(default_factory=list)
    """What the tool will do otherwise; it stands as a comment at the head of the file."""

    def refuse(self, node: Node, message: str, help: str = "") -> None:
        """Say what of a node the tool cannot say."""
        span = node.span or Span(0, 0)
        found = Diagnostic(CODE, CODES[CODE], message, self.source, span, "", help)
        if found not in self.problems:
            self.problems.append(found)

    def remark(self, text: str) -> None:
        """Add what the tool will do otherwise, once."""
        if text not in self.remarks:
            self.remarks.append(text)

    def inputs(self, node: Node) -> dict[str, Node]:
        """Return the inputs of a node by role; of a role that several have, the first."""
        found: dict[str, Node] = {}
        for item in node.inputs:
            found.setdefault(item.role, self.layout.graph.nodes[item.node])
        return found

    def operands(self, node: Node) -> tuple[Node, ...]:
        """Return the numbered inputs of a node in order."""
        given = self.inputs(node)
        return tuple(given[role] for role in sorted((role for role in given if role.isdecimal()), key=int))

    def role(self, node: Node) -> Role:
        """Return where the operator of a node may stand."""
        return self.layout.operator(node).role

    def model(self, node: Node, pinned: str = "{name}@{revision}") -> str:
        """Return what a tool calls a model: a repository of the hub, a folder of the project, or an artifact of it."""
        options = dict(node.options)
        if node.operator == "hub":
            name, revision = str(options["name"]), str(options.get("revision", "main"))
            return name if revision == "main" else pinned.format(name=name, revision=revision)
        if node.files and self.role(node) is Role.MODEL_SOURCE:
            if any(PurePosixPath(file).name == ADAPTER for file in node.files):
                help = f"write it into its model, `model whole = round({node.name}, bf16)`, and merge or train `whole`"
                self.refuse(node, f"{self.tool} is not told of adapters, and `{node.name}` is one", help)
            return f"./{model_folder(node.files)}"
        self._made_here(node)
        return f"./{self.place(node)}"

    def place(self, node: Node) -> str:
        """Return where the artifact of a node lies."""
        return self.layout.spots[node.fingerprint].place

    def rows(self, node: Node) -> tuple[str, ...]:
        """Return the files of a corpus: those of the project, or the rows that `ladle run` makes."""
        if node.files:
            return tuple(node.files)
        self._made_here(node)
        return (str(PurePosixPath(self.place(node)) / "rows.jsonl"),)

    def hub_rows(self, node: Node) -> HubRows | None:
        """Return a corpus as a data set of the hub, None for any other."""
        if node.operator != "hub_rows":
            return None
        options = {name: str(value) for name, value in node.options if isinstance(value, str)}
        return HubRows(options["name"], options.get("revision", "main"), options.get("subset", ""), options["split"])

    def _made_here(self, node: Node) -> None:
        recipe, name = typed(Path(self.source.path)), self.layout.spots[node.fingerprint].name
        self.remark(f"{self.place(node)} is made by `ladle run {recipe} {name}`: run that first")


@dataclass(frozen=True, slots=True)
class HubRows:
    """Rows of a data set of the hub; `revision` is `main` where no commit is known."""

    name: str
    revision: str
    subset: str
    split: str


@dataclass(frozen=True, slots=True)
class Exporter:
    """One tool that a model is written for."""

    name: str
    export: Callable[[Subject], str]


def number(value: Json) -> float:
    """Return a number of a node's options."""
    return float(value) if isinstance(value, int | float) and not isinstance(value, bool) else 0.0
