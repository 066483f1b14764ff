"""Reading rows: canonical form, one kind a corpus, and every bad row named."""

from __future__ import annotations

import contextlib
from pathlib import Path

import pytest
from hypothesis import given as drawn
from hypothesis import strategies as st
from ladle.dsl.types import CorpusKind
from ladle.executor import rows
from ladle.executor.corpus_rows import read_rows
from ladle.executor.rows import RowError, canonical_row, kind_of, kind_of_columns, parse_row
from ladle.executor.task import Given, StepError

from corpora import chat, source, texts, write

PAIR = {"prompt": "p", "chosen": "c", "rejected": "r"}
CHOICE = {"question": "q", "choices": ["a", "b"], "answer": 1}


@pytest.mark.parametrize(
    ("row", "columns", "wanted", "kind"),
    [
        ({"text": "a", "id": 3}, {}, {"text": "a"}, "text"),
        ({"body": "a"}, {"text": "body"}, {"text": "a"}, "text"),
        (chat("a", "b"), {}, chat("a", "b"), "chat"),
        ({"user": "a", "assistant": "b"}, {}, chat("a", "b"), "chat"),
        ({"question": "a", "answer": "b"}, {"user": "question", "assistant": "answer"}, chat("a", "b"), "chat"),
        ({**PAIR, "messages": 1}, {}, PAIR, "preference"),
        ({"question": "p", "chosen": "c", "rejected": "r"}, {"prompt": "question"}, PAIR, "preference"),
        (PAIR, {"prompt": "prompt"}, PAIR, "preference"),
        ({**PAIR, "text": "t"}, {"text": "text"}, {"text": "t"}, "text"),
        ({"system": "s", "user": "u", "assistant": "a", "text": "t"}, {"system": "text"}, {"messages": [
            {"role": "system", "content": "t"}, {"role": "user", "content": "u"}, {"role": "assistant", "content": "a"},
        ]}, "chat"),
        ({**CHOICE, "id": 1}, {}, CHOICE, "labelled"),
        ({"question": "q", "answer": "a"}, {}, {"question": "q", "answer": "a"}, "labelled"),
        ({"prompt": "p"}, {}, {"prompt": "p"}, "prompt"),
        ({"text": "t", "question": "q", "answer": "a"}, {"text": "text"}, {"text": "t"}, "text"),
    ],
)  # fmt: skip
def test_a_row_becomes_the_canonical_row_of_its_kind(row, columns, wanted, kind) -> None:  # type: ignore[no-untyped-def]
    found = canonical_row(row, columns)
    assert found == wanted
    assert kind_of(found) is CorpusKind(kind)
    assert kind_of_columns(row, columns) == (tuple(found), CorpusKind(kind))


def test_a_system_message_is_kept() -> None:
    found = canonical_row({"system": "s", "user": "u", "assistant": "a"}, {})
    assert [m["role"] for m in found["messages"]] == ["system", "user", "assistant"]  # type: ignore[index,union-attr,call-overload]


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ('{"text": 3}', "`text` was wanted as a string, not a number"),
        ('{"text": "  "}', "`text` is empty"),
        ('{"text": "a", "text": "b"}', "`text` stands twice"),
        ('{"text": NaN}', "NaN is no number"),
        ('{"text": "a"', "not JSON"),
        ('{"body": "a"}', "no column of a known kind among `body`"),
        ("[1]", "not a list"),
        ('{"text": "\\ud800"}', "surrogate"),
        ("[" * 100_000, "nested too deep"),
        ('{"messages": []}', "`messages` is empty"),
        ('{"messages": 3}', "wanted as a list of messages, not a number"),
        ('{"prompt": "p", "chosen": "a"}', "no column `rejected` beside `chosen`"),
        ('{"prompt": "p", "rejected": "a"}', "no column `chosen` beside `rejected`"),
        ('{"messages": [{"role": "bot", "content": "a"}]}', "the role of `messages[0]` is `bot`"),
        (
            '{"messages": [{"role": "user", "content": null}]}',
            "`messages[0].content` was wanted as a string",
        ),
        ('{"messages": [{"role": "user", "content": "a", "tool_calls": []}]}', "`tool_calls`"),
        ('{"prompt": "p", "chosen": "a", "rejected": "a"}', "nothing to prefer"),
        ('{"prompt": "p", "chosen": "a", "rejected": [{"role": "assistant", "content": "b"}]}', "all strings or all"),
        ('{"chosen": "a", "rejected": "b"}', "no column `prompt`"),
        ('{"question": "q", "choices": ["a", "b"], "answer": 2}', "`answer` is 2, but the 2 choices are 0 to 1"),
        ('{"question": "q", "choices": ["a", "b"], "answer": -1}', "`answer` is -1"),
        ('{"question": "q", "choices": ["a", "b"], "answer": true}', "not true or false"),
        ('{"question": "q", "choices": ["a"], "answer": 0}', "at least two"),
        ('{"question": "q"}', "no column `answer`"),
    ],
)
def test_a_bad_row_is_named_with_its_reason(tmp_path: Path, line: str, said: str) -> None:
    path = tmp_path / "bad.jsonl"
    path.write_text(line + "\n")
    with pytest.raises(StepError) as caught:
        list(read_rows(source(path)))
    assert said in caught.value.message
    assert "bad.jsonl:1`" in caught.value.message
    assert caught.value.help


def test_a_missing_column_names_the_row_and_what_is_there(tmp_path: Path) -> None:
    path = write(tmp_path / "a.jsonl", [{"body": "x"}, {"bodi": "x"}])
    with pytest.raises(StepError, match=r"a\.jsonl:2`: no column `body` for `text`; the row has `bodi`"):
        list(read_rows(source(path, columns={"text": "body"})))


def test_a_corpus_has_one_shape(tmp_path: Path) -> None:
    path = write(tmp_path / "a.jsonl", [*texts("a"), chat("a", "b")])
    with pytest.raises(StepError, match=r"a\.jsonl:2`: the columns are"):
        list(read_rows(source(path)))
    mixed = [{"prompt": "p", "chosen": "a", "rejected": "b"}]
    other = [{key: [{"role": "user", "content": "x" + key}] for key in ("prompt", "chosen", "rejected")}]
    with pytest.raises(StepError, match="the columns are"):
        list(read_rows(source(write(tmp_path / "b.jsonl", mixed + other))))


def test_bytes_that_are_no_text_are_named(tmp_path: Path) -> None:
    path = tmp_path / "latin.jsonl"
    path.write_bytes('{"text": "é"}'.encode("latin-1"))
    with pytest.raises(StepError, match="not UTF-8 at byte 10"):
        list(read_rows(source(path)))


def test_an_empty_corpus_is_refused(tmp_path: Path) -> None:
    with pytest.raises(StepError, match="has no row"):
        list(read_rows(source(write(tmp_path / "a.jsonl", []))))


def test_a_missing_file_is_a_problem_of_the_user(tmp_path: Path) -> None:
    with pytest.raises(StepError, match="cannot be read"):
        list(read_rows(source(tmp_path / "gone.jsonl")))


def test_a_line_without_end_is_not_read_into_memory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rows, "MAX_LINE", 100)
    path = tmp_path / "long.jsonl"
    path.write_text('{"text": "' + "a" * 200 + '"}\n')
    with pytest.raises(StepError, match="longer than 100 bytes"):
        list(read_rows(source(path)))


def test_windows_line_ends_and_a_missing_last_one_are_fine(tmp_path: Path) -> None:
    path = tmp_path / "a.jsonl"
    path.write_bytes(b'{"text": "a"}\r\n{"text": "b"}')
    assert list(read_rows(source(path))) == texts("a", "b")


def test_blank_lines_at_the_end_are_no_rows_and_one_in_the_middle_is_an_error(tmp_path: Path) -> None:
    path = tmp_path / "a.jsonl"
    path.write_bytes(b'{"text": "a"}\n{"text": "b"}\n\n  \n\r\n')
    assert list(read_rows(source(path))) == texts("a", "b")
    path.write_bytes(b'{"text": "a"}\n\n{"text": "b"}\n')
    with pytest.raises(StepError, match=r"a\.jsonl:2`: an empty line"):
        list(read_rows(source(path)))
    path.write_bytes(b"\n\n")
    with pytest.raises(StepError, match="has no row"):
        list(read_rows(source(path)))


def test_an_artifact_is_read_like_a_source(tmp_path: Path) -> None:
    write(tmp_path / "rows.jsonl", texts("a", "b"))
    assert list(read_rows(Given("corpus", "filter", "0" * 64, path=tmp_path))) == texts("a", "b")


def test_rows_stream(tmp_path: Path) -> None:
    path = write(tmp_path / "a.jsonl", [*texts("a"), "{"])
    assert next(read_rows(source(path))) == {"text": "a"}


NAMES = ["text", "messages", "role", "content", "prompt", "chosen", "rejected", "question", "choices", "answer"]


@drawn(st.binary(max_size=200))
def test_no_bytes_escape_as_another_error(line: bytes) -> None:
    with contextlib.suppress(RowError):
        canonical_row(parse_row(line), {})


@drawn(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
        lambda inner: st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from(NAMES), inner),
        max_leaves=12,
    )
)  # fmt: skip
def test_no_object_escapes_as_another_error(value: object) -> None:
    if isinstance(value, dict):
        try:
            found = canonical_row(value, {})
        except RowError:
            return
        assert canonical_row(found, {}) == found
