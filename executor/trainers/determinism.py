"""What makes a training repeatable. In: the machine. Out: a process whose results depend on the task alone."""

from __future__ import annotations

import os

import torch
from ladle.executor.random_streams import stream_seed
from ladle.executor.task import Machine


def settle(machine: Machine) -> None:
    """Fix what changes the order of sums: threads on CPU, the choice of kernels on a GPU."""
    # More threads sum in another order. One, unless the environment says otherwise, whatever the machine has.
    torch.set_num_threads(int(os.environ.get("OMP_NUM_THREADS", "1").split(",")[0]))
    torch.set_float32_matmul_precision("highest")
    if machine.device == "cuda":
        os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")
        torch.backends.cudnn.benchmark = False
        torch.use_deterministic_algorithms(True)


def global_seed(seed: int) -> int:
    """Return the seed of the process-wide generators, from which dropout draws."""
    return stream_seed(seed, "dropout") % 2**32
