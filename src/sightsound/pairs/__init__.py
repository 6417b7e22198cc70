"""Recordings in, pairs of sound and picture out: performances, windows, splits, mismatches."""
