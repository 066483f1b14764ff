"""The losses, pure functions of log-probabilities. In: tensors of one forward pass. Out: sums over passes."""

from __future__ import annotations

import math

import torch
from ladle.executor.trainers.rows import IGNORED
from torch import Tensor
from torch.nn import functional


def labelled(labels: Tensor) -> Tensor:
    """Return which tokens are predicted, bool [rows, length - 1]: all with a label but the first of a row."""
    return labels[:, 1:] != IGNORED


def token_loss(log_probs: Tensor, tokens: Tensor | int) -> Tensor:
    """Return the mean negative log-likelihood, where `tokens` counts the labels of the whole optimizer step.

    A mean over the step, not over the forward pass: however a step is cut into passes, their losses add up to it.
    """
    return -log_probs.sum() / tokens


def dpo_loss(policy: Tensor, reference: Tensor, lengths: Tensor, beta: float, kind: str, pairs: Tensor | int) -> Tensor:
    """Return the direct preference loss of a pass, to be added up over the `pairs` of an optimizer step.

    `policy` and `reference` are summed log-likelihoods of answers, float32 [2 rows], chosen first; `lengths` their
    tokens. With d = (chosen - reference of chosen) - (rejected - reference of rejected):

    * sigmoid: -log sigmoid(beta d), Rafailov et al. 2023 (arXiv 2305.18290), equation 7;
    * hinge: max(0, 1 - beta d), Liu et al. 2023 (arXiv 2309.06657), equation 10 with beta for their gamma;
    * ipo: (d' - 1 / (2 beta))^2, Azar et al. 2023 (arXiv 2310.12036), equation 17, where d' has each answer's term
      divided by its tokens, as its authors advise and TRL does.
    """
    ratios = policy - reference
    if kind == "ipo":
        ratios = ratios / lengths.clamp(min=1)
    chosen, rejected = ratios.chunk(2)
    difference = chosen - rejected
    match kind:
        case "sigmoid":
            losses = -functional.logsigmoid(beta * difference)
        case "hinge":
            losses = torch.relu(1 - beta * difference)
        case "ipo":
            losses = (difference - 1 / (2 * beta)) ** 2
        case _:
            raise ValueError(f"no such loss: {kind}")
    return losses.sum() / pairs


def orpo_loss(average: Tensor, text: Tensor, beta: float, pairs: Tensor | int, tokens: Tensor | int) -> Tensor:
    """Return the odds ratio preference loss of a pass, to be added up over the `pairs` of an optimizer step.

    L = NLL(chosen text) - beta log sigmoid(log odds(chosen) - log odds(rejected)), Hong et al. 2024 (arXiv 2403.07691),
    equations 6 and 7, with log odds = log p - log(1 - p) and p the geometric mean of an answer's token probabilities.

    `average` is log p, float32 [2 rows], chosen first. `text` holds the log-probabilities of the chosen text's tokens,
    prompt and answer, of which the whole optimizer step has `tokens`.
    """
    log_odds = average - log_one_minus_exp(average)
    chosen, rejected = log_odds.chunk(2)
    preference = -functional.logsigmoid(chosen - rejected)
    return token_loss(text, tokens) + beta * preference.sum() / pairs


def log_one_minus_exp(value: Tensor) -> Tensor:
    """Return log(1 - exp(value)) for value < 0, accurate near both ends (Maechler 2012, `log1mexp`)."""
    near = value > -math.log(2)
    # Each branch sees only values it is accurate and finite for, or its gradient would poison the other's.
    close = torch.log(-torch.expm1(torch.where(near, value, -1.0)))
    far = torch.log1p(-torch.exp(torch.where(near, -1.0, value)))
    return torch.where(near, close, far)
