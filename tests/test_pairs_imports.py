"""What importers share: splits by hash, jobs in processes, a folder that is taken once."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sightsound.errors import ConfigError, DataError
from sightsound.pairs import imports
from sightsound.pairs.imports import ImportOutcome, claim, class_of, classes_of, in_processes
from sightsound.pairs.shares import assign_splits
from sightsound.pairs.stretches import StretchRules, block_loudness, kept_stretches
from sightsound.shapes import INSTRUMENTS


def square_or_die(number: int) -> int:
    if number == 3:
        os.kill(os.getpid(), signal.SIGKILL)
    return number * number


def test_a_process_that_dies_costs_its_own_job_alone() -> None:
    """Mutants: the whole import stops; the job before or after is blamed."""
    results = dict(
        in_processes(square_or_die, range(6), workers=2, title="x", unit="job", progress=False)
    )
    assert results == {0: 0, 1: 1, 2: 4, 3: None, 4: 16, 5: 25}


def sleep_long(number: int) -> int:
    (Path(os.environ["STARTED"]) / str(number)).touch()
    time.sleep(30)
    return number


def test_stopping_ends_the_jobs_that_run_and_starts_no_other(tmp_path: Path) -> None:
    """Mutant: shutdown waits for what runs and for what was already handed to a process."""
    script = (
        "import test_pairs_imports as t, sightsound.pairs.imports as i\n"
        "if __name__ == '__main__':\n"
        "    list(i.in_processes(t.sleep_long, range(6), workers=2, title='x', unit='job'))\n"
    )
    (tmp_path / "script.py").write_text(script)
    paths = os.pathsep.join((str(Path(__file__).parent), str(Path(imports.__file__).parents[2])))
    process = subprocess.Popen(
        [sys.executable, str(tmp_path / "script.py")],
        env={**os.environ, "PYTHONPATH": paths, "STARTED": str(tmp_path)},
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    deadline = time.monotonic() + 60
    while not ((tmp_path / "0").exists() and (tmp_path / "1").exists()):
        assert time.monotonic() < deadline
        time.sleep(0.05)
    os.killpg(process.pid, signal.SIGINT)
    _, errors = process.communicate(timeout=20)
    assert errors.count("Traceback") == 1  # the script's own; none of the processes'
    assert "KeyboardInterrupt" in errors
    assert not (tmp_path / "2").exists()


def test_shares_worked_by_hand() -> None:
    groups = {f"a{n}": {"a"} for n in range(10)} | {f"b{n}": {"b"} for n in range(3)}
    groups |= {"c0": {"c"}, "c1": {"c"}, "d0": {None}}
    splits = assign_splits(groups, validation=0.1, test=0.2, seed=0)
    counts = Counter((name[0], split) for name, split in splits.items())
    assert counts == {
        ("a", "train"): 7, ("a", "validation"): 1, ("a", "test"): 2,
        ("b", "train"): 1, ("b", "validation"): 1, ("b", "test"): 1,
        ("c", "train"): 1, ("c", "test"): 1,
        ("d", "train"): 1,
    }  # fmt: skip
    assert assign_splits(groups, validation=0.1, test=0.2, seed=1) != splits
    assert assign_splits(dict(reversed(groups.items())), validation=0.1, test=0.2, seed=0) == splits


@settings(max_examples=50, deadline=None)
@given(
    st.dictionaries(
        st.text("abcdef", min_size=1, max_size=3),
        st.sets(st.sampled_from(["x", "y", "z", None]), min_size=1),
        max_size=12,
    ),
    st.integers(0, 3),
)
def test_every_class_keeps_a_group_for_train(groups: dict[str, set[str | None]], seed: int) -> None:
    splits = assign_splits(groups, validation=0.3, test=0.4, seed=seed)
    assert set(splits) == set(groups)
    for label in {label for labels in groups.values() for label in labels}:
        assert any(splits[name] == "train" for name in groups if label in groups[name])


def test_shares_that_leave_nothing_are_refused() -> None:
    for validation, test in ((0.5, 0.5), (-0.1, 0.2), (float("nan"), 0.1)):
        with pytest.raises(ConfigError, match="shares"):
            assign_splits({}, validation=validation, test=test, seed=0)


def test_stretches_worked_by_hand() -> None:
    rate = 1000
    sound = np.full(10_000, 0.1, np.float32)
    sound[2000:2500] = 0  # a rest
    sound[4000:6000] = 0
    loudness = block_loudness(sound, rate)
    assert loudness[0] == pytest.approx(-20, abs=1e-3)
    rules = StretchRules()
    assert kept_stretches(loudness, 10.0, [], rules) == [
        (0, pytest.approx(4.2)),
        (pytest.approx(5.8), 10.0),
    ]
    damaged = kept_stretches(loudness, 10.0, [3.0, 7.0], rules)
    # What is left between is shorter than a second.
    np.testing.assert_allclose(damaged, [(0, 2.75), (7.25, 10.0)])
    short = kept_stretches(loudness, 10.0, [], StretchRules(max_seconds=2.1))
    np.testing.assert_allclose(short, [(0, 2.1), (2.1, 4.2), (5.8, 7.9), (7.9, 10)], atol=1e-9)


def test_classes_are_the_thirteen_where_they_can_be() -> None:
    assert class_of("Double Bass") == "double_bass"
    assert class_of("saxophone") == "sax"
    assert class_of("My Kazoo") == "My Kazoo"
    assert classes_of(["violin", None]) == INSTRUMENTS
    assert classes_of(["piano", "drum", "piano"]) == ("drum", "piano")
    assert classes_of([None]) == ()


def test_a_folder_is_taken_for_one_data_set(tmp_path: Path) -> None:
    claim(tmp_path / "data", {"kind": "videos", "shares": (1, 2)})
    claim(tmp_path / "data", {"kind": "videos", "shares": (1, 2)})
    with pytest.raises(DataError, match="another data set"):
        claim(tmp_path / "data", {"kind": "videos", "shares": (1, 3)})
    (tmp_path / "full").mkdir()
    (tmp_path / "full/notes.txt").touch()
    with pytest.raises(DataError, match="not an empty folder"):
        claim(tmp_path / "full", {})
    outcome = ImportOutcome({"a": "train"}, 1.5, ("bad",), ("note",), {"recordings": 1})
    outcome.write(tmp_path / "data")
    assert ImportOutcome.read(tmp_path / "data") == outcome
    assert str(outcome) == "1 performances, 2 s: train 1, 1 recordings\nnote"
    with pytest.raises(DataError, match="not made by an import"):
        ImportOutcome.read(tmp_path / "full")
