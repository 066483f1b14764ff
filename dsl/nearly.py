"""Comments that look like `allow` and do nothing. In: a recipe as written, the rules. Out: a finding for each."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping

from ladle.dsl.allow import ALLOW, COMMENT, SHOWN
from ladle.dsl.rule import Finding, Rule
from ladle.dsl.source import Span
from ladle.dsl.suggest import nearest
from ladle.dsl.syntax import Recipe

_NEARLY = re.compile(r"#+[ \t]*(allows?)\b[ \t]*:?[ \t]*([A-Za-z][\w-]*)[ \t]*:?([^#]*)", re.IGNORECASE)
_CODE = re.compile(r"[EW]\d{3}", re.IGNORECASE)


def nearly(recipe: Recipe, codes: Mapping[str, Rule]) -> Iterator[Finding]:
    """Yield each comment that names a rule or a code after `allow`, and is not written as one that allows.

    What only begins with the word, as a sentence may, is a comment like any other.
    """
    text = recipe.source.text
    if "allow" not in text.lower():
        return
    names = {rule.name: code for code, rule in codes.items()}
    for match in COMMENT.finditer(text):
        told = match[1] and not ALLOW.match(match[1]) and _NEARLY.match(match[1])
        code = _meant(told[2], names) if told else ""
        if told and code:
            start = match.start(1)
            written = match[1][told.start(1) : told.end(2)]
            help = f"write `# allow {code}: {told[3].strip()[:SHOWN] or 'why'}`"
            message = f"`{written}` allows nothing: a comment that allows is written `allow CODE: reason`"
            yield Finding(Span(start + told.start(1), start + told.end(2)), message, help, "allows nothing")


def _meant(word: str, names: Mapping[str, str]) -> str:
    """Return the code that a word means: itself, or that of the rule with this name or one near to it; "" for none."""
    if _CODE.fullmatch(word):
        return word.upper()
    name = word.lower().replace("_", "-")
    near = (name,) if name in names else nearest(name, names) if "-" in name else ()
    return names[near[0]] if near else ""
