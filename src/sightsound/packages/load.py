"""A folder or a name in, a checked model package in memory out.

A package comes from anywhere, so nothing in it is believed: every file is read once, hashed, and
what was hashed is what runs (the graphs are handed on as bytes, never as paths).
"""

from __future__ import annotations

import dataclasses
import os
import stat
from collections.abc import Iterable
from pathlib import Path

from sightsound.errors import ConfigError, ModelError
from sightsound.packages.format import (
    CARD_FILE,
    FILE_NAME,
    MANIFEST_FILE,
    Manifest,
    manifest_from_json,
    sha256_hex,
)
from sightsound.packages.graphs import check_graph

MODELS_FOLDER = Path(__file__).resolve().parent.parent / "models"
"""Where the packages lie that come with sightsound."""

DEFAULT_MODEL = "default"
MAX_MANIFEST_BYTES = 4_000_000
MAX_PACKAGE_BYTES = 1_000_000_000
"""Largest package that is read; the environment's SIGHTSOUND_MAX_MODEL_BYTES overrides it."""


@dataclasses.dataclass(frozen=True, kw_only=True)
class ModelPackage:
    """A model package whose every byte was checked."""

    folder: Path
    manifest: Manifest
    sha256: str  # of model.json, which holds the hash of every graph
    graphs: dict[str, bytes]  # file name → ONNX bytes
    card: str  # card.md, "" = none

    @property
    def name(self) -> str:
        """The model's name from model.json."""
        return self.manifest.name

    @property
    def bytes_on_disk(self) -> int:
        """Size of all files that model.json names."""
        return sum(entry.bytes for entry in self.manifest.files.values())


def shipped_models() -> list[str]:
    """Names of the packages that come with sightsound, sorted, the default one first."""
    if not MODELS_FOLDER.is_dir():
        return []
    names = [f.name for f in MODELS_FOLDER.iterdir() if (f / MANIFEST_FILE).is_file()]
    return sorted(names, key=lambda name: (name != DEFAULT_MODEL, name))


def load_package(
    reference: str | os.PathLike[str] | None = None, *, max_bytes: int | None = None
) -> ModelPackage:
    """Read and check a model package.

    ``reference``: a folder, or the name of a package that comes with sightsound; ``None`` is the
    default one. A shipped name wins over a folder of that name here (write ``./name`` for the
    folder). ``max_bytes``: largest package; ``None`` = SIGHTSOUND_MAX_MODEL_BYTES or 1 GB.

    Raises ModelError where the package is not exactly what its ``model.json`` says: a file
    missing, altered, unlisted or a link; a name with a path in it; a newer format; a graph with
    outside weights or operators that are not ONNX's own; too many bytes.
    """
    folder = _find(reference)
    limit = _byte_limit() if max_bytes is None else max_bytes
    entries = _list_folder(folder)
    if MANIFEST_FILE not in entries:
        raise ModelError(f"{folder}: no {MANIFEST_FILE} in it, so this is no model package")
    data = _read(folder / MANIFEST_FILE, min(limit, MAX_MANIFEST_BYTES))
    manifest = manifest_from_json(data, str(folder / MANIFEST_FILE))
    _check_names(folder, entries, manifest)

    total = len(data) + sum(entry.bytes for entry in manifest.files.values())
    if total > limit:
        raise ModelError(
            f"{folder}: {total} bytes, at most {limit} are allowed; "
            "set SIGHTSOUND_MAX_MODEL_BYTES to read it all the same"
        )
    contents = {name: _read_checked(folder / name, manifest) for name in manifest.files}
    graphs = {name: content for name, content in contents.items() if name.endswith(".onnx")}
    for name, content in graphs.items():
        check_graph(content, str(folder / name))
    card = contents.get(CARD_FILE, b"")
    if CARD_FILE in entries and CARD_FILE not in contents:
        card = _read(folder / CARD_FILE, MAX_MANIFEST_BYTES)
    return ModelPackage(
        folder=folder,
        manifest=manifest,
        sha256=sha256_hex(data),
        graphs=graphs,
        card=card.decode("utf-8", "replace"),
    )


def _find(reference: str | os.PathLike[str] | None) -> Path:
    """The folder that ``reference`` means."""
    text = DEFAULT_MODEL if reference is None else os.fspath(reference)
    shipped = shipped_models()
    if text in shipped:
        return MODELS_FOLDER / text
    folder = Path(text)
    if reference is not None and folder.is_dir():
        return folder
    known = ", ".join(shipped) or "none"
    if folder.exists() and reference is not None:
        raise ModelError(f"{text}: not a folder; a model package is a folder with {MANIFEST_FILE}")
    raise ModelError(
        f"model {text!r} not found; models that come with sightsound: {known}; "
        "or give the folder of a model package"
    )


def _byte_limit() -> int:
    text = os.environ.get("SIGHTSOUND_MAX_MODEL_BYTES", "")
    if not text:
        return MAX_PACKAGE_BYTES
    if not text.isdecimal():
        raise ConfigError(f"SIGHTSOUND_MAX_MODEL_BYTES is {text!r}, expected a number of bytes")
    return int(text)


def _list_folder(folder: Path) -> dict[str, os.DirEntry[str]]:
    """Name → entry; refuses links, folders and special files."""
    try:
        with os.scandir(folder) as scan:
            entries = {entry.name: entry for entry in scan}
    except OSError as error:
        raise ModelError(f"{folder}: cannot be read ({error.strerror})") from None
    for name, entry in sorted(entries.items()):
        if entry.is_symlink():
            raise ModelError(f"{folder / name}: a link, which a model package may not hold")
        if not entry.is_file(follow_symlinks=False):
            raise ModelError(f"{folder / name}: a model package holds plain files only")
    return entries


def _check_names(folder: Path, entries: Iterable[str], manifest: Manifest) -> None:
    """The folder holds exactly the files that model.json lists, all of a known type."""
    present = set(entries)
    for name in manifest.files:
        if not FILE_NAME.fullmatch(name) or not (name.endswith(".onnx") or name == CARD_FILE):
            raise ModelError(f"{folder}: file {name!r} is not allowed in a model package")
        if name not in present:
            raise ModelError(f"{folder / name}: missing, though model.json lists it; get it again")
    extra = sorted(present - set(manifest.files) - {MANIFEST_FILE, CARD_FILE})
    if extra:
        raise ModelError(f"{folder / extra[0]}: not listed in model.json; remove it")
    for name in manifest.graph_files():
        if not name.endswith(".onnx"):
            raise ModelError(f"{folder / name}: used as a graph, but is no .onnx file")


def _read_checked(path: Path, manifest: Manifest) -> bytes:
    entry = manifest.files[path.name]
    data = _read(path, entry.bytes, exact=True)
    if sha256_hex(data) != entry.sha256:
        raise ModelError(f"{path}: altered, its SHA-256 is not the one in model.json; get it again")
    return data


def _read(path: Path, limit: int, *, exact: bool = False) -> bytes:
    """The bytes of a plain file of at most (or exactly) ``limit`` bytes; never through a link."""
    try:
        # O_NOFOLLOW: the entry may have become a link since the folder was listed.
        descriptor = os.open(path, os.O_RDONLY | getattr(os, "O_NOFOLLOW", 0))
        with os.fdopen(descriptor, "rb") as file:
            status = os.fstat(file.fileno())
            if not stat.S_ISREG(status.st_mode):
                raise ModelError(f"{path}: a model package holds plain files only")
            data = file.read(limit + 1)
    except OSError as error:
        raise ModelError(f"{path}: cannot be read ({error.strerror})") from None
    if exact and len(data) != limit:
        raise ModelError(
            f"{path}: altered, {status.st_size} bytes where model.json says {limit}; get it again"
        )
    if len(data) > limit:
        raise ModelError(f"{path}: {status.st_size} bytes, at most {limit} are allowed")
    return data
