"""Language models of a few thousand weights, trained here: a base, and models that each learned one language."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

import torch
from transformers import LlamaConfig, LlamaForCausalLM

VOCAB, LENGTH = 24, 16
Weights = dict[str, torch.Tensor]


@dataclass(frozen=True)
class Languages:
    """Weights of the base and of a model for each language; rows each learned from, and others."""

    base: Weights
    models: tuple[Weights, ...]
    seen: tuple[torch.Tensor, ...]
    held: tuple[torch.Tensor, ...]


def network(weights: Weights | None = None, seed: int = 0) -> Any:
    """Return a network, new or with these weights."""
    torch.manual_seed(seed)
    config = LlamaConfig(
        vocab_size=VOCAB, hidden_size=24, intermediate_size=48, num_hidden_layers=1, num_attention_heads=2,
        tie_word_embeddings=False, bos_token_id=None, eos_token_id=None, pad_token_id=None,
    )  # fmt: skip
    model = LlamaForCausalLM(config)
    if weights is not None:
        model.load_state_dict(weights)
    return model.eval()


@cache
def languages(seed: int) -> Languages:
    """Return two models trained from one base; the languages are chains over the two halves of the vocabulary."""
    draw = torch.Generator().manual_seed(300 + seed)
    half = VOCAB // 2
    base = _trained(network(seed=seed), _rows(torch.randn(VOCAB, VOCAB, generator=draw), draw, 200), 60)
    chains = []
    for start in (0, half):
        chain = torch.full((VOCAB, VOCAB), -torch.inf)
        chain[:, start : start + half] = 3 * torch.randn(VOCAB, half, generator=draw)
        chains.append(chain)
    seen = tuple(_rows(chain, draw, 150) for chain in chains)
    held = tuple(_rows(chain, draw, 100) for chain in chains)
    return Languages(base, tuple(_trained(network(base), rows, 60) for rows in seen), seen, held)


def loss(weights: Weights, rows: Sequence[torch.Tensor]) -> float:
    """Return the mean loss over languages."""
    model = network(weights)
    with torch.no_grad():
        found = [model(each, labels=each).loss.item() for each in rows]
    return sum(found) / len(found)


def _rows(chain: torch.Tensor, draw: torch.Generator, count: int) -> torch.Tensor:
    odds = torch.softmax(chain, 1)
    found = [odds.mean(0).multinomial(count, replacement=True, generator=draw)]
    for _ in range(LENGTH - 1):
        found.append(torch.multinomial(odds[found[-1]], 1, generator=draw)[:, 0])
    return torch.stack(found, 1)


def _trained(model: Any, rows: torch.Tensor, steps: int) -> Weights:
    optimizer = torch.optim.Adam(model.parameters(), lr=5e-3)
    for _ in range(steps):
        optimizer.zero_grad()
        model(rows, labels=rows).loss.backward()
        optimizer.step()
    return {name: value.detach().clone() for name, value in model.state_dict().items()}
