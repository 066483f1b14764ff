"""Packing: what holds of every way to put documents into rows."""

from __future__ import annotations

from collections import Counter

from hypothesis import given
from hypothesis import strategies as st
from ladle.executor.prepare.documents import Counts
from ladle.executor.prepare.packing import Piece, isolated, wrapped

LENGTHS = st.lists(st.integers(2, 40), min_size=1, max_size=60)
CONTEXT = st.integers(2, 25)


def covered(rows: list[list[Piece]]) -> Counter[tuple[int, int]]:
    return Counter((p.document, at) for row in rows for p in row for at in range(p.start, p.end))


@given(LENGTHS, CONTEXT)
def test_wrapped_rows_hold_every_token_once_in_order(lengths: list[int], context: int) -> None:
    rows = wrapped(lengths, context)
    stream = [(p.document, at) for row in rows for p in row for at in range(p.start, p.end)]
    assert stream == [(number, at) for number, length in enumerate(lengths) for at in range(length)]
    assert all(sum(p.length for p in row) == context for row in rows[:-1])


@given(LENGTHS, CONTEXT)
def test_isolated_rows_hold_every_token_once_and_fit(lengths: list[int], context: int) -> None:
    counts = Counts()
    rows = isolated(lengths, context, counts)
    found = covered(rows)
    assert set(found.values()) == {1}
    assert len(found) + counts.unused_tokens == sum(lengths)
    assert all(sum(p.length for p in row) <= context for row in rows)
    assert counts.split == sum(length > context for length in lengths)


@given(LENGTHS, CONTEXT)
def test_isolated_rows_split_only_what_cannot_fit_and_keep_the_order(lengths: list[int], context: int) -> None:
    rows = isolated(lengths, context, Counts())
    for row in rows:
        assert row == sorted(row, key=lambda p: (p.document, p.start))
        assert all(p.length == lengths[p.document] for p in row if lengths[p.document] <= context)
    firsts = [(row[0].document, row[0].start) for row in rows]
    assert firsts == sorted(firsts)


@given(LENGTHS, CONTEXT)
def test_no_two_isolated_rows_would_fit_in_one(lengths: list[int], context: int) -> None:
    sizes = sorted(sum(p.length for p in row) for row in isolated(lengths, context, Counts()))
    assert len(sizes) < 2 or sizes[0] + sizes[1] > context - 1
