"""Runs from a data set to checkpoints: exact resume, honest refusals, several processes."""

from __future__ import annotations

import json
import os
import random
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file

import tone_dataset
from sightsound import cli, recipes
from sightsound.config import apply_settings
from sightsound.errors import ConfigError, DataError, ModelError, NonFiniteError
from sightsound.export.run import export_run
from sightsound.generation.model import Model
from sightsound.methods.classifier import Classifier, ClassifierConfig
from sightsound.packages.load import load_package
from sightsound.pairs.batches import batch_at
from sightsound.pairs.performances import Dataset
from sightsound.pairs.recordings import RecordingBank, list_recordings
from sightsound.pairs.store import StoreConfig, open_store
from sightsound.training.folder import RunFolder
from sightsound.training.loop import Loop, TrainingConfig
from sightsound.training.run import batch_source, train

SHORT = (
    "training.batch_size=8",
    "training.validation_pairs=6",
    "training.precision=float32",
    "training.samples_every=1000",
)


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("data") / "tones"
    dataset = tone_dataset.make(folder)
    open_store(dataset, StoreConfig(), workers=1, progress=False)
    return folder


def settings(steps: int, every: int) -> tuple[str, ...]:
    return (
        *SHORT,
        f"training.steps={steps}",
        f"training.validate_every={every}",
        f"training.checkpoint_every={every}",
    )


def final_weights(run: Path) -> dict[str, torch.Tensor]:
    newest = max((run / "weights").iterdir())
    return load_file(newest)


def forked(function: object, *arguments: object, **keywords: object) -> int:
    """Run a function in a child of this process, which has torch loaded already."""
    child = os.fork()
    if child == 0:
        code = 1
        try:
            os.dup2(os.open(os.devnull, os.O_WRONLY), 2)
            function(*arguments, **keywords)  # type: ignore[operator]
            code = 0
        finally:
            os._exit(code)
    return child


def changed(path: Path, before: int | None) -> None:
    """Until a file is there and was written anew."""
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        if path.exists() and path.stat().st_mtime_ns != before:
            return
        time.sleep(0.002)
    raise AssertionError(f"{path}: not written in a minute")


def test_killed_at_20_moments_and_resumed_a_run_ends_in_the_same_bits(
    data: Path, tmp_path: Path
) -> None:
    """Mutants: a seed drawn from the clock, an optimiser's state not saved, a log not trimmed."""
    chosen = settings(steps=120, every=2)
    unbroken = train("sound_classifier", data, output=tmp_path / "a", settings=chosen, quiet=True)
    broken = tmp_path / "b"
    rng = random.Random(0)
    resumed_from = []
    for kill in range(21):
        state = RunFolder(broken).load_state() if RunFolder(broken).is_started else None
        written = (broken / "state.pt").stat().st_mtime_ns if state is not None else None
        resumed_from.append(0 if state is None else state["step"])
        child = forked(
            train,
            "sound_classifier",
            data,
            output=broken,
            settings=chosen,
            resume=RunFolder(broken).is_started,
            quiet=True,
        )
        if kill < 20:
            changed(broken / "state.pt", written)
            time.sleep(rng.uniform(0.0, 0.05))  # anywhere in the steps and writes that follow
            os.kill(child, signal.SIGKILL)
            os.waitpid(child, 0)
        else:
            assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    assert len(set(resumed_from)) >= 10, resumed_from  # they did begin at many steps
    first, second = final_weights(unbroken), final_weights(broken)
    assert first.keys() == second.keys()
    for name, value in first.items():
        assert torch.equal(value, second[name]), name
    rows = [
        [
            {key: value for key, value in json.loads(line).items() if key != "processor_minutes"}
            for line in (run / "log.jsonl").read_text().splitlines()
        ]
        for run in (unbroken, broken)
    ]
    assert rows[0] == rows[1]


def test_a_run_that_goes_on_past_its_end_is_the_longer_run(data: Path, tmp_path: Path) -> None:
    constant = ("training.schedule=constant",)
    whole = train(
        "sound_classifier",
        data,
        output=tmp_path / "whole",
        settings=(*settings(8, 4), *constant),
        quiet=True,
    )
    grown = tmp_path / "grown"
    for steps in (4, 8):
        train(
            "sound_classifier",
            data,
            output=grown,
            settings=(*settings(steps, 4), *constant),
            resume=steps == 8,
            quiet=True,
        )
    first, second = final_weights(whole), final_weights(grown)
    assert all(torch.equal(value, second[name]) for name, value in first.items())
    with pytest.raises(ModelError, match=r"training\.steps: 8 there, 6 here"):
        train(
            "sound_classifier",
            data,
            output=grown,
            settings=(*settings(6, 4), *constant),
            resume=True,
            quiet=True,
        )


@pytest.fixture(scope="module")
def gan_run(data: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A whole I2S and a whole S2I run, tiny, with the classifiers that they stand on."""
    runs = tmp_path_factory.mktemp("runs")
    few = settings(steps=4, every=2)
    for name in ("sound_classifier", "image_classifier"):
        train(name, data, output=runs / name, settings=few, quiet=True)
    for name in ("s2i_c", "i2s"):
        small = (*few, "method.network.base_channels=8", "training.samples_every=4")
        train(name, data, output=runs / name, settings=small, quiet=True)
    return runs


def test_the_whole_way_from_performances_to_a_picture_and_a_sound(
    gan_run: Path, tmp_path: Path
) -> None:
    card = tmp_path / "top.md"
    card.write_text("A model for tests.\n")
    output = export_run(
        [gan_run / "s2i_c", gan_run / "i2s"], tmp_path / "model", name="tiny", card=card
    )
    package = load_package(output)
    assert "A model for tests." in package.card
    assert package.manifest.provenance.data["name"] == "tones"
    assert package.manifest.provenance.sources == ["tones (MIT)"]
    model = Model(package)
    rng = torch.Generator().manual_seed(0)
    waveform = 0.1 * torch.randn(1, 44_100, generator=rng).numpy()
    image = model.sound_to_image(waveform, 44_100)
    assert image.shape == (3, 64, 64)
    sound = model.image_to_sound(image, seconds=1.0)
    assert sound.shape[-1] == 44_100


def test_a_package_tells_of_each_run_that_it_stands_on_once(gan_run: Path, tmp_path: Path) -> None:
    """Mutants: a linked run told twice; of two runs of one recipe, only the last told."""
    other = tmp_path / "other"
    shutil.copytree(gan_run / "i2s", other / "i2s")
    (other / "sound_classifier").symlink_to(gan_run / "sound_classifier")
    shutil.copytree(gan_run / "image_classifier", other / "image_classifier")
    package = load_package(export_run([gan_run / "s2i_c", other / "i2s"], tmp_path / "model"))
    expected = ["i2s", "image_classifier", "image_classifier-2", "s2i_c", "sound_classifier"]
    assert sorted(package.manifest.provenance.config) == expected
    assert sorted(package.manifest.provenance.metrics) == expected
    assert package.card.count("| `sound_classifier` |") == 1
    assert package.card.count("| `image_classifier` |") == 2


def test_samples_are_written_for_eyes_and_ears(gan_run: Path) -> None:
    assert list((gan_run / "s2i_c" / "samples").glob("*.png"))
    assert list((gan_run / "i2s" / "samples").glob("*-flute.wav"))


def test_what_a_recipe_stands_on_is_trained_first(
    data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    few = settings(steps=2, every=2)
    for name in ("sound_classifier", "image_classifier"):
        short = apply_settings(recipes.recipe(name), few)
        monkeypatch.setitem(recipes.RECIPES, name, lambda short=short: short)
    train(
        "s2i_n",
        data,
        output=tmp_path / "s2i_n",
        settings=(*few, "method.network.base_channels=8"),
        quiet=True,
    )
    assert RunFolder(tmp_path / "sound_classifier").is_done
    assert RunFolder(tmp_path / "image_classifier").is_done


def test_a_checkpoint_of_another_recipe_is_refused_in_one_line(
    data: Path, gan_run: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run = gan_run / "sound_classifier"
    arguments = ["train", "image_classifier", "--data", str(data), "-o", str(run), "--resume"]
    assert cli.main(arguments) == 2
    line = capsys.readouterr().err.strip().splitlines()[-1]
    assert "another recipe" in line
    assert "sound_classifier" in line


def test_a_run_is_not_overwritten_without_resume(data: Path, gan_run: Path) -> None:
    with pytest.raises(ConfigError, match="--resume"):
        train("sound_classifier", data, output=gan_run / "sound_classifier", quiet=True)


def test_weights_of_another_network_are_refused(gan_run: Path) -> None:
    config = recipes.recipe("image_classifier").method
    assert isinstance(config, ClassifierConfig)
    with pytest.raises(ModelError, match="another recipe"):
        RunFolder(gan_run / "sound_classifier").load_weights(Classifier(config).players)


def test_what_is_no_gan_run_is_not_exported(gan_run: Path, tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="no training run here"):
        export_run([tmp_path], tmp_path / "model")
    with pytest.raises(ModelError, match="generates nothing"):
        export_run([gan_run / "sound_classifier"], tmp_path / "model")


def test_a_damaged_checkpoint_is_refused_in_one_line(data: Path, tmp_path: Path) -> None:
    run = tmp_path / "run"
    few = settings(steps=2, every=2)
    train("sound_classifier", data, output=run, settings=few, quiet=True)
    (run / "done.json").unlink()
    (run / "state.pt").write_bytes(b"half a checkpoint")
    with pytest.raises(ModelError, match="cannot be read"):
        train("sound_classifier", data, output=run, settings=few, resume=True, quiet=True)


def test_a_loss_that_is_not_finite_stops_the_run(data: Path) -> None:
    config = recipes.recipe("sound_classifier").method
    assert isinstance(config, ClassifierConfig)
    method = Classifier(config)
    with torch.no_grad():
        next(iter(method.players["encoder"].parameters())).fill_(float("nan"))
    loop = Loop(method, TrainingConfig(precision="float32"))
    pairs = open_store(Dataset.open(data), StoreConfig(), progress=False).pairs("train")
    batch = batch_at(pairs, 0, seed=0, batch_size=4, fields=("waveform", "label"))
    with pytest.raises(NonFiniteError, match=r"step 0: the loss of encoder"):
        loop.train_step(batch)


@pytest.mark.parametrize(
    ("setting", "hint"),
    [
        ("training.steps=0", "1 or more"),
        ("training.averaging=1.0", "averaging"),
        ("training.gradient_clip=-1", "more than 0"),
        ("training.warmup_steps=-1", "0 or more"),
        ("pairs.recordings_share=1.5", "recordings_share <= 1"),
        ("method.penalty_every=0", "1 or more"),
        ("method.network.picture_size=[60,60]", "multiples of 16"),
        ("method.generator_adam.learning_rate=-1", "more than 0"),
    ],
)
def test_numbers_out_of_range_are_refused(data: Path, setting: str, hint: str) -> None:
    with pytest.raises(ConfigError, match=hint):
        train("s2i_c", data, settings=[setting], quiet=True)


def test_an_empty_split_is_named(data: Path, tmp_path: Path) -> None:
    with pytest.raises(DataError, match="unheard"):
        train(
            "sound_classifier",
            data,
            output=tmp_path / "run",
            settings=(*settings(2, 2), "pairs.train_split=unheard"),
            quiet=True,
        )


def test_two_processes_end_with_equal_weights_and_share_the_batch(
    data: Path, tmp_path: Path
) -> None:
    script = (
        "import torch, sys; torch.set_num_threads(1)\n"
        "from pathlib import Path\n"
        "from sightsound import recipes\n"
        "from sightsound.config import apply_settings\n"
        "from sightsound.training import distributed\n"
        "from sightsound.training.run import build_method, batch_source\n"
        "from sightsound.training.loop import Loop\n"
        "from sightsound.pairs.performances import Dataset\n"
        "from sightsound.pairs.store import open_store\n"
        f"config = apply_settings(recipes.recipe('sound_classifier'), {list(SHORT)!r})\n"
        f"pairs = open_store(Dataset.open({str(data)!r}), config.pairs.store).pairs('train')\n"
        "with distributed.process_group():\n"
        "    torch.manual_seed(0)\n"
        "    method = build_method(config, Path())\n"
        "    loop = Loop(method, config.training)\n"
        "    source = batch_source(config, method, pairs, None)\n"
        "    for step in range(3):\n"
        "        batch = source(step)\n"
        "        assert len(batch.label) == 4\n"
        "        loop.train_step(batch)\n"
        "        loop.step += 1\n"
        f"    path = Path({str(tmp_path)!r}) / f'{{distributed.rank()}}.pt'\n"
        "    torch.save([loop.examples_seen, method.players.state_dict(), batch.label], path)\n"
    )
    program = tmp_path / "two.py"
    program.write_text(script)
    subprocess.run(
        [
            sys.executable,
            "-m",
            "torch.distributed.run",
            "--nproc-per-node=2",
            "--master-port=0",
            "--rdzv-backend=c10d",
            "--rdzv-endpoint=localhost:0",
            str(program),
        ],
        check=True,
        capture_output=True,
        timeout=120,
    )
    (seen, first, labels), (_, second, others) = (
        torch.load(tmp_path / f"{rank}.pt", weights_only=True) for rank in (0, 1)
    )
    assert seen == 3 * 8
    assert not torch.equal(labels, others)
    for name, value in first.items():
        assert torch.equal(value, second[name]), name


def recordings_folder(tmp_path: Path) -> Path:
    import numpy as np

    from sightsound.media.audio import write_audio

    rows = ["file,fold,group"]
    for instrument, pitch in tone_dataset.PITCHES.items():
        (tmp_path / instrument).mkdir(parents=True)
        for number, fold in enumerate(("train", "check")):
            time = np.arange(44_100) / 44_100
            tone = (0.3 * np.sin(2 * np.pi * pitch * time)).astype(np.float32)
            write_audio(tmp_path / instrument / f"{number}.wav", tone[None], 44_100)
            rows.append(f"{instrument}/{number}.wav,{fold},group {number}")
    (tmp_path / "no instrument").mkdir()
    (tmp_path / "manifest.csv").write_text("\n".join(rows) + "\n")
    return tmp_path


def test_recordings_of_another_fold_are_never_drawn(tmp_path: Path) -> None:
    folder = recordings_folder(tmp_path)
    assert len(list_recordings(folder)) == 6
    kept = list_recordings(folder, fold="train")
    assert [r.fold for r in kept] == ["train"] * 3
    assert {r.group for r in kept} == {"group 0"}
    with pytest.raises(DataError, match="no recordings of fold"):
        list_recordings(folder, fold="tset")
    bank = RecordingBank.open(folder)
    windows, labels = bank.windows_at(3, seed=1, count=32, samples=22_050)
    again, _ = bank.windows_at(3, seed=1, count=32, samples=22_050)
    assert (windows == again).all()
    assert set(labels) == {0, 4, 12}
    assert {r.group for r in bank.recordings} == {"group 0"}


def test_a_share_of_each_batch_is_real_where_recordings_are_given(
    data: Path, tmp_path: Path
) -> None:
    bank = RecordingBank.open(recordings_folder(tmp_path))
    config = apply_settings(
        recipes.recipe("robust_sound_classifier"),
        [*SHORT, "pairs.recordings_share=0.25"],
    )
    method_config = config.method
    assert isinstance(method_config, ClassifierConfig)
    pairs = open_store(Dataset.open(data), StoreConfig(), progress=False).pairs("train")
    with_bank = batch_source(config, Classifier(method_config), pairs, bank)(0)
    without = batch_source(config, Classifier(method_config), pairs, None)(0)
    assert with_bank.possible is not None
    assert bool(with_bank.possible[:6].all())  # the drawn world holds every class
    assert with_bank.possible[6:].sum(1).tolist() == [3, 3]  # the recordings hold three
    assert torch.equal(with_bank.waveform[:6], without.waveform[:6])
    assert not torch.equal(with_bank.waveform[6:], without.waveform[6:])


def test_classes_that_the_recordings_lack_are_not_unlearnt(data: Path, tmp_path: Path) -> None:
    """Mutant: the mask left out; then every real window says "no oboe"."""
    bank = RecordingBank.open(recordings_folder(tmp_path))
    config = apply_settings(
        recipes.recipe("robust_sound_classifier"), [*SHORT, "pairs.recordings_share=1.0"]
    )
    method_config = config.method
    assert isinstance(method_config, ClassifierConfig)
    pairs = open_store(Dataset.open(data), StoreConfig(), progress=False).pairs("train")
    method = Classifier(method_config)
    batch = batch_source(config, method, pairs, bank)(0)
    next(method.updates(batch)).loss.backward()
    gradient = method.players["encoder"].classes.bias.grad
    assert gradient is not None
    absent = ~bank.classes_present
    assert float(gradient[torch.from_numpy(absent)].abs().max()) == 0.0
    assert float(gradient[torch.from_numpy(~absent)].abs().min()) > 0.0


def test_recordings_are_for_classifiers_of_sounds_only(data: Path, tmp_path: Path) -> None:
    folder = recordings_folder(tmp_path / "r")
    with pytest.raises(ConfigError, match="recordings have no pictures"):
        train(
            "image_classifier",
            data,
            output=tmp_path / "run",
            settings=(*settings(2, 2), "pairs.recordings_share=0.5"),
            recordings=folder,
            quiet=True,
        )


def test_a_resume_with_other_recordings_is_refused(data: Path, tmp_path: Path) -> None:
    folder, run = recordings_folder(tmp_path / "r"), tmp_path / "run"
    few = settings(2, 2)
    train("robust_sound_classifier", data, output=run, settings=few, recordings=folder, quiet=True)
    with pytest.raises(ModelError, match="other --recordings"):
        train("robust_sound_classifier", data, output=run, settings=few, resume=True, quiet=True)


def test_a_gan_does_not_stand_on_a_classifier_of_other_data(gan_run: Path, tmp_path: Path) -> None:
    other = tmp_path / "other"
    dataset = tone_dataset.make(other, seconds=1.0)
    open_store(dataset, StoreConfig(), workers=1, progress=False)
    with pytest.raises(ModelError, match="this run needs"):
        train("s2i_n", other, output=gan_run / "s2i_n", settings=settings(2, 2), quiet=True)


def test_a_folder_that_holds_another_config_is_no_run(tmp_path: Path) -> None:
    (tmp_path / "config.json").write_text("{}")
    with pytest.raises(ModelError, match="no training run here"):
        export_run([tmp_path], tmp_path / "model")


def test_a_device_that_is_not_there_is_refused_in_one_line(
    data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    with pytest.raises(ConfigError, match="use cpu or auto"):
        train(
            "sound_classifier",
            data,
            output=tmp_path / "run",
            settings=(*settings(2, 2), "training.device=cuda"),
            quiet=True,
        )


def test_a_batch_goes_to_a_device_whole(data: Path) -> None:
    """On the meta device, which is everywhere: every tensor moves, the rest stays."""
    pairs = open_store(Dataset.open(data), StoreConfig(), progress=False).pairs("train")
    batch = batch_at(
        pairs,
        3,
        seed=0,
        batch_size=4,
        fields=("waveform", "image", "label", "mismatched_image"),
        mismatch="instrument",
    )
    moved = batch.to(torch.device("meta"))
    assert moved.mismatched_image is not None
    assert moved.waveform.is_meta
    assert moved.mismatched_image.is_meta
    assert moved.label.is_meta
    assert moved.step == 3
    assert moved.mismatched_waveform is None
