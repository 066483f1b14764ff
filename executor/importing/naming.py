"""Names for what an import declares. In: a name to begin with. Out: one that nothing else has."""

from __future__ import annotations

from ladle.dsl.lex import RESERVED
from ladle.executor.catalog import vocabulary
from ladle.executor.importing.places import slug


class Names:
    """The names of a recipe that is being written; words of the language and of the catalogue are taken."""

    def __init__(self) -> None:
        self._taken = {*RESERVED, *vocabulary()}

    def new(self, wanted: str, otherwise: str) -> str:
        """Return a name made from `wanted` that is not taken yet."""
        return self._free(slug(wanted, otherwise))

    def free(self, name: str) -> bool:
        """Say whether nothing has a name yet."""
        return name not in self._taken

    def stage(self, kind: str) -> str:
        """Return the name of a stage: its kind, or the kind with a number for a second one."""
        if f" {kind}" not in self._taken:
            self._taken.add(f" {kind}")
            return kind
        return self._free(kind)

    def _free(self, name: str) -> str:
        found, number = name, 2
        while found in self._taken:
            found, number = f"{name}_{number}", number + 1
        self._taken.add(found)
        return found
