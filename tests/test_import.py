"""What other tools' files become: detected, converted with their meaning, every key accounted for, and checked."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
from importing import FILES, FOLDER, from_text, imported, problems, settings
from ladle.dsl.diagnostics import RecipeError
from ladle.dsl.format import format_source
from ladle.dsl.source import Source
from ladle.executor.cli import run
from ladle.executor.examine import examine_source
from ladle.executor.importing.ledger import Sort

TOOLS = {"axolotl": "axolotl", "llama": "llama-factory", "trl": "trl", "alignment": "alignment-handbook",
         "mergekit": "mergekit", "mergekit-moe": "mergekit-moe"}  # fmt: skip


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
        flat(found.text)
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
    assert "model plain_7b_dpo_full = plain_7b_sft_full | dpo" in found
    assert "model plain_7b_sft_full = plain_mistral_7b | sft" in found
    assert found.count('hub("acme/Plain-Mistral-7B"') == 1


def test_weights_of_a_mixture_are_passes() -> None:
    assert "mix(acme_chats_200k_train_sft: 1, acme_tools_train: 0.5, seed = 0)" in (
        imported(FOLDER / "alignment_handbook_sft.yaml").text
    )


def test_orpo_is_known_from_its_folder_and_said() -> None:
    found = imported(FOLDER / "orpo" / "alignment_handbook_orpo.yaml")
    assert "stage orpo {" in found.text
    assert any("--stage" in note.reason for note in found.notes)
    assert "stage dpo {" in imported(FOLDER / "orpo" / "alignment_handbook_orpo.yaml", stage="dpo").text


def test_mergekit_slices_over_all_layers_are_whole_models() -> None:
    text = flat(imported(FOLDER / "mergekit_slerp.yml").text)
    assert "slerp(merge_b_7b, merge_a_7b, t = {self_attn: [0, 0.5, 0.3, 0.7, 1], mlp: [1, 0.5" in text


def test_mergekit_ties_leaves_the_base_out_and_pins_revisions() -> None:
    text = imported(FOLDER / "mergekit_ties.yml").text
    assert 'hub("acme/Maths-7B", revision = "a1b2c3d")' in text
    assert "maths_7b: 0.5, code_7b: 0.3," in text
    assert "base_7b:" not in text


def test_mergekit_documents_nest_by_name() -> None:
    text = imported(FOLDER / "mergekit_multi.yml").text
    assert "task_arithmetic(first: 1, chat_7b: -0.25, base = base_7b, tokenizer = base_7b)" in flat(text)
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


def test_what_no_filter_takes_has_the_value_of_the_whole_merge(tmp_path: Path) -> None:
    own = "    parameters: {t: [{filter: self_attn, value: 0.9}]}\n"
    one = SLICED.format("slerp") + BOTH.format(0, 4) + own
    assert "t = {self_attn: 0.9, else: 0.5}" in flat(from_text(tmp_path, one + "parameters: {t: 0.5}\n").text)
    assert problems(tmp_path, one) == [("E611", 6)]
    two = one + BOTH.format(4, 5) + "parameters: {t: [{filter: mlp, value: 0.25}, {value: 0.5}]}\n"
    assert "t = {self_attn: [0.9, 0.9, 0.9, 0.9, 0.5], mlp: 0.25, else: 0.5}" in flat(from_text(tmp_path, two).text)
    weights = TIES.replace("acme/a, parameters: {weight: 1}", "acme/a, parameters: {weight: [{filter: mlp, value: 2}]}")
    weights = weights.replace("{density: 0.5}", "{density: 0.5, weight: 0.25}")
    assert "ties(a: {mlp: 2, else: 0.25}, b: 1," in flat(from_text(tmp_path, weights).text)


@pytest.mark.parametrize(
    ("part", "meant"),
    [("mpl", "mlp"), ("self_atn", "self_attn"), ("embed_token", ""), ("q_nrom", "q_norm"), ("wte", "")],
)
def test_a_filter_that_takes_no_tensor_is_noted_at_its_line(tmp_path: Path, part: str, meant: str) -> None:
    text = f"parameters:\n  t:\n    - filter: self_attn\n      value: 0\n    - filter: {part}\n      value: [0, 1]\n"
    found = from_text(tmp_path, f"{MERGE}{text}    - value: 0.5\n")
    lost = [note for note in found.notes if note.sort is Sort.LOST]
    if part == "embed_token":  # a part of a name is no slip
        assert lost == []
        return
    [note] = lost
    assert (note.line, note.key) == (9, f"t: filter = {part}")
    assert note.reason.startswith("it is part of no tensor's name in a model as Llama is")
    assert ("did you mean" in note.reason) == bool(meant)
    assert meant in note.reason
    assert "t = {self_attn: 0, else: 0.5}" in flat(found.text)


def test_filters_of_some_models_alone_are_no_slip(tmp_path: Path) -> None:
    for part in ("q_norm", "pre_feedforward_layernorm", "layernorm", "model.layers", "weight", "'*'"):
        text = f"{MERGE}parameters: {{t: [{{filter: {part}, value: 1}}, {{value: 0.5}}]}}\n"
        assert not [note for note in from_text(tmp_path, text).notes if note.sort is Sort.LOST]


@pytest.mark.parametrize(
    "text",
    [
        "merge_method: slerp\nbase_model: acme/a\ndtype: float32\nparameters: {t: 0.5}\nslices:\n"
        "  - sources: [{model: acme/a, layer_range: [0, 4]}, {model: acme/b, layer_range: [0, 4]}]\n"
        "    parameters: {t: 0.25}\n",
        "merge_method: passthrough\ndtype: float32\nparameters: {scale: 0.5}\nslices:\n"
        "  - sources: [{model: acme/a, layer_range: [0, 4], parameters: {scale: 2}}]\n",
        "merge_method: linear\ndtype: float32\nparameters: {weight: 0.5}\n"
        "models: [{model: acme/a, parameters: {weight: 1}}, {model: acme/b, parameters: {weight: 2}}]\n",
        "merge_method: linear\ndtype: float32\nparameters: {random_seed: 7}\n"
        "models: [{model: acme/a, parameters: {weight: 1}}, {model: acme/b, parameters: {weight: 2}}]\n",
    ],
    ids=["t", "scale", "weight", "random_seed"],
)
def test_what_has_no_effect_in_mergekit_either_agrees(tmp_path: Path, text: str) -> None:
    notes = [note for note in from_text(tmp_path, text).notes if note.key.startswith("parameters.")]
    assert [note.sort for note in notes] == [Sort.SAME]
    assert "mergekit" in notes[0].reason


def test_what_one_model_alone_says_leaves_the_rest_to_the_whole_merge(tmp_path: Path) -> None:
    text = TIES.replace("acme/b, parameters: {weight: 1}", "acme/b").replace("{density", "{weight: 0.3, density")
    found = from_text(tmp_path, text)
    assert "ties(a: 1, b: 0.3," in flat(found.text)
    assert not any(note.key.startswith("parameters.") for note in found.notes)


TIES = (
    "merge_method: ties\nbase_model: acme/base\nmodels: [{model: acme/a, parameters: {weight: 1}}, "
    "{model: acme/b, parameters: {weight: 1}}]\nparameters: {density: 0.5}\ndtype: float32\n"
)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("tokenizer_source: union\n", "tokenizer = union)"),
        ("tokenizer_source: base\n", "tokenizer = base)"),
        ("tokenizer_source: acme/a\n", "tokenizer = first)"),
        ("tokenizer_source: acme/b\n", "tokenizer = b)"),
        ("tokenizer: {source: union}\n", "tokenizer = union)"),
        ("tokenizer: {source: acme/b, pad_to_multiple_of: 64}\n", "tokenizer = b)"),
        ("tokenizer_source: acme/else\n", ""),
        ("", "tokenizer = base)"),
    ],
)
def test_whose_tokenizer_mergekit_takes(tmp_path: Path, text: str, said: str) -> None:
    found = from_text(tmp_path, TIES + text)
    code = flat("".join(line for line in found.text.splitlines(keepends=True) if not line.startswith("#")))
    assert said in code if said else "tokenizer =" not in code
    lost = [note.key for note in found.notes if note.sort is Sort.LOST]
    assert bool(lost) == ("else" in text or "pad_to" in text)


MERGE = "merge_method: slerp\nbase_model: acme/a\nmodels: [{model: acme/a}, {model: acme/b}]\ndtype: float32\n"


@pytest.mark.parametrize(
    "text",
    [
        MERGE + "parameters: {t: [{filter: layers.1., value: 1}, {value: 0}]}\n",
        MERGE + "parameters: {t: [{filter: self_attn, value: 1}]}\n",
        MERGE.replace("slerp", "passthrough"),
        MERGE.replace("slerp", "pcb"),
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


SLICED = "merge_method: {}\nbase_model: acme/a\ndtype: float32\nslices:\n"
BOTH = "  - sources: [{{model: acme/a, layer_range: [{0}, {1}]}}, {{model: acme/b, layer_range: [{0}, {1}]}}]\n"


def test_slices_of_passthrough_are_a_stack(tmp_path: Path) -> None:
    text = imported(FOLDER / "mergekit_passthrough.yml").text
    assert "merged = round(stack(base_7b, base_7b, layers = each(0..23, 8..31)), fp16)" in text
    scaled = (
        "  - sources: [{model: acme/a, layer_range: [0, 4]}]\n"
        "  - sources: [{model: acme/b, layer_range: [3, 4]}]\n"
        "    parameters: {scale: [{filter: o_proj, value: 0}, {value: 1}]}\n"
    )
    text = from_text(tmp_path, SLICED.format("passthrough") + scaled).text
    assert "stack(a, b, layers = each(0..3, [3]), scale = each(1, {o_proj: 0, else: 1}))" in flat(text)
    found = from_text(tmp_path, SLICED.format("passthrough").replace("acme/a", "acme/c") + scaled)
    assert "base_model = acme/c" in [note.key for note in found.notes if note.sort is Sort.LOST]


def test_slices_that_take_all_layers_in_order_are_whole_models(tmp_path: Path) -> None:
    parts = BOTH.format(0, 16) + BOTH.format(16, 32)
    found = from_text(tmp_path, SLICED.format("slerp") + parts + "parameters: {t: 0.5}\n")
    assert "model merged = round(slerp(a, b, t = 0.5), fp32)" in found.text
    assert any("layers 0 to 31" in note.reason for note in found.notes)


def test_slices_with_parameters_of_their_own_are_a_list_of_a_value_for_each_layer(tmp_path: Path) -> None:
    own = "    parameters: {{t: {}}}\n"
    parts = BOTH.format(0, 2) + own.format(0.25) + BOTH.format(2, 5) + own.format("[0, 1]")
    found = from_text(tmp_path, SLICED.format("slerp") + parts)
    assert "slerp(a, b, t = {embed: 0.25, layers: [0.25, 0.25, 0, 0.5, 1], else: 0})" in flat(found.text)
    assert not [note for note in found.notes if note.sort is Sort.LOST]
    stretched = SLICED.format("slerp") + BOTH.format(0, 2) + BOTH.format(2, 4) + "parameters: {t: [0, 0.5]}\n"
    assert "t = {layers: [0, 0.5, 0, 0.5], else: 0}" in flat(from_text(tmp_path, stretched).text)
    alike = BOTH.format(0, 2) + own.format(0.5) + BOTH.format(2, 5) + own.format(0.5)
    assert "slerp(a, b, t = 0.5)" in from_text(tmp_path, SLICED.format("slerp") + alike).text
    sums = "    parameters: {{normalize: {}, weight: 1}}\n"
    parts = BOTH.format(0, 2) + sums.format("true") + BOTH.format(2, 5) + sums.format("false")
    assert ("E611", 5) in problems(tmp_path, SLICED.format("linear").replace("base_model: acme/a\n", "") + parts)


@pytest.mark.parametrize(
    ("text", "line", "help"),
    [
        (SLICED.format("slerp") + BOTH.format(0, 16) + BOTH.format(8, 24) + "parameters: {t: 0.5}\n", 6, "stack"),
        (SLICED.format("slerp") + BOTH.format(4, 16) + "parameters: {t: 0.5}\n", 5, "stack"),
        (
            SLICED.format("slerp") + BOTH.format(0, 8) + BOTH.format(8, 16) + "    parameters: {t: 0.5}\n",
            7,
            "in every slice",
        ),
        (
            SLICED.format("slerp")
            + f"{BOTH.format(0, 8)}    parameters: {{t: 0.5}}\n"
            + BOTH.format(8, 16)
            + "    parameters: {t: [0, 3]}\n",
            8,
            "between 0 and 1",
        ),
        (SLICED.format("slerp") + BOTH.format(0, 8) + BOTH.format(8, 10**9) + "parameters: {t: [0, 1]}\n", 4, "stack"),
        (SLICED.format("passthrough") + BOTH.format(0, 8), 5, "name one"),
        (SLICED.format("passthrough") + "  - sources: [{model: acme/a}]\n", 5, "counted from 0"),
        (SLICED.format("passthrough") + "  - sources: [{model: acme/a, layer_range: [4, 4]}]\n", 5, "at least one"),
        (SLICED.format("slerp") + "  - {}\n", 5, "add its models"),
    ],
)
def test_slices_that_nothing_says_are_one_mistake_at_their_line(
    tmp_path: Path, text: str, line: int, help: str
) -> None:
    with pytest.raises(RecipeError) as error:
        from_text(tmp_path, text)
    [problem] = error.value.diagnostics
    assert problem.source.position(problem.span.start)[0] == line
    assert help in problem.help


def test_a_mixture_is_read_with_its_prompts(tmp_path: Path) -> None:
    text = flat(imported(FOLDER / "mergekit-moe_hidden.yml").text)
    assert "round(moe(maths_7b, chat_7b, base = base_7b, gate_mode = hidden, experts_per_token = 1," in text
    assert 'negative_prompts = each(["Tell me a story."], ["Solve for x."])' in text
    found = imported(FOLDER / "mergekit-moe_random.yml")
    assert "moe(base_7b, base_7b, base = base_7b, gate_mode = random, seed = 7)" in found.text
    lost = {note.key.partition(" ")[0] for note in found.notes if note.sort is Sort.LOST}
    assert lost == {"architecture", "experts[0].noise_scale"}
    lost = {note.key.partition(" ")[0] for note in imported(FOLDER / "mergekit-moe_shared.yml").notes}
    assert {"shared_experts", "experts[0].negative_prompts"} <= lost
    bad = "base_model: acme/a\ngate_mode: uniform_random\nexperts:\n  - source_model: acme/a\n"
    assert problems(tmp_path, bad) == [("E609", 3), ("E611", 2)]
    quoted = "base_model: a/a\nexperts:\n- {source_model: a/b, positive_prompts: ['a\"b']}\n- {source_model: a/c}\n"
    assert problems(tmp_path, quoted) == [("E612", 3)]


def test_a_seed_in_a_file_is_the_seed(tmp_path: Path) -> None:
    text = TIES.replace("ties", "dare_ties") + "random_seed: 7\n"
    assert "seed = 7" in from_text(tmp_path, text).text
    [told] = [note for note in from_text(tmp_path, TIES + "random_seed: 7\n").notes if "random_seed" in note.key]
    assert (told.sort, "nothing at random" in told.reason) == (Sort.SAME, True)
    assert problems(tmp_path, text.replace("7", "-7")) == [("E611", 6)]


@pytest.mark.parametrize(
    "t", ["2", "[0, 0.5,\n 2]", "[{filter: mlp, value: 0.5}, {filter: self_attn,\n value: [0, -1]}, {value: 0}]"]
)
def test_a_value_out_of_range_is_told_at_its_line(tmp_path: Path, t: str) -> None:
    text = f"{MERGE}parameters:\n  t: {t}\n"
    assert problems(tmp_path, text) == [("E611", 6 + t.count("\n"))]


@pytest.mark.parametrize(
    ("t", "mark", "help"),
    [
        ("[0, 0.5, x]", "x", "write a number there"),
        ("[{filter: mlp, value: [0, x, 1]}, {value: 0}]", "x", "write a number there"),
        ("[0, [1], 1]", "[1]", "write a number there"),
        ("x", "x", "write a number, `0.5`"),
        ("[{filter: mlp, value: 0.5}]", "filter", "`- value: 0.5`"),
        ("[{part: mlp, value: 0.5}]", "{part: mlp, value: 0.5}", "write `filter: self_attn` and `value: 0.5`"),
    ],
)
def test_a_value_over_the_tensors_that_is_none_is_told_where_it_stands(
    tmp_path: Path, t: str, mark: str, help: str
) -> None:
    with pytest.raises(RecipeError) as error:
        from_text(tmp_path, f"{MERGE}parameters:\n  t: {t}\n")
    [told] = error.value.diagnostics
    line = told.source.text.splitlines()[5]
    start = told.span.start - told.source.text.index(line)
    assert (told.code, start) == ("E611", line.index(mark, line.index(t)))
    assert help in told.help


def test_json_has_the_recipe_and_every_note(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["import", str(FOLDER / "trl_peft_mixture.yaml"), "--format", "json"]) == 0
    answer = json.loads(capsys.readouterr().out)
    assert answer["schema"] == 1
    assert "stage sft" in answer["recipe"]
    assert {"sort", "file", "line", "key", "reason"} == set(answer["notes"][0])


def flat(text: str) -> str:
    """Return a recipe as if every line were wide enough for all."""
    words = re.sub(r",? \)", ")", " ".join(text.split()))
    return words.replace("( ", "(")


def reasons(folder: Path, text: str) -> list[str]:
    """Return sort, key and reason of every note of a file."""
    return [f"{note.sort}: {note.key}: {note.reason}" for note in from_text(folder, text).notes]


def told(folder: Path, text: str, *parts: str) -> bool:
    """Say whether one note has every part."""
    return any(all(part in line for part in parts) for line in reasons(folder, text))


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
    both = from_text(tmp_path, MIXER + "text_column: body\ndataset_text_field: other\n")
    assert any(note.sort is Sort.LOST and "dataset_text_field" in note.key for note in both.notes)
    chats = from_text(tmp_path, MIXER + "dataset_text_field: messages\n")
    assert "stage sft {" in chats.text
    assert any(note.sort is Sort.LOST and "dataset_text_field" in note.key for note in chats.notes)
    bounded = from_text(tmp_path, MIXER + "max_prompt_length: 9\n")
    assert any(note.sort is Sort.LOST and "max_prompt_length" in note.key for note in bounded.notes)


@pytest.mark.parametrize("more", ["", "text_column: body\n", "beta: 0.1\n"])
def test_a_guessed_kind_is_said(tmp_path: Path, more: str) -> None:
    for start in (MIXER, TRAIN + "dataset_name: acme/rows\n"):
        notes = from_text(tmp_path, start + more).notes
        assert any(note.sort is Sort.ASSUMED and "--stage" in note.reason for note in notes)
        said = from_text(tmp_path, start + more, stage="dpo" if "beta" in more else "cpt").notes
        assert not any("--stage" in note.reason for note in said)


def test_the_precision_of_a_merge_is_said(tmp_path: Path) -> None:
    merge = MERGE + "parameters: {t: 0.5}\n"
    for word, said in (("float32", "fp32"), ("bfloat16", "bf16"), ("torch.float16", "fp16")):
        found = from_text(tmp_path, merge.replace("float32", word)).text
        assert f"round(slerp(a, b, t = 0.5), {said})" in flat(found)
    found = from_text(tmp_path, merge + "out_dtype: bfloat16\n").text
    assert "round(slerp(a, b, t = 0.5), bf16)" in flat(found)
    assert "round" not in from_text(tmp_path, merge.replace("dtype: float32\n", "")).text.split("edition")[1]
    double = merge.replace("float32", "float64")
    assert told(tmp_path, double, "cannot carry", "dtype", "or `float32`", "precision of a model")


MIX = "base_model: acme/a\n{}experts: [{{source_model: acme/a{}}}, {{source_model: acme/b}}]\n"


@pytest.mark.parametrize(
    ("text", "line", "meant"),
    [
        (MERGE.replace("slerp", "slerpp"), 1, "slerp"),
        (MERGE.replace("merge_method", "merge_metod"), 1, "merge_method"),
        (MERGE.replace("float32", "bfloat61"), 4, "bfloat16"),
        (MERGE + "out_dtype: flot16\n", 5, "float16"),
        (TIES.replace("base_model", "base_modle"), 2, "base_model"),
        (MERGE.replace("models", "model"), 3, "models"),
        (MIX.format("gate_mode: randm\n", ""), 2, "random"),
    ],
)
def test_a_misspelt_word_is_answered_with_what_was_meant(tmp_path: Path, text: str, line: int, meant: str) -> None:
    with pytest.raises(RecipeError) as error:
        from_text(tmp_path, text)
    told = [(each.source.position(each.span.start)[0], each.help) for each in error.value.diagnostics]
    assert any(at == line and f"did you mean `{meant}`?" in help for at, help in told), told


@pytest.mark.parametrize(
    ("text", "key", "meant"),
    [
        (MERGE + "parameters: {t: 0.5}\nout_dtyp: bfloat16\n", "out_dtyp", "out_dtype"),
        (MERGE + "parameters: {t: 0.5}\ntokeniser_source: union\n", "tokeniser_source", "tokenizer_source"),
        (MIX.format("gate_mode: random\nexperts_per_tokn: 1\n", ""), "experts_per_tokn", "experts_per_token"),
        (MIX.format("", ", postive_prompts: [a]"), "postive_prompts", "positive_prompts"),
    ],
)
def test_an_unknown_key_is_noted_with_the_key_that_was_meant(tmp_path: Path, text: str, key: str, meant: str) -> None:
    notes = [note for note in from_text(tmp_path, text).notes if key in note.key]
    assert any(note.sort is Sort.LOST and f"did you mean `{meant}`?" in note.reason for note in notes)


def test_what_tools_really_write_is_not_taken_for_a_slip() -> None:
    assert not [note.text for path in FILES for note in imported(path).notes if "did you mean" in note.reason]


def test_a_base_that_is_no_model_is_added_as_mergekit_does(tmp_path: Path) -> None:
    text = MERGE.replace("{model: acme/a}, ", "") + "parameters: {t: 0.5}\n"
    assert "slerp(a, b, t = 0.5)" in from_text(tmp_path, text).text
    assert told(tmp_path, text, "assumed", "base_model")


def test_a_base_that_is_no_model_of_a_mean_is_its_last_operand(tmp_path: Path) -> None:
    text = MERGE.replace("slerp", "karcher").replace("base_model: acme/a", "base_model: acme/base")
    assert "karcher([a, b, base], tokenizer = base)" in flat(from_text(tmp_path, text).text)
    assert told(tmp_path, text, "assumed", "base_model")


def test_a_base_is_no_operand_of_what_takes_one(tmp_path: Path) -> None:
    one, two = ("{model: acme/a, parameters: {weight: 1}}", "{model: acme/b, parameters: {weight: [0, 1]}}")
    text = MERGE.replace("slerp", "nuslerp").replace("{model: acme/a}, {model: acme/b}", f"{one}, {two}")
    between = text.replace("base_model: acme/a", "base_model: acme/c")
    assert "nuslerp(a: 1, b: {layers: [0, 1], else: 0}, base = c, tokenizer = c)" in flat(
        from_text(tmp_path, between).text
    )
    without = text.replace("base_model: acme/a\n", "")
    assert "nuslerp(a: 1, b: {layers: [0, 1], else: 0})" in flat(from_text(tmp_path, without).text)
    assert [code for code, _ in problems(tmp_path, text)] == ["E609"]
    assert "nearswap(b, base = a, t = 0.1)" in flat(
        from_text(tmp_path, MERGE.replace("slerp", "nearswap") + "parameters: {t: 0.1}\n").text
    )


@pytest.mark.parametrize(
    ("method", "changed"),
    [
        ("nearswap", ("{model: acme/b}", "{model: acme/b}, {model: acme/c}")),
        ("arcee_fusion", ("{model: acme/b}", "{model: acme/b}, {model: acme/c}")),
        ("arcee_fusion", ("base_model: acme/a\n", "")),
        ("passthrough", ("base_model: acme/a\n", "")),
        ("nearswap", ("parameters: {t: 0.1}", "")),
    ],
)
def test_too_many_models_or_too_little_said_of_them_is_refused(
    method: str, changed: tuple[str, str], tmp_path: Path
) -> None:
    parameters = "parameters: {t: 0.1}\n" if method == "nearswap" else ""
    text = (MERGE.replace("slerp", method) + parameters).replace(*changed)
    found = {code for code, _ in problems(tmp_path, text)}
    assert found
    assert found <= {"E609", "E205"}


def test_what_mergekit_ignores_is_left_out_and_said(tmp_path: Path) -> None:
    text = MERGE.replace("slerp", "nuslerp").replace("base_model: acme/a\n", "")
    text = text.replace("acme/a}", "acme/a, parameters: {weight: 1}}").replace(
        "acme/b}", "acme/b, parameters: {weight: 1}}"
    )
    idle = text + "parameters: {nuslerp_row_wise: true}\n"
    assert "nuslerp(a: 1, b: 1)" in flat(from_text(tmp_path, idle).text)
    assert told(tmp_path, idle, "nuslerp_row_wise", "ignores it")
    rows = text + "parameters: {nuslerp_row_wise: true, nuslerp_flatten: false}\n"
    assert "nuslerp_flatten = false, nuslerp_row_wise = true" in flat(from_text(tmp_path, rows).text)


def test_what_varies_and_cannot_is_told_with_what_to_write(tmp_path: Path) -> None:
    text = MERGE.replace("slerp", "karcher") + "parameters: {tol: [{filter: mlp, value: 0.1}, {value: 0.2}]}\n"
    with pytest.raises(RecipeError) as error:
        from_text(tmp_path, text)
    assert "one number, such as the mean" in error.value.diagnostics[0].help


AXOLOTL = "base_model: acme/a\nsequence_len: 512\ndatasets: [{path: acme/chats, type: chat_template}]\n"


@pytest.mark.parametrize(
    ("more", "batch"),
    [
        ("batch_size: 32\nmicro_batch_size: 4\n", "32"),
        ("batch_size: 32\ngradient_accumulation_steps: 8\n", "32"),
        ("batch_size: 32\n", "32"),
        ("batch_size: 30\nmicro_batch_size: 4\n", "28"),
        ("micro_batch_size: 4\ngradient_accumulation_steps: 2\n", "8"),
    ],
)
def test_a_batch_size_says_how_often_it_accumulates(tmp_path: Path, more: str, batch: str) -> None:
    assert settings(from_text(tmp_path, AXOLOTL + more).text)["global_batch"] == batch


def test_an_unknown_adapter_is_named(tmp_path: Path) -> None:
    assert told(tmp_path, AXOLOTL + "adapter: loha\nlora_r: 8\n", "cannot carry", "adapter = loha")
    assert "lora" not in settings(from_text(tmp_path, AXOLOTL + "adapter: loha\n").text)
    assert told(tmp_path, AXOLOTL + "adapter: lora\n", "missing", "adapter", "not yet made by this version")


@pytest.mark.parametrize("name", ["data/plain-sft-full", "gpt2", "acme/run/checkpoint-500"])
def test_a_model_that_could_be_either_is_said(tmp_path: Path, name: str) -> None:
    if name.count("/") < 2:
        assert told(tmp_path, MIXER.replace("acme/a\n", f"{name}\n"), "assumed", name, "is taken for")
    assert not told(tmp_path, MIXER, "is taken for")


FACTORY = "model_name_or_path: acme/a\nfinetuning_type: lora\ndataset: rows\n"


def test_a_training_goes_on_with_the_adapter_of_another_file(tmp_path: Path) -> None:
    first, second = tmp_path / "sft.yaml", tmp_path / "dpo.yaml"
    first.write_text(FACTORY + "stage: sft\noutput_dir: saves/lora/sft\n")
    text = FACTORY + "stage: dpo\nadapter_name_or_path: saves/lora/sft\noutput_dir: saves/lora/better\n"
    second.write_text(text)
    found = flat(imported(first, second, root=tmp_path).text)
    assert "lora_sft = a | sft model better = lora_sft | dpo" in found
    assert "lora = continue" in found
    assert found.count("r of `lora`") == 1
    assert told(tmp_path, text, "cannot carry", "`saves/lora/sft` is made by none of the files")
    second.write_text(text + "create_new_adapter: true\n")
    assert "continue" not in imported(first, second, root=tmp_path).text


def test_what_the_file_says_is_not_called_a_default(tmp_path: Path) -> None:
    text = TRAIN + "dataset_name: acme/rows\nassistant_only_loss: true\nlr_scheduler_type: constant\n"
    [defaults] = [line for line in reasons(tmp_path, text) if "not in the file" in line]
    assert "supervise" not in defaults
    assert "warmup" not in defaults


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_a_written_recipe_is_laid_out(path: Path) -> None:
    text = imported(path).text
    assert format_source(Source("x", text)) == (text, ())


def test_an_import_ends_with_where_it_was_written(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "a.yml").write_text(MIXER)
    assert run(["import", str(tmp_path / "a.yml")]) == 0
    assert "nothing was written" not in (shown := capsys.readouterr().err)
    assert shown.splitlines()[-1].startswith("written to standard output: ")
    assert run(["import", str(tmp_path / "a.yml"), "-o", str(tmp_path / "b.txt")]) == 1
    assert ".recipe" in capsys.readouterr().err
    assert not (tmp_path / "b.txt").exists()


def test_small_keys_are_sorted_by_what_they_do(tmp_path: Path) -> None:
    for key in ("use_flash_attention_2", "no_remove_unused_columns"):
        assert told(tmp_path, MIXER + f"{key}: true\n", "machine", key)
    for key in ("dataloader_drop_last", "group_by_length"):
        assert told(tmp_path, MIXER + f"{key}: true\n", "cannot carry", key)
    one = AXOLOTL.replace("chat_template}", "chat_template, roles_to_train: [assistant]}")
    assert told(tmp_path, one, "agrees", "roles_to_train")
    assert told(tmp_path, one.replace("[assistant]", "[user]"), "cannot carry", "roles_to_train")


def test_one_mistake_in_a_name_is_one_error(tmp_path: Path) -> None:
    assert [code for code, _ in problems(tmp_path, MIXER.replace("acme/a\n", '"acme/a\\nb"\n'))] == ["E612"]


def test_a_path_of_two_kinds_decides_nothing_and_says_so(tmp_path: Path) -> None:
    folder = tmp_path / "cpt-sft"
    folder.mkdir()
    assert "stage sft {" in from_text(folder, MIXER).text
    assert told(folder, MIXER, "assumed", "taken for `sft`", "the path says `cpt` and `sft`, and decides nothing")
    assert "stage cpt {" in from_text(folder, MIXER + "text_column: body\n").text


def test_a_chain_that_an_owner_parts_is_said_with_both_lines(tmp_path: Path) -> None:
    first, second = tmp_path / "sft.yaml", tmp_path / "dpo.yaml"
    first.write_text(MIXER + "output_dir: data/plain-sft-full\nhub_model_id: plain-sft-full\n")
    second.write_text("beta: 0.1\n" + MIXER.replace("acme/a\n", "acme/plain-sft-full\n"))
    found = imported(first, second, root=tmp_path)
    assert 'hub("acme/plain-sft-full")' in found.text
    [note] = [note for note in found.notes if "is not taken for" in note.reason]
    assert (note.file, note.line) == (str(second), 2)
    assert "sft.yaml:6 makes, `plain-sft-full`: where it is that, write `plain-sft-full` here" in note.reason
    second.write_text("beta: 0.1\n" + MIXER.replace("acme/a\n", "plain-sft-full\n"))
    joined = imported(first, second, root=tmp_path)
    assert "= plain_sft_full | dpo" in joined.text
    assert not any("is not taken for" in note.reason for note in joined.notes)


def test_a_filter_of_one_layer_is_told_at_its_line(tmp_path: Path) -> None:
    text = MERGE + "parameters:\n  t:\n    - filter: layers.3.\n      value: 1\n    - value: 0\n"
    with pytest.raises(RecipeError) as error:
        from_text(tmp_path, text)
    [problem] = error.value.diagnostics
    assert problem.source.position(problem.span.start)[0] == 7
    assert "varied over depth by a list" in problem.help


def test_a_misspelt_parameter_is_named_as_such(tmp_path: Path) -> None:
    linear = MERGE.replace("slerp", "linear").replace("base_model: acme/a\n", "")
    text = linear.replace("acme/a}", "acme/a, parameters: {weigth: 1}}").replace(
        "acme/b}", "acme/b, parameters: {weight: 1}}"
    )
    with pytest.raises(RecipeError) as error:
        from_text(tmp_path, text)
    [problem] = error.value.diagnostics
    assert "`weigth` is no parameter" in problem.message
    assert problem.source.text[problem.span.start :].startswith("weigth")
    ties = TIES.replace("{density: 0.5}", "{densty: 0.5}")
    assert told(tmp_path, ties, "cannot carry", "densty", "did you mean `density`?")


def said_of(folder: Path, text: str, capsys: pytest.CaptureFixture[str]) -> str:
    (folder / "a.yml").write_text(text)
    assert run(["import", str(folder / "a.yml"), "--from", "mergekit"]) == 1
    return capsys.readouterr().err


def test_a_misspelt_method_hides_no_other_mistake(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    text = "merge_method: tiess\nbase_model: acme/o\ndtype: bflot16\nmodels:\n"
    text += "  - {model: acme/a, parameters: {weigth: 1}}\n  - {model: acme/b, parameters: {weight: 1, densty: 0.5}}\n"
    said = said_of(tmp_path, text, capsys)
    for part in ("`ties`", "`bfloat16`", "`weigth` is no parameter", "did you mean `density`?"):
        assert part in said
    assert problems(tmp_path, text) == [("E611", 1), ("E609", 5), ("E611", 3)]
    assert problems(tmp_path, text.replace("tiess", "averaging")) == [("E611", 1), ("E611", 3)]
    slerp = MERGE.replace("slerp", "slrp") + "parameters: {tt: 0.5}\n"
    assert problems(tmp_path, slerp) == [("E611", 1), ("E609", 5)]
    assert "`tt` is no key" in said_of(tmp_path, slerp, capsys)
    stack = SLICED.format("passthrogh") + "  - sources: [{model: acme/a, layer_range: [4, 4]}]\n"
    assert problems(tmp_path, stack.replace("float32", "f32")) == [("E611", 1), ("E609", 5), ("E611", 3)]


def test_a_misspelt_word_is_told_without_words_of_what_is_not_there(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    said = said_of(tmp_path, MERGE.replace("merge_method", "merge_metod"), capsys)
    assert "the document says no `merge_method`: `merge_metod` is no key" in said
    assert "``" not in said
    said = said_of(tmp_path, MERGE.replace("float32", "bflot16") + "parameters: {t: 0.5}\n", capsys)
    assert "knows no precision `bflot16`" in said
    assert said.count("bflot16") == 2  # the error, and its line


@pytest.mark.parametrize("key", ["tokenizer_source: {}\n", "tokenizer: {{source: {}}}\n"])
def test_a_misspelt_tokenizer_is_told(key: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    said = said_of(tmp_path, TIES + key.format("unoin"), capsys)
    assert "did you mean `union`?" in said
    assert told(tmp_path, TIES + key.format("acme/aa"), "cannot carry", "did you mean `acme/a`")


@pytest.mark.parametrize(("owner", "sort"), [("models", "assumed"), ("weights", "assumed"), ("./models", "missing")])
def test_a_misspelt_folder_is_answered_with_the_one_that_is_there(owner: str, sort: str, tmp_path: Path) -> None:
    (tmp_path / owner / "code").mkdir(parents=True)
    text = MERGE.replace("acme/a", f"{owner}/cod") + "parameters: {t: 0.5}\n"
    assert told(tmp_path, text, sort, f"{owner}/cod", f"did you mean `{owner.removeprefix('./')}/code`?")
    assert not told(tmp_path, text.replace("cod}", "code}").replace("cod\n", "code\n"), "did you mean")


def test_what_the_recipe_does_instead_is_said(tmp_path: Path) -> None:
    rows = TRAIN + "dataset_name: acme/rows\n"
    assert told(tmp_path, rows + "lr_scheduler_type: inverse_sqrt\n", "inverse_sqrt", "has its default, `cosine`")
    lora = rows + "use_peft: true\nlora_target_modules: [q_proj, v_proj]\n"
    assert told(tmp_path, lora, "cannot carry", "lora_target_modules", "which is every linear layer")


def test_what_is_no_loss_is_not_counted(tmp_path: Path) -> None:
    merge = MERGE.replace("float32", "bfloat16") + "parameters: {t: 0.5}\n"
    assert told(tmp_path, merge, "assumed", "dtype", "rounded once")
    plain = "model_name_or_path: acme/a\nfinetuning_type: full\ndataset: rows\nstage: pt\ntemplate: qwen\n"
    assert told(tmp_path, plain, "agrees", "template")
    assert told(tmp_path, AXOLOTL + "is_mistral_derived_model: true\n", "machine", "is_mistral_derived_model")
    for text in (merge, plain, AXOLOTL):
        assert not told(tmp_path, text, "cannot carry")


def test_a_stage_that_is_none_is_wrong_usage(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "a.yml").write_text(MIXER)
    assert run(["import", str(tmp_path / "a.yml"), "--stage", "foo"]) == 2
    assert "`foo` is no stage" in capsys.readouterr().err


def test_models_of_other_places_never_become_a_model_that_is_there(tmp_path: Path) -> None:
    """`/data/c` is not the project's `models/c`, and two folders called `final` are two models."""
    (tmp_path / "models/c").mkdir(parents=True)
    places = ("/data/elsewhere/c", "/data/run1/final", "/data/run2/final", "../beside/b")
    models = "".join(f"  - model: {place}\n    parameters: {{weight: 0.25}}\n" for place in places)
    made = from_text(tmp_path, f"merge_method: linear\ndtype: float32\nmodels:\n{models}")
    folders = re.findall(r'local\("([^"]*)"', made.text)
    assert folders == ["models/elsewhere-c", "models/final", "models/run2-final", "models/b"]
    said = "\n".join(note.reason for note in made.notes)
    assert all(f"put it at `{folder}`" in said for folder in folders)
