"""What mergekit calls its merge methods. Out: the names of version 0.1.5, which are those of the language too."""

from __future__ import annotations

from typing import Final

METHODS: Final = frozenset(
    {
        "arcee_fusion",
        "breadcrumbs",
        "breadcrumbs_ties",
        "dare_linear",
        "dare_ties",
        "della",
        "della_linear",
        "karcher",
        "linear",
        "model_stock",
        "multislerp",
        "nearswap",
        "nuslerp",
        "passthrough",
        "ram",
        "ramplus_tl",
        "sce",
        "slerp",
        "task_arithmetic",
        "ties",
    }
)
