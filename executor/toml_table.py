"""One table of a TOML file. In: its bytes, the way to the table. Out: the table, empty where there is none."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping, Sequence

import click


def table(data: bytes, name: str, way: Sequence[str]) -> Mapping[str, object]:
    """Return the table at `way` of the file called `name`. Raises UsageError for what is no TOML, or no table."""
    try:
        found: object = tomllib.loads(data.decode("utf-8"))
    except (ValueError, RecursionError) as error:
        raise click.UsageError(f"`{name}` is no TOML: {error}") from error
    for place, key in enumerate(way, 1):
        found = found.get(key, {}) if isinstance(found, dict) else None
        if not isinstance(found, dict):
            raise click.UsageError(f"[{'.'.join(way[:place])}] of `{name}` is a table")
    assert isinstance(found, dict)
    return found
