"""Benchmarks on a tiny random model: likelihoods against one row at a time, masks, files, intervals."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import pytest
import torch
from ladle.dsl.graph import Json
from ladle.executor.scoring import choice, exact, loss
from ladle.executor.scoring.batches import batches
from ladle.executor.scoring.chat import answered, turn_end
from ladle.executor.scoring.choice import best
from ladle.executor.scoring.exact import normal
from ladle.executor.scoring.intervals import ratio, wilson
from ladle.executor.scoring.likelihood import log_likelihoods
from ladle.executor.scoring.loss import windows
from ladle.executor.scoring.subject import Subject, subject
from ladle.executor.task import Given, Machine, Progress, StepError, Task
from ladle.executor.templates import BUILT_IN, END, PAD
from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers
from transformers import LlamaConfig, LlamaForCausalLM, PreTrainedTokenizerFast

TEXTS = ["the silk of a spider", "what is nacre made of?", "nacre is made of aragonite.", "bone", "a limpet tooth"]


def save_model(folder: Path, seed: int = 0, template: str | None = BUILT_IN["chatml"].text) -> Path:
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    special = [END, PAD, *BUILT_IN["chatml"].control]
    trainer = trainers.BpeTrainer(
        vocab_size=300, special_tokens=special, initial_alphabet=pre_tokenizers.ByteLevel.alphabet()
    )
    tokenizer.train_from_iterator(TEXTS, trainer)
    fast = PreTrainedTokenizerFast(tokenizer_object=tokenizer, eos_token="<|im_end|>", pad_token=PAD)
    fast.chat_template = template
    fast.save_pretrained(folder)
    torch.manual_seed(seed)
    config = LlamaConfig(
        hidden_size=32,
        intermediate_size=48,
        num_hidden_layers=2,
        num_attention_heads=4,
        num_key_value_heads=4,
        vocab_size=len(fast),
        max_position_embeddings=256,
        tie_word_embeddings=True,
        initializer_range=0.6,
        bos_token_id=None,
        eos_token_id=None,
    )
    LlamaForCausalLM(config).save_pretrained(folder)
    return folder


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return save_model(tmp_path_factory.mktemp("models") / "tiny")


@pytest.fixture(scope="module")
def tiny(folder: Path) -> Subject:
    return subject(given("model", folder), Machine(), folder)


def given(role: str, path: Path, fingerprint: str = "a") -> Given:
    return Given(role, "sft", fingerprint * 64, path=path)


def rows(path: Path, items: list[dict[str, Json]]) -> Given:
    path.write_text("".join(json.dumps(item) + "\n" for item in items))
    return Given("on", "jsonl", "b" * 64, files=(path,))


def score(tmp_path: Path, program: Any, options: dict[str, Json], model: Given, on: Given) -> tuple[list[Any], Any]:
    output = tmp_path / "out"
    output.mkdir()
    seen: list[Progress] = []
    kind = program.__name__.rsplit(".", 1)[-1]
    program.run(Task(kind, "score", options, (model, on), "0" * 64, tmp_path, output, Machine(), seen.append))
    assert seen[-1].done == seen[-1].total
    items = [json.loads(line) for line in (output / "items.jsonl").read_text().splitlines()]
    return items, json.loads((output / "metrics.json").read_text())


QUESTIONS: list[dict[str, Json]] = [
    {"question": "what is nacre made of?", "choices": ["aragonite", "nacre is made of a limpet", "bone"], "answer": 0},
    {"question": "silk " * 20, "choices": ["a", "a spider, of the silk of a spider"], "answer": 1},
    {"question": "bone?", "choices": ["bone", "bone of bone", "tooth", "<|im_end|> tricks"], "answer": 2},
]


# --- likelihoods ----------------------------------------------------------------------------------------------------


def alone(tiny: Subject, question: str, text: str) -> float:
    """The likelihood of one choice, from the logits of one unpadded row and the rendered text, written out again."""
    before = f"<|im_start|>user\n{question}<|im_end|>\n<|im_start|>assistant\n"
    ids = tiny.tokenizer.fast(before + text + "<|im_end|>")["input_ids"]
    start = len(tiny.tokenizer.fast(before)["input_ids"])
    with torch.no_grad():
        logs = torch.log_softmax(tiny.model(torch.tensor([ids])).logits[0].double(), -1)
    return sum(float(logs[i - 1, ids[i]]) for i in range(start, len(ids)))


def test_choice_sums_each_answer_with_its_turn_end(tmp_path: Path, folder: Path, tiny: Subject) -> None:
    on = rows(tmp_path / "q.jsonl", QUESTIONS)
    items, metrics = score(tmp_path, choice, {"score": "likelihood"}, given("model", folder), on)
    for item, row in zip(items, QUESTIONS, strict=True):
        expected = [alone(tiny, str(row["question"]), text) for text in choice.choices(row)]
        assert item["log_likelihoods"] == pytest.approx(expected, abs=2e-4)
        assert item["prediction"] == expected.index(max(expected))
        assert item["correct"] == (item["prediction"] == row["answer"])
    right = sum(item["correct"] for item in items)
    low, high = wilson(right, 3)
    assert metrics == {
        "n": 3,
        "accuracy": round(right / 3, 6),
        "low": pytest.approx(low, abs=1e-6),
        "high": pytest.approx(high, abs=1e-6),
    }


def test_normalized_score_divides_by_the_bytes_of_a_choice() -> None:
    assert best([-2.0, -3.0], ["a", "four"], normalized=False) == 0
    assert best([-2.0, -3.0], ["a", "four"], normalized=True) == 1
    assert best([-2.0, -3.0], ["aaa", "üü"], normalized=True) == 0
    assert best([-1.0, -1.0], ["a", "b"], normalized=False) == 0


def test_padding_has_no_part_in_a_likelihood(tiny: Subject) -> None:
    short, long = answered(tiny, [("bone?", "bone"), ("silk " * 30, "a spider, of the silk of a spider")])
    together = log_likelihoods(tiny, [long, short, short], lambda _: None)
    apart = [log_likelihoods(tiny, [row], lambda _: None)[0] for row in (long, short)]
    assert together == pytest.approx([apart[0], apart[1], apart[1]], abs=1e-4)


def test_same_bytes_every_time_and_whatever_was_scored_before(tmp_path: Path, folder: Path) -> None:
    outputs = []
    for place in ("one", "two"):
        (tmp_path / place).mkdir()
        on = rows(tmp_path / place / "q.jsonl", QUESTIONS)
        score(tmp_path / place, choice, {"score": "likelihood"}, given("model", folder), on)
        outputs.append([(tmp_path / place / "out" / f).read_bytes() for f in ("items.jsonl", "metrics.json")])
        subject(given("model", save_model(tmp_path / f"other-{place}", seed=5), "c"), Machine(), tmp_path)
    assert outputs[0] == outputs[1]


def test_another_fingerprint_in_the_same_folder_is_another_model(tmp_path: Path) -> None:
    path = save_model(tmp_path / "m", seed=1)
    on = rows(tmp_path / "q.jsonl", QUESTIONS)
    (tmp_path / "a").mkdir()
    (tmp_path / "b").mkdir()
    first, _ = score(tmp_path / "a", choice, {}, given("model", path, "d"), on)
    save_model(path, seed=2)
    second, _ = score(tmp_path / "b", choice, {}, given("model", path, "e"), on)
    assert first[0]["content"] == second[0]["content"]
    assert first[0]["log_likelihoods"] != second[0]["log_likelihoods"]


def test_items_are_known_by_their_content(tmp_path: Path, folder: Path) -> None:
    on = rows(tmp_path / "q.jsonl", [QUESTIONS[0], QUESTIONS[0] | {"answer": 1}, QUESTIONS[0]])
    items, _ = score(tmp_path, choice, {}, given("model", folder), on)
    assert [item["id"] for item in items] == [0, 1, 2]
    assert items[0]["content"] == items[2]["content"] != items[1]["content"]


def test_a_model_without_template_is_refused(tmp_path: Path) -> None:
    path = save_model(tmp_path / "bare", template=None)
    with pytest.raises(StepError, match="`bare` has no chat template"):
        score(tmp_path, choice, {}, given("model", path, "f"), rows(tmp_path / "q.jsonl", QUESTIONS))


def test_a_template_that_changes_an_answered_question_is_refused(tmp_path: Path) -> None:
    template = "{{ messages | length }}{% for m in messages %}{{ m['content'] }}{% endfor %}"
    path = save_model(tmp_path / "odd", template=template)
    with pytest.raises(StepError, match="differently once it is answered"):
        score(tmp_path, choice, {}, given("model", path, "9"), rows(tmp_path / "q.jsonl", QUESTIONS))


def test_rows_of_another_benchmark_are_refused(tmp_path: Path, folder: Path) -> None:
    answers = rows(tmp_path / "a.jsonl", [{"question": "q", "answer": "a"}])
    with pytest.raises(StepError, match="needs `choices`"):
        score(tmp_path, choice, {}, given("model", folder), answers)


# --- exact answers ----------------------------------------------------------------------------------------------------


def test_exact_generates_what_one_by_one_argmax_gives(tmp_path: Path, folder: Path, tiny: Subject) -> None:
    asked: list[dict[str, Json]] = [
        {"question": q, "answer": "?"} for q in ("bone?", "silk " * 12, "what is nacre made of?")
    ]
    items, _ = score(tmp_path, exact, {"max_tokens": 6}, given("model", folder), rows(tmp_path / "q.jsonl", asked))
    stop = tiny.tokenizer.fast.convert_tokens_to_ids("<|im_end|>")
    for item, row in zip(items, asked, strict=True):
        ids = tiny.tokenizer.fast(f"<|im_start|>user\n{row['question']}<|im_end|>\n<|im_start|>assistant\n")[
            "input_ids"
        ]
        begun = len(ids)
        while (len(ids) < begun + 6 and ids[-1] != stop) or len(ids) == begun:
            with torch.no_grad():
                ids.append(int(tiny.model(torch.tensor([ids])).logits[0, -1].argmax()))
        assert item["prediction"] == tiny.tokenizer.fast.decode(ids[begun:], skip_special_tokens=True).strip()
    correct = [dict(row) | {"answer": item["prediction"] or "x"} for row, item in zip(asked, items, strict=True)]
    (tmp_path / "again").mkdir()
    _, metrics = score(
        tmp_path / "again", exact, {"max_tokens": 6}, given("model", folder), rows(tmp_path / "r.jsonl", correct)
    )
    assert metrics["accuracy"] == sum(bool(item["prediction"]) for item in items) / 3


def test_the_turn_end_stops_a_generation_even_if_the_model_does_not_name_it(tiny: Subject) -> None:
    assert tiny.tokenizer.fast.convert_tokens_to_ids("<|im_end|>") in turn_end(tiny)


@pytest.mark.parametrize(
    ("written", "answer"), [("  Paris. ", "paris"), ("A\u00a0 b", "a B"), ("\uff21!", "a"), ("«nacre»", "nacre")]
)
def test_answers_are_compared_normalised(written: str, answer: str) -> None:
    assert normal(written) == normal(answer)


def test_normalising_keeps_what_matters() -> None:
    assert normal("3.5 GPa") != normal("35 GPa")
    assert normal("x-y") != normal("xy")


# --- loss -------------------------------------------------------------------------------------------------------------


def test_loss_predicts_every_token_once_however_it_is_cut(tmp_path: Path, folder: Path, tiny: Subject) -> None:
    texts = ["the silk of a spider", "bone bone bone what is nacre made of?", "a"]
    on = rows(tmp_path / "t.jsonl", [{"text": text} for text in texts])
    items, metrics = score(tmp_path, loss, {"context": 256}, given("model", folder), on)
    total = tokens = 0.0
    for item, text in zip(items, texts, strict=True):
        ids = torch.tensor([tiny.tokenizer.fast(text)["input_ids"]])
        assert item["tokens"] == ids.shape[1] - 1
        if item["tokens"]:
            with torch.no_grad():
                mean = float(tiny.model(ids, labels=ids).loss)
            assert item["loss"] == pytest.approx(mean, abs=1e-4)
            total, tokens = total + mean * item["tokens"], tokens + item["tokens"]
    assert metrics["loss"] == pytest.approx(total / tokens, abs=1e-4)
    assert metrics["perplexity"] == pytest.approx(math.exp(total / tokens), rel=1e-3)
    assert metrics["tokens"] == tokens


def test_windows_overlap_by_the_token_that_is_context() -> None:
    cut = windows(list(range(10)), 4)
    assert [part.ids for part in cut] == [(0, 1, 2, 3), (3, 4, 5, 6), (6, 7, 8, 9)]
    assert [token for part in cut for token in part.ids[part.start :]] == list(range(1, 10))
    assert windows([7], 4) == ()


# --- batches and intervals --------------------------------------------------------------------------------------------


def test_batches_hold_every_row_once_within_the_budget() -> None:
    lengths = [5, 1, 9, 3, 3, 200, 7, 2]
    cut = batches(lengths, tokens=20)
    assert sorted(i for batch in cut for i in batch) == list(range(8))
    assert all(len(batch) == 1 or max(lengths[i] for i in batch) * len(batch) <= 20 for batch in cut)
    assert batches([], 20) == ()


def test_wilson_agrees_with_published_values() -> None:
    # Newcombe 1998, table I: 81 of 263 and 15 of 148; 0 of 20 and 1 of 29.
    for (x, n), (low, high) in {
        (81, 263): (0.2553, 0.3662),
        (15, 148): (0.0624, 0.1605),
        (0, 20): (0, 0.1611),
        (1, 29): (0.0061, 0.1718),
    }.items():
        assert wilson(x, n) == pytest.approx((low, high), abs=5e-5)
    assert wilson(20, 20) == pytest.approx((1 - 0.1611, 1.0), abs=5e-5)


def test_ratio_is_the_mean_over_tokens_with_an_interval_over_documents() -> None:
    mean, low, high = ratio([2.0, 6.0, 4.0], [1, 3, 2])
    assert (mean, low, high) == (2.0, 2.0, 2.0)
    mean, low, high = ratio([1.0, 3.0], [1, 1])
    assert mean == 2
    assert high - mean == pytest.approx(1.96 * 1.0, abs=1e-3)
    assert ratio([3.0], [2])[1:] == (-math.inf, math.inf)
