"""The reference from the catalogue. In: operators and codes. Out: docs/reference/: operators, codes, a page a method.

python -m ladle.executor.reference
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from ladle.dsl.graph import Json
from ladle.executor.explaining import Record, errors, operator_record, operators
from ladle.executor.method_pages import page

NOTE = "Made by `python -m ladle.executor.reference` from what `ladle explain` says; do not edit."


def pages() -> dict[str, str]:
    """Return the text of each generated file by its name."""
    found = {"operators.md": "\n".join(_operators()), "codes.md": "\n".join(_codes())}
    paged = {page(operator): operator for operator in operators() if page(operator)}
    return found | {place: "\n".join(_method(operator_record(operator))) for place, operator in paged.items()}


def _operators() -> Iterator[str]:
    yield from ("# Operators and their options", "", NOTE)
    role = ""
    for operator in operators():
        if operator.role != role:
            role = operator.role
            yield from ("", f"## {role[:1].upper()}{role[1:]}s")
        record = operator_record(operator)
        more = f" More: [{place}]({place})." if (place := page(operator)) else ""
        yield from ("", f"### `{record['name']}`", "", _sentence(str(record["text"])) + more)
        yield from _uses(record)
    yield ""


def _method(record: Record) -> Iterator[str]:
    yield from (f"# `{record['name']}`", "", NOTE, "", str(record["about"]))
    yield from _uses(record)
    if record["example"]:
        yield from ("", "After the beginning of [language.md](../../language.md):", "", "```recipe")
        yield from (str(record["example"]), "```")
    yield ""


def _uses(record: Record) -> Iterator[str]:
    if record["operands"]:
        yield from ("", f"Operands: {record['operands']}.")
    if record["options"]:
        yield from ("", "| option | takes | default | becomes | |", "|---|---|---|---|---|", *_options(record))


def _options(record: Record) -> Iterator[str]:
    options = record["options"]
    assert isinstance(options, list)
    for option in options:
        assert isinstance(option, dict)
        default, field = (f"`{option[key]}`" if option[key] else "" for key in ("default", "field"))
        cells = (f"`{option['name']}`", option["type"], default or "must be set", field, option["text"])
        yield "| " + " | ".join(str(cell).replace("|", "\\|") for cell in cells) + " |"
        yield from _keys(option)


def _keys(option: Record) -> Iterator[str]:
    """The rows of the keys of a map, under its own."""
    keys = option["keys"]
    assert isinstance(keys, list)
    found: list[Json] = []
    for key in keys:
        assert isinstance(key, dict)
        found.append(key | {"name": f"{option['name']}: {key['name']}"})
    yield from _options({"options": found})


def _codes() -> Iterator[str]:
    yield from ("# Error codes", "", NOTE, "", "What `ladle lint` says is in [../lint.md](../lint.md).")
    for record in errors():
        yield from ("", f"## {record['code']} {record['name']}", "", str(record["title"]))
        for part in (record["why"], record["cause"]):
            if part:
                yield from ("", str(part))
        for part in ("bad", "good"):
            if record[part]:
                yield from ("", f"{part.capitalize()}:", "", "```", str(record[part]), "```")
    yield ""


def _sentence(text: str) -> str:
    return f"{text[:1].upper()}{text[1:]}."


def main() -> None:
    """Write the files, below the project that the working folder is, and remove pages of methods that are gone."""
    root, made = Path("docs/reference"), pages()
    for path in root.glob("*/*.md"):
        if path.relative_to(root).as_posix() not in made:
            path.unlink()
    for name, text in made.items():
        (root / name).parent.mkdir(exist_ok=True)
        (root / name).write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
