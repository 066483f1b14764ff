"""Settings of a stage while a file is read. In: values by option, and the key each comes from. Out: what is written.

The catalogue is asked for each: what its kinds have no option or no word for becomes a note.
"""

from __future__ import annotations

from ladle.dsl.signature import Operator, Option, Role
from ladle.dsl.types import Share
from ladle.executor.catalog import vocabulary
from ladle.executor.importing.fields import Fields
from ladle.executor.importing.ledger import Sort
from ladle.executor.importing.spelling import Said, keys, option, spelled, takes
from ladle.executor.unmade import unmade

ORDER = (
    "epochs", "steps", "tokens", "lr", "schedule", "warmup", "global_batch", "context", "overlong", "packing",
    "supervise", "beta", "loss", "lora", "betas", "weight_decay", "clip", "precision", "seed",
)  # fmt: skip
"""How a stage is read: how long, how fast, on what rows, then the rest."""


ATTENTION = {"q_proj", "k_proj", "v_proj", "o_proj"}
LINEAR = {*ATTENTION, "gate_proj", "up_proj", "down_proj"}


class Settings:
    """The settings of one stage of a kind of the catalogue."""

    def __init__(self, kind: Operator, fields: Fields, tool: str) -> None:
        self.kind = kind
        self.fields = fields
        self.tool = tool
        self._written: dict[str, str] = {}
        self._defaults: list[str] = []
        self._adapter_key = ""

    def has(self, name: str) -> bool:
        """Say whether the kind has an option of this name in this version."""
        return option(self.kind, name) is not None

    def put(self, name: str, value: Said, key: str) -> None:
        """Set an option to what `key` says; where the kind cannot take it, that is noted."""
        found = option(self.kind, name)
        if found is None:
            self.fields.lost(key, f"`{self.kind.name}` has no option `{name}` in this version")
        elif not takes(found.type, value):
            self.fields.lost(key, f"`{name}` of `{self.kind.name}` does not take `{spelled(value)}`{_instead(found)}")
        else:
            self._written[name] = spelled(value)

    def default(self, name: str, value: Said) -> None:
        """Set an option that the file leaves to the tool to the tool's default, where that can be said."""
        found = option(self.kind, name)
        if found is not None and name not in self._written and takes(found.type, value):
            self._written[name] = spelled(value)
            self._defaults.append(f"{name} = {spelled(value)}")

    def follow(self, name: str, value: Said, said: bool) -> None:
        """Set an option that follows from another key of the file where that is `said`; else to the tool's default."""
        before = len(self._defaults)
        self.default(name, value)
        if said:
            del self._defaults[before:]

    def either(self, name: str, value: Said | None, key: str, otherwise: Said) -> None:
        """Set an option to a value of the file, or to the tool's default."""
        if value is None:
            self.default(name, otherwise)
        else:
            self.put(name, value, key)

    def adapter(self, key: str, values: dict[str, tuple[str, Said]], begun: bool = False) -> None:
        """Say that adapters of low rank are trained, if this version has them; `values` are (key, value) by name.

        Of one that another training has `begun`, what the file leaves out is no default of the tool's.
        """
        self._adapter_key = key
        found = option(self.kind, "lora")
        known = keys(found.type) if found else ()
        told = {name: value for name, (_, value) in values.items() if name in known}
        if told:
            self._written["lora"] = "{" + ", ".join(f"{name}: {spelled(value)}" for name, value in told.items()) + "}"
        else:
            self.fields.lost(key, "this version trains every parameter of the model, and no adapter")
        assumed = ["an adapter"] if told and key not in self.fields else []
        for name, (source, value) in values.items():
            if source not in self.fields and name in told:
                assumed.append(f"{name} of `lora` = {spelled(value)}")
            elif source in self.fields and name not in told:
                self.fields.lost(source, f"`lora` has no `{name}` in this version")
        if not begun:
            self._defaults += assumed

    def done(self) -> tuple[tuple[str, str], ...]:
        """Return the settings in the order they are read; the tool's defaults among them are noted once."""
        if self._defaults:
            document, root = self.fields.document, self.fields.document.root
            reason = f"not in the file, so {self.tool}'s own default: {', '.join(self._defaults)}"
            self.fields.ledger.note(Sort.ASSUMED, document, root.span, "", reason)
        if word := unmade(self.kind, {**self._written}, ()):
            reason = (
                f"`{word}` is checked but not yet made by this version: the recipe checks, and `ladle run` refuses it"
            )
            self.fields.missing(self._adapter_key, reason)
        place = {name: index for index, name in enumerate(ORDER)}
        return tuple(sorted(self._written.items(), key=lambda item: place.get(item[0], len(place))))


def kind(name: str) -> Operator | None:
    """Return the training kind of this name, None where this version has none."""
    found = vocabulary().get(name)
    return found if found is not None and found.role is Role.STAGE else None


def _instead(option: Option) -> str:
    """Say what an option is where nothing is written for it."""
    value = option.default
    told = spelled(value) if isinstance(value, bool | int | float | str | Share) else ""
    return f": the recipe has its default, `{told}`" if told else ""


def targets(fields: Fields, key: str) -> dict[str, tuple[str, Said]]:
    """Return which layers an adapter is put on, as far as the language has a word for it; else that is noted."""
    words = {word.strip() for item in fields.items(key) for word in getattr(item, "text", "").split(",")}
    if not words:
        return {}
    if words <= {"all", "all-linear"} or words == LINEAR:
        return {"targets": (key, "all_linear")}
    if words == ATTENTION:
        return {"targets": (key, "attention")}
    only = "an adapter is put on every linear layer, or on those of attention"
    fields.lost(key, f"{only}: the recipe says neither, which is every linear layer")
    return {}
