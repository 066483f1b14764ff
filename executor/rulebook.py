"""Every lint rule by code. In: the rule packages, whose modules each define one `RULE`. Out: the rules."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from types import MappingProxyType, ModuleType

from ladle.dsl import rules as language
from ladle.dsl.rule import Rule
from ladle.executor import rules as catalogue
from ladle.executor.modules import defined

PACKAGES: tuple[ModuleType, ...] = (language, catalogue)


@cache
def rules() -> Mapping[str, Rule]:
    """Return every rule by code, in the order of codes.

    Raises TypeError for a module without `RULE` and for a code or name given twice: both are faults of ours.
    """
    found: dict[str, Rule] = {}
    for package in PACKAGES:
        for module, rule in defined(package, "RULE", Rule):
            if module != f"{package.__name__}.{rule.name.replace('-', '_')}":
                raise TypeError(f"{module} defines no RULE of its name")
            if rule.code in found:
                raise TypeError(f"{module} defines `{rule.code}` a second time")
            found[rule.code] = rule
    return MappingProxyType({code: found[code] for code in sorted(found)})
