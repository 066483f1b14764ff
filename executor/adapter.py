"""LoRA adapters as peft saves them. In: a folder nobody vouches for. Out: what it changes of a model, no weight read.

The configuration is read as a claim of which every word counts: what would change the meaning and is not known here is
refused by name. The model it says it was trained on is shown and never followed; the recipe names the one it sits on.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from math import sqrt
from pathlib import Path
from typing import Final

from ladle.dsl.frozen import frozen
from ladle.dsl.graph import Json
from ladle.dsl.signature import Fault
from ladle.dsl.types import AdapterType
from ladle.executor.headers import INDEX, SINGLE, HostileHeader, Tensor, file_tensors
from ladle.executor.model_folder import BadFolder, converting, json_object, tokenizer_identity
from ladle.executor.places import ADAPTER
from ladle.executor.quoting import short

CONFIG: Final = ADAPTER
WEIGHTS: Final = "adapter_model.safetensors"
PICKLE: Final = "adapter_model.bin"
ELSEWHERE: Final = "download it into the project, and name folder and model: `local(FOLDER, from = MODEL)`"
"""What to do with an adapter of the hub."""
_HEAD: Final = "its head"
_UNTIE: Final = (
    "give the model a head of its own: `lm_head.weight`, a copy of its embeddings, and `tie_word_embeddings` false in "
    "its configuration; what peft merges of such an adapter is not the model that was trained"
)
ELEMENTS: Final = ("F16", "BF16", "F32", "F64")
"""Types of elements that a change may have."""

_PREFIX: Final = "base_model.model."
_READ: Final = frozenset({
    "peft_type", "task_type", "r", "lora_alpha", "rank_pattern", "alpha_pattern", "use_rslora", "use_dora", "bias",
    "fan_in_fan_out", "target_modules", "modules_to_save", "layers_to_transform", "init_lora_weights",
})  # fmt: skip
_OF_TRAINING: Final = frozenset({
    "base_model_name_or_path", "revision", "inference_mode", "peft_version", "lora_dropout", "megatron_core",
    "layers_pattern", "qalora_group_size", "eva_config", "exclude_modules", "ensure_weight_tying",
})  # fmt: skip
"""What says how it was trained, and nothing of what it is."""
_STARTS: Final = (True, False, "gaussian", "eva", "orthogonal")
"""Beginnings of a training that leave the model as it is; others (pissa, olora, corda, loftq) take a part off it."""
_PARTS: Final = {
    ".lora_A.weight": "a",
    ".lora_B.weight": "b",
    ".lora_embedding_A": "embedding a",
    ".lora_embedding_B": "embedding b",
    ".lora_magnitude_vector": "magnitude",
    ".lora_magnitude_vector.weight": "magnitude",
}
_PATTERN: Final = re.compile(r"\^?(?:[\w|()-]|\\?\.)+\Z")
"""A pattern without repetition: what it matches has its own length, so that nobody can make it slow."""
_LONGEST: Final = 500
"""Characters of a tensor's name at most."""
_PATTERNS: Final = 1000
_LARGEST: Final = 1e30
_LAYER: Final = re.compile(r"\.(\d{1,9})\.")


@frozen
class Change:
    """What becomes of one tensor of the model: `whole` takes its place, then scale * B @ A is added.

    Names are of tensors in the adapter's file, "" where there is none.
    """

    shape: tuple[int, ...]
    whole: str = ""
    a: str = ""
    b: str = ""
    magnitude: str = ""
    """DoRA: each row is then scaled to this length."""
    scale: float = 0.0
    turned: bool = False
    """The tensor is (in, out), as embeddings are and what transformers calls Conv1D: (B @ A) transposed is added."""


@frozen
class Adapter:
    """An adapter: its tensors by name, and what they do by name of the model's tensor."""

    name: str
    folder: Path
    headers: Mapping[str, Tensor]
    changes: Mapping[str, Change]
    type: AdapterType


def is_adapter(folder: Path) -> bool:
    """Say whether a folder holds an adapter."""
    return (folder / CONFIG).is_file()


def adapter_type(folder: Path, name: str) -> AdapterType | tuple[Fault, ...]:
    """Return what checking must know of the adapter that recipes call `name`, or what is wrong with it."""
    try:
        return read_adapter(folder, name).type
    except BadFolder as bad:
        return (bad.fault,)
    except OSError as error:
        why = (error.strerror or str(error)).lower()
        return (Fault("E410", f"`{name}` cannot be read: {why}", "check the folder and its permissions"),)


def read_adapter(folder: Path, name: str) -> Adapter:
    """Return the adapter in `folder`. Raises BadFolder, and OSError for what cannot be read."""
    if (folder / SINGLE).is_file() or (folder / INDEX).is_file():
        message = f"`{name}` holds a whole model and an adapter (`{CONFIG}`): nobody can say which is meant"
        raise BadFolder("E425", message, "move the adapter's files to a folder of their own")
    config = json_object(folder / CONFIG, name)
    settings = _Settings(name, config)
    settings.refuse()
    headers = _headers(folder, name)
    changes = dict(_changes(settings, headers))
    settings.prove(changes)
    partly = config.get("exclude_modules") or config.get("layers_to_transform") is not None
    vocabulary, template, pad_is_end = tokenizer_identity(folder, name)
    type = AdapterType(
        tuple((tensor, change.shape) for tensor, change in sorted(changes.items())),
        () if partly else settings.targets,
        short(str(config.get("base_model_name_or_path") or "")),
        vocabulary,
        template,
        pad_is_end,
    )
    return Adapter(name, folder, headers, changes, type)


def misfit(adapter: AdapterType, tensors: Mapping[str, tuple[int, ...]]) -> str:
    """Return why an adapter does not sit on a model with these tensors, such as "has no `lm_head.weight`"; or ""."""
    for name, shape in adapter.tensors:
        if name not in tensors:
            tied = f", since {_HEAD} is tied to its embeddings" if name.startswith("lm_head.") else ""
            return f"has no `{short(name)}`{tied}"
        if tensors[name] != shape:
            return f"has `{short(name)}` as {_shown(tensors[name])}, and the adapter was made for {_shown(shape)}"
    changed, ends = {name for name, _ in adapter.tensors}, frozenset(adapter.modules)
    embedding = next((name for name in changed if name.endswith(("embed_tokens.weight", "wte.weight"))), "")
    if embedding and "lm_head.weight" not in tensors:
        return f"ties {_HEAD} to `{short(embedding)}`: in one tensor the adapter would change the head too"
    for name, shape in tensors.items():
        if len(shape) == 2 and name not in changed and _within(name.removesuffix(".weight"), ends):
            return f"has `{short(name)}`, which the adapter says it changes and does not hold"
    return ""


def sitting(wrong: str) -> str:
    """Return the help for an adapter that does not fit, `wrong` as `misfit` says."""
    return _UNTIE if _HEAD in wrong else "an adapter sits on the model that it was trained on, or on one of one shape"


@frozen
class _Settings:
    """The configuration of an adapter."""

    name: str
    config: Mapping[str, Json]

    def wrong(self, what: str, help: str = "merge it into its model with peft, and name that folder") -> BadFolder:
        return BadFolder("E425", f"the adapter `{self.name}` {what}", help)

    def refuse(self) -> None:
        """Refuse what would change the meaning and is not computed here. Raises BadFolder."""
        config = self.config
        if config.get("peft_type") != "LORA":
            raise self.wrong(f"is of the type {_said(config.get('peft_type'))}, and LORA alone is folded in")
        if config.get("auto_mapping"):
            message = f"the adapter `{self.name}` asks for code of its own (`auto_mapping`), which is never run"
            help = f"peft writes it where no `task_type` was given: delete it from `{CONFIG}`, nothing here needs it"
            raise BadFolder("E412", message, help)
        if config.get("task_type") not in (None, "CAUSAL_LM"):
            raise self.wrong(f"is for the task {_said(config['task_type'])}, not for a language model")
        if config.get("bias", "none") not in ("none", "all", "lora_only"):
            raise self.wrong(f"has `bias` = {_said(config['bias'])}, which is not known here")
        start = config.get("init_lora_weights", True)
        if start not in _STARTS:
            help = "convert it with peft (`path_initial_model_for_weight_conversion`), which makes a plain adapter"
            raise self.wrong(f"began as {_said(start)}, which takes a part off the model that it sits on", help)
        for key, value in config.items():
            if key not in _READ | _OF_TRAINING and value not in (None, False, {}, []):
                raise self.wrong(f"sets `{short(key)}` to {_said(value)}, which is not known here")
        for key in ("use_rslora", "use_dora", "fan_in_fan_out"):
            if config.get(key) not in (None, True, False):
                raise self.wrong(f"has `{key}` = {_said(config[key])}, which is neither true nor false")

    def scale(self, module: str, rank: int) -> float:
        """Return the factor of B @ A. Raises BadFolder where the rank is not the one the configuration says."""
        said, alpha = self.pattern("rank_pattern", module, "r"), self.pattern("alpha_pattern", module, "lora_alpha")
        if said != rank:
            help = "weights and configuration are of two trainings: get both from one; or correct the configuration, "
            help += f"`r`, or `rank_pattern` for a module of its own, if these weights were trained with rank {rank}"
            raise self.wrong(f"has rank {rank} at `{short(module)}`, and its configuration says {said:g}", help)
        return alpha / (sqrt(rank) if self.config.get("use_rslora") else rank)

    def pattern(self, key: str, module: str, otherwise: str) -> float:
        """Return a number that the first pattern that fits a module says, else the one for all."""
        patterns = self.config.get(key) or {}
        if not isinstance(patterns, dict) or len(patterns) > _PATTERNS:
            raise self.wrong(f"has a `{key}` that is no map, or one of more than {_PATTERNS} patterns")
        for pattern in patterns:
            if not _PATTERN.match(pattern) or len(pattern) > 200:
                raise self.wrong(f"names modules by `{short(pattern)}` in `{key}`, a pattern that is not read here")
        value = next((patterns[each] for each in patterns if self.fits(each, module)), self.config.get(otherwise))
        if isinstance(value, bool) or not isinstance(value, int | float) or not abs(value) < _LARGEST:
            raise self.wrong(f"has {_said(value)} for `{otherwise}`, which is no number")
        return float(value)

    def fits(self, pattern: str, module: str) -> bool:
        try:
            return re.match(rf"(.*\.)?({pattern})$", module) is not None
        except re.error:
            raise self.wrong(f"names modules by `{short(pattern)}`, which is no pattern") from None

    @property
    def targets(self) -> tuple[str, ...]:
        """Ends of the names of the modules it changes; none where it says so otherwise than by a list."""
        found = self.config.get("target_modules")
        return tuple(str(each) for each in found) if isinstance(found, list) else ()

    def prove(self, changes: Mapping[str, Change]) -> None:
        """Refuse names in the configuration that no tensor has, and tensors that it does not name."""
        modules = {name.rpartition(".")[0] for name in changes}
        adapted = {name.rpartition(".")[0] for name, change in changes.items() if change.a}
        # Where peft was asked to tie what it adds, it adds to the head what it adds to the embeddings, and names these.
        tied = ("lm_head",) if self.config.get("ensure_weight_tying") is True else ()
        targets = frozenset(self.targets) and frozenset((*self.targets, *tied))
        if targets and (strange := sorted(each for each in adapted if not _within(each, targets))):
            raise self.wrong(f"changes `{short(strange[0])}`, which its `target_modules` do not name")
        for saved in _listed(self.config.get("modules_to_save")):
            if not any(f".{saved}." in f".{module}." for module in modules):
                raise self.wrong(f"says it saved `{short(str(saved))}` and holds no such tensor", "get its files again")
        layers = {int(match[1]) for module in adapted for match in _LAYER.finditer(f".{module}.")}
        for layer in _listed(self.config.get("layers_to_transform")):
            if layer not in layers:
                raise self.wrong(f"says it changes layer {_said(layer)} and holds nothing of it", "get its files again")


def _headers(folder: Path, name: str) -> dict[str, Tensor]:
    if not (folder / WEIGHTS).is_file():
        if (folder / PICKLE).is_file():
            message = f"the weights of `{name}` are a pickle (`{PICKLE}`), which can run code when it is read"
            raise BadFolder("E413", message, converting(Path(name)))
        raise BadFolder("E425", f"the adapter `{name}` has no `{WEIGHTS}`", "save it with peft")
    try:
        return file_tensors(folder / WEIGHTS)
    except HostileHeader as error:
        message, help = f"the weights of `{name}` are refused: {error}", "get the file again from its source"
        raise BadFolder("E411", message, help) from None


def _changes(settings: _Settings, headers: Mapping[str, Tensor]) -> Iterator[tuple[str, Change]]:
    """Yield what the tensors of an adapter do, by name of the model's tensor, each once."""
    modules: dict[str, dict[str, str]] = {}
    whole: dict[str, str] = {}
    for key, tensor in headers.items():
        if tensor.dtype not in ELEMENTS:
            raise settings.wrong(f"holds `{short(key)}` as {tensor.dtype}, which cannot be added to a model")
        suffix = next((each for each in _PARTS if key.endswith(each)), "")
        place, known = key.removeprefix(_PREFIX).removesuffix(suffix), key.startswith(_PREFIX)
        place = place if suffix else place.replace(".modules_to_save.", ".").replace(".base_layer.", ".")
        taken = modules.setdefault(place, {}) if suffix else whole
        part = _PARTS[suffix] if suffix else place
        if not known or part in taken or (not suffix and "lora_" in key) or len(key) > _LONGEST:
            raise settings.wrong(f"holds `{short(key)}`, which has no meaning here")
        taken[part] = key
    for module, parts in modules.items():
        yield f"{module}.weight", _low_rank(settings, headers, module, parts, whole.pop(f"{module}.weight", ""))
    for place, key in whole.items():
        yield place, Change(headers[key].shape, key)


def _low_rank(
    settings: _Settings, headers: Mapping[str, Tensor], module: str, parts: Mapping[str, str], whole: str
) -> Change:
    embedding = "embedding a" in parts or "embedding b" in parts
    a, b = (parts.get("embedding a"), parts.get("embedding b")) if embedding else (parts.get("a"), parts.get("b"))
    dora = settings.config.get("use_dora") is True
    expected = {"embedding a", "embedding b"} if embedding else {"a", "b"} | ({"magnitude"} if dora else set())
    if a is None or b is None or set(parts) != expected:
        raise settings.wrong(f"has too few or too many parts for `{short(module)}`", "get its files again")
    turned = embedding or settings.config.get("fan_in_fan_out") is True
    if dora and turned:
        raise settings.wrong(f"is DoRA on `{short(module)}`, whose columns have the lengths: not computed here")
    first, second = headers[a].shape, headers[b].shape
    if len(first) != 2 or len(second) != 2 or first[0] != second[1] or not first[0]:
        raise settings.wrong(f"has A as {_shown(first)} and B as {_shown(second)} at `{short(module)}`")
    shape = (first[1], second[0]) if turned else (second[0], first[1])
    magnitude = parts.get("magnitude", "")
    if magnitude and headers[magnitude].shape != (second[0],):
        raise settings.wrong(f"has a magnitude at `{short(module)}` that is not one number for each row")
    if whole and headers[whole].shape != shape:
        raise settings.wrong(f"has two shapes for `{short(module)}`")
    return Change(shape, whole, a, b, magnitude, settings.scale(module, first[0]), turned)


def _within(module: str, ends: frozenset[str]) -> bool:
    parts = module.split(".")
    return any(".".join(parts[start:]) in ends for start in range(len(parts)))


def _listed(value: Json) -> list[Json]:
    return value if isinstance(value, list) else [] if value is None else [value]


def _said(value: Json) -> str:
    return f"`{short(str(value))}`"


def _shown(shape: tuple[int, ...]) -> str:
    return " x ".join(str(size) for size in shape) or "a number"
