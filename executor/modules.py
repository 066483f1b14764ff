"""What a package holds. In: a package that is walked instead of listed. Out: the names of its modules.

`pkgutil` answers this also of archives and other importers; it costs a check 3 ms, and Ladle is installed as files.
"""

from __future__ import annotations

import os
from types import ModuleType


def module_names(package: ModuleType) -> tuple[str, ...]:
    """Return the names of the modules of a package, sorted, without the package's own."""
    files = (entry.name for folder in package.__path__ for entry in os.scandir(folder))
    return tuple(sorted(name[:-3] for name in files if name.endswith(".py") and not name.startswith("__")))
