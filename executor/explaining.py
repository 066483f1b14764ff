"""What every word of the language means. In: a word. Out: its records, from the catalogue and the codes' pages."""

from __future__ import annotations

import re
from collections.abc import Iterator
from importlib import import_module

from ladle.dsl.codes import CODES
from ladle.dsl.fitting import wanted
from ladle.dsl.graph import Json
from ladle.dsl.pages import Page, parse_page, read_page
from ladle.dsl.signature import REQUIRED, Operator, Option, Reference, Role
from ladle.dsl.suggest import did_you_mean, listing, nearest
from ladle.dsl.types import CorpusKind, Share
from ladle.executor.catalog import vocabulary
from ladle.executor.method_pages import about, example
from ladle.executor.modules import module_names
from ladle.executor.rulebook import PACKAGES
from ladle.executor.task import StepError

Record = dict[str, Json]
"""One meaning of a word; `what` says whether it is an operator, an option, a corpus kind or a code."""

WORDS = {
    "edition": "`edition 1`: a later edition never changes the meaning of an older file",
    "use": '`use "recipes/other.recipe": a, b as c`: names of another recipe',
    "let": "`let NAME = VALUE`: a constant: number, string, list (of stages or models too), map, range",
    "model": "`model NAME = EXPR [with {...}]`: a model; `model NAME[x in XS] = EXPR`: a family, one for each value",
    "corpus": "`corpus NAME: KIND = SOURCE | operator`: rows; KIND is checked, never a conversion",
    "stage": "`stage NAME: KIND {...}`: settings of a training; `stage NAME = a | b`: stages one after the other",
    "benchmark": "`benchmark NAME: KIND { on = CORPUS }`: questions that every model is asked",
    "evaluate": "`evaluate NAME { models on baseline average as }`: a table, models by benchmarks",
    "gate": "`gate NAME { require a.silk >= b.silk - 1pp }`: what measured scores must be; `ladle gate` judges it",
    "variant": "`variant NAME { stage.steps = 2 }`: a named overlay with the last word, chosen by `--variant`",
    "publish": '`publish NAME { model = m  to = hub("me/m")  licence = "mit" }`: a finished model and where it goes',
    "with": "`model m = EXPR with { cpt.epochs = 2  stage.seed = 7 }`: settings of the stages that EXPR applies",
}
"""What the words mean that begin a declaration, or stand in one."""


def explain(word: str) -> list[Record]:
    """Return every meaning of a word. Raises StepError for a word without one."""
    found = [*_codes(word), *_operators(word), *_kinds(word), *_words(word), *_options(word)] or _called(word)
    if not found:
        near = nearest(word, known()) or nearest(word.upper(), known())
        raise StepError(f"`{word}` means nothing", did_you_mean(near) or _owned(word))
    return found


def _called(word: str) -> list[Record]:
    """The options that a library beneath calls `word`."""
    pairs = ((operator, option) for operator in operators() for option in operator.options)
    return [option_record(operator, option) for operator, option in pairs if word in re.findall(r"\w+", option.field)]


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
    names = [operator.name for operator in operators()]
    pages = [name for record in codes() for name in (str(record["code"]), str(record["name"]))]
    return list(dict.fromkeys([*pages, *names, *CorpusKind, *WORDS, *plain, *options]))


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
    return [{"what": "corpus kind", "name": word, "taken_by": taken}] if word in list(CorpusKind) else []


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
    ]


def option_record(operator: Operator, option: Option) -> Record:
    """Return what an option is: type with range and unit, default, the field it becomes, what it excludes."""
    excluded: list[Json] = [
        each.name for each in operator.options if option.group and each.group == option.group and each is not option
    ]
    return {
        "what": "option",
        "name": option.name,
        "of": operator.name,
        "text": option.text,
        "type": wanted(option.type),
        "default": _default(option),
        "field": option.field,
        "excludes": excluded,
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
