"""A data set in, judges of it out: the ones that come along, or ones trained on it.

Judges that come with sightsound know the drawn orchestra. Pictures of another kind, or other
classes, need judges of their own; they are trained once and kept beside the runs.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from sightsound.evaluation.export_judges import export_judges
from sightsound.evaluation.judges import JUDGES_FILE, Judges, load_judges
from sightsound.pairs.performances import Dataset
from sightsound.shapes import INSTRUMENTS
from sightsound.training.folder import RunFolder
from sightsound.training.run import train

RECIPES = (
    "judge_image_residual",
    "judge_image_paper",
    "judge_sound_residual",
    "judge_sound_strided",
    "image_features",
)
JUDGE_SPLIT = "judge"


def judges_for(dataset: Dataset, root: Path, settings: Sequence[str] = ()) -> Judges:
    """The judges that a data set's models are measured by.

    The drawn orchestra has the ones that come along. Any other data set gets its own, trained on
    its split ``judge``; where it has none, on ``train``, as the paper's judge was: then they know
    the players and pieces that the models learnt from, and :func:`trained_on` says so.

    Args:
        dataset: whose models are judged.
        root: folder of a reproduction; runs go to ``runs/judges-NAME-HASH``, the judges to
            ``judges/NAME-HASH``.
        settings: as ``--set`` takes them, of every judge's training.
    """
    if dataset.info.kind == "orchestra" and dataset.classes == INSTRUMENTS:
        return load_judges()
    name = f"{dataset.name}-{dataset.sha256[:8]}"
    folder = root / "judges" / name
    if not (folder / JUDGES_FILE).exists():
        runs = root / "runs" / f"judges-{name}"
        split = trained_on(dataset)
        for recipe in RECIPES:
            run = RunFolder(runs / recipe)
            train(
                recipe,
                dataset.folder,
                output=run.path,
                resume=run.is_started,
                settings=[*settings, f"pairs.train_split={split}"],
            )
        export_judges(
            [runs / recipe for recipe in RECIPES], folder, data=dataset.folder, split=split
        )
    return load_judges(folder)


def trained_on(dataset: Dataset) -> str:
    """The split that a data set's own judges are trained on."""
    return JUDGE_SPLIT if dataset.performances(JUDGE_SPLIT) else "train"
