"""Brings the models of merges to one order of tokens. In: an expression. Out: the same over models that are moved."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace

from ladle.dsl.graph import Json, digest
from ladle.executor.model_folder import as_step_error
from ladle.executor.task import StepError
from ladle.executor.token_table import Tokens, read_tokens
from ladle.executor.weights.expression import Expression, Moved, Step
from ladle.executor.weights.parents import Parent
from ladle.executor.weights.vocabularies import Arranged, Joined, Rows, Speaker, Tree, arrange


@dataclass(frozen=True, slots=True)
class Aligned:
    """The tokens of one result. `models` are those of its expression in order, each as often as it stands there."""

    arranged: Arranged
    models: tuple[Parent, ...]

    def moved(self, place: int) -> bool:
        """Say whether a model's embeddings are in another order than the result's."""
        return not self.arranged.maps[place].own(place, self.models[place].rows)

    @property
    def touched(self) -> bool:
        """Whether any model is moved."""
        return any(self.moved(place) for place in range(len(self.models)))


@dataclass(slots=True)
class Alignments:
    """The tokens of each result of an expression; equal ones, as those of a sweep, are worked out once."""

    expression: Expression
    _known: dict[str, Aligned] = field(default_factory=dict)

    def of(self, root: int) -> Aligned:
        """Return the tokens of the result at `root`. Raises StepError where its models' differ and nothing is said."""
        key = digest(self._key(root))
        if key not in self._known:
            models = tuple(self._models(root))
            found = Aligned(arrange(self._tree(root)), models)
            for model in models if found.touched else ():
                _prove_movable(model)
            self._known[key] = found
        return self._known[key]

    def bring(self, root: int, into: Expression) -> int:
        """Take the result at `root` into another expression, over models in the order of its tokens; give its place."""
        return self._brought(root, self.of(root), iter(range(len(self.of(root).models))), into)

    def _brought(self, place: int, aligned: Aligned, numbers: Iterator[int], into: Expression) -> int:
        part = self.expression.parts[place]
        if isinstance(part, Step):
            operands = tuple(self._brought(each, aligned, numbers, into) for each in part.operands)
            base = self._brought(part.base, aligned, numbers, into) if part.base >= 0 else -1
            return into.place(replace(part, operands=operands, base=base))
        assert isinstance(part, Parent)
        number = next(numbers)
        if not aligned.moved(number):
            return into.placed(f"model {place}", lambda: part)
        rows = aligned.arranged.maps[number]
        moved = Moved(part, aligned.models, rows)
        return into.placed(f"model {place} {_identity(moved)}", lambda: moved)

    def _tree(self, place: int) -> Tree:
        part = self.expression.parts[place]
        if isinstance(part, Step):
            base = self._tree(part.base) if part.base >= 0 else None
            return Joined(tuple(self._tree(each) for each in part.operands), base, part.whose, part.union)
        assert isinstance(part, Parent)
        return Speaker(part.name, Tokens(part.vocabulary, self._added(part)), part.rows)

    def _added(self, model: Parent) -> tuple[Mapping[str, Json], ...]:
        """How a model describes its added tokens, which only a union must know."""
        steps = (part for part in self.expression.parts if isinstance(part, Step))
        if not model.vocabulary or not any(step.union for step in steps):
            return ()
        with as_step_error():
            return read_tokens(model.tokenizer, model.name).added

    def _models(self, place: int) -> Iterator[Parent]:
        part = self.expression.parts[place]
        if isinstance(part, Parent):
            yield part
        for each in part.everyone if isinstance(part, Step) else ():
            yield from self._models(each)

    def _key(self, place: int) -> Json:
        part = self.expression.parts[place]
        if not isinstance(part, Step):
            return place
        return [part.whose, part.union, part.base >= 0, [self._key(each) for each in part.everyone]]


def _prove_movable(model: Parent) -> None:
    """Raise StepError for a model whose embeddings have not all a row for each token."""
    for stray in model.strays():
        message = f"`{stray}` of `{model.name}` has not a row for each of its {model.rows} tokens"
        raise StepError(message, "merge models of one vocabulary")


def _identity(moved: Moved) -> str:
    """Equal for models that are moved alike, whatever they stand in."""
    places = [moved.models[number].lies for number in sorted(set(moved.rows.models.flatten().tolist())) if number >= 0]
    return hashlib.sha256("\0".join(places).encode() + _bytes(moved.rows)).hexdigest()


def _bytes(rows: Rows) -> bytes:
    return b"".join(str(list(each.shape)).encode() + each.numpy().tobytes() for each in (rows.models, rows.rows))
