"""Flags a merge of models whose configurations use weights in other ways.

The result has the configuration of the first operand. Where another counts positions by another `rope_theta` or
`rope_scaling`, attends within another `sliding_window` or up to another length, or has another `rms_norm_eps`, its
weights were not trained under that. `ladle run` says so too. What makes weights numbers of another function altogether,
such as another activation, is an error (E210).

Bad:

    model long = local("models/long")
    model m = slerp(large, long, t = 0.5)

Good:

    model m = slerp(large, large | sft, t = 0.5)
"""

from collections.abc import Iterator

from ladle.dsl.diagnostics import Severity
from ladle.dsl.program import Program, Term
from ladle.dsl.rule import Finding, Rule
from ladle.dsl.types import UNKNOWN, ModelType, Settings, Unknown, differing
from ladle.executor.chains import merges, name, parents
from ladle.executor.model_settings import listed


def find(program: Program) -> Iterator[Finding]:
    """Yield every merge with a model whose settings differ from the first one's."""
    for term in merges(program):
        first, *others = parents(term)
        for other in others:
            if found := listed(differing(_settings(first), _settings(other))):
                message = f"`{name(program, other)}` has {found} as `{name(program, first)}`, the first operand"
                yield Finding(term.span, message, "merge models of one configuration, or see that this is meant")
                break


def _settings(term: Term) -> Settings | Unknown:
    return term.type.settings if isinstance(term.type, ModelType) else UNKNOWN


RULE = Rule("W546", "other-settings", Severity.WARNING, find)
