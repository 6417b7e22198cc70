"""A sound of any length in, windows for the encoder out; what was heard in, one answer out.

Sound comes as blocks, so three hours need no more memory than a second.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from sightsound.errors import MediaError
from sightsound.shapes import Waveform

WINDOWS_AT_ONCE = 32
"""Windows in a batch for the encoder: large enough to be fast, 3 MB at the paper's size."""


def overlapping_windows(blocks: Iterable[Waveform], window: int) -> Iterator[Waveform]:
    """Windows that overlap by half, in batches (n, window).

    ``blocks``: consecutive pieces (C, T) of one sound, averaged over channels. The last window
    ends where the sound ends, so nothing goes unheard; a sound shorter than one window is
    followed by zeros. No sound at all gives no window.
    """
    hop = max(1, window // 2)
    held = np.zeros(0, np.float32)
    tail = held  # the last ``window`` samples so far
    heard = 0  # samples up to the end of the last window given
    length = 0
    for block in blocks:
        mono = _mono(block)
        length += len(mono)
        held = np.concatenate([held, mono])
        tail = np.concatenate([tail, mono])[-window:]
        count = (len(held) - window) // hop + 1
        if count > 0:
            heard = length - len(held) + (count - 1) * hop + window
            yield from _batches(held, np.arange(count) * hop, window)
            held = held[count * hop :]
    if length > heard:
        yield np.pad(tail, (0, window - len(tail)))[None]


def windows_at_frames(
    blocks: Iterable[Waveform], window: int, sample_rate: int, frame_rate: float, offset: int
) -> Iterator[Waveform]:
    """The window that belongs to each frame of a moving picture, in batches (n, window).

    Frame i stands at i / ``frame_rate`` seconds and ``offset`` samples after its window's start;
    there are as many frames as the sound lasts. Zeros stand for what lies beyond the sound's ends.
    """

    def start(frame: int) -> int:
        """First sample of a frame's window, counted with the zeros put before the sound."""
        return round(frame * sample_rate / frame_rate)

    held = np.zeros(offset, np.float32)
    dropped = 0  # samples let go from the front of ``held``
    length = 0
    frame = 0
    for block in blocks:
        mono = _mono(block)
        length += len(mono)
        held = np.concatenate([held, mono])
        first = frame
        while (
            start(frame) + window <= dropped + len(held)
            and frame * sample_rate < length * frame_rate
        ):
            frame += 1
        if frame > first:
            starts = np.array([start(i) - dropped for i in range(first, frame)])
            yield from _batches(held, starts, window)
            keep = min(start(frame) - dropped, len(held))
            held, dropped = held[keep:], dropped + keep
    frames = math.ceil(length * frame_rate / sample_rate - 1e-9)
    if frame < frames:
        starts = np.array([start(i) - dropped for i in range(frame, frames)])
        held = np.pad(held, (0, max(0, int(starts[-1]) + window - len(held))))
        yield from _batches(held, starts, window)


def window_loudness(windows: Waveform) -> NDArray[np.float64]:
    """Root mean square of each window (n, T) → (n,).

    Raises MediaError for NaN or infinite samples.
    """
    loudness = np.sqrt(np.mean(np.square(windows, dtype=np.float64), axis=-1))
    if not np.all(np.isfinite(loudness)):
        raise MediaError("the sound has NaN or infinite samples; export it again")
    return np.asarray(loudness)


@dataclass(frozen=True)
class Moment:
    """What was heard in a stretch of sound, pooled."""

    embedding: NDArray[np.float32]  # (D,)
    class_logits: NDArray[np.float32]  # (K,)


class Timeline:
    """What an encoder heard, in order, pooled by loudness in constant memory.

    Embeddings and class logits are averaged over windows; each window weighs as much as its root
    mean square, so that a rest or a decaying tail does not speak as loud as the note. Sums are
    kept per segment of time; when ``CAPACITY`` segments are full, neighbours are added up and
    a segment becomes twice as long.
    """

    CAPACITY = 512

    def __init__(self) -> None:
        self.windows = 0
        self._sums: list[NDArray[np.float64]] = []  # per segment: [weight, embedding…, logits…]
        self._per_segment = 1  # windows in a full segment
        self._embedding_size = 0

    def add(
        self,
        loudness: NDArray[np.float64],
        embedding: NDArray[np.float32],
        class_logits: NDArray[np.float32],
    ) -> None:
        """Append windows: loudness (n,), embedding (n, D), class_logits (n, K)."""
        self._embedding_size = embedding.shape[1]
        values = np.concatenate([np.ones((len(loudness), 1)), embedding, class_logits], axis=1)
        for row in values * loudness[:, None]:
            if self.windows % self._per_segment == 0:
                self._sums.append(row)
            else:
                self._sums[-1] = self._sums[-1] + row
            self.windows += 1
            if len(self._sums) == self.CAPACITY and self.windows % self._per_segment == 0:
                pairs = zip(self._sums[::2], self._sums[1::2], strict=True)
                self._sums = [first + second for first, second in pairs]
                self._per_segment *= 2

    def pooled(self, parts: int = 1) -> list[Moment]:
        """The sound in ``parts`` equal stretches of time (fewer where it has fewer windows).

        A silent stretch shows what was heard last before it, or first after it. Raises MediaError
        where all is silent.
        """
        stretches = np.array_split(np.arange(len(self._sums)), max(1, min(parts, len(self._sums))))
        sums = [np.sum([self._sums[i] for i in stretch], axis=0) for stretch in stretches]
        sounding = [i for i, total in enumerate(sums) if np.ndim(total) and total[0] > 0]
        if not sounding:
            raise MediaError("the sound is silent; a picture needs something to hear")
        moments = []
        for i in range(len(sums)):
            total = sums[max((j for j in sounding if j <= i), default=sounding[0])]
            mean = (total[1:] / total[0]).astype(np.float32)
            moments.append(Moment(mean[: self._embedding_size], mean[self._embedding_size :]))
        return moments


def _mono(block: Waveform) -> Waveform:
    return np.asarray(block.mean(axis=0) if len(block) != 1 else block[0], np.float32)


def _batches(samples: Waveform, starts: NDArray[np.int64], window: int) -> Iterator[Waveform]:
    view = np.lib.stride_tricks.sliding_window_view(samples, window)
    for first in range(0, len(starts), WINDOWS_AT_ONCE):
        yield view[starts[first : first + WINDOWS_AT_ONCE]]
