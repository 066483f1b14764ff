"""Random numbers for masks. In: a seed, a tensor, an operand and a piece. Out: the same for any cut and any order.

Element i of a tensor has number i of a stream of its own: PCG64 keyed by seed, tensor and operand, and moved ahead to
where the piece begins.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from ladle.executor.draws import stream_seed

_HALF = 1 << 16
_SIGNED = 1 << 15
"""What an unsigned number of 16 bits is more than the signed one that it is drawn as."""


@dataclass(frozen=True, slots=True)
class Draws:
    """What is drawn for a piece that begins at element `start`, in the shape and place of a value of it, `like`.

    The same whenever it is asked, however the tensor is cut: a kernel may ask for a statistic of what a mask keeps.
    Each time a tensor of its own, which may be changed.
    """

    tensor: str
    start: int
    like: torch.Tensor

    def mask(self, seed: int, operand: int, share: float) -> torch.Tensor:
        """Return a random mask that is 1 with probability `share`, in steps of 2^-32, and else 0.

        It is float32, since a product with numbers costs a fraction of one with truth values. An element's upper 16
        bits nearly always decide; the lower ones are drawn where they do not, which halves what drawing costs.
        """
        upper = self._numbers(seed, operand, "i2")
        whole, rest = divmod(min(round(share * 2**32), 2**32 - 1), _HALF)
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
        """Return one number for each element: signed, of two bytes or four, each value as likely as any other."""
        each = 8 // np.dtype(kind).itemsize
        before, count = self.start % each, self.like.numel()
        generator = self._stream(seed, f"{operand}")
        generator.advance(self.start // each)
        raw = generator.random_raw((before + count + each - 1) // each)
        return torch.from_numpy(np.asarray(raw, dtype="<u8").view(f"<{kind}")[before : before + count])

    def _lower(self, seed: int, operand: int, elements: np.ndarray) -> np.ndarray:
        """Return the lower 16 bits of a few elements of the tensor, which come in rising order."""
        generator, raw, at = self._stream(seed, f"{operand}/lower"), 0, 0
        found = np.empty(len(elements), dtype=np.int64)
        for place, (block, part) in enumerate(zip(*divmod(elements, 4), strict=True)):
            if block >= at:
                generator.advance(int(block) - at)
                raw, at = int(generator.random_raw()), int(block) + 1
            found[place] = raw >> 16 * int(part) & _HALF - 1
        return found

    def _stream(self, seed: int, purpose: str) -> np.random.PCG64:
        return np.random.PCG64(stream_seed(seed, f"merge/{self.tensor}/{purpose}"))
