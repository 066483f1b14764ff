"""One stage on preference pairs: ORPO or DPO."""

import argparse

from datasets import Dataset
from settings import CONTEXT, ON_A_PROCESSOR, OPTIMISER, QUIET, rows, train
from transformers import AutoModelForCausalLM, AutoTokenizer
from trl import DPOConfig, DPOTrainer
from trl.experimental.orpo import ORPOConfig, ORPOTrainer

METHODS = {"orpo": (ORPOConfig, ORPOTrainer), "dpo": (DPOConfig, DPOTrainer)}


def conversation(row: dict) -> dict:
    """Turn a row of strings into the conversations that make TRL apply the chat template."""
    roles = {"prompt": "user", "chosen": "assistant", "rejected": "assistant"}
    return {column: [{"role": role, "content": row[column]}] for column, role in roles.items()}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("method", choices=METHODS)
    parser.add_argument("model")
    parser.add_argument("corpus")
    parser.add_argument("out")
    parser.add_argument("--steps", type=int, required=True)
    parser.add_argument("--lr", type=float, required=True)
    parser.add_argument("--beta", type=float, required=True)
    parser.add_argument("--batch", type=int, default=16)
    parser.add_argument("--seed", type=int, default=42)
    arguments = parser.parse_args()
    configure, trainer_class = METHODS[arguments.method]
    config = configure(
        output_dir=arguments.out,
        max_steps=arguments.steps,
        learning_rate=arguments.lr,
        beta=arguments.beta,
        per_device_train_batch_size=arguments.batch,
        max_length=CONTEXT,
        seed=arguments.seed,
        **ON_A_PROCESSOR,
        **OPTIMISER,
        **QUIET,
    )
    trainer = trainer_class(
        model=AutoModelForCausalLM.from_pretrained(arguments.model),
        args=config,
        train_dataset=Dataset.from_list([conversation(row) for row in rows(arguments.corpus)]),
        processing_class=AutoTokenizer.from_pretrained(arguments.model),
    )
    train(trainer, arguments.out)


if __name__ == "__main__":
    main()
