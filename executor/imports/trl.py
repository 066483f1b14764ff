"""TRL: the arguments of `trl sft`, `trl dpo` and ORPO's script as YAML. Out: the importer of `trl`."""

from __future__ import annotations

from ladle.executor.importing.draft import Corpus, Importer, Made, Request, fields_of
from ladle.executor.importing.fields import Fields
from ladle.executor.importing.ledger import Ledger
from ladle.executor.importing.places import Part, corpus
from ladle.executor.importing.tree import Document
from ladle.executor.importing.trl_arguments import trained


def corpora(fields: Fields, kind: str, columns: dict[str, str]) -> tuple[Corpus, ...]:
    """Return what a file trains on: `dataset_name`, or the mixture of `datasets`."""
    found = []
    for each in fields.tables("datasets"):
        part = Part(each.text("name") or "", each.text("split") or "train")
        files = each.items("data_files")
        key = "data_files" if len(files) == 1 and each.text("path") == "json" else "path"
        if files and key == "path":
            each.missing("data_files", "take the rows of these files alone")
        found.append(corpus(each, key, kind, columns, part))
        each.rest({})
    if not found and "dataset_name" in fields:
        part = Part(fields.text("dataset_config") or "", fields.text("dataset_train_split") or "train")
        found.append(corpus(fields, "dataset_name", kind, columns, part))
    if not found:
        fields.problem("E609", "dataset_name", "the file says no `dataset_name` and no `datasets`", "add one of them")
    return tuple(found)


def convert(document: Document, ledger: Ledger, request: Request) -> Made | None:
    """Return the model that a file of TRL trains."""
    fields = fields_of(document, ledger)
    return trained(fields, request, "TRL", corpora) if fields else None


IMPORTER = Importer(
    name="trl",
    signs=(
        frozenset({"model_name_or_path", "dataset_name"}),
        frozenset({"model_name_or_path", "datasets"}),
        frozenset({"model_name_or_path", "learning_rate"}),
    ),
    convert=convert,
)
