"""A recipe's text. In: what files make, and notes. Out: declarations, aligned as docs/language.md shows."""

from __future__ import annotations

import os
import re
import textwrap
from collections.abc import Iterable, Sequence
from itertools import chain
from itertools import count as count_from
from pathlib import Path, PurePosixPath

from ladle.dsl.render import plain
from ladle.executor.catalog import vocabulary
from ladle.executor.importing.draft import Corpus, Made, Merged, ModelRef, Trained
from ladle.executor.importing.ledger import Note, Sort
from ladle.executor.importing.naming import Names
from ladle.executor.importing.places import beside, inside, is_path, slug
from ladle.executor.importing.spelling import option

WIDE = 118
FOLDERS = re.compile(
    r"(?i)(\.?data|outputs?|out|saves?|saved|models?|checkpoints?|ckpts?|results?|runs?|exp|experiments?|work|tmp|trained"
    r"|finetuned|merged|merges?)/|.*/(checkpoint|step|epoch)[-_]?[0-9]+$"
)
"""Names that runs give the folders they write, though they read as `owner/name`."""
REFERENCE = "reference"
QUIET = (Sort.MACHINE, Sort.SAME)


class Writer:
    """Declarations by kind, in the order in which they are met."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.names = Names()
        self.missing: dict[ModelRef, str] = {}
        """Models that are not there, and where they are looked for."""
        self.guessed: list[ModelRef] = []
        """Models taken for repositories of the hub that are called as folders are."""
        self.near: dict[ModelRef, tuple[str, ...]] = {}
        """Models that are not there, and folders of the project that are called nearly so."""
        self.unmet: list[ModelRef] = []
        """Adapters that no file makes."""
        self.disabled: list[ModelRef] = []
        """Adapters that are switched off where answers are measured against the model without."""
        self.made: dict[str, int] = {}
        """Of each result and stage that is declared, the place of the file's training or merge."""
        self.sources: dict[str, ModelRef] = {}
        """Of each source of a model that is declared, what the files call it."""
        self.results: list[str] = []
        """What is made, in the order of the files."""
        self._sources: dict[ModelRef, str] = {}
        self._elsewhere: dict[str, str] = {}
        self._outputs: dict[str, str] = {}
        self._models: list[tuple[str, str]] = []
        self._corpora: list[tuple[str, str, str]] = []
        self._stages: list[tuple[str, list[tuple[str, str]]]] = []
        self._results: list[tuple[str, str]] = []

    def write(self, made: Sequence[Made]) -> None:
        """Declare what the files make; a model that another of them makes is called by its name."""
        several = sum(isinstance(each, Trained) for each in made) > 1
        self.results = names = [self._named(each, several) for each in made]
        for each, name in zip(made, names, strict=True):
            self._outputs |= dict.fromkeys((_path(output) for output in each.outputs), name)
        for place, (each, name) in enumerate(zip(made, names, strict=True)):
            self.made[name] = place
            expression = self._trained(each, name, place) if isinstance(each, Trained) else self._merged(each, name)
            self._results.append((name, expression))

    def _named(self, made: Made, several: bool) -> str:
        if isinstance(made, Merged):
            return self.names.new(made.name or "merged", "merged")
        parts = PurePosixPath(made.outputs[0]).parts[-2:] if several and made.outputs else ("tuned",)
        last = slug(parts[-1], "tuned")
        return self.names.new(last if self.names.free(last) else "_".join(parts), "tuned")

    def called(self, model: ModelRef, user: str) -> str:
        """Return what a model is called where `user` is made from it, once all are written."""
        return self._model(model, user)

    def _trained(self, made: Trained, name: str, place: int) -> str:
        stage = self.names.stage(made.kind)
        self.made[stage] = place
        head = stage if stage == made.kind else f"{stage}: {made.kind}"
        start, settings = self._started(made, name)
        if made.reference:
            settings = (*settings, (REFERENCE, self._model(made.reference, name)))
        self._stages.append((head, [("on", self._on(made.corpora)), *settings]))
        return f"{start} | {stage}"

    def _started(self, made: Trained, name: str) -> tuple[str, tuple[tuple[str, str], ...]]:
        """Return what a training starts from, and its settings: with an adapter of another file, it goes on with it."""
        earlier = self._outputs.get(_path(made.adapter.name), "") if made.adapter else ""
        if made.adapter and earlier in ("", name):
            self.unmet.append(made.adapter)
        if earlier in ("", name):
            return self._model(made.start, name), made.settings
        if made.fresh:
            return earlier, made.settings
        settings = tuple((key, "continue" if key == "lora" else value) for key, value in made.settings)
        if made.reference or made.adapter is None or option(vocabulary()[made.kind], REFERENCE) is None:
            return earlier, settings
        self.disabled.append(made.adapter)
        return earlier, (*settings, (REFERENCE, self._model(made.start, name)))

    def _merged(self, made: Merged, name: str) -> str:
        told = [(self._model(model, name), weight) for model, weight in made.operands]
        operands = [f"{model}: {weight}" if weight else model for model, weight in told]
        if vocabulary()[made.method].operands.family:
            operands = [f"[{', '.join(operands)}]"]
        options = [
            f"{key} = {self._model(value, name) if isinstance(value, ModelRef) else value}"
            for key, value in made.options
        ]
        call = f"{made.method}({', '.join([*operands, *options])})"
        if len(call) + len(name) > WIDE - 16:
            call = f"{made.method}(\n  {', '.join(operands)},\n  " + ",\n  ".join(options or [""]) + "\n)"
        return f"round({call}, {made.rounded})" if made.rounded else call

    def _model(self, model: ModelRef, user: str) -> str:
        """Return how an expression calls a model; what a file is trained from is never its own output."""
        output = self._outputs.get(_path(model.name), "")
        if output and output != user:
            return output
        if model not in self._sources:
            name = self.names.new(PurePosixPath(model.name).name, "model")
            self._sources[model] = name
            self.sources[name] = model
            self._models.append((name, self._source(model)))
        return self._sources[model]

    def _source(self, model: ModelRef) -> str:
        more = f', revision = "{model.revision}"' if model.revision else ""
        template = f", template = {model.template}" if model.template else ""
        if not is_path(self.root, model.name):
            if FOLDERS.match(model.name):
                self.guessed.append(model)
            self._look_beside(model)
            return f'hub("{model.name}"{more}{template})'
        folder = inside(self.root, model.name) or self._free(model.name)
        if not (self.root / folder).is_dir():
            self.missing[model] = folder
            self._look_beside(model)
        return f'local("{folder}"{template})'

    def _look_beside(self, model: ModelRef) -> None:
        if found := beside(self.root, model.name):
            self.near[model] = found

    def _free(self, path: str) -> str:
        """Return a folder of the project for a model that lies elsewhere: no other is there, or is meant to be."""
        if path not in self._elsewhere:
            parts = [part for part in PurePosixPath(path).parts if part not in ("/", "..", ".")] or ["model"]
            names = ["-".join(slug(part, "model") for part in parts[-count:]) for count in range(1, len(parts) + 1)]
            numbered = (f"{names[-1]}-{number}" for number in count_from(2))
            places = (f"models/{name}" for name in chain(names, numbered))
            taken = set(self._elsewhere.values())
            self._elsewhere[path] = next(
                place for place in places if place not in taken and not os.path.lexists(self.root / place)
            )
        return self._elsewhere[path]

    def _on(self, corpora: tuple[Corpus, ...]) -> str:
        names = [(self._corpus(each), each) for each in corpora]
        if len(names) == 1 and names[0][1].weight == "1":
            return names[0][0]
        parts = ", ".join(f"{name}: {each.weight}" for name, each in names)
        mixed = next((f", {each.mixed}" for each in corpora if each.mixed), "")
        return self._corpus(Corpus("rows", corpora[0].kind if corpora else "text", f"mix({parts}{mixed})"))

    def _corpus(self, corpus: Corpus) -> str:
        for name, kind, expression in self._corpora:
            if (kind, expression) == (corpus.kind, corpus.expression):
                return name
        name = self.names.new(corpus.name, "corpus")
        self._corpora.append((name, corpus.kind, corpus.expression))
        return name

    def text(self, title: str, notes: Iterable[Note]) -> str:
        """Return the recipe."""
        blocks = [_comments(title), "edition 1", _noted(notes), _aligned("model", self._models), self._corpus_block(),
                  "\n".join(_stage(head, settings) for head, settings in self._stages),
                  _aligned("model", self._results)]  # fmt: skip
        return "\n\n".join(block for block in blocks if block) + "\n"

    def _corpus_block(self) -> str:
        wide = max((len(name) for name, _, _ in self._corpora), default=0) + 1
        kinds = max((len(kind) for _, kind, _ in self._corpora), default=0)
        return "\n".join(f"corpus {f'{name}:':{wide}} {kind:{kinds}} = {made}" for name, kind, made in self._corpora)


def _path(text: str) -> str:
    return PurePosixPath(text).as_posix().rstrip("/")


def _aligned(word: str, rows: Sequence[tuple[str, str]]) -> str:
    wide = max((len(name) for name, _ in rows), default=0)
    return "\n".join(f"{word} {name:{wide}} = {expression}" for name, expression in rows)


def _stage(head: str, settings: list[tuple[str, str]]) -> str:
    line = f"stage {head} {{ {'  '.join(f'{name} = {value}' for name, value in settings)} }}"
    if len(line) <= WIDE:
        return line
    wide = max(len(name) for name, _ in settings)
    return f"stage {head} {{\n" + "\n".join(f"  {name:{wide}} = {value}" for name, value in settings) + "\n}"


def _noted(notes: Iterable[Note]) -> str:
    """Each key that is lost, missing or assumed in a line of its own; those of the machine in one."""
    told = tuple(notes)
    lines = [note.text for note in told if note.sort not in QUIET]
    quiet = [f"{note.place}: {note.key}" for note in told if note.sort in QUIET]
    lines += [f"left to the machine, or off: {'; '.join(quiet)}"] if quiet else []
    return "\n".join(_comments(line) for line in lines)


def _comments(text: str) -> str:
    lines = textwrap.wrap(plain(text), WIDE - 6, break_long_words=True) or [""]
    return "\n".join([f"# {lines[0]}", *(f"#   {line}" for line in lines[1:])])
