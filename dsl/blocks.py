"""Blocks of settings with names of their own: `evaluate` and `publish`. In: a block. Out: what it sets, by name."""

from __future__ import annotations

from collections.abc import Mapping

from ladle.dsl.frozen import frozen
from ladle.dsl.suggest import did_you_mean, listing, nearest
from ladle.dsl.syntax import EvaluateDecl, Expr, PublishDecl
from ladle.dsl.world import World


@frozen
class Form:
    """What a block takes: its word, its options, which of them it needs, and one as it may be written."""

    word: str
    options: tuple[str, ...]
    needed: tuple[str, ...]
    example: str
    meant: Mapping[str, str]
    """The option that another tool, or another spelling, calls so."""


def settings(world: World, form: Form, declaration: EvaluateDecl | PublishDecl) -> dict[str, Expr]:
    """Return the value of each option that is set; what is unknown or missing is reported."""
    found: dict[str, Expr] = {}
    for setting in declaration.block.settings:
        name = setting.name
        if name.name in form.options:
            found[name.name] = setting.value
            continue
        help = _meant(world, form, name.name, setting.value)
        world.problems.report("E203", name.span, f"`{form.word}` has no option `{name.name}`", help)
    if len(found) == len(declaration.block.settings):  # one that is misspelt is not missing too
        for needed in form.needed:
            if needed not in found:
                help = f"such as `{form.word} {declaration.name.name} {form.example}`"
                message = f"`{form.word}` needs `{needed}`"
                world.problems.report("E205", declaration.name.span, message, help, f"`{needed}` is missing")
    return found


def _meant(world: World, form: Form, name: str, value: Expr) -> str:
    if name in form.meant:
        option = form.meant[name]
        return f"it is called `{option}` here: `{option} = {world.written(value.span)}`"
    return did_you_mean(nearest(name, form.options)) or f"`{form.word}` takes {listing(form.options)}"
