"""Every n-th row. In: a corpus. Out: the rows of `every`."""

from itertools import islice

from ladle.executor.corpus.writing import integer, write_rows
from ladle.executor.corpus_rows import read_rows
from ladle.executor.task import Task


def run(task: Task) -> None:
    """Write every n-th row, beginning with the first."""
    write_rows(islice(read_rows(task.inputs[0]), 0, None, integer(task, "n")), task)
