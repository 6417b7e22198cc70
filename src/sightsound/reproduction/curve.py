"""A run's weights at each validation in, accuracy over its training out: the paper's Fig. 9."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from PIL import Image as Pillow
from PIL import ImageDraw, ImageFont

from sightsound.errors import ConfigError
from sightsound.evaluation.bootstrap import cluster_interval
from sightsound.evaluation.confusion import FAINT, INK, PAPER
from sightsound.evaluation.figures import right
from sightsound.evaluation.judges import Judged, Judges
from sightsound.evaluation.makers import noises
from sightsound.evaluation.matched import Items, blocks, choose, joined, pairs_of
from sightsound.methods.protocol import Generating, Translator
from sightsound.pairs.batches import epoch
from sightsound.pairs.performances import Dataset
from sightsound.pairs.store import PairSet, open_store
from sightsound.shapes import Direction, Frames
from sightsound.training.folder import RunFolder
from sightsound.training.run import load_method
from sightsound.training.run import pairs_of as training_pairs_of

BLOCK = 64
WIDTH, HEIGHT, LEFT, TOP, TEXT = 640, 320, 64, 60, 14  # of the plot, pixels
COLOURS = {"train": (33, 98, 161), "test": (173, 62, 56)}
PUBLISHED = {"train": (158, 202, 225), "test": (233, 171, 110)}


def accuracy_curve(
    run: Path,
    dataset: Dataset,
    judges: Judges,
    *,
    limit: int | None,
    seed: int,
) -> list[dict[str, Any]]:
    """Accuracy (0 to 1) of a sound-to-image run on train and test, at each saved step.

    Args:
        run: folder of a finished run.
        dataset: the data set that it was trained on.
        judges: who names the pictures.
        limit: at most so many items of each split, classes as even as can be; None = all.
        seed: of the noise, the choice and the intervals.

    Returns:
        For each step ``step``, ``pairs`` seen, ``epochs`` of the training split, ``chosen``
        (whether validation chose it), ``validation`` (by the examiner) and ``train`` and ``test``
        with ``accuracy``, ``low``, ``high`` and ``n``.

    Raises:
        ConfigError: the run makes no pictures of sounds.
    """
    folder = RunFolder(run)
    config, method = load_method(run)
    if not isinstance(method, Generating):
        raise ConfigError(f"{run}: a run of {config.recipe}, which generates nothing")
    store = open_store(dataset, config.pairs.store)
    epoch_size = len(training_pairs_of(config, store, config.pairs.train_split))
    labels = judges.labels_of(dataset.classes)
    chosen_step, _ = folder.best()
    splits: dict[str, tuple[PairSet, Items]] = {}
    for split in ("train", "test"):
        pairs = pairs_of(store, split)
        assert isinstance(pairs, PairSet)
        splits[split] = (pairs, choose(pairs, labels, limit=limit, seed=seed))
    points = []
    for step, validation in folder.validations():
        folder.load_weights(method.players, step)
        method.players.eval()
        translator = _to_image(method, run)
        seen = step * config.training.batch_size
        points.append(
            {
                "step": step,
                "pairs": seen,
                "epochs": seen / epoch_size,
                "chosen": step == chosen_step,
                "validation": validation,
                **{
                    split: _figures(translator, pairs, items, judges, seed)
                    for split, (pairs, items) in splits.items()
                },
            }
        )
    return points


def draw_curve(
    points: Sequence[Mapping[str, Any]],
    published: Mapping[int, tuple[float, float]],
    title: str,
) -> Frames:
    """Ours above pairs seen, the published curve above epochs, each over the whole width.

    Ours with 95 % intervals and a ring at the chosen step, the published curve in pale colours;
    a picture (H, W, 3) uint8.
    """
    canvas = Pillow.new("RGB", (LEFT + WIDTH + 190, TOP + HEIGHT + 60), PAPER)
    pen = ImageDraw.Draw(canvas)
    font, head = ImageFont.load_default(TEXT), ImageFont.load_default(TEXT + 4)
    pen.text((14, 12), title, font=head, fill=INK)
    for share in (0.0, 0.25, 0.5, 0.75, 1.0):
        y = _y(share)
        pen.line((LEFT, y, LEFT + WIDTH, y), fill=(226, 230, 236))
        pen.text((LEFT - 8, y), f"{100 * share:.0f} %", font=font, fill=FAINT, anchor="rm")
    last = max(published)
    for column, split in enumerate(("train", "test")):
        spots = [(LEFT + WIDTH * e / last, _y(values[column])) for e, values in published.items()]
        pen.line(spots, fill=PUBLISHED[split], width=2)
    end = max(point["pairs"] for point in points)
    for split in ("train", "test"):
        spots = [(LEFT + WIDTH * p["pairs"] / end, _y(p[split]["accuracy"])) for p in points]
        if len(spots) > 1:
            pen.line(spots, fill=COLOURS[split], width=3)
        for (x, y), point in zip(spots, points, strict=True):
            pen.line((x, _y(point[split]["low"]), x, _y(point[split]["high"])), fill=COLOURS[split])
            size = 6 if point["chosen"] else 3
            fill = PAPER if point["chosen"] else COLOURS[split]
            pen.ellipse((x - size, y - size, x + size, y + size), fill=fill, outline=COLOURS[split])
    foot = TOP + HEIGHT + 10
    pen.text((LEFT, foot), "0", font=font, fill=FAINT, anchor="mt")
    pen.text(
        (LEFT + WIDTH, foot),
        f"ours: {end:,} pairs; published: epoch {last}",
        font=font,
        fill=FAINT,
        anchor="rt",
    )
    for number, (text, colour) in enumerate(
        (
            ("ours, train", COLOURS["train"]),
            ("ours, test", COLOURS["test"]),
            ("published, train", PUBLISHED["train"]),
            ("published, test", PUBLISHED["test"]),
        )
    ):
        y = TOP + 10 + number * 24
        pen.line((LEFT + WIDTH + 16, y, LEFT + WIDTH + 40, y), fill=colour, width=3)
        pen.text((LEFT + WIDTH + 48, y), text, font=font, fill=INK, anchor="lm")
    return np.asarray(canvas, np.uint8)


def _y(share: float) -> float:
    return TOP + HEIGHT * (1 - share)


def _to_image(method: Generating, run: Path) -> Translator:
    for translator in method.translators():
        if translator.direction is Direction.SOUND_TO_IMAGE:
            return translator
    raise ConfigError(f"{run}: its pictures are of sounds; this curve needs sound to image")


def _figures(
    translator: Translator, pairs: PairSet, items: Items, judges: Judges, seed: int
) -> dict[str, Any]:
    judged: list[list[Judged]] = []
    with torch.no_grad():
        for block in blocks(items.indices, BLOCK):
            (batch,) = epoch(pairs.at(block), BLOCK, ("waveform",))
            noise = torch.from_numpy(noises(seed, block, translator.noise_size))
            image = translator.generator(translator.embed(batch), noise).float().numpy()
            judged.append(judges.judge_images(np.ascontiguousarray(image)))
    scores = right(joined(judged), items.labels)
    interval = cluster_interval(scores, items.clusters, seed=seed)
    return {
        "accuracy": interval.value,
        "low": interval.low,
        "high": interval.high,
        "n": len(scores),
    }
