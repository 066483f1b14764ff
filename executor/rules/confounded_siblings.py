"""Flags two models of one table that went through the same stages and differ in more than one thing.

Whoever compares their rows reads the difference as the effect of one cause. If start and batch differ, or data and
epochs, the table cannot say which it was. Members of one family differ by its axes, as declared, and are left alone.

Bad:

    model a = base | cpt | sft
    model b = instruct | cpt(global_batch = 128) | sft
    evaluate table { models = [a, b]  on = [silk]  baseline = a }

Good:

    model a = base | cpt | sft
    model b = instruct | cpt | sft
    evaluate table { models = [a, b]  on = [silk]  baseline = a }
"""

from collections.abc import Iterator, Mapping
from itertools import combinations

from ladle.dsl.diagnostics import Severity
from ladle.dsl.program import Evaluation, Named, Program, Term
from ladle.dsl.rule import Finding, Rule
from ladle.dsl.signature import Role
from ladle.dsl.suggest import listing

SETTINGS = ("global_batch", "beta", "lr")
BUDGET = ("epochs", "steps", "tokens")
"""What of a stage must not differ beside something else; its corpus must not either."""
WEIGHING = ("t", "weights", "coefficients")
MEMBERS = 16
"""Members of a family, and owners of a table, that are compared."""
LONGEST = 200
"""Stages and merges of a model that is compared."""

Factors = Mapping[str, object]


def find(program: Program) -> Iterator[Finding]:
    """Yield the name of each table with such a pair; one pair for each two owners."""
    owners = {m.model.term: family.name for family in program.families.values() for m in family.members}
    for table in program.evaluations:
        messages = list(_pairs(table, owners))
        if messages:
            more = f", and {len(messages) - 1} more such pairs" if len(messages) > 1 else ""
            help = "give both the same settings, or compare each with a baseline of its own"
            yield Finding(table.span, messages[0] + more, help, "compares siblings with confounds")


def _pairs(table: Evaluation, owners: Mapping[Term, str]) -> Iterator[str]:
    siblings: dict[tuple[str, ...], dict[str, list[Named]]] = {}
    for model in table.models:
        steps = _steps(model.term)
        group = siblings.setdefault(_shape(steps), {}).setdefault(owners.get(model.term, model.label), [])
        if len(steps) > 1 and len(group) < MEMBERS:
            group.append(model)
    for groups in siblings.values():
        if len(groups) > 1:
            listed = [[(m.label, _factors(_steps(m.term))) for m in group] for group in groups.values()][:MEMBERS]
            found = (_closest(one, other) for one, other in combinations(listed, 2))
            yield from (each for each in found if each)


def _closest(one: list[tuple[str, Factors]], other: list[tuple[str, Factors]]) -> str:
    """What is confounded in the two most alike of two groups of models, "" where nothing is."""
    best: tuple[list[str], str, str] | None = None
    for a, first in one:
        for b, second in other:
            causes = sorted({_cause(key) for key in first if first[key] != second.get(key)})
            if best is None or len(causes) < len(best[0]):
                best = (causes, a, b)
    if best is None or len(best[0]) < 2 or not any("." in cause for cause in best[0]):
        return ""
    return f"`{best[1]}` and `{best[2]}` differ in {listing(best[0], 4)} at once"


def _cause(key: str) -> str:
    """The name of what differs, wherever in the model it does: `cpt.global_batch`, `start`."""
    return key.rpartition("/")[2]


def _steps(model: Term) -> list[tuple[str, Term]]:
    """Return what a model is made by, each with its place in it; nothing where that is too much."""
    found: list[tuple[str, Term]] = []
    stack = [("", model)]
    while stack:
        path, term = stack.pop()
        found.append((path, term))
        stack += [(f"{path}.{place}", each) for place, each in enumerate(term.operands)]
        if len(found) + len(stack) > LONGEST:
            return []
    return found


def _shape(steps: list[tuple[str, Term]]) -> tuple[str, ...]:
    """Which stages and merges a model went through: siblings have one shape."""
    return tuple(f"{path} {'' if t.operator.role is Role.MODEL_SOURCE else t.operator.name}" for path, t in steps)


def _factors(steps: list[tuple[str, Term]]) -> Factors:
    """What each stage and merge was told, and where a model starts."""
    found: dict[str, object] = {}
    for path, term in steps:
        operator, options = term.operator, term.options
        if operator.role is Role.STAGE:
            told: dict[str, object] = {name: options[name] for name in SETTINGS if name in options}
            told |= {"on": term.references.get("on"), "budget": [options.get(name) for name in BUDGET]}
            found |= {f"{path}/{operator.name}.{name}": value for name, value in told.items()}
        elif operator.role is Role.MODEL_SOURCE:
            found[f"{path}/start"] = term
        else:
            found |= {f"{path}/{name}": options[name] for name in WEIGHING if name in options}
    return found


RULE = Rule("W550", "confounded-siblings", Severity.WARNING, find, whole=True)
