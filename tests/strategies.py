"""Recipes for property tests. In: nothing. Out: Hypothesis strategies for text that parses, and text almost like it."""

from __future__ import annotations

import keyword
from pathlib import Path

from hypothesis import strategies as st
from ladle.dsl.lex import RESERVED
from ladle.dsl.numbers import UNITS

SHIPPED = tuple(
    p.read_text(encoding="utf-8") for p in sorted((Path(__file__).parent / "fixtures/recipes").glob("*.recipe"))
)
"""Whole recipes that parse without a problem."""

names = st.from_regex(r"[a-z][a-z0-9_]{0,8}", fullmatch=True).filter(lambda name: name not in RESERVED)
option_names = names | st.sampled_from(sorted(RESERVED))
"""Names of options: before `=` a reserved word is one."""

decimals = st.from_regex(r"(0|[1-9][0-9]{0,3})(\.[0-9]{1,3})?(e-?[0-9])?", fullmatch=True)
numbers = st.builds(str.__add__, decimals, st.sampled_from(["", "", "", *UNITS]))
strings = st.text(
    st.characters(codec="utf-8", exclude_categories=["C", "M", "Z"], exclude_characters='"'), max_size=8
).map(lambda text: f'"{text}"'.replace("\u115f", ""))
constants = st.sampled_from(["true", "false", "none"])
ranges = st.builds("{}..{}".format, numbers, numbers) | st.builds("{}..{} by {}".format, numbers, numbers, numbers)
gaps = st.sampled_from(["", "", " ", "  ", "\n  ", "  # a comment\n  "])
separators = st.sampled_from([" ", "  ", ", ", "\n  ", " # why\n  ", ",\n  "])


def listed(parts: st.SearchStrategy[str], minimum: int = 0) -> st.SearchStrategy[str]:
    """Return parts with commas between them, sometimes one after the last."""
    trailing = st.sampled_from(["", "", ","])
    return st.builds(
        lambda items, gap, last: f",{gap or ' '}".join(items) + (last if items else ""),
        st.lists(parts, min_size=minimum, max_size=3),
        gaps,
        trailing,
    )


def _grown(inner: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    named = st.builds("{} = {}".format, option_names, inner)
    weighted = st.builds("{}: {}".format, inner, inner)
    # each name once: a second would be a problem
    arguments = listed(inner | weighted) | st.builds("{}, {}".format, inner, named)
    entries = st.dictionaries(names, inner, min_size=1, max_size=3)
    maps = entries.map(lambda found: ", ".join(f"{key}: {value}" for key, value in found.items()))
    return st.one_of(
        st.builds("({}{}{})".format, gaps, inner, gaps),
        st.builds("[{}]".format, listed(inner)),
        st.builds("{{{}}}".format, maps),
        st.builds("{}({})".format, names, arguments),
        st.builds("{}[{}]".format, names, st.builds("{}, {}".format, inner, named) | listed(inner, 1)),
        st.builds("{}.{}".format, names, names),
        st.builds("({}) {} ({})".format, inner, st.sampled_from(["+", "-", "*", "/", "|"]), inner),
        st.builds("-({})".format, inner),
    )


expressions = st.recursive(st.one_of(names, numbers, strings, constants, ranges), _grown, max_leaves=8)


def blocks(keys: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    """Return `{...}` with settings whose keys differ."""
    settings = st.dictionaries(keys, expressions, max_size=3)
    return st.builds(
        lambda found, gap: "{ " + gap.join(f"{key} = {value}" for key, value in found.items()) + " }",
        settings,
        separators,
    )


_axes = st.lists(names, min_size=1, max_size=2, unique=True).flatmap(
    lambda found: st.tuples(*(st.builds(f"{name} in {{}}".format, expressions) for name in found)).map(", ".join)
)
_owned = st.builds("{}.{}".format, names | st.just("stage"), option_names)
_imports = st.lists(names, min_size=1, max_size=3, unique=True).flatmap(
    lambda found: st.tuples(*(st.just(name) | st.builds(f"{{}} as {name}".format, names) for name in found)).map(
        ", ".join
    )
)
_requirement = st.builds(
    "require {} {} {}{}".format,
    expressions,
    st.sampled_from([">=", "<=", ">", "<", "=="]),
    expressions,
    st.just("") | strings.map(" else {}".format),
)
_requirements = st.builds(str.join, separators, st.lists(_requirement, min_size=1, max_size=2))
declarations = st.one_of(
    st.builds("let {} = {}".format, names, expressions),
    st.builds("model {} = {}".format, names, expressions),
    st.builds("model {}[{}] = {} with {}".format, names, _axes, expressions, blocks(_owned)),
    st.builds("corpus {}: {} = {}".format, names, names, expressions),
    st.builds("stage {} {}".format, names, blocks(option_names)),
    st.builds("stage {}: {} {}".format, names, names, blocks(option_names)),
    st.builds("stage {} = {}".format, names, expressions),
    st.builds("benchmark {}: {} {}".format, names, names, blocks(option_names)),
    st.builds("evaluate {} {}".format, names, blocks(option_names)),
    st.builds("use {}: {}".format, strings, _imports),
    st.builds("gate {} {{ {} }}".format, names, _requirements),
    st.builds("variant {} {}".format, names, blocks(_owned | names)),
    st.builds("publish {} {}".format, names, blocks(option_names)),
)
recipes = st.lists(declarations, max_size=5).map(lambda found: "edition 1\n" + "\n".join(found) + "\n")
"""Recipes that parse; what they say makes no sense."""

_PIECES = [
    *RESERVED,
    *keyword.softkwlist,
    "1..",
    "8kb",
    "(",
    ")",
    "[",
    "]",
    "{",
    "}",
    "=",
    ">=",
    "<",
    ":",
    ",",
    "|",
    '"',
    "#",
    "\n",
    " ",
]


@st.composite
def mutated(draw: st.DrawFn, texts: st.SearchStrategy[str]) -> str:
    """Return a text of `texts` with some characters dropped, doubled, swapped, or pieces put in."""
    text = draw(texts)
    for _ in range(draw(st.integers(1, 3))):
        place = draw(st.integers(0, len(text)))
        far = min(len(text), place + draw(st.integers(0, 6)))
        piece = draw(st.sampled_from(_PIECES) | st.text(max_size=3))
        kept = draw(st.sampled_from(["", text[place:far] * 2, text[place:far][::-1], piece]))
        text = text[:place] + kept + text[far:]
    return text
