"""`ladle explain`. In: words. Out: what each means (a code, an operator, an option, a kind); without one, a list."""

from __future__ import annotations

import json
from collections.abc import Iterator
from textwrap import fill, indent

import click
from ladle.executor.console import plain
from ladle.executor.explaining import Record, codes, explain, known, operators

WIDE = 100


def explainable(context: click.Context, parameter: click.Parameter, incomplete: str) -> list[str]:
    """Complete a word that can be explained."""
    return [word for word in known() if word.startswith(incomplete)]


@click.command("explain", short_help="Say what a code, operator, option or kind means.")
@click.argument("words", nargs=-1, metavar="[WORD...]", shell_complete=explainable)
@click.option("--format", "form", type=click.Choice(["text", "json"]), default="text", show_default=True)
def COMMAND(words: tuple[str, ...], form: str) -> int:  # noqa: N802 - found by this name
    """Say what each WORD means: an error code or its name, an operator, an option (`lr`, or `sft.lr`), a corpus kind.

    Without a WORD, list what can be explained. Nothing is asked of the network.
    """
    if not words:
        click.echo(json.dumps({"schema": 1, "words": overview()}, indent=2) if form == "json" else "\n".join(listed()))
        return 0
    records = [record for word in words for record in explain(word)]
    if form == "json":
        click.echo(json.dumps({"schema": 1, "entries": records}, indent=2, ensure_ascii=False))
    else:
        click.echo(plain("\n\n".join("\n".join(_text(record)) for record in records)))
    return 0


def overview() -> dict[str, dict[str, str]]:
    """Return a line for each operator, by role, and for each code."""
    found: dict[str, dict[str, str]] = {}
    for operator in operators():
        found.setdefault(operator.role.value, {})[operator.name] = operator.text
    found["code"] = {str(record["code"]): str(record["name"]) for record in codes()}
    return found


def listed() -> Iterator[str]:
    """Yield the lines of the overview."""
    for role, words in overview().items():
        yield f"{role}s:"
        width = max(map(len, words))
        for word, text in words.items():
            yield f"  {word:{width}}  {text if len(text) <= WIDE else text[: WIDE - 3] + '...'}"
        yield ""
    yield "`ladle explain WORD` says more; of an option too: `ladle explain lr`, `ladle explain sft.lr`."


def _text(record: Record) -> Iterator[str]:
    match record["what"]:
        case "code":
            yield from _code(record)
        case "operator":
            yield from _operator(record)
        case "option":
            yield from option_lines(record)
        case "word":
            yield f"{record['name']}: {record['text']}"
        case _:
            yield f"{record['name']}: a corpus kind"
            yield f"  columns: {record['columns']}"
            yield f"  taken by: {_names(record['taken_by']) or 'nothing yet'}"


def _code(record: Record) -> Iterator[str]:
    yield f"{record['severity']}[{record['code']}] {record['name']}: {record['title']}"
    for part in (record["why"], record["cause"]):
        if part:
            yield from ("", fill(" ".join(str(part).split()), WIDE))
    for part in ("bad", "good"):
        if record[part]:
            yield from ("", f"{part}:", "", indent(str(record[part]), "    "))
    if record.get("fix"):
        yield from ("", f"`ladle lint --fix` mends it: {record['fix']}")


def _operator(record: Record) -> Iterator[str]:
    yield f"{record['name']}: {record['role']}"
    yield indent(fill(str(record["text"]), WIDE), "  ")
    if record["about"]:
        yield from ("", indent(str(record["about"]), "  "), "")
    for name, text in _facts(record):
        yield f"  {name}: {text}"
    if record["example"]:
        yield from ("", "example:", "", indent(str(record["example"]), "    "))
    options = record["options"]
    assert isinstance(options, list)
    for option in options:
        assert isinstance(option, dict)
        yield from ("", *option_lines(option))


def _facts(record: Record) -> Iterator[tuple[str, str]]:
    if record["operands"]:
        yield "operands", str(record["operands"])
    for name in ("takes", "columns", "engines"):
        if record[name]:
            yield name, _names(record[name])
    if record["needs_template"]:
        yield "needs", "a chat template"


def option_lines(record: Record) -> Iterator[str]:
    """Yield the lines of an option."""
    yield f"{record['of']}.{record['name']}: {record['type']}"
    yield indent(fill(str(record["text"]), WIDE), "  ")
    yield f"  default: {record['default']}" if record["default"] else "  must be set"
    if record["field"]:
        yield f"  becomes: {record['field']}"
    if record["excludes"]:
        yield f"  excludes: {_names(record['excludes'])}"
    keys = record["keys"]
    assert isinstance(keys, list)
    for key in keys:
        assert isinstance(key, dict)
        yield f"  {key['name']}: {key['type']}; {key['text']}; " + (
            f"default {key['default']}" if key["default"] else "must be set"
        )


def _names(names: object) -> str:
    assert isinstance(names, list)
    return ", ".join(map(str, names))
