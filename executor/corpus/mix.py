"""Corpora in one. In: corpora with passes or shares. Out: the rows of `mix`."""

import json
from math import floor

from ladle.dsl.graph import Json
from ladle.executor.corpus.writing import integer, write_rows
from ladle.executor.corpus_rows import read_rows
from ladle.executor.draws import chosen, permutation
from ladle.executor.rows import Row
from ladle.executor.task import Given, StepError, Task


def run(task: Task) -> None:
    """Write the rows of all operands by their weights, in a random order."""
    seed = integer(task, "seed") or 0
    weights = task.options["weights"]
    if not isinstance(weights, list) or len(weights) != len(task.inputs):
        raise StepError("`mix` has not one weight for each corpus", "compile the recipe again")
    pairs = _in_canonical_order(list(zip(task.inputs, weights, strict=True)))
    parts = [
        (list(read_rows(given)), weight, f"mix {given.fingerprint} {n}") for n, (given, weight) in enumerate(pairs)
    ]
    if isinstance(weights[0], dict):
        rows = _shares(parts, integer(task, "rows"), integer(task, "bytes"), seed)
    else:
        rows = [row for own, weight, purpose in parts for row in _passes(own, _number(weight), seed, purpose)]
    write_rows((rows[index] for index in permutation(len(rows), seed, "mix order")), task)


def _in_canonical_order(pairs: list[tuple[Given, Json]]) -> list[tuple[Given, Json]]:
    """The order of operands is no part of a mixture's identity, so it must be none of its bytes."""
    return sorted(pairs, key=lambda pair: (pair[0].fingerprint, json.dumps(pair[1], sort_keys=True)))


def _passes(rows: list[Row], passes: float, seed: int, purpose: str) -> list[Row]:
    whole = floor(passes)
    part = round((passes - whole) * len(rows))
    return rows * whole + [rows[index] for index in chosen(len(rows), part, seed, purpose)]


def _shares(parts: list[tuple[list[Row], Json, str]], rows: int | None, size: int | None, seed: int) -> list[Row]:
    """Rows by share: counted in bytes for text and where `bytes` is set, else in rows."""
    in_bytes = size is not None or (rows is None and "text" in parts[0][0][0])
    sizes = [[_bytes(row) if in_bytes else 1 for row in own] for own, _, _ in parts]
    fractions = [_number(weight["share"]) if isinstance(weight, dict) else 0.0 for _, weight, _ in parts]
    largest = min(sum(own) / fraction for own, fraction in zip(sizes, fractions, strict=True))
    total = float(size or rows or largest)
    found: list[Row] = []
    for (own, _, purpose), costs, fraction in zip(parts, sizes, fractions, strict=True):
        found += _until(own, costs, round(fraction * total), seed, purpose)
    return found


def _until(rows: list[Row], costs: list[int], target: int, seed: int, purpose: str) -> list[Row]:
    """Rows in random order, again from a new one when all are used, until `target` is reached but not passed."""
    found: list[Row] = []
    spent, turn = 0, 0
    while True:
        for index in permutation(len(rows), seed, f"{purpose} turn {turn}"):
            if spent + costs[index] > target:
                return found
            spent += costs[index]
            found.append(rows[index])
        turn += 1


def _bytes(row: Row) -> int:
    return len(json.dumps(row, ensure_ascii=False).encode())


def _number(value: Json) -> float:
    return float(value) if isinstance(value, int | float) else 0.0
