"""A dry sound in, the same sound as a microphone in some room took it, out.

Every choice is drawn from a numpy Generator into a small dataclass first and applied afterwards, so
the same draw can be described, repeated and used on any sound: rendered or real.
"""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import fft, signal

from sightsound.shapes import Waveform

_FIR_SIZE = 1024  # taps of the minimum-phase response: 23 ms at 44.1 kHz
_NOISE_SIZE = 1 << 17  # samples of background noise before it repeats: 3 s at 44.1 kHz
_SILENCE = 1e-7


@dataclass(frozen=True, kw_only=True)
class Equaliser:
    """A smooth magnitude response over frequency, applied with minimum phase."""

    tilt_db: float = 0.0  # dB per octave, turning about 1 kHz
    low_shelf_hz: float = 200.0
    low_shelf_db: float = 0.0
    high_shelf_hz: float = 4000.0
    high_shelf_db: float = 0.0
    peaks: tuple[tuple[float, float, float], ...] = ()  # (centre Hz, gain dB, width octaves)
    low_cut_hz: float = 0.0  # -3 dB point, 12 dB per octave; 0 = none
    high_cut_hz: float = 0.0  # -3 dB point, 24 dB per octave; 0 = none

    def gain_db(self, frequencies: NDArray[np.floating]) -> NDArray[np.float64]:
        """Gain in dB at the given frequencies (Hz, at least 0)."""
        octave = np.log2(np.maximum(frequencies, 10.0))
        gain = self.tilt_db * np.clip(octave - math.log2(1000.0), -4.0, 4.0)
        gain = gain + self.low_shelf_db / (1 + np.exp(4 * (octave - math.log2(self.low_shelf_hz))))
        gain += self.high_shelf_db / (1 + np.exp(-4 * (octave - math.log2(self.high_shelf_hz))))
        for centre_hz, peak_db, octaves in self.peaks:
            gain += peak_db * np.exp(-0.5 * ((octave - math.log2(centre_hz)) / octaves) ** 2)
        if self.low_cut_hz > 0:
            gain -= 10 * np.log10(1 + np.exp2(4 * (math.log2(self.low_cut_hz) - octave)))
        if self.high_cut_hz > 0:
            gain -= 10 * np.log10(1 + np.exp2(8 * (octave - math.log2(self.high_cut_hz))))
        result: NDArray[np.float64] = np.maximum(gain, -80.0)
        return result

    def __add__(self, other: Equaliser) -> Equalisers:
        return Equalisers((self, other))


@dataclass(frozen=True)
class Equalisers:
    """Several equalisers in a row: their gains add."""

    parts: tuple[Equaliser, ...]

    def gain_db(self, frequencies: NDArray[np.floating]) -> NDArray[np.float64]:
        """Gain in dB at the given frequencies (Hz)."""
        result: NDArray[np.float64] = np.sum([p.gain_db(frequencies) for p in self.parts], axis=0)
        return result


@dataclass(frozen=True, kw_only=True)
class Room:
    """Reverberation: early reflections, then noise that decays at a rate per band."""

    decay_seconds: tuple[float, float, float]  # RT60 below 300 Hz, in the middle, above 3 kHz
    reflections: tuple[tuple[float, float], ...]  # (delay s, gain against the direct sound)
    direct_to_reverb_db: float  # energy of direct sound over that of all the rest
    pre_delay_seconds: float
    seed: int  # of the decaying noise


@dataclass(frozen=True, kw_only=True)
class Microphone:
    """What takes the sound, and what it does to it."""

    response: Equaliser
    compression: float  # 0 = none; 0.5 = every 2 dB above the mean become about 1 dB
    drive: float  # 0 = clean; 1 = peaks bent by tanh at full scale
    snr_db: float  # sound over all background noise; inf = none
    hiss_slope: float  # power falls as 1 / f ** slope: 0 white, 1 pink, 2 brown
    hum_hz: float  # 50 or 60; 0 = none
    hum_share: float  # of the noise's amplitude
    rumble_share: float  # of the noise's amplitude, below about 80 Hz
    codec_hz: float  # sharp low-pass like that of a lossy codec; 0 = none
    peak_db: float  # peak of the recording in dBFS
    seed: int  # of the noise


def draw_tone(rng: np.random.Generator) -> Equaliser:
    """The body of one instrument among many of its kind: shelves, resonances (±6 dB) and a tilt."""
    peaks = tuple(
        (
            float(np.exp(rng.uniform(math.log(150), math.log(7000)))),
            float(np.clip(rng.normal(0, 2.5), -6, 6)),
            float(rng.uniform(0.12, 0.7)),
        )
        for _ in range(int(rng.integers(2, 6)))
    )
    return Equaliser(
        tilt_db=float(np.clip(rng.normal(0, 1.2), -3, 3)),
        low_shelf_hz=float(rng.uniform(120, 350)),
        low_shelf_db=float(np.clip(rng.normal(0, 2), -6, 6)),
        high_shelf_hz=float(rng.uniform(2000, 7000)),
        high_shelf_db=float(np.clip(rng.normal(0, 3), -6, 6)),
        peaks=peaks,
    )


def draw_room(rng: np.random.Generator) -> Room:
    """From a dead booth (0.15 s) to a hall (2 s), from beside the player to the back row."""
    middle = float(np.exp(rng.uniform(math.log(0.15), math.log(2.0))))
    count = int(rng.integers(4, 12))
    spread = 0.008 + 0.03 * min(middle, 1.0)
    delays = np.sort(rng.uniform(0.0015, spread, count))
    gains = rng.uniform(0.2, 1.0, count) * np.exp(-delays / spread) * rng.choice([-1, 1], count)
    return Room(
        decay_seconds=(
            middle * float(rng.uniform(0.8, 1.5)),
            middle,
            middle * float(rng.uniform(0.25, 0.8)),
        ),
        reflections=tuple((float(d), float(g)) for d, g in zip(delays, gains, strict=True)),
        direct_to_reverb_db=float(rng.uniform(-4, 18) if rng.random() < 0.85 else 30.0),
        pre_delay_seconds=float(rng.uniform(0.0, 0.02)),
        seed=int(rng.integers(1 << 31)),
    )


def draw_microphone(rng: np.random.Generator) -> Microphone:
    """From a studio condenser to a telephone in a pocket."""
    good = rng.random() < 0.6
    peaks = tuple(
        (
            float(np.exp(rng.uniform(math.log(200), math.log(9000)))),
            float(rng.normal(0, 1.5 if good else 3.5)),
            float(rng.uniform(0.2, 0.8)),
        )
        for _ in range(2)
    )
    low_cut = float(rng.uniform(15, 60) if good else np.exp(rng.uniform(3.4, 5.2)))
    high_cut = float(rng.uniform(14000, 21000) if good else np.exp(rng.uniform(8.3, 9.7)))
    return Microphone(
        response=Equaliser(
            low_shelf_hz=250.0,
            # Proximity effect of a directional microphone near the player, or its want far off.
            low_shelf_db=float(rng.uniform(-4, 6)),
            peaks=peaks,
            low_cut_hz=low_cut,
            high_cut_hz=high_cut,
        ),
        compression=float(rng.uniform(0.1, 0.6)) if rng.random() < 0.4 else 0.0,
        drive=float(rng.uniform(0.2, 1.2)) if rng.random() < 0.35 else 0.0,
        snr_db=float(rng.uniform(20, 60)) if rng.random() < 0.92 else math.inf,
        hiss_slope=float(rng.uniform(0.0, 1.6)),
        hum_hz=float(rng.choice([50.0, 60.0])) if rng.random() < 0.3 else 0.0,
        hum_share=float(rng.uniform(0.1, 0.8)),
        rumble_share=float(rng.uniform(0.1, 1.0)) if rng.random() < 0.4 else 0.0,
        codec_hz=250.0 * round(float(np.exp(rng.uniform(math.log(4000), math.log(16000)))) / 250)
        if rng.random() < 0.25
        else 0.0,
        peak_db=float(rng.uniform(-30, -3)),
        seed=int(rng.integers(1 << 31)),
    )


@lru_cache(maxsize=32)
def _grid(size: int, sample_rate: int) -> NDArray[np.float64]:
    return np.arange(size // 2 + 1, dtype=np.float64) * (sample_rate / size)


def minimum_phase(equaliser: Equaliser | Equalisers, sample_rate: int) -> NDArray[np.float32]:
    """Impulse response (taps,) of an equaliser with minimum phase, so that no onset moves.

    Source: homomorphic construction, Oppenheim & Schafer, Discrete-Time Signal Processing, 13.5.
    """
    size = 2 * _FIR_SIZE
    log_gain = equaliser.gain_db(_grid(size, sample_rate)) * (math.log(10.0) / 20.0)
    cepstrum = fft.irfft(log_gain, size)
    cepstrum[1 : size // 2] *= 2.0
    cepstrum[size // 2 + 1 :] = 0.0
    taps = fft.irfft(np.exp(fft.rfft(cepstrum)), size)[:_FIR_SIZE]
    fade = np.ones(_FIR_SIZE)
    fade[_FIR_SIZE // 2 :] = 0.5 + 0.5 * np.cos(np.linspace(0, np.pi, _FIR_SIZE // 2))
    result: NDArray[np.float32] = (taps * fade).astype(np.float32)
    return result


def impulse_response(
    room: Room, sample_rate: int, *, max_seconds: float = 2.5
) -> NDArray[np.float32]:
    """Impulse response (taps,) of a room; the direct sound is the first sample, of gain 1.

    ``max_seconds`` cuts it: a clip needs no reverberation longer than itself.
    """
    seconds = min(max(room.decay_seconds) * 0.75, max_seconds)  # -45 dB
    size = max(int(seconds * sample_rate), 64)
    rng = np.random.default_rng(room.seed)
    time = np.arange(size, dtype=np.float32) * np.float32(1.0 / sample_rate)
    noise = rng.standard_normal((2, size), dtype=np.float32)
    low, middle, high = (np.float32(-6.9078 / d) for d in room.decay_seconds)
    # First-order splits at 300 Hz and 3 kHz keep the bands' sum flat.
    slow = noise[0] * np.exp(middle * time)
    fast = noise[1] * np.exp(high * time)
    fast -= _one_pole(fast, 3000.0, sample_rate)
    tail = _one_pole(slow, 3000.0, sample_rate) + fast
    if room.decay_seconds[0] != room.decay_seconds[1]:
        below = _one_pole(slow, 300.0, sample_rate)
        tail += below * (np.exp((low - middle) * time) - np.float32(1.0))
    start = max(int(room.pre_delay_seconds * sample_rate), 1)
    tail[:start] = 0.0
    ramp = min(int(0.01 * sample_rate), size - start)  # reverberation builds up over 10 ms
    if ramp > 0:
        tail[start : start + ramp] *= np.linspace(0, 1, ramp, dtype=np.float32)
    energy = float(np.dot(tail, tail))
    tail *= np.float32(math.sqrt(0.6 / max(energy, 1e-12)))
    early = np.zeros(size, dtype=np.float32)
    for delay, gain in room.reflections:
        index = int(delay * sample_rate)
        if 0 < index < size:
            early[index] += gain
    energy = float(np.dot(early, early))
    if energy > 0:
        early *= np.float32(math.sqrt(0.4 / energy))
    response: NDArray[np.float32] = (tail + early) * np.float32(
        10.0 ** (-room.direct_to_reverb_db / 20.0)
    )
    response[0] = 1.0
    return response


def _one_pole(x: NDArray[np.float32], cut_hz: float, sample_rate: int) -> NDArray[np.float32]:
    pole = math.exp(-2.0 * math.pi * cut_hz / sample_rate)
    b = np.array([1.0 - pole], dtype=np.float32)
    a = np.array([1.0, -pole], dtype=np.float32)
    result: NDArray[np.float32] = signal.lfilter(b, a, x)
    return result


def shaped_noise(
    size: int, gain: NDArray[np.floating], rng: np.random.Generator
) -> NDArray[np.float32]:
    """Noise (size,) of RMS 1; ``gain`` is its amplitude in even bands from 0 Hz to Nyquist.

    Longer than 2 ** 17 samples it repeats.
    """
    block = fft.next_fast_len(min(size, _NOISE_SIZE), real=True)
    bins = block // 2 + 1
    spectrum = rng.standard_normal((bins, 2), dtype=np.float32).view(np.complex64)[:, 0]
    spectrum *= np.repeat(gain.astype(np.float32), -(-bins // len(gain)))[:bins]
    noise = fft.irfft(spectrum, block)
    noise *= np.float32(1.0 / max(_rms(noise), 1e-12))
    if block < size:
        noise = np.tile(noise, -(-size // block))
    result: NDArray[np.float32] = noise[:size].astype(np.float32, copy=False)
    return result


def background(microphone: Microphone, size: int, sample_rate: int) -> NDArray[np.float32]:
    """Hiss, rumble and hum of a recording, (size,), of RMS 1."""
    rng = np.random.default_rng(microphone.seed)
    frequencies = _grid(1024, sample_rate)
    hiss = -10.0 * microphone.hiss_slope * np.log10(np.maximum(frequencies, 40.0) / 1000.0)
    power = 10.0 ** (hiss / 10)
    power /= power.sum()
    if microphone.rumble_share > 0:
        rumble = 1.0 / (1.0 + (frequencies / 80.0) ** 4)
        power += microphone.rumble_share**2 * rumble / rumble.sum()
    noise = shaped_noise(size, np.sqrt(power), rng)
    if microphone.hum_hz > 0:
        turn = np.arange(4096) * (2 * np.pi / 4096)
        harmonics = np.arange(1, 7)[:, None]
        waves = np.sin(harmonics * turn + rng.uniform(0, 2 * np.pi, (6, 1))) / harmonics
        period = np.sum(waves * rng.uniform(0.2, 1.0, (6, 1)), axis=0)
        period *= microphone.hum_share / math.sqrt(float(np.mean(period**2)))
        step = microphone.hum_hz / sample_rate * 4096
        at = (np.arange(size) * step).astype(np.int64) & 4095
        noise = noise + period.astype(np.float32)[at]
    return noise * np.float32(1.0 / _rms(noise))


def _rms(waveform: NDArray[np.float32]) -> float:
    flat = waveform.reshape(-1)
    return math.sqrt(float(np.dot(flat, flat)) / max(flat.size, 1))


def ramp(values: NDArray[np.floating], hop: int, size: int) -> NDArray[np.float32]:
    """A curve (size,) through ``values`` at the middles of blocks of ``hop`` samples."""
    points = np.concatenate((values[:1], values, values[-1:])).astype(np.float32)
    fraction = (np.arange(hop, dtype=np.float32) + np.float32(0.5)) / np.float32(hop)
    lines = points[:-1, None] + np.diff(points)[:, None] * fraction
    curve = lines.reshape(-1)[hop // 2 : hop // 2 + size]
    if len(curve) < size:
        curve = np.concatenate((curve, np.full(size - len(curve), points[-1], np.float32)))
    return curve


def compress(waveform: Waveform, sample_rate: int, amount: float) -> Waveform:
    """Bring loud and soft nearer: gain falls by ``amount`` dB per dB above the mean level."""
    hop = max(sample_rate // 100, 1)
    count = waveform.shape[-1] // hop
    if count < 3:
        return waveform
    blocks = waveform[..., : count * hop].reshape(-1, count, hop)
    power = np.mean(np.square(blocks), axis=(0, 2)) + 1e-9
    smooth = signal.lfilter([0.25], [1.0, -0.75], power, zi=[0.75 * power[0]])[0]
    mean = float(np.mean(power))
    gain_db = -amount * np.clip(10 * np.log10(smooth / mean), -25.0, 20.0)
    gain = ramp(10.0 ** (gain_db / 20.0), hop, waveform.shape[-1])
    compressed: Waveform = waveform * gain
    return compressed


def record(
    waveform: Waveform,
    sample_rate: int,
    *,
    tone: Equaliser | None = None,
    room: Room | None = None,
    microphone: Microphone,
) -> Waveform:
    """Take a sound with a microphone in a room.

    Tone, room and microphone response first (all linear, one convolution), then compression, drive
    and codec, then noise, then the level. No onset moves: the direct sound keeps its time.

    ``waveform`` (T,) or (C, T) float32, returned in the same shape, its peak at the microphone's
    ``peak_db`` (so never clipped). Silence stays silence.
    """
    dry_peak = float(np.max(np.abs(waveform), initial=0.0))
    if dry_peak < _SILENCE:
        return np.zeros_like(waveform, dtype=np.float32)
    samples = waveform.shape[-1]
    equaliser = microphone.response if tone is None else tone + microphone.response
    taps = minimum_phase(equaliser, sample_rate)
    if room is not None:
        response = impulse_response(room, sample_rate, max_seconds=min(samples / sample_rate, 2.5))
    else:
        response = np.ones(1, dtype=np.float32)
    wet = _convolve(waveform.astype(np.float32, copy=False), taps, response)
    wet *= np.float32(1.0 / max(float(np.max(np.abs(wet))), _SILENCE))
    if microphone.compression > 0:
        wet = compress(wet, sample_rate, microphone.compression)
        wet *= np.float32(1.0 / max(float(np.max(np.abs(wet))), _SILENCE))
    if microphone.drive > 0:
        drive = np.float32(microphone.drive)
        wet = np.tanh(drive * wet) / np.tanh(drive)
    if 0 < microphone.codec_hz < 0.45 * sample_rate:
        wet = signal.sosfilt(_low_pass(microphone.codec_hz, sample_rate), wet, axis=-1)
    if math.isfinite(microphone.snr_db):
        level = _rms(wet) * 10.0 ** (-microphone.snr_db / 20.0)
        wet = wet + np.float32(level) * background(microphone, samples, sample_rate)
    peak = max(float(np.max(np.abs(wet))), _SILENCE)
    scaled: Waveform = wet * np.float32(10.0 ** (microphone.peak_db / 20.0) / peak)
    return scaled


@lru_cache(maxsize=256)
def _low_pass(cut_hz: float, sample_rate: int) -> NDArray[np.float32]:
    sections: NDArray[np.float32] = signal.butter(10, cut_hz, fs=sample_rate, output="sos").astype(
        np.float32
    )
    return sections


def _convolve(
    waveform: Waveform, taps: NDArray[np.float32], response: NDArray[np.float32]
) -> Waveform:
    """The first T samples of waveform * taps * response."""
    samples = waveform.shape[-1]
    total = samples + len(taps) + len(response)
    if total < 1 << 17:  # one transform of everything
        size = fft.next_fast_len(total, real=True)
        spectrum = fft.rfft(waveform, size) * fft.rfft(taps, size)
        if len(response) > 1:
            spectrum *= fft.rfft(response, size)
        short: Waveform = fft.irfft(spectrum, size)[..., :samples]
        return short
    whole = signal.fftconvolve(taps, response)
    whole = whole.reshape((1,) * (waveform.ndim - 1) + whole.shape)
    long: Waveform = signal.oaconvolve(waveform, whole, axes=-1)[..., :samples]
    return long.astype(np.float32, copy=False)


def augment(waveform: Waveform, sample_rate: int, rng: np.random.Generator) -> Waveform:
    """A real or rendered clip as another instrument, room and microphone would have given it.

    Draws a tone (4 of 5 times), a room (3 of 5 times) and a microphone (always: response, level,
    noise, compression, drive, codec), and applies them. Pure: the same generator state gives the
    same result. Time and pitch stay.

    ``waveform`` (T,) or (C, T) float32; the result has the same shape, float32, peak -30..-3 dBFS.
    """
    tone = draw_tone(rng) if rng.random() < 0.8 else None
    room = draw_room(rng) if rng.random() < 0.6 else None
    return record(waveform, sample_rate, tone=tone, room=room, microphone=draw_microphone(rng))


def describe(part: Equaliser | Room | Microphone) -> dict[str, Any]:
    """The drawn numbers as plain JSON values; infinite becomes None."""

    def plain(value: Any) -> Any:
        if isinstance(value, dict):
            return {key: plain(v) for key, v in value.items()}
        if isinstance(value, list | tuple):
            return [plain(v) for v in value]
        if isinstance(value, float):
            return round(value, 6) if math.isfinite(value) else None
        return value

    described: dict[str, Any] = plain(asdict(part))
    return described
