"""Random numbers for masks. In: a seed, a tensor, an operand and a piece. Out: the same for any cut and any order.

Element i of a tensor has number i of a stream of its own: PCG64 keyed by seed, tensor and operand, and moved ahead to
where the piece begins.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import torch
from ladle.executor.draws import stream_seed

_BYTE = 1 << 8
_SIGNED = 1 << 7
"""What an unsigned byte is more than the signed one that it is drawn as."""
_LOWER = 1 << 24
"""How many values the lower bits of a number have."""


@dataclass(slots=True)
class Streams:
    """The streams of one tensor, each kept where it was last drawn from: the next piece mostly goes on there.

    For one thread.
    """

    tensor: str
    _at: dict[tuple[int, int], tuple[np.random.PCG64, int]] = field(default_factory=dict)

    def raw(self, seed: int, operand: int, first: int, count: int) -> np.ndarray:
        """Return numbers `first` to `first + count` of an operand's stream: uint64."""
        generator, at = self._at.get((seed, operand), (None, 0))
        if generator is None or at > first:
            generator, at = np.random.PCG64(self.seed(seed, f"{operand}")), 0
        if first > at:
            generator.advance(first - at)
        self._at[seed, operand] = generator, first + count
        return np.asarray(generator.random_raw(count))

    def seed(self, seed: int, purpose: str) -> int:
        """Return the 64 bits that a stream of this tensor begins with."""
        return stream_seed(seed, f"merge/{self.tensor}/{purpose}")


@dataclass(frozen=True, slots=True)
class Draws:
    """What is drawn for a piece that begins at element `start`, in the shape and place of a value of it, `like`.

    The same whenever it is asked, however the tensor is cut: a kernel may ask for a statistic of what a mask keeps.
    Each time a tensor of its own, which may be changed.
    """

    streams: Streams
    start: int
    like: torch.Tensor

    def mask(self, seed: int, operand: int, share: float) -> torch.Tensor:
        """Return a random mask that is 1 with probability `share`, in steps of 2^-32, and else 0.

        It is float32, since a product with numbers costs a fraction of one with truth values. An element's upper byte
        mostly decides; the 24 bits below are made for those where it does not, which takes a third of the time.
        """
        upper = self._numbers(seed, operand, "i1")
        whole, rest = divmod(min(round(share * 2**32), 2**32 - 1), _LOWER)
        open_ = (upper.numpy() == whole - _SIGNED).nonzero()[0] if rest else np.empty(0)
        found = upper.lt_(whole - _SIGNED).float()
        if len(open_):
            found.numpy()[open_] = self._lower(seed, operand, open_ + self.start) < rest
        return found.view(self.like.shape).to(self.like.device)

    def uniform(self, seed: int, operand: int) -> torch.Tensor:
        """Return a random float32 in [0, 1) for each element, in steps of 2^-24."""
        words = self._numbers(seed, operand, "i4").view(self.like.shape).to(self.like.device)
        return ((words >> 8) + 2**23).float() * 2.0**-24

    def _numbers(self, seed: int, operand: int, kind: str) -> torch.Tensor:
        """Return one number for each element: signed, of one byte or four, each value as likely as any other."""
        each = 8 // np.dtype(kind).itemsize
        before, count = self.start % each, self.like.numel()
        raw = self.streams.raw(seed, operand, self.start // each, (before + count + each - 1) // each)
        return torch.from_numpy(raw.astype("<u8", copy=False).view(f"<{kind}")[before : before + count])

    def _lower(self, seed: int, operand: int, elements: np.ndarray) -> np.ndarray:
        """Return the lower 24 bits of some elements of the tensor: SplitMix64 (Steele et al. 2014) of their places."""
        found = elements.astype(np.uint64) * np.uint64(0x9E3779B97F4A7C15)
        found += np.uint64(self.streams.seed(seed, f"{operand}/lower"))
        for shift, factor in ((30, 0xBF58476D1CE4E5B9), (27, 0x94D049BB133111EB)):
            found = (found ^ (found >> np.uint64(shift))) * np.uint64(factor)
        return (found ^ (found >> np.uint64(31))) >> np.uint64(40)
