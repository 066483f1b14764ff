"""One stage on plain text (pre-training or CPT): packed rows of the whole context, every token supervised."""

import argparse

from datasets import Dataset
from settings import CONTEXT, ON_A_PROCESSOR, OPTIMISER, QUIET, rows, train
from trl import SFTConfig, SFTTrainer


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("model")
    parser.add_argument("corpus")
    parser.add_argument("out")
    parser.add_argument("--steps", type=int, required=True)
    parser.add_argument("--lr", type=float, required=True)
    parser.add_argument("--batch", type=int, default=16)
    parser.add_argument("--seed", type=int, default=42)
    arguments = parser.parse_args()
    config = SFTConfig(
        output_dir=arguments.out,
        max_steps=arguments.steps,
        learning_rate=arguments.lr,
        per_device_train_batch_size=arguments.batch,
        max_length=CONTEXT,
        packing=True,
        packing_strategy="wrapped",
        padding_free=False,
        eos_token="<|endoftext|>",
        seed=arguments.seed,
        **ON_A_PROCESSOR,
        **OPTIMISER,
        **QUIET,
    )
    trainer = SFTTrainer(arguments.model, config, train_dataset=Dataset.from_list(rows(arguments.corpus)))
    train(trainer, arguments.out)


if __name__ == "__main__":
    main()
