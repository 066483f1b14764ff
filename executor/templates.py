"""The chat templates that ship with Ladle. In: a name. Out: the template's text and the control tokens it needs."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from ladle.dsl.frozen import frozen

END: Final = "<|endoftext|>"
"""Ends a document of plain text in every vocabulary that Ladle makes."""
PAD: Final = "<|pad|>"
"""Fills a batch; never a row, and never the end token."""


@frozen
class Template:
    """A chat template: `text` is Jinja as transformers renders it; `turn_end` closes each turn."""

    name: str
    text: str
    turn_end: str
    control: tuple[str, ...]
    """Tokens of the text that a vocabulary must hold, in the order in which they are reserved."""


CHATML: Final = Template(
    name="chatml",
    text=(
        "{%- for message in messages %}"
        "{{- '<|im_start|>' + message['role'] + '\\n' + message['content'] + '<|im_end|>\\n' }}"
        "{%- endfor %}"
        "{%- if add_generation_prompt %}{{- '<|im_start|>assistant\\n' }}{%- endif %}"
    ),
    turn_end="<|im_end|>",
    control=("<|im_start|>", "<|im_end|>"),
)

BUILT_IN: Final[Mapping[str, Template]] = MappingProxyType({CHATML.name: CHATML})


def template_identity(text: str) -> str:
    """Return the identity of a template's text, by which types compare templates."""
    return "sha256:" + hashlib.sha256(text.encode()).hexdigest()[:16]


def reserved(template: str | None) -> tuple[str, ...]:
    """Return the control tokens that a new vocabulary reserves for `template`, a built-in name or None."""
    return (END, PAD, *(BUILT_IN[template].control if template else ()))
