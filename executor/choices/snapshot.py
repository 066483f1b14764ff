"""A state inside a training. Out: the declaration of `snapshot`; lowering makes it a node of the stage itself."""

from ladle.dsl.signature import Fault, Number, Operands, Operator, Option, Role, Sort, Typed, Typing

COUNT = Number(low=1, integer=True)


def same_type(typing: Typing) -> Typed:
    """Return the operand's type; exactly one of `epoch` and `step` says where."""
    if (typing.options.get("epoch") is None) == (typing.options.get("step") is None):
        message = "`snapshot` takes one of `epoch` and `step`"
        return (Fault("E281", message, "such as `snapshot(m, epoch = 3)`"),)
    return typing.operands[0]


OPERATOR = Operator(
    name="snapshot",
    role=Role.STATE,
    version=1,
    text="the state of the last training of a model at the end of an epoch or step: one run, one schedule for all",
    operands=Operands((Sort.MODEL,), minimum=1),
    options=(
        Option("epoch", COUNT, None, "after so many epochs", within="epochs"),
        Option("step", COUNT, None, "after so many optimizer steps", within="steps"),
    ),
    typed=same_type,
    produces=False,
)
