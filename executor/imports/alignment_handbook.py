"""alignment-handbook: TRL's arguments and a mixture of data sets. Out: the importer of `alignment-handbook`."""

from __future__ import annotations

from dataclasses import replace

from ladle.executor.importing.draft import Corpus, Importer, Made, Request, fields_of
from ladle.executor.importing.fields import Fields, scalar_number
from ladle.executor.importing.ledger import Ledger
from ladle.executor.importing.places import Part, corpus, slug
from ladle.executor.importing.spelling import written
from ladle.executor.importing.tree import Document, Scalar, Table
from ladle.executor.importing.trl_arguments import trained
from ladle.executor.quoting import short


def corpora(fields: Fields, kind: str, columns: dict[str, str]) -> tuple[Corpus, ...]:
    """Return the parts of `dataset_mixture`, or of `dataset_mixer` in older files, each with its weight."""
    found = _mixture(fields, kind, columns) if "dataset_mixture" in fields else _mixer(fields, kind, columns)
    if not found:
        fields.problem("E609", "dataset_mixture", "the file says no `dataset_mixture`", "add the data sets")
    return tuple(found)


def _mixture(fields: Fields, kind: str, columns: dict[str, str]) -> list[Corpus]:
    mixture, found = fields.fields("dataset_mixture"), []
    if mixture is None:
        return []
    for each in mixture.tables("datasets"):
        split, subset = each.text("split") or "train", each.text("config") or ""
        part = Part("" if subset == "default" else subset, split, f"{each.text('id')}_{split}")
        each.items("columns")
        made = corpus(each, "id", kind, columns, part)
        weight = each.number("weight")
        if weight is not None and weight <= 0:
            each.problem("E608", "weight", "a weight is above 0", "leave the data set out")
        found.append(Corpus(made.name, made.kind, made.expression, written(1 if weight is None else weight)))
        each.rest({})
    seed = mixture.whole("seed")
    if seed is not None and len(found) == 1 and found[0].weight == "1":
        mixture.agrees("seed", "one data set, taken whole: its order is drawn from the stage's own seed")
    elif seed is not None:
        found = [replace(each, mixed=f"seed = {seed}") for each in found]
    if "test_split_size" in mixture:
        mixture.lost("test_split_size", "a stage trains on every row: hold rows out with `every` and `except`")
    mixture.rest({})
    return found


def _mixer(fields: Fields, kind: str, columns: dict[str, str]) -> list[Corpus]:
    """`dataset_mixer` is a table of data sets and the share of each that is taken."""
    mixer = fields.tree("dataset_mixer")
    splits = [item.text for item in fields.items("dataset_splits") if isinstance(item, Scalar)]
    split = next((name for name in splits if name.startswith("train")), "train")
    if any(name.startswith("test") for name in splits):
        fields.lost("dataset_splits", "the test split: a stage trains on every row of its corpus and watches none")
    if not isinstance(mixer, Table):
        return []
    inner = Fields(fields.document, mixer, fields.ledger, "dataset_mixer.")
    found = []
    subsets = _subsets(fields, len(mixer.entries))
    for entry, subset in zip(mixer.entries, subsets, strict=True):
        weight = scalar_number(entry.value)
        if weight is None or weight <= 0:
            message = f"the share of `{short(entry.key)}` is no number above 0"
            inner.problem("E608", entry.key, message, "a share such as 0.5")
            continue
        named = Table((type(entry)("id", entry.at, Scalar(entry.key, entry.key, entry.at)),), entry.at, 1)
        made = corpus(
            Fields(fields.document, named, fields.ledger, "dataset_mixer."), "id", kind, columns, Part(subset, split)
        )
        found.append(Corpus(slug(made.name, "corpus"), kind, made.expression, written(weight)))
    return found


def _subsets(fields: Fields, parts: int) -> list[str]:
    """Return the configuration of each data set, as `dataset_configs` lists them in the order of the mixer."""
    names = [item.text if isinstance(item, Scalar) else "" for item in fields.items("dataset_configs")]
    if names and len(names) != parts:
        message = f"{len(names)} configurations for {parts} data sets: which is whose?"
        fields.problem("E608", "dataset_configs", message, "list one for each data set, in order")
    given = ["" if name == "default" else name for name in names]
    return [*given, *[""] * parts][:parts]


def convert(document: Document, ledger: Ledger, request: Request) -> Made | None:
    """Return the model that a recipe of alignment-handbook trains."""
    fields = fields_of(document, ledger)
    return trained(fields, request, "TRL", corpora) if fields else None


IMPORTER = Importer(
    name="alignment-handbook",
    signs=(
        frozenset({"model_name_or_path", "dataset_mixer"}),
        frozenset({"model_name_or_path", "dataset_mixture"}),
    ),
    convert=convert,
    rank=2,
)
