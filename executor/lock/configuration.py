"""What a lock has of a configuration. In: JSON of a stranger. Out: sizes, settings of both kinds, or `Bad`.

Settings are texts as `model_settings` writes them, one object for both kinds: which kind a key is of is said there.
"""

from __future__ import annotations

from typing import Final

from ladle.dsl.graph import Json
from ladle.dsl.types import UNKNOWN, Settings, Unknown
from ladle.executor.lock.values import Bad, a_count, a_text, an_object, shown, the_keys, unless_unknown
from ladle.executor.model_settings import TOLD
from ladle.executor.quoting import LONGEST, short

SIZES: Final = ("heads", "hidden", "intermediate", "kv_heads", "layers", "tied", "vocab")


def shape_of(value: Json, where: tuple[str, ...]) -> tuple[tuple[str, int], ...] | Unknown:
    """Return the sizes of a model. Raises Bad."""
    body = the_keys(value, where, SIZES)
    tied = body.pop("tied")
    if not isinstance(tied, bool):
        raise Bad((*where, "tied"), f"`tied` is {shown(tied)}; it is true or false")
    sizes = {name: unless_unknown(size, (*where, name), a_count) for name, size in body.items()}
    known: dict[str, int] = {name: size for name, size in sizes.items() if isinstance(size, int)}
    return tuple(sorted({**known, "tied": tied}.items())) if len(known) == len(sizes) else UNKNOWN


def settings_of(value: Json, where: tuple[str, ...]) -> Settings:
    """Return settings by name, sorted. Raises Bad."""
    body = an_object(value, where, len(TOLD))
    return tuple((name, _setting(name, body[name], (*where, name))) for name in sorted(body))


def _setting(name: str, value: Json, where: tuple[str, ...]) -> str:
    if name not in TOLD:
        raise Bad(where, f"`settings` has an unknown key `{short(name)}`")
    found = a_text(value, where)
    if len(found) > LONGEST:
        raise Bad(where, f"`{name}` is longer than {LONGEST} characters")
    return found
