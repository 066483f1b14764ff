"""What the module of a method says of it. In: an operator. Out: formula, source and use, an example, its page's place.

Merges, adapters that are taken from models, and choices of models have a page. The documentation of the module begins
with a line, `Title. Out: ...`; `Example:` ends it. Where it has none, one is written for a merge that needs no more
than operands and a base.
"""

from __future__ import annotations

from importlib import import_module
from textwrap import dedent
from typing import Final

from ladle.dsl.signature import Operator, Option, Reference, Required, Role, Sort
from ladle.executor import choices, merges

OPERANDS: Final = ("instruct", "cpt(base)")
"""Models of the prelude of docs/language.md."""


PACKAGES: Final = {Role.MERGE: merges, Role.ADAPTER: merges, Role.CHOICE: choices}
"""Where the modules lie whose operators have a page."""


def page(operator: Operator) -> str:
    """Return where the page of an operator lies below docs/reference, "" where it has none."""
    package = PACKAGES.get(operator.role)
    return f"{package.__name__.rpartition('.')[2]}/{operator.name}.md" if package else ""


def about(operator: Operator) -> str:
    """Return what is said of a method beside its one sentence, paragraphs and indented formulas; "" for the rest."""
    title, body = _parts(operator)
    return "\n\n".join(part for part in (title, body.partition("\nExample:\n")[0].strip()) if part)


def example(operator: Operator) -> str:
    """Return lines of a recipe that use a method, after the prelude of docs/language.md; "" where nobody wrote any."""
    written = _parts(operator)[1].partition("\nExample:\n")[2]
    return dedent(written).strip("\n") or _plain(operator)


def _parts(operator: Operator) -> tuple[str, str]:
    package = PACKAGES.get(operator.role)
    if package is None:
        return "", ""
    first, _, body = (import_module(f"{package.__name__}.{operator.name}").__doc__ or "").partition("\n")
    return first.partition(" Out: ")[0], body


def _plain(operator: Operator) -> str:
    needed = [option for option in operator.options if isinstance(option.default, Required)]
    if operator.role is not Role.MERGE or not all(map(_is_model, needed)):
        return ""
    takes = operator.operands
    models = list(OPERANDS if takes.variadic or takes.family else OPERANDS[: len(takes.sorts)])
    if takes.weighted != "no":
        models = [f"{model}: 0.5" for model in models]
    given = [f"[{', '.join(models)}]" if takes.family else ", ".join(models)]
    return f"model m = {operator.written}({', '.join([*given, *(f'{option.name} = base' for option in needed)])})"


def _is_model(option: Option) -> bool:
    return isinstance(option.type, Reference) and option.type.sort is Sort.MODEL
