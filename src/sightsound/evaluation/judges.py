"""Pictures and waveforms in, what the judges take them for out.

The judges come as one folder of ONNX graphs with ``judges.json``: two classifiers for pictures and
two for sounds, of different architecture and seed, trained on players and pieces that no model
sees, and one picture encoder made without labels for measuring diversity. Figures are only
comparable under the same judges, so their hash stands in every result.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
import onnxruntime
from numpy.typing import NDArray

from sightsound.errors import ModelError
from sightsound.packages.format import FILE_NAME, sha256_hex
from sightsound.packages.graphs import check_graph
from sightsound.packages.load import MODELS_FOLDER
from sightsound.pairs.truth import POSE_COLUMNS
from sightsound.shapes import Image, Waveform

JUDGES_FILE = "judges.json"
JUDGES_FOLDER = MODELS_FOLDER / "judges"
FORMAT_VERSION = 1
MAX_JUDGES_BYTES = 200_000_000
BATCH_SIZE = 64
Answer = TypeVar("Answer")


@dataclass(frozen=True, kw_only=True)
class ImageJudge:
    """A classifier of pictures: ``image`` (B, 3, S, S) → ``logits`` (B, K), ``features`` (B, D)."""

    file: str
    architecture: str
    seed: int
    image_size: int  # S, pixels


@dataclass(frozen=True, kw_only=True)
class SoundJudge:
    """A classifier of sounds: ``waveform`` (B, T) → ``logits`` (B, K), ``features`` (B, D)."""

    file: str
    architecture: str
    seed: int
    sample_rate: int  # Hz
    window_seconds: float  # T = sample_rate × window_seconds

    @property
    def window_samples(self) -> int:
        """T, samples in a window."""
        return round(self.sample_rate * self.window_seconds)


@dataclass(frozen=True, kw_only=True)
class ImageFeatures:
    """A picture encoder made without labels: ``image`` (B, 3, S, S) → ``features`` (B, D)."""

    file: str
    architecture: str
    seed: int
    image_size: int  # S, pixels


@dataclass(frozen=True, kw_only=True)
class PoseJudge:
    """A regressor of poses: ``image`` (B, 3, S, S) → ``pose`` (B, P), truth.POSE_COLUMNS."""

    file: str
    architecture: str
    seed: int
    image_size: int  # S, pixels


@dataclass(frozen=True)
class Judged:
    """One judge's answer to B things: class logits (B, K) and features (B, D)."""

    logits: NDArray[np.float32]
    features: NDArray[np.float32]

    @property
    def labels(self) -> NDArray[np.int64]:
        """The most likely class of each, (B,)."""
        return np.asarray(self.logits.argmax(axis=1), np.int64)


class Judges:
    """The judges of one folder, ready to run; make it with :func:`load_judges`."""

    def __init__(
        self,
        *,
        classes: tuple[str, ...],
        image_judges: tuple[ImageJudge, ...],
        sound_judges: tuple[SoundJudge, ...],
        image_features: ImageFeatures,
        metrics: Mapping[str, Any],
        sha256: str,
        graphs: Mapping[str, bytes],
        threads: int,
        pose_judge: PoseJudge | None = None,
    ) -> None:
        self.classes = classes
        self.image_judges = image_judges
        self.sound_judges = sound_judges
        self.image_features = image_features
        self.pose_judge = pose_judge
        self.metrics = dict(metrics)  # accuracies on real data, as measured when they were made
        self.sha256 = sha256  # of judges.json, which holds the hash of every graph
        self.graph_hashes = {name: sha256_hex(data) for name, data in graphs.items()}
        self._sessions = {name: _session(data, name, threads) for name, data in graphs.items()}

    def judge_images(self, images: Image) -> list[Judged]:
        """Each picture judge's answer to ``images`` (N, 3, H, W) in [-1, 1], H = W, any size."""
        return [
            self._judge(j.file, "image", _sized(images, j.image_size)) for j in self.image_judges
        ]

    def judge_waveforms(self, waveforms: Waveform, sample_rate: int) -> list[Judged]:
        """Each sound judge's answer to ``waveforms`` (N, T) in [-1, 1] at ``sample_rate`` Hz.

        A longer sound is heard in windows of the judge's length side by side (the rest, if any,
        in a last window that ends with the sound), whose logits and features are averaged.

        Raises:
            ModelError: the rate is not the judge's, or the sounds are shorter than its window.
        """
        return [self._hear(judge, waveforms, sample_rate) for judge in self.sound_judges]

    def class_free_features(self, images: Image) -> NDArray[np.float32]:
        """Features (N, D) of ``images`` (N, 3, H, W) from the encoder that saw no label."""
        model = self.image_features
        return self._run(model.file, "image", ["features"], _sized(images, model.image_size))[0]

    def poses(self, images: Image) -> NDArray[np.float32]:
        """Poses (N, P) that ``images`` (N, 3, H, W) show, the columns of ``truth.POSE_COLUMNS``.

        Raises:
            ModelError: there is no judge of poses among these judges.
        """
        judge = self.pose_judge
        if judge is None:
            raise ModelError(
                "these judges have none of poses; export them with a run of judge_pose"
            )
        return self._run(judge.file, "image", ["pose"], _sized(images, judge.image_size))[0]

    def labels_of(self, classes: Iterator[str] | tuple[str, ...]) -> list[int]:
        """Our label of each class name.

        Raises:
            ModelError: a class that the judges were never taught.
        """
        classes = tuple(classes)
        unknown = sorted(set(classes) - set(self.classes))
        if unknown:
            raise ModelError(
                f"class {unknown[0]!r}: the judges know only {', '.join(self.classes)}; "
                "evaluate a model of these classes or bring judges for others"
            )
        return [self.classes.index(name) for name in classes]

    def _hear(self, judge: SoundJudge, waveforms: Waveform, sample_rate: int) -> Judged:
        if sample_rate != judge.sample_rate:
            raise ModelError(
                f"judge {judge.file}: sound of {sample_rate} Hz came, {judge.sample_rate} Hz is "
                "needed; resample it first"
            )
        starts = _window_starts(waveforms.shape[-1], judge.window_samples, judge.file)
        windows = [
            self._judge(judge.file, "waveform", waveforms[:, start : start + judge.window_samples])
            for start in starts
        ]
        return Judged(
            np.mean([w.logits for w in windows], axis=0),
            np.mean([w.features for w in windows], axis=0),
        )

    def _judge(self, file: str, name: str, batch: NDArray[np.float32]) -> Judged:
        logits, features = self._run(file, name, ["logits", "features"], batch)
        return Judged(logits, features)

    def _run(
        self, file: str, name: str, outputs: list[str], batch: NDArray[np.float32]
    ) -> list[NDArray[np.float32]]:
        session = self._sessions[file]
        parts = [
            session.run(outputs, {name: np.ascontiguousarray(batch[i : i + BATCH_SIZE])})
            for i in range(0, len(batch), BATCH_SIZE)
        ]
        return [np.concatenate(columns) for columns in zip(*parts, strict=True)]


def load_judges(folder: str | os.PathLike[str] | None = None, *, threads: int = 1) -> Judges:
    """Read and check a folder of judges; ``None`` = the ones that come with sightsound.

    ``threads``: processor threads of each graph; 1 keeps the answers equal on every machine load.

    Raises:
        ModelError: a file is missing, altered, a link or more than data, ``judges.json`` is of
            another format, or a graph has not the inputs and outputs that a judge has.
    """
    path = JUDGES_FOLDER if folder is None else Path(folder)
    if not path.is_dir():
        raise ModelError(
            f"{path}: no folder of judges; `pip install` sightsound whole, or name one"
        )
    text = _read(path / JUDGES_FILE, 4_000_000)
    tree = _parsed(text, path / JUDGES_FILE)
    graphs = {name: _read_graph(path, name, entry) for name, entry in tree["files"].items()}
    return build_judges(tree, graphs, where=str(path), sha256=sha256_hex(text), threads=threads)


def build_judges(
    tree: Mapping[str, Any], graphs: Mapping[str, bytes], *, where: str, sha256: str, threads: int
) -> Judges:
    """Judges from the object in ``judges.json`` and the graphs' bytes, which are tried here."""
    try:
        image_judges = tuple(ImageJudge(**entry) for entry in tree["image_judges"])
        sound_judges = tuple(SoundJudge(**entry) for entry in tree["sound_judges"])
        image_features = ImageFeatures(**tree["image_features"])
        pose = tree.get("pose_judge")
        pose_judge = None if pose is None else PoseJudge(**pose)
        classes = tuple(map(str, tree["classes"]))
        metrics = dict(tree.get("metrics", {}))
    except (KeyError, TypeError, ValueError) as error:
        raise ModelError(f"{where}: {JUDGES_FILE} lacks or mistypes something ({error})") from None
    for entry in (*image_judges, *sound_judges, image_features, pose_judge):
        _check_entry(entry, where)
    if len(set(classes)) < len(classes):
        raise ModelError(f"{where}: {JUDGES_FILE} names a class twice: {', '.join(classes)}")
    used = {j.file for j in image_judges} | {j.file for j in sound_judges} | {image_features.file}
    if pose_judge is not None:
        used.add(pose_judge.file)
    if used != set(graphs):
        raise ModelError(f"{where}: files named {sorted(used)}, files hashed {sorted(graphs)}")
    if not image_judges or not sound_judges:
        raise ModelError(f"{where}: at least one judge for pictures and one for sounds is needed")
    judges = Judges(
        classes=classes,
        image_judges=image_judges,
        sound_judges=sound_judges,
        image_features=image_features,
        metrics=metrics,
        sha256=sha256,
        graphs={name: graphs[name] for name in sorted(used)},
        threads=threads,
        pose_judge=pose_judge,
    )
    _try_out(judges, where)
    return judges


def _check_entry(entry: object, where: str) -> None:
    """Refuse a judge that is described by something of another type, or by no finite number."""
    for name, value in vars(entry).items() if entry is not None else ():
        if name in ("file", "architecture"):
            fits = isinstance(value, str)
        else:
            whole = isinstance(value, int) and not isinstance(value, bool)
            fits = (whole or (name == "window_seconds" and isinstance(value, float))) and (
                0 <= value < 1e9
            )
        if not fits:
            raise ModelError(f"{where}: {JUDGES_FILE}: {name} is {value!r}; another type is needed")


def _try_out(judges: Judges, where: str) -> None:
    """Run every graph once on zeros: a wrong input, output or K shows here, not in mid-run."""
    for judge in judges.image_judges:
        _check_answer(judges, judge.file, "image", (3, judge.image_size, judge.image_size), where)
    for sound_judge in judges.sound_judges:
        _check_answer(judges, sound_judge.file, "waveform", (sound_judge.window_samples,), where)
    size = judges.image_features.image_size
    features = _tried(
        lambda: judges.class_free_features(np.zeros((2, 3, size, size), np.float32)),
        f"{where}/{judges.image_features.file}",
    )
    if features.ndim != 2:
        raise ModelError(f"{where}: class-free features {features.shape}, (2, D) is needed")
    pose_judge = judges.pose_judge
    if pose_judge is not None:
        blank = np.zeros((2, 3, pose_judge.image_size, pose_judge.image_size), np.float32)
        poses = _tried(lambda: judges.poses(blank), f"{where}/{pose_judge.file}")
        if poses.shape != (2, len(POSE_COLUMNS)):
            raise ModelError(
                f"{where}/{pose_judge.file}: poses {poses.shape}, "
                f"(2, {len(POSE_COLUMNS)}) is needed"
            )


def _check_answer(judges: Judges, file: str, name: str, shape: tuple[int, ...], where: str) -> None:
    judged = _tried(
        lambda: judges._judge(file, name, np.zeros((2, *shape), np.float32)), f"{where}/{file}"
    )
    if judged.logits.shape != (2, len(judges.classes)) or judged.features.ndim != 2:
        raise ModelError(
            f"{where}/{file}: logits {judged.logits.shape}, features {judged.features.shape}; "
            f"(2, {len(judges.classes)}) and (2, D) are needed"
        )


def _tried(attempt: Callable[[], Answer], where: str) -> Answer:
    try:
        return attempt()
    except Exception as error:  # onnxruntime's errors share no useful base class
        raise ModelError(f"{where}: does not run as a judge ({_line(error)})") from None


def _session(data: bytes, name: str, threads: int) -> onnxruntime.InferenceSession:
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    options.inter_op_num_threads = 1
    options.log_severity_level = 3
    try:
        return onnxruntime.InferenceSession(data, options, providers=["CPUExecutionProvider"])
    except Exception as error:
        raise ModelError(f"{name}: onnxruntime cannot load it ({_line(error)})") from None


def _parsed(text: bytes, where: Path) -> dict[str, Any]:
    try:
        tree = json.loads(text)
    except (ValueError, RecursionError):
        raise ModelError(f"{where}: not valid JSON; get the judges again") from None
    if not isinstance(tree, dict) or tree.get("format") != FORMAT_VERSION:
        found = tree.get("format") if isinstance(tree, dict) else None
        raise ModelError(f"{where}: format {found!r} came, {FORMAT_VERSION} is read")
    if not isinstance(tree.get("files"), dict):
        raise ModelError(f"{where}: no list of files with their hashes")
    return tree


def _read_graph(folder: Path, name: str, entry: Any) -> bytes:
    """A graph's bytes, checked: a plain file, of the size and hash that judges.json says."""
    if not FILE_NAME.fullmatch(name) or not name.endswith(".onnx"):
        raise ModelError(f"{folder}: file name {name!r} is not allowed; plain names in .onnx are")
    if not isinstance(entry, dict) or not isinstance(entry.get("sha256"), str):
        raise ModelError(f"{folder}/{JUDGES_FILE}: files.{name} has no sha256")
    data = _read(folder / name, MAX_JUDGES_BYTES)
    if sha256_hex(data) != entry["sha256"]:
        raise ModelError(f"{folder / name}: altered, its SHA-256 is not the one in {JUDGES_FILE}")
    check_graph(data, str(folder / name))
    return data


def _read(path: Path, limit: int) -> bytes:
    if path.is_symlink() or not path.is_file():
        raise ModelError(f"{path}: missing or no plain file; get the judges again")
    try:
        with path.open("rb") as file:
            data = file.read(limit + 1)
    except OSError as error:
        raise ModelError(f"{path}: cannot be read ({error.strerror})") from None
    if len(data) > limit:
        raise ModelError(f"{path}: more than the {limit} bytes that are allowed")
    return data


def _sized(images: Image, size: int) -> NDArray[np.float32]:
    """(N, 3, H, W) → (N, 3, size, size) by area averaging."""
    if images.shape[-2:] == (size, size):
        return np.asarray(images, np.float32)
    rows, columns = (_area_matrix(length, size) for length in images.shape[-2:])
    sized: NDArray[np.float32] = rows @ np.asarray(images, np.float32) @ columns.T
    return sized


def _area_matrix(source: int, target: int) -> NDArray[np.float32]:
    """Weights (target, source): each new pixel is the mean of the old ones that it covers."""
    edges = np.arange(target + 1) * (source / target)
    cells = np.arange(source)
    covered = np.minimum(edges[1:, None], cells + 1.0) - np.maximum(edges[:-1, None], cells)
    weights = np.clip(covered, 0.0, None)
    return np.asarray(weights / weights.sum(axis=1, keepdims=True), np.float32)


def _window_starts(samples: int, window: int, name: str) -> list[int]:
    if samples < window:
        raise ModelError(f"judge {name}: {samples} samples came, {window} or more are needed")
    starts = list(range(0, samples - window + 1, window))
    if starts[-1] + window < samples:
        starts.append(samples - window)
    return starts


def _line(error: BaseException) -> str:
    return " ".join(str(error).split())[:200]
