"""Variants: named overlays with the last word. In: a variant's settings and a world. Out: what names mean under it."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from ladle.dsl.affine import as_model
from ladle.dsl.frozen import replace
from ladle.dsl.problems import Mismatch
from ladle.dsl.program import FAILED, Failed, Family, Meaning, Named, StageValue
from ladle.dsl.signature import Sort
from ladle.dsl.suggest import did_you_mean, listing, nearest
from ladle.dsl.syntax import LetDecl, Recipe, Setting, VariantDecl
from ladle.dsl.types import CorpusType, Unknown
from ladle.dsl.using import relabelled
from ladle.dsl.values import what
from ladle.dsl.world import Scope, World

MOST: Final = 32
"""Variants of a recipe: each is a whole check of it."""


def variants(recipe: Recipe) -> tuple[VariantDecl, ...]:
    """Return the variants of a recipe, as many as are judged, each name once."""
    found: dict[str, VariantDecl] = {}
    for each in recipe.declarations:
        if isinstance(each, VariantDecl):
            found.setdefault(each.name.name, each)
    return tuple(found.values())[:MOST]


def too_many(world: World, recipe: Recipe) -> None:
    """Report the first variant after as many as are judged."""
    found = [each for each in recipe.declarations if isinstance(each, VariantDecl)]
    if len(found) > MOST:
        message = f"a recipe has at most {MOST} variants"
        world.problems.report("E302", found[MOST].name.span, message, "an axis of a family makes many models at once")


def replaced(world: World) -> dict[str, Setting]:
    """Return what the chosen variant replaces, by name."""
    return {each.name.name: each for each in world.overlay if each.owner is None}


def unreplaceable(world: World, variant: VariantDecl, others: Iterable[str]) -> None:
    """Report the bare names of a variant that stand for nothing it could replace."""
    known = frozenset(others)
    for setting in variant.block.settings:
        name = setting.name
        if setting.owner is not None or name.name in world.declared:
            continue
        if name.name in known:
            help = "a variant replaces models, corpora, stages, benchmarks and constants, and sets options of stages"
            world.problems.report("E111", name.span, f"a variant cannot replace `{name.name}`", help)
            continue
        world.problems.missing(name.name, name.span, lambda: world.declared, _option(world, name.name))


def _option(world: World, name: str) -> str:
    """What to write where a bare name is an option of stages."""
    options = {option.name for operator in world.vocabulary.values() for option in operator.options}
    return f"an option says whose it is: `stage.{name}`" if name in options else ""


def overlaid(world: World, name: str, old: Meaning, setting: Setting) -> Meaning:
    """Return what `name` means under the variant; on the right side it means what it did."""
    if isinstance(old, Failed):
        return FAILED
    if isinstance(old, Named) and world.titles.get(old.term) == name:
        del world.titles[old.term]  # the name is that of the replacement now
    new = world.evaluate(setting.value, Scope({name: old}))
    if isinstance(world.declared[name], LetDecl) or isinstance(new, Failed):
        return new
    if isinstance(old, Named) and old.term.sort is Sort.MODEL:
        model = as_model(world, new, setting.value.span)
        if isinstance(model, Mismatch):
            message = f"`{name}` {model.message.replace('takes', 'needs', 1)}"
            return world.problems.report(model.code, setting.value.span, message, model.help, model.label)
        new = model
    if not _alike(world, old, new):
        message = f"`{name}` is {what(old)}, and its replacement is {what(new)}"
        return world.problems.report("E201", setting.value.span, message, "", f"this is {what(new)}")
    match new:
        case Named(term) if term.sort is not Sort.BENCHMARK:
            return world.entitle(term, name)
        case Named(term):
            return Named(term, name)
        case Family():
            return relabelled(new, name)
        case StageValue(steps) if isinstance(old, StageValue) and len(steps) == len(old.steps) == 1:
            return StageValue((replace(steps[0], name=old.steps[0].name),))
        case _:
            return new


def _alike(world: World, old: Meaning, new: Meaning) -> bool:
    if isinstance(old, Named) and isinstance(new, Named):
        return old.term.sort is new.term.sort and _kinds(old, new)
    return type(old) is type(new) or not isinstance(old, Named | Family | StageValue)


def _kinds(old: Named, new: Named) -> bool:
    one, other = old.term.type, new.term.type
    if not isinstance(one, CorpusType) or not isinstance(other, CorpusType) or old.term.sort is not Sort.CORPUS:
        return True
    return one.kind is other.kind or isinstance(one.kind, Unknown) or isinstance(other.kind, Unknown)


def unknown_variant(name: str, known: tuple[str, ...]) -> str:
    """Say what to write instead of a variant that a recipe does not have."""
    return did_you_mean(nearest(name, known)) or (f"it has {listing(known)}" if known else "it has none")
