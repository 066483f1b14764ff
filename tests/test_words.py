"""Words of the catalogue: what clean, dedup, chunk, letter, round and model_stock do, and what is checked only."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest
import torch
from hypothesis import given as drawn
from hypothesis import settings
from hypothesis import strategies as st
from ladle.dsl.graph import Json
from ladle.executor.catalog import vocabulary
from ladle.executor.cli import run as ladle
from ladle.executor.corpus.chunk import parts
from ladle.executor.corpus.clean import cleaned
from ladle.executor.corpus.dedup import alike
from ladle.executor.option_model import problems
from ladle.executor.scoring import choice
from ladle.executor.scoring.letter import read, shown
from ladle.executor.task import Given, StepError
from mergekit.merge_methods import merge_tensors
from safetensors.torch import load_file
from test_merge import folder, given, merged, shapes, weights
from test_scoring import QUESTIONS, rows, save_model, score
from test_transforms import apply

from corpora import texts

# --- corpora --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("dirty", "clean"),
    [
        ("the protein of spi-\nder silk", "the protein of spider silk"),
        ("the Nobel-\nPrize", "the Nobel-Prize"),
        ("pages 3-\n5", "pages 3-\n5"),
        ("a\u00a0 b\t\tc", "a b c"),
        ("one \r\n two\r\n\r\n\r\n\r\nthree", "one\ntwo\n\nthree"),
        ("e\u0301 \x07 zero\u200bwidth soft\u00adhyphen", "\u00e9 zerowidth softhyphen"),
        ("page one\fpage two", "page one\npage two"),
    ],
)
def test_clean_mends_text(tmp_path: Path, dirty: str, clean: str) -> None:
    assert apply(tmp_path, "clean", [*texts(dirty), *texts(" \n\u200b ")]) == texts(clean)


@drawn(st.text(alphabet=st.sampled_from(list("aB1 -\n\t\r\u00ad\u200b\u0301\u2010.")), max_size=40))
@settings(max_examples=300, deadline=None)
def test_cleaning_twice_is_cleaning_once(text: str) -> None:
    assert cleaned(cleaned(text)) == cleaned(text)


LONG = " ".join(f"word{n}" for n in range(200))


def test_dedup_keeps_the_first_of_equal_rows(tmp_path: Path) -> None:
    found = apply(tmp_path, "dedup", texts("Silk is strong.", "nacre", "silk  IS strong", "silk"), threshold=1.0)
    assert found == texts("Silk is strong.", "nacre", "silk")


@pytest.mark.parametrize(("threshold", "kept"), [(0.9, 2), (0.7, 1)])
def test_dedup_drops_rows_that_are_alike_enough(tmp_path: Path, threshold: float, kept: int) -> None:
    # One changed word changes 5 of 196 runs, three of them 15: Jaccard 191 / 201 = 0.95 and 181 / 211 = 0.86.
    other = LONG.replace("word50 ", "x ").replace("word100 ", "y ").replace("word150 ", "z ")
    assert len(apply(tmp_path, "dedup", texts(LONG, other), threshold=threshold)) == kept


def test_dedup_compares_candidates_exactly(tmp_path: Path) -> None:
    rows_given = texts(*(f"{LONG} {' '.join(f'tail{n}x{k}' for k in range(120))}" for n in range(20)))
    assert len(apply(tmp_path, "dedup", rows_given, threshold=0.8)) == 20
    assert alike({1, 2, 3}, {2, 3, 4}) == 0.5


def test_dedup_of_short_rows(tmp_path: Path) -> None:
    assert apply(tmp_path, "dedup", texts("a b", "A, b!", "a c"), threshold=0.8) == texts("a b", "a c")


def test_chunk_cuts_at_the_last_end_within_bounds(tmp_path: Path) -> None:
    text = "One two three four. Five six\n\nseven eight nine. Ten"
    assert apply(tmp_path / "a", "chunk", texts(text), words=7) == texts(
        "One two three four. Five six", "seven eight nine. Ten"
    )
    assert apply(tmp_path / "b", "chunk", texts(text), words=5) == texts(
        "One two three four.", "Five six\n\nseven eight nine.", "Ten"
    )
    assert apply(tmp_path / "c", "chunk", texts("a b c d e"), words=2) == texts("a b", "c d", "e")


@drawn(st.text(alphabet=st.sampled_from(list("ab. \n")), max_size=120), st.integers(1, 9))
@settings(max_examples=300, deadline=None)
def test_chunks_together_are_the_text(text: str, most: int) -> None:
    found = list(parts(text, most))
    assert [word for part in found for word in part.split()] == text.split()
    assert all(1 <= len(part.split()) <= most for part in found)


# --- letters --------------------------------------------------------------------------------------------------------

FOUR = ("bone", "nacre", "silk", "horn")


@pytest.mark.parametrize(
    ("said", "place"),
    [
        ("B", 1),
        ("b", 1),
        ("(C).", 2),
        ("The answer is D", 3),
        ("A. bone", 0),
        ("I think it is B", 1),
        ("silk", 2),
        ("", None),
        ("E", None),
        ("nobody knows", None),
        ("it's", None),
    ],
)
def test_an_answer_is_read_as_a_letter(said: str, place: int | None) -> None:
    assert read(said, FOUR) == place


def test_a_model_is_asked_for_a_letter(tmp_path: Path) -> None:
    model = save_model(tmp_path / "model")
    on = rows(tmp_path / "rows.jsonl", QUESTIONS)
    items, metrics = score(tmp_path, choice, {"score": "letter"}, Given("model", "sft", "m" * 64, path=model), on)
    for item, row in zip(items, QUESTIONS, strict=True):
        choices = row["choices"]
        assert isinstance(choices, list)
        assert item["prediction"] == read(item["said"], [str(each) for each in choices])
        assert item["correct"] == (item["prediction"] == row["answer"])
    assert metrics["unparsed"] == sum(item["prediction"] is None for item in items)
    assert metrics["n"] == len(QUESTIONS)
    assert re.search(r"^A\. aragonite$", shown(dict(QUESTIONS[0])), re.MULTILINE)


def test_more_choices_than_letters_are_refused() -> None:
    with pytest.raises(StepError, match="26 letters"):
        shown({"question": "?", "choices": [str(n) for n in range(27)], "answer": 0})


# --- merges ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("word", "dtype"), [("bf16", torch.bfloat16), ("fp16", torch.float16), ("fp32", torch.float32)]
)
def test_round_writes_what_it_says(tmp_path: Path, word: str, dtype: torch.dtype) -> None:
    source = folder(tmp_path / "a", weights(1), dtype="float32")
    found = merged(tmp_path / "m", "round", {"precision": word}, given("0", source))
    assert all(found[name].equal(weights(1)[name].to(dtype)) for name in shapes())
    assert json.loads((tmp_path / "m/output/config.json").read_text())["dtype"] == str(dtype).removeprefix("torch.")


def test_rounding_within_a_merge_is_merging_the_rounded_file(tmp_path: Path) -> None:
    a, b = folder(tmp_path / "a", weights(1)), folder(tmp_path / "b", weights(2))
    inner = Given("1", "round", "r" * 64, options={"precision": "bf16"}, inputs=(given("0", b),))
    fused = merged(tmp_path / "fused", "slerp", {"t": 0.3}, given("0", a), inner)
    merged(tmp_path / "step", "round", {"precision": "bf16"}, given("0", b))
    chained = merged(tmp_path / "chained", "slerp", {"t": 0.3}, given("0", a), given("1", tmp_path / "step/output"))
    plain = merged(tmp_path / "plain", "slerp", {"t": 0.3}, given("0", a), given("1", b))
    assert all(fused[name].equal(chained[name]) for name in shapes())
    assert not all(fused[name].equal(plain[name]) for name in shapes())


@pytest.mark.parametrize("filter_wise", [False, True])
def test_model_stock_is_mergekits(tmp_path: Path, filter_wise: bool) -> None:
    base = weights(0)
    near = [{name: base[name] + 0.3 * weights(seed)[name] for name in base} for seed in (1, 2, 3)]
    inputs = [given(str(n), folder(tmp_path / f"m{n}", tensors)) for n, tensors in enumerate(near)]
    inputs.append(given("base", folder(tmp_path / "base", base)))
    found = merged(tmp_path / "m", "model_stock", {"filter_wise": filter_wise}, *inputs)
    for name in shapes():
        tensors = [base[name], *(each[name] for each in near)]
        wanted = merge_tensors(tensors, "model_stock", parameters={"filter_wise": filter_wise}, base_index=0)
        torch.testing.assert_close(found[name], wanted, rtol=1e-5, atol=1e-6)


def test_each_operand_has_its_own_density(tmp_path: Path) -> None:
    base = folder(tmp_path / "base", weights(0))
    a, b = folder(tmp_path / "a", weights(1)), folder(tmp_path / "b", weights(2))
    inputs = (given("0", a), given("1", b), given("base", base))
    common: dict[str, Json] = {"weights": [0.7, 0.3], "normalize": True, "rescale": False, "lambda": 1.0}

    def ties(name: str, density: Json) -> dict[str, torch.Tensor]:
        return merged(tmp_path / name, "ties", {**common, "density": density}, *inputs)

    same, each, swapped = ties("same", 0.5), ties("each", [0.5, 0.7]), ties("swapped", [0.7, 0.5])
    equal = ties("equal", [0.5, 0.5])
    wanted = merge_tensors(
        [weights(0)["model.embed_tokens.weight"], *(weights(n)["model.embed_tokens.weight"] for n in (1, 2))],
        "ties",
        parameters={"weight": (0.7, 0.3), "density": (0.5, 0.7), "normalize": True, "rescale": False, "lambda": 1.0},
        base_index=0,
    )
    torch.testing.assert_close(each["model.embed_tokens.weight"], wanted, rtol=1e-6, atol=1e-7)
    assert all(same[name].equal(equal[name]) for name in shapes())
    assert not all(each[name].equal(swapped[name]) for name in shapes())
    assert load_file(tmp_path / "each/output/model.safetensors").keys() == each.keys()


def test_a_node_file_takes_one_density_or_one_for_each() -> None:
    options: dict[str, Any] = {"density": 0.5, "normalize": True, "rescale": False, "lambda": 1.0}
    ties = vocabulary()["ties"]
    assert problems(options, ties) == problems({**options, "density": [0.5, 1]}, ties) == ()
    assert problems({**options, "density": [0.5, 2]}, ties)
    assert problems({**options, "density": "each"}, ties)


# --- words that are checked only ------------------------------------------------------------------------------------

CHECKED = """edition 1
corpus text: text = jsonl("corpora/t.jsonl")
benchmark quiz: loss { on = text | every(9) }
stage cpt { on = text | except(quiz)  steps = 2%s }
model base = local("m", template = chatml)
model tuned = base | cpt
evaluate t { models = [tuned]  on = [quiz%s] }
%s"""


def project(tmp_path: Path, option: str = "", benchmark: str = "", more: str = "") -> Path:
    (tmp_path / "corpora").mkdir()
    (tmp_path / "corpora/t.jsonl").write_text("".join(json.dumps({"text": f"text {n}"}) + "\n" for n in range(20)))
    save_model(tmp_path / "m", template=None)
    (tmp_path / "recipes").mkdir()
    recipe = tmp_path / "recipes/r.recipe"
    recipe.write_text(CHECKED % (option, benchmark, more))
    return recipe


@pytest.mark.parametrize(
    ("option", "benchmark", "more", "word"),
    [
        ("  lora = {r: 8}", "", "", "lora` of `cpt"),
        ("  watch = quiz", "", "", "watch` of `cpt"),
        ("", ", mmlu", 'benchmark mmlu: harness { task = "mmlu" }\n', "harness"),
    ],
)
def test_what_is_checked_only_is_planned_and_refused_before_anything_starts(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], option: str, benchmark: str, more: str, word: str
) -> None:
    recipe = project(tmp_path, option, benchmark, more)
    for command in ("check", "plan", "graph"):
        assert ladle([command, str(recipe)]) == 0
    capsys.readouterr()
    for command in ("run", "compile"):
        assert ladle([command, str(recipe)]) == 1
        said = capsys.readouterr().err
        assert f"error[E241]: `{word}` is checked but not yet made by this version" in said
        assert "recipes/r.recipe:" in said
    assert not (tmp_path / "artifacts").exists()
    assert not (tmp_path / "pipelines").exists()


def test_a_step_refuses_what_is_checked_only(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    recipe = project(tmp_path)
    assert ladle(["compile", str(recipe)]) == 0
    file = tmp_path / "pipelines/r/nodes/tuned.json"
    node = json.loads(file.read_text())
    node["node"]["options"]["lora"] = "continue"
    file.write_text(json.dumps(node))
    capsys.readouterr()
    assert ladle(["step", str(file)]) == 1
    assert "`lora` of `cpt` is checked but not yet made by this version" in capsys.readouterr().err


def test_the_reference_lists_every_word_that_is_checked_only() -> None:
    text = (Path(__file__).parent.parent / "docs/language.md").read_text(encoding="utf-8")
    section = text.split("## 8. ")[1]
    words = {o.name for o in vocabulary().values() if o.checked_only}
    words |= {p.name for o in vocabulary().values() for p in o.options if p.checked_only}
    listed = set(re.findall(r"^\| `(\w+)", section, re.MULTILINE))
    assert listed == words
