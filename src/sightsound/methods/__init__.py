"""A batch in, one update per player out: how networks learn."""
