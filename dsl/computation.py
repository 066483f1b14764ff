"""A computation before it has a type. In: operator, operands, options, references. Out: its key, its role's rule."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cached_property

from ladle.dsl.frozen import frozen
from ladle.dsl.graph import Json, canonical, digest
from ladle.dsl.program import Term
from ladle.dsl.signature import Facts, Operator, Role, Typing
from ladle.dsl.types import UNKNOWN, CorpusType, ModelType, Value


@frozen
class Computation:
    """What is to be made of what: all of a term but its type, and where it is written."""

    operator: Operator
    operands: tuple[Term, ...]
    options: Mapping[str, Value]
    references: Mapping[str, tuple[Term, ...]]

    @cached_property
    def key(self) -> str:
        """Digest of operator, options and the keys of its inputs. Where operands commute their order is none of it."""
        options, inputs = self.options, [operand.key for operand in self.operands]
        listed: list[Json] = [*inputs]
        if not self.operator.operands.ordered:
            weights = options.get("weights")
            each = weights if isinstance(weights, tuple) else (None,) * len(inputs)
            pairs = sorted((key, digest(canonical(weight))) for key, weight in zip(inputs, each, strict=True))
            listed = [list(pair) for pair in pairs]
            options = {name: value for name, value in options.items() if name != "weights"}
        linked: dict[str, Json] = {name: [term.key for term in terms] for name, terms in self.references.items()}
        return digest([self.operator.name, listed, canonical(options), linked])

    @property
    def inputs(self) -> tuple[Term, ...]:
        """Everything it is made from."""
        return (*self.operands, *(term for terms in self.references.values() for term in terms))

    @property
    def doubtful(self) -> bool:
        """Whether something is wrong with what it is made from, and told."""
        return any(each.doubtful for each in self.inputs)

    def typing(self, facts: Facts) -> Typing:
        """Return what the operator's typing rule is given."""
        types = {name: tuple(term.type for term in terms) for name, terms in self.references.items()}
        return Typing(self.options, tuple(term.type for term in self.operands), types, facts, self.key)

    def of_role(self) -> ModelType | CorpusType:
        """The rule of the role: stages, merges and transforms give the type of their first operand."""
        return self.operands[0].type if self.operands else self.nothing_known()

    def nothing_known(self) -> ModelType | CorpusType:
        """Return the type of a result of which only its role is known."""
        corpus = self.operator.role in (Role.CORPUS_SOURCE, Role.TRANSFORM, Role.BENCHMARK)
        return CorpusType(UNKNOWN) if corpus else ModelType()

    def kept(self, found: ModelType | CorpusType) -> ModelType | CorpusType:
        """What is known of a row of an operand does not hold where rows may be left out."""
        loses = self.operator.role is Role.TRANSFORM and not self.operator.keeps_rows
        return CorpusType(found.kind) if loses and isinstance(found, CorpusType) else found
