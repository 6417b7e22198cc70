"""Pose errors worked by hand, and what they must tell apart."""

from __future__ import annotations

import numpy as np
import pytest

from sightsound.evaluation.pose import (
    BOW,
    PARTS,
    TruePoses,
    _middle,
    others,
    part_errors,
    pose_figures,
    pose_summary,
    wasserstein,
)
from sightsound.evaluation.report import _pose_rows
from sightsound.pairs.truth import POSE_COLUMNS

FINGER = POSE_COLUMNS.index("finger_position")
SLIDE = POSE_COLUMNS.index("slide_extension")
VALVE = POSE_COLUMNS.index("valve_1")


def test_a_distance_and_a_setting_by_hand() -> None:
    finger, valves = PARTS[0], PARTS[3]
    guess, truth = np.array([[0.2], [0.9]], np.float32), np.array([[0.5], [0.5]], np.float32)
    mask = np.array([[True], [False]])
    np.testing.assert_allclose(part_errors(guess, truth, mask, finger), [0.3, 0.0], atol=1e-6)
    pressed = np.array([[1, 0, 1, 0]], np.float32)
    seen = np.array([[0.8, 0.7, 0.9, 0.9]], np.float32)  # the second is wrong
    three = np.array([[True, True, True, False]])  # this instrument has three valves
    np.testing.assert_allclose(part_errors(seen, pressed, three, valves), [1 / 3], atol=1e-6)


def test_wasserstein_is_the_shift_of_equal_shapes() -> None:
    rng = np.random.default_rng(0)
    values = rng.random(4000)
    assert wasserstein(values, values) == 0.0
    assert wasserstein(values + 0.25, values) == pytest.approx(0.25, abs=1e-9)
    four, six = np.repeat([0.0, 1.0], [4, 6]), np.repeat([0.0, 1.0], [5, 5])
    assert wasserstein(four, six) == pytest.approx(0.1, abs=1e-12)  # a tenth moves by 1
    assert wasserstein(np.full(2, 0.5), values) == pytest.approx(0.25, abs=0.01)  # |x - 1/2|


def world(count: int = 400) -> dict[str, np.ndarray]:
    """Violins (label 0) with finger and bow, trombones (label 1) with a slide."""
    rng = np.random.default_rng(3)
    labels = np.arange(count) % 2
    truth = np.zeros((count, len(POSE_COLUMNS)), np.float32)
    mask = np.zeros(truth.shape, bool)
    truth[:, FINGER] = rng.random(count)
    truth[:, BOW] = rng.random((count, 1))
    truth[:, SLIDE] = rng.random(count)
    mask[labels == 0, FINGER] = mask[labels == 0, BOW.start] = True
    mask[labels == 1, SLIDE] = True
    return {"truth": truth, "mask": mask, "labels": labels, "clusters": np.arange(count) // 8}


def figures(shown: np.ndarray, **changes: np.ndarray) -> dict[str, dict[str, dict[str, float]]]:
    it = world()
    truth = TruePoses(it["truth"], it["mask"], it["labels"], it["clusters"])
    real = it["truth"] + np.float32(0.01)
    return pose_figures(shown, real, truth, truth, ["violin", "trombone"], **changes)


def test_a_picture_that_shows_the_truth_has_no_error() -> None:
    # Mutant: errors taken of the real frame's pose, or of another row.
    it = world()
    result = figures(it["truth"], heard=it["truth"] + np.float32(0.1))
    violin, trombone = result["finger_position"]["violin"], result["slide_extension"]["trombone"]
    assert set(result) == {"finger_position", "slide_extension", "bow"}
    assert "trombone" not in result["finger_position"]
    for row in (violin, trombone):
        assert row["error"] == row["low"] == row["high"] == 0.0
        assert row["n"] == 200
        assert row["real_frame"] == pytest.approx(0.01, abs=1e-4)
        assert row["from_sound"] == pytest.approx(0.1, abs=1e-4)
        assert row["constant_pose"] == pytest.approx(0.25, abs=0.02)  # |x - 1/2| of a uniform x
        assert row["another_moment"] == pytest.approx(1 / 3, abs=0.04)  # |x - y|
    assert result["bow"]["violin"]["distance"] == pytest.approx(0.0, abs=1e-6)
    assert result["bow"]["violin"]["one_place"] > 0.2


def test_ignoring_the_sound_costs_what_another_moment_costs() -> None:
    it = world()
    turned = np.roll(it["truth"], 16, axis=0)  # two performances on, the same instrument
    row = figures(turned)["finger_position"]["violin"]
    assert row["low"] < 1 / 3 < row["high"]
    assert pose_summary(figures(turned))["finger_position"] == pytest.approx(4 / 3, abs=0.2)
    assert figures(turned)["bow"]["violin"]["distance"] < 0.02  # the distribution is right


def test_the_printed_rows_name_what_each_error_is_read_beside() -> None:
    it = world()
    rows = dict(_pose_rows({"parts": figures(it["truth"])}))
    assert rows["pose, slide extension ↓"].startswith(
        "0.000  (real frames 0.010, best constant 0.2"
    )
    assert rows["bow's place, distribution ↓"].startswith("0.000")
    assert _pose_rows(None) == []


def test_the_constant_pose_is_the_one_that_errs_least() -> None:
    """Mutant: the mean, which a picture that always shows the median beats."""
    slide = next(part for part in PARTS if part.name == "slide_extension")
    training = np.array([[0.0], [0.0], [0.0], [1.0], [0.4]], np.float32)
    mask = np.array([[True], [True], [True], [True], [False]])
    assert _middle(training, mask, slide).tolist() == [0.0]


def test_the_constant_setting_is_the_commonest() -> None:
    """Mutant: the first one there is."""
    string = next(part for part in PARTS if part.name == "string_index")
    training = np.array([[0.0], [2.0], [2.0], [1.0]], np.float32)
    assert _middle(training, np.ones((4, 1), bool), string).tolist() == [2.0]


def test_another_moment_is_of_another_performance() -> None:
    """Mutant: any other item, whose pose is nearly the same."""
    clusters = np.repeat(np.arange(4), 25)
    partner = others(clusters, np.random.default_rng(0))
    assert not (clusters[partner] == clusters).any()


def test_the_interval_of_a_pose_is_over_performances() -> None:
    """Mutant: over frames, which of one performance are all alike."""
    count, performances = 400, 4
    pose = np.zeros((count, len(POSE_COLUMNS)), np.float32)
    mask = np.zeros(pose.shape, bool)
    mask[:, SLIDE] = True
    clusters = np.repeat(np.arange(performances), count // performances)
    truth = TruePoses(pose, mask, np.zeros(count, np.int64), clusters)
    shown = pose.copy()
    shown[:, SLIDE] = np.array([0.0, 0.2, 0.4, 0.6])[clusters]  # error by performance
    figures = pose_figures(shown, pose, truth, truth, ["trombone"])
    row = figures["slide_extension"]["trombone"]
    assert row["high"] - row["low"] > 0.3  # over frames it would be about 0.04
