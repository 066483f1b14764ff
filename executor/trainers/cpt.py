"""Continued pretraining: every token of a text. In: a task with `model` and `rows`. Out: the trained model's folder."""

from __future__ import annotations

from ladle.executor.trainers.tokens import run

__all__ = ["run"]
