"""The command line: exit codes, one-line errors, speed, and what it must not import."""

from __future__ import annotations

import contextlib
import io
import json
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from importlib import metadata
from pathlib import Path

import numpy as np
import pytest
import soundfile
from PIL import Image as PillowImage

import sightsound
from sightsound.cli import main
from sightsound.media.metadata import read_metadata
from sightsound.media.video import read_frames
from tiny_models import tiny_package

RATE = 16_000
Run = Callable[..., tuple[int, str, list[str]]]


@pytest.fixture(scope="module")
def package(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("models") / "tiny"
    tiny_package(folder)
    return folder


@pytest.fixture
def run(package: Path, capsys: pytest.CaptureFixture[str]) -> Run:
    """``sightsound generate … --model tiny`` → exit code, standard output, lines of errors."""

    def call(*arguments: object) -> tuple[int, str, list[str]]:
        code = main(["generate", *map(str, arguments), "--model", str(package)])
        captured = capsys.readouterr()
        errors = [line for line in captured.err.splitlines() if line.strip()]
        assert all(line.startswith("sightsound: error: ") for line in errors), captured.err
        return code, captured.out, errors

    return call


def write_tone(path: Path, seconds: float = 1.0, frequency: float = 440.0) -> Path:
    time_ = np.arange(round(seconds * RATE)) / RATE
    path.parent.mkdir(parents=True, exist_ok=True)
    soundfile.write(path, 0.5 * np.sin(2 * np.pi * frequency * time_), RATE)
    return path


def write_picture(path: Path, seed: int = 0) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    pixels = np.random.default_rng(seed).integers(0, 256, (20, 30, 3), np.uint8)
    PillowImage.fromarray(pixels).save(path)
    return path


def files_below(folder: Path) -> list[str]:
    return sorted(str(p.relative_to(folder)) for p in folder.rglob("*") if p.is_file())


def pixels_of(path: Path) -> np.ndarray:
    with PillowImage.open(path) as picture:
        return np.asarray(picture.convert("RGB"))


# --- generate: what may not cost the rest of a batch -----------------------------------------


def test_a_name_that_is_no_text_is_served_like_any_other(run: Run, tmp_path: Path) -> None:
    sound = write_tone(tmp_path / "a.wav").rename(tmp_path / os.fsdecode(b"caf\xe9.wav"))
    code, _, errors = run(sound, "-o", tmp_path / "out")
    assert (code, errors) == (0, [])
    assert len(files_below(tmp_path / "out")) == 1
    printed = io.TextIOWrapper(io.BytesIO(), encoding="utf-8")
    with contextlib.redirect_stdout(printed):
        assert main(["generate", str(sound), "-o", str(tmp_path / "again"), "--json"]) == 0
    printed.seek(0)
    assert "caf\\udce9" in printed.read()


@pytest.mark.parametrize("empty", ["empty/", "none-*.wav", "x" * 300 + ".wav"])
def test_an_input_that_holds_nothing_costs_itself_alone(
    run: Run, tmp_path: Path, empty: str
) -> None:
    (tmp_path / "empty").mkdir()
    sound = write_tone(tmp_path / "a.wav")
    code, _, errors = run(sound, f"{tmp_path}/{empty}", "-o", tmp_path / "out")
    assert code == 2
    assert len(errors) == 1
    assert files_below(tmp_path / "out") == ["a.png"]


def test_what_was_made_below_an_input_folder_is_no_input(run: Run, tmp_path: Path) -> None:
    write_tone(tmp_path / "a.wav")
    for _ in range(2):
        assert run(tmp_path, "-o", tmp_path / "out")[0] == 0
    assert files_below(tmp_path) == ["a.wav", "out/a.png"]


def test_several_inputs_make_no_folder_with_the_name_of_a_picture(run: Run, tmp_path: Path) -> None:
    sounds = [write_tone(tmp_path / name) for name in ("a.wav", "b.wav")]
    code, _, errors = run(*sounds, "-o", tmp_path / "made.bmp")
    assert code == 2
    assert ".bmp" in errors[0]
    assert files_below(tmp_path) == ["a.wav", "b.wav"]


def test_no_output_is_another_input(run: Run, tmp_path: Path) -> None:
    write_tone(tmp_path / "a.wav")
    picture = write_picture(tmp_path / "a-1.png")
    before = picture.read_bytes()
    code, _, errors = run(tmp_path / "a.wav", picture, "-o", tmp_path, "--count", "2")
    assert code == 2
    assert "the output is another input" in errors[0]
    assert picture.read_bytes() == before
    assert files_below(tmp_path) == ["a-1-1.wav", "a-1-2.wav", "a-1.png", "a.wav"]


@pytest.mark.parametrize(("given", "output"), [("", "out"), ("a.wav", "")])
def test_an_empty_name_is_not_the_current_folder(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, given: str, output: str
) -> None:
    write_tone(tmp_path / "a.wav")
    monkeypatch.chdir(tmp_path)
    code, _, errors = run(given, "-o", output)
    assert code == 2
    assert "has an empty name" in errors[0]
    assert files_below(tmp_path) == ["a.wav"]


# --- generate: files ----------------------------------------------------------------------


@pytest.mark.parametrize("suffix", [".png", ".jpg", ".webp"])
@pytest.mark.parametrize("seconds", [0.5, 3.0, 8.0])
def test_a_short_sound_gives_one_square_picture(
    run: Run, tmp_path: Path, suffix: str, seconds: float
) -> None:
    sound = write_tone(tmp_path / "clip.flac", seconds)
    code, out, errors = run(sound, "-o", tmp_path / f"picture{suffix}")
    assert (code, errors) == (0, [])
    assert str(tmp_path / f"picture{suffix}") in out
    assert pixels_of(tmp_path / f"picture{suffix}").shape == (16, 16, 3)


def test_a_longer_sound_gives_a_row_or_moves(run: Run, tmp_path: Path) -> None:
    sound = write_tone(tmp_path / "clip.flac", 9.0)
    for name in ("row.png", "move.webp", "move.gif", "move.mp4"):
        assert run(sound, "-o", tmp_path / name)[0] == 0
    assert pixels_of(tmp_path / "row.png").shape == (16, 8 * 18 - 2, 3)
    for name in ("move.webp", "move.gif"):
        with PillowImage.open(tmp_path / name) as moving:
            assert moving.size == (16, 16)
            shown = 0
            for frame in range(moving.n_frames):
                moving.seek(frame)
                moving.load()
                shown += moving.info["duration"]
            assert shown == 9000  # the sound's time
    from sightsound.media.audio import read_audio

    frames = list(read_frames(tmp_path / "move.mp4"))
    assert len(frames) == 90
    assert read_audio(tmp_path / "move.mp4").seconds == pytest.approx(9.0, abs=0.1)


def test_the_row_is_settable(run: Run, tmp_path: Path) -> None:
    long, short = write_tone(tmp_path / "a.wav", 9.0), write_tone(tmp_path / "b.wav", 2.0)
    assert run(long, "-o", tmp_path / "one.png", "--row", 1)[0] == 0
    assert run(short, "-o", tmp_path / "three.webp", "--row", 3)[0] == 0
    assert pixels_of(tmp_path / "one.png").shape == (16, 16, 3)
    assert pixels_of(tmp_path / "three.webp").shape == (16, 3 * 18 - 2, 3)


@pytest.mark.parametrize("suffix", [".wav", ".flac", ".ogg", ".mp3", ".m4a"])
def test_a_picture_gives_a_sound_of_the_length_asked_for(
    run: Run, tmp_path: Path, suffix: str
) -> None:
    from sightsound.media.audio import read_audio

    picture, sound = write_picture(tmp_path / "photo.jpg"), tmp_path / f"sound{suffix}"
    assert run(picture, "-o", sound, "--seconds", 1.5)[0] == 0
    assert read_audio(sound).seconds == pytest.approx(1.5, abs=0.1)


def test_a_video_is_heard_or_seen_as_the_output_says(run: Run, tmp_path: Path) -> None:
    sound = write_tone(tmp_path / "clip.wav")
    run(sound, "-o", tmp_path / "clip.mp4")
    assert run(tmp_path / "clip.mp4", "-o", tmp_path / "heard.png")[0] == 0
    assert run(tmp_path / "clip.mp4", "-o", tmp_path / "seen.wav", "--seconds", 0.5)[0] == 0
    code, _, errors = run(
        tmp_path / "clip.mp4", "-o", tmp_path / "x.wav", "--direction", "sound_to_image"
    )
    assert code == 2
    assert len(errors) == 1


def test_same_seed_same_bytes_and_other_seeds_differ(run: Run, tmp_path: Path) -> None:
    sound, picture = write_tone(tmp_path / "a.wav"), write_picture(tmp_path / "b.png")
    for source, suffix in ((sound, ".png"), (sound, ".gif"), (sound, ".mp4"), (picture, ".flac")):
        made = [tmp_path / f"{name}{suffix}" for name in ("default", "zero", "one")]
        for path, seed in zip(made, ([], ["--seed", 0], ["--seed", 1]), strict=True):
            assert run(source, "-o", path, "--seconds", 0.6, *seed)[0] == 0
        assert made[0].read_bytes() == made[1].read_bytes()
        assert made[0].read_bytes() != made[2].read_bytes()
        if source is sound:  # not only the seed in the metadata: the picture itself
            zero, one = (
                (pixels_of(path) for path in made[1:])
                if suffix != ".mp4"
                else (next(iter(read_frames(path))).pixels for path in made[1:])
            )
            assert np.abs(zero.astype(int) - one).max() > 5


def test_variants_are_numbered_and_each_is_found_by_its_seed(run: Run, tmp_path: Path) -> None:
    sound = write_tone(tmp_path / "a.wav")
    assert run(sound, "-o", tmp_path / "v.png", "--count", 3, "--seed", 5)[0] == 0
    assert run(sound, "-o", tmp_path / "single.png", "--seed", 7)[0] == 0
    names = ["v-1.png", "v-2.png", "v-3.png"]
    assert [read_metadata(tmp_path / name)["seed"] for name in names] == ["5", "6", "7"]
    assert (tmp_path / "v-3.png").read_bytes() == (tmp_path / "single.png").read_bytes()
    assert not (tmp_path / "v.png").exists()
    assert run(sound, "-o", tmp_path / "w.png", "--count", 10)[0] == 0
    assert (tmp_path / "w-01.png").exists()


@pytest.mark.parametrize(
    "name", ["o.png", "o.jpg", "o.webp", "o.gif", "o.mp4", "o.wav", "o.flac", "o.ogg", "o.m4a"]
)
def test_every_output_says_that_it_is_synthetic(
    run: Run, tmp_path: Path, package: Path, name: str
) -> None:
    to_sound = name.endswith((".wav", ".flac", ".ogg", ".m4a"))
    source = write_picture(tmp_path / "i.png") if to_sound else write_tone(tmp_path / "i.wav")
    assert run(source, "-o", tmp_path / name, "--seed", 3)[0] == 0
    assert read_metadata(tmp_path / name) == {
        "software": f"sightsound {sightsound.__version__}",
        "synthetic": "true",
        "direction": "image_to_sound" if to_sound else "sound_to_image",
        "model": "tiny",
        "model_sha256": sightsound.load(package).sha256,
        "seed": "3",
    }


# --- generate: batches ----------------------------------------------------------------------


def test_folders_keep_their_order_below(run: Run, tmp_path: Path) -> None:
    source = tmp_path / "in"
    write_tone(source / "cello/a.wav")
    write_tone(source / "cello/deep/b.flac")
    write_picture(source / "photo.png")
    (source / "notes.txt").write_text("no medium")
    (source / ".hidden.wav").write_text("no medium either")
    code, _, errors = run(source, "-o", tmp_path / "out")
    assert (code, errors) == (0, [])
    assert files_below(tmp_path / "out") == ["cello/a.png", "cello/deep/b.png", "photo.wav"]
    # A direction leaves out of a folder what does not serve it.
    run(source, "-o", tmp_path / "pictures", "--direction", "sound_to_image")
    assert files_below(tmp_path / "pictures") == ["cello/a.png", "cello/deep/b.png"]


def test_patterns_and_named_outputs(run: Run, tmp_path: Path) -> None:
    for name in ("a.wav", "b.wav", "c.flac"):
        write_tone(tmp_path / name)
    assert run(tmp_path / "*.wav", "-o", tmp_path / "out/{name}-{seed}.jpg", "--count", 2)[0] == 0
    assert files_below(tmp_path / "out") == ["a-0.jpg", "a-1.jpg", "b-0.jpg", "b-1.jpg"]
    code, _, errors = run(tmp_path / "*.mp3", "-o", tmp_path / "out")
    assert code == 2
    assert "*.mp3" in errors[0]


def test_names_that_clash_are_told_apart(run: Run, tmp_path: Path) -> None:
    first, second = write_tone(tmp_path / "x/1.wav"), write_tone(tmp_path / "y/1.wav", 1, 900)
    third = write_tone(tmp_path / "x/1.flac")
    assert run(first, second, third, first, "-o", tmp_path / "out")[0] == 0
    assert files_below(tmp_path / "out") == ["x/1.flac.png", "x/1.wav.png", "y/1.png"]
    code, _, errors = run(first, second, "-o", tmp_path / "o/{seed}.png")
    assert code == 2
    assert "{name}" in errors[0]
    assert files_below(tmp_path / "o") == ["0.png"]


def test_one_bad_file_is_reported_and_the_rest_go_on(run: Run, tmp_path: Path) -> None:
    source = tmp_path / "in"
    write_tone(source / "a.wav")
    (source / "b.wav").write_text("this is no sound")
    write_tone(source / "c.wav")
    code, out, errors = run(source, "-o", tmp_path / "out", "--json")
    assert code == 2
    assert len(errors) == 1
    assert "b.wav" in errors[0]
    assert files_below(tmp_path / "out") == ["a.png", "c.png"]
    report = json.loads(out)
    assert [Path(result["input"]).name for result in report["results"]] == ["a.wav", "c.wav"]
    assert [Path(failure["input"]).name for failure in report["failures"]] == ["b.wav"]


def test_json_is_one_object(run: Run, tmp_path: Path, package: Path) -> None:
    sound = write_tone(tmp_path / "a.wav")
    code, out, _ = run(sound, "-o", tmp_path / "a.png", "--json", "--seed", 4)
    report = json.loads(out)
    model = sightsound.load(package)
    heard = model.hear(soundfile.read(sound)[0], RATE)
    assert code == 0
    assert report["model"] == {"name": "tiny", "sha256": model.sha256}
    (result,) = report["results"]
    assert result["class"] == model.classes[int(np.argmax(heard.class_probabilities))]
    assert result["probability"] == pytest.approx(float(heard.class_probabilities.max()), abs=0.01)
    assert (result["seed"], result["direction"]) == (4, "sound_to_image")


def test_the_python_interface_gives_the_same_picture(
    run: Run, tmp_path: Path, package: Path
) -> None:
    sound = write_tone(tmp_path / "a.wav")
    run(sound, "-o", tmp_path / "a.png", "--seed", 2)
    image = sightsound.load(package).sound_to_image(soundfile.read(sound)[0], RATE, seed=2)
    expected = np.rint((np.moveaxis(image, 0, -1) + 1) * 127.5)
    assert np.abs(pixels_of(tmp_path / "a.png") - expected).max() <= 1


# --- What is refused ------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["-o", "{t}/x.xyz"], "unknown output type"),
        (["-o", "{t}/x.wav"], "cannot become"),
        (["-o", "{t}/x.png", "--direction", "image_to_sound"], "does not take"),
        (["-o", "{t}/x.png", "--direction", "sideways"], "invalid choice"),
        (["-o", "{t}/x.png", "--seed", "-1"], "seed"),
        (["-o", "{t}/x.png", "--seed", "1.5"], "whole number"),
        (["-o", "{t}/x.png", "--count", "0"], "count"),
        (["-o", "{t}/x.png", "--seconds", "0"], "seconds"),
        (["-o", "{t}/x.png", "--seconds", "nan"], "seconds"),
        (["-o", "{t}/x.png", "--row", "0"], "row"),
        (["-o", "{t}/x.png", "--sed", "1"], "unrecognized"),
        (["-o", "{t}/a.wav/x.png"], "folder"),
        (["-o", "{t}/a.wav/"], "folder"),
        (["{t}/a.wav", "{t}/b.wav", "-o", "{t}/x.png"], "{name}"),
        (["{t}/missing.wav", "-o", "{t}/x/"], "no such file"),
        ([], "-o/--output"),
    ],
)
def test_wrong_arguments(run: Run, tmp_path: Path, arguments: list[str], words: str) -> None:
    sound = write_tone(tmp_path / "a.wav")
    write_tone(tmp_path / "b.wav")
    code, out, errors = run(sound, *(text.replace("{t}", str(tmp_path)) for text in arguments))
    assert code == 2
    assert "Traceback" not in out
    assert len(errors) == 1
    assert words in errors[0]
    assert not (tmp_path / "x.png").exists()


def test_the_output_is_never_the_input(run: Run, tmp_path: Path) -> None:
    # x.mp4 has sound, and a moving picture of it would replace it.
    run(write_tone(tmp_path / "a.wav"), "-o", tmp_path / "x.mp4")
    before = (tmp_path / "x.mp4").read_bytes()
    code, _, errors = run(tmp_path / "x.mp4", "-o", tmp_path / "x.mp4")
    assert code == 2
    assert "is the input" in errors[0]
    assert (tmp_path / "x.mp4").read_bytes() == before
    # In a batch, an output must not replace an input that is yet to come.
    write_picture(tmp_path / "b/a.png")
    write_tone(tmp_path / "b/a.wav")
    before = (tmp_path / "b/a.png").read_bytes()
    run(tmp_path / "b/a.wav", tmp_path / "b/a.png", "-o", str(tmp_path / "b/{name}.png"))
    assert (tmp_path / "b/a.png").read_bytes() == before


def test_a_folder_that_cannot_be_written(run: Run, tmp_path: Path) -> None:
    sound = write_tone(tmp_path / "a.wav")
    locked = tmp_path / "locked"
    locked.mkdir()
    locked.chmod(0o555)
    outputs = ["/proc/nowhere/x.png", "/dev/null/x.png"]
    if os.geteuid() != 0:  # to root, no folder is locked
        outputs += [str(locked / "x.png"), str(locked / "deeper/")]
    for output in outputs:
        code, _, errors = run(sound, "-o", output)
        assert code == 2
        assert len(errors) == 1
        assert "folder" in errors[0]
    locked.chmod(0o755)


def test_models_that_are_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    sound = write_tone(tmp_path / "a.wav")
    tiny_package(tmp_path / "m")
    (tmp_path / "m/s2i_encode.onnx").unlink()
    for model in (tmp_path / "m", tmp_path / "nowhere", sound):
        code = main(["generate", str(sound), "-o", str(tmp_path / "x.png"), "--model", str(model)])
        error = capsys.readouterr().err
        assert code == 2
        assert error.count("\n") == 1
        assert not (tmp_path / "x.png").exists()


def test_a_direction_that_the_model_lacks(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    tiny_package(tmp_path / "m", image_to_sound=False)
    for name in "ab":
        write_picture(tmp_path / f"in/{name}.png")
    arguments = [str(tmp_path / "in"), "-o", str(tmp_path / "out"), "--model", str(tmp_path / "m")]
    assert main(["generate", *arguments]) == 2
    assert capsys.readouterr().err.count("\n") == 1  # once, not once a file


def test_no_command_and_unknown_command(capsys: pytest.CaptureFixture[str]) -> None:
    for arguments in ([], ["fly"], ["data"], ["data", "fly"], ["train"], ["evaluate"], ["export"]):
        assert main(arguments) == 2
        assert re.fullmatch(r"sightsound: error: [^\n]*--help`\n", capsys.readouterr().err)


# --- Processes ------------------------------------------------------------------------------


def environment() -> dict[str, str]:
    return {**os.environ, "OMP_NUM_THREADS": "1", "SIGHTSOUND_THREADS": "1"}


def test_help_is_fast_from_cold() -> None:
    def seconds() -> float:
        """Processor time, so that a busy machine does not count."""
        start = os.times()
        result = subprocess.run(
            [sys.executable, "-m", "sightsound", "--help"], capture_output=True, check=True
        )
        assert b"generate" in result.stdout
        end = os.times()
        return end.children_user + end.children_system - start.children_user - start.children_system

    assert min(seconds() for _ in range(3)) < 0.3


@pytest.mark.parametrize("arguments", [["--help"], ["generate", "--help"], ["--version"]])
def test_help_loads_nothing_heavy(arguments: list[str]) -> None:
    code = (
        "import sys\nfrom sightsound.cli import main\n"
        f"try: main({arguments!r})\nexcept SystemExit as stop: assert not stop.code\n"
        "heavy = {'numpy', 'torch', 'onnxruntime', 'av', 'PIL', 'soundfile', 'soxr', 'tqdm'}\n"
        "print(sorted(heavy & set(sys.modules)), file=sys.stderr)\n"
    )
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert result.returncode == 0
    assert result.stderr.strip() == "[]"


def test_every_command_has_help(capsys: pytest.CaptureFixture[str]) -> None:
    commands = ["generate", "data", "train", "export", "evaluate", "models"]
    for command in [*([name] for name in commands), ["data", "orchestra"], ["data", "show"]]:
        with pytest.raises(SystemExit) as stop:
            main([*command, "--help"])
        assert stop.value.code == 0
        assert len(capsys.readouterr().out) > 100


def test_importing_and_generating_load_no_torch(tmp_path: Path, package: Path) -> None:
    sound, picture = write_tone(tmp_path / "a.wav"), write_picture(tmp_path / "b.png")
    code = f"""
import sys
class Refuse:
    def find_spec(self, name, path=None, target=None):
        if name.split(".")[0] in ("torch", "onnx", "scipy", "librosa", "jaxtyping", "skia"):
            raise ImportError(f"not in the base install: {{name}}")
sys.meta_path.insert(0, Refuse())
import sightsound
from sightsound.cli import main
model = ["--model", {str(package)!r}]
for suffix in ("png", "gif", "mp4"):
    assert main(["generate", {str(sound)!r}, "-o", {str(tmp_path)!r} + "/o." + suffix, *model]) == 0
assert main(["generate", {str(picture)!r}, "-o", {str(tmp_path / "o.wav")!r}, *model]) == 0
assert main(["models"]) == 0
assert "torch" not in sys.modules
"""
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert result.returncode == 0, result.stderr


def test_ctrl_c_gives_130_and_leaves_nothing_half_written(tmp_path: Path, package: Path) -> None:
    sound = write_tone(tmp_path / "a.wav")
    out = tmp_path / "out"
    arguments = [str(sound), "-o", f"{out}/v.png", "--count", "10000", "--model", str(package)]
    process = subprocess.Popen(
        [sys.executable, "-m", "sightsound", "generate", *arguments],
        stderr=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        env=environment(),
        # A shell starts background jobs deaf to Ctrl-C, and so would this process be.
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.default_int_handler) and None,
    )
    deadline = time.monotonic() + 30
    while not any(out.glob("*.png")) and time.monotonic() < deadline:
        time.sleep(0.02)
    process.send_signal(signal.SIGINT)
    stdout, stderr = process.communicate(timeout=30)
    assert process.returncode == 130
    assert "Traceback" not in stdout + stderr
    assert [line for line in stderr.splitlines() if line.strip()] == ["sightsound: stopped"]
    made = list(out.iterdir())
    assert 0 < len(made) < 10_000
    for path in made:
        assert path.suffix == ".png"
        assert pixels_of(path).shape == (16, 16, 3)


def test_a_reader_who_leaves_is_no_error(tmp_path: Path, package: Path) -> None:
    sound = write_tone(tmp_path / "a.wav")
    command = f"{sys.executable} -m sightsound generate {sound} -o {tmp_path}/x.png"
    result = subprocess.run(
        ["bash", "-o", "pipefail", "-c", f"{command} --model {package} --count 300 | head -c 1"],
        capture_output=True,
        text=True,
        env=environment(),
    )
    assert result.stderr == ""


def test_the_version_is_the_packages() -> None:
    assert sightsound.__version__ == metadata.version("sightsound")


def test_models_lists_what_came_along(capsys: pytest.CaptureFixture[str]) -> None:
    from sightsound.packages.load import shipped_models

    assert main(["models", "--json"]) == 0
    listed = json.loads(capsys.readouterr().out)["models"]
    assert [row["name"] for row in listed] == shipped_models()
