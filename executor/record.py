"""Run records: what identity must not hold. In: a finished step. Out: a file in `.ladle/runs/`, read back as data."""

from __future__ import annotations

import json
import platform
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from ladle.dsl.graph import Json
from ladle.executor.disk import write_file
from ladle.executor.lineage import LARGEST, Damage, Lineage, decode, texts
from ladle.executor.regular import read_regular
from ladle.executor.workspace import Workspace


@dataclass(frozen=True, slots=True)
class Record:
    """One run of one step."""

    place: str
    lineage: Lineage
    data: Mapping[str, str]
    """SHA-256 of each data file it read, by path."""
    started: float
    """Seconds since the epoch."""
    seconds: float
    taken_from: str = ""
    """The folder an adopted artifact was copied from."""
    size: int = 0
    """Bytes of the artifact."""

    def encode(self) -> bytes:
        """Return the bytes of the record's file, with a line about the machine."""
        parts: Json = {
            "schema": 1,
            "place": self.place,
            "lineage": json.loads(self.lineage.encode()),
            "data": dict(self.data),
            "started": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(self.started)),
            "started_epoch": self.started,
            "seconds": round(self.seconds, 3),
            "taken_from": self.taken_from,
            "bytes": self.size,
            "machine": {
                "system": platform.platform(),
                "processor": platform.machine(),
                "python": platform.python_version(),
            },
        }
        return (json.dumps(parts, indent=1, sort_keys=True) + "\n").encode()


def write_record(workspace: Workspace, record: Record) -> None:
    """Keep a record; an earlier one of the same computation is replaced."""
    write_file(workspace.record(record.lineage.fingerprint), record.encode())


def read_record(path: Path) -> Record | None:
    """Return a record, or None where the file is not there or not one of ours."""
    try:
        raw = json.loads(read_regular(path, LARGEST))
        lineage = decode(raw["lineage"])
        if isinstance(lineage, Damage):
            return None
        return Record(
            str(raw["place"]),
            lineage,
            texts(raw["data"]),
            float(raw["started_epoch"]),
            float(raw["seconds"]),
            str(raw["taken_from"]),
            int(raw["bytes"]),
        )
    except (OSError, ValueError, KeyError, TypeError, RecursionError):
        return None


def records(workspace: Workspace) -> Iterator[Record]:
    """Yield every record that can be read."""
    for path in sorted((workspace.private / "runs").glob("*.json")):
        record = read_record(path)
        if record is not None:
            yield record


def latest(workspace: Workspace) -> dict[str, Record]:
    """Return the newest record of each place."""
    found: dict[str, Record] = {}
    for record in records(workspace):
        if record.place not in found or record.started > found[record.place].started:
            found[record.place] = record
    return found
