"""A program into the graph of its computations. In: a Program, vocabulary, facts. Out: each distinct one once."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from ladle.dsl.codes import CODES
from ladle.dsl.diagnostics import Diagnostic, RecipeError
from ladle.dsl.graph import UNTIL, Graph, Input, Json, Node, canonical, fingerprint
from ladle.dsl.leaks import same_bytes
from ladle.dsl.program import Program, Term
from ladle.dsl.reporting import report_node, scores, tables
from ladle.dsl.signature import Facts, Fault, File, Operator, Required, Role, Sort, Vocabulary
from ladle.dsl.spelling import joined, spelled
from ladle.dsl.types import ModelType, Value

PREPARE = "prepare"
"""The internal operator that makes token rows of a corpus before a stage trains on them."""
CORPUS_OPTION = "on"
"""The option of a stage that becomes the corpus of its preparation."""


def lower(program: Program, vocabulary: Vocabulary, facts: Facts) -> Graph:
    """Return the graph of a program without errors. Raises RecipeError where data files cannot be read."""
    lowering = _Lowering(program, vocabulary, facts)
    for term in program.terms:
        lowering.add(term)
    graph = None if lowering.faults else lowering.graph()
    if graph is None or lowering.faults:
        raise RecipeError(tuple(lowering.faults))
    return graph


@dataclass(slots=True)
class _Lowering:
    program: Program
    vocabulary: Vocabulary
    facts: Facts
    nodes: dict[str, Node] = field(default_factory=dict)
    made: dict[Term, str] = field(default_factory=dict)
    """The fingerprint of each term."""
    taken: dict[str, frozenset[str]] = field(default_factory=dict)
    """Names of what is no preparation, by the used recipe ("" for this one)."""
    faults: list[Diagnostic] = field(default_factory=list)
    _engines: dict[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        used = {each.name: frozenset(each.names.values()) for each in self.program.used}
        self.taken = used | {"": frozenset(self.program.names.values())}

    def add(self, term: Term) -> None:
        """Enter a term whose inputs are entered; a benchmark is entered with each model that it scores."""
        match term.operator.role:
            case Role.BENCHMARK:
                return
            case Role.STAGE:
                self._stage(term)
            case Role.STATE:
                self._state(term)
            case Role.CHOICE:
                self._choice(term)
            case _:
                self.made[term] = self._node(term, self._inputs(term), self._pinned(term))

    def _inputs(self, term: Term) -> list[Input]:
        operands = [Input(str(place), self.made[operand]) for place, operand in enumerate(term.operands)]
        return operands + self._references(term.references)

    def _references(self, references: Mapping[str, tuple[Term, ...]]) -> list[Input]:
        return [Input(role, self.made[each]) for role, terms in sorted(references.items()) for each in _rows(terms)]

    def _stage(self, term: Term) -> None:
        """A stage is two nodes: the preparation of its rows, and the training on them."""
        options = {option.name: option for option in term.operator.options}
        source = term.operands[0].source
        early = {name for name, option in options.items() if option.prepare}
        corpora = term.references[CORPUS_OPTION]
        given = {name: value for name, value in term.options.items() if name in early}
        rows = self._prepared(corpora, source, given, term)
        late = {name: terms for name, terms in term.references.items() if name not in early}
        inputs = [Input("model", self.made[term.operands[0]]), Input("rows", rows), *self._references(late)]
        kept = {name: value for name, value in _kept(term).items() if name not in early}
        self.made[term] = self._node(term, inputs, kept)

    def _state(self, term: Term) -> None:
        """A state within a training is that training up to there: one more node of the stage's own operator."""
        whole = self.nodes[self.made[term.operands[0]]]
        kept = {name: value for name, value in _kept(term).items() if value is not None}
        options = {**dict(whole.options), UNTIL: canonical(kept)}
        operator, name = self.vocabulary[whole.operator], self.program.names[term]
        self.made[term] = self._enter(operator, options, whole.inputs, (), name, "artifacts", whole.type, term)

    def _choice(self, term: Term) -> None:
        """A choice is made from models and their scores; one that scores anew is given the benchmark itself too."""
        (benchmark,) = term.references[CORPUS_OPTION]
        scores = [Input(f"score:{place}", self.score(benchmark, each)) for place, each in enumerate(term.operands)]
        models = [Input(str(place), self.made[each]) for place, each in enumerate(term.operands)]
        models += self._references({name: each for name, each in term.references.items() if name != CORPUS_OPTION})
        options = _canonical(term.operator, _kept(term))
        if term.operator.rescores:
            models += self._references(benchmark.references)
            asked = _canonical(benchmark.operator, benchmark.options)
            options[CORPUS_OPTION] = {"operator": benchmark.operator.name, "options": asked}
        type = term.type if isinstance(term.type, ModelType) else None
        name = self.program.names[term]
        self.made[term] = self._enter(term.operator, options, [*models, *scores], (), name, "artifacts", type, term)

    def _prepared(self, corpora: tuple[Term, ...], source: Term, given: Mapping[str, Value], stage: Term) -> str:
        operator = self.vocabulary[PREPARE]
        usual = {o.name: o.default for o in operator.options if not isinstance(o.default, Required)}
        chosen = {**usual, **given}
        told = [f"{name}-{spelled(chosen[name])}" for name in sorted(chosen) if chosen[name] != usual.get(name)]
        corpus = "-".join(self._called(each) for each in corpora)
        name = joined(("rows", corpus, self._called(source), *told))
        while name in self.taken[self._recipe(stage)]:
            name = joined((name, "rows"))
        tokenizer = self.made[_own_tokenizer(source)]
        inputs = [Input("tokenizer", tokenizer), *(Input("corpus", self.made[each]) for each in corpora)]
        return self._enter(operator, _canonical(operator, chosen), inputs, (), name, "artifacts", None, stage)

    def _node(self, term: Term, inputs: list[Input], options: Mapping[str, Value]) -> str:
        operator = term.operator
        kept = dict(options)
        if not operator.operands.ordered:
            inputs, kept = _sorted(inputs, kept, len(term.operands))
        files = self._files(term)
        type = term.type if isinstance(term.type, ModelType) and term.sort is Sort.MODEL else None
        name = self._called(term)
        return self._enter(operator, _canonical(operator, kept), inputs, files, name, "artifacts", type, term)

    def _called(self, term: Term) -> str:
        """The name of an artifact in the recipe under whose name it lies."""
        home = self.program.homes.get(term)
        return home.name if home else self.program.names[term]

    def _recipe(self, term: Term) -> str:
        home = self.program.homes.get(term)
        return home.recipe if home else ""

    def _pinned(self, term: Term) -> dict[str, Value]:
        """The options that identity holds, with what facts pin: the commit of a branch."""
        kept, pins = _kept(term), term.operator.pins
        return {**kept, **pins(kept, self.facts)} if pins else kept

    def _files(self, term: Term) -> tuple[File, ...]:
        if not term.operator.pattern:
            return ()
        pattern = str(term.options[term.operator.pattern])
        found = self.facts.files(pattern)
        files = tuple(each for each in found if isinstance(each, File))
        for fault in found:
            if isinstance(fault, Fault):
                self._fault(fault, term)
        return files

    def _fault(self, fault: Fault, term: Term) -> None:
        name = CODES.get(fault.code, "fault")
        source = term.span.within(self.program.source)
        self.faults.append(Diagnostic(fault.code, name, fault.message, source, term.span, "", fault.help))

    def _enter(
        self,
        operator: Operator,
        options: dict[str, Json],
        inputs: Iterable[Input],
        files: tuple[File, ...],
        name: str,
        group: str,
        type: ModelType | None,
        term: Term,
    ) -> str:
        engines = {each: self._engine(each) for each in sorted(operator.engines)}
        listed = tuple(inputs)
        content = tuple(file.sha256 for file in files)
        pairs = tuple((each.role, each.node) for each in listed)
        key = fingerprint(operator.name, operator.version, options, engines, pairs, content)
        known = self.nodes.get(key)
        recipe = "" if group == "scores" else self._recipe(term)
        if known is not None and _rank(known.recipe, known.name) <= _rank(recipe, name):
            return key
        self.nodes[key] = Node(
            fingerprint=key,
            operator=operator.name,
            version=operator.version,
            options=tuple(sorted(options.items())),
            engines=tuple(sorted(engines.items())),
            inputs=listed,
            files=tuple(file.path for file in files),
            content=content,
            produces=operator.produces,
            name=name,
            group=group,
            type=type,
            span=term.span,
            recipe=recipe,
        )
        return key

    def _engine(self, distribution: str) -> str:
        if distribution not in self._engines:
            self._engines[distribution] = self.facts.engine(distribution)
        return self._engines[distribution]

    def score(self, benchmark: Term, model: Term) -> str:
        """Enter the score of a model on a benchmark; return its fingerprint."""
        inputs = [Input("model", self.made[model]), *self._references(benchmark.references)]
        options = _canonical(benchmark.operator, benchmark.options)
        made = self.nodes[self.made[model]]
        called = self.program.names[model] if made.recipe else made.name
        name = f"{called}/{self.program.names[benchmark]}"
        return self._enter(benchmark.operator, options, inputs, (), name, "scores", None, benchmark)

    def _leaks(self) -> None:
        """Refuse evaluation data that a stage trained on under another path: its bytes give it away."""
        for benchmark, fault in same_bytes(self.program, self._identify):
            self._fault(fault, benchmark)

    def _identify(self, corpus: Term) -> frozenset[str]:
        node = self.nodes[self.made[corpus]]
        return frozenset(node.content) or frozenset((corpus.key,))

    def graph(self) -> Graph:
        """Return the graph, with a score for each pair of a table and one report for all tables."""
        program = self.program
        found = tables(program, self.made, self.score)
        self._leaks()
        targets = tuple(dict.fromkeys(self.made[term] for term in program.targets))
        recipe = program.name
        sides = [side for gate in program.gates for each in gate.demands for side in (each.left, each.right)]
        compared = [(each.model.term, each.benchmark.term) for side in sides for each in side.measures]
        measures = {(model.key, asked.key): self.score(asked, model) for model, asked in compared}
        if found:
            report = report_node(recipe, self.vocabulary, self.nodes, found)
            self.nodes[report.fingerprint] = report
            targets = (*targets, report.fingerprint)
        named = {**program.corpora, **program.models}
        aliases = {name: self.made[term] for name, term in named.items()}
        families = {name: [self.made[each.model.term] for each in f.members] for name, f in program.families.items()}
        groups = {name: tuple(dict.fromkeys(keys)) for name, keys in {**families, **scores(found, targets)}.items()}
        return Graph(recipe, self.nodes, aliases, targets, found, groups, measures)


def _rank(recipe: str, name: str) -> tuple[bool, str, int, str]:
    """Of several places for one result the first counts: that of a used recipe, then the shortest name."""
    return not recipe, recipe, len(name), name


def _own_tokenizer(source: Term) -> Term:
    """What gives a source its tokenizer: what it is made with, else the source itself."""
    given = (each for terms in source.references.values() for each in terms)
    return next((each for each in given if each.operator.role is Role.TOKENIZER), source)


def _rows(terms: Iterable[Term]) -> Iterable[Term]:
    """A benchmark that is referred to stands for its rows."""
    for term in terms:
        if term.operator.role is Role.BENCHMARK:
            yield from (each for linked in term.references.values() for each in linked)
        else:
            yield term


def _kept(term: Term) -> dict[str, Value]:
    """The options that identity holds: all but the place of data, which is known by its content."""
    return {name: value for name, value in term.options.items() if name != term.operator.pattern}


def _canonical(operator: Operator, options: Mapping[str, Value]) -> dict[str, Json]:
    late = {option.name: option.default for option in operator.options if option.late}
    return {
        name: canonical(value)
        for name, value in options.items()
        if not (name in late and value == late[name] and type(value) is type(late[name]))
    }


def _sorted(inputs: list[Input], options: dict[str, Value], count: int) -> tuple[list[Input], dict[str, Value]]:
    """Operands in the order of what they are, their weights along."""
    weights = options.get("weights")
    each = weights if isinstance(weights, tuple) else (None,) * count
    pairs = sorted(zip(inputs[:count], each, strict=True), key=_identity)
    operands = [Input(str(place), operand.node) for place, (operand, _) in enumerate(pairs)]
    if isinstance(weights, tuple):
        options = {**options, "weights": tuple(weight for _, weight in pairs)}
    return [*operands, *inputs[count:]], options


def _identity(pair: tuple[Input, Value]) -> tuple[str, str]:
    return pair[0].node, spelled(pair[1])
