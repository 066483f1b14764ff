"""Which models mergekit merges. In: `models` or `slices` of a document. Out: each model with its own parameters."""

from __future__ import annotations

from dataclasses import dataclass

from ladle.executor.importing.draft import ModelRef
from ladle.executor.importing.fields import Fields
from ladle.executor.importing.places import REPOSITORY, REVISION, is_path, quotable
from ladle.executor.importing.tree import Scalar, Table
from ladle.executor.quoting import short

ADAPTER_HELP = "name the model alone, and write `local(FOLDER, from = MODEL)` for the adapter into the recipe"


@dataclass(frozen=True, slots=True)
class Part:
    """A slice of layers, and the parameters that hold in it, those of a model before those of the slice."""

    layers: int
    parameters: tuple[Fields, ...]


@dataclass(frozen=True, slots=True)
class Source:
    """One model of a merge, and the parameters that stand beside it."""

    model: ModelRef
    fields: Fields
    parameters: Fields | None
    parts: tuple[Part, ...] = ()
    """The slices that it is merged in, where they are not merged alike; it has no parameters beside theirs then."""

    @property
    def own(self) -> tuple[Fields, ...]:
        """All its parameters."""
        return tuple(each for part in self.parts for each in part.parameters) + (
            (self.parameters,) if self.parameters else ()
        )

    def says(self, key: str) -> bool:
        """Say whether a parameter stands beside the model, or in a slice of it."""
        return any(key in each for each in self.own)


def listed(fields: Fields) -> tuple[Source, ...] | None:
    """Return the `models` of a merge in order; None where there are none, or one cannot be read: that is reported."""
    if fields.tree("modules") is not None:
        fields.problem("E611", "modules", "`modules` merges parts of a model of several towers", "name plain models")
        return None
    found = tuple(source(each) for each in fields.tables("models"))
    if not found:
        fields.problem("E609", "models", "the document says no `models` and no `slices`", "add the models to merge")
    known = tuple(each for each in found if each is not None)
    return known if found and len(known) == len(found) else None


def source(each: Fields) -> Source | None:
    """Return the model that an item of a list names, with the parameters beside it."""
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
