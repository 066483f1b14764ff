"""Where things lie in a project. In: its root. Out: paths of artifacts, work folders, records, locks and logs."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath

from ladle.executor.disk import hide
from ladle.executor.file_digests import FileDigests
from ladle.executor.quoting import short
from ladle.executor.task import StepError

PLACES = {"artifacts": 3, "scores": 4, "reports": 2}
"""Top-level folders that steps publish into, and how many parts a place in each has."""

TOTAL = "total"
"""File of a work folder that holds how many steps the program has said it will take."""

NAME = re.compile(r"[A-Za-z0-9_-]+\Z")
_PRIVATE = (".ladle", ".git", ".dvc")


@dataclass(frozen=True, slots=True)
class Workspace:
    """A project folder. Places are written relative to it, with `/`."""

    root: Path
    digests: FileDigests = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "root", self.root.resolve())
        object.__setattr__(self, "digests", FileDigests(self.root / ".ladle" / "digests.json"))

    def path(self, place: str) -> Path:
        """Return the absolute path of a relative place. Raises StepError where it is not inside the project."""
        parts = PurePosixPath(place).parts
        if not parts or place != "/".join(parts) or ".." in parts or parts[0] in ("/", *_PRIVATE) or "\0" in place:
            help = "paths are relative to the project's root"
            raise StepError(f"`{short(place)}` is not a path inside the project", help)
        path = self.root.joinpath(*parts)
        if not path.resolve().is_relative_to(self.root):
            help = "replace the symbolic link by what it points to"
            raise StepError(f"`{short(place)}` leads out of the project", help)
        return path

    def artifact(self, place: str) -> Path:
        """Return the path of a place that a step publishes. Raises StepError for any other path."""
        parts = place.split("/")
        if PLACES.get(parts[0]) != len(parts) or not all(NAME.match(part) for part in parts):
            raise StepError(f"`{short(place)}` is not a place of an artifact, a score or a report")
        return self.path(place)

    def destination(self, place: str) -> Path:
        """Return the path to publish a place at. DVC says itself what git must not see; without DVC it is done here."""
        path = self.artifact(place)
        if not (self.root / ".dvc").is_dir():
            hide(self.root / place.split("/")[0])
        return path

    def work(self, fingerprint: str) -> Path:
        """Return the scratch folder of a computation; it survives kills."""
        return self.private / "work" / fingerprint

    def record(self, fingerprint: str) -> Path:
        """Return the file of a computation's run record."""
        return self.private / "runs" / f"{fingerprint}.json"

    def lock(self, name: str) -> Path:
        """Return the lock file `name`. What writes below `.ladle` takes a lock first: git never sees that folder."""
        hide(self.private)
        return self.private / "locks" / f"{name}.lock"

    def log(self, name: str) -> Path:
        """Return the log file `name`."""
        return self.private / "logs" / f"{name}.log"

    @property
    def private(self) -> Path:
        """The folder that neither git nor DVC sees."""
        return self.root / ".ladle"

    def published(self) -> list[str]:
        """Return every place that holds a `lineage.json`, sorted."""
        found: list[str] = []
        for top, depth in PLACES.items():
            pattern = "/".join(["*"] * (depth - 1) + ["lineage.json"])
            found += [path.parent.relative_to(self.root).as_posix() for path in (self.root / top).glob(pattern)]
        return sorted(found)
