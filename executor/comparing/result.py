"""What comparing models found. In: sums for each tensor. Out: views of the whole, of modules, of depths, of cells."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import reduce
from itertools import pairwise
from operator import add
from pathlib import Path
from typing import Final, TypeVar

from ladle.executor.comparing.modules import OUTSIDE, module
from ladle.executor.comparing.sums import Sums, View, pairs

Key = TypeVar("Key")

MOST_DEPTHS: Final = 12
"""Layers that are told one by one; more are told in bands."""
BANDS: Final = 8
MOST_MODULES: Final = 40
"""Kinds of modules that are told apart; a model of more has strange names, and the rest are one."""
OTHERS: Final = "others"


@dataclass(frozen=True, slots=True)
class Model:
    """A model that was compared."""

    name: str
    folder: Path


@dataclass(frozen=True, slots=True)
class Result:
    """Models, and what their tensors add up to. `base` is the place of the model that changes are taken from."""

    models: tuple[Model, ...]
    base: int | None
    compared: int
    """The models before this one are compared; what follows is a base that is none of them."""
    descent: bool
    """Whether the base is the common ancestor that lineage says, not one that was given."""
    tensors: Mapping[str, Sums]
    left_out: Mapping[str, str]
    types: tuple[str, ...]
    """Element types of each model, as headers name them."""
    notes: tuple[str, ...] = ()

    @property
    def total(self) -> View:
        """All tensors."""
        return self._view(self.tensors)

    @property
    def pairs(self) -> tuple[tuple[int, int], ...]:
        """Each two of the models."""
        return pairs(self.compared)

    @property
    def changed(self) -> tuple[int, ...]:
        """The models that are not the base, where there is one."""
        return () if self.base is None else tuple(each for each in range(self.compared) if each != self.base)

    @property
    def kin(self) -> tuple[tuple[int, int], ...]:
        """Each two of the models that are not the base."""
        return tuple((a, b) for a, b in self.pairs if a in self.changed and b in self.changed)

    def modules(self) -> Mapping[str, View]:
        """Return each kind of module, in the order of the model."""
        return self._grouped({name: kind for name, (kind, _) in self._placed().items()})

    def depths(self) -> Mapping[tuple[int, int], View]:
        """Return the layers, or bands of neighbouring ones, by the first and the last; none of a model without any."""
        layers = sorted({layer for layer in map(_layer, self.tensors) if layer != OUTSIDE})
        if len(layers) > MOST_DEPTHS:
            cuts = [len(layers) * i // BANDS for i in range(BANDS + 1)]
            bands = [layers[start:end] for start, end in pairwise(cuts)]
        else:
            bands = [[layer] for layer in layers]
        band_of = {layer: (band[0], band[-1]) for band in bands for layer in band}
        found = self._grouped({name: band_of.get(_layer(name)) for name in self._ordered()})
        return {band: view for band, view in found.items() if band is not None}

    def cells(self) -> Mapping[tuple[str, int], View]:
        """Return each kind of module in each layer; `OUTSIDE` is the layer of what stands in none."""
        return self._grouped(self._placed())

    def kinship(self, pearson: bool = False) -> float | None:
        """Return the mean similarity of each two changes (arXiv 2410.12613); None where there are no two."""
        measure = self.total.pearson if pearson else self.total.cosine
        found = [value for pair in self.kin if (value := measure(*pair)) is not None]
        return sum(found) / len(found) if found else None

    def _placed(self) -> Mapping[str, tuple[str, int]]:
        """Return the kind of module and the layer of each tensor."""
        found = {name: module(name) for name in self._ordered()}
        kept = set(list(dict.fromkeys(kind for kind, _ in found.values()))[:MOST_MODULES])
        return {name: (kind if kind in kept else OTHERS, layer) for name, (kind, layer) in found.items()}

    def _ordered(self) -> Iterator[str]:
        """Yield tensors as a model is computed: embedding, layers, last norm, head."""
        yield from sorted(self.tensors, key=lambda name: (_rank(name), _layer(name), name))

    def _grouped(self, keys: Mapping[str, Key]) -> Mapping[Key, View]:
        groups: dict[Key, dict[str, Sums]] = {}
        for name, key in keys.items():
            groups.setdefault(key, {})[name] = self.tensors[name]
        return {key: self._view(group) for key, group in groups.items()}

    def _view(self, tensors: Mapping[str, Sums]) -> View:
        return View(reduce(add, tensors.values()), self.base)


def _layer(tensor: str) -> int:
    return module(tensor)[1]


_ORDER: Final = (
    "embed", "input_layernorm", "q_proj", "k_proj", "v_proj", "q_norm", "k_norm", "o_proj", "post_attention_layernorm",
    "pre_feedforward_layernorm", "gate_proj", "up_proj", "down_proj", "post_feedforward_layernorm",
)  # fmt: skip
_LAST: Final = ("norm", "lm_head")


def _rank(tensor: str) -> tuple[int, str]:
    """What is not known by name stands between the layers' modules and the last ones."""
    name, layer = module(tensor)
    if name in _ORDER:
        return _ORDER.index(name), ""
    if name in _LAST and layer == OUTSIDE:
        return len(_ORDER) + 1 + _LAST.index(name), ""
    return len(_ORDER), name
