"""Supervised fine-tuning: the answers of chats. In: a task with `model` and `rows`. Out: the trained model's folder."""

from __future__ import annotations

from ladle.executor.trainers.tokens import run

__all__ = ["run"]
