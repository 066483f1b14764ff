"""What a recipe asks for. In: tables, gates and publications as declared. Out: those that could be made; leaks."""

from __future__ import annotations

from collections.abc import Iterable

from ladle.dsl.choosing import chosen
from ladle.dsl.frozen import frozen
from ladle.dsl.gates import gate
from ladle.dsl.leaks import leaks
from ladle.dsl.program import Evaluation, Gate, Publication, Term
from ladle.dsl.publishing import publication
from ladle.dsl.syntax import EvaluateDecl, GateDecl, PublishDecl, VariantDecl
from ladle.dsl.tables import evaluation, places
from ladle.dsl.world import World

Other = EvaluateDecl | GateDecl | VariantDecl | PublishDecl
"""A declaration whose name means no value."""


@frozen
class Asked:
    """What `evaluate`, `gate` and `publish` say, in the order written."""

    evaluations: tuple[Evaluation, ...] = ()
    gates: tuple[Gate, ...] = ()
    publications: tuple[Publication, ...] = ()

    @property
    def anything(self) -> bool:
        """Whether something is asked for: a gate asks for nothing."""
        return bool(self.evaluations or self.publications)

    @property
    def targets(self) -> tuple[Term, ...]:
        """The models that are asked for, each once."""
        tables = (model.term for table in self.evaluations for model in table.models)
        return tuple(dict.fromkeys((*tables, *(each.model.term for each in self.publications))))

    @property
    def terms(self) -> tuple[Term, ...]:
        """Every computation that is named, those of gates too."""
        sides = (side for each in self.gates for demand in each.demands for side in (demand.left, demand.right))
        measures = [measure for side in sides for measure in side.measures]
        return (*self.targets, *(m.model.term for m in measures), *(m.benchmark.term for m in measures))


def asking(world: World, declarations: Iterable[Other]) -> Asked:
    """Return what is asked for; what is wrong with it is reported."""
    evaluations: list[Evaluation] = []
    gates: list[Gate] = []
    publications: list[Publication] = []
    for declaration in declarations:
        match declaration:
            case EvaluateDecl():
                table = evaluation(world, declaration)
                if table:
                    evaluations.append(table)
                    _leaks(world, declaration, table)
                    chosen(world, declaration, table)
            case GateDecl():
                gates.append(gate(world, declaration))
            case PublishDecl():
                found = publication(world, declaration)
                publications += [found] if found else []
            case VariantDecl():
                pass
    return Asked(tuple(evaluations), tuple(gates), tuple(publications))


def _leaks(world: World, declaration: EvaluateDecl, table: Evaluation) -> None:
    where = places(world, declaration)
    models = [model.term for model in table.models]
    for benchmark, stage, corpus in leaks(models, [each.term for each in table.benchmarks]):
        name = next(each.label for each in table.benchmarks if each.term is benchmark)
        trained = world.titles.get(corpus) or world.labels.get(corpus, "its rows")
        message = f"the rows of `{name}` are trained on, as `{trained}`, on {world.problems.place(stage.span)}"
        help = f"hold them out: `corpus rest: ... = {trained} | except({name})`"
        if corpus in benchmark.references.get("on", ()):
            help = f"hold some out: ask `{trained} | every(20)`, and train on `{trained} | except({name})`"
        world.problems.report("E303", where[benchmark], message, help, "a model of this table has seen them")
