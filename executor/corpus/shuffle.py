"""A random order. In: a corpus. Out: the rows of `shuffle`."""

from ladle.executor.corpus.writing import integer, write_rows
from ladle.executor.corpus_rows import read_rows
from ladle.executor.draws import permutation
from ladle.executor.task import Task


def run(task: Task) -> None:
    """Write all rows in a random order."""
    rows = list(read_rows(task.inputs[0]))
    order = permutation(len(rows), integer(task, "seed") or 0, "shuffle")
    write_rows((rows[index] for index in order), task)
