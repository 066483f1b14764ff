"""Corpus operators: what each keeps, that nothing but its options and rows decides it, and that bad rows are named."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path

import pytest
from hypothesis import given as drawn
from hypothesis import settings
from hypothesis import strategies as st
from ladle.dsl.graph import Json
from ladle.executor.draws import chosen, permutation
from ladle.executor.rows import Row
from ladle.executor.task import Given, StepError

from corpora import chat, rows_of, run, source, texts, write

TWENTY = texts(*(f"text number {n}" for n in range(20)))


def apply(folder: Path, operator: str, rows: list[Row], /, **options: Json) -> list[Row]:
    return rows_of(run(folder / "step", operator, options, [source(write(folder / "in.jsonl", rows), "0")]))


def test_take_keeps_the_first_rows(tmp_path: Path) -> None:
    assert apply(tmp_path, "take", TWENTY, rows=3) == TWENTY[:3]


def test_take_of_more_than_there_is_keeps_all(tmp_path: Path) -> None:
    assert apply(tmp_path, "take", TWENTY, rows=99) == TWENTY


def test_every_begins_with_the_first(tmp_path: Path) -> None:
    assert apply(tmp_path, "every", TWENTY, n=7) == [TWENTY[0], TWENTY[7], TWENTY[14]]


@pytest.mark.parametrize(
    ("bounds", "kept"),
    [
        ({"min_words": 2}, ["b c", "d e f"]),
        ({"max_words": 2}, ["a", "b c"]),
        ({"min_words": 2, "max_words": 2}, ["b c"]),
        ({"min_chars": 3}, ["b c", "d e f"]),
        ({"max_chars": 1}, ["a"]),
    ],
)
def test_filter_keeps_what_lies_within_its_bounds(tmp_path: Path, bounds: dict[str, Json], kept: list[str]) -> None:
    assert apply(tmp_path, "filter", texts("a", "b c", "d e f"), **bounds) == texts(*kept)


def test_filter_counts_all_messages_of_a_chat(tmp_path: Path) -> None:
    rows = [chat("one two", "three"), chat("one", "two")]
    assert apply(tmp_path, "filter", rows, min_words=3) == rows[:1]


def test_a_filter_that_leaves_nothing_is_a_problem_of_the_user(tmp_path: Path) -> None:
    with pytest.raises(StepError, match="leaves no row"):
        apply(tmp_path, "filter", TWENTY, min_words=99)


def test_sample_keeps_the_order_and_no_row_twice(tmp_path: Path) -> None:
    found = apply(tmp_path, "sample", TWENTY, rows=8)
    places = [TWENTY.index(row) for row in found]
    assert places == sorted(set(places))
    assert len(found) == 8


def test_sample_by_share(tmp_path: Path) -> None:
    assert len(apply(tmp_path, "sample", TWENTY, share={"share": 0.25})) == 5


def test_the_seed_decides_a_sample(tmp_path: Path) -> None:
    one = apply(tmp_path / "a", "sample", TWENTY, rows=8, seed=1)
    assert apply(tmp_path / "b", "sample", TWENTY, rows=8, seed=1) == one
    assert apply(tmp_path / "c", "sample", TWENTY, rows=8, seed=2) != one


def test_shuffle_is_another_order_of_the_same_rows(tmp_path: Path) -> None:
    one = apply(tmp_path / "a", "shuffle", TWENTY)
    assert one != TWENTY
    assert sorted(map(json.dumps, one)) == sorted(map(json.dumps, TWENTY))
    assert apply(tmp_path / "b", "shuffle", TWENTY, seed=7) != one


def test_as_text_says_what_was_said_and_no_wrong_answer(tmp_path: Path) -> None:
    assert apply(tmp_path / "a", "as_text", [chat("q", "a")]) == texts("q\n\na")
    pair: Row = {"prompt": "q", "chosen": "good", "rejected": "bad"}
    assert apply(tmp_path / "b", "as_text", [pair]) == texts("q\n\ngood")
    choice: Row = {"question": "q", "choices": ["bad", "good"], "answer": 1}
    assert apply(tmp_path / "c", "as_text", [choice]) == texts("q\n\ngood")


def test_a_bad_row_is_named_by_whatever_reads_it(tmp_path: Path) -> None:
    path = write(tmp_path / "in.jsonl", [*TWENTY, '{"text": 3}'])
    with pytest.raises(StepError, match=r"in\.jsonl:21`"):
        run(tmp_path / "step", "shuffle", {}, [source(path, "0")])


# --- except ---------------------------------------------------------------------------------------------------------


def except_(folder: Path, rows: list[Row], others: list[Row]) -> list[Row]:
    first, second = write(folder / "in.jsonl", rows), write(folder / "others.jsonl", others)
    return rows_of(run(folder / "step", "except", {}, [source(first, "0"), source(second, "rows", key="1")]))


def test_except_leaves_out_what_is_elsewhere_but_for_case_and_punctuation(tmp_path: Path) -> None:
    found = except_(tmp_path, texts("The cat.", "The  cat", "A dog", "the cats"), texts("the CAT!"))
    assert found == texts("A dog", "the cats")


def test_except_a_benchmark_leaves_out_what_holds_its_questions(tmp_path: Path) -> None:
    question: Row = {"question": "What is dragline silk made of?", "choices": ["a", "b"], "answer": 0}
    rows = [
        chat("Tell me: what is dragline silk made of", "Protein."),
        chat("What is dragline silk?", "A thread made of protein."),
        chat("Hello.", "Hello! Say hello to her."),
    ]
    short: Row = {"question": "Hello", "choices": ["a", "b"], "answer": 0}
    assert except_(tmp_path / "a", rows, [question]) == rows[1:]
    assert except_(tmp_path / "b", rows, [short]) == rows[:2]


# --- mix ------------------------------------------------------------------------------------------------------------

A = texts(*(f"a{n}" for n in range(10)))
B = texts(*(f"b{n}" for n in range(20)))


def mixed(
    folder: Path, weights: list[Json], *corpora: list[Row], order: tuple[int, ...] = (), **options: Json
) -> list[Row]:
    given: list[Given] = []
    for n in order or range(len(corpora)):
        path = write(folder / f"{n}.jsonl", corpora[n])
        given.append(source(path, str(len(given)), key="abcdef"[n]))
    weighted: Json = [weights[n] for n in order] if order else weights
    return rows_of(run(folder / "step", "mix", {"weights": weighted, **options}, given))


def counted(rows: list[Row]) -> Counter[str]:
    return Counter(str(row["text"])[0] for row in rows)


def test_passes_repeat_and_sample(tmp_path: Path) -> None:
    found = mixed(tmp_path, [2, 0.25], A, B)
    assert counted(found) == {"a": 20, "b": 5}
    assert set(Counter(str(row["text"]) for row in found if str(row["text"]).startswith("a")).values()) == {2}
    assert len({str(row["text"]) for row in found if str(row["text"]).startswith("b")}) == 5


def test_a_pass_and_a_half_holds_every_row(tmp_path: Path) -> None:
    found = Counter(str(row["text"]) for row in mixed(tmp_path, [1.5], A))
    assert sorted(found.values()) == [1] * 5 + [2] * 5


def share(*parts: float) -> list[Json]:
    return [{"share": part} for part in parts]


def test_shares_of_chats_count_rows_and_repeat_none(tmp_path: Path) -> None:
    one, two = [chat(f"a{n}", "x") for n in range(10)], [chat(f"b{n}", "x") for n in range(20)]
    found = mixed(tmp_path, share(0.5, 0.5), one, two)
    assert len(found) == 20
    assert len({json.dumps(row) for row in found}) == 20


def test_shares_of_text_count_bytes(tmp_path: Path) -> None:
    long = texts(*("a" * 90 + str(n) for n in range(100)))
    short = texts(*(f"b{n:02}" for n in range(100)))
    found = mixed(tmp_path, share(0.5, 0.5), long, short)
    sizes: Counter[str] = Counter()
    for row in found:
        sizes[str(row["text"])[0]] += len(json.dumps(row))
    assert sizes["b"] == sum(len(json.dumps(row)) for row in short)
    assert abs(sizes["a"] - sizes["b"]) < 120


def test_a_size_repeats_rows_where_it_must(tmp_path: Path) -> None:
    assert counted(mixed(tmp_path / "a", share(0.9, 0.1), A, B, rows=100)) == {"a": 90, "b": 10}
    found = mixed(tmp_path / "b", share(0.5, 0.5), A, B, bytes=1000)
    assert 900 < sum(len(json.dumps(row)) for row in found) <= 1000


def test_the_order_of_operands_is_no_part_of_a_mixture(tmp_path: Path) -> None:
    one = mixed(tmp_path / "a", [1, 0.5], A, B)
    assert mixed(tmp_path / "b", [1, 0.5], A, B, order=(1, 0)) == one
    assert one != sorted(one, key=str)


def test_the_seed_decides_a_mixture(tmp_path: Path) -> None:
    assert mixed(tmp_path / "a", [1, 0.5], A, B) != mixed(tmp_path / "b", [1, 0.5], A, B, seed=3)


# --- draws ----------------------------------------------------------------------------------------------------------


@drawn(st.integers(0, 300), st.integers(0, 300), st.integers(0, 2**32))
@settings(max_examples=50)
def test_a_choice_is_rising_and_of_its_size(count: int, size: int, seed: int) -> None:
    found = chosen(count, size, seed, "x")
    assert found == sorted(set(found))
    assert len(found) == min(size, count)
    assert sorted(permutation(count, seed, "x")) == list(range(count))


def test_streams_of_two_purposes_are_two() -> None:
    assert permutation(50, 1, "a") != permutation(50, 1, "b")
    assert permutation(8, 42, "a") == [4, 5, 7, 1, 0, 2, 6, 3]


def test_numpy_streams_are_named_too() -> None:
    pytest.importorskip("numpy")
    from ladle.executor.random_streams import stream  # noqa: PLC0415

    assert stream(1, "a").integers(0, 2**32) == stream(1, "a").integers(0, 2**32)
    assert stream(1, "a").integers(0, 2**32) != stream(1, "b").integers(0, 2**32)
