"""One stage on conversations (instruction tuning or SFT): only the assistant's turns are supervised."""

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
    parser.add_argument("--batch", type=int, default=32)
    parser.add_argument("--seed", type=int, default=42)
    arguments = parser.parse_args()
    config = SFTConfig(
        output_dir=arguments.out,
        max_steps=arguments.steps,
        learning_rate=arguments.lr,
        per_device_train_batch_size=arguments.batch,
        max_length=CONTEXT,
        packing=False,
        assistant_only_loss=True,
        eos_token="<|endoftext|>",
        pad_token="<|pad|>",
        seed=arguments.seed,
        **ON_A_PROCESSOR,
        **OPTIMISER,
        **QUIET,
    )
    trainer = SFTTrainer(arguments.model, config, train_dataset=Dataset.from_list(rows(arguments.corpus)))
    train(trainer, arguments.out)


if __name__ == "__main__":
    main()
