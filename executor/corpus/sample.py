"""A random choice of rows. In: a corpus. Out: the rows of `sample`."""

from ladle.executor.corpus.writing import integer, write_rows
from ladle.executor.corpus_rows import read_rows
from ladle.executor.draws import chosen
from ladle.executor.task import Task


def run(task: Task) -> None:
    """Write a random choice of rows in their order."""
    rows = list(read_rows(task.inputs[0]))
    share = task.options.get("share")
    fraction = share["share"] if isinstance(share, dict) else None
    size = round(fraction * len(rows)) if isinstance(fraction, int | float) else integer(task, "rows")
    kept = chosen(len(rows), size or 0, integer(task, "seed") or 0, "sample")
    write_rows((rows[index] for index in kept), task)
