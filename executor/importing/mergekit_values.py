"""mergekit's parameters as options of a merge. In: parameters of a document and its models. Out: their text."""

from __future__ import annotations

from dataclasses import dataclass

from ladle.dsl.signature import Flag, Number, Operator, Option, OptionType, Scheduled
from ladle.dsl.suggest import did_you_mean, nearest, sentences
from ladle.executor.importing.depths import At, Unsayable, depths, meant, strange, total
from ladle.executor.importing.fields import Fields, scalar_number
from ladle.executor.importing.ledger import Sort
from ladle.executor.importing.sources import Source
from ladle.executor.importing.spelling import spelled, takes
from ladle.executor.importing.tree import Listing, Scalar, Table, Tree
from ladle.executor.quoting import short

REASONS = {
    "int8_mask": (Sort.MACHINE, "how masks are kept in memory: it does not change the result"),
    "random_seed": (Sort.SAME, "mergekit passes over it here: its seed is `--random-seed`, and a recipe's `seed =`"),
}
_OVERRIDDEN = (Sort.SAME, "every slice or model says its own, so it has no effect in mergekit either")

WEIGHT = "weight"
VARIES = "write one number, such as the mean of its values; `t` of `slerp` and `lerp`, and model arithmetic, take a map"


@dataclass(frozen=True, slots=True)
class Given:
    """A document, the merge it says, and the parameters of the whole merge."""

    fields: Fields
    operator: Operator
    parameters: Fields | None

    def says(self, key: str) -> bool:
        """Say whether a parameter stands there for the whole merge."""
        return self.parameters is not None and key in self.parameters

    def rest(self, sources: tuple[Source, ...]) -> None:
        """Note every parameter that is not an option of the merge."""
        if self.parameters:
            self._misspelt(self.parameters)
            self.parameters.rest({**REASONS, **dict.fromkeys(self._taken, _OVERRIDDEN)})
        for each in dict.fromkeys(own for source in sources for own in source.own):
            self._misspelt(each)
            each.rest(REASONS)
        for source in sources:
            source.fields.rest({})

    @property
    def _taken(self) -> set[str]:
        """The parameters that the method takes."""
        weighted = {WEIGHT} if self.operator.operands.weighted != "no" else set[str]()
        return weighted | {each.field or each.name for each in self.operator.options}

    def _misspelt(self, parameters: Fields) -> None:
        known = {WEIGHT, *REASONS, *self._taken}
        for key in (entry.key for entry in parameters.table.entries if entry.key not in known):
            if hint := did_you_mean(nearest(key, known)):
                parameters.lost(key, f"no parameter of `{self.operator.name}`: {hint}")


def weight(given: Given, source: Source) -> str:
    """Return the weight of one operand, "" where the method has none."""
    operands = given.operator.operands
    if operands.weighted == "no" or operands.weight_type is None:
        return ""
    places = _places(given, source, "weight")
    if not places:
        _weightless(source)
        return "1"
    return _text(places, "weight", operands.weight_type) or "1"


def _weightless(source: Source) -> None:
    """Report a model without a weight, at the key that is meant for one where there is such a key."""
    keys = [(each, entry.key) for each in source.own for entry in each.table.entries]
    place, near = next(((each, key) for each, key in keys if nearest(key, [WEIGHT])), (None, ""))
    message = "the model has no `weight`, which mergekit demands"
    if near and place:
        place.problem("E609", near, f"{message}: `{short(near)}` is no parameter", "write `weight`")
    else:
        source.fields.problem("E609", "model", message, "add `weight`")


def shared(given: Given, option: Option, key: str) -> str:
    """Return a parameter of the whole merge, "" where the document does not set it."""
    if given.parameters is None or key not in given.parameters:
        return ""
    return _text((((given.parameters,), 0),), key, option.type)


def per_model(given: Given, option: Option, key: str, operands: tuple[Source, ...]) -> str:
    """Return a parameter that stands beside models: one value where all have the same, else `each(...)`."""
    texts = []
    # A `base_model` that stands in no slice has no parameters of one: what is one for all is what the slices say.
    sliced = tuple(source for source in operands if source.parts)
    operands = sliced if sliced and not getattr(option, "each", False) else operands
    for source in operands:
        places = _places(given, source, key)
        texts.append(_text(places, key, option.type) if places else spelled(_default(option)))
    if len(set(texts)) == 1:
        return texts[0]
    if getattr(option, "each", False):
        return f"each({', '.join(texts)})"
    for source, text in zip(operands, texts, strict=True):
        if place := next((each for each in source.own if key in each), None):
            place.lost(key, f"`{option.name}` is one value for all models in this version, not {text} for one")
    return ""


def _default(option: Option) -> float | bool:
    value = option.default
    return value if isinstance(value, int | float) else 1.0


Places = tuple[tuple[tuple[Fields, ...], int], ...]
"""Where a parameter stands, nearest the model first: for each slice that it is merged in, with its layers, or once."""


def _places(given: Given, source: Source, key: str) -> Places:
    """Return where a parameter of a model stands: beside it, and for the whole merge; empty where a slice has none."""
    shared = (given.parameters,) if given.parameters else ()
    if not source.parts:
        found = _that_say(key, (*source.own, *shared))
        return ((found, 0),) if found else ()
    places = tuple((_that_say(key, (*part.parameters, *shared)), part.layers) for part in source.parts)
    known = tuple((found, layers) for found, layers in places if found)
    if known and len(known) < len(places):
        message = f"`{key}` stands in some slices and not in others"
        known[0][0][0].problem("E611", key, message, "say it in every slice, or once for the whole merge")
    return known if len(known) == len(places) else ()


def _that_say(key: str, places: tuple[Fields, ...]) -> tuple[Fields, ...]:
    return tuple(each for each in places if key in each)


def _text(places: Places, key: str, type: OptionType) -> str:
    """Return a parameter as an option of a type; "" where it cannot be said, which is reported."""
    first = places[0][0][0]
    if isinstance(type, Flag):
        return _flag(places, key)
    try:
        trees = [(_reached(found, key), layers) for found, layers in places]
        found = depths([([tree for _, tree in each], layers) for each, layers in trees])
    except Unsayable as why:
        span = why.span or first.span(key)
        first.ledger.problem("E611", first.document, span, f"`{key}` cannot be said: {why}", why.help)
        return ""
    if found.modules and not isinstance(type, Scheduled):
        first.problem("E611", key, f"`{key}` varies over the tensors, and is one number in this version", VARIES)
    elif _wrong_number([each for told, _ in trees for each in told], key, type):
        return ""
    elif found.modules and isinstance(type, Scheduled) and (lists := _unlayered(found.modules, type)):
        message = f"`{key}` cannot vary over depth in {lists}"
        first.problem("E611", key, message, "write one number for it")
    elif found.strays:
        names = ", ".join(f"`{name}`" for name in found.strays)
        first.assumed(key, f"in a model that has {names}, mergekit's filters take them too: name them in the map")
    return found.text


def _strangers(place: Fields, key: str, tree: Tree) -> None:
    """Note each filter that takes no tensor, of which no value of the recipe says anything. Raises Unsayable."""
    for rule in strange(tree):
        reason = "it is part of no tensor's name in a model as Llama is, and takes nothing there"
        name, hint = f"{key}: filter = {short(rule.part)}", did_you_mean(meant(rule.part))
        place.ledger.note(Sort.LOST, place.document, rule.span or place.span(key), name, sentences((reason, hint)))


def _reached(places: tuple[Fields, ...], key: str) -> list[tuple[Fields, Tree]]:
    """Return values up to the first that takes every tensor: what stands farther off is not asked. Raises Unsayable."""
    found: list[tuple[Fields, Tree]] = []
    for place in places:
        if (tree := place.tree(key)) is not None:
            found.append((place, tree))
            _strangers(place, key, tree)
            if total(tree):
                break
    return found


def _flag(places: Places, key: str) -> str:
    flags = [found[0].flag(key) for found, _ in places]
    if len(set(flags)) > 1:
        places[0][0][0].problem("E611", key, f"`{key}` differs from slice to slice", "say it once for the whole merge")
    return "" if flags[0] is None else spelled(flags[0])


def _wrong_number(trees: list[tuple[Fields, Tree]], key: str, type: OptionType) -> bool:
    """Report the first number that an option does not take."""
    for place, tree in trees:
        if isinstance(type, Number | Scheduled) and (beyond := _beyond(tree, type)) is not None:
            message = f"`{key}` cannot be {short(beyond.text)} here"
            place.ledger.problem("E611", place.document, beyond.span, message, _bounds(key, type))
            return True
    return False


def _beyond(tree: Tree, type: OptionType) -> Scalar | None:
    """Return the first number of a value, of a list or of filters, that an option does not take."""
    match tree:
        case Scalar():
            known = scalar_number(tree)
            return None if known is None or takes(type, known) else tree
        case Listing(items):
            return next((found for item in items if (found := _beyond(item, type)) is not None), None)
        case Table():
            value = tree.get("value")
            return _beyond(value.value, type) if value else None


def _bounds(key: str, type: Number | Scheduled) -> str:
    low, high = ("any" if bound is None else f"{bound:g}" for bound in (type.low, type.high))
    above = "above " if type.open_low else ""
    return f"`{key}` is a number between {above}{low} and {high}"


def _unlayered(modules: tuple[tuple[str, At], ...], type: Scheduled) -> str:
    """Return the modules for which an option takes no list over depth, and is given one; "" where it takes all."""
    lists = [name for name, value in modules if isinstance(value, tuple) and type.modules and name not in type.layered]
    return ", ".join(f"`{name}`" for name in lists)
