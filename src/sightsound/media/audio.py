"""Sound files ⇄ waveforms (C, T), float32 in [-1, 1]; also the sound of a video.

Everything is decoded in blocks, so that a stream of three hours takes the memory of one block.
"""

from __future__ import annotations

import dataclasses
import itertools
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from fractions import Fraction
from pathlib import Path
from types import TracebackType
from typing import Any, Literal, TypeAlias

import av
import av.container
import numpy as np
import soundfile
import soxr
from numpy.typing import NDArray

from sightsound.errors import MediaError
from sightsound.media import ogg
from sightsound.media.comments import metadata_to_comment
from sightsound.media.containers import (
    AUDIO_DECODERS,
    TIMED_CONTAINERS,
    OnDamage,
    decoded,
    encoding,
    open_container,
    start_seconds,
    supported,
)
from sightsound.media.files import GuardedFile, PathLike, atomic_path, input_file, one_line, shown
from sightsound.media.kinds import (
    IMAGE_CONTAINERS,
    SOUND_OUTPUTS,
    Container,
    identify,
    listed,
    output_suffix,
)
from sightsound.media.limits import Limits, setting
from sightsound.media.truncation import check_complete, truncated
from sightsound.shapes import Waveform

Samples: TypeAlias = NDArray[np.float32]  # (T, C): time first, as soundfile and soxr have it

SILENCE_PEAK = 1e-4  # -80 dB of full scale
MAX_PEAK = 64.0  # float files above it (+36 dB) hold integers or something else, not [-1, 1]
_BLOCK_SAMPLES = 65_536
# How far the samples may lie from where the container's clock has them: Matroska rounds to 1 ms,
# live recorders jitter by some; a lost packet of AAC is 21 ms.
_GAP_SECONDS = 0.015
_UNKNOWN_SAMPLES = 2**62  # libsndfile says 2⁶³ - 1 where a header leaves the length open
_BAD_PACKETS = 3  # that a raw MP3 or AAC stream may hold: tags at its ends are read as sound
# mpg123, inside libsndfile, prints its warnings to standard error: FFmpeg reads MP3.
_LIBSNDFILE: frozenset[Container] = frozenset(("wav", "aiff", "flac", "ogg"))


@dataclasses.dataclass(frozen=True, eq=False)
class Audio:
    """A decoded sound: ``waveform`` (C, T) float32 in [-1, 1] at ``sample_rate`` Hz."""

    waveform: Waveform
    sample_rate: int

    @property
    def seconds(self) -> float:
        """How long it lasts."""
        return int(self.waveform.shape[-1]) / self.sample_rate


@dataclasses.dataclass(frozen=True, kw_only=True)
class AudioInfo:
    """What the header of a sound file, or of a video's sound, says."""

    sample_rate: int  # Hz
    channels: int
    samples: int | None  # per channel; None = only decoding tells

    @property
    def seconds(self) -> float | None:
        """How long it lasts; ``None`` = only decoding tells."""
        return None if self.samples is None else self.samples / self.sample_rate


def audio_info(path: PathLike, *, limits: Limits | None = None) -> AudioInfo:
    """The header of a sound (or of a video's sound), checked against ``limits``.

    Raises MediaError for what can be told without decoding: missing, empty, truncated, no sound,
    too long, too short, too many channels, a sample rate out of range.
    """
    limits = limits or Limits.from_environment()
    with _open_sound(path, limits) as sound:
        return sound.info


def read_audio(
    path: PathLike,
    *,
    sample_rate: int | None = None,
    mono: bool = True,
    allow_silence: bool = False,
    limits: Limits | None = None,
) -> Audio:
    """Read a sound file, or the sound of a video, whole.

    ``sample_rate``: Hz to resample to; ``None`` = the file's own. ``mono``: the mean of the
    channels. Values beyond [-1, 1] (float files, decoders' overshoot) are clipped. A video's sound
    starts where the video's clock does, holes filled with silence.

    Raises MediaError for what is missing, empty, truncated, damaged, silent (below -80 dBFS, unless
    ``allow_silence``), not finite, shorter or longer than ``limits``, or larger in memory than
    ``limits.max_memory_bytes`` (``stream_audio`` has no such bound).
    """
    limits = limits or Limits.from_environment()
    info = audio_info(path, limits=limits)
    rate = sample_rate or info.sample_rate
    # Twice: the blocks, and the waveform that they are copied into.
    bytes_per_sample = 2 * 4 * (1 if mono else info.channels)

    def refuse_if_large(samples: float) -> None:
        if samples * bytes_per_sample > limits.max_memory_bytes:
            raise MediaError(
                f"{shown(path)}: {samples / rate:.0f} s of sound at {rate} Hz need "
                f"{samples * bytes_per_sample / 2**20:.0f} MiB, "
                f"{limits.max_memory_bytes / 2**20:.0f} MiB are allowed; read it in blocks with "
                f"stream_audio, or raise {setting('max_memory_bytes')}"
            )

    refuse_if_large((info.samples or 0) * rate / info.sample_rate)
    blocks: list[Waveform] = []
    samples = 0
    for block in _stream(path, rate, mono, 10.0, allow_silence, limits):
        samples += block.shape[1]
        refuse_if_large(samples)
        blocks.append(block)
    return Audio(np.concatenate(blocks, axis=1), rate)


def stream_audio(
    path: PathLike,
    *,
    sample_rate: int,
    mono: bool = True,
    block_seconds: float = 10.0,
    allow_silence: bool = False,
    on_damage: OnDamage | None = None,
    limits: Limits | None = None,
) -> Iterator[Waveform]:
    """Read a sound in blocks (C, T) of ``block_seconds``, the last one shorter; constant memory.

    The blocks together equal ``read_audio``'s waveform. What the header tells is refused at once;
    what only the samples tell (a NaN, a cut, silence all through) when it is reached, at the latest
    after the last block. Raises MediaError as ``read_audio`` does, but for the memory.

    With ``on_damage``, what is damaged or cut off is told to it and passed over: in a video,
    silence stands in its place, so that what follows keeps its time.
    """
    limits = limits or Limits.from_environment()
    if on_damage is None:
        audio_info(path, limits=limits)
    return _stream(path, sample_rate, mono, block_seconds, allow_silence, limits, on_damage)


def resample(waveform: Waveform, from_rate: float, to_rate: float) -> Waveform:
    """Resample (C, T) or (T,) from one rate to another (Hz), by soxr at its high quality."""
    if from_rate == to_rate:
        return waveform
    samples = np.ascontiguousarray(waveform.T, dtype=np.float32)
    resampled: Samples = soxr.resample(samples, from_rate, to_rate, quality="HQ")
    return np.ascontiguousarray(resampled.T)


def _stream(
    path: PathLike,
    sample_rate: int,
    mono: bool,
    block_seconds: float,
    allow_silence: bool,
    limits: Limits,
    on_damage: OnDamage | None = None,
) -> Iterator[Waveform]:
    """Blocks (C, T) of ``block_seconds`` at ``sample_rate``."""
    block_samples = max(1, round(block_seconds * sample_rate))
    with _open_sound(path, limits, on_damage) as sound:
        pieces = _checked(path, sound, mono, allow_silence, limits, on_damage)
        waiting: list[Samples] = []
        have = 0
        for piece in _resampled(pieces, sound.info.sample_rate, sample_rate):
            waiting.append(piece)
            have += len(piece)
            if have < block_samples:
                continue
            joined = np.concatenate(waiting)
            whole = have - have % block_samples
            for start in range(0, whole, block_samples):
                yield _waveform(joined[start : start + block_samples])
            waiting, have = [joined[whole:]], have - whole
        if have:
            yield _waveform(np.concatenate(waiting))


def _waveform(samples: Samples) -> Waveform:
    """(T, C) → (C, T), clipped to [-1, 1]."""
    return np.clip(np.ascontiguousarray(samples.T), -1.0, 1.0)


def _resampled(pieces: Iterator[Samples], from_rate: int, to_rate: int) -> Iterator[Samples]:
    if from_rate == to_rate:
        yield from pieces
        return
    stream: Any = None
    piece = np.zeros((0, 1), np.float32)
    for piece in pieces:
        if stream is None:
            stream = soxr.ResampleStream(
                from_rate, to_rate, piece.shape[1], dtype="float32", quality="HQ"
            )
        yield stream.resample_chunk(np.ascontiguousarray(piece), last=False)
    if stream is not None:
        yield stream.resample_chunk(piece[:0], last=True)


@dataclasses.dataclass(frozen=True)
class _Sound:
    """An opened sound: its header, and its samples in blocks (T, C), not yet looked at."""

    info: AudioInfo
    blocks: Iterator[Samples]
    slack: int  # how many samples fewer than the header says are still no truncation


def _checked(
    path: PathLike,
    sound: _Sound,
    mono: bool,
    allow_silence: bool,
    limits: Limits,
    on_damage: OnDamage | None,
) -> Iterator[Samples]:
    """The blocks, mixed if ``mono``; raises MediaError where the samples are not a sound."""
    info = sound.info
    count = 0
    source, mixed = _Peak(), _Peak()
    for block in sound.blocks:
        source.add(block)
        if not source.peak < np.inf:
            bad = int(np.flatnonzero(~np.isfinite(block).all(axis=1))[0])
            raise MediaError(
                f"{shown(path)}: NaN or infinite sample at {(count + bad) / info.sample_rate:.3f} "
                "s; expected numbers in -1 to 1; write the file again"
            )
        if source.peak > MAX_PEAK:
            raise MediaError(
                f"{shown(path)}: samples up to {source.peak:.4g}, expected -1 to 1; "
                "scale them and write the file again"
            )
        count += len(block)
        _check_length(path, count, None, info.sample_rate, limits)
        if mono:
            block = block.mean(axis=1, keepdims=True, dtype=np.float32)
        mixed.add(block)
        yield block
    if info.samples is not None and count + sound.slack < info.samples:
        missing = f"{count} of {info.samples} samples are there"
        if on_damage is None:
            raise truncated(Path(path), missing)
        on_damage(count / info.sample_rate, missing)
    _check_length(path, count, count, info.sample_rate, limits)
    if mixed.swing < SILENCE_PEAK and not allow_silence:
        if source.swing < SILENCE_PEAK:
            raise MediaError(
                f"{shown(path)}: silent (peak below -80 dBFS); expected a sound; "
                "check the recording"
            )
        raise MediaError(
            f"{shown(path)}: silent once its {info.channels} channels are averaged (they cancel); "
            "invert one of them, or give one channel only"
        )


class _Peak:
    """Extremes of a stream of blocks."""

    def __init__(self) -> None:
        self.peak = 0.0
        self._low: Any = np.inf
        self._high: Any = -np.inf

    def add(self, block: Samples) -> None:
        """Take in a block (T, C)."""
        if not len(block):
            return
        self._low = np.minimum(self._low, block.min(axis=0))
        self._high = np.maximum(self._high, block.max(axis=0))
        # NaN passes through min and max, and fails every comparison made with it.
        self.peak = float(np.max(np.maximum(np.abs(self._low), np.abs(self._high))))

    @property
    def swing(self) -> float:
        """Half of the largest peak-to-peak of a channel, so that a constant is silence too."""
        return float(np.max(self._high - self._low)) / 2 if np.all(self._high >= self._low) else 0.0


def _check_length(
    path: PathLike, at_least: int, at_most: int | None, sample_rate: int, limits: Limits
) -> None:
    """Refuse a sound known to have from ``at_least`` to ``at_most`` samples; ``None`` = open."""
    if at_least > limits.max_seconds * sample_rate:
        raise MediaError(
            f"{shown(path)}: {at_least / sample_rate:.0f} s or more of sound, at most "
            f"{limits.max_seconds:.0f} s are allowed; cut it, or raise {setting('max_seconds')}"
        )
    if at_most is None:
        return
    if at_most == 0:
        raise MediaError(
            f"{shown(path)}: holds no samples; at least {limits.min_seconds} s of sound are needed"
        )
    # One thousandth of slack: half a second rounded by a rate is still half a second.
    if at_most < limits.min_seconds * sample_rate * 0.999:
        came = "one sample" if at_most == 1 else f"{at_most} samples"
        raise MediaError(
            f"{shown(path)}: only {came} ({at_most / sample_rate:.3f} s) of sound, at least "
            f"{limits.min_seconds} s are needed; give a longer one"
        )


def _check_header(path: PathLike, info: AudioInfo, limits: Limits) -> None:
    if not limits.min_sample_rate <= info.sample_rate <= limits.max_sample_rate:
        raise MediaError(
            f"{shown(path)}: sample rate {info.sample_rate} Hz, allowed: {limits.min_sample_rate} "
            f"to {limits.max_sample_rate} Hz; resample it first"
        )
    if not 1 <= info.channels <= limits.max_channels:
        raise MediaError(
            f"{shown(path)}: {info.channels} channels, at most {limits.max_channels} are allowed; "
            f"mix it down first, or raise {setting('max_channels')}"
        )
    if info.samples is not None:
        _check_length(path, info.samples, info.samples, info.sample_rate, limits)


@contextmanager
def _open_sound(
    path: PathLike, limits: Limits, on_damage: OnDamage | None = None
) -> Iterator[_Sound]:
    """Open a sound file or a video's sound and check its header."""
    path = input_file(path, max_bytes=limits.max_file_bytes, limit="max_file_bytes")
    container = identify(path)
    if container in IMAGE_CONTAINERS:
        raise MediaError(
            f"{shown(path)}: is a picture ({container.upper()}), expected a sound; allowed: WAV, "
            "FLAC, OGG, MP3, M4A, AAC, AIFF and the sound of MP4, MOV, MKV, WebM"
        )
    if on_damage is None:
        check_complete(path, container)
    with ExitStack() as stack:
        sound = None
        if container in _LIBSNDFILE:
            sound = _soundfile_sound(path, stack)
        if sound is None:
            sound = _container_sound(path, container, stack, limits, on_damage)
        _check_header(path, sound.info, limits)
        yield sound


def _soundfile_sound(path: Path, stack: ExitStack) -> _Sound | None:
    """Open by libsndfile; ``None`` where it cannot, or finds no sample: FFmpeg may yet."""
    try:
        handle = stack.enter_context(soundfile.SoundFile(path))
    except (soundfile.LibsndfileError, UnicodeError):
        return None
    if handle.frames == 0:
        return None
    samples = handle.frames if handle.frames < _UNKNOWN_SAMPLES else None
    info = AudioInfo(sample_rate=handle.samplerate, channels=handle.channels, samples=samples)

    def blocks() -> Iterator[Samples]:
        while True:
            try:
                block: Samples = handle.read(_BLOCK_SAMPLES, dtype="float32", always_2d=True)
            except soundfile.LibsndfileError as error:
                raise MediaError(
                    f"{shown(path)}: damaged or truncated at about "
                    f"{handle.tell() / handle.samplerate:.1f} s; copy or convert it again"
                ) from error
            if not len(block):
                return
            yield block

    return _Sound(info, blocks(), slack=0)


def _container_sound(
    path: Path,
    container: Container,
    stack: ExitStack,
    limits: Limits,
    on_damage: OnDamage | None,
) -> _Sound:
    """Open by FFmpeg; raises MediaError where there is no sound that we decode."""
    opened = stack.enter_context(open_container(path, container))
    if not opened.streams.audio:
        raise MediaError(
            f"{shown(path)}: has no sound track, sound is needed here; give a sound file or a "
            "video with sound"
        )
    stream = opened.streams.audio[0]
    supported(path, stream.codec_context.codec.name, AUDIO_DECODERS)
    forgiven = _BAD_PACKETS if container in ("mp3", "aac") else 0
    frames = decoded(opened, stream, on_damage=on_damage, forgiven=forgiven)
    # The header of HE-AAC states half its rate: only a decoded frame tells.
    first = next(frames, None)
    if first is None:
        raise MediaError(f"{shown(path)}: holds no samples; copy or convert it again")
    rate, channels = first.sample_rate, len(first.layout.channels)
    seconds = None
    # A raw stream's length is a guess from its bit rate; a Matroska file's is of all its streams.
    if container in ("mov", "wav", "aiff", "flac") and stream.duration and stream.time_base:
        seconds = float(stream.duration * stream.time_base)
    info = AudioInfo(
        sample_rate=rate,
        channels=channels,
        samples=None if not seconds else round(seconds * rate),
    )
    frames = itertools.chain([first], frames)
    start = start_seconds(opened) if container in TIMED_CONTAINERS else None
    blocks = _gathered(_timed(path, frames, rate, channels, start, limits))
    # An AAC track's length counts the encoder's lead-in and tail.
    return _Sound(info, blocks, slack=max(4096, rate // 10))


def _gathered(pieces: Iterator[Samples]) -> Iterator[Samples]:
    """Join decoded frames, of a thousand samples or fewer, into blocks worth a call."""
    waiting: list[Samples] = []
    have = 0
    for piece in pieces:
        waiting.append(piece)
        have += len(piece)
        if have >= _BLOCK_SAMPLES:
            yield np.concatenate(waiting)
            waiting, have = [], 0
    if have:
        yield np.concatenate(waiting)


def _timed(
    path: Path,
    frames: Iterator[av.AudioFrame],
    rate: int,
    channels: int,
    start: float | None,
    limits: Limits,
) -> Iterator[Samples]:
    """Frames → blocks (T, C); with ``start``, on the container's clock: 0 s is ``start``."""
    done = 0  # samples given out
    for frame in frames:
        if frame.sample_rate != rate or len(frame.layout.channels) != channels:
            raise MediaError(
                f"{shown(path)}: changes its sample rate or channels within; convert it first"
            )
        block = _frame_samples(path, frame)
        if start is not None and frame.pts is not None and frame.time_base is not None:
            gap = round((float(frame.pts * frame.time_base) - start) * rate) - done
            if gap < (0 if done == 0 else -_GAP_SECONDS * rate):
                block = block[-gap:]  # lies before what was given out already
            elif gap > (0 if done == 0 else _GAP_SECONDS * rate):
                if done + gap > limits.max_seconds * rate:
                    _check_length(path, done + gap, None, rate, limits)
                done += gap
                while gap > 0:
                    yield np.zeros((min(gap, _BLOCK_SAMPLES), channels), np.float32)
                    gap -= _BLOCK_SAMPLES
        done += len(block)
        yield block


_FULL_SCALE = {"u8": 2.0**7, "s16": 2.0**15, "s32": 2.0**31, "s64": 2.0**63, "flt": 1.0, "dbl": 1.0}


def _frame_samples(path: Path, frame: av.AudioFrame) -> Samples:
    """A decoded frame → (T, C) float32, full scale 1."""
    name = frame.format.name.removesuffix("p")
    if name not in _FULL_SCALE:
        raise MediaError(f"{shown(path)}: sample format {shown(name)} is not supported")
    if name == "s64":  # which PyAV gives only as bytes
        planes = [np.frombuffer(plane, np.int64) for plane in frame.planes]  # type: ignore[call-overload]
        per_plane = frame.samples * len(frame.layout.channels) // len(planes)
        values: NDArray[Any] = np.stack([plane[:per_plane] for plane in planes])
    else:
        values = frame.to_ndarray()  # (C, T) planar, (1, T × C) packed
    values = values.T if frame.format.is_planar else values.reshape(-1, len(frame.layout.channels))
    if name == "flt":
        return np.ascontiguousarray(values, dtype=np.float32)
    with np.errstate(over="ignore"):  # a double beyond float32 becomes inf and is refused
        scaled = values.astype(np.float64) / _FULL_SCALE[name] - (1.0 if name == "u8" else 0.0)
        return scaled.astype(np.float32)


_MP3_RATES = (8_000, 11_025, 12_000, 16_000, 22_050, 24_000, 32_000, 44_100, 48_000)
_AAC_RATES = (*_MP3_RATES, 64_000, 88_200, 96_000)
_MAX_CHANNELS = {".wav": 16, ".flac": 8, ".ogg": 16, ".mp3": 2, ".m4a": 2}
_WAV_MAX_BYTES = 2**32 - 2**20  # a RIFF size has 32 bits
_M4A_BIT_RATE = 192_000  # bits per second
_LAYOUTS = {1: "mono", 2: "stereo"}


@contextmanager
def _serial_number_set(path: Path) -> Iterator[None]:
    yield
    ogg.set_serial_number(path)


class AudioWriter:
    """A sound file written block by block: ``with AudioWriter(...) as writer: writer.write(...)``.

    The suffix decides: .wav and .flac (``bits`` 16 or 24, a grid of 2^(1 - bits)), .ogg (Vorbis),
    .mp3, .m4a (AAC). The file appears, whole, when the block ends well, and not at all otherwise;
    equal input gives equal bytes. Raises MediaError for a type, rate or number of channels that
    cannot be written, for what is not finite, and for a full disk.
    """

    def __init__(
        self,
        path: PathLike,
        sample_rate: int,
        channels: int,
        *,
        metadata: Mapping[str, str] | None = None,
        bits: Literal[16, 24] = 16,
    ) -> None:
        self._path = Path(path)
        self._suffix = output_suffix(path, SOUND_OUTPUTS)
        self._bits = bits
        self._channels = channels
        self._samples = 0
        rates: Sequence[int] = {".mp3": _MP3_RATES, ".m4a": _AAC_RATES}.get(
            self._suffix, range(8_000, 192_001)
        )
        if sample_rate not in rates:
            allowed = (
                f"{rates[0]} to {rates[-1]}"
                if isinstance(rates, range)
                else listed(tuple(map(str, rates)))
            )
            raise MediaError(
                f"{shown(path)}: {self._suffix} cannot be written at {sample_rate} Hz; allowed: "
                f"{allowed} Hz; resample it or write .wav"
            )
        if not 1 <= channels <= _MAX_CHANNELS[self._suffix]:
            raise MediaError(
                f"{shown(path)}: {self._suffix} cannot hold {channels} channels; allowed: 1 to "
                f"{_MAX_CHANNELS[self._suffix]}; mix it down or write .wav"
            )
        self._rate = sample_rate
        self._comment = metadata_to_comment(metadata, path) if metadata else None
        self._stack = ExitStack()
        self._encode: Any = None

    def __enter__(self) -> AudioWriter:
        with ExitStack() as stack:
            temporary = stack.enter_context(atomic_path(self._path))
            if self._suffix == ".m4a":
                encoder = _AacEncoder(
                    temporary, self._rate, self._channels, self._comment, target=self._path
                )
                self._encode = stack.enter_context(encoder).encode
            else:
                self._enter_soundfile(stack, temporary)
            self._stack = stack.pop_all()
        return self

    def _enter_soundfile(self, stack: ExitStack, temporary: Path) -> None:
        kind, subtype = {
            ".wav": ("WAVEX" if self._channels > 2 else "WAV", f"PCM_{self._bits}"),
            ".flac": ("FLAC", f"PCM_{self._bits}"),
            ".ogg": ("OGG", "VORBIS"),
            ".mp3": ("MP3", "MPEG_LAYER_III"),
        }[self._suffix]
        if self._suffix == ".ogg":
            # Left last, so on the closed file. libsndfile draws the number by the clock.
            stack.enter_context(_serial_number_set(temporary))
        file = stack.enter_context(GuardedFile(temporary))
        try:
            handle = soundfile.SoundFile(
                file, "w", self._rate, self._channels, subtype=subtype, format=kind
            )
        except soundfile.LibsndfileError as error:
            raise MediaError(
                f"{shown(self._path)}: cannot be written as {kind} ({one_line(error)})"
            ) from error
        stack.enter_context(handle)
        if self._comment:
            handle.comment = self._comment
        self._encode = handle.write

    def write(self, waveform: Waveform) -> None:
        """Append (C, T) or (T,), float32 in [-1, 1]; beyond it is clipped."""
        samples = np.atleast_2d(waveform).T
        if samples.shape[1] != self._channels:
            raise ValueError(f"{samples.shape[1]=} {self._channels=}")
        if not np.isfinite(samples).all():
            raise MediaError(
                f"{shown(self._path)}: the sound to write holds NaN or infinity; nothing is written"
            )
        self._samples += len(samples)
        written = self._samples * self._channels * self._bits // 8
        if self._suffix == ".wav" and written > _WAV_MAX_BYTES:
            raise MediaError(f"{shown(self._path)}: too long for WAV (4 GiB); write .flac")
        samples = np.clip(samples, -1.0, 1.0)
        # In pieces: libvorbis puts a whole call's samples on the stack.
        for start in range(0, len(samples), _BLOCK_SAMPLES):
            piece = samples[start : start + _BLOCK_SAMPLES]
            if self._suffix in (".wav", ".flac"):
                self._encode(_integers(piece, self._bits))
            else:
                self._encode(np.ascontiguousarray(piece, dtype=np.float32))

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        if kind is None and self._samples == 0:
            error = MediaError(f"{shown(self._path)}: no sound to write; give at least one sample")
            self._stack.__exit__(MediaError, error, None)
            raise error
        self._stack.__exit__(kind, error, traceback)


def write_audio(
    path: PathLike,
    waveform: Waveform,
    sample_rate: int,
    *,
    metadata: Mapping[str, str] | None = None,
    bits: Literal[16, 24] = 16,
) -> None:
    """Write (C, T) or (T,) float32 in [-1, 1] as WAV, FLAC, OGG, MP3 or M4A, by the suffix.

    ``metadata`` is found again by ``read_metadata``. Atomic; raises MediaError as AudioWriter does.
    """
    waveform = np.atleast_2d(waveform)
    with AudioWriter(path, sample_rate, waveform.shape[0], metadata=metadata, bits=bits) as writer:
        writer.write(waveform)


def _integers(samples: Samples, bits: int) -> NDArray[np.int16] | NDArray[np.int32]:
    """[-1, 1] → whole numbers, rounded: what a reader divides by 2^(bits - 1) again."""
    scale = 2.0 ** (bits - 1)
    rounded = np.clip(np.rint(samples.astype(np.float64) * scale), -scale, scale - 1)
    if bits == 16:
        return rounded.astype(np.int16)
    return rounded.astype(np.int32) << 8  # libsndfile takes the upper 24 of 32 bits


class _AacEncoder:
    """AAC in an M4A file."""

    def __init__(
        self,
        temporary: Path,
        sample_rate: int,
        channels: int,
        comment: str | None,
        *,
        target: PathLike,
    ) -> None:
        self._temporary, self._target = temporary, target
        self._rate, self._channels, self._comment = sample_rate, channels, comment
        self._stack = ExitStack()

    def __enter__(self) -> _AacEncoder:
        with ExitStack() as stack:
            container = stack.enter_context(
                encoding(self._temporary, "ipod", self._comment, target=self._target)
            )
            self._track = AacTrack(container, self._rate, self._channels, target=self._target)
            self._stack = stack.pop_all()
        return self

    def encode(self, samples: Samples) -> None:
        """Append (T, C) float32."""
        self._track.write(samples)

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        with ExitStack() as stack:
            stack.push(self._stack)
            if kind is None:
                self._track.finish()


class AacTrack:
    """An AAC track of an FFmpeg container that is open for writing."""

    def __init__(
        self,
        container: av.container.OutputContainer,
        sample_rate: int,
        channels: int,
        *,
        target: PathLike,
    ) -> None:
        if sample_rate not in _AAC_RATES or channels not in _LAYOUTS:
            raise MediaError(
                f"{shown(target)}: AAC cannot hold {channels} channels at {sample_rate} "
                f"Hz; allowed: 1 or 2 at {listed(tuple(map(str, _AAC_RATES)))} Hz"
            )
        self._container = container
        self._rate, self._layout = sample_rate, _LAYOUTS[channels]
        self._stream = container.add_stream("aac", rate=sample_rate)
        self._stream.layout = self._layout
        self._stream.bit_rate = min(_M4A_BIT_RATE, 4 * sample_rate * channels)
        self.samples = 0  # written so far, per channel

    def write(self, samples: Samples) -> None:
        """Append (T, C) float32 in [-1, 1]."""
        frame = av.AudioFrame.from_ndarray(
            np.ascontiguousarray(samples.T), format="fltp", layout=self._layout
        )
        frame.sample_rate = self._rate
        frame.pts = self.samples
        frame.time_base = Fraction(1, self._rate)
        self.samples += len(samples)
        self._container.mux(self._stream.encode(frame))

    def finish(self) -> None:
        """Write what the encoder still holds."""
        self._container.mux(self._stream.encode(None))
