"""A model of the Hugging Face hub. Out: the declaration of `hub`; its type is unknown until it has been downloaded."""

import re
from typing import Final

from ladle.dsl.signature import REQUIRED, Fault, Operator, Option, Role, Text, Typed, Typing
from ladle.dsl.types import ModelType
from ladle.executor.source import FROM, TEMPLATE, with_template

_WORD: Final = r"[A-Za-z0-9](?:[A-Za-z0-9_-]|\.(?!\.)){0,95}"
_NAME: Final = re.compile(rf"{_WORD}/{_WORD}")
_REVISION: Final = re.compile(rf"{_WORD}(?:/{_WORD}){{0,7}}")


def model_type(typing: Typing) -> Typed:
    """Return a type of which only a template put on here is known, or what no repository or revision is called."""
    name, revision = str(typing.options["name"]), str(typing.options["revision"])
    if not _NAME.fullmatch(name):
        help = "write `owner/name`: letters, digits, `-`, `_` and `.`"
        return (Fault("E285", f"`{name}` is no name of a repository", help, "name"),)
    if not _REVISION.fullmatch(revision):
        help = "write a commit, a tag or a branch: letters, digits, `-`, `_` and `.`, parted by `/`"
        return (Fault("E285", f"`{revision}` is no revision", help, "revision"),)
    return with_template(typing, ModelType())


OPERATOR = Operator(
    name="hub",
    role=Role.MODEL_SOURCE,
    version=1,
    text="a model of the Hugging Face hub",
    options=(
        Option("name", Text(), REQUIRED, "owner and name, `owner/name`", positional=True),
        Option("revision", Text(), "main", "commit, tag or branch; a commit is the only one that never moves"),
        TEMPLATE,
        FROM,
    ),
    engines=("huggingface-hub",),
    typed=model_type,
    pin="revision",
    pushes=True,
    program="ladle.executor.models.hub",
)
