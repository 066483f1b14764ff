"""Helps that mend: what a stranger to the language wrote, and what it is told to write instead."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest
from checking import PRELUDE, checked
from importing import from_text
from ladle.dsl.diagnostics import Diagnostic
from ladle.executor.cli import run
from ladle.executor.examine import examine
from ladle.executor.importing.words import WORDS, elsewhere
from test_scoring import save_model

from corpora import write

ALPACA = {"instruction": "Name a fibre.", "input": "", "output": "silk"}
SHAREGPT = {"conversations": [{"from": "human", "value": "a"}, {"from": "gpt", "value": "b"}]}


def told(text: str) -> list[Diagnostic]:
    """Return what is wrong with a recipe that stands before the prelude."""
    return [*checked(f"{text}\n{PRELUDE}")[1]]


def one(text: str) -> Diagnostic:
    """Return the one mistake of a recipe."""
    (found,) = told(text)
    return found


def judged(root: Path, text: str) -> list[Diagnostic]:
    """Return what is wrong with a recipe of the project in `root`."""
    (root / "recipes").mkdir(exist_ok=True)
    (root / "recipes/r.recipe").write_text(f"edition 1\n{text}\n")
    return [*examine(root / "recipes/r.recipe").diagnostics]


# --- rows of foreign shapes -------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("row", "kind", "columns"),
    [
        (ALPACA, "chat", '{user: "instruction", assistant: "output"}'),
        ({"question": "a", "output": "b"}, "chat", '{user: "question", assistant: "output"}'),
        ({"query": "a", "response": "b", "system": "c"}, "chat", '{user: "query", assistant: "response"}'),
        ({"conversation": [{"role": "user", "content": "a"}]}, "chat", '{messages: "conversation"}'),
        ({"question": "a", "chosen": "b", "rejected": "c"}, "preference", '{prompt: "question"}'),
        ({"input": "a", "winner": "b", "loser": "c"}, "preference", None),
        ({"id": 3, "content": "a"}, "text", '{text: "content"}'),
        ({"id": 3, "story": "a"}, "text", '{text: "story"}'),
    ],
)
def test_the_columns_that_are_shown_make_a_corpus_of_the_file(
    tmp_path: Path, row: dict[str, object], kind: str, columns: str | None
) -> None:
    write(tmp_path / "rows.jsonl", [row])
    (wrong,) = judged(tmp_path, f'corpus c: {kind} = jsonl("rows.jsonl")')
    assert wrong.code == "E406"
    (shown,) = re.findall(r"`columns = (\{[^`]*\})`", wrong.help)
    assert columns is None or shown == columns
    assert not judged(tmp_path, f'corpus c: {kind} = jsonl("rows.jsonl", columns = {shown})')


def test_columns_that_are_named_already_stay_named(tmp_path: Path) -> None:
    write(tmp_path / "rows.jsonl", [ALPACA])
    (wrong,) = judged(tmp_path, 'corpus c: chat = jsonl("rows.jsonl", columns = {user: "instruction"})')
    assert '`columns = {user: "instruction", assistant: "output"}`; `input` is left out' in wrong.help
    (wrong,) = judged(tmp_path, 'corpus c: chat = jsonl("rows.jsonl", columns = {user: "asked"})')
    assert wrong.help.endswith("names of the file's: `instruction`, `input` or `output`")


def test_turns_of_from_and_value_are_to_be_rewritten(tmp_path: Path) -> None:
    write(tmp_path / "rows.jsonl", [SHAREGPT])
    (wrong,) = judged(tmp_path, 'corpus c: chat = jsonl("rows.jsonl")')
    assert "`from` becomes `role`, with `human` as `user` and `gpt` as `assistant`" in wrong.help
    assert "`value` becomes `content`" in wrong.help
    assert "columns =" not in wrong.help


@pytest.mark.parametrize("row", [{'a"b': "x"}, {"a\x1b[31m": "x"}, {}, {"a": 1}, {"chosen": "a"}])
def test_a_column_that_no_recipe_can_name_is_not_shown(tmp_path: Path, row: dict[str, object]) -> None:
    write(tmp_path / "rows.jsonl", [row])
    (wrong,) = judged(tmp_path, 'corpus c: chat = jsonl("rows.jsonl")')
    assert wrong.help.startswith("mend the row: ")


# --- words of other trainers ------------------------------------------------------------------------------------------

AXOLOTL = "base_model: acme/a\nnum_epochs: 1\ndatasets: [{path: acme/chats, type: chat_template}]\n"
PAIRS = AXOLOTL.replace("chat_template", "chat_template.default") + "rl: dpo\n"
FACTORY = "model_name_or_path: acme/a\nstage: sft\nfinetuning_type: full\ndataset: acme/chats\n"
PREFERENCES = FACTORY.replace("sft", "dpo")
TRL = "model_name_or_path: acme/a\ndataset_name: acme/chats\nlearning_rate: 1e-5\n"


@pytest.mark.parametrize(
    ("text", "key", "value", "said"),
    [
        (AXOLOTL, "sequence_len", "640", "640"),
        (AXOLOTL, "excess_length_strategy", "truncate", "truncate"),
        (AXOLOTL, "sample_packing", "true", "isolated"),
        (AXOLOTL, "train_on_inputs", "true", "all"),
        (AXOLOTL, "num_epochs", "7", "7"),
        (AXOLOTL, "lr_scheduler", "linear", "linear"),
        (AXOLOTL, "warmup_ratio", "0.25", "25%"),
        (AXOLOTL, "micro_batch_size", "3", "3"),
        (AXOLOTL, "batch_size", "6", "6"),
        (PAIRS, "rl_beta", "0.3", "0.3"),
        (PAIRS, "dpo_beta", "0.3", "0.3"),
        (PAIRS.replace("dpo", "orpo"), "orpo_alpha", "0.3", "0.3"),
        (FACTORY, "cutoff_len", "640", "640"),
        (FACTORY, "neat_packing", "true", "isolated"),
        (FACTORY, "mask_history", "true", "final"),
        (FACTORY, "train_on_prompt", "true", "all"),
        (PREFERENCES, "pref_beta", "0.3", "0.3"),
        (PREFERENCES, "pref_loss", "hinge", "hinge"),
        (TRL, "max_seq_length", "640", "640"),
        (TRL, "completion_only_loss", "true", "answers"),
    ],
)
def test_a_key_is_called_as_its_import_calls_it(tmp_path: Path, text: str, key: str, value: str, said: str) -> None:
    rest = re.sub(rf"^{key}:.*\n", "", text, flags=re.MULTILINE)
    found = from_text(tmp_path, f"{rest}{key}: {value}\n").text
    assert re.search(rf"\b{WORDS[key]} += {re.escape(said)}", found)


def test_the_data_of_each_tool_is_on() -> None:
    assert {WORDS[key] for key in ("dataset", "datasets", "dataset_name", "train_dataset")} == {"on"}


@pytest.mark.parametrize("key", [*WORDS, "deepspeed", "optim", "optimizer", "output_dir", "save_steps", "base_model"])
def test_check_and_explain_know_the_words_of_other_trainers(key: str, capsys: pytest.CaptureFixture[str]) -> None:
    name, said = elsewhere(key)
    wrong = one(f"model m = llama | dpo(on = pairs, {key} = 1)")
    assert wrong.code == "E203"
    assert (said or f"it is called `{name}` here") in wrong.help
    assert "did you mean" not in wrong.help
    everywhere = one(f"model m = llama | dpo(on = pairs) with {{ stage.{key} = 1 }}").help
    assert everywhere == (said or f"it is called `{name}` here")
    assert run(["explain", key]) == 0
    shown = capsys.readouterr().out
    assert not name or f"dpo.{name}: " in shown or f"sft.{name}: " in shown


def test_a_word_of_another_kind_says_whose_it_is() -> None:
    help = one("model m = llama | sft(on = lessons, rl_beta = 0.1)").help
    assert help == "it is called `beta` here, and belongs to `dpo` and `orpo`, not to `sft`"


def test_a_sound_check_does_not_load_the_words(tmp_path: Path) -> None:
    write(tmp_path / "rows.jsonl", [{"text": "a"}])
    assert not judged(tmp_path, 'corpus c: text = jsonl("rows.jsonl")')
    code = (
        "import sys; from ladle.executor.cli import run; "
        f"run(['check', {str(tmp_path / 'recipes/r.recipe')!r}]); "
        "print([name for name in sys.modules if 'importing' in name or 'foreign' in name or 'ruamel' in name])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1] == "[]"


# --- explain ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("word", "part"),
    [
        ("targets", "sft.lora.targets: `all_linear` or `attention`"),
        ("lora.r", "sft.lora.r: a whole number from 1 to 4096"),
        ("sft.lora.alpha", "none: twice the rank"),
        ("all_linear", "a value of `cpt.lora.targets`"),
        ("attention", "a value of `cpt.lora.targets`"),
        ("chatml", "a value of `hub.template` and `local.template`"),
        ("isolated", "a value of `cpt.packing` and `sft.packing`"),
        ("union", "whose vocabulary and template the result has"),
        ("each", "one value for each operand"),
        ("average", "of `evaluate`"),
        ("baseline", "of `evaluate`"),
        ("models", "of `evaluate`"),
        ("Ki", "`3Ki` is 3,072"),
        ("GiB", "`3GiB` is 3,221,225,472 bytes"),
        ("h", "`3h` is 10,800 seconds"),
        ("pp", "`3pp` is percentage points, 0.03"),
        ("chat", "columns: `messages`, a list of `role` and `content`; or `user` and `assistant`"),
        ("labelled", "columns: `question`, `choices` and `answer`"),
        ("columns", "`question`, `choices` and `answer` to strings"),
        ("lora", "  targets: `all_linear` or `attention`;"),
    ],
)
def test_values_keys_units_and_columns_are_explained(word: str, part: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["explain", word]) == 0
    assert part in capsys.readouterr().out


def test_the_keys_of_a_map_stand_in_the_json_of_their_option(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["explain", "sft.lora", "--format", "json"]) == 0
    (option,) = json.loads(capsys.readouterr().out)["entries"]
    assert [key["name"] for key in option["keys"]] == ["r", "alpha", "targets", "dropout"]


# --- models without a tokenizer ---------------------------------------------------------------------------------------

MUTE = """corpus texts: text = jsonl("rows.jsonl")
benchmark held: loss { on = jsonl("held.jsonl") }
model a = local("models/a")
model b = local("models/b")
"""


@pytest.fixture
def mute(tmp_path: Path) -> Path:
    """Return a project whose model `a` has no tokenizer; `b` has one."""
    for name in "ab":
        save_model(tmp_path / "models" / name)
    (tmp_path / "models/a/tokenizer.json").unlink()
    write(tmp_path / "rows.jsonl", [{"text": "a"}])
    write(tmp_path / "held.jsonl", [{"text": "b"}])
    return tmp_path


@pytest.mark.parametrize(
    ("use", "user"),
    [
        ("model m = a | cpt(on = texts)", "cpt"),
        ("model m = slerp(a, b, t = 0.5) | cpt(on = texts)", "cpt"),
        ("evaluate t { models = [a]  on = [held] }", "held"),
        ("model m = best([a, b], on = held)", "held"),
    ],
)
def test_what_reads_text_needs_a_tokenizer(mute: Path, use: str, user: str) -> None:
    (wrong,) = judged(mute, MUTE + use)
    assert wrong.code == "E410"
    assert wrong.message == f"`models/a` has no `tokenizer.json`, and `{user}` reads its rows with it"
    assert wrong.source.position(wrong.span.start)[0] == 4


def test_a_merge_says_which_model_has_no_tokenizer(mute: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert not judged(mute, MUTE + "model m = slerp(a, b, t = 0.5)")
    assert run(["check", str(mute / "recipes/r.recipe")]) == 0
    said = capsys.readouterr()
    assert "whether `a` and `b` have one vocabulary: `models/a` has no `tokenizer.json`" in said.out + said.err
    assert not judged(mute, MUTE + "model m = slerp(a, b, t = 0.5, tokenizer = b) | cpt(on = texts)")


# --- helps ------------------------------------------------------------------------------------------------------------


def test_a_repository_is_no_folder(tmp_path: Path) -> None:
    (wrong,) = judged(tmp_path, 'model m = local("meta-llama/Llama-3.1-8B")')
    assert '`hub("meta-llama/Llama-3.1-8B")`' in wrong.help
    (tmp_path / "meta-llama").mkdir()
    (wrong,) = judged(tmp_path, 'model m = local("meta-llama/Llama-3.1-8B")')
    assert "hub" not in wrong.help


@pytest.mark.parametrize("targets", ["[q_proj, v_proj]", "q_proj", "[all_linear]"])
def test_what_a_key_takes_is_told_once(targets: str) -> None:
    wrong = one(f"model m = llama | sft(on = lessons, lora = {{r: 8, targets: {targets}}})")
    assert (wrong.code, wrong.message) == (
        "E105",
        f"`targets` of `lora` takes `all_linear` or `attention`, not `{targets}`",
    )


def test_a_misspelt_word_of_a_key_is_offered() -> None:
    assert "`attention`" in one("model m = llama | sft(on = lessons, lora = {r: 8, targets: atention})").help


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ("evaluate more { models = [llama]  on = [mmlu] }", ("benchmark NAME: KIND", "`choice`", "`loss`")),
        ('corpus more: text = csv("x.csv")', ("corpus sources are `hub`, `jsonl`",)),
        ('corpus more: text = jsonl("text/x.jsonl") | squeeze', ("corpus operators are", "`filter`")),
        ("model m = llama | sft(on = elsewhere_else)", ("corpus NAME: KIND = SOURCE", "`jsonl`")),
    ],
)
def test_an_unknown_name_is_told_what_there_is(text: str, parts: tuple[str, ...]) -> None:
    wrong = one(text)
    assert wrong.code == "E101"
    assert all(part in wrong.help for part in parts)


# --- one mistake, once ------------------------------------------------------------------------------------------------


def test_a_word_in_quotes_is_helped_once() -> None:
    assert one('model m = llama | sft(on = lessons, schedule = "cosine")').help == "write it without quotes: `cosine`"


@pytest.mark.parametrize(
    ("call", "code", "help"),
    [
        ("slerp(a, b, t = 0.5, norm = True)", "E201", "linear: interpolate"),
        ("ties(b: 1, base = a, density = 0.5, normalize = True)", "E013", "write `true`"),
    ],
)
def test_a_constant_in_capitals_that_does_not_fit_is_one_mistake(mute: Path, call: str, code: str, help: str) -> None:
    (wrong,) = judged(mute, f"{MUTE}model m = {call}")
    assert wrong.code == code
    assert wrong.help.startswith(help)


def test_kinds_are_offered_as_a_choice() -> None:
    assert one('corpus c: letters = jsonl("text/x.jsonl")').help.endswith("`labelled` or `prompt`")


@pytest.mark.parametrize(("option", "right"), [("context", "4Ki"), ("steps", "4k"), ("global_batch", "4k")])
def test_a_number_in_quotes_is_offered_as_it_is_called(option: str, right: str) -> None:
    assert one(f'model m = llama | sft(on = lessons, {option} = "4k")').help == f"write `{right}`"


@pytest.mark.parametrize(
    ("call", "help"),
    [
        ("nearswap(base, instruct, t = 0.001)", "`base` is named: `base = instruct`, the model that is moved"),
        ("nearswap(cpt(base), sft(base), t = 0.001)", "`base` is named: `base = sft(base)`, the model that is moved"),
        ("nearswap(base, instruct, base = base, t = 0.1)", "`karcher`, `linear`, `multislerp` and `soup` take any"),
        ("nearswap(base, 0.001, base = base)", "options are named: `base = 0.001`"),
    ],
)
def test_a_model_too_many_may_be_the_base(call: str, help: str) -> None:
    found = one(f"model m = {call}")
    assert found.code == "E209"
    assert found.help.startswith(help)
