"""A recipe from its file, judged. In: a path. Out: what was read, what is meant, and every problem found.

What makes the graph of it is in `load.py`: a check does not pay for that.
"""

from __future__ import annotations

from collections.abc import Callable
from importlib import import_module
from pathlib import Path
from typing import Final

from ladle.dsl.check import check
from ladle.dsl.codes import CODES
from ladle.dsl.diagnostics import Diagnostic, Severity
from ladle.dsl.frozen import frozen
from ladle.dsl.leaks import same_bytes
from ladle.dsl.parse import parse, read_source
from ladle.dsl.problems import in_order
from ladle.dsl.program import Program, Term
from ladle.dsl.signature import Sort
from ladle.dsl.source import Source, Span
from ladle.dsl.types import AdapterType
from ladle.executor.catalog import vocabulary
from ladle.executor.facts import ProjectFacts
from ladle.executor.places import Asked
from ladle.executor.project import ProjectError, project_root, recipe_name

MERGEKIT: Final = "ladle.executor.mergekit."
"""Where the programs lie that hand models to mergekit."""


@frozen
class Checked:
    """A recipe and what is wrong with it. `program` is None where the text could not be read at all."""

    path: Path
    root: Path
    source: Source
    program: Program | None
    diagnostics: tuple[Diagnostic, ...]
    unlocked: tuple[str, ...] = ()
    """Repositories of the hub that `ladle.lock` says nothing of."""
    asked: tuple[Asked, ...] = ()
    """What was asked of the disk."""
    absent: tuple[str, ...] = ()
    """Data and models of the project that are not here, so that `ladle.lock` was believed."""

    @property
    def sound(self) -> bool:
        """Whether no diagnostic is an error."""
        return all(d.severity is not Severity.ERROR for d in self.diagnostics)


def examine(path: Path, variant: str = "", *, facts: ProjectFacts | None = None) -> Checked:
    """Read and check a recipe. Nothing is raised for what is wrong with it, or for a file that cannot be read."""
    source, unreadable = read_source(path)
    if source is None:
        return Checked(path, project_root(path), Source(str(path), ""), None, unreadable)
    return examine_source(path, source, (*unreadable, *_named(path, source)), variant, facts=facts)


def _named(path: Path, source: Source) -> tuple[Diagnostic, ...]:
    """Return what is wrong with the name of the file: nothing could be made of a recipe without a proper one."""
    try:
        recipe_name(path)
    except ProjectError as problem:
        help = "rename it: letters, digits, `-` and `_`, the first a letter or digit"
        return (Diagnostic("E020", CODES["E020"], str(problem), source, Span(0, 0), "", help),)
    return ()


def examine_source(
    path: Path,
    source: Source,
    earlier: tuple[Diagnostic, ...] = (),
    variant: str = "",
    *,
    facts: ProjectFacts | None = None,
) -> Checked:
    """Check the text of a recipe as if it stood at `path`. The program is that of `variant`, where it has that."""
    root = project_root(path)
    facts = facts or ProjectFacts(root)
    recipe, problems = parse(source)
    program, more = check(
        recipe, vocabulary(), facts, variant, lambda made: (*_leaks(made, facts), *_unsayable(made, facts))
    )
    problems = (*in_order(source, (*earlier, *problems, *more)), *facts.lock_problems)
    here = Path.cwd() / path
    asked = (Asked("root", str(here)), Asked("file", str(here)), *facts.asked)
    return Checked(path, root, source, program, problems, facts.unlocked, asked, facts.absent)


def _leaks(program: Program, facts: ProjectFacts) -> list[Diagnostic]:
    """Return what lowering would say of copies of evaluation data, from the bytes of files of equal size alone."""
    if not program.evaluations:
        return []
    sources = [each for each in program.terms if each.sort is Sort.CORPUS and each.operator.pattern]
    known = facts.contents(_pattern(each) for each in sources)

    def identify(corpus: Term) -> frozenset[str]:
        return known[_pattern(corpus)] if corpus.operator.pattern else frozenset((corpus.key,))

    return [
        Diagnostic(
            fault.code,
            CODES[fault.code],
            fault.message,
            benchmark.span.within(program.source),
            benchmark.span,
            "",
            fault.help,
        )
        for benchmark, fault in same_bytes(program, identify)
    ]


def _unsayable(program: Program, facts: ProjectFacts) -> tuple[Diagnostic, ...]:
    """What mergekit cannot say is judged by what speaks to it, and few recipes hand it anything."""
    if not any(term.operator.program.startswith(MERGEKIT) for term in program.terms):
        return ()
    judge: Callable[[Program, Callable[[Term], bool]], tuple[Diagnostic, ...]]
    judge = import_module("ladle.executor.mergekit.sayable").of_program

    def adapter(term: Term) -> bool:
        source = term.sort is Sort.MODEL and term.operator.pattern
        return bool(source) and isinstance(facts.model(_pattern(term)), AdapterType)

    return judge(program, adapter)


def _pattern(source: Term) -> str:
    return str(source.options[source.operator.pattern])
