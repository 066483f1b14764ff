"""What declarations mean. In: one declaration. Out: its meaning under its name; what is wrong with it is reported."""

from __future__ import annotations

from collections.abc import Mapping

from ladle.dsl.affine import as_model
from ladle.dsl.building import build
from ladle.dsl.families import expand
from ladle.dsl.options import layer
from ladle.dsl.problems import Mismatch
from ladle.dsl.program import FAILED, Failed, Family, Meaning, Named, StageValue, Step, Term
from ladle.dsl.signature import Operator, Role, Sort
from ladle.dsl.source import Span
from ladle.dsl.suggest import did_you_mean, listing, nearest
from ladle.dsl.syntax import (
    BenchmarkDecl,
    BrokenDecl,
    ComposeDecl,
    CorpusDecl,
    Declaration,
    EditionDecl,
    EvaluateDecl,
    GateDecl,
    LetDecl,
    ModelDecl,
    Name,
    PublishDecl,
    StageDecl,
    UseDecl,
    VariantDecl,
)
from ladle.dsl.syntax import Setting as Override
from ladle.dsl.types import CorpusKind, CorpusType, Unknown
from ladle.dsl.unknown import meant, of_tools
from ladle.dsl.values import what
from ladle.dsl.variants import overlaid, replaced
from ladle.dsl.world import Scope, World, option_of


def resolve(world: World, name: str) -> Meaning:
    """Return what a declared name means: as declared, as brought by `use`, or as the chosen variant replaces it."""
    found = world.brought[name] if name in world.brought else _declared(world, world.declared[name])
    setting = replaced(world).get(name) if world.overlay else None
    return found if setting is None else overlaid(world, name, found, setting)


def _declared(world: World, declaration: Declaration) -> Meaning:
    match declaration:
        case LetDecl():
            return world.evaluate(declaration.value, Scope())
        case CorpusDecl():
            return _corpus(world, declaration)
        case StageDecl():
            return _stage(world, declaration)
        case ComposeDecl():
            return _composition(world, declaration)
        case BenchmarkDecl():
            return _benchmark(world, declaration)
        case ModelDecl():
            return _family(world, declaration) if declaration.axes else _model(world, declaration)
        case BrokenDecl() | EditionDecl() | UseDecl() | EvaluateDecl() | GateDecl() | VariantDecl() | PublishDecl():
            return FAILED


# --- corpora --------------------------------------------------------------------------------------------------------


def _corpus(world: World, declaration: CorpusDecl) -> Named | Failed:
    kind = _corpus_kind(world, declaration.kind)
    found = world.evaluate(declaration.value, Scope(sort=Sort.CORPUS))
    if isinstance(found, Failed):
        return FAILED
    name = declaration.name.name
    if not isinstance(found, Named) or found.term.sort is not Sort.CORPUS:
        message = f"`{name}` must be a corpus, and this is {what(found)}"
        return world.problems.report("E201", declaration.value.span, message, "", f"this is {what(found)}")
    if kind is not None and not _of_kind(world, declaration, kind, found):
        return FAILED
    return _entitled(world, declaration, found.term, name)


def _corpus_kind(world: World, name: Name) -> CorpusKind | None:
    kinds = [kind.value for kind in CorpusKind]
    if name.name in kinds:
        return CorpusKind(name.name)
    help = did_you_mean(nearest(name.name, kinds)) or f"a corpus is {listing(kinds, last='or')}"
    world.problems.report("E104", name.span, f"`{name.name}` is no kind of corpus", help, "no kind of corpus")
    return None


def _of_kind(world: World, declaration: CorpusDecl, kind: CorpusKind, found: Named) -> bool:
    """Say whether rows may be of the kind that is declared; report where not, once for all uses."""
    type = found.term.type
    name = declaration.name.name
    if isinstance(type, CorpusType) and isinstance(type.kind, Unknown):
        world.skip(declaration.kind.span, f"whether the rows of `{name}` are {kind.value}", found.term)
    elif isinstance(type, CorpusType) and type.kind is not kind:
        message = f"`{name}` is declared a {kind.value} corpus, and its rows are {type.kind}"
        help = f"write `corpus {name}: {type.kind}`; the kind is checked, never a conversion"
        world.problems.report("E207", declaration.kind.span, message, help, f"its rows are {type.kind}")
        return False
    return True


# --- stages and benchmarks ------------------------------------------------------------------------------------------


def _stage(world: World, declaration: StageDecl) -> StageValue | Failed:
    kind = _operator(world, declaration.kind or declaration.name, Role.STAGE, declaration.kind is None)
    if isinstance(kind, Failed):
        return FAILED
    name = declaration.name
    settings = [(setting.name, setting.value) for setting in declaration.block.settings]
    declared = layer(world, kind, settings, Scope(), _called(name, kind))
    home = f"{world.file}:{name.name}" if world.file else ""
    return StageValue((Step(name.name, kind, declared, {}, name.span, home),))


def _called(name: Name, kind: Operator) -> str:
    return f"`{name.name}`" if name.name == kind.name else f"`{name.name}` (a `{kind.name}`)"


def _operator(world: World, name: Name, role: Role, from_name: bool = False) -> Operator | Failed:
    found = world.vocabulary.get(name.name)
    if found is not None and found.role is role:
        return found
    names = tuple(world.operators(role))
    near = nearest(name.name, names)
    if from_name:
        # What was meant is most likely the near kind: its uses are not to be blamed for this name.
        world.excuse(near)
        help = did_you_mean(near) or f"give it a kind: `stage {name.name}: {names[0]} {{ ... }}`"
    else:
        help = did_you_mean(near) or f"it is one of {listing(names)}"
    return world.problems.report("E104", name.span, f"`{name.name}` is no {role.value}", help, f"no {role.value}")


def _composition(world: World, declaration: ComposeDecl) -> StageValue | Failed:
    found = world.evaluate(declaration.value, Scope())
    if isinstance(found, StageValue | Failed):
        return found
    message = f"`{declaration.name.name}` must be stages joined by `|`, and this is {what(found)}"
    return world.problems.report("E201", declaration.value.span, message, "", f"this is {what(found)}")


def _benchmark(world: World, declaration: BenchmarkDecl) -> Named | Failed:
    kind = _operator(world, declaration.kind, Role.BENCHMARK)
    if isinstance(kind, Failed):
        return FAILED
    settings = [(setting.name, setting.value) for setting in declaration.block.settings]
    settled = layer(world, kind, settings, Scope(), _called(declaration.name, kind))
    if any(setting.failed for setting in settled.values()):
        return FAILED
    name = declaration.name
    found = build(world, kind, (), settled, name.span, name.name)
    if isinstance(found, Failed):
        return FAILED
    for rows in (rows for terms in found.term.references.values() for rows in terms):
        if rows.sort is Sort.CORPUS and not rows.operator.produces:
            world.name(rows, name.name)  # data that is written out here and nowhere declared is called after its use
    if kind.columns:
        _columns(world, kind, found.term, settled["on"].span)
    return Named(found.term, name.name)


def _columns(world: World, kind: Operator, benchmark: Term, span: Span) -> None:
    """Report rows of the right kind of corpus that have not the columns which this kind of benchmark reads."""
    seen: set[Term] = set()
    stack = [corpus for terms in benchmark.references.values() for corpus in terms]
    while stack:
        corpus = stack.pop()
        if corpus in seen:
            continue
        seen.add(corpus)
        stack += corpus.operands
        if corpus.operator.pattern and not corpus.doubtful:
            named = corpus.options.get("columns")
            names = {key: str(value) for key, value in named.items()} if isinstance(named, Mapping) else {}
            pattern = str(corpus.options[corpus.operator.pattern])
            for fault in world.facts.benchmark(pattern, names, kind.columns):
                world.problems.report(fault.code, span, fault.message, fault.help)


_BESIDE_MODELS = (Role.TEACHER, Role.ADAPTER)
"""What `model NAME = ...` declares too, and nothing that takes a model takes."""


# --- models ---------------------------------------------------------------------------------------------------------


def _model(world: World, declaration: ModelDecl) -> Named | Failed:
    found = _member(world, declaration, {})
    _reached(world, declaration, isinstance(found, Failed))
    if isinstance(found, Named) and found.term.operator.role in _BESIDE_MODELS:
        return Named(found.term, declaration.name.name)
    return FAILED if isinstance(found, Failed) else _entitled(world, declaration, found.term, declaration.name.name)


def _entitled(world: World, declaration: CorpusDecl | ModelDecl, term: Term, name: str) -> Named:
    """Return `term` under its declared name. A second name of what is declared already is none for its artifact."""
    value = declaration.value
    named = world.declared.get(value.name) if isinstance(value, Name) else None
    return Named(term, name) if isinstance(named, CorpusDecl | ModelDecl | UseDecl) else world.entitle(term, name)


def _family(world: World, declaration: ModelDecl) -> Family:
    if not _axes(world, declaration):
        names = tuple(axis.name.name for axis in declaration.axes)
        return Family.of(declaration.name.name, names, (), broken=True)
    found = expand(world, declaration, lambda axes: _member(world, declaration, axes))
    _reached(world, declaration, found.broken)
    return found


def _member(world: World, declaration: ModelDecl, axes: Mapping[str, Meaning]) -> Named | Failed:
    overrides = declaration.overrides.settings if declaration.overrides else ()
    found = world.evaluate(declaration.value, Scope(axes, overrides))
    if isinstance(found, Named) and found.term.operator.role in _BESIDE_MODELS and not axes:
        return world.entitle(found.term, declaration.name.name)
    model = as_model(world, found, declaration.value.span)
    if isinstance(model, Mismatch):
        message = f"`{declaration.name.name}` {model.message.replace('takes', 'needs', 1)}"
        return world.problems.report(model.code, declaration.value.span, message, model.help, model.label)
    return model


def _axes(world: World, declaration: ModelDecl) -> bool:
    """Say whether the axes are told apart; report what they hide."""
    seen: set[str] = set()
    for axis in declaration.axes:
        name = axis.name.name
        if name in seen:
            world.problems.report("E102", axis.name.span, f"two axes are named `{name}`", "rename one of them")
        elif name in world.declared:
            line = world.problems.line(world.declared[name].span)
            message = f"the axis `{name}` hides what is declared on line {line}"
            world.problems.report("E103", axis.name.span, message, "rename the axis: no name may hide another")
        seen.add(name)
    return len(seen) == len(declaration.axes)


def _reached(world: World, declaration: ModelDecl, failed: bool) -> None:
    """Report each setting of `with` that no member let through to a stage."""
    for setting in declaration.overrides.settings if declaration.overrides else ():
        if setting.span not in world.reached:
            unreached(world, declaration.name.name, setting, failed)


def unreached(world: World, name: str, setting: Override, failed: bool) -> None:
    """Report a setting that reached no stage of `name`: a model with its `with`, or the recipe with a variant."""
    owner, option = setting.owner, setting.name
    kinds = [operator for operator in world.vocabulary.values() if operator.role is Role.STAGE]
    if owner is None:
        help = f"say of which stage: `stage.{option.name}` for all, or one by its name"
        world.problems.report("E203", option.span, f"`{option.name}` belongs to no stage here", help)
    elif owner.name == "stage" and all(option_of(kind, option.name) is None for kind in kinds):
        options = {other.name: other for kind in kinds for other in kind.options}
        help = (
            of_tools(world, option.name)
            or meant(options.values(), option.name)
            or f"stages have {listing(sorted(options), 30)}"
        )
        world.problems.report("E203", option.span, f"no kind of stage has an option `{option.name}`", help)
    elif owner.name != "stage" and owner.name not in world.declared and owner.name not in world.vocabulary:
        world.problems.missing(owner.name, owner.span, lambda: (*world.stages(), *world.operators(Role.STAGE)))
    elif not failed:
        message = f"`{owner.name}.{option.name}` reaches no stage of `{name}`"
        world.problems.report("E216", setting.span, message, _why(world, owner), "reaches nothing")


def _why(world: World, owner: Name) -> str:
    if owner.name == "stage":
        return "no stage that the expression applies has this option"
    composed = world.kinds(owner.name)
    if len(composed) > 1:
        return f"`{owner.name}` is a composition: name the stages in it"
    same = [name for name in world.stages() if name != owner.name and owner.name in world.kinds(name)]
    if same:
        return f"a stage is called by its name: {listing(same)} of kind `{owner.name}`"
    return f"the expression applies no stage `{owner.name}`; a setting does not reach into models that it names"
