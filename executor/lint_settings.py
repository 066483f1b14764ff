"""What lint is told. In: the command line, and `[tool.ladle.lint]` of pyproject.toml. Out: rules and settings."""

from __future__ import annotations

import re
from collections.abc import Mapping
from importlib import import_module
from pathlib import Path

import click
from ladle.dsl.frozen import frozen
from ladle.dsl.rule import Rule
from ladle.dsl.suggest import did_you_mean, listing, nearest
from ladle.executor.console import plain
from ladle.executor.regular import read_regular
from ladle.executor.rulebook import rules

FILE = "pyproject.toml"
LARGEST = 2**20
"""Bytes of the largest pyproject.toml that is read."""
KEYS = ("select", "ignore", "strict", "baseline")
_SPEAKS = re.compile(rb"""\btool["']?[ \t]*(?:\.[ \t]*["']?ladle|[]=])""")
"""A file with a table of ours: after its key `tool` stands `.ladle`, or the table `tool` itself begins."""


@frozen
class Wanted:
    """What the command line asks for; None where it says nothing, so that the project's file counts."""

    select: tuple[str, ...] | None = None
    ignore: tuple[str, ...] | None = None
    strict: bool = False
    baseline: Path | None = None


@frozen
class Settings:
    """The rules that are asked, whether warnings fail, and the file of findings that are known already."""

    rules: tuple[Rule, ...]
    strict: bool
    baseline: Path | None


def settings(root: Path, wanted: Wanted) -> Settings:
    """Return what counts in a project: each key of the command line over that of the file.

    Raises UsageError for an unknown key or code, a value of the wrong type, or a file that cannot be read.
    """
    file = root / FILE
    table = _table(file) if file.exists() else {}
    select = _codes("--select", wanted.select) if wanted.select else _listed(table, "select")
    ignore = _codes("--ignore", wanted.ignore) if wanted.ignore else _listed(table, "ignore")
    strict = table.get("strict", False)
    if not isinstance(strict, bool):
        raise click.UsageError(f"`strict` of [tool.ladle.lint] is `true` or `false`, not {strict!r:.40}")
    baseline = table.get("baseline")
    if baseline is not None and not (isinstance(baseline, str) and _inside(baseline)):
        raise click.UsageError("`baseline` of [tool.ladle.lint] is a path below the project's root")
    named = root / baseline if isinstance(baseline, str) else None
    return Settings(_chosen(select, ignore), wanted.strict or strict, wanted.baseline or named)


def _table(file: Path) -> Mapping[str, object]:
    try:
        data = read_regular(file, LARGEST)
    except OSError as error:
        raise click.UsageError(f"`{FILE}` cannot be read: {(error.strerror or str(error)).lower()}") from error
    if not _SPEAKS.search(data):
        return {}
    # The reader of TOML is loaded for projects that say something: the others get their answer sooner.
    table = import_module("ladle.executor.toml_table").table(data, FILE, ("tool", "ladle", "lint"))
    for key in table:
        if key not in KEYS:
            help = did_you_mean(nearest(key, KEYS)) or f"it has {listing(KEYS)}"
            raise click.UsageError(f"[tool.ladle.lint] has no key `{plain(key)}`: {help}")
    return dict(table)


def _inside(path: str) -> bool:
    return bool(path.strip()) and not Path(path).is_absolute() and ".." not in Path(path).parts


def _listed(table: Mapping[str, object], key: str) -> tuple[str, ...]:
    value = table.get(key, [])
    if not isinstance(value, list) or not all(isinstance(each, str) for each in value):
        raise click.UsageError(f'`{key}` of [tool.ladle.lint] is a list of codes, such as `["W501", "W52"]`')
    return _codes(key, tuple(value))


def _codes(where: str, given: tuple[str, ...]) -> tuple[str, ...]:
    """Return codes and prefixes, of which each fits some rule."""
    found = tuple(each.strip() for text in given for each in text.split(","))
    for code in found:
        if not code or not any(known.startswith(code) for known in rules()):
            help = _meant(code) or did_you_mean(nearest(code, rules())) or "`docs/lint.md` lists them"
            raise click.UsageError(f"`{where}` names no rule with `{code}`: {help}")
    return found


def _meant(name: str) -> str:
    """Return the question that offers the code of a rule which is called so, or nearly, "" for none."""
    codes = {rule.name: code for code, rule in rules().items()}
    written = name.lower().replace("_", "-")
    found = (written,) if written in codes else nearest(written, codes)
    return f"did you mean `{codes[found[0]]}`, {found[0]}?" if found else ""


def _chosen(select: tuple[str, ...], ignore: tuple[str, ...]) -> tuple[Rule, ...]:
    return tuple(
        rule
        for code, rule in rules().items()
        if (not select or code.startswith(select)) and not (ignore and code.startswith(ignore))
    )
