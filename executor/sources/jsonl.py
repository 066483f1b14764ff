"""Rows in JSON lines below the project's root. Out: the declaration of `jsonl`, and its type from the first rows."""

from collections.abc import Mapping

from ladle.dsl.signature import REQUIRED, Names, Operator, Option, Role, Text, Typed, Typing
from ladle.dsl.types import CorpusType
from ladle.executor.columns import COLUMNS


def corpus_type(typing: Typing) -> Typed:
    """Return the kind that the first rows of each file show, or what is wrong with them."""
    path, columns = typing.options["path"], typing.options.get("columns")
    names = {k: v for k, v in columns.items() if isinstance(v, str)} if isinstance(columns, Mapping) else {}
    facts = typing.facts.corpus(str(path), names)
    return facts if isinstance(facts, tuple) else CorpusType(facts.kind, facts.unanswered)


OPERATOR = Operator(
    name="jsonl",
    role=Role.CORPUS_SOURCE,
    version=1,
    text="rows of JSON lines: one object a line, files in the order of their paths",
    options=(
        Option("path", Text(path=True), REQUIRED, "path or glob, relative to the project's root", positional=True),
        Option(
            "columns",
            Names(COLUMNS),
            None,
            'what columns are called in the files, `{user: "question"}`; none: as the kind of corpus calls them',
        ),
    ),
    typed=corpus_type,
    produces=False,
    pattern="path",
)
