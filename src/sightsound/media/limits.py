"""How large, long and wide a media file may be before it is refused unread; all settable."""

from __future__ import annotations

import dataclasses
import math
import os
from collections.abc import Mapping

from sightsound.errors import ConfigError

ENVIRONMENT_PREFIX = "SIGHTSOUND_"


@dataclasses.dataclass(frozen=True, kw_only=True)
class Limits:
    """What is accepted from a media file; a file beyond it is refused before it is unpacked.

    Every reader takes ``limits``; ``None`` there means ``Limits.from_environment()``, where each
    field can be set by ``SIGHTSOUND_`` and its name in capitals (``SIGHTSOUND_MAX_PIXELS``).
    """

    # 3 h of 16 channels of 64-bit samples at 192 kHz are 265 GB.
    max_file_bytes: int = 300_000_000_000  # bytes of a sound or video file
    max_image_file_bytes: int = 256 * 2**20  # bytes of a picture file
    # Pillow refuses more than 178 956 970 pixels whatever is set here.
    max_pixels: int = 64_000_000  # width × height of a picture or frame
    min_seconds: float = 0.5  # the shortest sound
    max_seconds: float = 3 * 3600 + 60  # the longest sound or video
    max_channels: int = 16  # of a sound
    min_sample_rate: int = 8_000  # Hz
    max_sample_rate: int = 192_000  # Hz
    max_memory_bytes: int = 2 * 2**30  # bytes that one decoded sound may take; streams need few

    @classmethod
    def from_environment(cls, environment: Mapping[str, str] | None = None) -> Limits:
        """The limits with what ``environment`` sets; ``None`` = the process's own.

        Raises ConfigError for a value that is not a number of the field's kind or negative.
        """
        environment = os.environ if environment is None else environment
        values: dict[str, int | float] = {}
        for field in dataclasses.fields(cls):
            name = setting(field.name)
            text = environment.get(name, "").strip()
            if not text:
                continue
            try:
                number = int(text) if isinstance(field.default, int) else float(text)
                if not math.isfinite(number) or number < 0:
                    raise ValueError(text)
            except ValueError as error:
                wanted = "a whole number" if isinstance(field.default, int) else "a number"
                raise ConfigError(
                    f"{name}: {text!r} is not {wanted} of 0 or more; correct or unset it"
                ) from error
            values[field.name] = number
        return cls(**values)  # type: ignore[arg-type]  # each checked against its field above


LIMITS = Limits()
"""The limits as they come, whatever the environment says."""


def setting(field: str) -> str:
    """The environment variable that sets a field of ``Limits``."""
    return ENVIRONMENT_PREFIX + field.upper()
