"""A model and pairs in, what it makes of each and what the judges say of it out; both directions.

Two classes with the same methods, so that the measuring in ``figures`` and ``run`` is written
once. What a model *makes* is a batch of images or of waveforms, exactly what a user gets of one
half second or of one picture.
"""

from __future__ import annotations

import dataclasses
import os
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, ClassVar, TypeAlias

import numpy as np
from numpy.typing import NDArray

from sightsound.evaluation.judges import Judged, Judges
from sightsound.evaluation.matched import Pairs
from sightsound.features.inversion import log_mel_to_waveform
from sightsound.features.pitch import Pitch, PitchConfig, window_pitch
from sightsound.features.spectra import (
    LogMelConfig,
    log_mel,
    log_mel_to_unit,
    resize_log_mel,
    unit_to_log_mel,
)
from sightsound.generation.model import Model
from sightsound.generation.noise import noise
from sightsound.media.audio import resample
from sightsound.pairs.store import StoreConfig
from sightsound.shapes import Direction, Image, Waveform, image_to_unit

Batch: TypeAlias = NDArray[np.float32]
Encoded: TypeAlias = tuple[Batch, Batch]  # embedding (B, D), class_logits (B, K)


@dataclass(frozen=True)
class PictureMaker:
    """sound_to_image: sounds of pairs → pictures (B, 3, H, W) in [-1, 1], and their judges."""

    direction: ClassVar[Direction] = Direction.SOUND_TO_IMAGE
    class_free_space: ClassVar[str] = "picture encoder without labels"
    model: Model
    judges: Judges

    @property
    def store_config(self) -> StoreConfig:
        """How the pairs must be cut for this model."""
        listener = self.model.listener
        return StoreConfig(
            sample_rate=listener.sample_rate,
            window_seconds=listener.window_seconds,
            image_size=listener.image_size,
            frame_offset_seconds=listener.frame_offset_seconds,
        )

    @property
    def judge_names(self) -> list[str]:
        """Architecture and seed of each judge."""
        return [f"{j.architecture}, seed {j.seed}" for j in self.judges.image_judges]

    @property
    def preprocessing(self) -> dict[str, Any]:
        """What is done to a picture before it is judged."""
        return {
            "image_size": self.model.listener.image_size,
            "judges": {j.file: _resized(j.image_size) for j in self.judges.image_judges},
            "class_free": {
                "file": self.judges.image_features.file,
                **_resized(self.judges.image_features.image_size),
            },
        }

    def encode(self, pairs: Pairs, indices: NDArray[np.int64]) -> Encoded:
        """What the model's encoder hears in the sounds of ``pairs``."""
        return self.model.encode_sound(self.condition(pairs, indices))

    def make(
        self, embedding: Batch, indices: Sequence[int] | NDArray[np.int64], seed: int
    ) -> Image:
        """A picture of each embedding (B, D); each index of ``indices`` (B,) has its own noise."""
        size = self.model.listener.noise_size
        return self.model.generate_image(embedding, noises(seed, indices, size))

    def condition(self, pairs: Pairs, indices: NDArray[np.int64]) -> Waveform:
        """The sounds (B, T) of ``pairs``, which the model is given."""
        return pairs.waveforms(indices)

    def reference(self, pairs: Pairs, indices: NDArray[np.int64]) -> Image:
        """The real pictures (B, 3, H, W) of ``pairs``."""
        return image_to_unit(pairs.images(indices))

    def judge(self, made: Image) -> list[Judged]:
        """Each judge's answer to real or generated pictures."""
        return self.judges.judge_images(made)

    def class_free(self, made: Image) -> Batch:
        """Features (B, D) of pictures that no classifier made."""
        return self.judges.class_free_features(made)


@dataclass(frozen=True)
class SoundMaker:
    """image_to_sound: pictures of pairs → waveforms (B, T) in [-1, 1], and their judges.

    The judges hear the waveform that the package's inversion gives, never the log-mel picture:
    what cannot be heard does not count.
    """

    direction: ClassVar[Direction] = Direction.IMAGE_TO_SOUND
    class_free_space: ClassVar[str] = "mean and spread over time of 128 log-mel bands, dB"
    model: Model
    judges: Judges
    threads: int = field(default_factory=lambda: min(4, os.cpu_count() or 1))  # of the inversion

    @property
    def store_config(self) -> StoreConfig:
        """How the pairs must be cut for this model."""
        viewer = self.model.viewer
        return StoreConfig(
            sample_rate=viewer.sample_rate,
            window_seconds=viewer.seconds,
            image_size=viewer.image_size,
        )

    @property
    def judge_names(self) -> list[str]:
        """Architecture and seed of each judge."""
        return [f"{j.architecture}, seed {j.seed}" for j in self.judges.sound_judges]

    @property
    def preprocessing(self) -> dict[str, Any]:
        """What is done to a sound before it is judged."""
        return {
            "sample_rate": self.model.viewer.sample_rate,
            "window_seconds": self.model.viewer.seconds,
            "judges": {
                j.file: {"sample_rate": j.sample_rate, "window_seconds": j.window_seconds}
                for j in self.judges.sound_judges
            },
            "class_free": dataclasses.asdict(self._class_free_config),
            "pitch": dataclasses.asdict(PitchConfig()),
        }

    def encode(self, pairs: Pairs, indices: NDArray[np.int64]) -> Encoded:
        """What the model's encoder sees in the pictures of ``pairs``."""
        return self.model.encode_image(self.condition(pairs, indices))

    def make(
        self, embedding: Batch, indices: Sequence[int] | NDArray[np.int64], seed: int
    ) -> Waveform:
        """A sound (B, T) of each embedding (B, D), T = ``viewer.seconds``."""
        noise = noises(seed, indices, self.model.viewer.noise_size)
        return self.invert(self.model.generate_log_mel(embedding, noise))

    def condition(self, pairs: Pairs, indices: NDArray[np.int64]) -> Image:
        """The pictures (B, 3, H, W) of ``pairs``, which the model is given."""
        return image_to_unit(pairs.images(indices))

    def reference(self, pairs: Pairs, indices: NDArray[np.int64]) -> Waveform:
        """The real sounds (B, T) of ``pairs``."""
        return pairs.waveforms(indices)

    def judge(self, made: Waveform) -> list[Judged]:
        """Each judge's answer to real or generated sounds."""
        wanted = self.judges.sound_judges[0].sample_rate
        if wanted != self.model.viewer.sample_rate:
            made = resample(made, self.model.viewer.sample_rate, wanted)
        return self.judges.judge_waveforms(made, wanted)

    def class_free(self, made: Waveform) -> Batch:
        """Features (B, 256) of sounds that no classifier made; no weights, nothing learnt.

        What lies 60 dB below the loudest counts as silence: else what nobody hears would decide.
        """
        picture = log_mel(made, self._class_free_config)
        return np.concatenate([picture.mean(axis=-1), picture.std(axis=-1)], axis=1)

    @property
    def _class_free_config(self) -> LogMelConfig:
        return LogMelConfig(sample_rate=self.model.viewer.sample_rate, top_db=60.0)

    @property
    def can_hear_pitch(self) -> bool:
        """Whether the sounds are long enough for the lowest pitch that is listened for."""
        return self.model.viewer.seconds >= PitchConfig().frame_seconds

    def pitch(self, made: Waveform) -> Pitch:
        """The pitch of each of the sounds (B, T)."""
        return window_pitch(made, self.model.viewer.sample_rate)

    def invert(self, unit: Batch) -> Waveform:
        """Generated log-mel pictures (B, 1, M, L) in [-1, 1] → waveforms (B, T)."""
        config = self.log_mel_config
        samples = round(self.model.viewer.seconds * config.sample_rate)
        size = (config.n_mels, config.frames(samples))
        decibels = resize_log_mel(unit_to_log_mel(unit[:, 0], config), size)

        def inverted(picture: Batch) -> Waveform:
            return log_mel_to_waveform(picture, config, samples=samples)

        with ThreadPoolExecutor(self.threads) as pool:  # numpy's transforms release the lock
            return np.clip(np.stack(list(pool.map(inverted, decibels))), -1.0, 1.0)

    def through_log_mel(self, waveforms: Waveform) -> Waveform:
        """Real sounds (B, T) through the model's log-mel picture and back: what inversion costs."""
        config, shape = self.log_mel_config, self.model.viewer.log_mel
        size = (shape.generated_mels, shape.generated_frames)
        unit = log_mel_to_unit(resize_log_mel(log_mel(waveforms, config), size), config)
        return self.invert(unit[:, None])

    @cached_property
    def log_mel_config(self) -> LogMelConfig:
        """The transform that the model's log-mel pictures belong to."""
        names = {f.name for f in dataclasses.fields(LogMelConfig)}
        values = dataclasses.asdict(self.model.viewer.log_mel)
        return LogMelConfig(**{name: values[name] for name in names if name in values})


Maker: TypeAlias = PictureMaker | SoundMaker


def _resized(size: int) -> dict[str, Any]:
    return {"image_size": size, "resize": "area mean"}


def noises(seed: int, indices: Sequence[int] | NDArray[np.int64], size: int) -> Batch:
    """Noise (B, N): row b is the generator's noise number ``indices[b]`` of ``seed``."""
    return np.stack([noise(seed, int(index), size) for index in indices])
