"""The first rows. In: a corpus. Out: the rows of `take`."""

from itertools import islice

from ladle.executor.corpus.writing import integer, write_rows
from ladle.executor.corpus_rows import read_rows
from ladle.executor.task import Task


def run(task: Task) -> None:
    """Write the first rows; those after them are not read."""
    write_rows(islice(read_rows(task.inputs[0]), integer(task, "rows")), task)
