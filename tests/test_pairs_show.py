"""What ``sightsound data show`` tells of a data set."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image as PillowImage

from sightsound.pairs.performances import Dataset
from sightsound.pairs.show import dataset_sheet, describe, write_dataset_sheet
from sightsound.shapes import unit_to_image
from tiny_dataset import SIZE, grey_of, make_tiny


@pytest.fixture(scope="module")
def dataset(tmp_path_factory: pytest.TempPathFactory) -> Dataset:
    return make_tiny(tmp_path_factory.mktemp("show") / "tiny", players=2)


def test_figures(dataset: Dataset) -> None:
    figures = describe(dataset)
    assert figures.performances == {"train": 6, "validation": 3, "test": 3}
    assert figures.players == {"train": 6, "validation": 3, "test": 3}
    assert figures.seconds["train"] == {"cello": 4.0, "flute": 4.0, "horn": 4.0}
    assert json.loads(json.dumps(figures.as_dict()))["sha256"] == dataset.sha256
    text = str(figures)
    for expected in (dataset.sha256, "CC0", "made up", "validation", "cello", "4.0"):
        assert expected in text


def test_sheet(dataset: Dataset, tmp_path: Path) -> None:
    write_dataset_sheet(dataset, tmp_path / "sheet.png", columns=3)
    sheet = np.asarray(PillowImage.open(tmp_path / "sheet.png"))
    assert sheet.shape[0] >= 3 * SIZE
    assert sheet.shape[1] >= 3 * SIZE
    np.testing.assert_array_equal(sheet, unit_to_image(dataset_sheet(dataset, columns=3)))
    np.testing.assert_array_equal(dataset_sheet(dataset), dataset_sheet(dataset))
    assert (dataset_sheet(dataset, seed=1) != dataset_sheet(dataset)).any()
    # Test has one player an instrument: one frame, then blanks.
    first = unit_to_image(dataset_sheet(dataset, columns=2, split="test"))
    assert first.max() == 255
    assert grey_of(0) - 3 <= first.min() <= grey_of(49) + 3
