"""LLaMA-Factory's table of data sets. In: the folder of a file. Out: what its dataset_info.json says of each."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from ladle.executor.importing.fields import Fields
from ladle.executor.importing.tree import Entry, Scalar, Table
from ladle.executor.quoting import short
from ladle.executor.regular import read_regular

LARGEST: Final = 1024 * 1024
ALPACA: Final = {"prompt": "instruction", "response": "output"}
ROLES: Final = {"prompt": "user", "response": "assistant"}
TURNS: Final = "turns of `from` and `value` become `role` and `content`: rewrite the rows so"
ANSWERS: Final = "`chosen` and `rejected` are objects there, and become lists of one message: rewrite the rows so"


@dataclass(frozen=True, slots=True)
class Described:
    """One data set: a file or a repository, its columns by what a recipe calls them, and what else to know."""

    path: str
    columns: dict[str, str]
    missing: tuple[str, ...] = ()
    """What must be done to the rows."""
    lost: tuple[str, ...] = ()
    """Columns that the recipe does not heed."""
    input: str = ""
    """The column that the tool joins to the instruction; "" for none."""

    def field(self, fields: Fields, name: str) -> Fields:
        """Return a table whose `path` is the data set, standing where the file names it."""
        at = fields.span("dataset")
        return Fields(fields.document, Table((Entry("path", at, Scalar(self.path, self.path, at)),), at, 1),
                      fields.ledger, f"dataset {name[:40]}: ")  # fmt: skip


def described(fields: Fields, beside: Path, folder: str) -> dict[str, Described]:
    """Return every data set that `dataset_info.json` of `folder` describes; {} where there is none."""
    for base in (Path(), beside, fields.ledger.root):
        try:
            table = json.loads(read_regular(base / folder / "dataset_info.json", LARGEST))
        except (OSError, ValueError, RecursionError):
            continue
        if isinstance(table, dict):
            fields.assumed(
                "dataset_dir" if "dataset_dir" in fields else "dataset", "described by its dataset_info.json"
            )
            return {name: _one(folder, item) for name, item in table.items() if isinstance(item, dict)}
    return {}


def _one(folder: str, item: dict[str, object]) -> Described:
    path = str(item.get("hf_hub_url") if "hf_hub_url" in item else f"{folder}/{item.get('file_name', '')}")
    named = item.get("columns")
    columns = {key: value for key, value in named.items() if isinstance(value, str)} if isinstance(named, dict) else {}
    if item.get("formatting") == "sharegpt" or "messages" in columns:
        return _turns(path, item, columns)
    if item.get("ranking") is True:
        prompt = columns.get("prompt", "instruction")
        kept = {"prompt": prompt} | {key: columns.get(key, key) for key in ("chosen", "rejected")}
        return Described(path, kept, (), _others(columns, {"query", *kept}), columns.get("query", ""))
    if set(columns) == {"prompt"}:
        return Described(path, {"text": columns["prompt"]})
    found = {ROLES[key]: columns.get(key, ALPACA[key]) for key in ALPACA}
    found |= {"system": columns["system"]} if "system" in columns else {}
    lost = _others(columns, {"query", "system", *ALPACA})
    return Described(path, found, (), lost, columns.get("query", "") if columns else "input")


def _turns(path: str, item: dict[str, object], columns: dict[str, str]) -> Described:
    """Rows of turns; of a ranking, the turns before two answers."""
    ranking = item.get("ranking") is True
    word, kept = ("prompt", ["chosen", "rejected"]) if ranking else ("messages", [])
    told = {word: columns.get("messages", "conversations")} | {key: columns.get(key, key) for key in kept}
    tags = item.get("tags")
    plain = isinstance(tags, dict) and (tags.get("role_tag"), tags.get("content_tag")) == ("role", "content")
    notes = () if plain else (TURNS,)
    return Described(path, told, (*notes, *([ANSWERS] if ranking else [])), _others(columns, {"messages", *kept}))


def _others(columns: dict[str, str], carried: set[str]) -> tuple[str, ...]:
    """Return what the recipe does not heed of the columns that the table names."""
    return tuple(
        f"the column `{short(column)}` ({short(key)}) is not read"
        + (": make it the first message of the rows" if key == "system" else "")
        for key, column in columns.items()
        if key not in carried
    )
