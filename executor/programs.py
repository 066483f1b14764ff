"""The programs of steps. In: the name of a module. Out: the module, imported without looking for garbage."""

from __future__ import annotations

import gc
import importlib
import sys
from types import ModuleType


def program(name: str) -> ModuleType:
    """Import a program. What its libraries make meanwhile stays: the collector looks at none of it, then or later."""
    if name in sys.modules:
        return sys.modules[name]
    gc.disable()
    try:
        return importlib.import_module(name)
    finally:
        gc.freeze()
        gc.enable()
