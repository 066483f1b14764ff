"""LLaMA-Factory: the YAML of `llamafactory-cli train`. Out: the importer of `llama-factory`."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from ladle.dsl.types import CorpusKind, Share
from ladle.executor.importing.axolotl_data import joined_input
from ladle.executor.importing.dataset_info import Described, described
from ladle.executor.importing.draft import Corpus, Importer, Made, ModelRef, Request, Trained, fields_of
from ladle.executor.importing.fields import Fields
from ladle.executor.importing.ledger import Ledger, Sort
from ladle.executor.importing.peeking import first_with
from ladle.executor.importing.places import Part, corpus, model, templated
from ladle.executor.importing.reasons import REASONS
from ladle.executor.importing.scalars import number
from ladle.executor.importing.settings import Settings, kind, targets
from ladle.executor.importing.spelling import Said, spelled
from ladle.executor.importing.training import Defaults, Keys, attention, optimisation, reference, saving
from ladle.executor.importing.tree import Document

STAGES = {"pt": "cpt", "sft": "sft", "dpo": "dpo", "kto": "kto"}
METHODS = {"full": "full", "lora": "lora"}
QUANTISED = "no model is quantised"
MORE = {
    "finetuning_type": (Sort.LOST, "a stage trains every parameter, or an adapter"),
    "quantization_*": (Sort.LOST, QUANTISED),
    "double_quantization": (Sort.LOST, QUANTISED),
    "flash_attn": (Sort.MACHINE, "`attention` of a profile"),
    "enable_liger_kernel": (Sort.MACHINE, "how the machine computes"),
    "use_unsloth": (Sort.MACHINE, "how the machine computes"),
    "mask_history": (Sort.LOST, "`supervise = final` says it"),
    "train_on_prompt": (Sort.LOST, "`supervise = all` says it"),
    "tokenized_path": (Sort.MACHINE, "prepared rows have their own place"),
    "cache_dir": (Sort.MACHINE, "where files are kept"),
    "buffer_size": (Sort.MACHINE, "how rows are read"),
    "streaming": (Sort.MACHINE, "rows are read once, when they are prepared"),
    "eval_dataset": (Sort.LOST, "a stage watches no held-out rows; score them with a `loss` benchmark"),
    "compute_accuracy": (Sort.MACHINE, "what is shown while it trains"),
    "rope_scaling": (Sort.LOST, "no stage changes the model's configuration"),
    "resize_vocab": (Sort.LOST, "no stage changes a vocabulary"),
    "freeze_*": (Sort.LOST, "a stage freezes nothing"),
}
"""Why a key of LLaMA-Factory's is not in the recipe."""


def convert(document: Document, ledger: Ledger, request: Request) -> Made | None:
    """Return the model that a file of LLaMA-Factory trains."""
    fields = fields_of(document, ledger)
    if fields is None:
        return None
    name = request.stage or _kind(fields)
    operator = kind(name)
    if operator is None:
        fields.problem(
            "E611", "stage", f"this version has no stage `{name}`", "pt, sft and dpo (also as orpo) are read"
        )
        return None
    start = model(fields, "model_name_or_path", "model_revision")
    settings = Settings(operator, fields, "LLaMA-Factory")
    found = _corpora(fields, operator.takes[0].value)
    optimisation(fields, settings, Keys(), Defaults())
    _rows(fields, settings)
    _preference(fields, settings)
    _adapter(fields, settings)
    attention(fields)
    saving(fields)
    start = _template(fields, start, operator.takes[0] is CorpusKind.TEXT) if start else None
    fresh, adapter = fields.flag("create_new_adapter") or False, _earlier(fields)
    measured = reference(fields, settings, "ref_model")
    output = fields.table.get("output_dir")
    outputs = (str(Path(getattr(output.value, "text", "")).as_posix()),) if output else ()
    fields.rest({**REASONS, **MORE})
    told = settings.done()
    return Trained(start, name, told, found, outputs, adapter, fresh, measured) if start else None


def _earlier(fields: Fields) -> ModelRef | None:
    """Return the adapter of another training that a file starts from, if it names one."""
    key = "adapter_name_or_path"
    name = fields.text(key)
    if name is None:
        return None
    fields.ledger.name(fields.document, fields.span(key), name)
    return ModelRef(name.rstrip("/") or name)


def _kind(fields: Fields) -> str:
    stage = fields.text("stage") or "sft"
    if stage == "dpo" and fields.text("pref_loss") == "orpo":
        return "orpo"
    return STAGES.get(stage, stage)


def _template(fields: Fields, start: ModelRef, text: bool) -> ModelRef:
    word = fields.text("template")
    if word is not None and text:
        fields.agrees("template", "plain text has no turns, in the tool and here")
        return start
    if word in (None, "default", "empty") and "template" in fields:
        fields.lost("template", "a prompt without control tokens; here the template is the model's")
        return start
    return templated(fields, "template", start)


def _corpora(fields: Fields, kind: str) -> tuple[Corpus, ...]:
    names = [name for item in fields.items("dataset") for name in getattr(item, "text", "").split(",")]
    names = [name.strip() for name in names if name.strip()]
    if not names:
        fields.problem("E609", "dataset", "the file says no `dataset`", "add the names of the data sets")
    folder = fields.text("dataset_dir") or "data"
    known = described(fields, Path(fields.document.source.path).parent, folder)
    rows = fields.whole("max_samples")
    if rows is not None:
        fields.assumed("max_samples", f"`take(rows = {rows})` of each data set; the tool takes those it shuffles first")
    shares = _shares(fields, len(names))
    found = [_taken(_corpus(fields, name, kind, known), rows) for name in names]
    return (
        tuple(replace(each, weight=share) for each, share in zip(found, shares, strict=True))
        if shares
        else tuple(found)
    )


def _shares(fields: Fields, count: int) -> list[str]:
    """Return what share of a mixture each data set has, [] where every row is taken once."""
    strategy, key = fields.text("mix_strategy") or "concat", "interleave_probs"
    given = [word.strip() for item in fields.items(key) for word in getattr(item, "text", "").split(",")]
    shares = [number(word) for word in given]
    if strategy == "concat" or count < 2:
        if given:
            fields.agrees(key, "the tool reads it where it interleaves data sets, and here it does not")
        return []
    if len(shares) != count or not all(share is not None and 0 < share <= 1 for share in shares):
        if given:
            fields.problem(
                "E608", key, f"`{key}` is not a share above 0 for each of {count} data sets", "such as 0.7,0.3"
            )
        fields.lost("mix_strategy", "the tool takes data sets in turn; a mixture takes every row of its parts once")
        return []
    fields.assumed(key, "shares of the result, which no row is repeated for; the tool draws a data set for each row")
    if strategy == "interleave_over":
        fields.lost("mix_strategy", "the tool repeats rows until each part was used up; the recipe repeats none")
    return [spelled(Share(float(share))) for share in shares if share is not None]


def _corpus(fields: Fields, name: str, kind: str, known: dict[str, Described]) -> Corpus:
    if name not in known:
        here = Described(name, {}) if "/" in name else Described(f"corpora/{name}.jsonl", {})
        if "/" not in name:
            fields.missing(
                "dataset", f"no dataset_info.json describes `{name[:60]}`: its rows are looked for in {here.path}"
            )
    else:
        here = known[name]
        for note in here.missing:
            fields.missing("dataset", f"`{name[:60]}`: {note}")
        for note in here.lost:
            fields.lost("dataset", f"`{name[:60]}`: {note}")
        if here.input:
            row = first_with(fields.ledger.root, here.path, here.input)
            joined_input(fields, "dataset", f"`{name[:60]}`: ", row, here.input)
    return corpus(here.field(fields, name), "path", kind, here.columns, Part(name=name))


def _taken(found: Corpus, rows: int | None) -> Corpus:
    more = f" | take(rows = {rows})" if rows is not None else ""
    return Corpus(found.name, found.kind, found.expression + more, found.weight)


def _rows(fields: Fields, settings: Settings) -> None:
    settings.either("context", fields.whole("cutoff_len"), "cutoff_len", 2048)
    settings.default("overlong", "truncate")
    packing, neat = fields.flag("packing"), fields.flag("neat_packing")
    text = settings.kind.name == "cpt"
    if settings.has("packing"):
        word = "isolated" if neat else "wrapped" if packing or (packing is None and text) else "none"
        settings.either("packing", word if packing is not None or neat else None, "packing", word)
        if packing and not neat and not text:
            fields.lost("packing", "rows packed without `neat_packing` see each other: `wrapped` is nearest")
    elif packing or neat:
        fields.lost("packing", f"`{settings.kind.name}` does not pack")
    if settings.has("supervise"):
        final, everything = fields.flag("mask_history"), fields.flag("train_on_prompt")
        word = "final" if final else "all" if everything else "answers"
        settings.follow("supervise", word, (final, everything) != (None, None))


def _preference(fields: Fields, settings: Settings) -> None:
    beta = fields.number("pref_beta")
    if settings.has("beta"):
        settings.either("beta", beta, "pref_beta", 0.1)
    elif beta is not None:
        fields.lost("pref_beta", f"`{settings.kind.name}` has no `beta`")
    loss = fields.text("pref_loss")
    if loss is not None and settings.has("loss"):
        settings.put("loss", loss, "pref_loss")
    mixed = fields.number("pref_ftx")
    if mixed:
        fields.lost("pref_ftx", "no loss is mixed with that of supervised fine-tuning")


def _adapter(fields: Fields, settings: Settings) -> None:
    method = fields.text("finetuning_type") or "lora"
    rank, alpha, dropout = fields.whole("lora_rank"), fields.number("lora_alpha"), fields.number("lora_dropout")
    if method == "lora":
        values: dict[str, tuple[str, Said]] = {
            "r": ("lora_rank", rank or 8),
            "alpha": ("lora_alpha", alpha or 2 * (rank or 8)),
            "dropout": ("lora_dropout", dropout or 0),
        }
        begun = "adapter_name_or_path" in fields and not fields.flag("create_new_adapter")
        settings.adapter("finetuning_type", {**values, **targets(fields, "lora_target")}, begun)
    elif method not in METHODS:
        fields.lost("finetuning_type", "a stage trains every parameter, or an adapter of low rank")


IMPORTER = Importer(
    name="llama-factory",
    signs=(
        frozenset({"model_name_or_path", "finetuning_type"}),
        frozenset({"model_name_or_path", "stage"}),
        frozenset({"model_name_or_path", "cutoff_len"}),
        frozenset({"model_name_or_path", "dataset", "template"}),
    ),
    convert=convert,
    rank=1,
    template="`template: chatml`",
)
