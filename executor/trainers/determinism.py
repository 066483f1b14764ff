"""What makes a training repeatable. In: the machine. Out: a process whose results depend on the task alone."""

from __future__ import annotations

import os

import torch
from ladle.executor.random_streams import stream_seed
from ladle.executor.task import Machine, StepError


def settle(machine: Machine) -> None:
    """Fix what changes the order of sums: threads on CPU, the choice of kernels on a GPU."""
    # More threads sum in another order. One, unless the environment says otherwise, whatever the machine has.
    asked = os.environ.get("OMP_NUM_THREADS", "1")
    torch.set_num_threads(int(asked) if asked.isdecimal() and int(asked) else 1)
    torch.set_float32_matmul_precision("highest")
    if machine.device == "cuda":
        # One process trains on one GPU: where several are seen, transformers would spread the batch over them.
        os.environ.setdefault("CUDA_VISIBLE_DEVICES", "0")
        if not torch.cuda.is_available():
            raise StepError("the profile asks for a GPU, and there is none", "use `device = cpu`, or another machine")
        os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")
        torch.backends.cudnn.benchmark = False
        # Where an operation has no such kernel, the run goes on: without it there would be no training at all.
        torch.use_deterministic_algorithms(True, warn_only=True)


def global_seed(seed: int) -> int:
    """Return the seed of the process-wide generators, from which dropout draws."""
    return stream_seed(seed, "dropout") % 2**32
