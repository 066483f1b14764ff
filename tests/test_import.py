"""What other tools' files become: detected, converted with their meaning, every key accounted for, and checked."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
from importing import FILES, FOLDER, from_text, imported, problems, settings
from ladle.dsl.diagnostics import RecipeError
from ladle.dsl.source import Source
from ladle.executor.cli import run
from ladle.executor.importing.ledger import Sort
from ladle.executor.load import examine_source

TOOLS = {"axolotl": "axolotl", "llama": "llama-factory", "trl": "trl", "alignment": "alignment-handbook",
         "mergekit": "mergekit"}  # fmt: skip


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_every_file_is_detected_and_checks_but_for_what_is_not_on_disk(path: Path) -> None:
    found = imported(path)
    assert f": {TOOLS[path.stem.partition('_')[0]]} (it has" in found.detected[0]
    wrong = examine_source(FOLDER / "imported.recipe", Source("imported", found.text)).diagnostics
    assert {problem.code for problem in wrong} <= {"E402"}
    missing = [note for note in found.notes if note.sort is Sort.MISSING]
    assert missing or not wrong


ANYWAY = {
    ("max_steps", "-1"), ("optim", "adamw_torch"), ("optimizer", "adamw_torch_fused"), ("model_revision", "main"),
    ("stage", "sft"), ("dataset_dir", "data"), ("gradient_accumulation_steps", "1"), ("dataset_splits", "[train]"),
}  # fmt: skip
"""What is so without the key, in the tool and in the recipe."""


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_no_key_is_dropped_silently(path: Path, tmp_path: Path) -> None:
    """Without any one of its keys a file becomes another recipe, or other notes, or none."""
    text = path.read_text()
    whole = _told(tmp_path, path, text)
    for match in re.finditer(r"^([a-z_0-9]+):.*\n(?:[ \t-].*\n|\n)*", text, re.MULTILINE):
        value = match[0].partition(":")[2].strip().partition("#")[0].strip()
        if value and (match[1], value) not in ANYWAY:
            without = text[: match.start()] + text[match.end() :]
            assert _told(tmp_path, path, without) != whole, match[1]


def _told(folder: Path, path: Path, text: str) -> str:
    try:
        found = from_text(folder, text, path.name)
    except RecipeError as error:
        return str(error)
    notes = "\n".join(f"{note.sort} {note.key} {note.reason}" for note in found.notes)
    return notes + re.sub(r"^#.*\n", "", found.text, flags=re.MULTILINE)


def test_every_note_stands_in_the_recipe_with_file_and_line() -> None:
    for path in FILES:
        found = imported(path)
        flat = re.sub(r"\n#   ", " ", found.text)
        for note in found.notes:
            assert f" {path.name}:{note.line}: " in flat
            if note.sort in (Sort.LOST, Sort.MISSING, Sort.ASSUMED):
                assert " ".join(note.reason.split())[:40] in " ".join(flat.split())
        assert str(FOLDER) not in found.text


def test_axolotl_values_keep_their_meaning() -> None:
    found = settings(imported(FOLDER / "axolotl_full.yml", devices=8).text)
    assert found == {
        "on": "short_instructions", "epochs": "3", "lr": "2e-5", "schedule": "cosine", "warmup": "100",
        "global_batch": "64", "context": "4Ki", "overlong": "drop", "packing": "isolated", "supervise": "answers",
        "betas": "[0.9, 0.999]", "weight_decay": "0.1", "clip": "1", "precision": "bf16", "seed": "42",
    }  # fmt: skip


def test_the_assumed_devices_are_said() -> None:
    notes = [note.text for note in imported(FOLDER / "axolotl_full.yml", devices=8).notes]
    assert any("axolotl_full.yml:28" in note and "2 x 4 x 8 = 64" in note for note in notes)


def test_a_constant_schedule_of_the_tool_does_not_warm_up() -> None:
    found = settings(imported(FOLDER / "axolotl_pretrain.yml").text)
    assert (found["schedule"], found["warmup"]) == ("constant", "0")
    found = settings(imported(FOLDER / "axolotl_qlora_chat.yml").text)
    assert (found["schedule"], found["warmup"]) == ("constant", "10%")


def test_columns_and_kinds_follow_from_the_type_of_rows() -> None:
    assert 'corpus papers: text = jsonl("corpora/papers.jsonl", columns = {text: "body"})' in (
        imported(FOLDER / "axolotl_pretrain.yml").text
    )
    text = imported(FOLDER / "axolotl_qlora_chat.yml").text
    assert 'columns = {messages: "conversations"}' in text
    assert "template = chatml" in text
    assert "mix(talk: 1, tool_chats: 1)" in text


def test_llama_factory_reads_its_table_of_data_sets() -> None:
    found = imported(FOLDER / "llama_factory_sft.yaml")
    assert 'jsonl("data/identity.jsonl", columns = {user: "instruction", assistant: "output"}) | take(rows = 1000)' in (
        found.text
    )
    assert "acme/stories" in found.text
    assert (found.profile["save_steps"], found.profile["micro_batch"]) == (500, 1)


def test_llama_factory_numbers_in_quotes_and_stages() -> None:
    found = settings(imported(FOLDER / "llama_factory_pretrain.yaml").text)
    assert (found["lr"], found["steps"], found["packing"], found["warmup"]) == ("1e-4", "500", "wrapped", "0")
    text = imported(FOLDER / "llama_factory_dpo_lora.yaml").text
    assert "stage orpo {" in text
    assert "template = chatml" in text


def test_files_that_build_on_each_other_become_one_chain() -> None:
    found = imported(FOLDER / "alignment_handbook_dpo.yaml", FOLDER / "alignment_handbook_sft.yaml").text
    assert "model tuned   = tuned_2 | dpo" in found
    assert "model tuned_2 = plain_mistral_7b | sft" in found
    assert found.count('hub("acme/Plain-Mistral-7B"') == 1


def test_weights_of_a_mixture_are_passes() -> None:
    assert "mix(acme_chats_200k_train_sft: 1, acme_tools_train: 0.5)" in (
        imported(FOLDER / "alignment_handbook_sft.yaml").text
    )


def test_orpo_is_known_from_its_folder_and_said() -> None:
    found = imported(FOLDER / "orpo" / "alignment_handbook_orpo.yaml")
    assert "stage orpo {" in found.text
    assert any("--stage" in note.reason for note in found.notes)
    assert "stage dpo {" in imported(FOLDER / "orpo" / "alignment_handbook_orpo.yaml", stage="dpo").text


def test_mergekit_slices_over_all_layers_are_whole_models() -> None:
    text = imported(FOLDER / "mergekit_slerp.yml").text
    assert "slerp(\n  merge_b_7b, merge_a_7b,\n  t = {self_attn: [0, 0.5, 0.3, 0.7, 1], mlp: [1, 0.5" in text


def test_mergekit_ties_leaves_the_base_out_and_pins_revisions() -> None:
    text = imported(FOLDER / "mergekit_ties.yml").text
    assert 'hub("acme/Maths-7B", revision = "a1b2c3d")' in text
    assert "maths_7b: 0.5, code_7b: 0.3," in text
    assert "base_7b:" not in text


def test_mergekit_documents_nest_by_name() -> None:
    text = imported(FOLDER / "mergekit_multi.yml").text
    assert "task_arithmetic(first: 1, chat_7b: -0.25, base = base_7b)" in text
    assert "slerp(second, chat_7b, t = {layers: [0, 1], else: 0})" in text


@pytest.mark.parametrize(
    ("t", "said"),
    [
        ("0.3", "0.3"),
        ("[0.2, 1, 0.4]", "{layers: [0.2, 1, 0.4], else: 0.2}"),
        ("[{filter: q_proj, value: 1}, {filter: self_attn, value: 0.5}, {value: 0}]",
         "{self_attn: 0.5, q_proj: 1, else: 0}"),
        ("[{filter: self_attn, value: 0.5}, {filter: q_proj, value: 1}, {value: 0}]", "{self_attn: 0.5, else: 0}"),
        ("[{filter: embed_tokens, value: 1}, {filter: '*', value: 0.25}]", "{embed: 1, else: 0.25}"),
        ("[{filter: layernorm, value: 1}, {value: 0}]", "{input_layernorm: 1, post_attention_layernorm: 1, else: 0}"),
        ("[{filter: model.norm, value: 1}, {filter: lm_head, value: 0.5}, {value: 0}]",
         "{lm_head: 0.5, norm: 1, else: 0}"),
    ],
)  # fmt: skip
def test_filters_become_the_schedule_that_means_the_same(tmp_path: Path, t: str, said: str) -> None:
    text = from_text(tmp_path, MERGE + f"parameters: {{t: {t}}}\n").text
    assert f"t = {said}" in " ".join(text.split())


MERGE = "merge_method: slerp\nbase_model: acme/a\nmodels: [{model: acme/a}, {model: acme/b}]\ndtype: float32\n"


@pytest.mark.parametrize(
    "text",
    [
        MERGE + "parameters: {t: [{filter: layers.1., value: 1}, {value: 0}]}\n",
        MERGE + "parameters: {t: [{filter: self_attn, value: 1}]}\n",
        MERGE.replace("slerp", "passthrough"),
        MERGE.replace("acme/b", "acme/b+acme/adapter"),
        MERGE.replace("base_model: acme/a\n", ""),
        MERGE.replace("slerp", "ties") + "parameters: {density: 0.5}\n",
        MERGE.replace("models: [{model: acme/a}, {model: acme/b}]", "modules: {}"),
    ],
)
def test_what_no_merge_here_says_is_refused_with_its_line(tmp_path: Path, text: str) -> None:
    with pytest.raises(RecipeError) as error:
        from_text(tmp_path, text)
    assert {problem.code for problem in error.value.diagnostics} <= {"E609", "E611", "E205"}


def test_passthrough_is_refused() -> None:
    with pytest.raises(RecipeError) as error:
        imported(FOLDER / "mergekit_passthrough.yml")
    assert "passthrough" in error.value.diagnostics[0].message


def test_json_has_the_recipe_and_every_note(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["import", str(FOLDER / "trl_peft_mixture.yaml"), "--format", "json"]) == 0
    answer = json.loads(capsys.readouterr().out)
    assert answer["schema"] == 1
    assert "stage sft" in answer["recipe"]
    assert {"sort", "file", "line", "key", "reason"} == set(answer["notes"][0])


TRAIN = "model_name_or_path: acme/a\nlearning_rate: 1e-5\n"
MIXER = TRAIN + "dataset_mixer:\n  acme/chats: 1.0\n"


def test_configurations_of_a_mixer_are_subsets(tmp_path: Path) -> None:
    assert 'hub("acme/chats", subset = "tiny"' in from_text(tmp_path, MIXER + "dataset_configs: [tiny]\n").text
    assert "subset" not in from_text(tmp_path, MIXER + "dataset_configs: [default]\n").text
    assert problems(tmp_path, MIXER + "dataset_configs: [a, b]\n") == [("E608", 5)]


def test_continued_pretraining_is_known_from_its_folder_or_its_column(tmp_path: Path) -> None:
    assert "stage sft {" in from_text(tmp_path, MIXER).text
    (tmp_path / "cpt").mkdir()
    assert "stage cpt {" in from_text(tmp_path / "cpt", MIXER).text
    found = from_text(tmp_path, MIXER + "text_column: body\n").text
    assert "stage cpt {" in found
    assert 'columns = {text: "body"}' in found


@pytest.mark.parametrize("more", ["", "text_column: body\n", "beta: 0.1\n"])
def test_a_guessed_kind_is_said(tmp_path: Path, more: str) -> None:
    for start in (MIXER, TRAIN + "dataset_name: acme/rows\n"):
        notes = from_text(tmp_path, start + more).notes
        assert any(note.sort is Sort.ASSUMED and "--stage" in note.reason for note in notes)
        said = from_text(tmp_path, start + more, stage="dpo" if "beta" in more else "cpt").notes
        assert not any("--stage" in note.reason for note in said)
