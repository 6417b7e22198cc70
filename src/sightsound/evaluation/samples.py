"""What a model made and its references in, a folder for other people's metrics out.

``FOLDER/<direction>/generated/000012_cello.png`` (``.wav`` for sounds),
``FOLDER/<direction>/reference/000012_cello.png`` and what both belong to,
``FOLDER/<direction>/condition/000012_cello.wav`` (``.png``), with ``items.csv`` beside them.
"""

from __future__ import annotations

import csv
import os
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from sightsound.errors import DataError
from sightsound.generation.files import output_metadata
from sightsound.generation.model import Model
from sightsound.media.audio import write_audio
from sightsound.media.image import write_image
from sightsound.shapes import Direction


class SampleWriter:
    """Writes the samples of one direction, each file whole or not at all.

    Raises:
        DataError: the folder holds samples already (old and new ones would be measured together),
            or cannot be made or written.
    """

    def __init__(
        self, folder: str | os.PathLike[str], direction: Direction, model: Model, seed: int
    ) -> None:
        self.folder = Path(folder) / direction.value
        self.direction = direction
        self._metadata = output_metadata(model, direction, seed)
        self._rows: list[tuple[str, str]] = []
        try:
            if self.folder.exists() and any(self.folder.iterdir()):
                raise DataError(
                    f"{self.folder}: holds files already; name an empty folder with --samples"
                )
            for kind in ("generated", "reference", "condition"):
                (self.folder / kind).mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise DataError(f"{self.folder}: cannot be made ({error.strerror})") from None

    def write(
        self,
        names: Sequence[str],
        labels: Sequence[str],
        generated: NDArray[np.float32],
        reference: NDArray[np.float32] | None,
        condition: NDArray[np.float32] | None,
        sample_rate: int,
    ) -> None:
        """Write a batch: images (B, 3, H, W) or waveforms (B, T); None = there are none.

        ``condition``: what the model was given, sounds where it made pictures and the reverse.
        """
        for row, (name, label) in enumerate(zip(names, labels, strict=True)):
            stem = f"{name}_{label}"
            made = self._write_one("generated", stem, generated[row], sample_rate, self._metadata)
            if reference is not None:
                self._write_one("reference", stem, reference[row], sample_rate, {})
            if condition is not None:
                self._write_one("condition", stem, condition[row], sample_rate, {})
            self._rows.append((made.name, label))

    def close(self) -> None:
        """Write ``items.csv`` (file, class), which marks the folder as complete."""
        target, temporary = self.folder / "items.csv", self.folder / ".items.csv.part"
        try:
            with temporary.open("w", newline="", encoding="utf-8") as file:
                csv.writer(file).writerows([("file", "class"), *self._rows])
            temporary.replace(target)
        except OSError as error:
            temporary.unlink(missing_ok=True)
            raise DataError(f"{target}: cannot be written ({error.strerror})") from None

    def _write_one(
        self,
        kind: str,
        stem: str,
        thing: NDArray[np.float32],
        sample_rate: int,
        metadata: dict[str, str],
    ) -> Path:
        """An image (3, H, W) as PNG, a waveform (T,) as WAV."""
        if thing.ndim == 3:
            path = self.folder / kind / f"{stem}.png"
            write_image(path, thing, metadata=metadata)
        else:
            path = self.folder / kind / f"{stem}.wav"
            write_audio(path, thing[None], sample_rate, metadata=metadata)
        return path
