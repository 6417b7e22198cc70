"""Trained judges' graphs in, a checked folder of judges out: whole or not at all."""

from __future__ import annotations

import dataclasses
import json
import os
import shutil
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from sightsound.errors import ModelError
from sightsound.evaluation.judges import (
    FORMAT_VERSION,
    JUDGES_FILE,
    ImageFeatures,
    ImageJudge,
    Judges,
    PoseJudge,
    SoundJudge,
    load_judges,
)
from sightsound.packages.format import CARD_FILE, FILE_NAME, sha256_hex


def write_judges(
    folder: str | os.PathLike[str],
    *,
    classes: Sequence[str],
    image_judges: Sequence[ImageJudge],
    sound_judges: Sequence[SoundJudge],
    image_features: ImageFeatures,
    graphs: Mapping[str, bytes],
    license: str,
    provenance: Mapping[str, Any],
    metrics: Mapping[str, Any],
    pose_judge: PoseJudge | None = None,
) -> Judges:
    """Write ``judges.json``, ``card.md`` and the graphs, and read them back through all checks.

    ``graphs``: file name → ONNX bytes, exactly those that the entries name. ``provenance``: recipe,
    commit and the data set's name and hash. ``metrics``: accuracies on real data; where
    ``metrics["image_accuracy"]`` (0 to 1, on real test frames) is given, ``evaluate --sounds``
    prints it as the ceiling. The folder is made beside ``folder`` and renamed into place.

    Raises:
        ModelError: ``folder`` holds something else, cannot be written, or a graph is no judge.
    """
    target = Path(folder).absolute()
    if target.exists() and not _replaceable(target):
        raise ModelError(f"{folder}: exists and holds no judges; choose another place")
    for name in graphs:
        if not FILE_NAME.fullmatch(name) or not name.endswith(".onnx"):
            raise ModelError(f"{name!r}: a judge's file is a plain name that ends in .onnx")
    tree = {
        "format": FORMAT_VERSION,
        "classes": list(classes),
        "license": license,
        "image_judges": [dataclasses.asdict(judge) for judge in image_judges],
        "sound_judges": [dataclasses.asdict(judge) for judge in sound_judges],
        "image_features": dataclasses.asdict(image_features),
        **({} if pose_judge is None else {"pose_judge": dataclasses.asdict(pose_judge)}),
        "metrics": dict(metrics),
        "provenance": dict(provenance),
        "files": {
            name: {"sha256": sha256_hex(data), "bytes": len(data)}
            for name, data in sorted(graphs.items())
        },
    }
    contents = {
        **graphs,
        CARD_FILE: judges_card(tree).encode(),
        JUDGES_FILE: (
            json.dumps(tree, indent=1, sort_keys=True, ensure_ascii=False) + "\n"
        ).encode(),
    }
    _replace_folder(target, contents)
    return load_judges(target)


def judges_card(tree: Mapping[str, Any]) -> str:
    """The card (Markdown) of the judges that ``tree``, the object of ``judges.json``, describes."""
    lines = [
        "# Judges",
        "",
        "Classifiers that say which instrument a generated picture shows or a generated sound is.",
        "They measure; they are used in no training and nothing is chosen by them on test data.",
        "",
        f"- Classes: {', '.join(tree['classes'])}",
        f"- Licence: {tree['license']}",
        *(f"- {key}: {_plain(value)}" for key, value in sorted(tree["provenance"].items())),
        "",
        "| file | judges | architecture | seed | bytes |",
        "|---|---|---|---|---|",
    ]
    rows = [
        *((entry, "pictures") for entry in tree["image_judges"]),
        *((entry, "sounds") for entry in tree["sound_judges"]),
        (tree["image_features"], "nothing: features without labels, for diversity"),
    ]
    if "pose_judge" in tree:
        rows.append((tree["pose_judge"], "poses"))
    for entry, what in rows:
        size = tree["files"].get(entry["file"], {}).get("bytes", "?")
        lines.append(
            f"| {entry['file']} | {what} | {entry['architecture']} | {entry['seed']} | {size} |"
        )
    lines += ["", "On real data:", ""]
    lines += [f"- {key}: {_plain(value)}" for key, value in sorted(tree["metrics"].items())]
    lines += [
        "",
        "A judge learnt drawn players and rendered sound. Its word on photographs and on",
        "recordings from real rooms is worth less, and a picture that it takes for a cello may",
        "still be noise to the eye: read the kernel distance beside it, and look at the sheets.",
    ]
    return "\n".join(lines) + "\n"


def _plain(value: Any) -> str:
    return f"{value:.4f}" if isinstance(value, float) else str(value)


def _replaceable(folder: Path) -> bool:
    """An empty folder or older judges: nothing of anyone's is lost by replacing it."""
    if folder.is_symlink() or not folder.is_dir():
        return False
    names = {entry.name for entry in folder.iterdir()}
    known = all(n in (JUDGES_FILE, CARD_FILE) or n.endswith(".onnx") for n in names)
    return not names or (JUDGES_FILE in names and known)


def _replace_folder(target: Path, contents: Mapping[str, bytes]) -> None:
    """Make the folder beside ``target``, try it as judges, and rename it into place."""
    left: list[str] = []
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        building = tempfile.mkdtemp(prefix=f".{target.name}-", dir=target.parent)
        left.append(building)
        for name, data in contents.items():
            (Path(building) / name).write_bytes(data)
        load_judges(building)
        Path(building).chmod(0o755)
        if target.exists():
            # Two renames: at every moment one whole folder lies at one of the two names.
            replaced = tempfile.mkdtemp(prefix=f".{target.name}-", dir=target.parent)
            left.append(replaced)
            target.replace(replaced)
        Path(building).replace(target)
    except OSError as error:
        raise ModelError(f"{target}: cannot be written ({error.strerror})") from None
    finally:
        for folder in left:
            shutil.rmtree(folder, ignore_errors=True)
