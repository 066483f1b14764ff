"""What rows of other tools become: columns, mixtures, references, and what is left out by name."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from importing import from_text, imported, settings
from ladle.executor.importing.convert import Imported
from ladle.executor.importing.ledger import Sort

FACTORY = "model_name_or_path: acme/a\ncutoff_len: 512\ndataset: rows\nfinetuning_type: full\n"


def factory(root: Path, described: object, more: str = "stage: sft\n", text: str = FACTORY) -> Imported:
    (root / "data").mkdir(exist_ok=True)
    (root / "data" / "dataset_info.json").write_text(json.dumps(described))
    return from_text(root, text + more)


def noted(found: Imported, sort: Sort, *parts: str) -> bool:
    return any(note.sort is sort and all(part in note.text for part in parts) for note in found.notes)


def test_a_ranking_of_turns_has_a_prompt(tmp_path: Path) -> None:
    columns = {"messages": "conversations", "chosen": "good", "rejected": "rejected"}
    row = {"file_name": "r.jsonl", "ranking": True, "formatting": "sharegpt", "columns": columns}
    found = factory(tmp_path, {"rows": row}, "stage: dpo\n")
    assert 'preference = jsonl("data/r.jsonl", columns = {prompt: "conversations", chosen: "good"})' in found.text
    assert noted(found, Sort.MISSING, "`chosen` and `rejected` are objects", "lists of one message")
    assert noted(found, Sort.MISSING, "`from` and `value`")


def test_columns_that_are_not_read_are_named(tmp_path: Path) -> None:
    columns = {"prompt": "q", "response": "a", "system": "s", "history": "h", "tools": "t"}
    found = factory(tmp_path, {"rows": {"file_name": "r.jsonl", "columns": columns}})
    assert 'columns = {user: "q", assistant: "a", system: "s"}' in found.text.replace("\n#   ", " ")
    assert noted(found, Sort.LOST, "the column `h` (history)")
    assert noted(found, Sort.LOST, "the column `t` (tools)")
    assert not noted(found, Sort.LOST, "(system)")
    turns = {"file_name": "r.jsonl", "formatting": "sharegpt", "columns": {"messages": "m", "system": "s"}}
    assert noted(factory(tmp_path, {"rows": turns}), Sort.LOST, "the column `s` (system)", "first message")


ALPACA = "base_model: acme/a\nsequence_len: 512\ndatasets: [{path: corpora/r.jsonl, type: alpaca}]\n"


@pytest.mark.parametrize(
    ("rows", "sort", "part"),
    [
        ([{"instruction": "a", "output": "b", "input": ""}], Sort.SAME, "no row"),
        ([{"instruction": "a", "output": "b"}, {"instruction": "a", "output": "b", "input": "c"}], Sort.LOST, "row 2"),
        (None, Sort.MISSING, "join them"),
    ],
)
def test_a_second_column_of_alpaca_is_looked_for(
    tmp_path: Path, rows: list[dict[str, str]] | None, sort: Sort, part: str
) -> None:
    if rows:
        (tmp_path / "corpora").mkdir()
        (tmp_path / "corpora" / "r.jsonl").write_text("\n".join(json.dumps(row) for row in rows))
    found = from_text(tmp_path, ALPACA)
    assert noted(found, sort, "`input`", part)
    assert noted(found, Sort.ASSUMED, "not in alpaca's wording")
    (tmp_path / "data").mkdir()
    if rows:
        (tmp_path / "data" / "r.json").write_text(json.dumps(rows))
    assert noted(factory(tmp_path, {"rows": {"file_name": "r.json"}}), sort, "`input`", part)


def test_a_reference_model_is_the_stages_reference(tmp_path: Path) -> None:
    found = from_text(tmp_path, FACTORY + "stage: dpo\nref_model: acme/held\n")
    assert settings(found.text)["reference"] == "held"
    assert 'hub("acme/held")' in found.text
    orpo = from_text(tmp_path, FACTORY + "stage: dpo\npref_loss: orpo\nref_model: acme/held\n")
    assert noted(orpo, Sort.LOST, "ref_model", "no other model")


def test_a_continued_adapter_is_measured_against_the_model_without(tmp_path: Path) -> None:
    text = "model_name_or_path: acme/a\nfinetuning_type: lora\ndataset: rows\n"
    (tmp_path / "one.yaml").write_text(text + "stage: sft\noutput_dir: saves/sft\n")
    (tmp_path / "two.yaml").write_text(text + "stage: dpo\nadapter_name_or_path: saves/sft\noutput_dir: saves/dpo\n")
    found = imported(tmp_path / "one.yaml", tmp_path / "two.yaml", root=tmp_path)
    assert "reference    = a" in found.text
    assert "lora         = continue" in found.text
    assert noted(found, Sort.ASSUMED, "switched off")
    assert not [note for note in found.notes if note.sort is Sort.LOST and "adapter_name" in note.key]


@pytest.mark.parametrize(
    ("more", "said"),
    [
        ("mix_strategy: interleave_under\ninterleave_probs: 0.7,0.3\n", "mix(one: 70%, two: 30%)"),
        ("mix_strategy: interleave_over\ninterleave_probs: [0.25, 0.75]\n", "mix(one: 25%, two: 75%)"),
        ("mix_strategy: interleave_under\n", "mix(one: 1, two: 1)"),
        ("", "mix(one: 1, two: 1)"),
    ],
)
def test_shares_of_interleaved_data_sets(tmp_path: Path, more: str, said: str) -> None:
    found = from_text(tmp_path, FACTORY.replace("rows", "one,two") + "stage: sft\n" + more)
    assert said in found.text
    assert noted(found, Sort.LOST, "mix_strategy") == ("over" in more or "under\n" in more[-16:])


def test_the_seed_of_a_mixture_is_an_option_of_it(tmp_path: Path) -> None:
    text = "model_name_or_path: acme/a\nlearning_rate: 1e-5\ndataset_mixture:\n  seed: 7\n  datasets:\n"
    one = text + "    - {id: acme/x, weight: 0.5}\n"
    assert "mix(acme_x_train: 0.5, seed = 7)" in from_text(tmp_path, one).text
    assert not noted(from_text(tmp_path, one), Sort.LOST)
    whole = from_text(tmp_path, text + "    - {id: acme/x}\n")
    assert noted(whole, Sort.SAME, "seed")
