"""Axolotl: the YAML of `axolotl train`. Out: the importer of `axolotl`."""

from __future__ import annotations

from pathlib import Path

from ladle.executor.importing.axolotl_data import corpora, kind_of
from ladle.executor.importing.draft import Importer, Made, Request, Trained, fields_of
from ladle.executor.importing.fields import Fields
from ladle.executor.importing.ledger import Ledger, Sort
from ladle.executor.importing.places import model, templated
from ladle.executor.importing.reasons import REASONS
from ladle.executor.importing.settings import Settings, kind, targets
from ladle.executor.importing.spelling import Said
from ladle.executor.importing.training import Defaults, Keys, optimisation, saving
from ladle.executor.importing.tree import Document

KEYS = Keys("micro_batch_size", "num_epochs", "lr_scheduler", "optimizer", "batch_size")
DEFAULTS = Defaults(lr=2e-4, epochs=1, micro=1, schedule="cosine", warmup=0.03)
QUANTISED = "no model is quantised"
MORE = {
    "model_type": (Sort.MACHINE, "the architecture is read from the model's configuration"),
    "tokenizer_type": (Sort.MACHINE, "the tokenizer is read from the model"),
    **{
        f"is_{name}_derived_model": (Sort.MACHINE, "the architecture is read from the model's configuration")
        for name in ("btlm", "falcon", "llama", "mistral", "qwen")
    },
    "strict": (Sort.MACHINE, "nothing unknown is ever ignored"),
    "load_in_8bit": (Sort.LOST, QUANTISED),
    "load_in_4bit": (Sort.LOST, QUANTISED),
    "bnb_*": (Sort.LOST, QUANTISED),
    "dataset_prepared_path": (Sort.MACHINE, "prepared rows have their own place"),
    "dataset_processes": (Sort.MACHINE, "how rows are prepared, not what they are"),
    "shuffle_merged_datasets": (Sort.LOST, "a stage draws the order of rows from its seed"),
    "val_set_size": (Sort.LOST, "a stage trains on every row: hold rows out with `every` and `except`"),
    "test_datasets": (Sort.LOST, "a stage watches no held-out rows; score them with a `loss` benchmark"),
    "evals_per_epoch": (Sort.LOST, "a stage watches no held-out rows"),
    "eval_*": (Sort.LOST, "a stage watches no held-out rows"),
    "saves_per_epoch": (Sort.MACHINE, "a profile saves checkpoints by time, `save_seconds`, or every `save_steps`"),
    "pad_to_sequence_len": (Sort.MACHINE, "padding does not change what is learned"),
    "special_tokens": (Sort.LOST, "no stage changes a vocabulary: control tokens are the model's own"),
    "tokens": (Sort.LOST, "no stage changes a vocabulary"),
    "xformers_attention": (Sort.MACHINE, "`attention` of a profile is `sdpa`, `eager` or `flash_attention_2`"),
    "sdp_attention": (Sort.MACHINE, '`attention = "sdpa"` of a profile'),
    "eager_attention": (Sort.MACHINE, '`attention = "eager"` of a profile'),
    "flash_attn_*": (Sort.MACHINE, "how the machine computes"),
    "plugins": (Sort.LOST, "own code enters only as an installed package"),
    "unfrozen_parameters": (Sort.LOST, "a stage freezes nothing"),
    "lora_*": (Sort.LOST, "without `adapter: lora` the tool trains every parameter, and so does the recipe"),
    "lora_modules_to_save": (Sort.LOST, "an adapter trains no whole module beside it"),
    "lora_target_linear": (Sort.LOST, "without `adapter: lora` the tool puts on no adapter"),
    "peft_*": (Sort.LOST, "adapters are plain LoRA"),
    "chat_template_jinja": (Sort.LOST, "a template is a built-in one or a model's"),
    "debug": (Sort.MACHINE, "what is shown while it runs"),
    "xpos_rope": (Sort.LOST, "no stage changes the model's configuration"),
    "rope_scaling": (Sort.LOST, "no stage changes the model's configuration"),
}
"""Why a key of Axolotl's is not in the recipe."""


def convert(document: Document, ledger: Ledger, request: Request) -> Made | None:
    """Return the model that a file of Axolotl trains."""
    fields = fields_of(document, ledger)
    if fields is None:
        return None
    name = request.stage or kind_of(fields)
    operator = kind(name)
    if operator is None:
        fields.problem("E611", "rl", f"this version has no stage `{name}`", "dpo, ipo and orpo are read")
        return None
    start = model(fields, "base_model", "revision_of_model")
    start = templated(fields, "chat_template", start) if start else None
    settings = Settings(operator, fields, "Axolotl")
    found = corpora(fields, operator)
    optimisation(fields, settings, KEYS, DEFAULTS)
    _rows(fields, settings)
    _preference(fields, settings)
    _adapter(fields, settings)
    _attention(fields)
    saving(fields)
    output = fields.table.get("output_dir")
    outputs = (str(Path(getattr(output.value, "text", "")).as_posix()),) if output else ()
    fields.rest({**REASONS, **MORE})
    return Trained(start, name, settings.done(), found, outputs) if start else None


def _rows(fields: Fields, settings: Settings) -> None:
    settings.either("context", fields.whole("sequence_len"), "sequence_len", 512)
    overlong = fields.text("excess_length_strategy")
    words = {"drop": "drop", "truncate": "truncate", "raise": "error"}
    if overlong in words:
        settings.put("overlong", words[overlong], "excess_length_strategy")
    elif overlong is not None:
        fields.lost("excess_length_strategy", "`overlong` is `drop`, `truncate` or `error`")
    settings.default("overlong", "drop")
    packing = fields.flag("sample_packing")
    if settings.has("packing"):
        settings.either(
            "packing", None if packing is None else "isolated" if packing else "none", "sample_packing", "none"
        )
    elif packing:
        fields.lost("sample_packing", f"`{settings.kind.name}` does not pack")
    inputs = fields.flag("train_on_inputs")
    if settings.has("supervise"):
        settings.either(
            "supervise", None if inputs is None else "all" if inputs else "answers", "train_on_inputs", "answers"
        )


def _preference(fields: Fields, settings: Settings) -> None:
    for key in ("rl_beta", "dpo_beta", "orpo_alpha"):
        beta = fields.number(key)
        if beta is not None:
            settings.put("beta", beta, key)
    if settings.has("beta"):
        settings.default("beta", 0.1)
    if fields.text("rl") == "ipo":
        settings.put("loss", "ipo", "rl")
    for key in ("dpo_use_weighting", "rpo_alpha", "dpo_label_smoothing"):
        if fields.number(key) if key != "dpo_use_weighting" else fields.flag(key):
            fields.lost(key, "`dpo` has no such term")


def _adapter(fields: Fields, settings: Settings) -> None:
    adapter = fields.text("adapter")
    if adapter is None:
        return
    if adapter not in ("lora", "qlora"):
        fields.lost("adapter", "an adapter here is of low rank, `lora`: the recipe trains every parameter")
        return
    rank, alpha, dropout = fields.whole("lora_r"), fields.number("lora_alpha"), fields.number("lora_dropout")
    values: dict[str, tuple[str, Said]] = {
        "r": ("lora_r", rank or 8),
        "alpha": ("lora_alpha", alpha or 16),
        "dropout": ("lora_dropout", dropout or 0),
    }
    linear = {"targets": ("lora_target_linear", "all_linear")} if fields.flag("lora_target_linear") else {}
    settings.adapter("adapter", {**values, **(linear or targets(fields, "lora_target_modules"))})
    if adapter == "qlora":
        fields.lost("adapter", "`qlora` quantises the model under its adapter; here it stays whole")
    if fields.text("lora_model_dir"):
        fields.lost("lora_model_dir", "an adapter that is trained on belongs to an earlier stage: `lora = continue`")


def _attention(fields: Fields) -> None:
    if fields.flag("flash_attention"):
        fields.ledger.profile.setdefault("attention", "flash_attention_2")
        fields.machine("flash_attention", '`attention = "flash_attention_2"` of a profile')


IMPORTER = Importer(
    name="axolotl",
    signs=(
        frozenset({"base_model", "micro_batch_size"}),
        frozenset({"base_model", "sequence_len"}),
        frozenset({"base_model", "num_epochs"}),
        frozenset({"base_model", "datasets"}),
    ),
    convert=convert,
    rank=1,
    template="`chat_template: chatml`",
)
