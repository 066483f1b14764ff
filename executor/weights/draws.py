"""Random words for masks. In: a seed, a tensor, an operand and a piece. Out: the same for any cut and any order.

Element i of a tensor has word i of a stream of its own: PCG64 keyed by seed, tensor and operand, and moved ahead to
where the piece begins.
"""

from __future__ import annotations

import numpy as np
import torch
from ladle.executor.draws import stream_seed


def words(seed: int, tensor: str, operand: int, start: int, count: int) -> torch.Tensor:
    """Return words `start` to `start + count` of a stream: int32, each value as likely as any other."""
    generator = np.random.PCG64(stream_seed(seed, f"merge/{tensor}/{operand}"))
    generator.advance(start // 2)
    raw = generator.random_raw((start % 2 + count + 1) // 2)
    halves = np.asarray(raw, dtype="<u8").view("<i4")
    return torch.from_numpy(halves[start % 2 : start % 2 + count])
