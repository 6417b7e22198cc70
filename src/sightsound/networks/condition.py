"""What every conditional network does first with the embedding that conditions it."""

from __future__ import annotations

import math

from torch import Tensor
from torch.nn import functional

from sightsound.errors import ConfigError


def check_picture_size(size: tuple[int, int]) -> None:
    """Refuse what four halvings do not divide.

    Raises:
        ConfigError: a side that is no multiple of 16.
    """
    if any(side < 16 or side % 16 for side in size):
        raise ConfigError(f"picture_size {list(size)}: multiples of 16 are needed")


def unit_length(embedding: Tensor) -> Tensor:
    """Embedding (B, D) scaled to a root mean square of 1.

    A classifier's embedding grows for as long as it is trained, and a condition ten times as large
    as the features that it meets drowns them (docs/experiments.md, 6).
    """
    return functional.normalize(embedding, dim=1) * math.sqrt(embedding.shape[1])
