"""Which models mergekit merges. In: `models` or `slices` of a document. Out: each model with its own parameters."""

from __future__ import annotations

from dataclasses import dataclass

from ladle.executor.importing.draft import ModelRef
from ladle.executor.importing.fields import Fields
from ladle.executor.importing.places import REPOSITORY, REVISION, is_path, quotable
from ladle.executor.importing.scalars import number
from ladle.executor.importing.tree import Scalar, Table
from ladle.executor.quoting import short

ADAPTER_HELP = "name the model alone, and write `local(FOLDER, from = MODEL)` for the adapter into the recipe"


@dataclass(frozen=True, slots=True)
class Source:
    """One model of a merge, and the parameters that stand beside it."""

    model: ModelRef
    fields: Fields
    parameters: Fields | None


def sources(fields: Fields) -> tuple[Source, ...]:
    """Return the models of a merge in order; layers taken apart are reported, since no merge here changes a shape."""
    if fields.tree("modules") is not None:
        fields.problem("E611", "modules", "`modules` merges parts of a model of several towers", "name plain models")
        return ()
    if "slices" not in fields:
        found = tuple(_source(each) for each in fields.tables("models"))
        if not found:
            fields.problem("E609", "models", "the document says no `models` and no `slices`", "add the models to merge")
        return tuple(source for source in found if source is not None)
    return _sliced(fields)


def _sliced(fields: Fields) -> tuple[Source, ...]:
    """A single slice over the same layers of each model, from the first on, is a merge of whole models."""
    slices = tuple(fields.tables("slices"))
    if len(slices) != 1:
        message = f"{len(slices)} slices stack layers, and this is not read"
        fields.problem("E611", "slices", message, "write `stack(a, b, layers = each(0..7, 4..11))`, both ends included")
        return ()
    each = slices[0]
    found = tuple(source for item in each.tables("sources") if (source := _source(item)) is not None)
    ranges = {_range(source.fields) for source in found}
    if len(ranges) > 1 or any(bounds is None or bounds[0] != 0 for bounds in ranges):
        fields.problem("E611", "slices", "the models are merged over different layers, or not from layer 0 on",
                       "one slice over all layers is a merge of whole models")  # fmt: skip
    elif ranges:
        last = next(iter(ranges))
        fields.assumed("slices", f"`layer_range: [0, {last[1] if last else 0}]` is every layer of the models")
    if each.tree("parameters") is not None:
        each.lost("parameters", "parameters of a slice: write them at the models or for the whole merge")
    each.rest({})
    return found


def _range(fields: Fields) -> tuple[int, int] | None:
    items = [item for item in fields.items("layer_range") if isinstance(item, Scalar)]
    bounds = [number(item.text) for item in items]
    if len(bounds) != 2 or not all(isinstance(bound, int) for bound in bounds):
        return None
    return int(bounds[0] or 0), int(bounds[1] or 0)


def _source(each: Fields) -> Source | None:
    model = reference(each, "model")
    return Source(model, each, each.fields("parameters")) if model else None


def reference(fields: Fields, key: str) -> ModelRef | None:
    """Return the model that a key names: `path`, `path@revision`, or a table of these; adapters are reported."""
    tree = fields.tree(key)
    if isinstance(tree, Table):
        return _table(fields, key, Fields(fields.document, tree, fields.ledger, f"{key}."))
    text = tree.text if isinstance(tree, Scalar) else ""
    path, _, revision = text.partition("@")
    fields.ledger.name(fields.document, fields.span(key), path)
    if "+" in text:
        message = f"`{short(text)}` is a model with an adapter, which is two models of a recipe"
        fields.problem("E611", key, message, ADAPTER_HELP)
    elif not path or "@" in revision or not quotable(text) or not _named(fields, path, revision):
        fields.problem(
            "E613", key, f"`{short(text)}` is no name of a model", "a folder, `owner/name`, or `owner/name@revision`"
        )
    else:
        if revision and is_path(fields.ledger.root, path):
            fields.lost(key, "a folder has no revisions")
            revision = ""
        return ModelRef(path.rstrip("/") or path, "" if revision == "main" else revision)
    return None


def _named(fields: Fields, path: str, revision: str) -> bool:
    if revision and not REVISION.fullmatch(revision):
        return False
    return is_path(fields.ledger.root, path) or REPOSITORY.fullmatch(path) is not None


def _table(fields: Fields, key: str, inner: Fields) -> ModelRef | None:
    deeper = inner.table.get("model")
    if inner.tree("lora") is not None:
        fields.problem("E611", key, "a model with an adapter, which is two models of a recipe", ADAPTER_HELP)
        return None
    if inner.tree("override_architecture") is not None:
        inner.lost("override_architecture", "the architecture is read from the model's configuration")
    if deeper is not None and isinstance(deeper.value, Table):
        return _table(fields, key, Fields(inner.document, deeper.value, inner.ledger, f"{key}.model."))
    found = reference(inner, "path" if "path" in inner else "model")
    revision = inner.text("revision")
    inner.rest({})
    return ModelRef(found.name, revision) if found and revision else found
