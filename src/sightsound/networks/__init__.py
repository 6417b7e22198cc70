"""Configs in, modules out: no loss, no optimiser, no file."""
