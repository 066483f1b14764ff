"""Ladle: a small typed language for adapting language models."""
