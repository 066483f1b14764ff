"""Compares the weights of models of one shape, as `ladle compare` does."""
