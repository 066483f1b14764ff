"""What every word of the language means. In: a word. Out: its records, from the catalogue and the codes' pages."""

from __future__ import annotations

import re
from collections.abc import Iterator
from importlib import import_module

from ladle.dsl.codes import CODES
from ladle.dsl.fitting import wanted
from ladle.dsl.frozen import replace
from ladle.dsl.graph import Json
from ladle.dsl.numbers import UNITS
from ladle.dsl.pages import Page, parse_page, read_page
from ladle.dsl.remedies import record_of
from ladle.dsl.signature import REQUIRED, Operator, Option, OptionType, Reference, Role
from ladle.dsl.suggest import did_you_mean, listing, nearest
from ladle.dsl.types import CorpusKind, Dimension, Share
from ladle.dsl.world import words
from ladle.executor.catalog import vocabulary
from ladle.executor.columns import OF_KIND
from ladle.executor.importing.words import elsewhere
from ladle.executor.method_pages import about, example
from ladle.executor.modules import module_names
from ladle.executor.rulebook import PACKAGES
from ladle.executor.syntax_words import WORDS
from ladle.executor.task import StepError

Record = dict[str, Json]
"""One meaning of a word; `what` says whether it is an operator, an option, a corpus kind or a code."""
OTHERS = "another trainer's word"


def explain(word: str) -> list[Record]:
    """Return every meaning of a word. Raises StepError for a word without one."""
    found = [*_codes(word), *_operators(word), *_kinds(word), *_words(word), *_options(word), *_values(word)]
    found = found or [*_called(word), *_elsewhere(word)]
    if not found:
        near = nearest(word, known()) or nearest(word.upper(), known())
        raise StepError(f"`{word}` means nothing", did_you_mean(near) or _owned(word))
    return found


def _called(word: str) -> list[Record]:
    """The options that a library beneath calls `word`."""
    pairs = ((operator, option) for operator in operators() for option in operator.options)
    return [option_record(operator, option) for operator, option in pairs if word in re.findall(r"\w+", option.field)]


def _elsewhere(word: str) -> Iterator[Record]:
    """What a trainer of another tool calls `word`."""
    name, told = elsewhere(word)
    if name or told:
        yield {"what": "word", "name": word, "text": f"{OTHERS}: {told or f'it is called `{name}` here'}"}
    for operator in operators():
        if operator.role is Role.STAGE:
            yield from (option_record(operator, option) for option in operator.options if option.name == name)


def _values(word: str) -> list[Record]:
    """The options that take a word, and what the unit of a number means."""
    takers: dict[str, list[str]] = {}
    for operator, option, type in _settable():
        if word in words(type):
            takers.setdefault(option.text, []).append(f"{operator.name}.{option.name}")
    found: list[Record] = [
        {"what": "word", "name": word, "text": f"a value of {listing(names, 6)}: {text}"}
        for text, names in takers.items()
    ]
    if word in UNITS:
        found.append({"what": "word", "name": word, "text": _unit(word)})
    return found


def _settable() -> Iterator[tuple[Operator, Option, OptionType]]:
    """Every option with its type, the keys of maps among them; these are named `lora.targets`."""
    for operator in operators():
        for option in operator.options:
            yield operator, option, option.type
            for key in record_of(option.type):
                yield operator, replace(key, name=f"{option.name}.{key.name}"), key.type


def _unit(word: str) -> str:
    unit = UNITS[word]
    if unit.exponent:
        return f"a unit: `3{word}` is {unit.dimension.value}, 0.03"
    noun = {Dimension.BYTES: " bytes", Dimension.DURATION: " seconds"}.get(unit.dimension, "")
    return f"a unit: `3{word}` is {3 * unit.factor:,}{noun}"


def _owned(word: str) -> str:
    """What the operator before the dot has."""
    owner, dot, _ = word.partition(".")
    options = [option.name for operator in operators() if operator.name == owner for option in operator.options]
    return f"`{owner}` has {listing(options, 30)}" if dot and options else "`ladle explain` lists what can be explained"


def _words(word: str) -> list[Record]:
    return [{"what": "word", "name": word, "text": WORDS[word]}] if word in WORDS else []


def known() -> list[str]:
    """Return every word that can be explained."""
    options = [f"{operator.name}.{option.name}" for operator in operators() for option in operator.options]
    plain = [option.name for operator in operators() for option in operator.options]
    inner = [part for _, option, type in _settable() for part in (option.name.rpartition(".")[2], *words(type))]
    names = [operator.name for operator in operators()]
    pages = [name for record in codes() for name in (str(record["code"]), str(record["name"]))]
    return list(dict.fromkeys([*pages, *names, *CorpusKind, *WORDS, *plain, *options, *inner, *UNITS]))


def operators() -> list[Operator]:
    """Return the operators that a recipe may name, by role and name."""
    roles = list(Role)
    named = [operator for operator in vocabulary().values() if operator.role is not Role.INTERNAL]
    return sorted(named, key=lambda operator: (roles.index(operator.role), operator.name))


def codes() -> list[Record]:
    """Return a record for each error code and each lint rule, in the order of codes."""
    return sorted([*errors(), *_rules()], key=lambda record: str(record["code"]))


def errors() -> list[Record]:
    """Return a record for each error code."""
    return [_page("error", name, page) for code, name in CODES.items() if (page := read_page(code))]


def _rules() -> Iterator[Record]:
    for package in PACKAGES:
        for name in module_names(package):
            loaded = import_module(f"{package.__name__}.{name}")
            rule = loaded.RULE
            record = _page(str(rule.severity), rule.name, parse_page(rule.code, loaded.__doc__ or ""))
            yield record | {"fix": str(getattr(rule, "fix", ""))}


def _page(severity: str, name: str, page: Page) -> Record:
    return {
        "what": "code",
        "code": page.code,
        "name": name,
        "severity": severity,
        "title": page.title,
        "why": page.why,
        "bad": page.bad,
        "good": page.good,
        "cause": page.cause,
    }


def _codes(word: str) -> list[Record]:
    return [record for record in codes() if word.lower() in (str(record["code"]).lower(), record["name"])]


def _operators(word: str) -> list[Record]:
    return [operator_record(operator) for operator in operators() if operator.name == word]


def operator_record(operator: Operator) -> Record:
    """Return what an operator is, takes and has."""
    return {
        "what": "operator",
        "name": operator.name,
        "role": operator.role.value,
        "text": operator.text,
        "operands": _operands(operator),
        "takes": [kind.value for kind in operator.takes],
        "columns": list(operator.columns),
        "needs_template": operator.needs_template,
        "engines": list(operator.engines),
        "about": about(operator),
        "example": example(operator),
        "options": [option_record(operator, option) for option in operator.options],
    }


def _operands(operator: Operator) -> str:
    operands = operator.operands
    if operands.family:
        return "a list or a family of models"
    names = [sort.value for sort in operands.sorts]
    if operator.role is Role.STAGE:
        names = ["a model"]
    more = f", {operands.minimum} or more" if operands.variadic else ""
    weights = {"must": ", each with a weight (`a: 0.7`)", "may": ", each with a weight or none"}
    return ", ".join(names) + more + weights.get(operands.weighted, "")


def _kinds(word: str) -> list[Record]:
    taken: list[Json] = [operator.name for operator in operators() if word in _taken(operator)]
    if word not in list(CorpusKind):
        return []
    return [{"what": "corpus kind", "name": word, "columns": OF_KIND[CorpusKind(word)], "taken_by": taken}]


def _taken(operator: Operator) -> set[CorpusKind]:
    references = [option.type for option in operator.options if isinstance(option.type, Reference)]
    return {*operator.takes, *operator.operands.kinds, *(kind for type in references for kind in type.kinds)}


def _options(word: str) -> list[Record]:
    owner, _, name = word.rpartition(".")
    return [
        option_record(operator, option)
        for operator in operators()
        if owner in ("", operator.name)
        for option in operator.options
        if option.name == name
    ] + [
        option_record(replace(operator, name=f"{operator.name}.{option.name}"), key)
        for operator in operators()
        for option in operator.options
        if owner in ("", option.name, f"{operator.name}.{option.name}")
        for key in record_of(option.type)
        if key.name == name
    ]


def option_record(operator: Operator, option: Option) -> Record:
    """Return what an option is: type with range and unit, default, the field it becomes, what it excludes."""
    excluded: list[Json] = [
        each.name for each in operator.options if option.group and each.group == option.group and each is not option
    ]
    keys = record_of(option.type)
    return {
        "what": "option",
        "name": option.name,
        "of": operator.name,
        "text": option.text,
        "type": wanted(option.type),
        "default": _default(option),
        "field": option.field,
        "excludes": excluded,
        "keys": [option_record(replace(operator, name=f"{operator.name}.{option.name}"), key) for key in keys],
    }


def _default(option: Option) -> str:
    """Return the default as a recipe would write it, "" for an option that must be set."""
    return "" if option.default is REQUIRED else _written(option.default)


def _written(value: object) -> str:
    match value:
        case None | bool():
            return "none" if value is None else str(value).lower()
        case Share(fraction):
            return f"{fraction * 100:g}%"
        case float():
            return re.sub(r"e([+-])0*", lambda sign: f"e{sign[1].strip('+')}", f"{value:.12g}")
        case tuple():
            return f"[{', '.join(map(_written, value))}]"
        case int() | str():
            return str(value)
        case _:
            raise TypeError(f"no default looks like {value!r}")
