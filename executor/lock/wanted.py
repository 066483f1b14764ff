"""What recipes ask of a lock. In: recipes of a project. Out: models, data and where each stands."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from ladle.dsl.diagnostics import Diagnostic, RecipeError, Severity
from ladle.dsl.program import Term
from ladle.dsl.signature import CorpusFacts, Fault, File, Sort
from ladle.dsl.source import Source, Span
from ladle.dsl.types import UNKNOWN, AdapterType, ModelType
from ladle.executor.examine import Checked, examine
from ladle.executor.facts import ProjectFacts
from ladle.executor.lock.entries import Pinned


@dataclass(frozen=True, slots=True)
class Wanted:
    """What recipes name: the places are (source, span) of the first recipe that does."""

    models: dict[Pinned, tuple[Source, Span]] = field(default_factory=dict)
    data: dict[Pinned, dict[tuple[str, str], tuple[Source, Span]]] = field(default_factory=dict)
    corpora: dict[str, tuple[Source, Span]] = field(default_factory=dict)
    folders: dict[str, tuple[Source, Span]] = field(default_factory=dict)


class Wishes(ProjectFacts):
    """Facts of a project that note what they are asked: nothing of the hub and of its own data is known."""

    def __init__(self, root: Path) -> None:
        super().__init__(root)
        self.models: dict[Pinned, None] = {}
        self.data: dict[Pinned, dict[tuple[str, str], None]] = {}
        self.corpora: dict[str, None] = {}
        self.folders: dict[str, None] = {}

    def corpus(self, pattern: str, columns: Mapping[str, str]) -> CorpusFacts | tuple[Fault, ...]:
        """Note a corpus of the project; of what its rows are nothing is said."""
        self.corpora[pattern] = None
        return CorpusFacts(UNKNOWN, UNKNOWN)

    def benchmark(self, pattern: str, columns: Mapping[str, str], wanted: tuple[str, ...]) -> tuple[Fault, ...]:
        """Say that nothing is wrong."""
        return ()

    def model(self, folder: str) -> ModelType | AdapterType | tuple[Fault, ...]:
        """Note a model folder of the project; of what it holds nothing is said."""
        self.folders[folder] = None
        return ModelType()

    def files(self, pattern: str) -> tuple[File, ...] | tuple[Fault, ...]:
        """Say that nothing is wrong with files that no lock knows, such as those of `pdf`."""
        return ()

    def hub_model(self, name: str, revision: str) -> ModelType | None:
        """Note a model."""
        self.models[name, revision] = None
        return None

    def hub_corpus(
        self, name: str, revision: str, part: tuple[str, str], columns: Mapping[str, str]
    ) -> CorpusFacts | tuple[Fault, ...] | None:
        """Note a split of a data set."""
        self.data.setdefault((name, revision), {})[part] = None
        return None

    def hub_commit(self, sort: Sort, name: str, revision: str) -> str:
        """Say that each is pinned: it is by the lock that is asked for, so that what is published may name a branch."""
        return "0" * 40


def wanted(root: Path, recipes: Iterable[Path]) -> Wanted:
    """Return what `recipes` ask for. Raises RecipeError for those that cannot be understood without a lock."""
    found, wrong = Wanted(), list[Diagnostic]()
    for path in recipes:
        wishes = Wishes(root)
        checked = examine(path, facts=wishes)
        wrong += [each for each in checked.diagnostics if each.severity is Severity.ERROR]
        _note(found, wishes, checked)
    if wrong:
        raise RecipeError(tuple(wrong))
    return found


def _note(found: Wanted, wishes: Wishes, checked: Checked) -> None:
    terms = checked.program.terms if checked.program else ()
    for pinned in wishes.models:
        found.models.setdefault(pinned, (checked.source, _written(terms, pinned)))
    for pinned, parts in wishes.data.items():
        known = found.data.setdefault(pinned, {})
        for part in parts:
            known.setdefault(part, (checked.source, _written(terms, pinned, part[1])))
    for found_here, wished in ((found.corpora, wishes.corpora), (found.folders, wishes.folders)):
        for path in wished:
            found_here.setdefault(path, (checked.source, _written(terms, (path, ""))))


def _written(terms: Iterable[Term], pinned: Pinned, split: str = "") -> Span:
    """Where a call of the hub, or of a path, is written; the beginning of the text where no declaration keeps it."""
    for term in terms:
        options = term.options
        if (term.operator.pattern and options.get(term.operator.pattern) == pinned[0]) or (
            (options.get("name"), options.get("revision")) == pinned and options.get("split", "") == split
        ):
            return term.span
    return Span(0, 0)
