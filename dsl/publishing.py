"""Publications: finished models and where they go. In: a `publish` declaration. Out: what it names, checked."""

from __future__ import annotations

import re
from collections.abc import Iterator

from ladle.dsl.affine import as_model
from ladle.dsl.blocks import Form, settings
from ladle.dsl.building import required
from ladle.dsl.operands import operands
from ladle.dsl.options import complete, layer
from ladle.dsl.order import uses
from ladle.dsl.problems import Mismatch
from ladle.dsl.program import FAILED, Constant, Failed, Family, Linked, Named, Publication, Term, ancestry
from ladle.dsl.signature import Facts, Operator, Typing
from ladle.dsl.suggest import listing
from ladle.dsl.syntax import Call, Expr, Name, PublishDecl, StringLiteral
from ladle.dsl.values import what
from ladle.dsl.world import Scope, World

_FORM = Form(
    "publish",
    ("model", "to", "licence"),
    ("model", "to"),
    '{ model = merged  to = hub("me/merged") }',
    {"license": "licence"},
)
_COMMIT = re.compile(r"[0-9a-f]{40}")


def publication(world: World, declaration: PublishDecl) -> Publication | None:
    """Return what is published, or None where it cannot be said."""
    given = settings(world, _FORM, declaration)
    model = _model(world, given["model"]) if "model" in given else FAILED
    repository = _repository(world, given["to"]) if "to" in given else FAILED
    licence = _licence(world, given["licence"]) if "licence" in given else ""
    if isinstance(model, Named):
        _floating(world, given["model"], model.label, model.term)
    elif "model" in given and isinstance(given["model"], Name):
        for term in _made_from(world, given["model"].name):
            _floating(world, given["model"], given["model"].name, term)
    if isinstance(model, Failed) or isinstance(repository, Failed) or isinstance(licence, Failed):
        return None
    return Publication(declaration.name.name, model, repository, licence, declaration.name.span)


def _model(world: World, expr: Expr) -> Named | Failed:
    meaning = world.evaluate(expr, Scope())
    if isinstance(meaning, Family):
        message = f"`model` of `publish` takes one model, and `{meaning.name}` is {what(meaning)}"
        return world.problems.report("E201", expr.span, message, f"name a member: `{meaning.name}[...]`", "a family")
    if isinstance(meaning, Failed):
        return FAILED
    model = as_model(world, meaning, expr.span)
    if isinstance(model, Mismatch):
        message = f"`model` of `publish` {model.message}"
        return world.problems.report(model.code, expr.span, message, "name one model", model.label)
    return model


def _repository(world: World, expr: Expr) -> str | Failed:
    """Return the repository that `hub("me/name")` names: the place where such a source would be read from."""
    if isinstance(expr, Call) and (operator := _pushing(world, expr)):
        return _target(world, operator, expr)
    meaning = world.evaluate(expr, Scope())
    if isinstance(meaning, Failed):
        return FAILED
    name = expr.value if isinstance(expr, StringLiteral) else "me/name"
    places = (f'{each.name}("{name}")' for each in world.vocabulary.values() if each.pushes)
    message = f"`to` takes a place to publish at, not {what(meaning)}"
    return world.problems.report("E221", expr.span, message, f"write {listing(places, last='or')}")


def _pushing(world: World, expr: Call) -> Operator | None:
    """The operator of a call that names a place to publish at."""
    name = expr.function.name if isinstance(expr.function, Name) else ""
    found = None if name in world.stages() else world.operator(name, Scope())
    return found if found is not None and found.pushes else None


def _target(world: World, operator: Operator, expr: Call) -> str | Failed:
    """The repository of a call. It is no source: nothing is asked of what lies there today."""
    repository = next(option.name for option in operator.options if option.positional)
    extra = [argument.name.name for argument in expr.arguments if argument.name and argument.name.name != repository]
    if extra:
        message = f"a place to publish at is a repository alone, without {listing(extra)}"
        return world.problems.report("E221", expr.span, message, "name the repository and nothing else")
    given, before = operands(world, operator, expr.arguments, None, expr.span, Scope())
    named = [(argument.name, argument.value) for argument in expr.arguments if argument.name is not None]
    settled = layer(world, operator, named, Scope(), before=before)
    if isinstance(given, Failed) or not required(world, operator, settled, expr.span):
        return FAILED
    if any(setting.failed for setting in settled.values()):
        return FAILED
    values = {name: value for name, value in complete(operator, settled)[0].items() if not isinstance(value, Linked)}
    found = operator.typed(Typing(values, (), {}, world.facts, target=True)) if operator.typed else ()
    for fault in found if isinstance(found, tuple) else ():
        world.problems.report(fault.code, expr.span, fault.message, fault.help)
    return FAILED if isinstance(found, tuple) and found else str(values[repository])


def _licence(world: World, expr: Expr) -> str | Failed:
    if isinstance(expr, Name) and expr.name not in world.declared:
        message = f"`licence` takes the name of a licence in quotes, not the name `{expr.name}`"
        return world.problems.report("E201", expr.span, message, f'write `"{expr.name}"`', "no quotes")
    meaning = world.evaluate(expr, Scope())
    if isinstance(meaning, Constant) and isinstance(meaning.value, str) and meaning.value.strip():
        return meaning.value
    if isinstance(meaning, Failed):
        return FAILED
    message = f"`licence` takes the name of a licence in quotes, not {what(meaning)}"
    return world.problems.report("E201", expr.span, message, 'such as `licence = "apache-2.0"`')


# --- what it is made from -------------------------------------------------------------------------------------------


def _made_from(world: World, name: str) -> Iterator[Term]:
    """Yield what is known of a model that could not be made: the computations that its declarations name."""
    seen: set[str] = set()
    stack = [name]
    while stack:
        name = stack.pop()
        if name in seen or name not in world.declared:
            continue
        seen.add(name)
        meaning = world.meanings.get(name)
        if isinstance(meaning, Named):
            yield meaning.term
        else:
            stack += uses(world.declared[name], world.declared, world.vocabulary)


def _floating(world: World, expr: Expr, label: str, model: Term) -> None:
    """Report each source in the lineage of a published model, called `label`, that may be another tomorrow."""
    for source in floating(model, world.facts):
        option = source.operator.pin
        said = source.options[option]
        name = world.titles.get(source) or world.labels.get(source, source.operator.name)
        message = f"`{label}` is published, and made from `{name}` at `{said}`, which moves"
        help = f'pin it on {world.problems.place(source.span)}: `{option} = "COMMIT"`, 40 hexadecimal digits'
        once = f"floating {label} {source.key}"
        world.problems.report("E220", expr.span, message, help, f"`{name}` is not pinned", once)


def floating(model: Term, facts: Facts) -> Iterator[Term]:
    """Return the sources that a model is made from and that may be another tomorrow."""
    return (term for term in ancestry([model]) if moves(term, facts))


def moves(term: Term, facts: Facts) -> bool:
    """Say whether a source names no commit, and no lock knows the one it means."""
    pin, pins = term.operator.pin, term.operator.pins
    if not pin:
        return False
    options = {**term.options, **(pins(term.options, facts) if pins else {})}
    return not _COMMIT.fullmatch(str(options.get(pin)))
