"""One of mergekit's programs in this process, which ends with its parent. In: a process id, a module, arguments.

`python -P -m ladle.executor.mergekit.launch PARENT MODULE ARGUMENT...`
"""

from __future__ import annotations

import runpy
import sys

from ladle.executor.signals import die_with_parent

PACKAGE = "mergekit.scripts."
"""Nothing else is run."""


def main(arguments: list[str]) -> None:
    """Run a module of mergekit's programs as if it had been called by itself."""
    parent, module, *rest = arguments
    if not module.startswith(PACKAGE):
        raise SystemExit(f"{module} is no program of mergekit")
    die_with_parent(int(parent))
    sys.argv = [module, *rest]
    runpy.run_module(module, run_name="__main__", alter_sys=True)


if __name__ == "__main__":
    main(sys.argv[1:])
