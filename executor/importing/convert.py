"""Files of other tools as one recipe. In: paths. Out: the text of a recipe that checks, notes, or every problem."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from ladle.dsl.diagnostics import RecipeError
from ladle.dsl.format import format_source
from ladle.dsl.source import Source, Span
from ladle.dsl.suggest import did_you_mean, sentences
from ladle.executor.examine import examine_source
from ladle.executor.importing.base_tokens import with_base_tokens
from ladle.executor.importing.circles import report_circles
from ladle.executor.importing.draft import Importer, Read, Request
from ladle.executor.importing.ledger import Ledger, Note, Sort
from ladle.executor.importing.namesakes import note_namesakes
from ladle.executor.importing.places import quotable
from ladle.executor.importing.tools import detect, importers, meant
from ladle.executor.importing.tree import Document, Scalar, read
from ladle.executor.importing.unsound import note_unsound
from ladle.executor.importing.writing import Writer
from ladle.executor.quoting import short

FACTS = "E4"
"""Begins the codes of what is not on disk: a recipe may be written before its data is there."""


@dataclass(frozen=True, slots=True)
class Imported:
    """A recipe from files of other tools."""

    text: str
    notes: tuple[Note, ...]
    detected: tuple[str, ...]
    """Of each file the tool, and how that shows."""
    profile: dict[str, str | int]


def convert(paths: Sequence[Path], ledger: Ledger, tool: str, request: Request, place: Path) -> Imported:
    """Return the recipe that `paths` say. Raises RecipeError with every problem of every file."""
    made: list[Read] = []
    for path in paths:
        documents, problems = read(path)
        ledger.problems.extend(problems)
        if not documents and not problems:
            ledger.problem("E610", Document(Source(str(path), ""), _nothing()), Span(0, 0), "the file says nothing")
        chosen = _tool(documents, ledger, tool) if documents else None
        for document in _wanted(documents, chosen, ledger) if chosen else ():
            found = chosen.convert(document, ledger, request) if chosen else None
            made += [Read(found, document, chosen)] if found and chosen else []
    if not ledger.problems:
        report_circles(made, ledger)
    if ledger.problems:
        raise RecipeError(tuple(ledger.problems))
    return _written(paths, made, ledger, tuple(ledger.detected), place)


def _tool(documents: tuple[Document, ...], ledger: Ledger, tool: str) -> Importer | None:
    first = documents[0]
    if tool:
        return importers()[tool]
    found = detect(first)
    if found is None:
        help = sentences((meant(first), f"`--from` says it: {', '.join(sorted(importers()))}"))
        ledger.problem(
            "E607", first, Span(0, 0), "no tool's keys are in the file, so nobody can say what it means", help
        )
        return None
    keys = ", ".join(f"`{key}`" for key in found[1])
    ledger.detected.append(f"{first.source.path}: {found[0].name} (it has {keys})")
    return found[0]


def _wanted(documents: tuple[Document, ...], tool: Importer, ledger: Ledger) -> tuple[Document, ...]:
    if len(documents) > 1 and not tool.documents:
        second = documents[1]
        message = f"the file holds {len(documents)} documents, and {tool.name} reads one"
        ledger.problem("E610", second, second.root.span, message, "split the file")
        return documents[:1]
    return documents


def _written(
    paths: Sequence[Path], read: list[Read], ledger: Ledger, detected: tuple[str, ...], place: Path
) -> Imported:
    writer = Writer(ledger.root)
    writer.write([each.made for each in read])
    draft = Source(str(place), writer.text("", ()))
    made = with_base_tokens(read, writer, examine_source(place, draft).program, ledger)
    writer = Writer(ledger.root)
    writer.write(made)
    _note_models(writer, ledger)
    note_namesakes(read, ledger)
    draft = Source(str(place), writer.text("", ()))
    wrong = [problem for problem in examine_source(place, draft).diagnostics if not problem.code.startswith(FACTS)]
    note_unsound(wrong, writer, read, ledger)
    names = ", ".join(short(path.name if quotable(path.name) else "a file") for path in paths)
    order = {str(path): place for place, path in enumerate(paths)}
    ledger.notes.sort(key=lambda note: (order.get(note.file, 0), note.line))
    labels = _labels(paths)
    notes = [replace(note, file=labels.get(note.file, note.file)) for note in ledger.notes]
    text, _ = format_source(Source(str(place), writer.text(f"Imported from {names} by `ladle import`.", notes)))
    return Imported(text, tuple(ledger.notes), detected, dict(ledger.profile))


def _note_models(writer: Writer, ledger: Ledger) -> None:
    """Note models that are looked for in the project, taken for repositories, or made by none of the files."""
    for model, place in writer.missing.items():
        reason = f"the model folder `{short(model.name)}` is not in the project: put it at `{short(place)}`"
        near = did_you_mean(writer.near.get(model, ()))
        ledger.note_model(Sort.MISSING, model.name, sentences((reason, near)))
        if "/" not in model.name:
            reason = f"`{short(model.name)}` is taken for a folder; a repository of the hub is `owner/name`"
            ledger.note_model(Sort.ASSUMED, model.name, reason)
    for model in writer.near:
        if model not in writer.missing and model not in writer.guessed:
            reason = f"`{short(model.name)}` is no folder of the project, and taken for a repository of the hub"
            ledger.note_model(Sort.ASSUMED, model.name, sentences((reason, did_you_mean(writer.near[model]))))
    for model in writer.guessed:
        reason = f"`{short(model.name)}` is taken for a repository of the hub, though it is called as a run's folder is"
        help = "name the file that makes it too, or write `local(...)`"
        near = did_you_mean(writer.near.get(model, ()))
        ledger.note_model(Sort.ASSUMED, model.name, f"{reason}: {sentences((near, help))}")
    for model in writer.disabled:
        reason = f"answers are measured against the model with `{short(model.name)}` switched off, as the tool does"
        ledger.note_model(Sort.ASSUMED, model.name, f"{reason}: `reference =` says so")
    for model in writer.unmet:
        reason = f"the adapter `{short(model.name)}` is made by none of the files: name the one that makes it too"
        ledger.note_model(Sort.LOST, model.name, reason)


def _labels(paths: Sequence[Path]) -> dict[str, str]:
    """Return what a recipe calls each file: its name, and its folder where two are called the same."""
    names = [path.name for path in paths]
    return {
        str(path): path.name if names.count(path.name) == 1 else f"{path.parent.name}/{path.name}" for path in paths
    }


def _nothing() -> Scalar:
    return Scalar(None, "", Span(0, 0))
