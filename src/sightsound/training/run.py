"""A recipe and a data set in, a run folder out: what ``sightsound train`` does."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, TypedDict, assert_never

import torch
from tqdm import tqdm

from sightsound import recipes
from sightsound.config import apply_settings, to_json
from sightsound.errors import ConfigError, DataError, ModelError
from sightsound.methods.autoencoder import Reconstruction, ReconstructionConfig
from sightsound.methods.car_gan import CascadeGan, CascadeGanConfig
from sightsound.methods.classifier import Classifier, ClassifierConfig, Encoder
from sightsound.methods.cmcgan import CycleGan, CycleGanConfig
from sightsound.methods.conditional import ConditionalConfig
from sightsound.methods.conditional_gan import ConditionalGan, ConditionalGanConfig
from sightsound.methods.cvae import VariationalAutoencoder, VariationalAutoencoderConfig
from sightsound.methods.dynamic_classifier import DynamicClassifier, DynamicClassifierConfig
from sightsound.methods.encoder_autoencoder import EncoderAutoencoder, EncoderAutoencoderConfig
from sightsound.methods.pose import PoseRegression, PoseRegressionConfig
from sightsound.methods.protocol import Method
from sightsound.methods.regression import Regression, RegressionConfig
from sightsound.methods.sa_cmgan import SelfAttentionGan, SelfAttentionGanConfig
from sightsound.pairs.batches import PairBatch, batch_at, epoch
from sightsound.pairs.performances import Dataset
from sightsound.pairs.recordings import RecordingBank
from sightsound.pairs.store import PairSet, Store, open_store
from sightsound.recipes import RunConfig
from sightsound.shapes import INSTRUMENTS
from sightsound.training import distributed
from sightsound.training.folder import RunFolder
from sightsound.training.loop import Loop, check_training_config
from sightsound.training.samples import write_samples


def train(
    recipe: str,
    data: Path,
    *,
    output: Path | None = None,
    resume: bool = False,
    settings: Iterable[str] = (),
    recordings: Path | None = None,
    quiet: bool = False,
) -> Path:
    """Train a recipe, and first what it stands on; returns the run folder.

    Args:
        recipe: name of a function in ``sightsound.recipes``.
        data: folder of a data set.
        output: run folder; None = ``runs/<data set>/<recipe>``. The runs that a recipe stands on
            (its encoder and examiner) are looked for beside it, by name.
        resume: go on from the newest checkpoint; with more ``training.steps`` than before, where
            the learning rate is constant, a run goes on past its end.
        settings: ``path.to.field=value`` replacements in the recipe's config.
        recordings: folder of real recordings by instrument, mixed into the sounds of recipes
            that ask for them.
        quiet: no progress bar.

    Raises:
        ConfigError: unknown recipe or setting. DataError: unfit data. ModelError: the folder
        holds another run.
    """
    config = apply_settings(recipes.recipe(recipe), settings)
    check_training_config(config.training)
    if config != recipes.for_classes(config, len(INSTRUMENTS)):
        raise ConfigError("--set: the number of classes is the data set's; leave it out")
    dataset = Dataset.open(data)
    folder = RunFolder(output or Path("runs") / dataset.name / recipe)
    with distributed.process_group():
        bank = None
        if recordings is not None:
            bank = RecordingBank.open(
                recordings,
                sample_rate=config.pairs.store.sample_rate,
                classes=dataset.classes,
            )
        _train(config, dataset, folder, resume=resume, bank=bank, quiet=quiet)
    return folder.path


def _train(
    config: RunConfig,
    dataset: Dataset,
    folder: RunFolder,
    *,
    resume: bool,
    bank: RecordingBank | None,
    quiet: bool,
) -> None:
    config = recipes.for_classes(config, len(dataset.classes))
    mixes = bank is not None and config.pairs.recordings_share > 0
    identity = {
        "name": dataset.name,
        "sha256": dataset.sha256,
        "sources": list(dataset.info.sources),
        "classes": list(dataset.classes),
        "recordings": bank.description if bank is not None and mixes else None,
    }
    _check_folder(config, identity, folder, resume=resume)
    distributed.wait_for_all()
    for needed in needed_recipes(config):
        beside = RunFolder(folder.path.parent / needed)
        if beside.is_done:
            _check_foundation(beside, config, identity)
        else:
            trained = recipes.recipe(needed)
            _train(trained, dataset, beside, resume=beside.is_started, bank=bank, quiet=quiet)
    if folder.is_done:
        return
    torch.manual_seed(config.training.seed)
    method = build_method(config, folder.path.parent)
    store = open_store(dataset, config.pairs.store)
    training_pairs = pairs_of(config, store, config.pairs.train_split)
    validation_pairs = pairs_of(config, store, config.pairs.validation_split)
    for split, pairs in (
        (config.pairs.train_split, training_pairs),
        (config.pairs.validation_split, validation_pairs),
    ):
        if not len(pairs):
            of = config.pairs.instruments
            raise DataError(
                f"{dataset.folder}: split {split!r} has no pairs"
                + (f" of {', '.join(of)}; set pairs.instruments or" if of else "; set")
                + " pairs.*_split"
            )
    loop = Loop(method, config.training)
    state = folder.load_state() if folder.is_started else None
    if state is not None:
        try:
            loop.restore(state)
        except (KeyError, RuntimeError, TypeError, ValueError):
            raise ModelError(
                f"{folder.path}: its state.pt is a checkpoint of another recipe than its "
                "config.json; delete the folder and train anew"
            ) from None
    if folder.is_started and distributed.rank() == 0:
        folder.trim(loop.step)
    if not folder.is_started and distributed.rank() == 0:
        folder.start(config, identity)
    distributed.wait_for_all()
    observer = _RunObserver(folder, loop, method, validation_pairs, config, quiet=quiet)
    source = batch_source(config, method, training_pairs, bank)
    validation = validation_source(config, method, validation_pairs)
    with observer:
        loop.run(source, validation, observer)
    if distributed.rank() == 0:
        step, figures = folder.best()
        folder.finish(folder.summarise(loop.state(), step, figures))
    distributed.wait_for_all()


def pairs_of(config: RunConfig, store: Store, split: str) -> PairSet:
    """The pairs of a split that a run may use: of an instrument, and of those it asks for.

    Raises:
        DataError: an instrument that the data set does not have, or an unknown split.
    """
    pairs = store.pairs(split)
    pairs = pairs.at(pairs.labels >= 0)  # -1: no instrument
    chosen = config.pairs.instruments
    return pairs if chosen is None else pairs.only(chosen)


def needed_recipes(config: RunConfig) -> tuple[str, ...]:
    """The recipes whose runs must stand beside a run before it can be trained, each once."""
    return tuple(dict.fromkeys(config.method.stands_on))


def build_method(config: RunConfig, beside: Path) -> Method:
    """The method of a config, with the trained classifiers that it stands on.

    Args:
        config: a run's config.
        beside: folder in which the runs that it needs lie, by recipe name.
    """
    match config.method:
        case ClassifierConfig():
            return Classifier(config.method)
        case ReconstructionConfig():
            return Reconstruction(config.method)
        case PoseRegressionConfig():
            return PoseRegression(config.method)
        case EncoderAutoencoderConfig():
            return EncoderAutoencoder(config.method)
        case ConditionalGanConfig():
            named_by = config.method.namer
            return ConditionalGan(
                config.method,
                **_ends(config.method, beside),
                namer=None if named_by is None else load_classifier(beside / named_by),
            )
        case RegressionConfig():
            return Regression(config.method, **_ends(config.method, beside))
        case SelfAttentionGanConfig():
            return SelfAttentionGan(config.method, **_ends(config.method, beside))
        case VariationalAutoencoderConfig():
            return VariationalAutoencoder(config.method, **_ends(config.method, beside))
        case CascadeGanConfig():
            namer = load_classifier(beside / config.method.namer)
            return CascadeGan(config.method, **_ends(config.method, beside), namer=namer)
        case CycleGanConfig():
            return CycleGan(
                config.method,
                image_examiner=load_classifier(beside / config.method.image_examiner),
                sound_examiner=load_classifier(beside / config.method.sound_examiner),
            )
        case DynamicClassifierConfig():
            return DynamicClassifier(
                config.method, filler=load_cycle_gan(beside / config.method.filler)
            )
        case _:
            assert_never(config.method)


class _Ends(TypedDict):
    """What every method of one direction stands between."""

    encoder: Encoder
    examiner: Classifier


def _ends(config: ConditionalConfig, beside: Path) -> _Ends:
    return {
        "encoder": load_encoder(beside / config.encoder),
        "examiner": load_classifier(beside / config.examiner),
    }


def load_encoder(path: Path) -> Encoder:
    """A trained encoder with the weights that validation chose.

    Raises:
        ModelError: the folder holds no finished encoder.
    """
    config, method = load_method(path)
    if not isinstance(method, Encoder):
        raise ModelError(f"{path}: a run of {config.recipe}, which is no encoder")
    return method


def load_classifier(path: Path) -> Classifier:
    """A trained classifier with the weights that validation chose.

    Raises:
        ModelError: the folder holds no finished classifier.
    """
    config, method = load_method(path)
    if not isinstance(method, Classifier):
        raise ModelError(f"{path}: a run of {config.recipe}, which is no classifier")
    return method


def load_cycle_gan(path: Path) -> CycleGan:
    """A trained CMCGAN with the weights that validation chose.

    Raises:
        ModelError: the folder holds no finished CMCGAN.
    """
    config, method = load_method(path)
    if not isinstance(method, CycleGan):
        raise ModelError(f"{path}: a run of {config.recipe}, which is no CMCGAN")
    return method


def load_method(path: Path) -> tuple[RunConfig, Method]:
    """A trained method with the weights that validation chose, in eval mode, and its config.

    Raises:
        ModelError: the folder holds no run that has been validated.
    """
    folder = RunFolder(path)
    config, _ = folder.config()
    method = build_method(config, path.parent)
    folder.load_weights(method.players)
    method.players.eval()
    return config, method


def batch_source(
    config: RunConfig, method: Method, pairs: PairSet, bank: RecordingBank | None
) -> Callable[[int], PairBatch]:
    """Step → batch of this process; a pure function of (seed, step, process)."""
    training = config.training
    share = training.batch_size // distributed.world_size()
    real = round(share * config.pairs.recordings_share) if bank is not None else 0
    if real and method.batch_fields != {"label", "waveform"}:
        raise ConfigError(
            "pairs.recordings_share: recordings have no pictures; only classifiers of sounds take "
            "them, so leave it 0"
        )
    kept = share - real

    def at(step: int) -> PairBatch:
        place = step * distributed.world_size() + distributed.rank()
        batch = batch_at(
            pairs,
            place,
            seed=training.seed,
            batch_size=share,
            fields=method.batch_fields,
            mismatch=method.mismatch,
            min_pose_distance=config.pairs.minimum_pose_distance,
        )
        batch = replace(batch, step=step)
        if bank is None or real == 0:
            return batch
        possible = torch.ones(share, len(bank.classes), dtype=torch.bool)
        possible[kept:] = torch.from_numpy(bank.classes_present)
        waveform, label = bank.windows_at(
            place, seed=training.seed, count=real, samples=batch.waveform.shape[1]
        )
        return replace(
            batch,
            possible=possible,
            waveform=torch.cat([batch.waveform[:kept], torch.from_numpy(waveform)]),
            label=torch.cat([batch.label[:kept], torch.from_numpy(label)]),
        )

    return at


def validation_source(
    config: RunConfig, method: Method, pairs: PairSet
) -> Callable[[], Iterator[PairBatch]]:
    """The same held-out pairs at every validation, picked by the run's seed."""
    chosen = pairs.subset(config.training.validation_pairs, seed=config.training.seed)
    fields = method.batch_fields - {"mismatched_image", "mismatched_waveform"}
    return lambda: epoch(chosen, batch_size=64, fields=fields)


def _check_folder(
    config: RunConfig, identity: dict[str, Any], folder: RunFolder, *, resume: bool
) -> None:
    if not folder.is_started:
        return
    stored, data = folder.config()
    if not resume:
        raise ConfigError(
            f"{folder.path}: a run of {stored.recipe} is here already; add --resume to go on "
            "with it, or choose another folder with -o"
        )
    prolonged = _is_prolonged(stored, config)
    if to_json(stored) != to_json(config) and not prolonged:
        raise ModelError(
            f"{folder.path}: the checkpoint is of another recipe or other settings "
            f"({stored.recipe}, {_difference(to_json(stored), to_json(config))}); resume with the "
            "same command, or choose another folder with -o"
        )
    if data.get("recordings") != identity["recordings"]:
        raise ModelError(
            f"{folder.path}: this run was begun with other --recordings "
            f"({data.get('recordings') or 'none'}); give the same again"
        )
    if data["sha256"] != identity["sha256"]:
        raise ModelError(
            f"{folder.path}: this run was begun on data set {data['name']} "
            f"({data['sha256'][:12]}), not on {identity['name']} ({identity['sha256'][:12]}); "
            "give that data set, or choose another folder with -o"
        )
    if prolonged and distributed.rank() == 0:
        folder.prolong(config, data)


def _is_prolonged(stored: RunConfig, config: RunConfig) -> bool:
    """Whether the only difference is more steps at a constant learning rate.

    Then the longer run is what an unbroken one of its length would be, but that it may choose the
    weights of the shorter one's last step as well.
    """
    as_long = replace(stored, training=replace(stored.training, steps=config.training.steps))
    more = config.training.steps > stored.training.steps
    return more and stored.training.schedule == "constant" and as_long == config


def _check_foundation(beside: RunFolder, config: RunConfig, identity: dict[str, Any]) -> None:
    """Refuse to stand on a classifier of other data or another split."""
    stored, data = beside.config()
    same_split = stored.pairs.train_split == config.pairs.train_split
    if data["sha256"] != identity["sha256"] or not same_split:
        raise ModelError(
            f"{beside.path}: trained on {data['name']} ({data['sha256'][:12]}), split "
            f"{stored.pairs.train_split}; this run needs {identity['name']} "
            f"({identity['sha256'][:12]}), split {config.pairs.train_split}; choose another "
            "folder with -o, and it is trained there"
        )


def _difference(stored: Any, wanted: Any, path: str = "") -> str:
    """The first place where two configs differ, for an error message."""
    if isinstance(stored, dict) and isinstance(wanted, dict):
        for key in [*stored, *(k for k in wanted if k not in stored)]:
            if stored.get(key) != wanted.get(key):
                where = f"{path}.{key}" if path else key
                return _difference(stored.get(key), wanted.get(key), where)
    return f"{path}: {stored!r} there, {wanted!r} here"


@dataclass
class _RunObserver:
    """Writes what the loop tells: progress, log, TensorBoard, samples, checkpoints."""

    folder: RunFolder
    loop: Loop
    method: Method
    validation_pairs: PairSet
    config: RunConfig
    quiet: bool
    log_every: int = 25

    def __enter__(self) -> _RunObserver:
        from torch.utils.tensorboard import SummaryWriter

        self.is_first = distributed.rank() == 0
        self.started = time.time()
        self.bar: Any = tqdm(
            total=self.config.training.steps,
            initial=self.loop.step,
            desc=self.config.recipe,
            unit="step",
            disable=self.quiet or not self.is_first,
        )
        self.writer = (
            SummaryWriter(self.folder.path / "tensorboard", purge_step=self.loop.step)
            if self.is_first
            else None
        )
        return self

    def __exit__(self, *_: object) -> None:
        self.bar.close()
        if self.writer is not None:
            self.writer.close()

    def step(self, step: int, logs: dict[str, float]) -> None:
        self.bar.update(1)
        if step % self.log_every == 0 or step == self.config.training.steps:
            self._log(step, logs)

    def validated(self, step: int, figures: dict[str, float]) -> None:
        self._log(step, {f"validation/{key}": value for key, value in figures.items()})
        self.bar.set_postfix({"score": f"{figures['score']:.4f}"})
        if not self.is_first:
            return
        used = self.loop.used_players()
        self.folder.save_weights(step, {name: used[name] for name in self.method.exported})
        if self.loop.best_step == step:
            self.folder.save_best(step, figures)

    def checkpoint(self, step: int, state: dict[str, Any]) -> None:
        if self.is_first:
            self.folder.save_state(state)

    def samples(self, step: int) -> None:
        if self.is_first:
            with self.loop.inference():
                write_samples(
                    self.method,
                    self.validation_pairs,
                    self.folder.path,
                    step,
                    device=self.loop.device,
                )

    def _log(self, step: int, figures: dict[str, float]) -> None:
        if not self.is_first or self.writer is None:
            return
        minutes = self.loop.processor_seconds / 60
        row = {"step": step, "processor_minutes": round(minutes, 4), **figures}
        self.folder.append_log(row)
        for name, value in figures.items():
            self.writer.add_scalar(name, value, step)
