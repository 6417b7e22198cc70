"""Waveforms in, spectral pictures out, and back to sound."""
