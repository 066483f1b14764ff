"""Rows that say the same once. In: a corpus. Out: the rows of `dedup`.

Rows are alike where the Jaccard index of their runs of five words reaches the threshold. Candidates come from MinHash
bands (Broder 1997; one permutation, Li et al. 2012); each is then compared exactly, so no row is dropped by a guess.
"""

import hashlib
from array import array
from collections.abc import Iterator

from ladle.executor.corpus.exclusion import content
from ladle.executor.corpus.writing import write_rows
from ladle.executor.corpus_rows import read_rows
from ladle.executor.rows import Row
from ladle.executor.task import StepError, Task

RUN = 5
"""Words of a shingle; a shorter row is one shingle."""
BINS, BAND = 128, 4
"""Least hashes of a row, and how many of them two rows must share side by side to be compared. At a Jaccard index of
0.5 a pair is missed once in eight times, at 0.7 once in six thousand, at 0.8 less than once in ten million."""


def run(task: Task) -> None:
    """Write the rows that are not like an earlier one that was kept."""
    threshold = task.options["threshold"]
    if isinstance(threshold, bool) or not isinstance(threshold, int | float):
        raise StepError("`threshold` of `dedup` is no number", "compile the recipe again")
    rows = read_rows(task.inputs[0])
    write_rows(_exact(rows) if threshold >= 1 else _near(rows, float(threshold)), task)


def _exact(rows: Iterator[Row]) -> Iterator[Row]:
    seen: set[bytes] = set()
    for row in rows:
        key = hashlib.sha256(repr(content(row)).encode()).digest()
        if key not in seen:
            seen.add(key)
            yield row


def _near(rows: Iterator[Row], threshold: float) -> Iterator[Row]:
    kept: list[array[int]] = []
    bands: dict[tuple[int, tuple[int, ...]], list[int]] = {}
    for row in rows:
        shingles = _shingles(row)
        keys = list(_bands(shingles))
        candidates = dict.fromkeys(number for key in keys for number in bands.get(key, ()))
        if any(alike(shingles, set(kept[number])) >= threshold for number in candidates):
            continue
        for key in keys:
            bands.setdefault(key, []).append(len(kept))
        kept.append(array("Q", shingles))
        yield row


def alike(a: set[int], b: set[int]) -> float:
    """Return the Jaccard index of two sets; two empty ones are alike."""
    return len(a & b) / len(a | b) if a or b else 1.0


def _shingles(row: Row) -> set[int]:
    words = [word for piece in content(row) for word in piece]
    runs = [words[start : start + RUN] for start in range(max(1, len(words) - RUN + 1))]
    return {int.from_bytes(hashlib.blake2b(" ".join(run).encode(), digest_size=8).digest()) for run in runs}


def _bands(shingles: set[int]) -> Iterator[tuple[int, tuple[int, ...]]]:
    least: list[int | None] = [None] * BINS
    for shingle in shingles:
        bin, rest = shingle % BINS, shingle // BINS
        known = least[bin]
        least[bin] = rest if known is None else min(known, rest)
    filled = _filled(least)
    for place in range(0, BINS, BAND):
        yield place, tuple(filled[place : place + BAND])


def _filled(least: list[int | None]) -> list[int]:
    """An empty bin takes the next filled one's hash, so that short rows are compared too."""
    following, found = 0, []
    for value in reversed(least + least):
        following = following if value is None else value
        found.append(following)
    return found[::-1][:BINS]
