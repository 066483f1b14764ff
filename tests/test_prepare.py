"""Preparing rows: what is tokenised, masked and packed, and the proof that stops a bad row."""

from __future__ import annotations

import json
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from ladle.executor.rows import Row
from ladle.executor.task import Given, StepError
from ladle.executor.templates import BUILT_IN, reserved
from ladle.executor.tokenizer import load_tokenizer, open_tokenizer
from prepared import LLAMA, prepare, tokenizer_folder

from corpora import chat, texts

CHATML = BUILT_IN["chatml"]


@pytest.fixture(scope="module")
def chatml(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tokenizer_folder(tmp_path_factory.mktemp("chatml"), CHATML.text, reserved("chatml"))


@pytest.fixture(scope="module")
def llama(tmp_path_factory: pytest.TempPathFactory) -> Path:
    control = ("<|start_header_id|>", "<|end_header_id|>", "<|eot_id|>")
    return tokenizer_folder(tmp_path_factory.mktemp("llama"), LLAMA, control, bos="<|begin_of_text|>")


TWO_TURNS = chat("hello", "the fox", "again", "the dog")


# --- text -----------------------------------------------------------------------------------------------------------


def test_a_document_ends_with_the_end_token_and_is_learned_whole(tmp_path: Path, chatml: Path) -> None:
    found = prepare(tmp_path, chatml, texts("the fox", "hello"), context=32)
    assert found.texts() == ["the fox<|endoftext|>", "hello<|endoftext|>"]
    assert found.learned() == found.texts()


def test_a_document_begins_with_one_bos_where_the_tokenizer_has_one(tmp_path: Path, llama: Path) -> None:
    found = prepare(tmp_path, llama, texts("the fox"), context=32)
    assert found.texts() == ["<|begin_of_text|>the fox<|endoftext|>"]


def test_wrapped_rows_are_one_stream_cut_at_the_context(tmp_path: Path, chatml: Path) -> None:
    rows = texts("the quick brown fox", "jumps over the lazy dog", "hello")
    apart = prepare(tmp_path / "a", chatml, rows, context=64)
    found = prepare(tmp_path / "b", chatml, rows, context=5, packing="wrapped")
    stream = [token for row in apart.rows() for token in row]
    assert [token for row in found.rows() for token in row] == stream
    assert {len(row) for row in found.rows()[:-1]} == {5}
    assert set(found.tensors["documents"].tolist()) == {0}


def test_isolated_rows_hold_whole_documents_in_corpus_order(tmp_path: Path, chatml: Path) -> None:
    rows = texts(*(" ".join(["fox"] * n) for n in (3, 9, 2, 5, 1, 1)))
    found = prepare(tmp_path, chatml, rows, context=12, packing="isolated")
    whole = sorted(prepare(tmp_path / "b", chatml, rows, context=64).texts())
    seen: list[str] = []
    for row, documents in zip(found.rows(), found.documents(), strict=True):
        assert len(row) <= 12
        assert sorted(set(documents)) == list(range(max(documents) + 1))
        assert documents == sorted(documents)
        for number in set(documents):
            seen.append(found.tokenizer.fast.decode([t for t, d in zip(row, documents, strict=True) if d == number]))
    assert sorted(seen) == whole
    assert len(found.rows()) < len(rows)


def test_a_document_longer_than_the_context_is_split_only_where_it_is_packed(tmp_path: Path, chatml: Path) -> None:
    rows = texts(" ".join(["fox"] * 20))
    packed = prepare(tmp_path / "a", chatml, rows, context=8, packing="isolated")
    whole = prepare(tmp_path / "c", chatml, rows, context=64).rows()[0]
    assert sum(len(row) for row in packed.rows()) == len(whole)
    assert json.loads((packed.folder / "prepare.json").read_text())["documents_split"] == 1
    with pytest.raises(StepError, match=r"rows\.jsonl:1` has 22 tokens, `context` is 8"):
        prepare(tmp_path / "b", chatml, rows, context=8)


@pytest.mark.parametrize("packing", ["none", "wrapped", "isolated"])
def test_long_documents_are_dropped_or_truncated_where_asked(tmp_path: Path, chatml: Path, packing: str) -> None:
    rows = texts(" ".join(["fox"] * 20), "hello")
    dropped = prepare(tmp_path / "a", chatml, rows, context=8, packing=packing, overlong="drop")
    assert "".join(dropped.texts()) == "hello<|endoftext|>"
    cut = prepare(tmp_path / "b", chatml, rows, context=8, packing=packing, overlong="truncate")
    assert sum(len(row) for row in cut.rows()) == 8 + sum(len(row) for row in dropped.rows())


def test_nothing_left_is_a_problem_of_the_user(tmp_path: Path, chatml: Path) -> None:
    with pytest.raises(StepError, match="all 1 rows are longer than 8 tokens"):
        prepare(tmp_path, chatml, texts(" ".join(["fox"] * 20)), context=8, overlong="drop")


def test_a_last_row_of_one_token_is_left_out(tmp_path: Path, chatml: Path) -> None:
    rows = texts("fox fox", "fox")
    total = sum(len(row) for row in prepare(tmp_path / "a", chatml, rows, context=64).rows())
    found = prepare(tmp_path / "b", chatml, rows, context=total - 1, packing="wrapped")
    assert len(found.rows()) == 1
    assert json.loads((found.folder / "prepare.json").read_text())["tokens_unused"] == 1


# --- chats ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("supervise", "learned"),
    [
        ("answers", "the fox<|im_end|>the dog<|im_end|>"),
        ("final", "the dog<|im_end|>"),
        (
            "all",
            "<|im_start|>user\nhello<|im_end|>\n<|im_start|>assistant\nthe fox<|im_end|>\n"
            "<|im_start|>user\nagain<|im_end|>\n<|im_start|>assistant\nthe dog<|im_end|>\n",
        ),
    ],
)
def test_answers_are_learned_with_their_turn_end(tmp_path: Path, chatml: Path, supervise: str, learned: str) -> None:
    found = prepare(tmp_path, chatml, [TWO_TURNS], context=128, supervise=supervise)
    assert found.learned() == [learned]


def test_bos_stands_as_often_as_the_template_says(tmp_path: Path, llama: Path) -> None:
    found = prepare(tmp_path, llama, [TWO_TURNS], context=128, supervise="answers")
    assert found.rows()[0].count(found.tokenizer.bos) == 1
    assert found.learned() == ["the fox<|eot_id|>the dog<|eot_id|>"]


def test_an_answer_that_says_what_the_template_says_moves_no_border(tmp_path: Path, chatml: Path) -> None:
    row = chat("assistant\nassistant", "user\nassistant\n\nuser", "assistant", "again assistant\n")
    found = prepare(tmp_path, chatml, [row], context=128, supervise="answers")
    assert found.learned() == ["user\nassistant\n\nuser<|im_end|>again assistant\n<|im_end|>"]


def test_a_template_that_marks_its_answers_is_believed(tmp_path: Path) -> None:
    marked = CHATML.text.replace(
        "{{- '<|im_start|>' + message['role'] + '\\n' + message['content'] + '<|im_end|>\\n' }}",
        "{{- '<|im_start|>' + message['role'] + '\\n' }}{% if message['role'] == 'assistant' %}{% generation %}"
        "{{ message['content'] + '<|im_end|>' }}{% endgeneration %}{% else %}"
        "{{ message['content'] + '<|im_end|>' }}{% endif %}{{- '\\n' }}",
    )
    assert marked != CHATML.text
    folder = tokenizer_folder(tmp_path / "tokenizer", marked, reserved("chatml"))
    found = prepare(tmp_path / "a", folder, [TWO_TURNS], context=128, supervise="answers")
    assert found.learned() == ["the fox<|im_end|>the dog<|im_end|>"]
    assert prepare(tmp_path / "b", folder, [TWO_TURNS], context=128, supervise="final").learned() == [
        "the dog<|im_end|>"
    ]


def test_a_row_is_what_transformers_makes_of_it(tmp_path: Path, chatml: Path, llama: Path) -> None:
    for name, folder in (("a", chatml), ("b", llama)):
        found = prepare(tmp_path / name, folder, [TWO_TURNS], context=128, supervise="answers")
        theirs = found.tokenizer.fast.apply_chat_template(TWO_TURNS["messages"], return_dict=True)
        assert found.rows() == [theirs["input_ids"]]


def test_chats_are_packed_without_splitting(tmp_path: Path, chatml: Path) -> None:
    rows = [chat("hello", "fox " * n + "dog") for n in (1, 6, 2, 3)]
    apart = prepare(tmp_path / "a", chatml, rows, context=64, supervise="answers")
    found = prepare(tmp_path / "b", chatml, rows, context=40, packing="isolated", supervise="answers")
    assert sorted(token for row in found.rows() for token in row) == sorted(t for row in apart.rows() for t in row)
    assert found.tensors["supervised"].sum() == apart.tensors["supervised"].sum()
    assert len(found.rows()) < 4


def test_a_chat_without_an_answer_is_refused(tmp_path: Path, chatml: Path) -> None:
    with pytest.raises(StepError, match=r"rows\.jsonl:2`: the chat has no answer"):
        prepare(tmp_path, chatml, [TWO_TURNS, chat("hello")], context=64, supervise="answers")


def test_a_chat_in_which_nothing_is_learned_once_cut_is_refused(tmp_path: Path, chatml: Path) -> None:
    rows = [chat("fox " * 40, "dog")]
    with pytest.raises(StepError, match=r"rows\.jsonl:1`: no token of it is learned once it is cut to 16 tokens"):
        prepare(tmp_path / "a", chatml, rows, context=16, overlong="truncate", supervise="answers")
    with pytest.raises(StepError, match=r"rows\.jsonl:1` has \d+ tokens"):
        prepare(tmp_path / "b", chatml, rows, context=16, supervise="answers")


@pytest.mark.parametrize("context", range(20, 40))
def test_no_packed_row_is_without_a_learned_token(tmp_path: Path, chatml: Path, context: int) -> None:
    rows = [chat("hello", "fox"), chat("fox fox", "dog"), chat("hello fox", "d")]
    found = prepare(tmp_path, chatml, rows, context=context, packing="wrapped", supervise="answers")
    mask, offsets = found.tensors["supervised"], found.tensors["offsets"]
    assert all(mask[a + 1 : b].any() for a, b in pairwise(offsets))


@pytest.mark.parametrize("text", ["a <|im_end|> b", "<|im_start|>user\nx", "<|endoftext|>", "<|pad|>"])
def test_a_control_token_in_a_text_is_refused_by_name(tmp_path: Path, chatml: Path, text: str) -> None:
    said = text[text.index("<") : text.index(">") + 1].replace("|", r"\|")
    with pytest.raises(StepError, match=rf"rows\.jsonl:2`: the text holds the control token `{said}`"):
        prepare(tmp_path / "a", chatml, [TWO_TURNS, chat(text, "dog")], context=64, supervise="answers")
    with pytest.raises(StepError, match=rf"rows\.jsonl:1`: the text holds the control token `{said}`"):
        prepare(tmp_path / "b", chatml, texts(text), context=64)


def test_a_second_bos_in_a_text_is_refused(tmp_path: Path, llama: Path) -> None:
    with pytest.raises(StepError, match=r"`<\|begin_of_text\|>`.*2 instead of 1"):
        prepare(tmp_path, llama, texts("<|begin_of_text|>the fox"), context=64)


# --- preferences ----------------------------------------------------------------------------------------------------

PAIR: Row = {"prompt": "hello", "chosen": "the fox", "rejected": "the dog"}
AS_MESSAGES: Row = {
    "prompt": [{"role": "user", "content": "hello"}],
    "chosen": [{"role": "assistant", "content": "the fox"}],
    "rejected": [{"role": "assistant", "content": "the dog"}],
}


@pytest.mark.parametrize("row", [PAIR, AS_MESSAGES])
def test_a_pair_is_a_conversation(tmp_path: Path, chatml: Path, row: Row) -> None:
    found = prepare(tmp_path, chatml, [row], context=64)
    assert found.texts("prompt") == ["<|im_start|>user\nhello<|im_end|>\n<|im_start|>assistant\n"]
    assert found.texts("chosen") == ["the fox<|im_end|>\n"]
    assert found.texts("rejected") == ["the dog<|im_end|>\n"]


def test_pairs_are_what_trl_makes_of_them(tmp_path: Path, chatml: Path, llama: Path) -> None:
    from trl.data_utils import common_prefix_length  # noqa: PLC0415 - slow to import

    for name, folder in (("a", chatml), ("b", llama)):
        found = prepare(tmp_path / name, folder, [PAIR], context=64)
        prompt, chosen = AS_MESSAGES["prompt"], AS_MESSAGES["chosen"]
        fast = found.tokenizer.fast
        asked = fast.apply_chat_template(prompt, return_dict=True, add_generation_prompt=True)["input_ids"]
        whole = fast.apply_chat_template(prompt + chosen, return_dict=True)["input_ids"]  # type: ignore[operator]
        border = common_prefix_length(asked, whole)
        assert found.rows("prompt") == [asked[:border]]
        assert found.rows("chosen") == [whole[border:]]


def test_long_pairs_are_cut_dropped_or_refused(tmp_path: Path, chatml: Path) -> None:
    rows = [PAIR, {"prompt": "hello", "chosen": "fox " * 30, "rejected": "dog"}]
    with pytest.raises(StepError, match=r"rows\.jsonl:2` has \d+ tokens, `context` is 24"):
        prepare(tmp_path / "a", chatml, rows, context=24)
    assert len(prepare(tmp_path / "b", chatml, rows, context=24, overlong="drop").rows("chosen")) == 1
    cut = prepare(tmp_path / "c", chatml, rows, context=24, overlong="truncate")
    assert len(cut.rows("prompt")[1]) + len(cut.rows("chosen")[1]) == 24
    with pytest.raises(StepError, match=r"rows\.jsonl:1`: no token of an answer"):
        prepare(tmp_path / "d", chatml, rows, context=8, overlong="truncate")


def test_a_control_token_in_an_answer_is_refused(tmp_path: Path, chatml: Path) -> None:
    with pytest.raises(StepError, match=r"rows\.jsonl:1`: the text holds the control token"):
        prepare(tmp_path, chatml, [{**PAIR, "rejected": "dog<|im_end|>\n<|im_start|>user\nfox"}], context=64)


# --- tokenizers -----------------------------------------------------------------------------------------------------


def test_a_chat_needs_a_template(tmp_path: Path) -> None:
    folder = tokenizer_folder(tmp_path / "t", None, ())
    with pytest.raises(StepError, match="no chat template") as caught:
        prepare(tmp_path / "a", folder, [TWO_TURNS], context=64)
    assert "template = chatml" in caught.value.help
    assert prepare(tmp_path / "b", folder, texts("fox"), context=64).texts() == ["fox<|endoftext|>"]


@pytest.mark.parametrize(("pad", "said"), [(None, "names no pad token"), ("<|endoftext|>", "the same token")])
def test_pad_is_a_token_of_its_own(tmp_path: Path, pad: str | None, said: str) -> None:
    folder = tokenizer_folder(tmp_path / "t", CHATML.text, CHATML.control, pad=pad)
    with pytest.raises(StepError, match=said):
        prepare(tmp_path / "a", folder, texts("fox"), context=64)


def test_a_template_whose_control_tokens_do_not_exist_is_refused(tmp_path: Path) -> None:
    folder = tokenizer_folder(tmp_path / "t", CHATML.text, ())
    with pytest.raises(StepError, match="no control token ends the answer"):
        prepare(tmp_path / "a", folder, [TWO_TURNS], context=128, supervise="answers")


def test_a_turn_that_ends_otherwise_once_others_follow_is_refused(tmp_path: Path) -> None:
    ending = CHATML.text.replace(
        "'<|im_end|>\\n'", "('<|endoftext|>' if loop.last and message['role'] == 'assistant' else '<|im_end|>')"
    )
    assert ending != CHATML.text
    folder = tokenizer_folder(tmp_path / "t", ending, reserved("chatml"))
    with pytest.raises(StepError, match="no control token ends the answer"):
        prepare(tmp_path / "a", folder, [TWO_TURNS], context=128, supervise="answers")
    found = prepare(tmp_path / "b", folder, [TWO_TURNS], context=128, supervise="final")
    assert found.learned() == ["the dog<|endoftext|>"]


def test_a_template_put_on_a_local_folder_is_used(tmp_path: Path) -> None:
    folder = tokenizer_folder(tmp_path / "t", None, reserved("chatml"))
    given = Given("tokenizer", "local", "a" * 64, path=folder, options={"template": "chatml"})
    assert load_tokenizer(given, tmp_path).template == CHATML.text
    assert open_tokenizer(folder).template is None


def test_a_folder_that_is_no_tokenizer_is_a_problem_of_the_user(tmp_path: Path) -> None:
    with pytest.raises(StepError, match=r"no `tokenizer\.json`"):
        open_tokenizer(tmp_path)
    (tmp_path / "tokenizer.json").write_text("{}")
    with pytest.raises(StepError, match="cannot be loaded"):
        open_tokenizer(tmp_path)


# --- files ----------------------------------------------------------------------------------------------------------


def test_the_same_rows_give_the_same_bytes(tmp_path: Path, chatml: Path) -> None:
    one = prepare(tmp_path / "a", chatml, [TWO_TURNS] * 3, context=64, packing="isolated", supervise="answers")
    two = prepare(tmp_path / "b", chatml, [TWO_TURNS] * 3, context=64, packing="isolated", supervise="answers")
    for name in ("rows.safetensors", "prepare.json"):
        assert (one.folder / name).read_bytes() == (two.folder / name).read_bytes()
    assert sorted(path.name for path in one.folder.iterdir()) == ["prepare.json", "rows.safetensors"]


def test_types_and_counts_are_those_of_the_format(tmp_path: Path, chatml: Path) -> None:
    found = prepare(tmp_path, chatml, [TWO_TURNS, TWO_TURNS], context=64, supervise="answers")
    assert {name: array.dtype for name, array in found.tensors.items()} == {
        "tokens": np.int32, "supervised": np.uint8, "documents": np.int32, "offsets": np.int64,
    }  # fmt: skip
    counts = json.loads((found.folder / "prepare.json").read_text())
    assert counts["rows"] == counts["documents"] == counts["rows_read"] == 2
    assert counts["tokens"] == len(found.tensors["tokens"])
    assert counts["supervised_tokens"] == int(found.tensors["supervised"].sum())
    assert {"size", "nfiles"}.isdisjoint(counts)
