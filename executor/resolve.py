"""What a step works on. In: a checked node file and the disk. Out: its inputs, proved, and the fingerprint."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from importlib import metadata
from pathlib import Path

from ladle.dsl.graph import UNTIL, Json, fingerprint
from ladle.executor.lineage import LINEAGE, Damage, Lineage, inspect, read_lineage
from ladle.executor.nodefile import Computation, Inline, Made
from ladle.executor.quoting import short
from ladle.executor.task import Given, StepError
from ladle.executor.workspace import Workspace


@dataclass(frozen=True, slots=True)
class Resolved:
    """A computation whose inputs lie ready."""

    computation: Computation
    inputs: tuple[Given, ...]
    content: tuple[str, ...]
    """SHA-256 of its own data files."""
    data: Mapping[str, str]
    """SHA-256 of every data file of the step, by path."""
    reads: tuple[tuple[Path, int], ...]
    """Every artifact read: its `lineage.json` and that file's inode, which changes when the artifact is replaced."""

    @property
    def fingerprint(self) -> str:
        """The deep identity."""
        return _fingerprint(self.computation, self.inputs, self.content)

    @property
    def from_adopted(self) -> tuple[str, ...]:
        """Fingerprints of the adopted artifacts behind what was read."""
        found: set[str] = set()
        for path, _ in self.reads:
            lineage = read_lineage(path.parent)
            if isinstance(lineage, Lineage):
                found.update(lineage.from_adopted)
                found.update([lineage.fingerprint] if lineage.adopted else [])
        return tuple(sorted(found))

    @property
    def whole(self) -> str:
        """The identity of the whole training that this is a state of, else its own."""
        options = {name: value for name, value in self.computation.options.items() if name != UNTIL}
        return _fingerprint(replace(self.computation, options=options), self.inputs, self.content)


def resolve(computation: Computation, workspace: Workspace) -> Resolved:
    """Find and prove every input. Raises StepError for one that is missing or was changed after it was made."""
    data: dict[str, str] = {}
    reads: list[tuple[Path, int]] = []
    inputs = tuple(_given(item, workspace, data, reads) for item in computation.inputs)
    content = _digests(computation.files, workspace, data)
    workspace.digests.save()
    return Resolved(computation, inputs, content, data, tuple(reads))


def _fingerprint(computation: Computation, inputs: tuple[Given, ...], content: tuple[str, ...]) -> str:
    options: dict[str, Json] = dict(computation.options)
    pairs = tuple((item.role, item.fingerprint) for item in inputs)
    return fingerprint(computation.operator, computation.version, options, computation.engines, pairs, content)


def _given(item: Made | Inline, workspace: Workspace, data: dict[str, str], reads: list[tuple[Path, int]]) -> Given:
    match item:
        case Made(role, place):
            return _artifact(role, place, workspace, reads)
        case Inline(role, computation, path):
            inputs = tuple(_given(inner, workspace, data, reads) for inner in computation.inputs)
            content = _digests(computation.files, workspace, data)
            return Given(
                role,
                computation.operator,
                _fingerprint(computation, inputs, content),
                workspace.path(path) if path else None,
                tuple(workspace.path(file) for file in computation.files),
                computation.options,
                inputs,
            )


def _artifact(role: str, place: str, workspace: Workspace, reads: list[tuple[Path, int]]) -> Given:
    folder = workspace.artifact(place)
    found = inspect(folder, workspace.digests)
    if isinstance(found, Damage):
        help = "make it first: `ladle run` or `dvc repro`" if found.absent else "delete the folder and make it again"
        raise StepError(f"the input `{role}` in `{place}` cannot be used: {found.reason}", help)
    reads.append((folder / LINEAGE, (folder / LINEAGE).stat().st_ino))
    return Given(role, found.operator, found.fingerprint, folder)


def _digests(files: tuple[str, ...], workspace: Workspace, data: dict[str, str]) -> tuple[str, ...]:
    for file in files:
        try:
            path = workspace.path(file)
            if path.exists() and not path.is_file():
                raise StepError(f"the data file `{short(file)}` is no file", "a folder, a pipe or a device is no data")
            data[file] = workspace.digests.sha256(path)
        except OSError as error:
            why = (error.strerror or str(error)).lower()
            raise StepError(
                f"the data file `{short(file)}` cannot be read: {why}", "is it still where the recipe says?"
            ) from None
    return tuple(data[file] for file in files)


def prove_unchanged(resolved: Resolved, workspace: Workspace) -> None:
    """Raise StepError where something the step read was replaced while it ran: its result would be of neither."""
    for path, inode in resolved.reads:
        if not path.exists() or path.stat().st_ino != inode:
            raise StepError(
                f"`{path.parent.relative_to(workspace.root)}` was replaced while the step ran", "run it again"
            )
    for file, digest in resolved.data.items():
        path = workspace.path(file)
        if not path.exists() or workspace.digests.sha256(path) != digest:
            raise StepError(f"`{file}` was changed while the step ran", "run it again")


def check_engines(computation: Computation) -> None:
    """Raise StepError where an installed engine is not the one the node names, which says both versions."""
    inline = [item.computation for item in computation.inputs if isinstance(item, Inline)]
    for name, wanted in computation.engines.items():
        try:
            have = metadata.version(name).partition("+")[0]
        except metadata.PackageNotFoundError:
            raise StepError(
                f"`{name}` {wanted} is needed and not installed", "pip install 'ladle[run]' -c constraints.txt"
            ) from None
        if have != wanted.partition("+")[0]:
            raise StepError(
                f"this step is defined with `{name}` {wanted}, installed is {have}",
                f"pip install {name}=={wanted}; another version may give another model",
            )
    for inner in inline:
        check_engines(inner)
