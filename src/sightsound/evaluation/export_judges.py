"""Finished runs of judges in, the folder of judges that every evaluation reads out."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from sightsound.errors import ModelError
from sightsound.evaluation.judge_package import write_judges
from sightsound.evaluation.judges import ImageFeatures, ImageJudge, Judges, PoseJudge, SoundJudge
from sightsound.evaluation.run import evaluate_ease
from sightsound.export.graphs import (
    ImageFeaturesGraph,
    ImageJudgeGraph,
    PoseGraph,
    SoundJudgeGraph,
)
from sightsound.export.run import LICENSE, Latent, classes_of, commit, read_run
from sightsound.methods.autoencoder import Reconstruction
from sightsound.methods.classifier import Classifier
from sightsound.methods.pose import PoseRegression
from sightsound.training.folder import RunFolder
from sightsound.training.run import build_method


def export_judges(
    runs: Sequence[Path], output: Path, *, data: Path | None = None, split: str = "judge"
) -> Path:
    """Make the folder of judges of their finished runs.

    Args:
        runs: run folders: classifiers of images, classifiers of sounds, one autoencoder, at most
            one regressor of poses, trained on the split ``judge``.
        output: folder of the judges.
        data: a data set whose test split says how good the judges are, and how easy it is; the
            figures go into the card. None = unmeasured.
        split: that all of them must have been trained on.

    Raises:
        ModelError: a run is unfinished, generates, or was trained on another split.
    """
    graphs: dict[str, bytes] = {}
    image_judges, sound_judges, features, pose_judge = [], [], None, None
    read = [read_run(path) for path in runs]
    if len({run.data["sha256"] for run in read}) > 1:
        raise ModelError("judges of different data sets cannot be one folder; give runs of one")
    for run in read:
        if run.config.pairs.train_split != split:
            trained = run.config.pairs.train_split
            raise ModelError(f"{run.path}: trained on {trained}, not on {split}")
        method = build_method(run.config, run.path.parent)
        RunFolder(run.path).load_weights(method.players)
        method.players.eval()
        store, seed = run.config.pairs.store, run.config.training.seed
        file = f"{run.config.recipe}.onnx"
        if file in graphs:
            raise ModelError(
                f"{run.path}: a second run of {run.config.recipe}; give each recipe once"
            )
        if isinstance(method, Reconstruction):
            encoder = Latent(method.autoencoder)
            graphs[file] = ImageFeaturesGraph(encoder, image_size=store.image_size).export()
            features = ImageFeatures(
                file=file, architecture="autoencoder", seed=seed, image_size=store.image_size
            )
        elif isinstance(method, PoseRegression) and method.front_end is None:
            network = method.players["regressor"]
            graphs[file] = PoseGraph(network, method.ranges, image_size=store.image_size).export()
            pose_judge = PoseJudge(
                file=file,
                architecture=type(network).__name__,
                seed=seed,
                image_size=store.image_size,
            )
        elif isinstance(method, Classifier) and method.front_end is None:
            network = method.players["encoder"]
            graphs[file] = ImageJudgeGraph(network, image_size=store.image_size).export()
            image_judges.append(
                ImageJudge(
                    file=file,
                    architecture=type(network).__name__,
                    seed=seed,
                    image_size=store.image_size,
                )
            )
        elif isinstance(method, Classifier) and method.front_end is not None:
            network = method.players["encoder"]
            graph = SoundJudgeGraph(method.front_end, network, samples=store.window_samples)
            graphs[file] = graph.export()
            sound_judges.append(
                SoundJudge(
                    file=file,
                    architecture=type(network).__name__,
                    seed=seed,
                    sample_rate=store.sample_rate,
                    window_seconds=store.window_seconds,
                )
            )
        else:
            raise ModelError(f"{run.path}: a run of {run.config.recipe}, which is no judge")
    if features is None or not image_judges or not sound_judges:
        raise ModelError("judges of images, judges of sounds and image features are all needed")
    measured: dict[str, Any] = {}
    if data is not None:
        judges = Judges(
            classes=classes_of(read),
            image_judges=tuple(image_judges),
            sound_judges=tuple(sound_judges),
            image_features=features,
            metrics={},
            sha256="",
            graphs=graphs,
            threads=1,
            pose_judge=pose_judge,
        )
        measured = measure(judges, data)
    write_judges(
        output,
        classes=classes_of(read),
        image_judges=image_judges,
        sound_judges=sound_judges,
        image_features=features,
        graphs=graphs,
        license=LICENSE,
        provenance={
            "commit": commit(),
            "data": {"name": read[0].data["name"], "sha256": read[0].data["sha256"]},
            "split": split,
            "recipes": [run.config.recipe for run in read],
            "sources": read[0].data.get("sources", []),
        },
        metrics=measured,
        pose_judge=pose_judge,
    )
    return output


def measure(judges: Judges, data: Path) -> dict[str, Any]:
    """How right the judges are on a data set's real test pairs, and how easy it is."""
    ease = evaluate_ease(data, judges=judges)
    return {
        "image_accuracy": _mean_accuracy(ease["judges"]["image"]),
        "sound_accuracy": _mean_accuracy(ease["judges"]["sound"]),
        "ease": ease,
    }


def _mean_accuracy(scores: Sequence[dict[str, float]]) -> float:
    return sum(score["accuracy"] for score in scores) / len(scores)
