"""A model and a data set or a folder of recordings in, every figure at once out."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from tqdm import tqdm

from sightsound.errors import ConfigError
from sightsound.evaluation.baselines import how_easy
from sightsound.evaluation.bootstrap import LEVEL, RESAMPLES, cluster_interval
from sightsound.evaluation.figures import (
    accuracy_figures,
    confidence,
    distance_figures,
    diversity_figures,
    novelty_figures,
    right,
    swapped_figures,
)
from sightsound.evaluation.judges import Judged, Judges, load_judges
from sightsound.evaluation.makers import Batch, Maker, PictureMaker, SoundMaker
from sightsound.evaluation.matched import (
    Items,
    blocks,
    choose,
    joined,
    pairs_of,
    per_class_choice,
    swapped_partners,
)
from sightsound.evaluation.pitch import Admitted, pitch_figures
from sightsound.evaluation.pose import Poses, TruePoses, pose_figures, pose_summary
from sightsound.evaluation.real_sounds import (
    HeardRecordings,
    choose_recordings,
    hear_recordings,
    recording_figures,
)
from sightsound.evaluation.report import Clip, Exhibits, prepare_folder, write_report
from sightsound.evaluation.retrieval import retrieval_figures
from sightsound.evaluation.samples import SampleWriter
from sightsound.evaluation.sheets import Case, draw_sheet, picture_pixels, sound_pixels
from sightsound.features import pitch as pitches
from sightsound.features.pitch import Pitch
from sightsound.generation.files import output_metadata
from sightsound.generation.model import Model
from sightsound.generation.noise import check_seed
from sightsound.packages.load import load_package
from sightsound.pairs.performances import Dataset
from sightsound.pairs.store import Store, StoreConfig, open_store
from sightsound.shapes import Direction

TRAINING_PER_CLASS = 500  # training items that floors and novelty are measured against
SWAPPED_PER_CLASS = 80  # items that are also made from another class's condition
INVERTED_PER_CLASS = 20  # real sounds that are sent through the log-mel picture and back
BLOCK = 128  # items made at once
SHOWN_PER_CLASS, WORST_SHOWN = 3, 18
EASY_TRAINING_PAIRS = 20_000


def evaluate(
    model: Model | str | os.PathLike[str] | None = None,
    *,
    data: str | os.PathLike[str] | None = None,
    split: str = "test",
    sounds: str | os.PathLike[str] | None = None,
    fold: str | None = None,
    samples: str | os.PathLike[str] | None = None,
    report: str | os.PathLike[str] | None = None,
    seed: int = 0,
    limit: int | None = None,
    judges: Judges | str | os.PathLike[str] | None = None,
    instruments: Sequence[str] | None = None,
    hear_poses: Callable[[Items], Poses] | None = None,
    on_skip: Callable[[str], None] | None = None,
) -> dict[str, Any]:
    """Measure a model on a split of a data set, or on a folder of real recordings.

    Args:
        model: a model, a package's folder or name; None = the default model.
        data: a data set's folder; each direction that the model has is measured on it.
        split: which of its splits.
        sounds: a folder of recordings per instrument, instead of ``data``.
        fold: only recordings of this fold of the folder's ``manifest.csv``; None = all.
        samples: folder for all generated files beside their references; None = do not write.
        report: folder for a page to look at with sheets; None = do not write.
        seed: of the noise, of what is picked, and of the intervals.
        limit: at most so many pairs or files, classes as even as can be; None = all.
        judges: the judges or their folder; None = the ones that come with sightsound.
        instruments: only pairs and recordings of these; None = of those that the model was
            trained on, as its provenance says.
        hear_poses: a regression of poses (n, P) from the sounds of some items, for ``from_sound``
            in the figures of pose; None = not measured.
        on_skip: is told of each recording that cannot be read, at once.

    Returns:
        ``{"sound_to_image": {...}, "image_to_sound": {...}}``, what the model has of them;
        accuracies from 0 to 1, the mean of the judges. ``docs/evaluation.md`` names every figure.

    Raises:
        ConfigError: both or neither of ``data`` and ``sounds``, or ``fold`` without ``sounds``.
        DataError, ModelError: what is given cannot be read, or does not fit the judges.
    """
    if (data is None) == (sounds is None):
        raise ConfigError("evaluate: give either --data DATASET or --sounds DIR")
    if fold is not None and sounds is None:
        raise ConfigError("evaluate: --fold belongs to --sounds; name a part of --data by --split")
    if limit is not None and limit < 1:
        raise ConfigError(f"limit {limit}: 1 or more is needed")
    check_seed(seed)
    if report is not None:
        prepare_folder(report)
    if not isinstance(model, Model):
        model = Model(load_package(model))
    if not isinstance(judges, Judges):
        judges = load_judges(judges)
    judges.labels_of(model.classes)
    judges.labels_of(tuple(instruments or ()))
    result: dict[str, Any] = {}
    exhibits: dict[str, Exhibits] = {}
    wants_sheets = report is not None
    if sounds is not None:
        heard = _evaluate_recordings(
            model,
            judges,
            sounds,
            fold=fold,
            samples=samples,
            seed=seed,
            limit=limit,
            instruments=instruments,
            on_skip=on_skip,
        )
        direction = Direction.SOUND_TO_IMAGE.value
        result[direction], exhibits[direction] = heard
    else:
        assert data is not None
        dataset = Dataset.open(data)
        for maker in _makers(model, judges):
            measured = Measured.of(
                maker,
                dataset,
                split,
                samples=samples,
                seed=seed,
                limit=limit,
                instruments=instruments or trained_instruments(model, maker.direction),
                hear_poses=hear_poses,
            )
            result[maker.direction.value] = measured.figures
            if wants_sheets:
                exhibits[maker.direction.value] = measured.exhibits()
    if report is not None:
        write_report(report, result, exhibits)
    return result


def exit_code(result: Mapping[str, Any]) -> int:
    """0, or 2 where a recording was skipped."""
    return 2 if any(figures.get("skipped") for figures in result.values()) else 0


def evaluate_ease(
    data: str | os.PathLike[str],
    *,
    train_split: str = "train",
    test_split: str = "test",
    seed: int = 0,
    limit: int | None = None,
    judges: Judges | None = None,
    config: StoreConfig | None = None,
) -> dict[str, Any]:
    """How easy a data set is: simplest models and judges on its test pairs (``baselines``).

    ``limit``: at most so many test pairs; None = all. ``judges``: None = leave them out.
    At most 20,000 training pairs are used, picked by ``seed``, classes as even as can be.
    """
    config = config or StoreConfig()
    dataset = Dataset.open(data)
    store = open_store(dataset, config)
    training, testing = pairs_of(store, train_split), pairs_of(store, test_split)
    if judges is None:
        labels = list(range(len(dataset.classes)))
    else:
        labels = judges.labels_of(dataset.classes)
    return {
        "data": {"name": dataset.name, "sha256": dataset.sha256},
        "splits": [train_split, test_split],
        "seed": seed,
        **how_easy(
            choose(training, labels, limit=EASY_TRAINING_PAIRS, seed=seed),
            choose(testing, labels, limit=limit, seed=seed),
            classes=max(labels) + 1,
            sample_rate=config.sample_rate,
            judges=judges,
        ),
    }


def trained_instruments(model: Model, direction: Direction) -> tuple[str, ...] | None:
    """The instruments that a direction of a model was trained on; None = all, or not known."""
    provenance = model.package.manifest.provenance
    for name in provenance.recipe.split(" + "):
        run = provenance.config.get(name)
        if not isinstance(run, dict):
            continue
        method, pairs = (run.get(part) or {} for part in ("method", "pairs"))
        if method.get("direction", direction.value) == direction.value:
            chosen = pairs.get("instruments")
            return None if chosen is None else tuple(map(str, chosen))
    return None


def _makers(model: Model, judges: Judges) -> list[Maker]:
    kinds = {Direction.SOUND_TO_IMAGE: PictureMaker, Direction.IMAGE_TO_SOUND: SoundMaker}
    return [kinds[direction](model, judges) for direction in model.directions]


# --- Pairs of a data set --------------------------------------------------------------------


@dataclass(frozen=True)
class Answers:
    """What the judges say of a row of things, and their class-free features (n, D)."""

    judged: list[Judged]
    features: NDArray[np.float32]
    pitch: Pitch | None = None  # (n,) of generated sounds, where the truth has poses


@dataclass(frozen=True)
class Measured:
    """One direction, measured: its figures, and what is needed to show its cases."""

    maker: Maker
    items: Items
    embedding: Batch  # (n, D) of each item
    confidence: NDArray[np.float64]  # (n,) the judges' probability of the right class
    judged: list[Judged]
    figures: dict[str, Any]
    seed: int

    @classmethod
    def of(
        cls,
        maker: Maker,
        dataset: Dataset,
        split: str,
        *,
        samples: str | os.PathLike[str] | None,
        seed: int,
        limit: int | None,
        instruments: Sequence[str] | None,
        hear_poses: Callable[[Items], Poses] | None,
    ) -> Measured:
        """Make one thing of every item of a split and measure them all."""
        store = open_store(dataset, maker.store_config)
        label_of_class = maker.judges.labels_of(dataset.classes)
        only = None if instruments is None else maker.judges.labels_of(tuple(instruments))
        items = choose(pairs_of(store, split), label_of_class, limit=limit, seed=seed, only=only)
        writer = None
        if samples is not None:
            writer = SampleWriter(samples, maker.direction, maker.model, seed)
        listening = isinstance(maker, SoundMaker) and maker.can_hear_pitch
        moments = Admitted.of(items, maker.judges.classes) if listening else None
        embedding, encoder_labels, made = _make_all(
            maker, items, seed, writer, listens=moments is not None and len(moments.places) > 0
        )
        real = _answers_to_real(maker, items)
        training = None if split == "train" else _training_items(store, label_of_class, only, seed)
        known = None if training is None else _answers_to_real(maker, training)
        figures = {
            **accuracy_figures(
                made.judged,
                real.judged,
                items.labels,
                items.clusters,
                encoder_labels,
                maker.judges.classes,
                maker.judge_names,
                seed=seed,
            ),
            "swapped": _swapped(maker, items, embedding, seed),
            "distances": _distances(maker, made, real, known, items, training, seed),
            "diversity": diversity_figures(
                made.features,
                real.features,
                items.labels,
                maker.judges.classes,
                items.clusters,
                seed=seed,
            ),
            "novelty": novelty_figures(
                made.features,
                real.features,
                None if known is None else known.features,
                items.clusters,
                seed=seed,
            ),
            "retrieval": retrieval_figures(made.features, real.features, items.clusters, seed=seed),
            **_about(maker.model, maker.judges, seed),
            "data": {
                "name": dataset.name,
                "sha256": dataset.sha256,
                "split": split,
                "window_seconds": maker.store_config.window_seconds,
                **({} if instruments is None else {"instruments": list(instruments)}),
            },
            "preprocessing": maker.preprocessing,
        }
        if isinstance(maker, PictureMaker) and maker.judges.pose_judge is not None:
            heard_poses = None if hear_poses is None else hear_poses(items)
            figures["pose"] = _poses(maker, items, training, embedding, heard_poses, seed)
        if isinstance(maker, SoundMaker):
            figures["inversion_ceiling"] = _inversion_ceiling(maker, items, seed)
            if moments is not None and made.pitch is not None:
                heard = _real_pitch(maker, items)
                figures["pitch"] = pitch_figures(
                    made.pitch, heard, moments, maker.judges.classes, seed=seed
                )
        sure = confidence(made.judged, items.labels)
        return cls(maker, items, embedding, sure, made.judged, figures, seed)

    def exhibits(self) -> Exhibits:
        """Sheets picked by seed and of the worst, and clips of sounds."""
        rng = np.random.default_rng([self.seed, 2])
        picked = per_class_choice(self.items.labels, SHOWN_PER_CLASS, rng)
        worst = np.argsort(self.confidence, kind="stable")[:WORST_SHOWN]
        made, real = self._made_again(picked), self._real(picked)
        title = f"{self.maker.direction.value}, picked by seed {self.seed}"
        sheets = {
            "picked_by_seed": draw_sheet(self._cases(picked, made, real), title=title),
            "worst": draw_sheet(
                self._cases(worst, self._made_again(worst), self._real(worst)),
                title="the worst: where the judges gave the right class the least probability",
            ),
        }
        metadata = output_metadata(self.maker.model, self.maker.direction, self.seed)
        if isinstance(self.maker, PictureMaker):
            return Exhibits(sheets, metadata=metadata)
        rate = self.maker.model.viewer.sample_rate
        _, firsts = np.unique(self.items.labels[picked], return_index=True)  # one of each class
        clips = [Clip(self._name(picked[i]), made[i], real[i], rate) for i in firsts]
        return Exhibits(sheets, clips, metadata)

    def _made_again(self, positions: NDArray[np.int64]) -> Batch:
        indices = self.items.indices[positions]
        return self.maker.make(self.embedding[positions], indices, self.seed)

    def _real(self, positions: NDArray[np.int64]) -> Batch:
        return self.maker.reference(self.items.pairs, self.items.indices[positions])

    def _cases(self, positions: NDArray[np.int64], made: Batch, real: Batch) -> list[Case]:
        return [
            Case(
                self._pixels(made[row]),
                self._pixels(real[row]),
                self._name(position),
                *_verdict(self.judged, position, self.items.labels, self.maker.judges.classes),
            )
            for row, position in enumerate(positions)
        ]

    def _pixels(self, thing: NDArray[np.float32]) -> NDArray[np.uint8]:
        if isinstance(self.maker, PictureMaker):
            return picture_pixels(thing)
        return sound_pixels(thing, self.maker.model.viewer.sample_rate)

    def _name(self, position: int) -> str:
        return self.maker.judges.classes[int(self.items.labels[position])]


def _make_all(
    maker: Maker, items: Items, seed: int, writer: SampleWriter | None, *, listens: bool
) -> tuple[Batch, NDArray[np.int64], Answers]:
    """Embeddings, the encoder's labels (the judges' order) and the answers to what was made.

    ``listens``: whether the pitch of what was made is wanted too; of sounds only.
    """
    label_of_class = np.asarray(maker.judges.labels_of(maker.model.classes))
    embeddings, encoder_labels, judged, features = [], [], [], []
    heard: list[Pitch] = []
    done = 0
    bar = tqdm(total=len(items.indices), desc=maker.direction.value, disable=None, leave=False)
    with bar:
        for block in blocks(items.indices, BLOCK):
            embedding, logits = maker.encode(items.pairs, block)
            made = maker.make(embedding, block, seed)
            embeddings.append(embedding)
            encoder_labels.append(label_of_class[logits.argmax(axis=1)])
            judged.append(maker.judge(made))
            features.append(maker.class_free(made))
            if listens and isinstance(maker, SoundMaker):
                heard.append(maker.pitch(made))
            if writer is not None:
                names = [f"{index:06d}" for index in block]
                labels = items.labels[done : done + len(block)]
                classes = [maker.judges.classes[label] for label in labels]
                reference = maker.reference(items.pairs, block)
                condition = maker.condition(items.pairs, block)
                rate = maker.store_config.sample_rate
                writer.write(names, classes, made, reference, condition, rate)
            done += len(block)
            bar.update(len(block))
    if writer is not None:
        writer.close()
    pitch = pitches.joined(heard) if heard else None
    answers = Answers(joined(judged), np.concatenate(features), pitch)
    return np.concatenate(embeddings), np.concatenate(encoder_labels), answers


def _answers_to_real(maker: Maker, items: Items) -> Answers:
    judged, features = [], []
    for block in blocks(items.indices, BLOCK):
        real = maker.reference(items.pairs, block)
        judged.append(maker.judge(real))
        features.append(maker.class_free(real))
    return Answers(joined(judged), np.concatenate(features))


def _real_pitch(maker: SoundMaker, items: Items) -> Pitch:
    return pitches.joined(
        [maker.pitch(items.pairs.waveforms(block)) for block in blocks(items.indices, BLOCK)]
    )


def _training_items(
    store: Store, label_of_class: Sequence[int], only: Sequence[int] | None, seed: int
) -> Items | None:
    """Items of the training split, for floors and novelty; None where it has none."""
    pairs = pairs_of(store, "train")
    labels = np.asarray(pairs.labels)
    of_judges = np.asarray(label_of_class)[labels[labels >= 0]]
    if not len(of_judges) or (only is not None and not np.isin(of_judges, only).any()):
        return None
    items = choose(pairs, label_of_class, only=only)
    kept = per_class_choice(items.labels, TRAINING_PER_CLASS, np.random.default_rng([seed, 3]))
    return Items(pairs, items.indices[kept], items.labels[kept], items.clusters[kept])


def _poses(
    maker: PictureMaker,
    items: Items,
    training: Items | None,
    embedding: Batch,
    heard: Poses | None,
    seed: int,
) -> dict[str, Any] | None:
    """What the generated pictures show of the truth's poses; None without truth or training."""
    truth = TruePoses.of(items)
    if training is None or not truth.mask.any():
        return None
    shown, shown_real = [], []
    for block in blocks(np.arange(len(items.indices)), BLOCK):
        indices = items.indices[block]
        shown.append(maker.judges.poses(maker.make(embedding[block], indices, seed)))
        shown_real.append(maker.judges.poses(maker.reference(items.pairs, indices)))
    figures = pose_figures(
        np.concatenate(shown),
        np.concatenate(shown_real),
        truth,
        TruePoses.of(training),
        maker.judges.classes,
        heard=heard,
        seed=seed,
    )
    return {"parts": figures, "share_of_constant_pose": pose_summary(figures)}


def _swapped(maker: Maker, items: Items, embedding: Batch, seed: int) -> dict[str, Any] | None:
    """The same noise with the condition of another class; None where there is but one class."""
    if len(np.unique(items.labels)) < 2:
        return None
    rng = np.random.default_rng([seed, 4])
    chosen = per_class_choice(items.labels, SWAPPED_PER_CLASS, rng)
    partners = swapped_partners(items.labels, rng)[chosen]
    judged = [
        maker.judge(maker.make(embedding[partners[block]], items.indices[chosen[block]], seed))
        for block in blocks(np.arange(len(chosen)), BLOCK)
    ]
    return swapped_figures(
        joined(judged),
        items.labels[chosen],
        items.labels[partners],
        items.clusters[chosen],
        seed=seed,
    )


def _distances(
    maker: Maker,
    made: Answers,
    real: Answers,
    known: Answers | None,
    items: Items,
    training: Items | None,
    seed: int,
) -> dict[str, Any]:
    """Distances in the class-free space and in the first judge's."""
    training_labels = None if training is None else training.labels

    def within(space: str, features: Callable[[Answers], Batch]) -> dict[str, Any] | None:
        figures = distance_figures(
            features(made),
            features(real),
            None if known is None else features(known),
            items.labels,
            training_labels,
            items.clusters,
            seed=seed,
        )
        return None if figures is None else {"features": space, **figures}

    return {
        "class_free": within(maker.class_free_space, lambda answers: answers.features),
        "judge": within(
            f"judge {maker.judge_names[0]}", lambda answers: answers.judged[0].features
        ),
    }


def _inversion_ceiling(maker: SoundMaker, items: Items, seed: int) -> dict[str, Any]:
    """The judges' accuracy on real sounds that went through the log-mel picture and back."""
    rng = np.random.default_rng([seed, 5])
    chosen = per_class_choice(items.labels, INVERTED_PER_CLASS, rng)
    judged = [
        maker.judge(maker.through_log_mel(items.pairs.waveforms(block)))
        for block in blocks(items.indices[chosen], BLOCK)
    ]
    score = right(joined(judged), items.labels[chosen])
    interval = cluster_interval(score, items.clusters[chosen], seed=seed)
    return {
        "accuracy": interval.value,
        "low": interval.low,
        "high": interval.high,
        "n": len(chosen),
    }


# --- Real recordings ------------------------------------------------------------------------


def _evaluate_recordings(
    model: Model,
    judges: Judges,
    sounds: str | os.PathLike[str],
    *,
    fold: str | None,
    samples: str | os.PathLike[str] | None,
    seed: int,
    limit: int | None,
    instruments: Sequence[str] | None,
    on_skip: Callable[[str], None] | None,
) -> tuple[dict[str, Any], Exhibits]:
    maker = PictureMaker(model, judges)
    trained = trained_instruments(model, maker.direction)
    chosen = tuple(instruments or trained or judges.classes)
    classes = tuple(name for name in judges.classes if name in chosen)
    recordings = choose_recordings(sounds, classes, fold=fold, limit=limit, seed=seed)
    writer = None
    if samples is not None:
        writer = SampleWriter(samples, maker.direction, model, seed)
    heard = hear_recordings(model, recordings, seed=seed, on_skip=on_skip)
    judged = maker.judge(heard.images)
    if writer is not None:
        names = [f"{index:06d}_{r.path.stem}" for index, r in enumerate(heard.recordings)]
        labels = [r.instrument for r in heard.recordings]
        writer.write(names, labels, heard.images, None, None, model.listener.sample_rate)
        writer.close()
    figures = {
        **recording_figures(
            heard,
            judged,
            judges,
            maker.judge_names,
            judges.labels_of(model.classes),
            seed=seed,
        ),
        **_about(model, judges, seed),
        "preprocessing": maker.preprocessing,
        "data": {
            "folder": Path(sounds).name,
            "fold": fold,
            "folds": dict(Counter(str(r.fold) for r in heard.recordings)),  # what was heard
        },
    }
    return figures, _recording_exhibits(model, heard, judged, judges, seed)


def _recording_exhibits(
    model: Model, heard: HeardRecordings, judged: list[Judged], judges: Judges, seed: int
) -> Exhibits:
    labels = np.array([judges.classes.index(r.instrument) for r in heard.recordings], np.int64)
    picked = per_class_choice(labels, 2 * SHOWN_PER_CLASS, np.random.default_rng([seed, 2]))
    worst = np.argsort(confidence(judged, labels), kind="stable")[:WORST_SHOWN]

    def cases(positions: NDArray[np.int64]) -> list[Case]:
        return [
            Case(
                picture_pixels(heard.images[position]),
                None,
                judges.classes[labels[position]],
                *_verdict(judged, position, labels, judges.classes),
            )
            for position in positions
        ]

    return Exhibits(
        {
            "picked_by_seed": draw_sheet(cases(picked), title=f"picked by seed {seed}", columns=9),
            "worst": draw_sheet(cases(worst), title="the worst", columns=9),
        },
        metadata=output_metadata(model, Direction.SOUND_TO_IMAGE, seed),
    )


# --- Both -----------------------------------------------------------------------------------


def _about(model: Model, judges: Judges, seed: int) -> dict[str, Any]:
    return {
        "model": {"name": model.name, "sha256": model.sha256},
        "judged_by": {"sha256": judges.sha256, "graphs": judges.graph_hashes},
        "seed": seed,
        "bootstrap": {"level": LEVEL, "resamples": RESAMPLES, "seed": seed},
    }


def _verdict(
    judged: Sequence[Judged], position: int, labels: NDArray[np.int64], names: Sequence[str]
) -> tuple[str, bool]:
    """What the judges take a thing for, and whether all of them are right."""
    said = [int(j.labels[position]) for j in judged]
    text = names[said[0]] if len(set(said)) == 1 else " / ".join(names[k] for k in said)
    return text, all(k == labels[position] for k in said)
