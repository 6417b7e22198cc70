"""The errors that a user can mend: one clear line each, exit code 2."""

from __future__ import annotations


class SightsoundError(Exception):
    """Base of all errors that the user can mend.

    The message is one line: what came, where, what is allowed, what to do.
    The command line prints it and exits with code 2.
    """


class MediaError(SightsoundError):
    """A sound, picture or video file cannot be read or written."""


class WriteError(MediaError):
    """A file cannot be written: what concerns the output stops a whole batch, not one input."""


class DataError(SightsoundError):
    """A data set or training store is missing, half-written or inconsistent."""


class ConfigError(SightsoundError):
    """A recipe, option or setting is unknown or out of range."""


class ModelError(SightsoundError):
    """A model package or checkpoint is missing, altered or of another kind."""


class NonFiniteError(SightsoundError):
    """A loss or gradient became NaN or infinite; names player and step."""
