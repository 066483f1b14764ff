"""Every lint rule by code. In: the rule packages, whose modules each define one `RULE`. Out: rules, and their pages."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from importlib import import_module
from pkgutil import iter_modules
from textwrap import dedent
from types import MappingProxyType, ModuleType

from ladle.dsl import rules as language
from ladle.dsl.frozen import frozen
from ladle.dsl.rule import Rule
from ladle.executor import rules as catalogue

PACKAGES: tuple[ModuleType, ...] = (language, catalogue)


@frozen
class Page:
    """What a rule's module says of it."""

    rule: Rule
    title: str
    """What it flags, in a sentence."""
    why: str
    bad: str
    """A recipe, or part of one, that has the finding."""
    good: str
    """The same without it."""


@cache
def rules() -> Mapping[str, Rule]:
    """Return every rule by code, in the order of codes.

    Raises TypeError for a module without `RULE` and for a code or name given twice: both are faults of ours.
    """
    found: dict[str, Rule] = {}
    for package in PACKAGES:
        for module in iter_modules(package.__path__, package.__name__ + "."):
            rule = getattr(import_module(module.name), "RULE", None)
            if not isinstance(rule, Rule) or module.name.rpartition(".")[2] != rule.name.replace("-", "_"):
                raise TypeError(f"{module.name} defines no RULE of its name")
            if rule.code in found:
                raise TypeError(f"{module.name} defines `{rule.code}` a second time")
            found[rule.code] = rule
    return MappingProxyType({code: found[code] for code in sorted(found)})


def page(rule: Rule) -> Page:
    """Return the page of a rule, read from its module's documentation."""
    name = rule.name.replace("-", "_")
    for package in PACKAGES:
        if any(module.name == name for module in iter_modules(package.__path__)):
            text = import_module(f"{package.__name__}.{name}").__doc__ or ""
            return _read(rule, text)
    raise KeyError(rule.code)


def _read(rule: Rule, text: str) -> Page:
    said, _, examples = text.partition("\nBad:\n")
    bad, _, good = examples.partition("\nGood:\n")
    title, _, why = said.strip().partition("\n")
    return Page(rule, title.strip(), why.strip(), dedent(bad).strip("\n"), dedent(good).strip("\n"))


def document() -> str:
    """Return the page of all rules, `docs/lint.md`: a table, then each rule with why, bad and good."""
    pages = [page(rule) for rule in rules().values()]
    rows = [f"| [{p.rule.code}](#{_anchor(p)}) | {p.rule.name} | {p.rule.severity} | {p.rule.fix} |" for p in pages]
    head = ["| code | rule | severity | fix |", "|---|---|---|---|", *rows]
    return "\n".join([_BEGINNING, *head, "", *(_section(each) for each in pages)])


def _anchor(said: Page) -> str:
    return f"{said.rule.code.lower()}-{said.rule.name}"


def _section(said: Page) -> str:
    rule = said.rule
    fix = {"": "", "safe": " A safe fix comes with it.", "unsafe": " An unsafe fix comes with it."}[rule.fix]
    return (
        f"## {rule.code} {rule.name}\n\n{said.title} {rule.severity.value.capitalize()}.{fix}\n\n{said.why}\n\n"
        f"```\n# bad\n{said.bad}\n```\n\n```\n# good\n{said.good}\n```\n"
    )


_BEGINNING = """\
# What `ladle lint` looks for

Made from the rules themselves; a test keeps it current. Each example stands beside declarations that it names:
`base` and `instruct`, models of the hub; `small` and `large` of 1.7 and 8 billion parameters; corpora `papers`,
`general`, `lessons`, `pairs`; a benchmark `silk`; the stages `cpt`, `sft`, `orpo`, `dpo`.
[commands.md](commands.md#ladle-lint-filefolder) has the options of the command and says how findings are allowed.
"""
