"""The training loop around TRL's trainers. In: a task and a trainer class. Out: the trained model's folder.

Order of rows, checkpoints, stopping and the record of losses are the same for every kind; a kind adds its loss.
"""

from __future__ import annotations

import math
import warnings
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Generic, TypeVar

import torch
from datasets import Dataset
from ladle.dsl.graph import UNTIL, Json
from ladle.executor.models.folder import configuration_folder, precision_of, tokenizer_folder
from ladle.executor.models.weights import PRECISIONS, load_given, load_tokenizer, quiet, save_model, writing
from ladle.executor.task import CHECKPOINTS, Interrupted, StepError, Task
from ladle.executor.trainers import checkpoints
from ladle.executor.trainers.arguments import arguments, micro_batch
from ladle.executor.trainers.determinism import settle
from ladle.executor.trainers.forward import dense_log_probs, fused_log_probs
from ladle.executor.trainers.order import OrderSampler, Plan, plan
from ladle.executor.trainers.rows import Batch, Rows
from ladle.executor.trainers.settings import Settings, settings
from ladle.executor.trainers.signals import stop_on_signal
from ladle.executor.trainers.watch import Watch
from safetensors.torch import load_model as load_weights
from safetensors.torch import save_model as save_weights
from torch import Tensor
from transformers import PrinterCallback

R = TypeVar("R", bound=Rows)


@dataclass(frozen=True, slots=True)
class Setup(Generic[R]):
    """What a kind builds its trainer from."""

    task: Task
    settings: Settings
    rows: R
    plan: Plan
    start: Path
    """The folder of the model that is trained."""
    model: Any
    """It, in float32: the optimizer works on float32 weights, `bf16` is what they are computed in and written as."""
    tokenizer_folder: Path
    tokenizer: Any
    arguments: dict[str, Any]

    @property
    def numbers(self) -> Dataset:
        """The data set a trainer sees: row numbers. Tokens are looked up when a batch is made."""
        return Dataset.from_dict({"row": list(range(len(self.rows.lengths)))})

    def collate(self, examples: Sequence[dict[str, int]]) -> Batch:
        """Return the batch of rows whose numbers are `examples`."""
        return self.rows.batch([example["row"] for example in examples], self.pad)

    @property
    def pad(self) -> int:
        """The token that fills up short rows. Its value has no effect: nothing sees it and no label holds it."""
        return int(self.tokenizer.pad_token_id or 0)


class Loop:
    """What every trainer overrides in transformers' Trainer; stands before it among the bases of a kind's trainer.

    Set after construction, before training: `checkpoints`, `order` and, where TRL's metrics are wanted, `metrics`.
    """

    checkpoints: Path
    order: OrderSampler
    metrics: bool = False

    def log_probs(self, model: Any, batch: Batch, labels: Tensor) -> Tensor:
        """Return the log-probability of each label, [rows, length - 1], 0 where there is none."""
        cpu = self.args.use_cpu  # type: ignore[attr-defined]
        return dense_log_probs(model, batch, labels) if cpu else fused_log_probs(model, batch, labels)

    def items(self, batch: Batch) -> dict[str, Tensor]:
        """Return the counts of `batch` that its losses are divided by, once summed over an optimizer step."""
        raise NotImplementedError

    def _send_telemetry(self) -> None:
        """Send nothing."""

    def floating_point_ops(self, inputs: Batch) -> int:
        """Return 0: nobody asks, and counting walks all modules at every step."""
        return 0

    def _get_train_sampler(self, train_dataset: Any = None) -> OrderSampler:
        return self.order

    def _get_num_items_in_batch(self, batch_samples: list[Batch], device: Any) -> dict[str, Tensor]:
        """Return the sums of `items` over the passes of a step."""
        counts = [self.items(batch) for batch in batch_samples]
        return {name: torch.stack([count[name] for count in counts]).sum().to(device) for name in counts[0]}

    def training_step(self, model: Any, inputs: Any, num_items_in_batch: Any = None) -> Tensor:
        """Do the forward and backward pass of one micro-batch. Raises StepError if its loss is not finite."""
        loss: Tensor = super().training_step(model, inputs, num_items_in_batch)  # type: ignore[misc]
        self._finite("loss", loss.item())
        return loss

    def _get_grad_norm(self, model: Any, grad_norm: Any = None) -> Any:
        norm = super()._get_grad_norm(model, grad_norm)  # type: ignore[misc]
        self._finite("gradient", float(norm))
        return norm

    def _finite(self, what: str, value: float) -> None:
        if not math.isfinite(value):
            step = self.state.global_step + 1  # type: ignore[attr-defined]
            raise StepError(
                f"the {what} of step {step} is {value}: training stopped before it changed the model",
                "a lower `lr`, a longer `warmup` or a smaller `clip` usually helps; the last checkpoint is kept",
            )

    def _save_checkpoint(self, model: Any, trial: Any) -> None:
        step = self.state.global_step  # type: ignore[attr-defined]
        with writing(f"the checkpoint of step {step}"):
            checkpoints.write(self.checkpoints, step, self._fill)

    def _fill(self, folder: Path) -> None:
        trainer: Any = self
        save_weights(trainer.model, str(folder / "model.safetensors"))
        trainer._save_optimizer_and_scheduler(str(folder))
        trainer._save_rng_state(str(folder))
        trainer.state.save_to_json(str(folder / "trainer_state.json"))

    def _load_from_checkpoint(self, resume_from_checkpoint: str, model: Any = None) -> None:
        trainer: Any = self
        load_weights(trainer.model, Path(resume_from_checkpoint) / "model.safetensors")


@contextmanager
def measuring(device: torch.device) -> Iterator[None]:
    """Let TRL compute its metrics in a pass of its own, which leaves no trace: no gradient, no random number drawn."""
    devices = [device] if device.type == "cuda" else []
    with torch.no_grad(), torch.random.fork_rng(devices=devices), warnings.catch_warnings():
        warnings.simplefilter("ignore", FutureWarning)  # TRL 1.16 asks transformers 5.23 by an old name
        yield


def train(task: Task, read: Callable[[Path], R], build: Callable[[Setup[R]], Any]) -> None:
    """Train the model of `task` with the trainer that `build` makes and write it to `task.output`."""
    settle(task.machine)
    quiet()
    ready = setup(task, read)
    trainer = build(ready)
    if trainer.accelerator.num_processes != 1:
        raise StepError("the training was started as several processes", "one process trains one model here")
    trainer.checkpoints = task.work / CHECKPOINTS
    trainer.order = OrderSampler(ready.settings.seed, len(ready.rows.lengths))
    trainer.remove_callback(PrinterCallback)
    last = last_step(task.options.get(UNTIL), ready)
    checkpoint = checkpoints.newest(trainer.checkpoints, last)
    with stop_on_signal() as stop:
        trainer.add_callback(Watch(ready.plan, last, task.machine, task.report, stop))
        trainer.train(resume_from_checkpoint=None if checkpoint is None else str(checkpoint))
    if trainer.state.global_step < last:
        raise Interrupted(f"stopped after step {trainer.state.global_step} of {last}")
    save_model(trainer.model, PRECISIONS[ready.settings.precision], ready.start, ready.tokenizer_folder, task.output)
    write_losses(trainer.state.log_history, task.output / "losses.csv")


def last_step(until: Json, ready: Setup[R]) -> int:
    """Return the step after which the training ends: its last, or where a state of it lies. Raises StepError beyond."""
    whole = ready.plan.steps
    match until:
        case {"epoch": int() as epoch}:
            wanted, place = epoch * math.ceil(len(ready.rows.lengths) / ready.settings.global_batch), f"epoch {epoch}"
        case {"step": int() as step}:
            wanted, place = step, f"step {step}"
        case _:
            return whole
    if wanted > whole:
        raise StepError(
            f"{place} is beyond the training: it ends with step {wanted}, and the training has {whole}",
            "a longer training is another one, with its own schedule: raise its budget",
        )
    return wanted


def setup(task: Task, read: Callable[[Path], R]) -> Setup[R]:
    """Read what `task` names and plan its steps."""
    start = configuration_folder(task.given("model"))
    chosen = settings(task.options, precision_of(start))
    folder = task.given("rows").path
    if folder is None:
        raise StepError("the prepared rows have no folder", "run the step that prepares them first")
    rows = read(folder)
    steps = plan(rows.lengths, chosen.budget, chosen.global_batch, chosen.seed)
    model = load_given(task.given("model"), torch.float32, task.machine.attention)
    config = model.config.get_text_config()
    refuse_unfit(config, rows)
    micro = micro_batch(task.machine, chosen.global_batch, rows.longest, config.vocab_size)
    given = arguments(chosen, steps.steps, micro, task.machine, task.work)
    tokenizer = tokenizer_folder(task.given("model"), task.work)
    return Setup(task, chosen, rows, steps, start, model, tokenizer, load_tokenizer(tokenizer), given)


def refuse_unfit(config: Any, rows: Rows) -> None:
    """Raise StepError for a model that cannot be trained on `rows`."""
    if hasattr(config, "output_router_logits"):
        raise StepError(f"`{config.model_type}` is a mixture of experts, which no stage trains yet")
    reads = getattr(config, "max_position_embeddings", None)
    if reads and rows.longest > reads:
        raise StepError(
            f"rows have up to {rows.longest} tokens, the model reads at most {reads}",
            "lower the stage's `context`, or start from a model that reads more",
        )
    if rows.highest >= config.vocab_size:
        raise StepError(
            f"the tokenizer gives token {rows.highest}, the model has {config.vocab_size}",
            "its folder holds the tokenizer of another model",
        )


def write_losses(history: Sequence[dict[str, float]], file: Path) -> None:
    """Write one line per optimizer step: its loss, learning rate and the norm of its gradient before clipping."""
    lines = ["step,loss,lr,grad_norm"]
    for entry in history:
        if "loss" in entry:
            lines.append(f"{entry['step']},{entry['loss']!r},{entry['learning_rate']!r},{float(entry['grad_norm'])!r}")
    file.write_text("\n".join(lines) + "\n", encoding="utf-8")
