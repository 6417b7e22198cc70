"""Sound into pictures and pictures into sound.

>>> import sightsound
>>> model = sightsound.load()
>>> image = model.sound_to_image(waveform, sample_rate, seed=0)  # (3, H, W) in [-1, 1]
>>> waveform = model.image_to_sound(image, seconds=4.0, seed=0)  # (1, T) in [-1, 1]

Importing this module imports nothing else; ``load`` brings numpy and onnxruntime, never torch.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from sightsound.generation.model import Model

__version__ = "0.1.0"

__all__ = ["__version__", "load"]


def load(path: str | os.PathLike[str] | None = None) -> Model:
    """Load a model package, ready to generate.

    ``path``: a package's folder, or the name of a model that comes with sightsound; ``None`` is
    the default model. Raises ModelError where the package is missing, altered or too new.
    """
    from sightsound.generation.model import Model
    from sightsound.packages.load import load_package

    return Model(load_package(path))
