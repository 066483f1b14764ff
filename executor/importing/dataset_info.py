"""LLaMA-Factory's table of data sets. In: the folder of a file. Out: what its dataset_info.json says of each."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from ladle.executor.importing.fields import Fields
from ladle.executor.importing.tree import Entry, Scalar, Table
from ladle.executor.regular import read_regular

LARGEST: Final = 1024 * 1024
ALPACA: Final = {"prompt": "instruction", "response": "output"}
ROLES: Final = {"prompt": "user", "response": "assistant", "chosen": "chosen", "rejected": "rejected"}


@dataclass(frozen=True, slots=True)
class Described:
    """One data set: a file or a repository, its columns by what a recipe calls them, and what else to know."""

    path: str
    columns: dict[str, str]
    note: str

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
    path = item.get("hf_hub_url") if "hf_hub_url" in item else f"{folder}/{item.get('file_name', '')}"
    named = item.get("columns")
    columns = {key: value for key, value in named.items() if isinstance(value, str)} if isinstance(named, dict) else {}
    if item.get("formatting") == "sharegpt" or "messages" in columns:
        note = "turns of `from` and `value` become `role` and `content`: rewrite the rows so"
        tags = item.get("tags")
        plain = isinstance(tags, dict) and (tags.get("role_tag"), tags.get("content_tag")) == ("role", "content")
        return Described(str(path), {"messages": columns.get("messages", "conversations")}, "" if plain else note)
    if item.get("ranking") is True:
        prompt = columns.get("prompt", "instruction")
        kept = {"prompt": prompt} | {key: columns.get(key, key) for key in ("chosen", "rejected")}
        return Described(str(path), kept, "")
    if set(columns) == {"prompt"}:
        return Described(str(path), {"text": columns["prompt"]}, "")
    found = {ROLES[key]: columns.get(key, ALPACA[key]) for key in ALPACA}
    note = "" if columns and "query" not in columns else "an `input` column belongs after the instruction: join them"
    return Described(str(path), found, note)
