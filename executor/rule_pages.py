"""What is said of lint rules. In: a rule. Out: its page, from its module's documentation, and the page of them all."""

from __future__ import annotations

from importlib import import_module
from textwrap import dedent

from ladle.dsl.frozen import frozen
from ladle.dsl.rule import Rule
from ladle.executor.modules import module_names
from ladle.executor.rulebook import PACKAGES, rules


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


def page(rule: Rule) -> Page:
    """Return the page of a rule, read from its module's documentation."""
    name = rule.name.replace("-", "_")
    for package in PACKAGES:
        if name in module_names(package):
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
