"""A stage application for a trainer. In: the node of a trained model. Out: its settings, model and rows."""

from __future__ import annotations

from dataclasses import dataclass

from ladle.dsl.graph import Json, Node
from ladle.dsl.signature import Role
from ladle.executor.exporting.subject import Subject, number
from ladle.executor.exporting.text import Said

ATTENTION = ("q_proj", "k_proj", "v_proj", "o_proj")


@dataclass(frozen=True, slots=True)
class Stage:
    """A training: its kind, every option of it and of its rows, and what it starts from."""

    kind: str
    options: dict[str, Json]
    start: Node
    corpus: Node


def stage(subject: Subject) -> Stage | None:
    """Return the training that makes a model; a model that no stage makes is refused."""
    node = subject.node
    if subject.role(node) is not Role.STAGE:
        help = "name a model that a stage makes; `--to mergekit` writes merges"
        subject.refuse(node, f"`{node.name}` is no result of a stage", help)
        return None
    given = subject.inputs(node)
    rows = given["rows"]
    options = {**dict(rows.options), **dict(node.options)}
    if "reference" in given:
        subject.refuse(node, f"`reference` is no setting of {subject.tool}'s YAML", "leave it to the stage's start")
    return Stage(node.operator, options, given["model"], subject.inputs(rows)["corpus"])


def columns(subject: Subject, stage: Stage) -> dict[str, str]:
    """Return what the corpus's columns are called where that differs from the language's words."""
    given = dict(stage.corpus.options).get("columns")
    return {name: str(value) for name, value in given.items()} if isinstance(given, dict) else {}


def budget(subject: Subject, stage: Stage) -> tuple[str, float | int]:
    """Return `epochs` or `steps` and how many; a budget of tokens is refused."""
    for name in ("steps", "epochs"):
        value = stage.options.get(name)
        if isinstance(value, int | float):
            return name, int(value) if float(value).is_integer() else value
    help = "say it as `steps`"
    subject.refuse(subject.node, f"a budget of `tokens` is no setting of {subject.tool}", help)
    return "steps", 1


def optimisation(found: Stage) -> dict[str, Said]:
    """Return what TRL and Axolotl call alike, as both hand it to transformers."""
    options = found.options
    first, second = (number(item) for item in options["betas"]) if isinstance(options["betas"], list) else (0.9, 0.999)
    return {
        "adam_beta1": first,
        "adam_beta2": second,
        "weight_decay": number(options["weight_decay"]),
        "max_grad_norm": number(options["clip"]),
        "bf16": options.get("precision") == "bf16",
        "seed": int(number(options["seed"])),
    }


def warmup(stage: Stage) -> tuple[str, float | int]:
    """Return `ratio` or `steps` of warming up, and how much."""
    value = stage.options.get("warmup")
    if isinstance(value, dict):
        share = value.get("share")
        return "ratio", float(share) if isinstance(share, int | float) else 0.0
    return "steps", int(value) if isinstance(value, int | float) else 0


def scale(adapter: dict[str, Json]) -> int | float:
    """Return the `alpha` of an adapter; none is twice its rank."""
    value = adapter.get("alpha")
    found = value if isinstance(value, int | float) else 2 * number(adapter.get("r"))
    return int(found) if float(found).is_integer() else found


def lora(subject: Subject, stage: Stage) -> dict[str, Json]:
    """Return the adapter that a stage trains, {} for none; `continue` is refused."""
    value = stage.options.get("lora")
    if isinstance(value, dict):
        return value
    if value is not None:
        message = f"going on with an earlier stage's adapter is no setting of {subject.tool}"
        subject.refuse(subject.node, message, "export a stage that starts its own")
    return {}
