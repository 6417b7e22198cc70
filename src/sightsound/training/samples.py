"""Sheets of generated beside real, and sounds, written while a run goes on."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch

from sightsound.features.inversion import log_mel_to_waveform
from sightsound.features.spectra import resize_log_mel, unit_to_log_mel
from sightsound.media.audio import write_audio
from sightsound.media.image import contact_sheet, write_image
from sightsound.methods.protocol import Generating, Method, Translator
from sightsound.pairs.batches import PairBatch, epoch
from sightsound.pairs.store import PairSet
from sightsound.shapes import Image

SAMPLES_PER_CLASS = 4  # generated for one held-out pair of each class, each with other noise


@torch.no_grad()
def write_samples(
    method: Method, pairs: PairSet, run: Path, step: int, *, device: torch.device
) -> None:
    """One row a class: the real picture, then generated ones; sounds beside it for I2S.

    A method of both directions writes a sheet for each, its direction in the name.
    """
    if not isinstance(method, Generating):
        return
    _, first = np.unique(pairs.labels, return_index=True)
    batch = next(epoch(pairs.at(first), batch_size=len(first)))
    names = [pairs.class_names[label] for label in batch.label.tolist()]
    translators = method.translators()
    for translator in translators:
        name = f"step-{step:08d}"
        if len(translators) > 1:
            name = f"{translator.direction}-{name}"
        _write_sheet(translator, batch.to(device), names, run / "samples" / name)


def _write_sheet(translator: Translator, batch: PairBatch, names: list[str], path: Path) -> None:
    """``path`` without its ending."""
    device = batch.label.device
    condition, real = translator.embed(batch), translator.real(batch).cpu()
    rows: list[Image] = []
    generator = torch.Generator().manual_seed(0)
    noise = torch.randn(SAMPLES_PER_CLASS, len(real), translator.noise_size, generator=generator)
    fakes = [translator.generator(condition, each.to(device)).float().cpu() for each in noise]
    for place in range(len(real)):
        rows += [_as_image(picture[place].numpy()) for picture in (real, *fakes)]
    path.parent.mkdir(parents=True, exist_ok=True)
    write_image(path.with_suffix(".png"), contact_sheet(rows, SAMPLES_PER_CLASS + 1))
    if translator.log_mel is None:
        return
    config = translator.log_mel.config
    frames = config.frames(batch.waveform.shape[1])
    for place, name in enumerate(names):
        unit = resize_log_mel(fakes[0][place].numpy(), (config.n_mels, frames))
        waveform = log_mel_to_waveform(unit_to_log_mel(unit)[0], config)
        write_audio(path.with_name(f"{path.name}-{name}.wav"), waveform[None], config.sample_rate)


def _as_image(picture: Image) -> Image:
    """(C, H, W) → (3, H, W): log-mels grey, low notes at the bottom."""
    return picture if len(picture) == 3 else np.repeat(picture[:, ::-1], 3, axis=0)
