"""Stages applied to models. In: a stage value, a model, the settings that reach it. Out: the trained model."""

from __future__ import annotations

from ladle.dsl.affine import as_model
from ladle.dsl.agreement import same_tokens
from ladle.dsl.building import build, required
from ladle.dsl.frozen import replace
from ladle.dsl.operands import Operand, Piped, cut_decimal
from ladle.dsl.options import Layer, Written, layer, settle
from ladle.dsl.problems import Mismatch
from ladle.dsl.program import FAILED, Failed, Linked, Meaning, Named, Setting, StageValue, Step
from ladle.dsl.signature import Role
from ladle.dsl.source import Span
from ladle.dsl.spelling import joined, settings
from ladle.dsl.syntax import Argument
from ladle.dsl.types import ModelType, Unknown
from ladle.dsl.values import MAX_ITEMS
from ladle.dsl.world import Scope, World, option_of, words


def call_stage(
    world: World, stage: StageValue, arguments: tuple[Argument, ...], piped: Piped | None, span: Span, scope: Scope
) -> Meaning:
    """Return a stage with what is set at the call, applied where a model is given: `sft(m, epochs = 2)`."""
    named = [(argument.name, argument.value) for argument in arguments if argument.name is not None]
    models = [argument for argument in arguments if argument.name is None]
    if named and len(stage.steps) != 1:
        help = "set them with `with { " + stage.steps[0].name + "... = ... }` after the expression"
        world.problems.report("E209", span, "a composition takes no options at the call", help)
    elif named:
        stage = StageValue((_called(world, stage.steps[0], named, scope),))
    name = stage.steps[0].name
    if len(models) + (piped is not None) > 1 or any(model.weight is not None for model in models):
        help = cut_decimal(world, models[-1].value) or "options are named"
        return world.problems.report("E209", models[-1].span, f"`{name}` takes one model", help, "one too many")
    if models:
        piped = Piped(world.evaluate(models[0].value, scope), models[0].value.span)
    return stage if piped is None else feed(world, piped, stage, span, scope)


def feed(world: World, piped: Piped, stage: StageValue, span: Span, scope: Scope) -> Meaning:
    """Return `piped | stage`: a model is trained, a stage composed."""
    match piped.value:
        case Failed():
            return FAILED
        case StageValue(steps) if len(steps) + len(stage.steps) > MAX_ITEMS:
            message = f"a composition of more than {MAX_ITEMS:,} stages"
            return world.problems.report("E302", span, message, "compose fewer stages; `epochs` repeats a corpus")
        case StageValue(steps):
            return StageValue((*steps, *stage.steps))
    model = as_model(world, piped.value, piped.span)
    if isinstance(model, Mismatch):
        message = f"`{stage.steps[0].name}` {model.message}"
        return world.problems.report(model.code, piped.span, message, model.help, model.label)
    for step in stage.steps:
        if isinstance(model, Failed):
            return FAILED
        model = _apply(world, step, Operand(model, None, piped.span), span, scope)
    return model


def _called(world: World, step: Step, named: list[Written], scope: Scope) -> Step:
    here = layer(world, step.kind, named, scope)
    return replace(step, called=settle(step.kind, (step.called, here)))


def _apply(world: World, step: Step, model: Operand, span: Span, scope: Scope) -> Named | Failed:
    """Settle the options, by precedence: stage, `with` for all stages, `with` for this one, call, variant."""
    everywhere = _overriding(world, step, scope, "stage")
    own = _overriding(world, step, scope, step.name)
    at_call = settle(step.kind, (everywhere, own, step.called))
    settled = settle(step.kind, (step.declared, at_call, *_varied(world, step)))
    if not _required(world, step, settled):
        return FAILED
    for place in settled.values():
        for other in place.value.items if isinstance(place.value, Linked) else ():
            same_tokens(world, model.value, other, place.span)
    _continues(world, step, settled, model.value)
    need_tokenizer(world, model.value, step.name, span)
    if step.kind.needs_template:
        need_template(world, model.value, step.name, span)
    _can_stop(world, model.value, step.name, span)
    values = {name: setting.value for name, setting in at_call.items() if not setting.failed}
    label = joined((model.value.label, step.name, settings(step.kind, values)))
    made = build(world, step.kind, (model,), settled, span, label)
    if isinstance(made, Named):
        world.doubtful.update((made.term, name) for name, setting in settled.items() if setting.failed)
    return made


def _required(world: World, step: Step, settled: dict[str, Setting]) -> bool:
    if step.home or step.name in world.declared:
        return required(world, step.kind, settled, step.span)
    name = step.name
    help = f"no stage `{name}` is declared: write `{name}(on = ...)`, or declare `stage {name} {{ ... }}`"
    return required(world, step.kind, settled, step.span, help, once=f"kind {name}")


def _continues(world: World, step: Step, settled: dict[str, Setting], model: Named) -> None:
    """Report an option that goes on with what the stage before began, where that began nothing."""
    for option in step.kind.options:
        if not option.continues or option.name not in settled or settled[option.name].value != option.continues:
            continue
        before = model.term
        if before.operator.role is Role.STAGE and before.options.get(option.name) is not None:
            continue
        if (before, option.name) in world.doubtful:
            continue
        message = (
            f"`{option.name} = {option.continues}` goes on with the stage before, and `{model.label}` ends in none"
        )
        help = (
            f"the last stage of `{model.label}` must begin one, anything between folds it in; `{option.name}` is "
            f"{option.text}"
        )
        world.problems.report("E244", settled[option.name].span, message, help, "nothing to go on with")


def _overriding(world: World, step: Step, scope: Scope, owner: str) -> dict[str, Setting]:
    found: list[Written] = []
    for setting in scope.overrides:
        if setting.owner is None or setting.owner.name != owner:
            continue
        if owner == "stage" and option_of(step.kind, setting.name.name) is None:
            continue
        world.reached.add(setting.span)
        found.append((setting.name, setting.value))
    return layer(world, step.kind, found, scope.outside()) if found else {}


def _varied(world: World, step: Step) -> tuple[Layer, ...]:
    """What the chosen variant sets of a stage: the same wherever it is applied."""
    if not world.overlay:
        return ()
    key = (step.kind.name, step.name)
    if key not in world.varied:
        world.varied[key] = ()  # a setting that applies the stage itself means the stage as it was
        last = Scope(overrides=world.overlay)
        world.varied[key] = (_overriding(world, step, last, "stage"), _overriding(world, step, last, step.name))
    return world.varied[key]


def _can_stop(world: World, model: Named, user: str, span: Span) -> None:
    """Report a model that pads with its end token, once for each source: trained so, it never learns to stop."""
    if isinstance(model.term.type, ModelType) and model.term.type.pad_is_end is True:
        source = model.term.source
        name = world.titles.get(source) or world.labels.get(source, source.operator.name)
        message = f"`{name}` pads with the token that ends a text: trained by `{user}` it would never learn to stop"
        help = f"take the tokens of a model whose pad is another: `{source.operator.name}(..., template = instruct)`"
        label = f"pad and end are one token; trained on {world.problems.place(span)}"
        world.problems.report("E261", source.span, message, help, label, once=f"pad {source.key}")


def need_tokenizer(world: World, model: Named, user: str, span: Span) -> None:
    """Report a model without a tokenizer whose text `user` reads: once for each source, where it is fixed."""
    source = model.term.source
    if isinstance(source.type, ModelType) and source.type.untokenized:
        message = f"{source.type.untokenized}, and `{user}` reads its rows with it"
        help = "save the model's own tokenizer there with transformers, as a fast one"
        label = f"no tokenizer here; needed on {world.problems.place(span)}"
        world.problems.report("E410", source.span, message, help, label, once=f"tokenizer {source.key}")


def need_template(world: World, model: Named, user: str, span: Span) -> None:
    """Report a model without a chat template that `user` renders chats for: once for each source, where it is fixed."""
    type = model.term.type
    if not isinstance(type, ModelType):
        return
    if isinstance(type.template, Unknown):
        text = f"whether `{model.label}` has a chat template, which `{user}` needs"
        world.skip(span, text, model.term, once=f"template {model.term.source.key} {user}")
    elif type.template is None:
        source = model.term.source
        option = option_of(source.operator, "template")
        fitting = _fitting(world, type, words(option.type) if option else ())
        name = world.titles.get(source) or world.labels.get(source, source.operator.name)
        message = f"`{name}` has no chat template, and `{user}` renders chats with it"
        help = f"give it one where it is made: `{source.operator.name}(..., template = {fitting or 'MODEL'})`"
        help += (
            "" if fitting else ", a model of the same tokenizer; this one lacks the control tokens of the built-in ones"
        )
        label = f"no `template` here; needed on {world.problems.place(span)}"
        world.problems.report("E208", source.span, message, help, label, once=f"template {source.key}")


def _fitting(world: World, model: ModelType, built_in: tuple[str, ...]) -> str:
    """Return what gives a model a template: a built-in one whose control tokens it has, or a model that is named here.

    "" where nothing is known that would.
    """
    own = model.vocabulary
    if isinstance(own, Unknown):
        return next(iter(built_in), "")
    donors = (
        name
        for term, name in world.titles.items()
        if isinstance(term.type, ModelType) and isinstance(term.type.template, str) and term.type.vocabulary == own
    )
    return next((each for each in built_in if not world.facts.lacking_control(own, each)), "") or next(donors, "")
