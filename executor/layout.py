"""What the steps of a graph are and where each puts its result. In: graph and vocabulary. Out: steps and places."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from itertools import pairwise

from ladle.dsl.graph import UNTIL, Graph, Node, whole
from ladle.dsl.signature import Operator, Role, Vocabulary

AFFINE = "affine"
REPORT = "report"


@dataclass(frozen=True, slots=True)
class Spot:
    """A step's name (a DVC stage's, letters, digits, `-`, `_`), its artifact's place and its node file's path."""

    name: str
    place: str
    node_file: str


@dataclass(frozen=True, slots=True)
class Layout:
    """A graph seen as steps. `spots` has every node that a step could make, by fingerprint."""

    graph: Graph
    vocabulary: Vocabulary
    spots: dict[str, Spot]
    picks: Callable[[str], tuple[str, ...]] | None = None
    """Returns the names of the nodes that an index picks, where there is a recipe to read it."""

    def operator(self, node: Node) -> Operator:
        """Return the operator of a node."""
        return self.vocabulary[node.operator]

    def inlined(self, user: Node, used: Node) -> bool:
        """Say whether `used` is worked out within the step of `user`: data lies ready, a merge in a merge is fused."""
        return not used.produces or fuses(self.operator(user), self.operator(used))

    def reads(self, node: Node) -> tuple[tuple[str, Node], ...]:
        """Return (role, node) of the artifacts that the step of `node` reads, through what is inlined; each once."""
        found: dict[str, tuple[str, Node]] = {}
        for role, used, inline in self._inputs(node, set()):
            if not inline:
                found.setdefault(used.fingerprint, (role, used))
        return tuple(found.values())

    def leaves(self, node: Node) -> frozenset[str]:
        """Return the fingerprints of all that the step of `node` reads: artifacts, and data of the project."""
        inputs = self._inputs(node, set())
        return frozenset(used.fingerprint for _, used, inline in inputs if not inline or not used.produces)

    def data(self, node: Node) -> tuple[str, ...]:
        """Return the paths of the data files that the step of `node` reads, sorted."""
        found = set(node.files)
        for _, used, inline in self._inputs(node, set()):
            if inline:
                found.update(used.files)
        return tuple(sorted(found))

    def earlier_states(self, steps: Iterable[Node]) -> dict[str, Node]:
        """Return, for steps that are states of one training, which of `steps` goes before: each goes on from it.

        No part of what a step reads: one made without the other trains from the beginning, to the same bytes.
        """
        runs: dict[str, list[Node]] = {}
        for node in steps:
            if self.operator(node).role is Role.STAGE:
                runs.setdefault(whole(node), []).append(node)
        chains = (sorted(states, key=_place) for states in runs.values())
        return {after.fingerprint: before for chain in chains for before, after in pairwise(chain)}

    def _inputs(self, node: Node, seen: set[str]) -> Iterator[tuple[str, Node, bool]]:
        """Yield (role, node, whether it is inlined); what an inlined node uses is yielded for its first use only."""
        for item in node.inputs:
            used = self.graph.nodes[item.node]
            inline = self.inlined(node, used)
            yield item.role, used, inline
            if inline and used.fingerprint not in seen:
                seen.add(used.fingerprint)
                yield from self._inputs(used, seen)

    def steps(self, targets: tuple[str, ...]) -> tuple[Node, ...]:
        """Return the nodes that steps make for `targets`, inputs first. A merge used only in merges gets no step."""
        needed: set[str] = set()
        stack = [key for key in targets if self.graph.nodes[key].produces]
        while stack:
            key = stack.pop()
            if key not in needed:
                needed.add(key)
                stack.extend(used.fingerprint for _, used in self.reads(self.graph.nodes[key]))
        return tuple(node for key, node in self.graph.nodes.items() if key in needed)

    def declared(self) -> tuple[Node, ...]:
        """Return every node that a step could make: what the recipe asks for, and what can be asked for by name."""
        return tuple(node for node in self.graph.nodes.values() if node.produces)

    def own_steps(self) -> tuple[Node, ...]:
        """Return the steps of the recipe's own pipeline: what a used recipe asks for is made by that one's."""
        return tuple(node for node in self.steps(self.graph.targets) if not node.recipe)


def _place(state: Node) -> tuple[bool, str, int]:
    """Where a state lies within its training; the whole comes last."""
    until = dict(state.options).get(UNTIL)
    name, count = next(iter(until.items())) if isinstance(until, dict) and until else ("", 0)
    return until is None, name, count if isinstance(count, int) else 0


def merges(operator: Operator) -> bool:
    """Say whether an operator is model arithmetic, which is fused tensor by tensor when nested."""
    return (operator.role is Role.MERGE and not operator.whole) or operator.name == AFFINE


def fuses(user: Operator, used: Operator) -> bool:
    """Say whether a merge that `used` is within what `user` is gets no step of its own."""
    return (merges(user) or user.wraps) and merges(used)


def layout(graph: Graph, vocabulary: Vocabulary, picks: Callable[[str], tuple[str, ...]] | None = None) -> Layout:
    """Give every node that a step makes a name and a place, the same whatever lies on disk."""
    spots: dict[str, Spot] = {}
    taken: set[tuple[str, str]] = set()
    made = [node for node in graph.nodes.values() if node.produces]
    for node in sorted(made, key=lambda n: (n.group == "scores", vocabulary[n.operator].name == REPORT)):
        recipe = node.recipe or graph.recipe
        name, place = _spot(recipe, node, vocabulary)
        while (recipe, name) in taken:
            name += "_"
        taken.add((recipe, name))
        spots[node.fingerprint] = Spot(name, place, f"pipelines/{recipe}/nodes/{name}.json")
    return Layout(graph, vocabulary, spots, picks)


def _spot(recipe: str, node: Node, vocabulary: Vocabulary) -> tuple[str, str]:
    if vocabulary[node.operator].role is Role.BENCHMARK:
        return f"score-{node.name.replace('/', '-')}", f"scores/{recipe}/{node.name}"
    if node.operator == REPORT:
        return REPORT, f"reports/{recipe}"
    return node.name, f"artifacts/{recipe}/{node.name}"
