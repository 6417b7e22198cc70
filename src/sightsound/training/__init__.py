"""A recipe and a store in, checkpoints out: one loop for all methods."""
