"""What a step's process is told before it loads a library. In: a profile. Out: environment variables."""

from __future__ import annotations

import os

from ladle.executor.endpoint import hub_variables
from ladle.executor.profile import VARIABLE, Profile

_QUIET = {
    "TOKENIZERS_PARALLELISM": "false",
    "TRANSFORMERS_VERBOSITY": "error",
    "HF_HUB_DISABLE_PROGRESS_BARS": "1",
    "HF_HUB_DISABLE_TELEMETRY": "1",
    "HF_DATASETS_DISABLE_PROGRESS_BARS": "1",
    "WANDB_DISABLED": "true",
    "PYTHONHASHSEED": "0",
}
_THREADS = ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS", "NUMEXPR_NUM_THREADS")


def variables(profile: Profile) -> dict[str, str]:
    """Return the variables of a step's process: threads, which decide the bytes, and quiet libraries."""
    threads = dict.fromkeys(_THREADS, str(profile.threads))
    return {**_QUIET, **threads, **hub_variables(profile), VARIABLE: profile.name}


def settle(profile: Profile) -> None:
    """Set the variables in this process; it must not have loaded torch yet."""
    os.environ.update(variables(profile))
