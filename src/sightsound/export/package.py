"""Graphs, card and provenance in, a model package folder out: whole or not at all."""

from __future__ import annotations

import dataclasses
import os
from collections.abc import Mapping, Sequence

from sightsound.features.spectra import LogMelConfig
from sightsound.packages.format import Directions, LogMelOutput, Manifest, Provenance
from sightsound.packages.load import ModelPackage
from sightsound.packages.save import save_package


def write_package(
    folder: str | os.PathLike[str],
    *,
    name: str,
    directions: Directions,
    classes: Sequence[str],
    graphs: Mapping[str, bytes],
    card_text: str,
    provenance: Provenance,
    license: str,
) -> ModelPackage:
    """Write ``model.json``, ``card.md`` and the graphs, and read them back through all checks.

    Args:
        folder: made anew, or an older package that is replaced once the new one is whole.
        name: the model's, printable.
        directions: what the model does; its ``encode`` and ``generate`` name the files of
            ``graphs``.
        classes: label = index.
        graphs: file name → ONNX bytes, as ``export_graph`` gives them.
        card_text: Markdown.
        provenance: enough to make the model again.
        license: of the weights, an SPDX expression.

    Raises:
        ModelError: the folder holds something else, cannot be written, or the package would not
            load.
    """
    manifest = Manifest(
        name=name,
        directions=directions,
        classes=list(classes),
        license=license,
        provenance=provenance,
        files={},
    )
    return save_package(folder, manifest, graphs, card_text)


def log_mel_output(config: LogMelConfig, generated_size: tuple[int, int]) -> LogMelOutput:
    """What ``model.json`` says of a generated log-mel: its transform, and its size (M, L)."""
    mels, frames = generated_size
    return LogMelOutput(**dataclasses.asdict(config), generated_mels=mels, generated_frames=frames)
