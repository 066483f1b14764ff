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
from ladle.dsl.program import Evaluation, Program, Term, choice_key
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

Factors = Mapping[str, str]


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
    siblings: dict[str, dict[str, list[tuple[str, Factors]]]] = {}
    for model in table.models:
        factors: dict[str, str] = {}
        shape = _shape(model.term, factors)
        group = siblings.setdefault(shape, {}).setdefault(owners.get(model.term, model.label), [])
        if shape and len(group) < MEMBERS:
            group.append((model.label, factors))
    for groups in siblings.values():
        for one, other in combinations([*groups.values()][:MEMBERS], 2):
            found = _closest(one, other)
            if found:
                yield found


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


def _shape(model: Term, factors: dict[str, str]) -> str:
    """Return which stages and merges a model went through, "" for too many; `factors` gets what each was told."""
    shape: list[str] = []
    stack = [(model, "")]
    while stack:
        term, path = stack.pop()
        shape.append(f"{path} {'start' if term.operator.role is Role.MODEL_SOURCE else term.operator.name}")
        factors.update({f"{path}/{name}": told for name, told in _told(term).items()})
        stack += [(each, f"{path}.{place}") for place, each in enumerate(term.operands)]
        if len(shape) + len(stack) > LONGEST:
            return ""
    return "\n".join(shape) if len(shape) > 1 else ""


def _told(term: Term) -> dict[str, str]:
    operator = term.operator
    if operator.role is Role.STAGE:
        budget = [choice_key(term.options[name]) for name in BUDGET if name in term.options]
        found = {name: choice_key(term.options[name]) for name in SETTINGS if name in term.options}
        found |= {"on": " ".join(each.key for each in term.references.get("on", ())), "budget": " ".join(budget)}
        return {f"{operator.name}.{name}": value for name, value in found.items()}
    if operator.role is Role.MODEL_SOURCE:
        return {"start": term.key}
    return {name: choice_key(term.options[name]) for name in WEIGHING if name in term.options}


RULE = Rule("W550", "confounded-siblings", Severity.WARNING, find, whole=True)
