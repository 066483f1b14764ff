"""Chat templates, rendered as transformers renders them. In: a template's text and messages. Out: text and its answers.

Templates are a stranger's code, so they run in Jinja's sandbox, with what transformers gives them and no more, and with
a bound on what they write. Unlike there, the date is always the same: rows must not change from day to day.
"""

from __future__ import annotations

import datetime
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NoReturn

import jinja2
from jinja2.ext import Extension, loopcontrols
from jinja2.sandbox import ImmutableSandboxedEnvironment

Message = Mapping[str, str]

DATE = datetime.date(2024, 7, 26)
"""The date that templates are told; the one that Llama's own write where they are told none."""

MAX_CHARS = 64 * 2**20
"""Characters that one rendering, or one string within it, may have."""


class TemplateFault(Exception):
    """A template that cannot be compiled, refuses the messages or wants too much; the message says which."""


@dataclass(frozen=True, slots=True)
class Rendered:
    """A rendered chat; `answers` are the (start, end) characters that the template itself marks as generated."""

    text: str
    answers: tuple[tuple[int, int], ...]


class _Generation(Extension):
    """The tag `generation` of transformers, which surrounds what a model writes itself."""

    tags = {"generation"}  # noqa: RUF012 - as Jinja declares it

    def parse(self, parser: Any) -> jinja2.nodes.Node:
        line = next(parser.stream).lineno
        body = parser.parse_statements(("name:endgeneration",), drop_needle=True)
        return jinja2.nodes.CallBlock(self.call_method("note"), [], [], body).set_lineno(line)

    def note(self, caller: Callable[[], str]) -> str:
        written = caller()
        sandbox = self.environment
        assert isinstance(sandbox, _Sandbox)
        start = sum(map(len, sandbox.written))
        sandbox.answers.append((start, start + len(written)))
        return written


class _Sandbox(ImmutableSandboxedEnvironment):
    """Jinja's sandbox, with a bound on the strings that operators make."""

    intercepted_binops = frozenset({"*", "**", "+", "%"})

    def __init__(self) -> None:
        super().__init__(trim_blocks=True, lstrip_blocks=True, extensions=[_Generation, loopcontrols])
        self.written: list[str] = []
        self.answers: list[tuple[int, int]] = []
        self.filters["tojson"] = _tojson
        self.globals.update(raise_exception=_refuse, strftime_now=DATE.strftime, namespace=_Namespace, dict=_dict)

    def call_binop(self, context: Any, operator: str, left: Any, right: Any) -> Any:
        sizes = [len(side) for side in (left, right) if isinstance(side, str | list | tuple)]
        factors = [abs(side) for side in (left, right) if isinstance(side, int)]
        most = sum(sizes) * max(factors, default=1) if operator == "*" else sum(sizes)
        if most > MAX_CHARS or (operator == "**" and max(factors, default=0) > 10_000):
            raise jinja2.TemplateRuntimeError(f"`{operator}` would make something too large")
        if operator == "%" and isinstance(left, str):
            raise jinja2.TemplateRuntimeError("formatting by `%` is not allowed")
        return super().call_binop(context, operator, left, right)


class ChatTemplate:
    """One compiled template. `tokens` are the names that transformers gives it: `bos_token`, `eos_token`, ..."""

    def __init__(self, text: str, tokens: Mapping[str, str]) -> None:
        """Compile `text`. Raises TemplateFault."""
        self._sandbox = _Sandbox()
        self._tokens = dict(tokens)
        try:
            self._template = self._sandbox.from_string(text)
        except (jinja2.TemplateError, RecursionError) as error:
            raise TemplateFault(f"the chat template is not valid: {_said(error)}") from None

    def render(self, messages: Sequence[Message], add_generation_prompt: bool = False) -> Rendered:
        """Return the rendered messages; with a generation prompt, up to where an answer would begin."""
        written: list[str] = []
        answers: list[tuple[int, int]] = []
        self._sandbox.written, self._sandbox.answers = written, answers
        given = {
            **self._tokens,
            "messages": [dict(message) for message in messages],
            "tools": None,
            "documents": None,
            "add_generation_prompt": add_generation_prompt,
        }
        length = 0
        try:
            for part in self._template.generate(given):
                written.append(part)
                length += len(part)
                if length > MAX_CHARS:
                    raise TemplateFault(f"the chat template writes more than {MAX_CHARS} characters")
        except jinja2.TemplateError as error:
            raise TemplateFault(f"the chat template refuses these messages: {_said(error)}") from None
        except (TypeError, ValueError, KeyError, IndexError, AttributeError, ArithmeticError, RecursionError) as error:
            raise TemplateFault(f"the chat template fails on these messages: {_said(error)}") from None
        return Rendered("".join(written), tuple(answers))


class _Namespace(jinja2.utils.Namespace):
    """Jinja's namespace without names that begin with an underscore."""

    def __setitem__(self, name: str, value: Any) -> None:
        if str(name).startswith("_"):
            raise jinja2.exceptions.SecurityError(f"a template may not set `{name}`")
        super().__setitem__(name, value)


def _dict(*args: Any, **kwargs: Any) -> dict[Any, Any]:
    return dict(*args, **kwargs)


def _refuse(message: str) -> NoReturn:
    raise jinja2.TemplateError(str(message))


def _tojson(
    value: Any, ensure_ascii: bool = False, indent: Any = None, separators: Any = None, sort_keys: bool = False
) -> str:
    return json.dumps(value, ensure_ascii=ensure_ascii, indent=indent, separators=separators, sort_keys=sort_keys)


def _said(error: BaseException) -> str:
    return (str(error).strip().split("\n")[0] or type(error).__name__)[:300]
