"""mergekit: a merge, and the merges within it as further documents; or a mixture. Out: the exporter to `mergekit`."""

from __future__ import annotations

from dataclasses import dataclass

from ladle.dsl.graph import Node
from ladle.dsl.signature import Role
from ladle.dsl.types import Unknown
from ladle.dsl.vocabularies import FIRST, TOKENIZER, UNION
from ladle.executor.exporting.subject import Exporter, Subject, number
from ladle.executor.exporting.text import Said, written
from ladle.executor.mergekit.sayable import WRAPPER
from ladle.executor.mergekit.spoken import PRECISIONS, ROUND, body

AFFINE = "affine"
MIXTURE = "moe"
PROMPTS = ("positive_prompts", "negative_prompts")


def export(subject: Subject) -> str:
    """Return the merge as `mergekit-yaml` reads it; with merges inside, as `mergekit-multi` does."""
    subject.node = _within(subject, subject.node)
    if not _merges(subject, subject.node):
        subject.refuse(subject.node, f"`{subject.node.name}` is no merge", "`--to trl` and `--to axolotl` write stages")
        return ""
    inner, precision = _unrounded(subject, subject.node)
    if inner.operator == MIXTURE:
        said = _mixture(subject, inner, precision)
        return written([said], subject.remarks, f"The mixture `{subject.node.name}` of a recipe, for mergekit.")
    documents: dict[str, Said] = {}
    _document(subject, subject.node, documents)
    if len(documents) > 1:
        subject.remark("several documents: `mergekit-multi FILE --intermediate-dir DIR --out-path OUT` reads them")
    return written(
        list(documents.values()), subject.remarks, f"The merge `{subject.node.name}` of a recipe, for mergekit."
    )


def _within(subject: Subject, node: Node) -> Node:
    """Return the merge that is handed to mergekit: it is what the file is for."""
    return _within(subject, subject.operands(node)[0]) if node.operator == WRAPPER else node


def _merges(subject: Subject, node: Node) -> bool:
    """Say whether mergekit computes a node. A model that is rounded is none of these: Ladle's run writes it."""
    if node.operator == ROUND:
        return _merges(subject, subject.operands(node)[0])
    return subject.role(node) is Role.MERGE or node.operator == AFFINE


def _document(subject: Subject, node: Node, documents: dict[str, Said]) -> None:
    """Add the document of a merge, after those of the merges within it."""
    inner, precision = _unrounded(subject, node)
    for each in (_within(subject, each) for each in subject.inputs(inner).values()):
        if _merges(subject, each) and each.fingerprint not in documents:
            _document(subject, each, documents)
    outer = node is subject.node
    said: dict[str, Said] = {} if outer else {"name": node.name}
    said |= _merge(subject, inner)
    said |= _tokenizer(subject, inner)
    said["dtype"] = "float32"
    if precision or (outer and (precision := _precision(subject, node))):
        said["out_dtype"] = precision
    documents[node.fingerprint] = said


def _mixture(subject: Subject, node: Node, precision: str) -> dict[str, Said]:
    """Return what `mergekit-moe` reads: its models are folders and repositories, never merges within."""
    options = dict(node.options)
    subject.remark("`mergekit-moe FILE OUT` reads it; the tokenizer that it writes has another padding")
    if options["gate_mode"] == "random":
        subject.remark(f"`--random-seed {options['seed']}` is the seed of its gates")
    base = subject.inputs(node)["base"]
    precision = precision or _uniform(base)
    experts: list[Said] = []
    for place, each in enumerate(subject.operands(node)):
        said: dict[str, Said] = {"source_model": subject.model(each)}
        for key in PROMPTS:
            told = options.get(key)
            if isinstance(told, list) and isinstance(listed := told[place], list):
                said[key] = [str(text) for text in listed]
        experts.append(said)
    return {
        "base_model": subject.model(base),
        "gate_mode": str(options["gate_mode"]),
        "experts_per_token": int(number(options["experts_per_token"])),
        **({"dtype": precision} if precision else {}),
        "experts": experts,
    }


def _tokenizer(subject: Subject, node: Node) -> dict[str, Said]:
    """Return whose tokenizer the result has, where the recipe says it."""
    word, inputs = dict(node.options).get(TOKENIZER), subject.inputs(node)
    named = inputs.get(TOKENIZER) or (inputs["0"] if word == FIRST else None)
    if named is not None and _merges(subject, named):
        if named is inputs.get("base"):
            return {}  # mergekit takes it from there unasked
        message = "mergekit takes a tokenizer from a model, not from a merge within the merge"
        subject.refuse(node, message, f"name a model for `{TOKENIZER} =`")
        return {}
    if word == UNION:
        subject.remark("mergekit leaves out rows that pad a vocabulary, and Ladle keeps them")
        return {"tokenizer_source": UNION}
    return {"tokenizer_source": subject.model(named)} if named is not None else {}


def _unrounded(subject: Subject, node: Node) -> tuple[Node, str]:
    """Return the merge that a rounding rounds, and the precision as mergekit calls it; any other merge itself."""
    if node.operator != ROUND:
        return node, ""
    inner = subject.operands(node)[0]
    if inner.operator == ROUND:
        subject.refuse(node, "`round` of what is rounded is no setting of mergekit", "round once")
    while inner.operator == ROUND:
        inner = subject.operands(inner)[0]
    return inner, PRECISIONS.get(str(dict(node.options).get("precision")), "float32")


def _merge(subject: Subject, node: Node) -> dict[str, Said]:
    names, options = [_named(subject, each) for each in subject.operands(node)], dict(node.options)
    base = subject.inputs(node).get("base")
    if "seed" in options:
        subject.remark(
            f"mergekit draws other elements than Ladle for `{node.operator}`: the weights differ, equally good"
        )
    if base is not None:
        _of_base(subject, node, base, names[0])
    options.pop(TOKENIZER, None)
    given = None if base is None else _named(subject, base)
    return body(subject.layout.operator(node), options, names, given, _At(subject, node))


def _of_base(subject: Subject, node: Node, base: Node, first: str) -> None:
    """Say that mergekit takes what stands beside the weights from the base, where Ladle does not."""
    named = _named(subject, base)
    if dict(node.options).get(TOKENIZER) is None and TOKENIZER not in subject.inputs(node):
        subject.remark(f"mergekit takes configuration and tokenizer from the base {named}, Ladle from {first}")
    else:
        subject.remark(f"mergekit takes the configuration from the base {named}, Ladle from {first}")


@dataclass(frozen=True, slots=True)
class _At:
    """Says what cannot be said at the place of a node."""

    subject: Subject
    node: Node

    def refuse(self, message: str, help: str = "") -> None:
        self.subject.refuse(self.node, message, help)


def _named(subject: Subject, node: Node) -> str:
    inner = _within(subject, node)
    return inner.name if _merges(subject, inner) else subject.model(inner)


def _precision(subject: Subject, node: Node) -> str:
    """Return the precision that Ladle rounds the result to, where it differs from float32 and is known."""
    first = node
    while _merges(subject, first):
        first = subject.operands(first)[0]
    if first.type is None or isinstance(first.type.tensors, Unknown):
        subject.remark(f"the result stays float32; Ladle rounds it to the precision of {subject.model(first)}")
        return ""
    return _uniform(first)


def _uniform(model: Node) -> str:
    """Return the one precision of a model's weights where it is known and not float32."""
    known = None if model.type is None else model.type.tensors
    kinds = {dtype for _, dtype, _ in known} if isinstance(known, tuple) else set()
    return {"BF16": "bfloat16", "F16": "float16"}.get(kinds.pop(), "") if len(kinds) == 1 else ""


EXPORTER = Exporter("mergekit", export)
