"""A study's folder in, checked, what is asked about which file out.

``STUDY/`` holds ``study.json`` (all that a study is; written once), ``media/`` (its pictures and
sounds, under names that say nothing, free of metadata) and, once it was served, ``votes.sqlite3``.
"""

from __future__ import annotations

import hashlib
import json
import os
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, Literal, TypeAlias

from sightsound.config import from_json, to_json
from sightsound.errors import ConfigError, DataError

Task: TypeAlias = Literal["scale", "choice"]
Medium: TypeAlias = Literal["image", "sound"]

FORMAT = 1
DEFINITION = "study.json"
MEDIA = "media"

# Table 4 of the paper, its wording; 0 to 3.
SCALE_OF_IMAGES = (
    "Unrealistic image",
    "Fair image (player visible, instrument not visible)",
    "Realistic image & mismatch instrument",
    "Realistic image & match instrument",
)
# The paper asked about pictures alone. Departs: the same steps, said of sounds.
SCALE_OF_SOUNDS = (
    "Unrealistic sound",
    "Fair sound (music audible, instrument not recognisable)",
    "Realistic sound & mismatch instrument",
    "Realistic sound & match instrument",
)
SCALE_STEPS = len(SCALE_OF_IMAGES)


@dataclass(frozen=True, kw_only=True)
class MediaFile:
    """One file that the page may load; nothing else is ever sent."""

    id: str  # what the browser asks for; says nothing of the condition
    medium: Medium
    sha256: str

    @property
    def name(self) -> str:
        """Its file name in ``media/``."""
        return self.id + (".png" if self.medium == "image" else ".wav")

    @property
    def content_type(self) -> str:
        """As HTTP calls it."""
        return "image/png" if self.medium == "image" else "audio/wav"


@dataclass(frozen=True, kw_only=True)
class Item:
    """One file that people judge."""

    media: str  # id of its file
    condition: str
    label: str | None  # its class; None = unknown
    name: str  # what it was called in its condition's folder, without suffix
    prompt: str | None  # id of the file that it was made of; None = not shown


@dataclass(frozen=True, kw_only=True)
class Case:
    """One question that may be asked: an item to rate, or two to choose from."""

    id: str
    group: str  # votes are balanced over groups: the condition, or "a / b" of two
    items: tuple[int, ...]  # places in the study's items, in the group's order


@dataclass(frozen=True, kw_only=True)
class SoundCheck:
    """A file with so many beeps; whoever counts them right can hear."""

    media: str
    beeps: int


@dataclass(frozen=True, kw_only=True)
class Definition:
    """What ``study.json`` holds."""

    format: int
    title: str
    task: Task
    medium: Medium  # of the items
    question: str
    options: tuple[str, ...]  # what can be answered, in the order 0, 1 …
    consent: str  # paragraphs parted by empty lines
    retention_days: int | None  # votes are deleted after so many; None = never
    votes_per_rater: int  # without attention items
    raters_per_case: int  # so many raters are asked a case before the next one is opened
    attention: int  # attention items of each rater
    seed: int
    conditions: tuple[str, ...]
    media: tuple[MediaFile, ...]
    items: tuple[Item, ...]
    cases: tuple[Case, ...]
    sound_checks: tuple[SoundCheck, ...]  # empty: nothing is to be heard


@dataclass(frozen=True)
class Study:
    """An opened study."""

    folder: Path
    definition: Definition
    sha256: str  # of study.json

    @cached_property
    def media(self) -> dict[str, MediaFile]:
        """Id → file."""
        return {file.id: file for file in self.definition.media}

    @cached_property
    def cases(self) -> dict[str, Case]:
        """Id → case."""
        return {case.id: case for case in self.definition.cases}

    @cached_property
    def groups(self) -> tuple[str, ...]:
        """The groups that votes are balanced over, in the order of the cases."""
        return tuple(dict.fromkeys(case.group for case in self.definition.cases))

    @cached_property
    def consent_sha256(self) -> str:
        """Which text a rater agreed to."""
        return hashlib.sha256(self.definition.consent.encode()).hexdigest()

    def label_of(self, case: Case) -> str | None:
        """The class that a case is about; the two items of a choice share it."""
        return self.definition.items[case.items[0]].label

    def path_of(self, media: str) -> Path:
        """Where a file lies. ``media`` is one of ``self.media``, never text from outside."""
        return self.folder / MEDIA / self.media[media].name


def open_study(folder: str | os.PathLike[str]) -> Study:
    """Open a study and check that every file of it is there, unaltered.

    Raises:
        DataError: no study, a later format, or a file that is missing or not the one it was.
    """
    root = Path(folder)
    path = root / DEFINITION
    try:
        content = path.read_bytes()
    except (FileNotFoundError, NotADirectoryError):
        raise DataError(
            f"{root}: no study ({DEFINITION} is missing); make one with `sightsound rate make`"
        ) from None
    except OSError as error:
        raise DataError(f"{path}: cannot be read ({error.strerror})") from None
    study = Study(root, _parsed(path, content), hashlib.sha256(content).hexdigest())
    _check_references(path, study.definition)
    for file in study.definition.media:
        _check_file(root / MEDIA / file.name, file.sha256)
    return study


def definition_bytes(definition: Definition) -> bytes:
    """``study.json``: the same definition, the same bytes."""
    tree = to_json(definition)
    return (json.dumps(tree, indent=1, ensure_ascii=False, allow_nan=False) + "\n").encode()


def _parsed(path: Path, content: bytes) -> Definition:
    try:
        tree: Any = json.loads(content)
        found = tree.get("format") if isinstance(tree, dict) else None
        if found != FORMAT:
            raise DataError(
                f"{path}: format {found!r}, this version reads {FORMAT}; make the study anew"
            )
        return from_json(Definition, tree, where=str(path))
    except (ValueError, RecursionError, ConfigError) as error:
        raise DataError(f"{path}: damaged ({error}); make the study anew") from None


def _check_references(path: Path, definition: Definition) -> None:
    """Every id leads somewhere, and none could leave the folder."""
    ids = {file.id for file in definition.media}
    bad = [name for name in ids if not (name.isascii() and name.isalnum())]
    used = {item.media for item in definition.items}
    used |= {item.prompt for item in definition.items if item.prompt is not None}
    used |= {check.media for check in definition.sound_checks}
    places = {place for case in definition.cases for place in case.items}
    inside = all(0 <= place < len(definition.items) for place in places)
    if bad or not used <= ids or not inside or not definition.cases:
        raise DataError(f"{path}: damaged (it names what it does not hold); make the study anew")


def _check_file(path: Path, sha256: str) -> None:
    try:
        found = hashlib.sha256(path.read_bytes()).hexdigest()
    except OSError as error:
        raise DataError(
            f"{path}: cannot be read ({error.strerror}); copy the study's folder anew"
        ) from None
    if found != sha256:
        raise DataError(f"{path}: not the file that the study was made with; copy it anew")
