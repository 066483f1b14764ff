"""Whether a lock tells the truth. In: an entry, and what the bytes say. Out: nothing, or a StepError for a lie."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path

from ladle.dsl.types import Unknown
from ladle.executor.lock.derive import Derived
from ladle.executor.lock.entries import LOCK, LockedData, LockedFile, LockedModel, LockedTemplate
from ladle.executor.lock.facts import LockedFacts, split
from ladle.executor.quoting import short
from ladle.executor.task import StepError

Claim = tuple[str, object, object]
"""What is claimed, what the lock says, what the bytes say."""


def locked_facts(root: Path | None) -> LockedFacts | None:
    """Return the lock of a step's project. Raises StepError for one that cannot be read."""
    if root is None:
        return None
    facts = LockedFacts(root)
    facts.read()
    if facts.problems:
        raise StepError(f"`{LOCK}` cannot be believed: {facts.problems[0].message}", "`ladle check` shows the place")
    return facts


def prove_model(entry: LockedModel, name: str, commit: str, found: Derived, licence: str | Unknown) -> None:
    """Raise StepError where a model is not what the lock says of it. What the lock does not know is not compared."""
    words = entry.vocabulary
    _prove(
        name,
        (
            ("commit", entry.commit, commit),
            ("licence", entry.licence, licence),
            ("template", _template(entry.template), _template(found.template)),
            ("architecture", entry.architecture, found.architecture),
            ("shape", entry.shape, found.shape),
            ("vocabulary", words.identity, found.vocabulary.identity),
            ("size of the vocabulary", words.size, found.vocabulary.size),
            ("added tokens", words.added, found.vocabulary.added),
            ("parameters", entry.parameters, found.parameters),
            ("padding with the end", entry.pad_is_end, found.pad_is_end),
            *_settings(entry, found),
        ),
    )


def _settings(entry: LockedModel, found: Derived) -> Iterator[Claim]:
    """What the lock leaves out it does not claim: a later version knows of settings that an earlier one did not."""
    if isinstance(entry.settings, Unknown) or isinstance(found.settings, Unknown):
        return
    said = dict(found.settings)
    for name, value in entry.settings:
        yield f"`{name}`", value, said.get(name)


def prove_files(entry: LockedModel, name: str, files: Iterable[tuple[str, int, str]]) -> None:
    """Raise StepError where a file of a model has not the bytes that the lock says."""
    known = {} if isinstance(entry.files, Unknown) else dict(entry.files)
    for file, size, digest in files:
        if file in known:
            _prove(name, ((f"`{file}`", known[file].sha256, digest), (f"bytes of `{file}`", known[file].bytes, size)))


def prove_rows(
    entry: LockedData, name: str, commit: str, licence: str | Unknown, part: tuple[str, str], files: dict[str, str]
) -> None:
    """Raise StepError where a split has not commit, licence, files or contents (SHA-256 by path) of the lock."""
    rows = split(entry, part)
    _prove(name, (("commit", entry.commit, commit), ("licence", entry.licence, licence)))
    if rows is None or isinstance(rows.files, Unknown):
        return
    known: dict[str, LockedFile] = dict(rows.files)
    _prove(name, (("files", tuple(known), tuple(sorted(files))),))
    _prove(name, tuple((f"`{file}`", known[file].sha256, digest) for file, digest in files.items()))


def _prove(name: str, claims: tuple[Claim, ...]) -> None:
    for what, claimed, found in claims:
        if not isinstance(claimed, Unknown) and claimed != found:
            message = f"`{name}` is not what `{LOCK}` says: its {what} is {_shown(found)}, not {_shown(claimed)}"
            raise StepError(message, f"look at what changed: `ladle lock --update {name}`")


def _template(template: LockedTemplate | Unknown | None) -> str | Unknown | None:
    return template.sha256 if isinstance(template, LockedTemplate) else template


def _shown(value: object) -> str:
    if isinstance(value, tuple):
        return short(", ".join(" ".join(map(str, each)) if isinstance(each, tuple) else str(each) for each in value))
    return "none" if value is None else "unknown" if isinstance(value, Unknown) else short(str(value))
