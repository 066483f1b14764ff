"""A corpus as plain text. In: a corpus. Out: the rows of `as_text`."""

from ladle.executor.corpus.writing import pieces, write_rows
from ladle.executor.corpus_rows import read_rows
from ladle.executor.rows import Row
from ladle.executor.task import Task


def run(task: Task) -> None:
    """Write each row as one text."""
    write_rows(({"text": as_text(row)} for row in read_rows(task.inputs[0])), task)


def as_text(row: Row) -> str:
    """Return what a row says, its parts one empty line apart, without roles, wrong answers or wrong choices."""
    choices, answer = row.get("choices"), row.get("answer")
    if isinstance(choices, list) and isinstance(answer, int):
        return "\n\n".join(pieces({"question": row["question"], "answer": choices[answer]}))
    return "\n\n".join(pieces({key: value for key, value in row.items() if key != "rejected"}))
