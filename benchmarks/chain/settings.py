"""What every stage of the chain shares: where the corpora are, and how a trainer is set up on a processor."""

import json
from pathlib import Path

from transformers import PrinterCallback, Trainer

CORPORA = Path(__file__).parents[2] / "corpora" / "quickstart"
CONTEXT = 128

ON_A_PROCESSOR = {
    "use_cpu": True,
    "bf16": False,
    "gradient_checkpointing": False,
    "dataloader_pin_memory": False,
}
OPTIMISER = {
    "optim": "adamw_torch",
    "adam_beta1": 0.9,
    "adam_beta2": 0.95,
    "weight_decay": 0.01,
    "lr_scheduler_type": "cosine",
    "warmup_steps": 0.05,
}
QUIET = {"report_to": "none", "save_strategy": "no", "logging_steps": 10, "disable_tqdm": True}


def rows(path: str) -> list[dict]:
    """Read a JSON Lines file of the corpora."""
    return [json.loads(line) for line in (CORPORA / path).read_text().splitlines()]


def train(trainer: Trainer, out: str) -> None:
    """Train without a word, and save the model with its tokenizer."""
    trainer.remove_callback(PrinterCallback)
    trainer.train()
    trainer.save_model(out)
    losses = [entry["loss"] for entry in trainer.state.log_history if "loss" in entry]
    print(f"{Path(out).name}: loss {losses[0]:.3f} to {losses[-1]:.3f} in {trainer.state.global_step} steps")
