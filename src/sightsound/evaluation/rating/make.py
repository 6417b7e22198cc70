"""One folder of samples for each condition in, a study's folder out."""

from __future__ import annotations

import csv
import hashlib
import itertools
import os
import re
import secrets
import shutil
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from sightsound.errors import ConfigError, DataError
from sightsound.evaluation.rating.study import (
    DEFINITION,
    FORMAT,
    MEDIA,
    SCALE_OF_IMAGES,
    SCALE_OF_SOUNDS,
    Case,
    Definition,
    Item,
    MediaFile,
    Medium,
    SoundCheck,
    Task,
    definition_bytes,
)
from sightsound.media.audio import read_audio, write_audio
from sightsound.media.files import one_line, shown, write_bytes
from sightsound.media.image import read_pixels, write_image
from sightsound.media.kinds import IMAGE_SUFFIXES, SOUND_SUFFIXES
from sightsound.shapes import Waveform

SAMPLE_RATE = 44_100  # Hz of every sound on the page, so that the rate tells no condition
BEEPS = (2, 3, 4, 5)
DIRECTIONS = ("sound_to_image", "image_to_sound")
CONDITION = re.compile(r"[A-Za-z0-9][A-Za-z0-9 _.-]{0,39}")

CONSENT = """\
This study asks how good {things} are that computer programs made, or that are real. You will see \
{votes} of them, one after another, which takes about {minutes} minutes.

Taking part is voluntary. You may stop at any moment by closing this page, and go on later in the \
same browser.

What is stored: a made-up name such as “r-4f2a9c”, your answers, the seconds that each took, and \
the day on which you began. Your name, your network address and your browser are not stored, and \
nothing is sent to anybody else. This browser keeps a code so that you can go on, or withdraw.

You may withdraw at any time, by the button at the foot of the page or later with the code shown \
at the end; your answers are then deleted at once. {retention}

Questions: {contact}."""


@dataclass(frozen=True, kw_only=True)
class Options:
    """How a study asks."""

    task: Task = "scale"
    title: str = "What do you see and hear?"
    question: str | None = None  # None = one that fits the task
    consent: str | None = None  # None = the usual text
    contact: str = "ask the person who invited you"
    retention_days: int | None = 365  # None = votes are kept without end
    votes_per_rater: int = 30
    raters_per_case: int = 3
    attention: int = 2  # attention items of each rater
    items_per_condition: int = 65
    seed: int = 0


@dataclass(frozen=True)
class Sample:
    """One file of a condition's folder."""

    path: Path
    name: str  # its path in the folder, without suffix
    label: str | None


def make_study(
    folder: str | os.PathLike[str],
    conditions: Mapping[str, str | os.PathLike[str]],
    *,
    prompts: str | os.PathLike[str] | None = None,
    options: Options | None = None,
    on_note: Callable[[str], None] = lambda note: None,
) -> Path:
    """Make a study of pictures or of sounds; returns its folder, which is there whole or not.

    Args:
        folder: where the study goes; must not exist or be empty.
        conditions: name → folder of samples: what ``evaluate --samples`` wrote, one direction of
            it, its ``generated`` or ``reference``, or a plain folder of pictures or sounds, with
            or without a folder for each class.
        prompts: folder with what the samples were made of, under the same names: played or shown
            beside them. None = the class is named instead.
        options: how the study asks.
        on_note: told what may tell conditions apart, one line each.

    Files are written anew, without metadata (a generated file's says that it is synthetic), sounds
    at 44.1 kHz, mono. Of each condition at most ``items_per_condition`` are taken, classes alike,
    and the same names of each condition where there are such.

    Raises:
        ConfigError: an option or a condition's name is not allowed.
        DataError: a folder is missing, empty or mixed, or the study exists.
        MediaError: a file cannot be read.
    """
    options = options or Options()
    _check_options(options, conditions)
    target = Path(folder)
    _check_target(target)
    found = {name: find_samples(path) for name, path in conditions.items()}
    medium = _medium_of(found)
    chosen = {name: _chosen(samples, options) for name, samples in found.items()}
    beside = None if prompts is None else {s.name: s for s in find_samples(prompts)}
    _check_known(chosen, options, beside is not None)
    target.parent.mkdir(parents=True, exist_ok=True)
    temporary = target.parent / f".{target.name}.{secrets.token_hex(4)}.part"
    try:
        (temporary / MEDIA).mkdir(parents=True)
        writer = _Writer(temporary / MEDIA, options.seed)
        items = _write_items(writer, chosen, beside, prompts)
        cases = _cases(items, list(conditions), options)
        hears = any(file.medium == "sound" for file in writer.files.values())
        checks = _write_checks(writer, options.seed) if hears else ()
        definition = Definition(
            format=FORMAT,
            title=options.title,
            task=options.task,
            medium=medium,
            question=options.question or _question(options.task, medium, items),
            options=_answers(options.task, medium),
            consent="",
            retention_days=options.retention_days,
            votes_per_rater=min(options.votes_per_rater, len(cases)),
            raters_per_case=options.raters_per_case,
            attention=options.attention,
            seed=options.seed,
            conditions=tuple(conditions),
            media=tuple(writer.files.values()),
            items=tuple(items),
            cases=tuple(cases),
            sound_checks=checks,
        )
        definition = replace(definition, consent=_consent(definition, options))
        write_bytes(temporary / DEFINITION, definition_bytes(definition))
        if target.exists():
            target.rmdir()  # empty, as was checked
        temporary.rename(target)
    except BaseException:
        shutil.rmtree(temporary, ignore_errors=True)
        raise
    for note in writer.notes(items):
        on_note(note)
    return target


def parse_conditions(words: Sequence[str]) -> dict[str, str]:
    """``NAME=DIR`` words as name → folder.

    Raises:
        ConfigError: a word of another form, or a name given twice.
    """
    conditions: dict[str, str] = {}
    for word in words:
        name, equals, path = word.partition("=")
        if not equals or not path:
            raise ConfigError(f"rate make: {word!r}: write a condition as NAME=DIR, e.g. real=DIR")
        if name in conditions:
            raise ConfigError(f"rate make: {name!r} is given twice; each condition has one folder")
        conditions[name] = path
    return conditions


# --- What lies in the folders ----------------------------------------------------------------


def find_samples(folder: str | os.PathLike[str]) -> list[Sample]:
    """The pictures or sounds of a folder, sorted by name.

    Classes come from ``items.csv`` where ``evaluate --samples`` wrote one, else from the folders
    that the files lie in. Hidden files and files of other types are passed over.

    Raises:
        DataError: no such folder, nothing in it, unfinished samples, or two directions at once.
    """
    root = Path(folder)
    if not root.is_dir():
        raise DataError(f"{shown(root)}: no such folder; name one that holds pictures or sounds")
    both = [name for name in DIRECTIONS if (root / name / "generated").is_dir()]
    if len(both) > 1:
        raise DataError(f"{shown(root)}: holds {' and '.join(both)}; name one of the two folders")
    if both:
        root = root / both[0]
    if (root / "generated").is_dir():
        root = root / "generated"
    listing = root.parent / "items.csv"
    if root.name in ("generated", "reference") and (root.parent / "generated").is_dir():
        if not listing.is_file():
            raise DataError(
                f"{shown(root.parent)}: items.csv is missing, so the samples are not finished; "
                "run `sightsound evaluate --samples` again"
            )
        samples = _listed(root, listing)
    else:
        samples = _plain(root)
    if not samples:
        raise DataError(f"{shown(root)}: no pictures or sounds in it")
    return samples


def _listed(root: Path, listing: Path) -> list[Sample]:
    try:
        with listing.open(newline="", encoding="utf-8") as file:
            labels = {row.get("file"): row.get("class") for row in csv.DictReader(file)}
    except (OSError, ValueError, csv.Error) as error:
        raise DataError(
            f"{shown(listing)}: cannot be read as CSV in UTF-8 ({one_line(error)})"
        ) from None
    return [
        Sample(path, path.stem, labels[path.name])
        for path in sorted(root.iterdir())
        if path.name in labels and _medium(path) is not None
    ]


def _plain(root: Path) -> list[Sample]:
    """Files of the folder itself, or of folders in it, which are then classes."""
    top, below = [], []
    for path in sorted(root.iterdir()):
        if path.name.startswith("."):
            continue
        if path.is_dir():
            below += [
                Sample(inner, f"{path.name}/{inner.stem}", path.name)
                for inner in sorted(path.iterdir())
                if not inner.name.startswith(".") and _medium(inner) is not None
            ]
        elif _medium(path) is not None:
            top.append(Sample(path, path.stem, None))
    if top and below:
        raise DataError(
            f"{shown(root)}: {top[0].path.name} lies beside class folders; put it into one of them"
        )
    samples = top or below
    twice = [a.name for a, b in itertools.pairwise(sorted(samples, key=_name)) if a.name == b.name]
    if twice:
        raise DataError(
            f"{shown(root)}: two files are named {shown(twice[0])}; give each a name of its own"
        )
    return samples


def _name(sample: Sample) -> str:
    return sample.name


def _medium(path: Path) -> Medium | None:
    suffix = path.suffix.lower()
    if suffix in IMAGE_SUFFIXES:
        return "image"
    return "sound" if suffix in SOUND_SUFFIXES else None


def _medium_of(found: Mapping[str, Sequence[Sample]]) -> Medium:
    """What the study is about: all pictures, or all sounds."""
    media = {_medium(sample.path): sample.path for samples in found.values() for sample in samples}
    if len(media) != 1:
        first, second = (shown(path) for path in list(media.values())[:2])
        raise DataError(
            f"{first} and {second}: pictures and sounds in one study; make one study of each "
            "(what samples were made of goes to --prompts)"
        )
    return "image" if "image" in media else "sound"


# --- What is asked ---------------------------------------------------------------------------


def _chosen(samples: Sequence[Sample], options: Options) -> list[Sample]:
    """At most ``items_per_condition``, classes alike; the same names in every condition."""
    by_label = defaultdict(list)
    for sample in sorted(samples, key=lambda s: _digest(options.seed, "choose", s.name)):
        by_label[sample.label].append(sample)
    labels = sorted(by_label, key=lambda label: _digest(options.seed, "label", label or ""))
    rows = itertools.zip_longest(*(by_label[label] for label in labels))
    dealt = [sample for row in rows for sample in row if sample is not None]
    return dealt[: options.items_per_condition]


def _cases(items: Sequence[Item], conditions: Sequence[str], options: Options) -> list[Case]:
    if options.task == "scale":
        return [
            Case(id=f"{place:05d}", group=item.condition, items=(place,))
            for place, item in enumerate(items)
        ]
    places: dict[str, list[int]] = defaultdict(list)
    for place, item in enumerate(items):
        places[item.condition].append(place)
    pairs = [
        (f"{first} / {second}", pair)
        for first, second in itertools.combinations(conditions, 2)
        for pair in _matched(items, places[first], places[second], (first, second))
    ]
    return [
        Case(id=f"{number:05d}", group=group, items=pair)
        for number, (group, pair) in enumerate(pairs)
    ]


def _matched(
    items: Sequence[Item], first: Sequence[int], second: Sequence[int], names: tuple[str, str]
) -> list[tuple[int, int]]:
    """Pairs of one name; where the conditions share none, pairs of one class."""
    by_name = {items[place].name: place for place in second}
    pairs = [(place, by_name[items[place].name]) for place in first if items[place].name in by_name]
    if not pairs:
        left: dict[str | None, list[int]] = defaultdict(list)
        for place in second:
            left[items[place].label].append(place)
        for place in first:
            if left[items[place].label]:
                pairs.append((place, left[items[place].label].pop(0)))
    if not pairs:
        raise DataError(
            f"{names[0]} and {names[1]}: no file name and no class in common; a choice is between "
            "two files of one class"
        )
    return pairs


def _question(task: Task, medium: Medium, items: Sequence[Item]) -> str:
    thing = medium
    if task == "scale":
        return f"Which description fits this {thing} best?"
    if any(item.prompt is not None for item in items):
        return f"Which {thing} goes better with what it was made of?"
    return f"Which {thing} is more realistic?"


def _answers(task: Task, medium: Medium) -> tuple[str, ...]:
    if task == "scale":
        return SCALE_OF_IMAGES if medium == "image" else SCALE_OF_SOUNDS
    return (f"First {medium}", f"Second {medium}")


def _consent(definition: Definition, options: Options) -> str:
    if options.consent is not None:
        return options.consent.strip()
    seconds = 8 if definition.task == "scale" else 10
    days = definition.retention_days
    return CONSENT.format(
        things="pictures" if definition.medium == "image" else "sounds",
        votes=definition.votes_per_rater * (1 if definition.task == "scale" else 2),
        minutes=max(1, round(definition.votes_per_rater * seconds / 60)),
        retention=(
            "Otherwise they are kept without a set end."
            if days is None
            else f"In any case they are deleted {days} days after you began; averages stay."
        ),
        contact=options.contact.strip().rstrip("."),
    )


# --- Files -----------------------------------------------------------------------------------


class _Writer:
    """Writes the study's media, each file once, under names that say nothing."""

    def __init__(self, folder: Path, seed: int) -> None:
        self.folder = folder
        self.seed = seed
        self.files: dict[str, MediaFile] = {}
        self._sizes: dict[str, str] = {}  # id → what may tell conditions apart

    def copy(self, role: str, sample: Sample) -> str:
        """A sample's picture or sound, without its metadata; returns the id."""
        medium = _medium(sample.path)
        if medium == "image":
            pixels = read_pixels(sample.path)
            id = self._add(role, sample.name, "image")
            write_image(self.folder / self.files[id].name, pixels)
            self._sizes[id] = f"{pixels.shape[1]}×{pixels.shape[0]} pixels"
        else:
            sound = read_audio(sample.path, sample_rate=SAMPLE_RATE, allow_silence=True)
            id = self._add(role, sample.name, "sound")
            write_audio(self.folder / self.files[id].name, sound.waveform, SAMPLE_RATE)
            self._sizes[id] = f"{sound.seconds:.1f} s"
        self._seal(id)
        return id

    def sound(self, role: str, name: str, waveform: Waveform) -> str:
        """A sound of our own."""
        id = self._add(role, name, "sound")
        write_audio(self.folder / self.files[id].name, waveform, SAMPLE_RATE)
        self._seal(id)
        return id

    def notes(self, items: Sequence[Item]) -> list[str]:
        """One line where the size of files tells conditions apart."""
        sizes: dict[str, set[str]] = defaultdict(set)
        for item in items:
            sizes[item.condition].add(self._sizes[item.media])
        if len({frozenset(of) for of in sizes.values()}) == 1:
            return []
        texts = [f"{name} {_span(of)}" for name, of in sizes.items()]
        return [f"sizes differ, so raters may tell conditions apart: {'; '.join(texts)}"]

    def _add(self, role: str, name: str, medium: Medium) -> str:
        id = _digest(self.seed, role, name)[:20]
        self.files[id] = MediaFile(id=id, medium=medium, sha256="")
        return id

    def _seal(self, id: str) -> None:
        content = (self.folder / self.files[id].name).read_bytes()
        self.files[id] = replace(self.files[id], sha256=hashlib.sha256(content).hexdigest())


def _write_items(
    writer: _Writer,
    chosen: Mapping[str, Sequence[Sample]],
    beside: Mapping[str, Sample] | None,
    prompts: str | os.PathLike[str] | None,
) -> list[Item]:
    items = []
    prompt_ids: dict[str, str] = {}
    for condition, samples in chosen.items():
        for sample in samples:
            prompt = None
            if beside is not None:
                if sample.name not in beside:
                    raise DataError(
                        f"{shown(os.fspath(prompts or ''))}: nothing is named "
                        f"{shown(sample.name)}, as a file of {condition} is; give each its prompt"
                    )
                if sample.name not in prompt_ids:
                    prompt_ids[sample.name] = writer.copy("prompt", beside[sample.name])
                prompt = prompt_ids[sample.name]
            items.append(
                Item(
                    media=writer.copy(f"condition {condition}", sample),
                    condition=condition,
                    label=sample.label,
                    name=sample.name,
                    prompt=prompt,
                )
            )
    return items


def _write_checks(writer: _Writer, seed: int) -> tuple[SoundCheck, ...]:
    """Beeps to count, so that nobody judges what cannot be heard."""
    return tuple(
        SoundCheck(media=writer.sound("check", str(beeps), beep_waveform(beeps)), beeps=beeps)
        for beeps in BEEPS
    )


def beep_waveform(beeps: int) -> Waveform:
    """So many beeps of 660 Hz, 0.18 s each, 0.4 s apart, as (T,) at 44.1 kHz."""
    length, step = round(0.18 * SAMPLE_RATE), round(0.4 * SAMPLE_RATE)
    time = np.arange(length) / SAMPLE_RATE
    beep = 0.25 * np.sin(2 * np.pi * 660.0 * time) * np.hanning(length) ** 0.25
    waveform = np.zeros(step * max(BEEPS) + step, np.float32)  # equal lengths: no clue but the ear
    for number in range(beeps):
        waveform[step // 2 + number * step :][:length] = beep
    return waveform


def _digest(seed: int, role: str, name: str) -> str:
    return hashlib.sha256(f"{seed}\0{role}\0{name}".encode("utf-8", "surrogateescape")).hexdigest()


def _span(sizes: set[str]) -> str:
    ordered = sorted(sizes)
    return ordered[0] if len(ordered) == 1 else f"{ordered[0]} to {ordered[-1]}"


# --- Checks ----------------------------------------------------------------------------------


def _check_options(options: Options, conditions: Mapping[str, object]) -> None:
    for name in conditions:
        if not CONDITION.fullmatch(name):
            raise ConfigError(
                f"rate make: condition {name!r}: 1 to 40 of letters, digits, space, _ . - are "
                "allowed, a letter or digit first"
            )
    needed = 2 if options.task == "choice" else 1
    if len(conditions) < needed:
        raise ConfigError(f"rate make: {len(conditions)} conditions, at least {needed} are needed")
    bounds = {
        "votes_per_rater": (1, 1000),
        "raters_per_case": (1, 1000),
        "attention": (0, 20),
        "items_per_condition": (1, 10_000),
        "retention_days": (1, 36_500),
    }
    for field, (least, most) in bounds.items():
        value = getattr(options, field)
        if value is not None and not least <= value <= most:
            word = {
                "votes_per_rater": "votes",
                "raters_per_case": "raters",
                "items_per_condition": "items",
                "retention_days": "retention",
            }.get(field, field)
            raise ConfigError(f"rate make: --{word} {value}: {least} to {most} are allowed")
    if options.consent is not None and not options.consent.strip():
        raise ConfigError("rate make: the consent text is empty; raters must know what they do")


def _check_target(target: Path) -> None:
    if target.exists() and (not target.is_dir() or any(target.iterdir())):
        raise DataError(f"{shown(target)}: is there already; name a new folder with -o")


def _check_known(
    chosen: Mapping[str, Sequence[Sample]], options: Options, has_prompts: bool
) -> None:
    """The scale asks whether the instrument is right, so it must be known or heard."""
    unknown = [s.path for of in chosen.values() for s in of if s.label is None]
    if options.task == "scale" and unknown and not has_prompts:
        raise DataError(
            f"{shown(unknown[0])}: of no known class, so nobody can say whether it matches; put "
            "files into class folders, give --prompts, or use --task choice"
        )
