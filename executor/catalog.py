"""Every operator by name. In: the catalogue packages, whose modules each define one `OPERATOR`. Out: the vocabulary."""

from __future__ import annotations

import sys
from functools import cache
from types import MappingProxyType, ModuleType
from typing import TYPE_CHECKING

from ladle.dsl.signature import Operator, Vocabulary
from ladle.executor import benchmarks, choices, internal, merges, sources, stages, transforms
from ladle.executor.modules import defined
from ladle.executor.whose_tokens import with_whose_tokens

if TYPE_CHECKING:
    from ladle.executor.weights.kernel import Kernel

PACKAGES: tuple[ModuleType, ...] = (sources, transforms, stages, merges, choices, benchmarks, internal)


@cache
def kernel(name: str) -> Kernel | None:
    """Return the function that computes a merge tensor by tensor; None for an operator that is computed elsewhere."""
    for package in (merges, internal):
        module = sys.modules.get(f"{package.__name__}.{name}") if name in vocabulary() else None
        found: Kernel | None = getattr(module, "kernel", None)
        if found is not None:
            return found
    return None


@cache
def vocabulary() -> Vocabulary:
    """Return every operator of the catalogue by name.

    Raises TypeError for a module without `OPERATOR` and for a name given twice: both are faults of ours.
    """
    found: dict[str, Operator] = {}
    for package in PACKAGES:
        for module, operator in defined(package, "OPERATOR", Operator):
            if operator.name in found:
                raise TypeError(f"{module} defines `{operator.name}` a second time")
            found[operator.name] = operator
    return MappingProxyType({name: with_whose_tokens(operator) for name, operator in found.items()})
