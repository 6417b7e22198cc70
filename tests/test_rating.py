"""Studies, who is asked what, votes, figures: against numbers worked by hand."""

from __future__ import annotations

import csv
import io
import itertools
import json
import shutil
import sqlite3
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
import soundfile
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image as PillowImage

from rating_world import (
    ALPHA,
    ANSWERS,
    CLASSES,
    CONDITIONS,
    MEANS,
    picture_folders,
    scale_study,
    sound_study,
    write_picture,
    write_sound,
)
from sightsound.cli import main
from sightsound.errors import ConfigError, DataError, MediaError
from sightsound.evaluation.rating.agreement import agreement, answer_counts, krippendorff_alpha
from sightsound.evaluation.rating.assign import assign
from sightsound.evaluation.rating.figures import crossed_means, study_figures
from sightsound.evaluation.rating.make import (
    Options,
    beep_waveform,
    find_samples,
    make_study,
    parse_conditions,
)
from sightsound.evaluation.rating.report import harmless, report, votes_csv
from sightsound.evaluation.rating.study import open_study
from sightsound.evaluation.rating.votes import DAY, RefusedError, Vote, Votes


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return scale_study(tmp_path_factory.mktemp("made"))


@pytest.fixture
def folder(made: Path, tmp_path: Path) -> Path:
    """A study of its own for each test, without votes."""
    return Path(shutil.copytree(made, tmp_path / "study"))


@pytest.fixture(scope="module")
def made_sounds(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return sound_study(tmp_path_factory.mktemp("sounds"))


def answer_all(store: Votes, code: str, number: int) -> None:
    """Rater ``number`` of ``ANSWERS`` answers everything; attention items rightly."""
    session = store.join(code)
    while session.trial is not None and session.position is not None:
        trial = session.trial
        if trial.expected is not None:
            answer = trial.expected
        else:
            condition = store.study.definition.items[trial.items[0]].condition
            answer = ANSWERS[condition][number]
        session = store.vote(code, session.position, answer, 1500)


# --- Agreement ----------------------------------------------------------------------------


def test_alpha_of_krippendorffs_own_example() -> None:
    # Krippendorff (2011): four observers, twelve units, "." is missing. Published: nominal 0.743,
    # ordinal 0.815. Mutant: n instead of n − 1 in `_alpha`.
    observers = ("1 2 3 3 2 1 4 1 2 . . .", "1 2 3 3 2 2 4 1 2 5 . 3",
                 ". 3 3 3 2 3 4 2 2 5 1 .", "1 2 3 3 2 4 4 1 2 5 1 .")  # fmt: skip
    pairs = [
        (unit, int(mark) - 1)
        for line in observers
        for unit, mark in enumerate(line.split())
        if mark != "."
    ]
    counts = answer_counts([u for u, _ in pairs], [a for _, a in pairs], 5)
    assert krippendorff_alpha(counts, "nominal") == pytest.approx(0.743, abs=0.0005)
    assert krippendorff_alpha(counts, "ordinal") == pytest.approx(0.815, abs=0.0005)


def test_alpha_worked_by_hand() -> None:
    # Two raters, three things: (0, 0), (1, 2), (3, 3). n = 6, answers of each kind 2, 1, 1, 2.
    # Nominal: observed 2/6; expected (36 − 10)/30; alpha = 1 − (1/3)(30/26) = 8/13.
    # Ordinal: δ² 01 2.25, 02 6.25, 03 16, 12 1, 13 6.25, 23 2.25; observed sum 2, expected sum
    # 2·(2·2.25 + 2·6.25 + 4·16 + 1 + 2·6.25 + 2·2.25) = 198; alpha = 1 − 5·2/198 = 94/99.
    counts = answer_counts([0, 0, 1, 1, 2, 2], [0, 0, 1, 2, 3, 3], 4)
    assert krippendorff_alpha(counts, "nominal") == pytest.approx(8 / 13)
    assert krippendorff_alpha(counts, "ordinal") == pytest.approx(94 / 99)


def test_alpha_of_agreement_chance_and_contradiction() -> None:
    assert krippendorff_alpha(np.array([[3, 0], [0, 3]]), "ordinal") == 1.0
    assert krippendorff_alpha(np.array([[1, 1], [1, 1]]), "nominal") == pytest.approx(-0.5)
    rng = np.random.default_rng(0)
    chance = rng.multinomial(3, [0.4, 0.3, 0.2, 0.1], size=3000)
    assert krippendorff_alpha(chance, "ordinal") == pytest.approx(0.0, abs=0.03)


def test_alpha_is_undefined_where_nothing_can_disagree() -> None:
    assert krippendorff_alpha(np.array([[1, 0], [0, 1]]), "ordinal") is None  # one answer each
    assert krippendorff_alpha(np.array([[2, 0], [2, 0]]), "ordinal") is None  # one kind of answer
    assert krippendorff_alpha(answer_counts([], [], 4), "ordinal") is None
    assert agreement(np.array([[2, 0], [2, 0]]), "ordinal").low is None


def test_single_answers_change_no_alpha() -> None:
    counts = np.array([[2, 1, 0], [0, 3, 0], [0, 1, 2]])
    more = np.vstack([counts, [[1, 0, 0], [0, 0, 1]]])
    assert krippendorff_alpha(more, "ordinal") == krippendorff_alpha(counts, "ordinal")


def test_alphas_interval_holds_it_and_narrows_with_things() -> None:
    counts = np.array([[3, 0, 0], [2, 1, 0], [0, 3, 0], [0, 1, 2], [0, 0, 3]])
    few, many = (agreement(np.tile(counts, (k, 1)), "ordinal", resamples=400) for k in (1, 20))
    for found in (few, many):
        assert found.low <= found.alpha <= found.high
    assert many.high - many.low < 0.5 * (few.high - few.low)
    assert (many.units, many.answers) == (100, 300)


# --- Figures ------------------------------------------------------------------------------


def test_means_of_the_papers_votes(folder: Path) -> None:
    # Fig. 8: 40, 14, 11, 325 votes of 0 to 3 for the ground truth average 2.59 (1011/390), and
    # 73, 57, 129, 131 for S2I-C 1.81 (708/390 = 1.815).
    study = open_study(folder)
    places = {c.group: c for c in study.definition.cases}
    votes = [
        Vote(f"r-{n % 13}", n, "case", places[name].id, places[name].items, None, answer, None)
        for name, counts in (("truth", (40, 14, 11, 325)), ("s2i_c", (73, 57, 129, 131)))
        for n, answer in enumerate(np.repeat(range(4), counts).tolist())
    ]
    figures = study_figures(study, votes, {})
    assert figures["conditions"]["truth"]["mean"] == pytest.approx(1011 / 390)
    assert figures["conditions"]["s2i_c"]["mean"] == pytest.approx(708 / 390)
    assert figures["conditions"]["s2i_c"]["counts"] == [73, 57, 129, 131]
    assert figures["differences"][0]["difference"] == pytest.approx(303 / 390)


def test_intervals_over_raters_and_items_cover() -> None:
    # 12 raters and 15 items with tastes of their own, truth 1.5. Mutant: drawing votes instead of
    # raters and items, which covers far less often.
    rng = np.random.default_rng(3)
    raters, items = (a.ravel() for a in np.meshgrid(np.arange(12), np.arange(15)))
    inside = 0
    for trial in range(120):
        of_rater, of_item = rng.normal(0, 0.4, 12), rng.normal(0, 0.4, 15)
        scores = 1.5 + of_rater[raters] + of_item[items] + rng.normal(0, 0.3, len(raters))
        _, samples = crossed_means(
            scores, np.zeros(len(raters)), raters, items, resamples=200, seed=trial
        )
        low, high = np.quantile(samples[:, 0], [0.025, 0.975])
        inside += low <= 1.5 <= high
    assert 0.88 <= inside / 120 <= 1.0


def test_differences_use_the_same_raters() -> None:
    # One rater is always 2 above the other; the conditions differ by exactly 1 for both.
    scores = [0, 1, 2, 3] * 3
    groups, raters = [0, 1, 0, 1] * 3, [0, 0, 1, 1] * 3
    items = np.repeat([0, 1, 2], 4)
    means, samples = crossed_means(scores, groups, raters, items, resamples=300)
    assert means.tolist() == [1.0, 2.0]
    known = samples[np.isfinite(samples).all(axis=1)]
    assert known[:, 0].std() > 0.3
    assert np.allclose(known[:, 1] - known[:, 0], 1.0)


def test_a_report_worked_by_hand(folder: Path) -> None:
    with Votes(open_study(folder)) as store:
        for number in range(3):
            answer_all(store, str(number), number)
    figures, written = report(folder)
    assert figures["votes"] == {"used": 60, "all": 60}
    assert figures["agreement"]["alpha"] == pytest.approx(ALPHA)
    assert figures["agreement"]["units"] == 20
    for name, of in figures["conditions"].items():
        assert of["mean"] == pytest.approx(MEANS[name])
        assert of["low"] <= of["mean"] <= of["high"]
        assert (of["n"], of["items"], of["raters"]) == (15, 5, 3)
    assert figures["conditions"]["s2i_a"]["counts"] == [10, 5, 0, 0]
    assert figures["raters"]["finished"] == 3
    assert json.loads((written / "report.json").read_text()) == figures
    text = (written / "report.md").read_text()
    assert "| s2i_a | 0.33 |" in text
    assert "alpha (ordinal) 0.93" in text
    with PillowImage.open(written / "votes.png") as picture:
        assert picture.width > 600
    rows = list(csv.DictReader(io.StringIO((written / "votes.csv").read_text())))
    assert len(rows) == 60
    assert Counter(row["conditions"] for row in rows) == dict.fromkeys(CONDITIONS, 15)


def test_one_rater_says_nothing_of_others(folder: Path) -> None:
    with Votes(open_study(folder)) as store:
        answer_all(store, "only", 0)
    figures, _ = report(folder)
    assert (figures["conditions"]["s2i_c"]["low"], figures["conditions"]["s2i_c"]["high"]) == (0, 3)
    assert figures["agreement"]["alpha"] is None


def test_raters_who_fail_an_attention_item_are_left_out_and_shown(tmp_path: Path) -> None:
    folder = scale_study(tmp_path, attention=2)
    study = open_study(folder)
    with Votes(study) as store:
        answer_all(store, "careful", 0)
        session = store.join("careless")
        assert session.total == 22
        while session.trial is not None and session.position is not None:
            expected = session.trial.expected
            answer = 3 if expected is None else (expected + 1) % 4
            session = store.vote("careless", session.position, answer, None)
    figures, _ = report(folder)
    assert figures["raters"]["inattentive"] == 1
    assert figures["votes"] == {"used": 20, "all": 40}
    assert figures["conditions"]["s2i_a"]["mean"] == 0.0
    assert figures["all_raters"]["conditions"]["s2i_a"]["mean"] == 1.5


def test_choices_count_for_the_condition_wherever_it_was_shown(made_sounds: Path) -> None:
    study = open_study(made_sounds)
    case = study.definition.cases[0]
    turned = case.items[::-1]
    # real, real (shown second), fake: 2 of 3 for real; the first shown twice of three.
    votes = [
        Vote("a", 0, "case", case.id, case.items, None, 0, None),
        Vote("b", 0, "case", case.id, turned, None, 1, None),
        Vote("c", 0, "case", case.id, turned, None, 0, None),
    ]
    figures = study_figures(study, votes, {})
    assert figures["pairs"][0]["first"] == "real"
    assert figures["pairs"][0]["share"] == pytest.approx(2 / 3)
    assert figures["wins"] == {"real": pytest.approx(2 / 3), "fake": pytest.approx(1 / 3)}
    assert figures["shown_first_chosen"] == pytest.approx(2 / 3)
    assert figures["agreement"]["alpha"] == pytest.approx(0.0)  # (2, 1): as chance would
    assert "real" in votes_csv(study, votes)


# --- CSV ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "text",
    ["=1+1", "+1", "-1+cmd|' /C calc'!A0", "@SUM(A1)", "\t=1", "\r=1", " =1", "a;=1+1", 'a",=1',
     "a\n=1", "＝1", "|x", "x -SUM(A1)"],
)  # fmt: skip
def test_no_cell_is_a_formula(text: str) -> None:
    made = harmless(text)
    for separator in (",", ";", "\t", "|", " ", "\n", '"', "'"):
        for part in made.split(separator):
            assert not part.startswith(("=", "+", "-", "@", "\t", "\r", "＝"))


@given(st.text())
@settings(max_examples=60, deadline=None)
def test_harmless_text_stays_harmless(text: str) -> None:
    made = harmless(text)
    assert harmless(made) == made
    assert not set(made) & set("=+@,;|\"'\t\r\n!%()")
    assert not made.startswith("-")


def test_names_stay_readable() -> None:
    assert harmless("french horn") == "french horn"
    assert harmless("cello/000012-ä.b") == "cello_000012-ä.b"


def test_a_class_that_is_a_formula_reaches_no_spreadsheet(tmp_path: Path) -> None:
    for item in range(2):
        write_picture(tmp_path / "a" / "=HYPERLINK(0)" / f"@{item}.png", item)
    folder = make_study(tmp_path / "s", {"a": tmp_path / "a"}, options=Options(attention=0))
    study = open_study(folder)
    case = study.definition.cases[0]
    text = votes_csv(study, [Vote("r-1", 0, "case", case.id, case.items, None, 1, None)])
    assert "HYPERLINK" in text
    assert not set(text) & set("=@(")


# --- Who is asked what --------------------------------------------------------------------


def test_each_rater_is_asked_alike_of_every_condition_and_class(tmp_path: Path) -> None:
    folder = make_study(
        tmp_path / "s",
        picture_folders(tmp_path, items=10),
        options=Options(votes_per_rater=18, attention=2),
    )
    study = open_study(folder)
    asked: Counter[str] = Counter()
    totals: Counter[str] = Counter()
    for rater in range(4):
        trials = assign(study, asked, np.random.default_rng(rater))
        cases = [study.cases[str(t.case)] for t in trials if t.case is not None]
        assert len({c.id for c in cases}) == len(cases) == 18
        groups = Counter(c.group for c in cases)
        assert set(groups.values()) == {4, 5}
        for group in CONDITIONS:
            labels = Counter(study.label_of(c) for c in cases if c.group == group)
            assert max(labels.values()) - min(labels.values()) <= 1
        kinds = [t.kind for t in trials]
        assert kinds.count("attention") == 2
        assert kinds[0] == kinds[-1] == "case"
        asked.update(c.id for c in cases)
        totals.update(groups)
    assert max(totals.values()) - min(totals.values()) <= 1  # the odd one goes round


def test_begun_cases_are_asked_again_before_new_ones(tmp_path: Path) -> None:
    # 40 cases, 12 votes a rater, 3 raters a case: the first three raters see the same cases.
    options = Options(votes_per_rater=12, raters_per_case=3, attention=0)
    folder = make_study(tmp_path / "s", picture_folders(tmp_path, items=10), options=options)
    study = open_study(folder)
    asked: Counter[str] = Counter()
    for rater in range(6):
        trials = assign(study, asked, np.random.default_rng(rater))
        asked.update(str(t.case) for t in trials)
        assert set(asked.values()) == ({rater + 1} if rater < 3 else {3, rater - 2})
    assert len(asked) == 24


def test_orders_differ_between_raters_and_sides_are_even(made_sounds: Path) -> None:
    study = open_study(made_sounds)
    seen = [assign(study, {}, np.random.default_rng(rater)) for rater in range(8)]
    assert len({tuple(t.case for t in trials) for trials in seen}) > 4
    for trials in seen:
        firsts = [t.items for t in trials if t.case is not None]
        turned = [items != study.cases[str(t.case)].items for t, items in
                  zip([t for t in trials if t.case is not None], firsts, strict=True)]  # fmt: skip
        assert sum(turned) == 2  # of 4


# --- Votes --------------------------------------------------------------------------------


def test_a_resent_vote_never_doubles_and_the_first_answer_stands(folder: Path) -> None:
    with Votes(open_study(folder)) as store:
        assert store.join("x") == store.join("x")
        after = store.vote("x", 0, 2, 900)
        assert store.vote("x", 0, 2, 900) == after
        assert store.vote("x", 0, 3, 100) == after
        assert [(v.answer, v.milliseconds) for v in store.votes()] == [(2, 900)]


@pytest.mark.parametrize(("position", "answer"), [(1, 0), (-1, 0), (99, 0), (0, 4), (0, -1)])
def test_what_is_not_asked_is_refused(folder: Path, position: int, answer: int) -> None:
    with Votes(open_study(folder)) as store:
        store.join("x")
        with pytest.raises(RefusedError):
            store.vote("x", position, answer, None)
        with pytest.raises(RefusedError, match="no rater"):
            store.vote("y", 0, 0, None)
        assert store.votes() == []


def test_withdrawn_votes_are_gone_from_the_disk(folder: Path) -> None:
    study = open_study(folder)
    with Votes(study) as store:
        answer_all(store, "stays", 0)
        name = store.join("goes").rater
        answer_all(store, "goes", 1)
        assert store.withdraw("goes")
        assert not store.withdraw("goes")
        assert len(store.votes()) == 20
        assert store.tallies()["withdrawn"] == 1
        for path in folder.glob("votes.sqlite3*"):
            assert name.encode() not in path.read_bytes()
        with pytest.raises(RefusedError):
            store.session("goes")


def test_votes_are_deleted_when_their_time_ends(folder: Path) -> None:
    study = open_study(folder)
    began = 1_000_000 * DAY
    with Votes(study, now=lambda: began) as store:
        answer_all(store, "x", 0)
    with Votes(study, now=lambda: began + 364 * DAY) as store:
        assert len(store.votes()) == 20
    with Votes(study, now=lambda: began + 366 * DAY) as store:
        assert store.votes() == []
        assert store.tallies()["expired"] == 1


def test_nothing_about_a_person_is_stored(folder: Path) -> None:
    with Votes(open_study(folder), now=lambda: 1_000_000 * DAY + 12_345.6) as store:
        answer_all(store, "the code", 0)
    with sqlite3.connect(folder / "votes.sqlite3") as db:
        columns = {row[1] for t in ("raters", "trials", "about")
                   for row in db.execute(f"PRAGMA table_info({t})")}  # fmt: skip
        started = db.execute("SELECT started FROM raters").fetchone()[0]
    db.close()
    assert columns == {
        "id", "name", "code_sha256", "consent_sha256", "started", "sound_checks", "hears", "rater",
        "position", "kind", "case_id", "first_item", "second_item", "expected", "answer",
        "milliseconds", "key", "value",
    }  # fmt: skip
    assert started == 1_000_000 * DAY  # the day, not the moment
    assert b"the code" not in (folder / "votes.sqlite3").read_bytes()
    assert (folder / "votes.sqlite3").stat().st_mode & 0o077 == 0


def test_sound_is_checked_before_anything_is_asked(made_sounds: Path, tmp_path: Path) -> None:
    folder = Path(shutil.copytree(made_sounds, tmp_path / "s"))
    with Votes(open_study(folder)) as store:
        session = store.join("hears")
        assert session.stage == "sound_check"
        with pytest.raises(RefusedError):
            store.vote("hears", 0, 0, None)
        session = store.answer_sound_check("hears", 0, 9)
        assert (session.stage, session.checks_done) == ("sound_check", 1)
        assert store.answer_sound_check("hears", 0, 9).checks_done == 1  # a resend
        assert session.check is not None
        assert store.answer_sound_check("hears", 1, session.check.beeps).stage == "trial"
        for number in range(5):
            store.join("deaf")
            session = store.answer_sound_check("deaf", number, 0)
        assert session.stage == "closed"
        assert store.tallies()["without_sound"] == 1


def test_beeps_can_be_counted() -> None:
    for beeps in (2, 3, 4, 5):
        loud = np.abs(beep_waveform(beeps)) > 0.01
        # Runs of sound that are parted by at least a tenth of a second of silence.
        gaps = np.diff(np.flatnonzero(loud))
        assert 1 + int((gaps > 4410).sum()) == beeps
        assert len(beep_waveform(beeps)) == len(beep_waveform(2))


def test_votes_of_another_study_are_refused(folder: Path) -> None:
    with Votes(open_study(folder)):
        pass
    path = folder / "study.json"
    path.write_text(path.read_text().replace("What do you see", "What did you see"))
    with pytest.raises(DataError, match="another version"):
        Votes(open_study(folder))


def test_a_damaged_file_of_votes_is_one_line(folder: Path) -> None:
    (folder / "votes.sqlite3").write_bytes(b"no database at all, but long enough to be read" * 50)
    with pytest.raises(DataError, match=r"votes\.sqlite3"):
        Votes(open_study(folder))


# --- Making a study -----------------------------------------------------------------------


def test_media_say_nothing_of_their_condition(made: Path) -> None:
    study = open_study(made)
    assert len(study.media) == 20
    for file in study.media.values():
        assert not any(name in file.id for name in (*CONDITIONS, *CLASSES))
        with PillowImage.open(study.path_of(file.id)) as picture:
            assert picture.info == {}
        assert b"sightsound" not in study.path_of(file.id).read_bytes()


def test_pixels_stay_as_they_are(made: Path) -> None:
    study = open_study(made)
    item = study.definition.items[0]
    original = made.parent / f"of-{item.condition}" / f"{item.name}.png"
    with PillowImage.open(original) as a, PillowImage.open(study.path_of(item.media)) as b:
        assert np.array_equal(np.asarray(a), np.asarray(b))


def test_the_same_input_gives_the_same_study(tmp_path: Path) -> None:
    folders = picture_folders(tmp_path)
    first, second = (make_study(tmp_path / name, folders) for name in ("one", "two"))
    assert (first / "study.json").read_bytes() == (second / "study.json").read_bytes()
    other = make_study(tmp_path / "three", folders, options=Options(seed=1))
    assert (first / "study.json").read_bytes() != (other / "study.json").read_bytes()


def test_few_items_are_of_all_classes_and_the_same_in_every_condition(tmp_path: Path) -> None:
    folder = make_study(
        tmp_path / "s", picture_folders(tmp_path), options=Options(items_per_condition=2)
    )
    items = open_study(folder).definition.items
    names = {c: {i.name for i in items if i.condition == c} for c in CONDITIONS}
    assert all(len(of) == 2 for of in names.values())
    assert len(set(map(frozenset, names.values()))) == 1
    assert {i.label for i in items} == set(CLASSES)


def test_what_evaluate_wrote_is_read(tmp_path: Path) -> None:
    root = tmp_path / "samples" / "sound_to_image"
    for kind, name in itertools.product(("generated", "reference"), ("000_oboe", "001_cello")):
        write_picture(root / kind / f"{name}.png", 1)
    with pytest.raises(DataError, match=r"items\.csv is missing"):
        find_samples(tmp_path / "samples")
    (root / "items.csv").write_text("file,class\n000_oboe.png,oboe\n001_cello.png,cello\n")
    for path in (tmp_path / "samples", root, root / "generated", root / "reference"):
        found = find_samples(path)
        assert [(s.name, s.label) for s in found] == [("000_oboe", "oboe"), ("001_cello", "cello")]
        assert found[0].path.parent.name == ("reference" if path.name == "reference" else
                                             "generated")  # fmt: skip
    write_sound(tmp_path / "samples" / "image_to_sound" / "generated" / "a.wav", 0)
    with pytest.raises(DataError, match="name one of the two"):
        find_samples(tmp_path / "samples")


def test_prompts_stand_beside_the_samples(tmp_path: Path) -> None:
    for item in range(2):
        write_picture(tmp_path / "a" / f"{item}.png", item)
        write_sound(tmp_path / "p" / f"{item}.wav", item)
    folder = make_study(tmp_path / "s", {"a": tmp_path / "a"}, prompts=tmp_path / "p")
    study = open_study(folder)
    assert study.definition.sound_checks
    for item in study.definition.items:
        assert item.prompt is not None
        heard, _ = soundfile.read(study.path_of(item.prompt))
        original, _ = soundfile.read(tmp_path / "p" / f"{item.name}.wav")
        assert np.allclose(heard, original, atol=1e-4)
    (tmp_path / "p" / "1.wav").unlink()
    with pytest.raises(DataError, match="nothing is named 1"):
        make_study(tmp_path / "t", {"a": tmp_path / "a"}, prompts=tmp_path / "p")
    assert not [p for p in tmp_path.iterdir() if p.name.startswith((".t", "t"))]


def test_choices_are_between_two_of_one_name_else_of_one_class(tmp_path: Path) -> None:
    folders = picture_folders(tmp_path)
    two = {name: folders[name] for name in ("truth", "s2i_a")}
    study = open_study(make_study(tmp_path / "s", two, options=Options(task="choice")))
    assert study.groups == ("truth / s2i_a",)
    for case in study.definition.cases:
        first, second = (study.definition.items[i] for i in case.items)
        assert (first.name, first.condition, second.condition) == (second.name, "truth", "s2i_a")
    for item, label in enumerate(CLASSES):
        write_picture(tmp_path / "other" / label / f"x{item}.png", item)
    mixed = {"truth": folders["truth"], "other": tmp_path / "other"}
    study = open_study(make_study(tmp_path / "t", mixed, options=Options(task="choice")))
    assert len(study.definition.cases) == 2
    for case in study.definition.cases:
        assert len({study.definition.items[i].label for i in case.items}) == 1


def test_sizes_that_tell_conditions_apart_are_told(tmp_path: Path) -> None:
    write_picture(tmp_path / "a" / "cello" / "0.png", 0)
    (tmp_path / "b" / "cello").mkdir(parents=True)
    PillowImage.new("RGB", (9, 9)).save(tmp_path / "b" / "cello" / "0.png")
    notes: list[str] = []
    folders = {"a": tmp_path / "a", "b": tmp_path / "b"}
    make_study(tmp_path / "s", folders, on_note=notes.append)
    assert notes == [
        "sizes differ, so raters may tell conditions apart: a 8×8 pixels; b 9×9 pixels"
    ]


def test_faults_are_one_line_each(tmp_path: Path) -> None:
    folders = picture_folders(tmp_path)
    flat = tmp_path / "flat"
    write_picture(flat / "0.png", 0)
    write_sound(tmp_path / "mixed" / "0.wav", 0)
    (tmp_path / "empty").mkdir()
    (tmp_path / "bad").mkdir()
    (tmp_path / "bad" / "0.png").write_bytes(b"no picture")
    target = tmp_path / "s"
    choice = Options(task="choice")
    for error, fault, conditions, options in (
        (ConfigError, "condition '=x'", {"=x": flat}, None),
        (ConfigError, "at least 2", {"a": flat}, choice),
        (ConfigError, "--votes 0", folders, Options(votes_per_rater=0)),
        (ConfigError, "--retention -1", folders, Options(retention_days=-1)),
        (ConfigError, "consent text is empty", folders, Options(consent=" ")),
        (DataError, "no such folder", {"a": tmp_path / "none"}, None),
        (DataError, "no pictures or sounds", {"a": tmp_path / "empty"}, None),
        (DataError, "no known class", {"a": flat}, None),
        (DataError, "one study", {"a": flat, "b": tmp_path / "mixed"}, choice),
        (MediaError, "0.png", {"a": flat, "b": tmp_path / "bad"}, choice),
    ):
        with pytest.raises(error, match=fault) as caught:
            make_study(target, conditions, options=options)
        assert "\n" not in str(caught.value)
        assert not target.exists()
    target.mkdir()
    (target / "x").touch()
    with pytest.raises(DataError, match="is there already"):
        make_study(target, folders)
    assert not list(tmp_path.glob(".s.*"))
    with pytest.raises(ConfigError, match="NAME=DIR"):
        parse_conditions(["only-a-folder"])
    with pytest.raises(ConfigError, match="given twice"):
        parse_conditions(["a=x", "a=y"])


def test_an_altered_or_missing_file_is_found(folder: Path) -> None:
    study = open_study(folder)
    path = study.path_of(study.definition.items[0].media)
    path.write_bytes(path.read_bytes()[:-1] + b"x")
    with pytest.raises(DataError, match="not the file"):
        open_study(folder)
    path.unlink()
    with pytest.raises(DataError, match="cannot be read"):
        open_study(folder)
    with pytest.raises(DataError, match="no study"):
        open_study(folder / "media")


@pytest.mark.parametrize("id", ["../../secret", "/etc/passwd", "a/b", ""])
def test_a_study_that_names_files_outside_is_refused(folder: Path, id: str) -> None:
    path = folder / "study.json"
    tree = json.loads(path.read_text())
    tree["media"][0]["id"] = tree["items"][0]["media"] = id
    path.write_text(json.dumps(tree))
    with pytest.raises(DataError, match="damaged"):
        open_study(folder)


# --- The command line ---------------------------------------------------------------------


def test_the_command_line_makes_reports_and_withdraws(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    words = [f"{name}={path}" for name, path in picture_folders(tmp_path).items()]
    study = tmp_path / "study"
    assert (
        main(["rate", "make", *words, "-o", str(study), "--votes", "20", "--attention", "0"]) == 0
    )
    assert main(["rate", "report", str(study)]) == 2
    assert "nobody has voted" in capsys.readouterr().err
    code = "00112233445566778899aabbccddeeff"
    with Votes(open_study(study)) as store:
        answer_all(store, code, 0)
    assert main(["rate", "report", str(study), "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["votes"]["used"] == 20
    assert main(["rate", "withdraw", str(study), code]) == 0
    assert main(["rate", "withdraw", str(study), code]) == 2
    assert "nothing was deleted" in capsys.readouterr().err
    assert main(["rate", "report", str(study)]) == 0  # nothing is left; the report says so
    assert "0 votes of 0 raters" in capsys.readouterr().out


def test_serving_refuses_what_would_be_open_or_nowhere(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["rate", str(folder), "--host", "0.0.0.0"]) == 2
    assert "--name" in capsys.readouterr().err
    assert main(["rate", str(folder), "--port", "70000"]) == 2
    assert main(["rate", "serve", str(folder / "media")]) == 2
    assert "no study" in capsys.readouterr().err
