"""mergekit: a merge, and the merges within it as further documents. Out: the exporter to `mergekit`."""

from __future__ import annotations

from ladle.dsl.graph import Json, Node
from ladle.dsl.signature import Role
from ladle.dsl.types import Unknown
from ladle.dsl.vocabularies import FIRST, TOKENIZER, UNION
from ladle.executor.exporting.filters import coefficient, opposite, setting
from ladle.executor.exporting.subject import Exporter, Subject
from ladle.executor.exporting.text import Said, written
from ladle.executor.mergekit_names import METHODS

AFFINE = "affine"
PRECISIONS = {"bf16": "bfloat16", "fp16": "float16", "fp32": "float32"}


def export(subject: Subject) -> str:
    """Return the merge as `mergekit-yaml` reads it; with merges inside, as `mergekit-multi` does."""
    if not _merges(subject, subject.node):
        subject.refuse(subject.node, f"`{subject.node.name}` is no merge", "`--to trl` and `--to axolotl` write stages")
        return ""
    documents: dict[str, Said] = {}
    _document(subject, subject.node, documents)
    if len(documents) > 1:
        subject.remark("several documents: `mergekit-multi FILE --intermediate-dir DIR --out-path OUT` reads them")
    return written(
        list(documents.values()), subject.remarks, f"The merge `{subject.node.name}` of a recipe, for mergekit."
    )


def _merges(subject: Subject, node: Node) -> bool:
    return subject.role(node) is Role.MERGE or node.operator == AFFINE


def _document(subject: Subject, node: Node, documents: dict[str, Said]) -> None:
    """Add the document of a merge, after those of the merges within it."""
    inner, precision = _unrounded(subject, node)
    for each in subject.inputs(inner).values():
        if _merges(subject, each) and each.fingerprint not in documents:
            _document(subject, each, documents)
    outer = node is subject.node
    body: dict[str, Said] = {} if outer else {"name": node.name}
    body |= _merge(subject, inner)
    body |= _tokenizer(subject, inner)
    body["dtype"] = "float32"
    if precision or (outer and (precision := _precision(subject, node))):
        body["out_dtype"] = precision
    documents[node.fingerprint] = body


def _tokenizer(subject: Subject, node: Node) -> dict[str, Said]:
    """Return whose tokenizer the result has, where the recipe says it."""
    word, inputs = dict(node.options).get(TOKENIZER), subject.inputs(node)
    named = inputs.get(TOKENIZER) or (inputs["0"] if word == FIRST else None)
    if named is not None and _merges(subject, named):
        message = "mergekit takes a tokenizer from a model, not from a merge within the merge"
        subject.refuse(node, message, f"name a model for `{TOKENIZER} =`")
        return {}
    if word == UNION:
        subject.remark("mergekit leaves out rows that pad a vocabulary, and Ladle keeps them")
        return {"tokenizer_source": UNION}
    return {"tokenizer_source": subject.model(named)} if named is not None else {}


def _unrounded(subject: Subject, node: Node) -> tuple[Node, str]:
    """Return the merge that a rounding rounds, and the precision as mergekit calls it; any other merge itself."""
    if node.operator != "round":
        return node, ""
    inner = subject.operands(node)[0]
    if not _merges(subject, inner) or inner.operator == "round":
        subject.refuse(node, "`round` of a model that is no merge is no setting of mergekit", "round a merge")
    return inner, PRECISIONS.get(str(dict(node.options).get("precision")), "float32")


def _merge(subject: Subject, node: Node) -> dict[str, Said]:
    shared: dict[str, Said]
    options, names = dict(node.options), [_named(subject, each) for each in subject.operands(node)]
    match node.operator:
        case "slerp":
            if options.get("norm", "linear") != "linear":
                subject.refuse(node, "`norm = geometric` of `slerp` is no setting of mergekit", "use `norm = linear`")
            return _plain("slerp", names, {"t": setting(options["t"])}, names[0])
        case "lerp":
            weights: list[Said] = [setting(opposite(options["t"])), setting(options["t"])]
            return _weighted("linear", names, weights, {"normalize": False}, names[0])
        case "soup":
            return _weighted("linear", names, [1.0] * len(names), {"normalize": True}, names[0])
        case "affine":
            weights = [_coefficient(subject, node, each) for each in _listed(options["coefficients"])]
            return _weighted("linear", names, weights, {"normalize": False}, names[0])
        case "linear":
            shared = {"normalize": options.get("normalize") is True}
            return _weighted("linear", names, _weights(options, len(names)), shared, names[0])
        case method if method in METHODS:
            return _method(subject, node, options, names)
        case method:
            subject.refuse(node, f"mergekit has no `{method}`", "run it here: `ladle run`, and name its result instead")
            return {}


def _method(subject: Subject, node: Node, options: dict[str, Json], names: list[str]) -> dict[str, Said]:
    """A method that mergekit has under this name: its parameters are the fields of our options."""
    operator, base = subject.layout.operator(node), subject.inputs(node).get("base")
    given = {each.field: options[each.name] for each in operator.options if each.field and each.name in options}
    body: dict[str, Said] = {"merge_method": node.operator}
    if base is not None:
        body["base_model"] = _named(subject, base)
        subject.remark(f"mergekit takes configuration and tokenizer from the base {_named(subject, base)}, "
                       f"Ladle from {names[0]}")  # fmt: skip
    if "seed" in options:
        subject.remark(
            f"mergekit draws other elements than Ladle for `{node.operator}`: the weights differ, equally good"
        )
    weights = _weights(options, len(names)) if operator.operands.weighted != "no" else []
    models: list[Said] = []
    for place, name in enumerate(names):
        own: dict[str, Said] = {"weight": weights[place]} if weights else {}
        own |= {field: setting(value[place]) for field, value in given.items() if isinstance(value, list)}
        models.append({"model": name, "parameters": own} if own else {"model": name})
    shared: dict[str, Said] = {
        field: setting(value) for field, value in given.items() if not isinstance(value, list | None)
    }
    return body | {"models": models, "parameters": shared}


def _weights(options: dict[str, Json], count: int) -> list[Said]:
    given = options.get("weights")
    return [1.0 if item is None else setting(item) for item in (given if isinstance(given, list) else [None] * count)]


def _coefficient(subject: Subject, node: Node, products: Json) -> Said:
    found = coefficient(products)
    if found is None:
        subject.refuse(node, "a sum of several schedules for one model is no setting of mergekit", "write one schedule")
        return 0.0
    return setting(found)


def _listed(value: Json) -> list[Json]:
    return value if isinstance(value, list) else []


def _plain(method: str, names: list[str], shared: dict[str, Said], base: str) -> dict[str, Said]:
    models: list[Said] = [{"model": name} for name in names]
    return {"merge_method": method, "base_model": base, "models": models, "parameters": shared}


def _weighted(
    method: str, names: list[str], weights: list[Said], shared: dict[str, Said], base: str
) -> dict[str, Said]:
    models: list[Said] = [
        {"model": name, "parameters": {"weight": weight}} for name, weight in zip(names, weights, strict=True)
    ]
    return {"merge_method": method, "base_model": base, "models": models, "parameters": shared}


def _named(subject: Subject, node: Node) -> str:
    return node.name if _merges(subject, node) else subject.model(node)


def _precision(subject: Subject, node: Node) -> str:
    """Return the precision that Ladle rounds the result to, where it differs from float32 and is known."""
    first = node
    while _merges(subject, first):
        first = subject.operands(first)[0]
    if first.type is None or isinstance(first.type.tensors, Unknown):
        subject.remark(f"the result stays float32; Ladle rounds it to the precision of {subject.model(first)}")
        return ""
    kinds = {dtype for _, dtype, _ in first.type.tensors}
    return {"BF16": "bfloat16", "F16": "float16"}.get(kinds.pop(), "") if len(kinds) == 1 else ""


EXPORTER = Exporter("mergekit", export)
