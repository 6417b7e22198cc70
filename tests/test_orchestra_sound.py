"""The orchestra's sound: phrases, rooms, rendered notes, and whether the truth is true."""

from __future__ import annotations

import contextlib
import math
import struct
import sys
import tempfile
from dataclasses import replace
from pathlib import Path

import mido
import numpy as np
import pytest
import scipy.fft
from hypothesis import given, settings
from hypothesis import strategies as st

from sightsound.errors import ConfigError, DataError, MediaError
from sightsound.orchestra import rooms, synthesis
from sightsound.orchestra.score import (
    COMPASSES,
    SAXOPHONES,
    Note,
    Phrase,
    compose,
    phrase_from_midi,
)
from sightsound.shapes import INSTRUMENTS

RATE = 44100
MISSING = synthesis.missing_packages("train") + synthesis.missing_packages("unheard")


def rendering(test):  # type: ignore[no-untyped-def]
    """Mark a test that needs FluidSynth and the soundfonts."""
    skip = pytest.mark.skipif(bool(MISSING), reason=f"not installed: {', '.join(MISSING)}")
    return pytest.mark.orchestra(skip(test))


# --- Score ----------------------------------------------------------------------------------------


@settings(max_examples=80, deadline=None)
@given(
    instrument=st.sampled_from(INSTRUMENTS),
    seed=st.integers(0, 2**31),
    seconds=st.floats(0.5, 25.0),
)
def test_phrase_is_playable(instrument: str, seed: int, seconds: float) -> None:
    phrase = compose(instrument, seed, seconds)
    compass = COMPASSES[instrument]
    assert phrase.notes
    assert phrase == compose(instrument, seed, seconds)
    assert phrase.notes[0].onset_seconds < 0.25
    assert not phrase.notes[0].slurred
    for note in phrase.notes:
        assert compass.low <= note.pitch <= compass.high
        assert 1 <= note.velocity <= 127
        assert note.duration_seconds > 0
    for before, note in zip(phrase.notes, phrase.notes[1:], strict=False):
        assert before.end_seconds <= note.onset_seconds + 1e-9
        if note.slurred:  # one bow: no gap, and another pitch
            assert note.onset_seconds - before.end_seconds < 1e-6
            assert note.pitch != before.pitch
    assert phrase.notes[-1].end_seconds < seconds


def test_phrases_cover_the_compass_and_hardly_rest() -> None:
    for instrument in ("bassoon", "sax", "violin"):
        phrases = [compose(instrument, seed, 12.0) for seed in range(100)]
        pitches = {note.pitch for phrase in phrases for note in phrase.notes}
        compass = COMPASSES[instrument]
        assert len(pitches) >= 0.9 * (compass.high - compass.low + 1)
        assert len({phrase.piece.split("-")[1] for phrase in phrases}) == 6
        sounding = [
            any(n.onset_seconds < t + 0.4 and n.end_seconds > t + 0.1 for n in phrase.notes)
            for phrase in phrases
            for t in np.arange(0, 11.4, 0.25)
        ]
        assert np.mean(sounding) > 0.95


def test_saxophone_phrase_stays_on_one_saxophone() -> None:
    for seed in range(60):
        pitches = [note.pitch for note in compose("sax", seed, 10.0).notes]
        assert any(lo <= min(pitches) and max(pitches) <= hi for lo, hi in SAXOPHONES.values())


def test_compose_refuses() -> None:
    with pytest.raises(ConfigError, match="kazoo"):
        compose("kazoo", 0, 5.0)
    with pytest.raises(ConfigError, match=r"0\.1"):
        compose("oboe", 0, 0.1)


def midi_file(path: Path, events: list[tuple[int, mido.Message | mido.MetaMessage]]) -> Path:
    """Write a one-track file at 480 ticks a beat; times in ticks from the start."""
    song = mido.MidiFile(ticks_per_beat=480)
    track = mido.MidiTrack()
    song.tracks.append(track)
    now = 0
    for tick, message in sorted(events, key=lambda event: event[0]):
        track.append(message.copy(time=tick - now))
        now = tick
    song.save(path)
    return path


def held(onset: int, end: int, note: int, *, channel: int = 0) -> list[tuple[int, mido.Message]]:
    return [
        (onset, mido.Message("note_on", note=note, velocity=80, channel=channel)),
        (end, mido.Message("note_off", note=note, channel=channel)),
    ]


def test_midi_line_worked_by_hand(tmp_path: Path) -> None:
    events = [
        (0, mido.MetaMessage("set_tempo", tempo=500_000)),  # 0.5 s a beat
        (960, mido.MetaMessage("set_tempo", tempo=1_000_000)),  # from beat 2: 1 s a beat
        *held(480, 980, 72),  # runs 20 ticks into the next: slurred
        *held(480, 960, 60),  # below in the chord: left out
        *held(960, 1200, 74),
        *held(1440, 1920, 76),
        *held(0, 480, 40, channel=9),  # a drum
    ]
    phrase = phrase_from_midi(midi_file(tmp_path / "tune.mid", events), "violin")
    assert [note.pitch for note in phrase.notes] == [72, 74, 76]
    # The first onset, at 0.5 s, becomes 0.1 s; the others are at 1.0 s and 2.0 s.
    np.testing.assert_allclose([n.onset_seconds for n in phrase.notes], [0.1, 0.6, 1.6], atol=1e-9)
    np.testing.assert_allclose([n.duration_seconds for n in phrase.notes], [0.5, 0.5, 1.0])
    assert [note.slurred for note in phrase.notes] == [False, True, False]
    low = phrase_from_midi(tmp_path / "tune.mid", "tuba")
    assert [note.pitch for note in low.notes] == [60, 62, 64]


def chunk(name: bytes, body: bytes) -> bytes:
    return name + struct.pack(">I", len(body)) + body


HEADER = chunk(b"MThd", struct.pack(">hhh", 0, 1, 480))


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"this is a text file",
        b"MThd",
        HEADER,
        HEADER + b"MTrk" + struct.pack(">I", 1000) + b"\x00\x90\x40\x40",
        HEADER + chunk(b"MTrk", b"\x00\xff\x59\x02\x40\x07\x00\xff\x2f\x00"),  # odd key signature
        HEADER + chunk(b"MTrk", b"\x00\xff\x2f\x00"),  # no notes
        HEADER + chunk(b"MTrk", b"\x00\x90\xff\xff" * 4),
        chunk(b"MThd", struct.pack(">hhh", 0, 1, -7400))
        + chunk(b"MTrk", b"\x00\x90\x40\x40\x10\x80\x40\x00\x00\xff\x2f\x00"),  # SMPTE time
    ],
)
def test_bad_midi_is_refused_in_one_line(tmp_path: Path, data: bytes) -> None:
    path = tmp_path / "bad.mid"
    path.write_bytes(data)
    with pytest.raises(MediaError) as caught:
        phrase_from_midi(path, "violin")
    assert "bad.mid" in str(caught.value)
    assert "\n" not in str(caught.value)


@settings(max_examples=150, deadline=None)
@given(cut=st.integers(0, 200), at=st.integers(0, 200), value=st.integers(0, 255))
def test_damaged_midi_never_leaves_another_error(cut: int, at: int, value: int) -> None:
    with tempfile.TemporaryDirectory() as folder:
        path = midi_file(
            Path(folder) / "x.mid", [e for i in range(12) for e in held(i * 240, i * 240 + 200, 60)]
        )
        data = bytearray(path.read_bytes())
        data[at % len(data)] = value
        path.write_bytes(bytes(data[: len(data) - cut % 60]))
        with contextlib.suppress(MediaError):
            phrase_from_midi(path, "cello")


# --- Rooms ----------------------------------------------------------------------------------------


def test_minimum_phase_has_the_gain_and_no_delay() -> None:
    equaliser = rooms.draw_tone(np.random.default_rng(3))
    taps = rooms.minimum_phase(equaliser, RATE)
    frequencies = np.array([150.0, 400.0, 1000.0, 2500.0, 6000.0, 12000.0])
    turns = np.exp(-2j * np.pi * frequencies[:, None] / RATE * np.arange(len(taps)))
    measured = 20 * np.log10(np.abs(turns @ taps))
    np.testing.assert_allclose(measured, equaliser.gain_db(frequencies), atol=0.7)
    assert np.argmax(np.abs(taps)) < 8  # a linear-phase filter would peak in the middle


@pytest.mark.parametrize("decay", [0.3, 1.2])
def test_room_decays_as_said(decay: float) -> None:
    room = replace(rooms.draw_room(np.random.default_rng(0)), decay_seconds=(decay,) * 3)
    response = rooms.impulse_response(room, RATE)
    assert response[0] == 1.0
    tail = response[int(0.06 * RATE) :].astype(np.float64)
    left = 10 * np.log10(np.cumsum(tail[::-1] ** 2)[::-1] / np.sum(tail**2))  # Schroeder
    first, last = np.argmax(left < -5), np.argmax(left < -20)
    assert 4 * (last - first) / RATE == pytest.approx(decay, rel=0.15)
    rest = response[1:].astype(np.float64)
    assert -10 * np.log10(np.sum(rest**2)) == pytest.approx(room.direct_to_reverb_db, abs=1.5)


def test_recording_keeps_level_time_and_noise() -> None:
    rng = np.random.default_rng(1)
    microphone = replace(
        rooms.draw_microphone(rng),
        response=rooms.Equaliser(), compression=0.0, drive=0.0, codec_hz=0.0,
        snr_db=30.0, peak_db=-12.0, hum_hz=50.0,
    )  # fmt: skip
    time = np.arange(RATE) / RATE
    tone = (0.2 * np.sin(2 * np.pi * 440 * time)).astype(np.float32)
    tone[RATE // 2 :] = 0
    taken = rooms.record(tone, RATE, microphone=microphone)
    assert taken.dtype == np.float32
    assert np.max(np.abs(taken)) == pytest.approx(10 ** (-12 / 20), rel=1e-4)
    sound = np.sqrt(np.mean(taken[: RATE // 2] ** 2) / 2)  # the mean over both halves
    noise = np.sqrt(np.mean(taken[RATE // 2 + 2000 :] ** 2))
    assert 20 * np.log10(sound / noise) == pytest.approx(30, abs=1.0)

    click = np.zeros(RATE, dtype=np.float32)
    click[5000] = 0.5
    room = rooms.draw_room(np.random.default_rng(2))
    quiet = replace(microphone, snr_db=math.inf)
    assert np.argmax(np.abs(rooms.record(click, RATE, room=room, microphone=quiet))) == 5000


@settings(max_examples=60, deadline=None)
@given(
    seed=st.integers(0, 2**31),
    shape=st.sampled_from([(22050,), (1, 22050), (2, 8000), (1,), (40,), (150_000,)]),
    sample_rate=st.sampled_from([8000, 16000, 44100, 96000]),
)
def test_augment_is_pure_finite_and_never_clips(
    seed: int, shape: tuple[int, ...], sample_rate: int
) -> None:
    clip = np.random.default_rng(seed).normal(0, 0.1, shape).astype(np.float32)
    before = clip.copy()
    made = rooms.augment(clip, sample_rate, np.random.default_rng(seed))
    assert made.shape == shape
    assert made.dtype == np.float32
    assert np.isfinite(made).all()
    assert np.max(np.abs(made)) <= 10 ** (-2.9 / 20)
    if shape[-1] > 1:  # of one sample, filters leave what they will
        assert np.max(np.abs(made)) >= 10 ** (-30.1 / 20)
    np.testing.assert_array_equal(clip, before)
    np.testing.assert_array_equal(
        made, rooms.augment(clip, sample_rate, np.random.default_rng(seed))
    )


def test_augment_varies_and_leaves_silence() -> None:
    clip = np.random.default_rng(0).normal(0, 0.1, 22050).astype(np.float32)
    made = [rooms.augment(clip, RATE, np.random.default_rng(seed)) for seed in range(6)]
    for index, one in enumerate(made):
        for other in made[index + 1 :]:
            assert abs(np.corrcoef(one, other)[0, 1]) < 0.999
    silence = np.zeros(22050, dtype=np.float32)
    assert not rooms.augment(silence, RATE, np.random.default_rng(0)).any()


# --- Synthesis ------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def performed() -> dict[tuple[str, str], list[tuple[Phrase, synthesis.RenderedSound]]]:
    """Two performances of eight seconds a set of voices and instrument."""
    made: dict[tuple[str, str], list[tuple[Phrase, synthesis.RenderedSound]]] = {}
    for voices in ("train", "unheard"):
        for instrument in INSTRUMENTS:
            phrases = [compose(instrument, seed, 8.0) for seed in (50, 51)]
            made[voices, instrument] = [
                (phrase, synthesis.perform_sound(phrase, seed, seed + 90, voices=voices))
                for seed, phrase in enumerate(phrases)
            ]
    return made


@rendering
def test_all_instruments_sound_and_none_clips(performed) -> None:  # type: ignore[no-untyped-def]
    for made in performed.values():
        for phrase, sound in made:
            assert sound.waveform.shape == sound.dry.shape == (1, round(phrase.seconds * RATE))
            assert sound.waveform.dtype == np.float32
            assert 0.03 < np.max(np.abs(sound.waveform)) < 0.72
            truth = sound.truth
            assert len(truth.frame_times) == len(truth.pitch_hz) == 200
            playing = truth.note_index >= 0
            inner = playing & (np.roll(truth.note_index, 2) == truth.note_index)
            assert np.median(truth.loudness_db[inner]) > -45
            assert truth.loudness_db[inner].min() > -70
            assert ((truth.pitch_hz > 0) == playing).all()


def comb_cents(sound: np.ndarray, pitch_hz: float) -> float:
    """How many cents a tone lies off ``pitch_hz``, by its harmonics; searched over ±250."""
    padded = 1 << 16
    spectrum = np.sqrt(np.abs(np.fft.rfft(sound * np.hanning(len(sound)), padded)))
    cents = np.arange(-250, 251, 5.0)
    at = pitch_hz * 2 ** (cents[:, None] / 1200) * np.arange(1, 9) * padded / RATE
    return float(cents[np.argmax(np.interp(at, np.arange(len(spectrum)), spectrum).sum(axis=1))])


@rendering
def test_true_pitch_is_what_sounds(performed) -> None:  # type: ignore[no-untyped-def]
    """Catches: a sample left out of tune, a wrong octave, cut notes that sound on, late truth."""
    for key, made in performed.items():
        errors = []
        for _, sound in made:
            index = sound.truth.note_index
            for frame in range(3, len(index) - 3, 4):
                if index[frame] < 0 or (index[frame - 3 : frame + 4] != index[frame]).any():
                    continue
                middle = round(sound.truth.frame_times[frame] * RATE)
                span = sound.dry[0, middle - 2205 : middle + 2205]
                errors.append(comb_cents(span, float(sound.truth.pitch_hz[frame])))
        assert len(errors) > 20, key
        assert np.mean(np.abs(errors) <= 50) > 0.95, key
        assert abs(np.median(errors)) <= 10, key


def energy_rise(sound: np.ndarray, hop: int = 220, size: int = 1024) -> np.ndarray:
    """Spectral flux: the sum of what grew between frames ``hop`` apart."""
    padded = np.pad(sound / np.max(np.abs(sound)), size // 2).astype(np.float32)
    frames = np.lib.stride_tricks.sliding_window_view(padded, size)[::hop]
    spectra = scipy.fft.rfft(frames * np.hanning(size).astype(np.float32), axis=1)[:, :256]
    loudness = np.log1p(np.abs(spectra) * np.float32(1000 / size))
    return np.maximum(np.diff(loudness, axis=0), 0).sum(axis=1)


LAGS = np.arange(-0.12, 0.121, 0.005)


def rise_by_lag(made, *, wet: bool) -> np.ndarray:  # type: ignore[no-untyped-def]
    """How much the sound rises at the true onsets moved by each of ``LAGS``."""
    total = np.zeros(len(LAGS))
    for _, sound in made:
        rise = energy_rise((sound.waveform if wet else sound.dry)[0])
        times = (np.arange(len(rise)) + 0.5) * 220 / RATE
        total += [np.interp(sound.truth.onset_times + lag, times, rise).mean() for lag in LAGS]
    return total


@rendering
def test_true_onsets_are_where_the_sound_rises(performed) -> None:  # type: ignore[no-untyped-def]
    """Catches: truth 40 ms early or late, a room that delays, a soft attack left unskipped."""
    lags = np.array([LAGS[np.argmax(rise_by_lag(m, wet=False))] for m in performed.values()])
    wet = np.array([LAGS[np.argmax(rise_by_lag(m, wet=True))] for m in performed.values()])
    # A note rises for 10 to 60 ms (low brass longest), fastest in the middle of that. Truth moved
    # by 40 ms either way would put both medians and most instruments out of these bounds.
    assert (lags >= -0.005).all(), lags
    assert (lags <= 0.045).all(), lags
    assert 0.0 <= np.median(lags) <= 0.02
    assert 0.0 <= np.median(wet) <= 0.025


@rendering
def test_true_loudness_is_the_sound_s(performed) -> None:  # type: ignore[no-untyped-def]
    for made in performed.values():
        sound = made[0][1]
        for frame in range(5, 195, 16):
            middle = round(sound.truth.frame_times[frame] * RATE)
            power = np.mean(sound.dry[0, middle - 882 : middle + 882].astype(np.float64) ** 2)
            expected = 10 * math.log10(max(power, 1e-8))
            assert sound.truth.loudness_db[frame] == pytest.approx(expected, abs=0.1)


@rendering
def test_same_seeds_same_bytes_whatever_came_before() -> None:
    phrase = compose("viola", 7, 4.0)
    first = synthesis.perform_sound(phrase, 1, 2)
    synthesis.perform_sound(compose("trumpet", 3, 1.7), 5, 5)
    again = synthesis.perform_sound(phrase, 1, 2)
    assert first.waveform.tobytes() == again.waveform.tobytes()
    assert first.truth.pitch_hz.tobytes() == again.truth.pitch_hz.tobytes()
    assert first.description == again.description


@rendering
def test_room_and_player_are_drawn_apart() -> None:
    phrase = compose("oboe", 1, 2.0)
    base = synthesis.perform_sound(phrase, 1, 1).description
    other_room = synthesis.perform_sound(phrase, 1, 2).description
    other_player = synthesis.perform_sound(phrase, 2, 1).description
    for part in ("voice", "playing", "tone"):
        assert base[part] == other_room[part]
    for part in ("room", "microphone"):
        assert base[part] == other_player[part] != other_room[part]
    assert base["playing"] != other_player["playing"]
    assert base["tone"] != other_player["tone"]


@rendering
def test_slur_joins_and_detached_note_does_not() -> None:
    """Between slurred notes the sound hardly dips; between detached ones it falls by 20 dB."""
    for slurred, dips in ((True, False), (False, True)):
        notes = tuple(
            Note(0.1 + 0.5 * i, 0.5 if slurred else 0.35, 67 + 2 * i, 80, slurred and i > 0, "long")
            for i in range(4)
        )
        sound = synthesis.perform_sound(
            Phrase("violin", notes, 2.4, 120.0, "test"), 3, 3, frame_times=np.arange(240) / 100
        )
        between = sound.truth.loudness_db[55:62].min()
        assert (between < np.median(sound.truth.loudness_db[20:180]) - 20) == dips


@rendering
@pytest.mark.parametrize(
    ("instrument", "program", "key"), [("double_bass", 43, 62), ("violin", 40, 94)]
)
def test_presets_with_gaps_still_sound(instrument: str, program: int, key: int) -> None:
    """FluidR3's contrabass has no samples above key 57, and its violin none at 94."""
    voice = next(v for v in synthesis.TRAIN[instrument] if v.program == program and not v.shift)
    other, cents = synthesis._sampled_key(voice, key)
    assert voice.soundfont == "FluidR3"
    assert 0 < abs(other - key) <= 6
    assert abs(cents) < 35
    notes = tuple(Note(0.1 + 0.4 * i, 0.4, key + 2 - i, 90, False, "detached") for i in range(4))
    phrase = Phrase(instrument, notes, 1.8, 120.0, "test")
    dry, _ = synthesis._play(
        phrase,
        voice,
        replace(synthesis.draw_playing(np.random.default_rng(0), instrument), shift=0),
        rooms.Equaliser(),
    )
    for note in notes:
        middle = round((note.onset_seconds + 0.2) * RATE)
        assert np.sqrt(np.mean(dry[middle - 2000 : middle + 2000] ** 2)) > 0.01


@rendering
def test_other_rates_and_times() -> None:
    phrase = compose("flute", 2, 1.5)
    times = np.linspace(0, 1.49, 17)
    sound = synthesis.perform_sound(phrase, 0, 0, sample_rate=16000, frame_times=times)
    assert sound.waveform.shape == (1, 24000)
    np.testing.assert_array_equal(sound.truth.frame_times, times)
    with pytest.raises(ConfigError, match="100 Hz"):
        synthesis.perform_sound(phrase, 0, 0, sample_rate=100)
    with pytest.raises(ConfigError, match="'heard'"):
        synthesis.perform_sound(phrase, 0, 0, voices="heard")  # type: ignore[arg-type]


def test_unheard_voices_share_no_soundfont_with_training() -> None:
    assert set(synthesis.TRAIN) == set(synthesis.UNHEARD) == set(INSTRUMENTS)
    train = {v.soundfont for voices in synthesis.TRAIN.values() for v in voices}
    unheard = {v.soundfont for voices in synthesis.UNHEARD.values() for v in voices}
    assert train == {"FluidR3", "MuseScore"}
    assert unheard == {"TimGM6mb"}


def test_missing_soundfont_or_library_is_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(synthesis._SOUNDFONTS, "FluidR3", (("/nowhere/x.sf2",), "fluid-font"))
    with pytest.raises(DataError, match="fluid-font") as caught:
        synthesis._Sampler("FluidR3")
    assert "\n" not in str(caught.value)
    assert "fluid-font" in synthesis.missing_packages("train")
    monkeypatch.setitem(synthesis._SOUNDFONTS, "FluidR3", ((__file__,), "fluid-font"))
    monkeypatch.setitem(sys.modules, "fluidsynth", None)
    with pytest.raises(DataError, match="pyfluidsynth") as caught:
        synthesis._Sampler("FluidR3")
    assert "\n" not in str(caught.value)
