"""`ladle.lock` as written. In: a lock. Out: its bytes: JSON, sorted, one value a line, the same for the same facts."""

from __future__ import annotations

import json

from ladle.dsl.graph import Json
from ladle.dsl.types import Unknown
from ladle.executor.lock.entries import (
    SCHEMA,
    Files,
    Lock,
    LockedCorpus,
    LockedData,
    LockedFolder,
    LockedModel,
    LockedRows,
    LockedTemplate,
    written,
)


def encode_lock(lock: Lock) -> bytes:
    """Return the bytes of a lock."""
    folders: Json = {folder: folder_json(entry) for folder, entry in lock.folders.items()}
    value: Json = {
        "schema": SCHEMA,
        "models": {written(pinned): model_json(entry) for pinned, entry in lock.models.items()},
        "data": {written(pinned): data_json(entry) for pinned, entry in lock.data.items()},
        "corpora": {pattern: corpus_json(entry) for pattern, entry in lock.corpora.items()},
        **({"folders": folders} if folders else {}),
    }
    return (json.dumps(value, indent=1, sort_keys=True, ensure_ascii=False, allow_nan=False) + "\n").encode()


def model_json(entry: LockedModel) -> Json:
    """Return a model's entry as JSON."""
    vocabulary = entry.vocabulary
    added = vocabulary.added
    return {
        "basis": entry.basis,
        "commit": _plain(entry.commit),
        "architecture": _plain(entry.architecture),
        "shape": "unknown" if isinstance(entry.shape, Unknown) else dict(entry.shape),
        "vocabulary": {
            "identity": _plain(vocabulary.identity),
            "size": _plain(vocabulary.size),
            "added": "unknown" if isinstance(added, Unknown) else list(added),
        },
        "template": _template(entry.template),
        "licence": _plain(entry.licence),
        "parameters": _plain(entry.parameters),
        "files": _files(entry.files),
        **({} if isinstance(entry.pad_is_end, Unknown) else {"pad_is_end": entry.pad_is_end}),
        **({} if isinstance(entry.settings, Unknown) else {"settings": dict(entry.settings)}),
    }


def data_json(entry: LockedData) -> Json:
    """Return a data set's entry as JSON."""
    splits: dict[str, Json] = {f"{a}/{b}" if a else b: _rows(rows) for (a, b), rows in entry.splits}
    return {
        "basis": entry.basis,
        "commit": _plain(entry.commit),
        "licence": _plain(entry.licence),
        "present": entry.present,
        "splits": splits,
    }


def corpus_json(entry: LockedCorpus) -> Json:
    """Return a local corpus's entry as JSON."""
    return {"basis": entry.basis, **({"present": False} if entry.elsewhere else {}), **_rows(entry.rows)}


def folder_json(entry: LockedFolder) -> Json:
    """Return the entry of a model or adapter folder as JSON."""
    if isinstance(entry, LockedModel):
        return model_json(entry)
    told: Json = {
        "based_on": entry.based_on,
        "vocabulary": _plain(entry.vocabulary),
        "template": _plain(entry.template),
        "pad_is_end": _plain(entry.pad_is_end),
    }
    return {"basis": entry.basis, "adapter": told, "files": _files(entry.files)}


def _rows(rows: LockedRows) -> dict[str, Json]:
    return {
        "columns": "unknown" if isinstance(rows.columns, Unknown) else list(rows.columns),
        "kind": "unknown" if isinstance(rows.kind, Unknown) else rows.kind.value,
        "rows": _plain(rows.rows),
        "files": _files(rows.files),
    }


def _template(template: LockedTemplate | Unknown | None) -> Json:
    if not isinstance(template, LockedTemplate):
        return "unknown" if isinstance(template, Unknown) else None
    lines = template.text
    return {
        "sha256": template.sha256,
        "lines": "unknown" if isinstance(lines, Unknown) else list(lines.split("\n")),
    }


def _files(files: Files | Unknown) -> Json:
    if isinstance(files, Unknown):
        return "unknown"
    return {path: {"bytes": _plain(file.bytes), "sha256": _plain(file.sha256)} for path, file in files}


def _plain(value: str | int | Unknown | None) -> Json:
    return "unknown" if isinstance(value, Unknown) else value
