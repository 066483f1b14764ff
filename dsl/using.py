"""What `use` brings. In: the `use` declarations of a recipe, facts. Out: meanings by local name; the recipes used."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from pathlib import PurePosixPath
from typing import Final

from ladle.dsl.diagnostics import Diagnostic
from ladle.dsl.frozen import frozen, replace
from ladle.dsl.fused import Size
from ladle.dsl.parse import parse
from ladle.dsl.program import (
    FAILED,
    Family,
    Home,
    Items,
    Meaning,
    Member,
    Named,
    Program,
    Setting,
    StageValue,
    Step,
    Term,
)
from ladle.dsl.signature import Facts, Fault, Vocabulary
from ladle.dsl.source import Source
from ladle.dsl.spelling import joined
from ladle.dsl.suggest import did_you_mean, listing, nearest
from ladle.dsl.syntax import BrokenDecl, Declaration, EditionDecl, Import, Name, Recipe, UseDecl
from ladle.dsl.world import World

MOST: Final = 100
"""Recipes that one recipe uses, also through others."""


@frozen
class Judged:
    """A used recipe as checked: its program, and the world in which its names have meanings."""

    program: Program
    world: World
    problems: tuple[Diagnostic, ...]


Judge = Callable[["Library", Recipe], Judged]
"""Checks a used recipe; handed in, since it uses others in turn."""


class Library:
    """The recipes that a recipe uses, each read and checked once. They share one table of computations."""

    def __init__(self, root: Source, vocabulary: Vocabulary, facts: Facts, judge: Judge) -> None:
        self.root = root
        self.vocabulary = vocabulary
        self.facts = facts
        self.judge = judge
        self.terms: dict[str, Term] = {}
        self.sizes: dict[Term, Size] = {}
        self.found: dict[str, Judged | Fault] = {}
        self.trail: list[str] = []
        """Paths of the recipes that are being checked just now."""

    @property
    def problems(self) -> list[Diagnostic]:
        """What is wrong with the recipes used."""
        return [each for judged in self.found.values() if isinstance(judged, Judged) for each in judged.problems]

    def open(self, path: str) -> Judged | Fault:
        """Return the recipe at `path`, checked, or why it cannot be used."""
        path = str(PurePosixPath(path))
        if path in self.trail:
            return _cycle(self.trail[self.trail.index(path) :], path)
        if path not in self.found:
            if len(self.found) + len(self.trail) >= MOST:
                return Fault("E302", f"more than {MOST} recipes are used", "put what they share into fewer files")
            self.found[path] = self._read(path)
        return self.found[path]

    def _read(self, path: str) -> Judged | Fault:
        source = self.facts.recipe(path)
        if isinstance(source, Fault):
            return source
        name = PurePosixPath(path)
        if source.text == self.root.text and PurePosixPath(self.root.path).name == name.name:
            return _cycle([path, *self.trail], path)
        same = [other for other in (self.root.path, *self.found, *self.trail) if PurePosixPath(other).stem == name.stem]
        if same:
            message = f"`{path}` and `{same[0]}` would both keep their results under the name `{name.stem}`"
            return Fault("E110", message, "give one of the two files another name")
        recipe, unread = parse(source)
        self.trail.append(path)
        judged = self.judge(self, recipe)
        self.trail.pop()
        return replace(judged, problems=(*unread, *judged.problems))


def _cycle(trail: list[str], path: str) -> Fault:
    along = " -> ".join(f"`{each}`" for each in (*trail, path))
    return Fault("E108", f"`{path}` uses itself", f"{along}: put what they share into a file of its own")


def bring(world: World, declarations: Iterable[Declaration], library: Library) -> tuple[Program, ...]:
    """Enter every name that `use` brings into `world`, and return the recipes used directly."""
    programs: dict[str, Program] = {}
    for declaration in declarations:
        if isinstance(declaration, UseDecl):
            judged = library.open(declaration.path.value)
            if isinstance(judged, Fault):
                help = _elsewhere(world, declaration.path.value) or judged.help
                world.problems.report(judged.code, declaration.path.span, judged.message, help)
            else:
                programs[judged.program.source.path] = judged.program
            for item in declaration.imports:
                meant = FAILED if isinstance(judged, Fault) else _brought(world, judged, item, declaration)
                if world.declared.get(item.local.name) is declaration:
                    world.brought[item.local.name] = meant
    return tuple(programs.values())


def _elsewhere(world: World, path: str) -> str:
    """Say where a recipe is that is looked for beside this one: paths begin at the project's root."""
    there = f"recipes/{path}"
    if "/" in path or isinstance(world.facts.recipe(there), Fault):
        return ""
    return f'paths begin at the root of the project: `"{there}"`'


def _brought(world: World, used: Judged, item: Import, declaration: UseDecl) -> Meaning:
    name, own = item.name.name, used.world
    if name in own.declared and name not in own.brought:
        return exported(own, own.meanings.get(name, FAILED), name, item.local.name)
    path = declaration.path.value
    if name in own.brought:
        there = next(_path(each, name) for each in used.program.recipe.declarations if _path(each, name))
        help = f'use it from there: `use "{there}": {name}`'
        return world.problems.report("E109", item.span, f"`{path}` does not declare `{name}`, but uses it", help)
    if _unusable(used.program.recipe, name):
        help = "a used recipe gives models, corpora, stages, benchmarks and constants"
        return world.problems.report("E109", item.span, f"`{name}` of `{path}` is nothing to use", help)
    if any(isinstance(each, BrokenDecl) and each.name is None for each in used.program.recipe.declarations):
        return FAILED
    names = [each for each in own.declared if each not in own.brought]
    help = did_you_mean(nearest(name, names)) or (f"it declares {listing(names, 12)}" if names else "it declares none")
    message = f"`{path}` declares nothing called `{name}`"
    return world.problems.report("E109", item.name.span, message, help, "not declared there")


def _path(declaration: Declaration, name: str) -> str:
    """The path from which a `use` brings a name, "" for any other declaration."""
    if not isinstance(declaration, UseDecl) or all(each.local.name != name for each in declaration.imports):
        return ""
    return declaration.path.value


def _unusable(recipe: Recipe, name: str) -> bool:
    """Say whether something of a recipe that is no value has this name: a table, a gate, a variant."""
    return any(
        isinstance(found := getattr(each, "name", None), Name) and found.name == name
        for each in recipe.declarations
        if not isinstance(each, EditionDecl | UseDecl | BrokenDecl)
    )


# --- meanings in another file -------------------------------------------------------------------------------------


def exported(world: World, meaning: Meaning, name: str, local: str) -> Meaning:
    """Return what `name` means in `world` as another file sees it, which calls it `local`."""
    match meaning:
        case Named(term):
            return Named(term, local)
        case Family():
            return relabelled(meaning, local)
        case StageValue(steps):
            return StageValue(tuple(_step(world, step, name, local) for step in steps))
        case Items(items):
            inner = (exported(world, i, "", "") if isinstance(i, StageValue | Items) else i for i in items)
            return replace(meaning, items=tuple(inner))
        case _:
            return meaning


def relabelled(family: Family, name: str) -> Family:
    """Return a family under another name, its members called after it."""
    if family.name == name:
        return family
    members = tuple(
        Member(each.values, each.keys, Named(each.model.term, joined((name, each.model.label[len(family.name) + 1 :]))))
        for each in family.members
    )
    return Family.of(name, family.axes, members, family.broken)


def _step(world: World, step: Step, name: str, local: str) -> Step:
    called = local if step.name == name and local else step.name
    declared, at_call = _settings(world, step.declared), _settings(world, step.called)
    return Step(called, step.kind, declared, at_call, world.placed(step.span), step.home)


def _settings(world: World, settings: Mapping[str, Setting]) -> dict[str, Setting]:
    return {name: replace(setting, span=world.placed(setting.span)) for name, setting in settings.items()}


# --- where results lie --------------------------------------------------------------------------------------------


def homes(programs: Iterable[Program], reached: Callable[[Program], Iterable[Term]]) -> dict[Term, Home]:
    """Return where each computation lies that one of `programs` asks for itself: there it is made whoever runs.

    Two pipelines of DVC may not write one result, so what a used recipe does not ask for belongs to its user.
    """
    found: dict[Term, Home] = {}
    for program in sorted(programs, key=lambda each: each.name):
        for term, home in program.homes.items():
            found.setdefault(term, home)
        for term in reached(program):
            found.setdefault(term, Home(program.name, program.names[term]))
    return found
