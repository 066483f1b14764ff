"""What trainers built on transformers share. In: keys of TrainingArguments. Out: settings of a stage."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from ladle.dsl.types import Share
from ladle.executor.importing.draft import ModelRef
from ladle.executor.importing.fields import Fields
from ladle.executor.importing.places import model
from ladle.executor.importing.reasons import ADAMW_ALONE
from ladle.executor.importing.settings import Settings

SCHEDULES: Final = {"constant_with_warmup": "constant"}
ADAMW: Final = frozenset({"adamw_torch", "adamw_torch_fused", "adamw_hf", "adamw", "adamw_torch_xla"})
"""Spellings of AdamW in full precision, which is what every stage trains with."""
DROPPED_RATIO: Final = "the number of steps counts, as it does in the tool"


@dataclass(frozen=True, slots=True)
class Keys:
    """What a tool calls the settings that every trainer has."""

    micro: str = "per_device_train_batch_size"
    epochs: str = "num_train_epochs"
    schedule: str = "lr_scheduler_type"
    optimizer: str = "optim"
    batch: str = ""
    """Rows of a step on one device, micro batch x accumulation; "" where the tool has no such key."""


@dataclass(frozen=True, slots=True)
class Defaults:
    """What a tool does where its file says nothing; transformers' own."""

    lr: float = 5e-5
    epochs: float = 3
    micro: int = 8
    schedule: str = "linear"
    warmup: float = 0


def optimisation(fields: Fields, settings: Settings, keys: Keys, defaults: Defaults) -> None:
    """Carry budget, learning rate, its schedule, AdamW's settings, batch, precision and seeds."""
    _budget(fields, settings, keys, defaults)
    settings.either("lr", fields.number("learning_rate"), "learning_rate", defaults.lr)
    _schedule(fields, settings, keys, defaults)
    _optimizer(fields, settings, keys)
    batch(fields, settings, keys, defaults)
    precision(fields, settings)
    settings.either("seed", fields.whole("seed"), "seed", 42)
    data_seed = fields.whole("data_seed")
    if data_seed is not None and data_seed != (fields.whole("seed") or 42):
        fields.lost("data_seed", "a stage has one seed, from which every stream of random numbers is derived")


def _budget(fields: Fields, settings: Settings, keys: Keys, defaults: Defaults) -> None:
    steps, epochs = fields.whole("max_steps"), fields.number(keys.epochs)
    if steps is not None and steps > 0:
        settings.put("steps", steps, "max_steps")
        if epochs is not None:
            fields.lost(keys.epochs, "`max_steps` counts, as it does in the tool")
        return
    settings.either("epochs", epochs, keys.epochs, defaults.epochs)


def _schedule(fields: Fields, settings: Settings, keys: Keys, defaults: Defaults) -> None:
    word = fields.text(keys.schedule)
    flat = (word or defaults.schedule) == "constant"
    settings.either("schedule", SCHEDULES.get(word, word) if word else None, keys.schedule, defaults.schedule)
    steps, ratio = fields.number("warmup_steps"), fields.number("warmup_ratio")
    if flat:
        settings.follow("warmup", 0, word is not None)
        for key, value in (("warmup_steps", steps), ("warmup_ratio", ratio)):
            if value:
                fields.lost(key, "the tool's `constant` does not warm up: the recipe says `warmup = 0`")
    elif steps:
        settings.put("warmup", int(steps) if float(steps).is_integer() else Share(float(steps)), "warmup_steps")
        if ratio:
            fields.lost("warmup_ratio", DROPPED_RATIO)
    elif ratio is not None:
        settings.put("warmup", Share(float(ratio)) if ratio else 0, "warmup_ratio")
    else:
        settings.either("warmup", 0 if steps is not None else None, "warmup_steps",
                        Share(defaults.warmup) if defaults.warmup else 0)  # fmt: skip


def _optimizer(fields: Fields, settings: Settings, keys: Keys) -> None:
    optimizer = fields.text(keys.optimizer)
    if optimizer is not None and optimizer.lower() not in ADAMW:
        fields.lost(keys.optimizer, ADAMW_ALONE)
    one, two = fields.number("adam_beta1"), fields.number("adam_beta2")
    if one is None and two is None:
        settings.default("betas", (0.9, 0.999))
    else:
        settings.put("betas", (float(0.9 if one is None else one), float(0.999 if two is None else two)),
                     "adam_beta2" if one is None else "adam_beta1")  # fmt: skip
    epsilon = fields.number("adam_epsilon")
    if epsilon is not None and epsilon != 1e-8:
        fields.lost("adam_epsilon", "every stage has 1e-8")
    settings.either("weight_decay", fields.number("weight_decay"), "weight_decay", 0)
    settings.either("clip", fields.number("max_grad_norm"), "max_grad_norm", 1)


def batch(fields: Fields, settings: Settings, keys: Keys, defaults: Defaults) -> None:
    """Carry micro batch x accumulation x devices as `global_batch`, and say which devices were assumed."""
    micro, devices = fields.whole(keys.micro), fields.ledger.devices
    accumulation = fields.whole("gradient_accumulation_steps")
    if keys.batch:
        micro, accumulation = _derived(fields, keys, micro, accumulation)
    if micro is not None:
        fields.ledger.profile.setdefault("micro_batch", micro)
    rows, times = micro or defaults.micro, accumulation or 1
    key = keys.micro if micro is not None else "gradient_accumulation_steps"
    settings.put("global_batch", rows * times * devices, key)
    told = f"global_batch = {rows} x {times} x {devices} = {rows * times * devices}"
    fields.assumed(key, f"{told}: micro batch x accumulation x devices; `--devices N` says another number of devices")


def _derived(fields: Fields, keys: Keys, micro: int | None, accumulation: int | None) -> tuple[int | None, int | None]:
    """Return micro batch and accumulation, one of them from the rows of a step where the file says those instead."""
    rows = fields.whole(keys.batch)
    if rows is None or rows < 1:
        return micro, accumulation
    if micro and accumulation:
        if micro * accumulation != rows:
            fields.lost(keys.batch, "micro batch x accumulation is another number, and counts")
        return micro, accumulation
    known = max(1, micro or accumulation or 1)
    other = max(1, rows // known)
    if other * known != rows:
        fields.assumed(keys.batch, f"{rows} is no multiple of {known}, so a step has {other * known} rows")
    return (other, accumulation) if accumulation and not micro else (micro, other)


def reference(fields: Fields, settings: Settings, key: str) -> ModelRef | None:
    """Return the model that answers are measured against, where a key names one and the stage takes one."""
    if key not in fields:
        return None
    if settings.has("reference"):
        return model(fields, key)
    fields.lost(key, f"`{settings.kind.name}` measures answers against no other model")
    return None


def precision(fields: Fields, settings: Settings) -> None:
    """Carry the precision of training, and say what of it differs."""
    bf16 = fields.text("bf16")
    if fields.text("fp16") not in (None, "false", "False", "no"):
        fields.lost("fp16", "a stage trains in `bf16` or `fp32`")
    if bf16 is not None and bf16.lower() in ("true", "yes", "auto", "full", "on"):
        settings.put("precision", "bf16", "bf16")
        if bf16.lower() in ("auto", "full"):
            fields.assumed("bf16", "taken as `precision = bf16`: float32 weights, trained in autocast")
    for key in ("torch_dtype", "dtype"):
        word = fields.text(key)
        if word in ("bfloat16", "float16"):
            fields.lost(key, f"the tool keeps the weights themselves in {word} while it trains; a stage keeps float32")


def attention(fields: Fields, key: str = "attn_implementation") -> None:
    """Suggest the implementation of attention for the profile."""
    word = fields.text(key)
    if word in ("sdpa", "eager", "flash_attention_2"):
        fields.ledger.profile.setdefault("attention", word)
        fields.machine(key, f'`attention = "{word}"` of a profile')
    elif word is not None:
        fields.machine(key, "`attention` of a profile is `sdpa`, `eager` or `flash_attention_2`")


def saving(fields: Fields) -> None:
    """Suggest how often a checkpoint is saved for the profile."""
    steps = fields.number("save_steps")
    if isinstance(steps, int) and steps > 0:
        fields.ledger.profile.setdefault("save_steps", steps)
        fields.machine("save_steps", f"`save_steps = {steps}` of a profile")
    elif steps is not None:
        fields.machine("save_steps", "a profile's `save_steps` is a number of steps")
