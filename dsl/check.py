"""A recipe as written into a program as meant. In: a Recipe, vocabulary, facts. Out: the Program, and problems."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from pathlib import PurePath

from ladle.dsl.asking import Asked, Other, asking
from ladle.dsl.declare import resolve, unreached
from ladle.dsl.diagnostics import Diagnostic
from ladle.dsl.evaluate import evaluate
from ladle.dsl.frozen import replace
from ladle.dsl.naming import clashes, names
from ladle.dsl.order import order
from ladle.dsl.problems import in_order
from ladle.dsl.program import FAILED, Family, Meaning, Named, Program, StageValue, Term, ancestry
from ladle.dsl.publishing import moves
from ladle.dsl.signature import Facts, Role, Sort, Vocabulary
from ladle.dsl.source import Span
from ladle.dsl.spelling import joined
from ladle.dsl.syntax import (
    BrokenDecl,
    Declaration,
    EditionDecl,
    EvaluateDecl,
    GateDecl,
    LetDecl,
    Name,
    PublishDecl,
    Recipe,
    StageDecl,
    UseDecl,
    VariantDecl,
)
from ladle.dsl.using import Judged, Library, bring, homes
from ladle.dsl.variants import replaced, too_many, unreplaceable, variants
from ladle.dsl.world import TooMany, World

EDITION = 1
"""The edition of the language that this version reads."""


Later = Callable[[Program], Iterable[Diagnostic]]
"""What else is judged of a program: it holds what could be made, whatever was wrong with the rest."""


def check(
    recipe: Recipe, vocabulary: Vocabulary, facts: Facts, variant: str = "", later: Later = lambda _: ()
) -> tuple[Program, tuple[Diagnostic, ...]]:
    """Resolve and type a recipe. The program holds what could be made; each root problem is reported once.

    Every variant is judged, each alone, by `later` too, and so is every recipe that is used. The program is that of
    `variant`, where the recipe has it.
    """
    library = Library(recipe.source, vocabulary, facts, _used)
    judged = _judge(library, recipe, None)
    program = judged.program
    problems = {_place(each): each for each in (*judged.problems, *library.problems)}
    problems |= {_words(each): each for each in later(program)}
    for overlay in variants(recipe):
        other = _judge(library, recipe, overlay)
        for problem in other.problems:
            problems.setdefault(_place(problem), _under(problem, overlay))
        for problem in later(other.program):
            problems.setdefault(_words(problem), _under(problem, overlay))
        program = other.program if overlay.name.name == variant else program
    return program, in_order(recipe.source, problems.values())


def _under(problem: Diagnostic, variant: VariantDecl) -> Diagnostic:
    """Say of what is wrong under a variant alone that it is; what stands in the variant itself needs no word."""
    inside = variant.span.start <= problem.span.start and problem.span.end <= variant.span.end
    if inside and problem.span.source is None:
        return problem
    return replace(problem, message=f"{problem.message} (under `variant {variant.name.name}`)")


def _place(problem: Diagnostic) -> tuple[str, str, int, int, str]:
    return problem.code, problem.source.path, problem.span.start, problem.span.end, ""


def _words(problem: Diagnostic) -> tuple[str, str, int, int, str]:
    """What a problem of a later phase is known by: there several may be told of one place."""
    return (*_place(problem)[:4], problem.message)


def _used(library: Library, recipe: Recipe) -> Judged:
    world = World(
        recipe.source, library.vocabulary, library.facts, evaluate, resolve, library.terms, library.sizes, used=True
    )
    return _judged(world, library, recipe, None)


def _judge(library: Library, recipe: Recipe, variant: VariantDecl | None) -> Judged:
    """Judge the recipe itself, whose computations come after those of the recipes it uses."""
    world = World(recipe.source, library.vocabulary, library.facts, evaluate, resolve)
    if variant is not None:
        world.overlay = variant.block.settings
    return _judged(world, library, recipe, variant)


def _judged(world: World, library: Library, recipe: Recipe, variant: VariantDecl | None) -> Judged:
    others = _collect(world, recipe.declarations)
    try:
        direct = bring(world, recipe.declarations, library)
    except TooMany:
        direct = ()
    if not world.file:
        world.terms.update(library.terms)
        world.sizes.update(library.sizes)
    try:
        _resolve(world)
        asked = asking(world, others.values())
        too_many(world, recipe)
        if variant is not None:
            _overlay(world, variant, others)
    except TooMany:
        asked = Asked()
    program = _program(world, recipe, asked, direct, variant.name.name if variant else "")
    if not world.problems:
        clashes(world, {term: name for term, name in program.names.items() if term not in program.homes})
    return Judged(program, world, world.problems.sorted())


def _collect(world: World, declarations: Iterable[Declaration]) -> dict[str, Other]:
    """Enter each declaration under its name; return those that mean no value."""
    others: dict[str, Other] = {}
    editions: list[EditionDecl] = []
    for declaration in declarations:
        if isinstance(declaration, EditionDecl):
            editions.append(declaration)
        elif isinstance(declaration, UseDecl):
            for item in declaration.imports:
                if _new(world, item.local, others):
                    world.declared[item.local.name] = declaration
        elif declaration.name is None:
            world.problems.nameless = True
        elif _new(world, declaration.name, others):
            if isinstance(declaration, EvaluateDecl | GateDecl | VariantDecl | PublishDecl):
                others[declaration.name.name] = declaration
            else:
                world.declared[declaration.name.name] = declaration
    _edition(world, editions)
    return others


def _new(world: World, name: Name, others: Mapping[str, Other]) -> bool:
    first = world.declared.get(name.name) or others.get(name.name)
    if first is None:
        return True
    place = f"line {world.problems.line(first.span)}"
    verb = "brought by `use`" if isinstance(first, UseDecl) else "declared"
    message = f"`{name.name}` is {verb} on {place}, and declared here" if verb != "declared" else ""
    message = message or f"`{name.name}` is declared twice, first on {place}"
    help = "rename one of them" if verb == "declared" else f"rename one of them: `use ...: {name.name} as NAME`"
    world.problems.report("E102", name.span, message, help, "declared already")
    return False


def _edition(world: World, editions: list[EditionDecl]) -> None:
    for place, declaration in enumerate(editions):
        number = declaration.number
        if place:
            line = world.problems.line(editions[0].span)
            message = f"a recipe has one edition, and line {line} says it"
            world.problems.report("E107", declaration.span, message, "leave this line out", "said twice")
        elif number.written != str(EDITION):
            message = f"this version reads edition {EDITION}, not {number.written}"
            help = f"write `edition {EDITION}`, or install a version that reads the later one"
            world.problems.report("E107", number.span, message, help, "unknown edition")


def _resolve(world: World) -> None:
    """Find what each name means, those it uses first."""
    found = order(world.declared, world.vocabulary, replaced(world))
    for cycle in found.cycles:
        along = " -> ".join(f"`{name}`" for name in (*cycle, cycle[0]))
        declaration = world.declared[cycle[0]]
        help = f"{along}: make one of them from something else"
        world.problems.report("E301", _span(declaration), f"`{cycle[0]}` is made from itself", help, "a cycle")
    world.meanings.update((name, FAILED) for cycle in found.cycles for name in cycle)
    for name, declaration in world.declared.items():
        if isinstance(declaration, StageDecl) and declaration.kind is None and not _is_stage(world, name):
            world.lookup(name)
    for name in found.names:
        world.lookup(name)


def _span(declaration: Declaration) -> Span:
    name = None if isinstance(declaration, EditionDecl | UseDecl) else declaration.name
    return name.span if name else declaration.span


def _is_stage(world: World, name: str) -> bool:
    operator = world.vocabulary.get(name)
    return operator is not None and operator.role is Role.STAGE


def _overlay(world: World, variant: VariantDecl, others: Mapping[str, Other]) -> None:
    """Report each setting of the chosen variant that reaches nothing."""
    unreplaceable(world, variant, others)
    failed = bool(world.problems)
    for setting in variant.block.settings:
        if setting.owner is not None and setting.span not in world.reached:
            unreached(world, PurePath(world.problems.source.path).stem, setting, failed)


# --- the program ----------------------------------------------------------------------------------------------------


def _program(world: World, recipe: Recipe, asked: Asked, direct: tuple[Program, ...], variant: str) -> Program:
    meant = {name: world.meanings.get(name, FAILED) for name in world.declared}
    constants = {name: meant.pop(name) for name, each in world.declared.items() if isinstance(each, LetDecl)}
    families = {name: meaning for name, meaning in meant.items() if isinstance(meaning, Family)}
    members = [each.model for family in families.values() for each in family.members]
    models = {
        **_of_sort(meant, Sort.MODEL),
        **_of_sort(meant, Sort.ADAPTER),
        **{model.label: model.term for model in members},
    }
    corpora, benchmarks = _of_sort(meant, Sort.CORPUS), _of_sort(meant, Sort.BENCHMARK)
    roots = [*models.values(), *(model.term for model in members), *corpora.values(), *benchmarks.values()]
    terms = _reached(world, [*roots, *asked.terms])
    lying = homes(direct, _asked)
    return Program(
        source=world.problems.source,
        recipe=recipe,
        vocabulary=world.vocabulary,
        corpora=corpora,
        stages={name: meaning for name, meaning in meant.items() if isinstance(meaning, StageValue)},
        benchmarks=benchmarks,
        models=models,
        families=families,
        constants=constants,
        evaluations=asked.evaluations,
        terms=terms,
        names=_names(world, families, terms, direct),
        targets=asked.targets if asked.anything else _own(world, meant),
        skipped=_skipped(world, direct),
        docs={name: doc for name, doc in map(_doc, recipe.declarations) if doc},
        used=tuple({each.source.path: each for program in direct for each in (*program.used, program)}.values()),
        homes={term: lying[term] for term in terms if term in lying},
        variant=variant,
        gates=asked.gates,
        publications=asked.publications,
        moving=frozenset(term for term in terms if moves(term, world.facts)),
    )


def _skipped(world: World, direct: tuple[Program, ...]) -> tuple[tuple[Span, str], ...]:
    """What was not checked here and in the recipes used."""
    elsewhere = (each for program in direct for each in program.skipped)
    return tuple(dict.fromkeys((*((world.placed(span), text) for span, text in world.skipped), *elsewhere)))


def _doc(declaration: Declaration) -> tuple[str, str]:
    if isinstance(declaration, EditionDecl | UseDecl | BrokenDecl):
        return "", ""
    return declaration.name.name, declaration.doc


def _own(world: World, meant: Mapping[str, Meaning]) -> tuple[Term, ...]:
    """Every model, adapter and family that the recipe declares itself: what is asked for where it names nothing."""
    own = {name: meaning for name, meaning in meant.items() if name not in world.brought}
    single = (*_of_sort(own, Sort.MODEL).values(), *_of_sort(own, Sort.ADAPTER).values())
    members = (each.model.term for family in own.values() if isinstance(family, Family) for each in family.members)
    return tuple(dict.fromkeys((*single, *members)))


def _names(
    world: World, families: Mapping[str, Family], terms: tuple[Term, ...], direct: tuple[Program, ...]
) -> dict[Term, str]:
    """Name each term as this recipe calls it; what only a used recipe has a name for is called after that recipe."""
    brought = {each.term: name for name, each in world.brought.items() if isinstance(each, Named)}
    for program in direct:
        for term, name in program.names.items():
            brought.setdefault(term, joined((program.name, name)))
    for term in terms:
        if term in brought and term not in world.labels:
            world.labels[term] = brought[term]
    return names(world, families.values(), terms)


def _of_sort(meant: Mapping[str, Meaning], sort: Sort) -> dict[str, Term]:
    return {name: each.term for name, each in meant.items() if isinstance(each, Named) and each.term.sort is sort}


def _asked(program: Program) -> tuple[Term, ...]:
    """Everything that the targets and tables of a program need."""
    tables = (benchmark.term for table in program.evaluations for benchmark in table.benchmarks)
    needed = set(ancestry([*program.targets, *tables]))
    return tuple(term for term in program.terms if term in needed)


def _reached(world: World, roots: list[Term]) -> tuple[Term, ...]:
    """Everything that `roots` need, inputs before users: in the order in which the checker made it."""
    needed = set(ancestry(roots))
    return tuple(term for term in world.terms.values() if term in needed)
