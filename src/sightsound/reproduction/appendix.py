"""Each figure that the report prints → what is known of it beforehand, and the test that asks."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class KnownAnswer:
    """A metric, a case in which its value is known, and the test that holds it to that."""

    metric: str
    columns: tuple[str, ...]  # of the report's tables, as they are headed
    known: str
    test: str  # file::function, below tests/


KNOWN_ANSWERS: tuple[KnownAnswer, ...] = (
    KnownAnswer(
        "Accuracy, its ceiling, the encoder's own",
        ("test ↑", "train ↑", "judges on real", "its encoder"),
        "1 for a model that makes each class's colour and tone, 0 for the next class's, a third "
        "for always one of three",
        "test_evaluation_run.py::test_a_perfect_model_has_perfect_figures",
    ),
    KnownAnswer(
        "Accuracy of a model that ignores its input",
        ("test ↑",),
        "the best constant answer's; its encoder stays at 1",
        "test_evaluation_run.py::test_a_model_that_ignores_its_input_is_found_out",
    ),
    KnownAnswer(
        "Interval",
        ("test ↑", "train ↑"),
        "95 % intervals over performances hold the truth in 95 % of many drawn worlds, intervals "
        "over frames do not",
        "test_evaluation_bootstrap.py::"
        "test_interval_over_clusters_covers_and_one_over_frames_does_not",
    ),
    KnownAnswer(
        "Accuracy over training",
        ("validation, by the examiner", "train ↑", "test ↑"),
        "at the chosen step what evaluation says of the exported model",
        "test_reproduction.py::test_the_curve_says_at_the_chosen_step_what_evaluation_says",
    ),
    KnownAnswer(
        "Swapped conditions",
        ("swapped: follows ↑", "swapped: own class ↓"),
        "1 and 0 for a perfect model",
        "test_evaluation_run.py::test_a_perfect_model_has_perfect_figures",
    ),
    KnownAnswer(
        "Kernel distance",
        ("kernel distance ↓ (floor, shuffled)",),
        "of two shifted normal distributions the closed form; mean 0 for samples of one",
        "test_evaluation_distances.py::"
        "test_kernel_distance_of_shifted_normals_equals_its_closed_form",
    ),
    KnownAnswer(
        "Diversity",
        ("diversity ↑",),
        "mean distance of a few points, by hand; 0 where all are one",
        "test_evaluation_distances.py::test_mean_pairwise_distance_worked_by_hand",
    ),
    KnownAnswer(
        "Distance to the nearest training item",
        ("nearest training item ↑",),
        "0 for copies, 1 for new draws of the same distribution",
        "test_evaluation_distances.py::test_novelty_tells_copies_from_new_things",
    ),
    KnownAnswer(
        "Retrieval",
        ("R@1 / R@5 / R@10 ↑ (chance at 10)",),
        "1 for copies of the partner, chance for features that know nothing",
        "test_evaluation_retrieval.py::test_a_copy_of_the_partner_is_found_first",
    ),
    KnownAnswer(
        "Error of pose",
        ("error ↓", "real frames", "from the sound", "best constant", "another moment"),
        "0 for the true pose, 0.01 and 0.1 for what is 0.01 and 0.1 off, 1/4 for the best "
        "constant and 1/3 for another moment of an even distribution",
        "test_evaluation_pose.py::test_a_picture_that_shows_the_truth_has_no_error",
    ),
    KnownAnswer(
        "The bow's distribution",
        ("distance ↓", "one place"),
        "the shift of equal shapes; a tenth where a tenth moves by 1",
        "test_evaluation_pose.py::test_wasserstein_is_the_shift_of_equal_shapes",
    ),
    KnownAnswer(
        "Pitch that the pose admits",
        ("admitted ↑", "voiced ↑", "real sounds", "another moment"),
        "1 for tones at the true pitch, 0 for tones 150 cents off every admitted pitch, 0 voiced "
        "of noise",
        "test_evaluation_pitch.py::test_tones_at_the_true_pitch_are_admitted_and_others_are_not",
    ),
)


def appendix_lines() -> list[list[str]]:
    """Rows of text cells; the first is the head."""
    head = ["metric", "what is known", "test"]
    return [head, *([it.metric, it.known, f"`tests/{it.test}`"] for it in KNOWN_ANSWERS)]
