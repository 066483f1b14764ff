"""A teacher behind an endpoint. Out: the declaration of `api`; where it answers is the profile's."""

import re
from typing import Final

from ladle.dsl.signature import REQUIRED, Fault, Operator, Option, Role, Text, Typed, Typing
from ladle.dsl.types import ModelType

_NAME: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,95}(/[A-Za-z0-9][A-Za-z0-9_.:-]{0,95}){1,3}")


def teacher_type(typing: Typing) -> Typed:
    """Return a type of which nothing is known, or what no teacher is called."""
    name = str(typing.options["name"])
    if _NAME.fullmatch(name) and ".." not in name:
        return ModelType()
    help = "write `vendor/model-version`; where it answers stands in the profile, never in a recipe"
    return (Fault("E286", f"`{name}` is no name of a teacher", help, "name"),)


OPERATOR = Operator(
    name="api",
    role=Role.TEACHER,
    version=1,
    text="a model that a service answers for; it can only generate or judge",
    options=(Option("name", Text(), REQUIRED, "vendor and model with its version", positional=True),),
    typed=teacher_type,
    produces=False,
)
