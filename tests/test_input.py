"""What must work and what must be refused, through the command line, on a tiny model.

Refused means: exit code 2, one line, and nothing written.
"""

from __future__ import annotations

import errno
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
import soundfile
from PIL import Image as PillowImage

import sightsound.media.files
from samples import Files, tone, write_pictures, write_sounds, write_videos
from sightsound.cli import main
from sightsound.media.metadata import read_metadata
from tiny_models import tiny_package

Run = Callable[..., tuple[int, list[str]]]


@pytest.fixture(scope="module")
def package(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("models") / "tiny"
    tiny_package(folder)
    return folder


@pytest.fixture(scope="module")
def sounds(tmp_path_factory: pytest.TempPathFactory) -> tuple[Files, Files]:
    return write_sounds(tmp_path_factory.mktemp("sounds"))


@pytest.fixture(scope="module")
def pictures(tmp_path_factory: pytest.TempPathFactory) -> tuple[Files, Files]:
    return write_pictures(tmp_path_factory.mktemp("pictures"))


@pytest.fixture(scope="module")
def videos(tmp_path_factory: pytest.TempPathFactory) -> tuple[Files, Files]:
    return write_videos(tmp_path_factory.mktemp("videos"))


@pytest.fixture
def run(package: Path, capsys: pytest.CaptureFixture[str]) -> Run:
    def call(*arguments: object) -> tuple[int, list[str]]:
        code = main(["generate", *map(str, arguments), "--model", str(package)])
        return code, capsys.readouterr().err.splitlines()

    return call


def check_refused(run: Run, folder: Path, name: str, *arguments: object, file: Path) -> None:
    code, errors = run(*arguments)
    assert code == 2, f"{name}: exit code {code}"
    assert len(errors) == 1, f"{name}: {errors}"
    assert errors[0].startswith("sightsound: error: "), f"{name}: {errors}"
    shown = sightsound.media.files.shown(file)
    assert shown in errors[0], f"{name}: does not say where: {errors}"
    assert 30 < len(errors[0]) - len(shown) < 400, f"{name}: {errors}"
    assert list(folder.iterdir()) == [], f"{name}: left something behind"


# --- Files that must work -------------------------------------------------------------------


def test_every_good_sound_becomes_a_picture(
    run: Run, sounds: tuple[Files, Files], tmp_path: Path
) -> None:
    for name, path in sounds[0].items():
        output = tmp_path / f"{name}.png"
        assert run(path, "-o", output) == (0, []), name
        with PillowImage.open(output) as picture:
            assert picture.size == (16, 16), name


def test_the_same_tone_in_every_container_gives_the_same_picture(
    run: Run, sounds: tuple[Files, Files], tmp_path: Path
) -> None:
    for name in ("wav_16_bit", "wav_24_bit", "wav_64_bit_float", "wav_64_bit_integer", "aiff"):
        run(sounds[0][name], "-o", tmp_path / f"{name}.png")
    pixels = [np.asarray(PillowImage.open(p)).astype(int) for p in sorted(tmp_path.iterdir())]
    assert max(np.abs(other - pixels[0]).max() for other in pixels) <= 2


def test_every_good_picture_becomes_a_sound(
    run: Run, pictures: tuple[Files, Files], tmp_path: Path
) -> None:
    for name, path in pictures[0].items():
        output = tmp_path / f"{name}.wav"
        assert run(path, "-o", output, "--seconds", 0.1) == (0, []), name
        assert soundfile.info(output).frames == 1600, name


def test_nothing_private_comes_along(
    run: Run, pictures: tuple[Files, Files], tmp_path: Path
) -> None:
    for suffix in ("wav", "flac", "mp3", "m4a", "ogg"):
        output = tmp_path / f"out.{suffix}"
        assert run(pictures[0]["private"], "-o", output, "--seconds", 0.5)[0] == 0
        assert b"Secret" not in output.read_bytes()
        assert read_metadata(output)["synthetic"] == "true"


def test_every_good_video_is_heard_and_seen(
    run: Run, videos: tuple[Files, Files], tmp_path: Path
) -> None:
    for name, path in videos[0].items():
        assert run(path, "-o", tmp_path / f"{name}.png") == (0, []), name
        assert run(path, "-o", tmp_path / f"{name}.wav", "--seconds", 0.1) == (0, []), name


# --- Files that must be refused ---------------------------------------------------------------


def test_every_bad_sound_is_refused(run: Run, sounds: tuple[Files, Files], tmp_path: Path) -> None:
    for name, path in sounds[1].items():
        if name == "folder":
            continue  # a folder is searched: see below
        check_refused(run, tmp_path, name, path, "-o", tmp_path / "x.png", file=path)


def test_every_bad_picture_is_refused(
    run: Run, pictures: tuple[Files, Files], tmp_path: Path
) -> None:
    for name, path in pictures[1].items():
        check_refused(run, tmp_path, name, path, "-o", tmp_path / "x.wav", file=path)


def test_every_bad_video_is_refused_as_a_sound(
    run: Run, videos: tuple[Files, Files], tmp_path: Path
) -> None:
    assert "without_sound" in videos[1]
    for name, path in videos[1].items():
        check_refused(run, tmp_path, name, path, "-o", tmp_path / "x.png", file=path)


def test_an_empty_folder_is_refused(run: Run, sounds: tuple[Files, Files], tmp_path: Path) -> None:
    folder = sounds[1]["folder"]
    check_refused(run, tmp_path, "folder", folder, "-o", tmp_path / "x.png", file=folder)


def test_a_batch_of_good_and_bad_files(
    package: Path,
    sounds: tuple[Files, Files],
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    good = set(sounds[0].values())
    bad = {path for name, path in sounds[1].items() if name not in ("folder", "missing")}
    files = [str(path) for path in sorted(good | bad)]
    arguments = ["generate", *files, "-o", str(tmp_path), "--json", "--model", str(package)]
    assert main(arguments) == 2
    captured = capsys.readouterr()
    report = json.loads(captured.out)
    assert {Path(result["input"]) for result in report["results"]} == good
    assert {Path(failure["input"]) for failure in report["failures"]} == bad
    assert len(captured.err.splitlines()) == len(bad)
    assert len(list(tmp_path.iterdir())) == len(good)


# --- Limits -----------------------------------------------------------------------------------


@pytest.mark.slow
def test_three_hours_in_constant_memory(package: Path, tmp_path: Path) -> None:
    minute = (np.sin(np.arange(8000 * 60) / 5) * 100 + 128).astype(np.uint8)
    peaks = []
    for minutes in (1, 180):
        sound = tmp_path / f"{minutes}.wav"
        with soundfile.SoundFile(sound, "w", 8000, 1, "PCM_U8") as file:
            for _ in range(minutes):
                file.write((minute.astype(np.int16) - 128) << 8)
        command = [sys.executable, "-c", MEASURED, "generate", str(sound)]
        command += ["-o", str(tmp_path / f"{minutes}.png"), "--model", str(package)]
        result = subprocess.run(command, capture_output=True, text=True, env=one_thread())
        assert result.returncode == 0, result.stderr
        peaks.append(int(result.stderr.splitlines()[-1]))
    assert peaks[1] < peaks[0] + 40_000  # kB: three hours at this rate would be 690 000 as floats
    with PillowImage.open(tmp_path / "180.png") as row:
        assert row.size == (8 * 18 - 2, 16)


MEASURED = """
import resource, sys
from sightsound.cli import main
code = main()
print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss, file=sys.stderr)
sys.exit(code)
"""


def one_thread() -> dict[str, str]:
    return {**os.environ, "SIGHTSOUND_THREADS": "1", "OMP_NUM_THREADS": "1"}


def test_limits_are_settable(
    run: Run, sounds: tuple[Files, Files], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    short = sounds[1]["short"]
    assert run(short, "-o", tmp_path / "x.png")[0] == 2
    monkeypatch.setenv("SIGHTSOUND_MIN_SECONDS", "0.3")
    assert run(short, "-o", tmp_path / "x.png") == (0, [])
    monkeypatch.setenv("SIGHTSOUND_MAX_SECONDS", "0.35")
    code, errors = run(short, "-o", tmp_path / "y.png")
    assert code == 2
    assert "SIGHTSOUND_MAX_SECONDS" in errors[0]


def test_moving_pictures_have_an_end(run: Run, tmp_path: Path) -> None:
    sound = tmp_path / "in" / "long.flac"
    sound.parent.mkdir()
    soundfile.write(sound, tone(8000, seconds=601), 8000)
    out = tmp_path / "out"
    out.mkdir()
    check_refused(run, out, "long", sound, "-o", out / "x.gif", file=sound)
    assert run(sound, "-o", out / "x.png") == (0, [])


# --- Outputs that cannot be written -----------------------------------------------------------


@pytest.fixture
def full_disk(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Every file fills the disk when it is brought to it."""

    def no_space(descriptor: int) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(sightsound.media.files.os, "fsync", no_space)
    yield
    monkeypatch.undo()


@pytest.mark.usefixtures("full_disk")
@pytest.mark.parametrize("suffix", [".png", ".gif", ".mp4", ".wav", ".ogg", ".m4a"])
def test_a_full_disk(
    run: Run,
    sounds: tuple[Files, Files],
    pictures: tuple[Files, Files],
    tmp_path: Path,
    suffix: str,
) -> None:
    to_sound = suffix in (".wav", ".ogg", ".m4a")
    source = pictures[0]["png"] if to_sound else sounds[0]["wav_16_bit"]
    output = tmp_path / f"x{suffix}"
    check_refused(run, tmp_path, suffix, source, "-o", output, file=output)
    output.write_bytes(b"what was here before")
    code, errors = run(source, "-o", output)
    assert code == 2
    assert "No space left" in errors[0]
    assert output.read_bytes() == b"what was here before"


def test_outputs_of_other_kinds(run: Run, sounds: tuple[Files, Files], tmp_path: Path) -> None:
    for name in ("x.xyz", "x.bmp", "x.txt", "x.avi"):
        check_refused(
            run, tmp_path, name, sounds[0]["wav_16_bit"], "-o", tmp_path / name, file=tmp_path
        )
    (tmp_path / "folder.png").mkdir()
    # A folder that is there is a folder, whatever its name.
    assert run(sounds[0]["wav_16_bit"], "-o", tmp_path / "folder.png") == (0, [])
    assert [path.name for path in (tmp_path / "folder.png").iterdir()] == ["wav_16_bit.png"]


# --- Models and data sets -----------------------------------------------------------------------


def test_altered_models(
    package: Path, sounds: tuple[Files, Files], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    def missing(folder: Path) -> None:
        (folder / "s2i_generate.onnx").unlink()

    def altered(folder: Path) -> None:
        with (folder / "s2i_generate.onnx").open("r+b") as file:
            file.seek(-100, os.SEEK_END)
            file.write(b"\x01\x02\x03")

    def future(folder: Path) -> None:
        text = (folder / "model.json").read_text().replace('"format": 1', '"format": 99')
        (folder / "model.json").write_text(text)

    for change in (missing, altered, future):
        folder = tmp_path / change.__name__
        shutil.copytree(package, folder)
        change(folder)
        arguments = [str(sounds[0]["wav_16_bit"]), "-o", str(tmp_path / "x.png")]
        assert main(["generate", *arguments, "--model", str(folder)]) == 2
        error = capsys.readouterr().err
        assert error.count("\n") == 1
        assert str(folder) in error
        assert not (tmp_path / "x.png").exists()


@pytest.mark.parametrize("content", [None, "", "{", '{"format": 99}', '{"format": 1}'])
def test_data_sets_that_are_missing_or_half_written(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], content: str | None
) -> None:
    folder = tmp_path / "data"
    (folder / "performances").mkdir(parents=True)
    if content is not None:
        (folder / "dataset.json").write_text(content)
    assert main(["data", "show", str(folder)]) == 2
    error = capsys.readouterr().err
    assert error.count("\n") == 1
    assert str(folder) in error
    assert main(["data", "show", str(tmp_path / "nowhere")]) == 2
    assert capsys.readouterr().err.count("\n") == 1
