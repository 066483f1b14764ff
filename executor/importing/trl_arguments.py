"""TRL's arguments, which alignment-handbook shares. In: keys of a file. Out: the model that it trains."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

from ladle.dsl.types import CorpusKind
from ladle.executor.importing.draft import Corpus, Request, Trained
from ladle.executor.importing.fields import Fields
from ladle.executor.importing.ledger import Sort
from ladle.executor.importing.places import model, templated
from ladle.executor.importing.reasons import REASONS
from ladle.executor.importing.settings import Settings, kind, targets
from ladle.executor.importing.spelling import Said
from ladle.executor.importing.training import Defaults, Keys, attention, optimisation, reference, saving

RATES = {"sft": 2e-5, "dpo": 1e-6, "orpo": 1e-6}
PREFERENCE_KEYS = ("loss_type", "max_prompt_length", "precompute_ref_log_probs", "rpo_alpha", "sync_ref_model")
COLUMN_KEYS = ("text_column", "dataset_text_field")
"""Keys that name the column of plain text."""
OTHER_SCRIPTS = {
    "num_generations": "GRPO or RLOO", "desirable_weight": "KTO", "cpo_alpha": "CPO", "simpo_gamma": "CPO",
    "center_rewards_coefficient": "reward modelling", "reward_model_path": "PPO", "lmbda": "GKD",
}  # fmt: skip
"""Keys that only scripts have for which no stage stands."""

MORE = {
    "dataset_test_split": (Sort.LOST, "a stage watches no held-out rows; score them with a `loss` benchmark"),
    "dataset_streaming": (Sort.MACHINE, "rows are read once, when they are prepared"),
    "max_prompt_length": (Sort.LOST, "`context` bounds prompt and answer together"),
    "max_completion_length": (Sort.LOST, "`context` bounds prompt and answer together"),
    "precompute_ref_log_probs": (Sort.MACHINE, "when the reference is read, not what it says"),
    "disable_dropout": (Sort.LOST, "stages have no dropout of their own"),
    "use_dora": (Sort.LOST, "adapters are plain LoRA"),
    "use_rslora": (Sort.LOST, "adapters are plain LoRA"),
    "load_in_4bit": (Sort.LOST, "no model is quantised"),
    "load_in_8bit": (Sort.LOST, "no model is quantised"),
    "use_bnb_nested_quant": (Sort.LOST, "no model is quantised"),
    "bnb_*": (Sort.LOST, "no model is quantised"),
    "lora_task_type": (Sort.MACHINE, "every model here is a causal language model"),
    "lora_modules_to_save": (Sort.LOST, "an adapter trains no whole module beside it"),
}
"""Why a key of TRL's is not in the recipe."""


def trained(
    fields: Fields, request: Request, tool: str, corpora: Callable[[Fields, str, dict[str, str]], tuple[Corpus, ...]]
) -> Trained | None:
    """Return the model that a file trains; `corpora` reads what it trains on, which differs between the tools."""
    name = request.stage or _kind(fields)
    operator = kind(name)
    if operator is None:
        fields.problem("E611", "model_name_or_path", f"this version has no stage `{name}`", "`--stage` names another")
        return None
    start = model(fields, "model_name_or_path", "model_revision")
    if start is None:
        return None
    start = templated(fields, "chat_template_path", templated(fields, "chat_template", start))
    settings = Settings(operator, fields, tool)
    columns = _columns(fields, operator.takes[0])
    found = corpora(fields, operator.takes[0].value, columns)
    optimisation(fields, settings, Keys(), Defaults(lr=RATES.get(name, 5e-5)))
    _rows(fields, settings)
    _preference(fields, settings)
    _adapter(fields, settings)
    attention(fields)
    saving(fields)
    measured = reference(fields, settings, "ref_model")
    outputs = tuple(text for key in ("output_dir", "hub_model_id") if (text := _peek(fields, key)))
    fields.rest({**REASONS, **MORE})
    return Trained(start, name, settings.done(), found, outputs, reference=measured)


def _kind(fields: Fields) -> str:
    """Return the kind of stage that a file is for, from its keys, and from its path where they do not tell."""
    for key, script in OTHER_SCRIPTS.items():
        if key in fields:
            fields.problem("E611", key, f"`{key}` belongs to {script}, for which this version has no stage")
            return "sft"
    folders = _words(fields.document.source.path)
    name, reason = _guessed(fields, folders)
    if reason:
        key = next((key for key in (*COLUMN_KEYS, "beta", *PREFERENCE_KEYS) if key in fields), "model_name_or_path")
        told = f"taken for `{name}`, {reason}; `--stage` says another"
        fields.ledger.note(Sort.ASSUMED, fields.document, fields.span(key), "", told)
    return name


def _guessed(fields: Fields, words: frozenset[str]) -> tuple[str, str]:
    """Return the kind of stage and why it was taken; "" where the file itself says it."""
    if "beta" not in fields and not any(key in fields for key in PREFERENCE_KEYS[1:]):
        other = next((word for word in ("sft", "dpo", "orpo") if word in words), "")
        if "cpt" in words and not other:
            return "cpt", "as the file's path says"
        if any(_peek(fields, key) not in ("", "messages") for key in COLUMN_KEYS):
            return "cpt", "since it names a column of text"
        both = f"; the path says `cpt` and `{other}`, and decides nothing" if "cpt" in words else ""
        return "sft", f"since no key is one of preference tuning, and none names a column of text{both}"
    if "loss_type" in fields:
        return "dpo", ""
    if "orpo" in words:
        return "orpo", "as the file's path says"
    return "dpo", "since a key is one of preference tuning, and the path does not say `orpo`"


def _words(path: str) -> frozenset[str]:
    """Return the words of a path: those of its last folders and of its file's name."""
    return frozenset(re.split(r"[^a-z0-9]+", "/".join(Path(path.lower()).parts[-3:])))


def _columns(fields: Fields, takes: CorpusKind) -> dict[str, str]:
    if takes is CorpusKind.TEXT:
        given = [key for key in COLUMN_KEYS if key in fields]
        for key in given[1:]:
            fields.lost(key, f"`{given[0]}` names the column")
        return {"text": (fields.text(given[0]) if given else None) or "text"}
    return {}


def _rows(fields: Fields, settings: Settings) -> None:
    key = "max_length" if "max_length" in fields else "max_seq_length"
    settings.either("context", fields.whole(key), key, 1024)
    mode = fields.text("truncation_mode")
    if mode not in (None, "keep_start"):
        fields.lost("truncation_mode", "`overlong = truncate` keeps the beginning of a row")
    settings.follow("overlong", "truncate", mode is not None)
    packing, strategy = fields.flag("packing"), fields.text("packing_strategy") or "bfd"
    if settings.has("packing"):
        word = ("wrapped" if strategy == "wrapped" else "isolated") if packing else "none"
        settings.either("packing", word if packing is not None else None, "packing", "none")
        if packing and strategy != "wrapped":
            fields.assumed("packing", f"`{strategy}` packs whole rows, which do not see each other: `isolated`")
    elif packing:
        fields.lost("packing", f"`{settings.kind.name}` does not pack")
    if settings.has("supervise"):
        flags = [fields.flag(key) for key in ("assistant_only_loss", "completion_only_loss")]
        settings.follow("supervise", "answers" if any(flags) else "all", flags != [None, None])


def _preference(fields: Fields, settings: Settings) -> None:
    beta = fields.number("beta")
    if beta is not None or settings.has("beta"):
        settings.either("beta", beta, "beta", 0.1)
    losses = [getattr(item, "text", "") for item in fields.items("loss_type")]
    if len(losses) == 1 and (settings.has("loss") or losses != ["nll"]):
        settings.put("loss", losses[0], "loss_type")
    elif len(losses) > 1:
        fields.lost("loss_type", "a stage has one loss")


def _adapter(fields: Fields, settings: Settings) -> None:
    used = fields.flag("use_peft")
    rank, alpha, dropout = fields.whole("lora_r"), fields.number("lora_alpha"), fields.number("lora_dropout")
    if used:
        values: dict[str, tuple[str, Said]] = {
            "r": ("lora_r", 16 if rank is None else rank),
            "alpha": ("lora_alpha", 32 if alpha is None else alpha),
            "dropout": ("lora_dropout", 0.05 if dropout is None else dropout),
        }
        settings.adapter("use_peft", {**values, **targets(fields, "lora_target_modules")})
        return
    for key, value in (("lora_r", rank), ("lora_alpha", alpha), ("lora_dropout", dropout)):
        if value is not None:
            fields.lost(key, "without `use_peft: true` the tool trains every parameter, and so does the recipe")
    if fields.tree("lora_target_modules") is not None:
        fields.lost("lora_target_modules", "without `use_peft: true` the tool puts on no adapter")


def _peek(fields: Fields, key: str) -> str:
    """Return a text without using it up: that a run writes somewhere is the machine's, and noted as such."""
    entry = fields.table.get(key)
    text = getattr(entry.value, "text", "") if entry else ""
    return str(Path(text).as_posix()) if text else ""
