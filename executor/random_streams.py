"""Random numbers by purpose. In: a seed and the name of a purpose. Out: a stream that no other purpose disturbs."""

from __future__ import annotations

import numpy as np
from ladle.executor.draws import stream_seed

__all__ = ["stream", "stream_seed"]


def stream(seed: int, purpose: str) -> np.random.Generator:
    """Return the stream of `purpose` under `seed`; it depends on nothing else, least of all on what ran before."""
    return np.random.Generator(np.random.PCG64(stream_seed(seed, purpose)))
