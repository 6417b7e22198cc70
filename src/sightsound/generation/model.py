"""A model package in, pictures of sounds and sounds of pictures out: the Python interface."""

from __future__ import annotations

import dataclasses
import functools
import math
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import NoReturn

import numpy as np
from numpy.typing import ArrayLike, NDArray

from sightsound.errors import ConfigError, MediaError, ModelError
from sightsound.features.inversion import log_mel_to_waveform
from sightsound.features.spectra import LogMelConfig, resize_log_mel, unit_to_log_mel
from sightsound.generation.noise import check_seed, noise
from sightsound.generation.session import GraphSession, Shape
from sightsound.generation.windows import (
    Moment,
    Timeline,
    overlapping_windows,
    window_loudness,
    windows_at_frames,
)
from sightsound.media.audio import SILENCE_PEAK, resample
from sightsound.media.image import fit_image
from sightsound.media.limits import Limits
from sightsound.packages.format import ImageToSound, SoundToImage
from sightsound.packages.load import ModelPackage
from sightsound.shapes import Direction, Image, Waveform, image_to_unit

MIN_SECONDS, MAX_SECONDS = 0.1, 600.0
"""Shortest and longest sound that is made of a picture."""

SECTION_SECONDS = 20.0
"""Longest stretch that is inverted at once, so that memory stays bounded."""

SECTION_FADE_SECONDS = 0.1
EDGE_FADE_SECONDS = 0.01
LISTENING_DB = -20.0
"""Level of a generated sound, root mean square re full scale; near that of spoken word."""

REST_LEVEL = 10 ** (-60 / 20)
"""Windows this far below the loudest so far are rests: a moving picture holds still in them."""


@dataclass(frozen=True)
class Heard:
    """What a model heard in a sound."""

    embedding: NDArray[np.float32]  # (D,)
    class_probabilities: NDArray[np.float32]  # (K,), sum 1
    windows: int  # number of windows that were pooled


@dataclass(frozen=True)
class Seen:
    """What a model saw in a picture."""

    embedding: NDArray[np.float32]  # (D,)
    class_probabilities: NDArray[np.float32]  # (K,), sum 1


class Model:
    """A model package, ready to generate; graphs are loaded when first used.

    Nothing in it changes after that: several threads may use one model.
    """

    def __init__(self, package: ModelPackage) -> None:
        self.package = package

    @property
    def name(self) -> str:
        """The model's name."""
        return self.package.name

    @property
    def sha256(self) -> str:
        """Hash of the package's model.json, and through it of every graph."""
        return self.package.sha256

    @property
    def classes(self) -> tuple[str, ...]:
        """Names of the K classes; label = index."""
        return tuple(self.package.manifest.classes)

    @property
    def directions(self) -> tuple[Direction, ...]:
        """The directions that this model has."""
        sections = self.package.manifest.directions
        return tuple(d for d in Direction if getattr(sections, d.value) is not None)

    # --- Sound to picture -------------------------------------------------------------------

    @property
    def listener(self) -> SoundToImage:
        """Rates and sizes of sound_to_image; raises ModelError where the model has no such."""
        section = self.package.manifest.directions.sound_to_image
        return section if section is not None else self._refuse(Direction.SOUND_TO_IMAGE)

    def sound_to_image(self, waveform: ArrayLike, sample_rate: int, *, seed: int = 0) -> Image:
        """The picture of a sound.

        ``waveform``: (T,), (C, T) or (B, C, T) in [-1, 1] at ``sample_rate``, half a second or
        longer; channels are averaged and the sound is resampled to the model's rate. A longer
        sound gives one picture of all of it. ``seed``: which of the possible pictures; every
        item of a batch is generated as if it were alone.

        Returns (3, H, W), for a batch (B, 3, H, W), float32 in [-1, 1].
        Raises MediaError for a sound that is empty, too short, silent or not finite.
        """
        samples = _as_waveform(waveform)
        if samples.ndim == 3:
            return np.stack([self.sound_to_image(item, sample_rate, seed=seed) for item in samples])
        return self.picture(self.hear(samples, sample_rate).embedding, seed=seed)

    def hear(self, waveform: ArrayLike, sample_rate: int) -> Heard:
        """What the encoder hears in a sound: windows of it, pooled by loudness (``Timeline``).

        ``waveform``: (T,) or (C, T). Raises MediaError as ``sound_to_image``.
        """
        samples = _as_waveform(waveform)
        if samples.ndim != 2:
            raise MediaError(f"waveform has shape {samples.shape}, allowed: (T,) or (C, T)")
        _check_sound(samples, sample_rate)
        mono: Waveform = samples.mean(axis=0, keepdims=True)
        timeline = self.hear_blocks([resample(mono, sample_rate, self.listener.sample_rate)])
        return self.heard(timeline.pooled()[0], timeline.windows)

    def hear_blocks(
        self, blocks: Iterable[Waveform], *, on_heard: Callable[[float], None] | None = None
    ) -> Timeline:
        """What the encoder hears in a sound that comes in pieces, in constant memory.

        ``blocks``: (C, T) each, at the model's sample rate. ``on_heard`` is told the seconds
        heard so far.
        """
        section = self.listener
        timeline = Timeline()
        for windows in overlapping_windows(blocks, section.window_samples):
            timeline.add(window_loudness(windows), *self.encode_sound(windows))
            if on_heard is not None:
                on_heard(timeline.windows * section.window_seconds / 2)
        return timeline

    def heard(self, moment: Moment, windows: int) -> Heard:
        """A pooled stretch of sound with its class probabilities."""
        return Heard(moment.embedding, _softmax(moment.class_logits), windows)

    def follow_blocks(
        self, blocks: Iterable[Waveform], frame_rate: float
    ) -> Iterator[NDArray[np.float32]]:
        """The embedding (D,) of each frame of a moving picture that follows a sound.

        ``blocks``: (C, T) each, at the model's sample rate. In a rest the embedding before it is
        held; silence at the beginning has the first one after it. Nothing comes of silence alone.
        """
        section = self.listener
        offset = round(section.frame_offset_seconds * section.sample_rate)
        loudest = 0.0
        last: NDArray[np.float32] | None = None
        waiting = 0  # silent frames at the beginning
        for windows in windows_at_frames(
            blocks, section.window_samples, section.sample_rate, frame_rate, offset
        ):
            embeddings = self.encode_sound(windows)[0]
            for loudness, embedding in zip(window_loudness(windows), embeddings, strict=True):
                loudest = max(loudest, float(loudness))
                if loudness > loudest * REST_LEVEL:
                    last = embedding
                if last is None:
                    waiting += 1
                    continue
                for _ in range(waiting + 1):
                    yield last
                waiting = 0

    def picture(self, embedding: NDArray[np.float32], *, seed: int = 0) -> Image:
        """The picture (3, H, W) of one embedding (D,)."""
        image: Image = self.generate_image(embedding[None], self.image_noise(seed)[None])[0]
        return image

    def image_noise(self, seed: int) -> NDArray[np.float32]:
        """The noise (N,) that ``seed`` stands for in sound_to_image."""
        return noise(seed, 0, self.listener.noise_size)

    def encode_sound(self, windows: Waveform) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """Windows (B, T) at the model's rate → embedding (B, D), class_logits (B, K)."""
        embedding, logits = self._sound_encoder.run(waveform=np.ascontiguousarray(windows))
        return embedding, logits

    def generate_image(self, embedding: NDArray[np.float32], noise: NDArray[np.float32]) -> Image:
        """Embedding (B, D), noise (B, N) → image (B, 3, H, W), clipped to [-1, 1]."""
        (image,) = self._image_generator.run(embedding=embedding, noise=noise)
        clipped: Image = np.clip(image, -1.0, 1.0)
        return clipped

    # --- Picture to sound -------------------------------------------------------------------

    @property
    def viewer(self) -> ImageToSound:
        """Rates and sizes of image_to_sound; raises ModelError where the model has no such."""
        section = self.package.manifest.directions.image_to_sound
        return section if section is not None else self._refuse(Direction.IMAGE_TO_SOUND)

    def image_to_sound(self, image: ArrayLike, *, seconds: float = 4.0, seed: int = 0) -> Waveform:
        """The sound of a picture, at ``viewer.sample_rate``.

        ``image``: (3, H, W) or (B, 3, H, W), float in [-1, 1], or (H, W, 3) uint8; any size, the
        middle square is used. ``seconds``: 0.1 to 600. ``seed``: which of the possible sounds.

        Returns (1, T), for a batch (B, 1, T), float32 in [-1, 1].
        Raises MediaError for a picture that is not finite or of another shape.
        """
        pixels = _as_image(image)
        if pixels.ndim == 4:
            sounds = [self.image_to_sound(item, seconds=seconds, seed=seed) for item in pixels]
            return np.stack(sounds)
        return self.sound(self.see(pixels).embedding, seconds=seconds, seed=seed)

    def see(self, image: ArrayLike) -> Seen:
        """What the encoder sees in a picture (3, H, W) or (H, W, 3) of any size."""
        fitted = fit_image(_as_image(image), self.viewer.image_size)
        embedding, logits = self.encode_image(fitted[None])
        return Seen(embedding[0], _softmax(logits[0]))

    def sound(
        self, embedding: NDArray[np.float32], *, seconds: float = 4.0, seed: int = 0
    ) -> Waveform:
        """The sound (1, T) of one embedding (D,).

        As many log-mel pictures as are needed, each from its own noise, are laid over each other
        with cross-fades before the inversion, so that no seam is heard. A picture does not tell how
        loud it was played, so the sound comes at ``LISTENING_DB`` (root mean square, re full
        scale), or softer where its peak would pass full scale.
        """
        if not (math.isfinite(seconds) and MIN_SECONDS <= seconds <= MAX_SECONDS):
            raise ConfigError(f"seconds is {seconds}, allowed: {MIN_SECONDS:g} to {MAX_SECONDS:g}")
        check_seed(seed)
        config = self._log_mel_config
        samples = round(seconds * config.sample_rate)
        log_mel = self._log_mel(embedding, config.frames(samples), seed)
        waveform = _invert(log_mel, config, samples, seed)
        fade = np.ones(samples, np.float32)
        ramp = np.linspace(0, 1, min(samples // 2, round(EDGE_FADE_SECONDS * config.sample_rate)))
        fade[: len(ramp)] = ramp
        fade[samples - len(ramp) :] = ramp[::-1]
        waveform = waveform * fade
        return at_listening_level(waveform)[None].astype(np.float32)

    def encode_image(self, images: Image) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """Images (B, 3, H, W) of the model's size → embedding (B, D), class_logits (B, K)."""
        embedding, logits = self._image_encoder.run(image=np.ascontiguousarray(images))
        return embedding, logits

    def generate_log_mel(
        self, embedding: NDArray[np.float32], noise: NDArray[np.float32]
    ) -> NDArray[np.float32]:
        """Embedding (B, D), noise (B, N) → log_mel (B, 1, M, L) in [-1, 1], generated size."""
        (log_mel,) = self._log_mel_generator.run(embedding=embedding, noise=noise)
        return np.clip(log_mel, -1.0, 1.0)

    # --- Inside -----------------------------------------------------------------------------

    def _log_mel(
        self, embedding: NDArray[np.float32], frames: int, seed: int
    ) -> NDArray[np.float32]:
        """Log-mel picture (M, frames) in decibels, cross-faded from generated ones."""
        section, config = self.viewer, self._log_mel_config
        size = (config.n_mels, config.frames(round(section.seconds * config.sample_rate)))
        # Frames whose window reaches beyond the half second saw zeros there; they are left out.
        edge = math.ceil(config.n_fft / 2 / config.hop_length)
        if size[1] - 2 * edge < 4:
            edge = 0
        inner = size[1] - 2 * edge
        fade = inner // 4
        step = inner - fade
        count = max(1, math.ceil((frames - fade) / step))
        # Raised-cosine fades whose weights sum to one; also at the ends, where they cancel.
        ramp = 0.5 - 0.5 * np.cos(np.pi * (np.arange(fade) + 0.5) / max(1, fade))
        window = np.concatenate([ramp, np.ones(inner - 2 * fade), ramp[::-1]])[None, :]
        total = np.zeros((config.n_mels, step * count + fade))
        weight = np.zeros(step * count + fade)
        for chunk in range(count):
            one = noise(seed, chunk, section.noise_size)[None]
            unit = self.generate_log_mel(embedding[None], one)[0, 0]
            decibels = resize_log_mel(unit_to_log_mel(unit, config), size)
            place = slice(chunk * step, chunk * step + inner)
            total[:, place] += window * decibels[:, edge : edge + inner]
            weight[place] += window[0]
        return (total / weight)[:, :frames].astype(np.float32)

    @functools.cached_property
    def _log_mel_config(self) -> LogMelConfig:
        fields = {field.name for field in dataclasses.fields(LogMelConfig)}
        values = dataclasses.asdict(self.viewer.log_mel)
        return LogMelConfig(**{key: value for key, value in values.items() if key in fields})

    @functools.cached_property
    def _sound_encoder(self) -> GraphSession:
        section = self.listener
        return self._session(
            section.encode,
            {"waveform": (None, section.window_samples)},
            {
                "embedding": (None, section.embedding_size),
                "class_logits": (None, len(self.classes)),
            },
        )

    @functools.cached_property
    def _image_generator(self) -> GraphSession:
        section = self.listener
        return self._session(
            section.generate,
            {"embedding": (None, section.embedding_size), "noise": (None, section.noise_size)},
            {"image": (None, 3, section.image_size, section.image_size)},
        )

    @functools.cached_property
    def _image_encoder(self) -> GraphSession:
        section = self.viewer
        return self._session(
            section.encode,
            {"image": (None, 3, section.image_size, section.image_size)},
            {
                "embedding": (None, section.embedding_size),
                "class_logits": (None, len(self.classes)),
            },
        )

    @functools.cached_property
    def _log_mel_generator(self) -> GraphSession:
        section = self.viewer
        mels, frames = section.log_mel.generated_mels, section.log_mel.generated_frames
        return self._session(
            section.generate,
            {"embedding": (None, section.embedding_size), "noise": (None, section.noise_size)},
            {"log_mel": (None, 1, mels, frames)},
        )

    def _session(
        self, name: str, inputs: dict[str, Shape], outputs: dict[str, Shape]
    ) -> GraphSession:
        where = str(self.package.folder / name)
        return GraphSession(self.package.graphs[name], where, inputs, outputs)

    def _refuse(self, direction: Direction) -> NoReturn:
        has = ", ".join(self.directions)
        raise ModelError(f"model {self.name!r} has no direction {direction}; it has: {has}")


def at_listening_level(waveform: NDArray[np.float32]) -> NDArray[np.float32]:
    """The same sound (T,) at ``LISTENING_DB``, its peak at most 0.99; silence stays silence."""
    level = float(np.sqrt(np.mean(np.square(waveform, dtype=np.float64))))
    peak = float(np.max(np.abs(waveform), initial=0.0))
    if level == 0.0:
        return waveform
    return waveform * np.float32(min(10 ** (LISTENING_DB / 20) / level, 0.99 / peak))


def _invert(
    log_mel: NDArray[np.float32], config: LogMelConfig, samples: int, seed: int
) -> Waveform:
    """Log-mel picture (M, L) in decibels → waveform (samples,), section by section.

    Sections overlap and are cross-faded with equal power, since their phases are strangers.
    """
    hop = config.hop_length
    section = max(2, round(SECTION_SECONDS * config.sample_rate / hop))  # spectral frames
    fade = max(1, round(SECTION_FADE_SECONDS * config.sample_rate / hop))
    griffin_lim_seed = seed % 2**32
    if log_mel.shape[1] <= section + fade:
        return log_mel_to_waveform(log_mel, config, seed=griffin_lim_seed, samples=samples)
    waveform = np.zeros(samples, np.float32)
    angle = np.linspace(0, np.pi / 2, fade * hop, dtype=np.float32)
    for first in range(0, log_mel.shape[1] - fade, section):
        part = log_mel[:, first : first + section + fade + 1]
        begin = first * hop
        length = min(samples - begin, (section + fade) * hop)
        piece = log_mel_to_waveform(part, config, seed=griffin_lim_seed, samples=length)
        if first > 0:
            ramp = min(length, fade * hop)
            piece[:ramp] *= np.sin(angle[:ramp])
            waveform[begin : begin + ramp] *= np.cos(angle[:ramp])
        waveform[begin : begin + length] += piece
    return waveform


def _softmax(logits: NDArray[np.float32]) -> NDArray[np.float32]:
    powers = np.exp(logits - np.max(logits))
    return np.asarray(powers / np.sum(powers), np.float32)


def _as_waveform(waveform: ArrayLike) -> Waveform:
    """(C, T) or (B, C, T) float32 from (T,) too; whole numbers are scaled by their type's range."""
    samples = np.asarray(waveform)
    if samples.ndim == 1:
        samples = samples[None]
    if samples.ndim not in (2, 3):
        raise MediaError(f"waveform has shape {samples.shape}, allowed: (T,), (C, T) or (B, C, T)")
    if np.issubdtype(samples.dtype, np.signedinteger):
        return samples.astype(np.float32) / np.float32(-float(np.iinfo(samples.dtype).min))
    if not np.issubdtype(samples.dtype, np.floating):
        raise MediaError(f"waveform is {samples.dtype}, allowed: float in [-1, 1] or signed int")
    return samples.astype(np.float32)


def _check_sound(samples: Waveform, sample_rate: int) -> None:
    limits = Limits.from_environment()
    if not limits.min_sample_rate <= sample_rate <= limits.max_sample_rate:
        raise MediaError(
            f"sample rate {sample_rate} Hz, allowed: "
            f"{limits.min_sample_rate} to {limits.max_sample_rate}"
        )
    channels, length = samples.shape
    if not 1 <= channels <= limits.max_channels:
        raise MediaError(
            f"waveform has {channels} channels, allowed: 1 to {limits.max_channels} "
            "(channels come first)"
        )
    # One sample of tolerance: resamplers and encoders round.
    if length + 1 < limits.min_seconds * sample_rate:
        raise MediaError(
            f"sound lasts {length / sample_rate:.3f} s, at least {limits.min_seconds} s are needed"
        )
    if not np.all(np.isfinite(samples)):
        raise MediaError("the sound has NaN or infinite samples; export it again")
    if np.ptp(samples) < 2 * SILENCE_PEAK:  # the same rule as for files
        raise MediaError("the sound is silent (peak below -80 dBFS); a picture needs a sound")


def _as_image(image: ArrayLike) -> Image:
    """(3, H, W) or (B, 3, H, W) float32 in [-1, 1]."""
    pixels = np.asarray(image)
    if pixels.dtype == np.uint8 and pixels.ndim in (3, 4) and pixels.shape[-1] == 3:
        return image_to_unit(pixels)
    right = pixels.ndim in (3, 4) and pixels.shape[-3] == 3 and 0 not in pixels.shape
    if not right or not np.issubdtype(pixels.dtype, np.floating):
        raise MediaError(
            f"image is {pixels.dtype} of shape {pixels.shape}, allowed: float (3, H, W) or "
            "(B, 3, H, W) in [-1, 1], or uint8 (H, W, 3)"
        )
    if not np.all(np.isfinite(pixels)):
        raise MediaError("the image has NaN or infinite values")
    clipped: Image = np.clip(pixels, -1.0, 1.0).astype(np.float32)
    return clipped
