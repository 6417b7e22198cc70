"""What is in a data set: its table for reading, its contact sheet for looking."""

from __future__ import annotations

from collections import Counter, defaultdict
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from sightsound.media.image import contact_sheet, write_image
from sightsound.pairs.performances import SPLITS, Dataset, Performance
from sightsound.shapes import Image, image_to_unit


@dataclass(frozen=True)
class Description:
    """A data set in figures."""

    name: str
    folder: str
    kind: str
    license: str
    sources: tuple[str, ...]
    sha256: str
    frame_rate: float
    image_size: int
    seconds: dict[str, dict[str, float]]  # split → instrument → seconds of sound
    performances: dict[str, int]  # by split
    performances_by_instrument: dict[str, dict[str, int]]  # split → instrument → performances
    players: dict[str, int]  # by split
    pieces: dict[str, int]  # by split

    def as_dict(self) -> dict[str, Any]:
        """For ``--json``."""
        return asdict(self)

    def __str__(self) -> str:
        splits = list(self.performances)
        instruments = sorted({name for row in self.seconds.values() for name in row})
        width = max([len("performances"), *map(len, instruments)])
        lines = [
            f"{self.name}  ({self.kind}; {self.folder})",
            f"sha256   {self.sha256}",
            f"licence  {self.license}",
            *(f"source   {source}" for source in self.sources),
            f"frames   {self.image_size} × {self.image_size} pixels, {self.frame_rate:g} a second",
            "",
            " ".join([" " * width, *(f"{split:>12}" for split in splits)]),
        ]
        for title in ("performances", "players", "pieces"):
            counts: dict[str, int] = getattr(self, title)
            cells = (f"{counts[split]:>12}" for split in splits)
            lines.append(" ".join([f"{title:<{width}}", *cells]))
        lines += ["", "seconds of sound"]
        for name in instruments:
            cells = (f"{self.seconds[split].get(name, 0.0):>12.1f}" for split in splits)
            lines.append(" ".join([f"{name:<{width}}", *cells]))
        return "\n".join(lines)


def describe(dataset: Dataset) -> Description:
    """Counts of a data set by split and instrument, and where it comes from."""
    seconds: dict[str, Counter[str]] = defaultdict(Counter)
    members: dict[str, Counter[str]] = defaultdict(Counter)
    names: dict[str, dict[str, set[str]]] = {
        kind: defaultdict(set) for kind in ("id", "player", "piece")
    }
    for each in dataset.performances():
        seconds[each.split][each.instrument or "(none)"] += each.seconds  # type: ignore[assignment]
        members[each.split][each.instrument or "(none)"] += 1
        for kind, found in names.items():
            if (value := getattr(each, kind)) is not None:
                found[each.split].add(value)
    splits = [split for split in SPLITS if split in seconds]
    return Description(
        name=dataset.name,
        folder=str(dataset.folder),
        kind=dataset.info.kind,
        license=dataset.info.license,
        sources=dataset.info.sources,
        sha256=dataset.sha256,
        frame_rate=dataset.info.frame_rate,
        image_size=dataset.info.image_size,
        seconds={split: dict(seconds[split]) for split in splits},
        performances={split: len(names["id"][split]) for split in splits},
        performances_by_instrument={split: dict(members[split]) for split in splits},
        players={split: len(names["player"][split]) for split in splits},
        pieces={split: len(names["piece"][split]) for split in splits},
    )


def dataset_sheet(
    dataset: Dataset, *, columns: int = 6, split: str | None = None, seed: int = 0
) -> Image:
    """One row of frames per instrument, each of another player while there are any.

    Args:
        dataset: an opened data set.
        columns: frames a row.
        split: take frames of this split only; None = of all.
        seed: which players and moments.

    Returns:
        (3, H, W) in [-1, 1].
    """
    rng = np.random.default_rng(seed)
    size = dataset.info.image_size
    images: list[Image] = []
    for instrument in dataset.classes:
        row = [
            random_frame(each, rng)
            for each in different_players(dataset, instrument, split, columns, rng)
        ]
        blank = np.ones((3, size, size), np.float32)
        images += [*row, *[blank] * (columns - len(row))]
    return contact_sheet(images, columns)


def write_dataset_sheet(
    dataset: Dataset, path: Path, *, columns: int = 6, split: str | None = None, seed: int = 0
) -> None:
    """Write ``dataset_sheet`` as a picture file."""
    write_image(path, dataset_sheet(dataset, columns=columns, split=split, seed=seed))


def different_players(
    dataset: Dataset,
    instrument: str | None,
    split: str | None,
    count: int,
    rng: np.random.Generator,
) -> list[Performance]:
    """Performances in random order, first one of each player, then the second of each."""
    candidates = [each for each in dataset.performances(split) if each.instrument == instrument]
    shuffled = [candidates[place] for place in rng.permutation(len(candidates))]
    turn: Counter[str] = Counter()
    ranked = []
    for each in shuffled:
        player = each.player or each.id
        ranked.append((turn[player], each))
        turn[player] += 1
    return [each for _, each in sorted(ranked, key=lambda pair: pair[0])][:count]


def random_frame(performance: Performance, rng: np.random.Generator) -> Image:
    """One of its frames: (3, H, W) in [-1, 1]."""
    return image_to_unit(performance.frame_pixels()[rng.integers(performance.frames)])
