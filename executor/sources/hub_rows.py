"""Rows of a data set of the Hugging Face hub. Out: the declaration of `hub` as corpora write it, typed by the lock."""

from collections.abc import Mapping

from ladle.dsl.signature import Names, Operator, Option, Role, Sort, Text, Typed, Typing
from ladle.dsl.types import UNKNOWN, CorpusType
from ladle.executor.columns import COLUMNS
from ladle.executor.repository import NAME, REVISION, misnamed, pins


def corpus_type(typing: Typing) -> Typed:
    """Return the kind that the lock has for these rows, unknown where it has none; or what is wrong."""
    if faults := misnamed(typing.options):
        return faults
    options, columns = typing.options, typing.options.get("columns")
    names = {k: v for k, v in columns.items() if isinstance(v, str)} if isinstance(columns, Mapping) else {}
    part = (str(options["subset"] or ""), str(options["split"]))
    found = typing.facts.hub_corpus(str(options["name"]), str(options["revision"]), part, names)
    if isinstance(found, tuple):
        return found
    return CorpusType(UNKNOWN) if found is None else CorpusType(found.kind, licence=found.licence)


OPERATOR = Operator(
    name="hub_rows",
    role=Role.CORPUS_SOURCE,
    version=1,
    text="rows of a data set of the Hugging Face hub: its parquet or JSON lines files, never code",
    options=(
        NAME,
        REVISION,
        Option("subset", Text(), None, "which of its configurations; none: the only or default one"),
        Option("split", Text(), "train", "which of its splits"),
        Option(
            "columns",
            Names(COLUMNS),
            None,
            'what columns are called in the files, `{user: "question"}`; none: as the kind of corpus calls them',
        ),
    ),
    engines=("huggingface-hub", "pyarrow"),
    typed=corpus_type,
    program="ladle.executor.corpus.hub",
    word="hub",
    pin="revision",
    pins=pins(Sort.CORPUS),
)
