"""Sheets of generated beside real, and sounds, written while a run goes on."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch

from sightsound.features.inversion import log_mel_to_waveform
from sightsound.features.spectra import LogMelConfig, resize_log_mel, unit_to_log_mel
from sightsound.media.audio import write_audio
from sightsound.media.image import contact_sheet, write_image
from sightsound.methods.conditional_gan import ConditionalGan
from sightsound.methods.protocol import Method
from sightsound.pairs.batches import epoch
from sightsound.pairs.store import PairSet
from sightsound.shapes import Direction, Image

SAMPLES_PER_CLASS = 4  # generated for one held-out pair of each class, each with other noise


@torch.no_grad()
def write_samples(
    method: Method, pairs: PairSet, run: Path, step: int, *, device: torch.device
) -> None:
    """One row a class: the real picture, then generated ones; sounds beside it for I2S."""
    if not isinstance(method, ConditionalGan):
        return
    _, first = np.unique(pairs.labels, return_index=True)
    batch = next(epoch(pairs.at(first), batch_size=len(first), fields=method.validation_fields))
    condition, real = method.condition_and_real(batch.to(device))
    real = real.cpu()
    rows: list[Image] = []
    generator = torch.Generator().manual_seed(0)
    noise = torch.randn(SAMPLES_PER_CLASS, len(real), method.noise_size, generator=generator)
    fakes = [method.generate(condition, each.to(device)).float().cpu() for each in noise]
    for place in range(len(real)):
        rows += [_as_image(picture[place].numpy()) for picture in (real, *fakes)]
    folder = run / "samples"
    folder.mkdir(parents=True, exist_ok=True)
    write_image(folder / f"step-{step:08d}.png", contact_sheet(rows, SAMPLES_PER_CLASS + 1))
    if method.config.direction is Direction.IMAGE_TO_SOUND:
        config = method.examiner.config.front_end
        assert isinstance(config, LogMelConfig)
        frames = config.frames(batch.waveform.shape[1])
        for place, name in enumerate(pairs.class_names[label] for label in batch.label.tolist()):
            unit = resize_log_mel(fakes[0][place].numpy(), (config.n_mels, frames))
            waveform = log_mel_to_waveform(unit_to_log_mel(unit)[0], config)
            path = folder / f"step-{step:08d}-{name}.wav"
            write_audio(path, waveform[None], config.sample_rate)


def _as_image(picture: Image) -> Image:
    """(C, H, W) → (3, H, W): log-mels grey, low notes at the bottom."""
    return picture if len(picture) == 3 else np.repeat(picture[:, ::-1], 3, axis=0)
