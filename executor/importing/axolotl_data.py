"""Axolotl's data sets. In: `datasets` and `rl` of a file. Out: the kind of stage, and corpora with their columns."""

from __future__ import annotations

from typing import Final

from ladle.dsl.signature import Operator
from ladle.dsl.types import CorpusKind
from ladle.executor.importing.draft import Corpus
from ladle.executor.importing.fields import Fields
from ladle.executor.importing.peeking import first_with
from ladle.executor.importing.places import Part, corpus

TEXTS: Final = frozenset({"completion", "pretrain"})
KINDS: Final = {"dpo": "dpo", "ipo": "dpo", "orpo": "orpo"}
INPUT: Final = "input"
TURNS: Final = "turns of `from` and `value` become `role` and `content`: rewrite the rows so"


def kind_of(fields: Fields) -> str:
    """Return the kind of stage that a file is for: `rl`, else plain text or chats by its first data set."""
    loss = fields.text("rl")
    if loss is not None:
        return KINDS.get(loss, loss)
    if "pretraining_dataset" in fields:
        return "cpt"
    first = next(iter(fields.tables("datasets")), None)
    return "cpt" if first is not None and (first.text("type") or "") in TEXTS else "sft"


def corpora(fields: Fields, operator: Operator) -> tuple[Corpus, ...]:
    """Return what a file trains on, in order."""
    key = "datasets" if "datasets" in fields else "pretraining_dataset"
    if not fields.items(key):
        fields.problem("E609", "datasets", "the file says no `datasets`", "add the data sets that it trains on")
    return tuple(_one(each, operator.takes[0]) for each in fields.tables(key))


def _one(each: Fields, kind: CorpusKind) -> Corpus:
    split, files = each.text("split") or "train", each.items("data_files")
    each.text("ds_type")
    part = Part(each.text("name") or "", split)
    columns = _columns(each, kind)
    key = "path"
    if len(files) == 1 and each.text("path") in ("json", "jsonl"):
        key = "data_files"
    elif files:
        each.missing("data_files", "take the rows of these files alone")
    if each.text(key) is None:
        each.problem("E609", key, "a data set has no `path`", "add the path or the repository of its rows")
    found = corpus(each, key, kind.value, columns, part)
    _roles(each)
    shards = each.whole("shards")
    if shards is not None:
        each.lost("shards", f"`every({shards})` takes one row of {shards}")
    each.rest({})
    return found


def _roles(each: Fields) -> None:
    roles = [getattr(item, "text", "") for item in each.items("roles_to_train")]
    if roles == ["assistant"]:
        each.agrees("roles_to_train", "`supervise = answers` learns what the assistant says")
    elif roles:
        each.lost("roles_to_train", "`supervise` is `answers`, those of the assistant, `final` or `all`")


def _columns(each: Fields, kind: CorpusKind) -> dict[str, str]:
    """Return what the columns of a data set are called, by its type; what rows of it lack is noted."""
    name = each.text("type") or ""
    messages = each.text("field_messages")
    turns = each.fields("message_property_mappings")
    match kind, name.split(".")[0]:
        case CorpusKind.TEXT, _:
            return {"text": each.text("field") or "text"}
        case CorpusKind.CHAT, "alpaca":
            _alpaca(each)
            return {"user": "instruction", "assistant": "output"}
        case CorpusKind.CHAT, "sharegpt":
            each.missing("type", TURNS)
            return {"messages": messages or "conversations"}
        case CorpusKind.CHAT, "chat_template" | "":
            _turns(each, turns)
            return {"messages": messages or "messages"}
        case CorpusKind.PREFERENCE, "" | "chat_template":
            _turns(each, turns)
            chosen, rejected = each.text("field_chosen") or "chosen", each.text("field_rejected") or "rejected"
            return {"prompt": messages or "prompt", "chosen": chosen, "rejected": rejected}
        case _:
            each.missing("type", f"rows of the type `{name[:40]}` become those of a {kind.value} corpus")
            return {}


def _alpaca(each: Fields) -> None:
    """Say what of alpaca's prompt the recipe does not have: its wording, and a second column."""
    each.assumed("type", "rows are rendered in the model's chat template, not in alpaca's wording")
    files = [getattr(item, "text", "") for item in each.items("data_files")]
    path = files[0] if len(files) == 1 else each.text("path") or ""
    joined_input(each, "type", "", first_with(each.ledger.root, path, INPUT), INPUT)


def joined_input(fields: Fields, key: str, of: str, row: int | None, column: str) -> None:
    """Say what becomes of a column that the tool joins to the instruction, by the first row that has one."""
    if row is None:
        fields.missing(key, f"{of}`{column}`, where a row has one, belongs after the instruction: join them")
    elif row:
        fields.lost(key, f"{of}row {row} has a non-empty `{column}`, which is left out: join it after the instruction")
    else:
        fields.agrees(key, f"{of}no row has a non-empty `{column}`")


def _turns(each: Fields, turns: Fields | None) -> None:
    role = (turns.text("role") if turns else each.text("message_field_role")) or "role"
    content = (turns.text("content") if turns else each.text("message_field_content")) or "content"
    if turns:
        turns.rest({})
    if (role, content) != ("role", "content"):
        each.missing("type" if "type" in each else "path", TURNS)
