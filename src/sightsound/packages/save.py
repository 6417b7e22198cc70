"""Graphs and a manifest in, a model package on disk out: whole or not at all."""

from __future__ import annotations

import dataclasses
import os
import shutil
import tempfile
from collections.abc import Mapping
from pathlib import Path

from sightsound.errors import ModelError
from sightsound.packages.format import (
    CARD_FILE,
    MANIFEST_FILE,
    FileEntry,
    Manifest,
    manifest_to_json,
    sha256_hex,
)
from sightsound.packages.load import ModelPackage, load_package


def save_package(
    folder: str | os.PathLike[str], manifest: Manifest, graphs: Mapping[str, bytes], card: str
) -> ModelPackage:
    """Write a model package and read it back through all checks.

    ``manifest.files`` is filled in here from ``graphs`` (file name → ONNX bytes) and ``card``
    (Markdown). The package is made beside ``folder``, checked, and renamed into place, so a full
    disk or a refused graph leaves what was there before.

    Raises ModelError where ``folder`` holds something that is no model package, where the files
    cannot be written, and where the package would not load.
    """
    target = Path(folder).absolute()
    if target.exists() and not _replaceable(target):
        raise ModelError(f"{folder}: exists and is no model package; choose another place")
    contents = {**graphs, CARD_FILE: card.encode()}
    entries = {
        name: FileEntry(sha256=sha256_hex(content), bytes=len(content))
        for name, content in sorted(contents.items())
    }
    contents[MANIFEST_FILE] = manifest_to_json(dataclasses.replace(manifest, files=entries))
    building: str | None = None
    replaced: str | None = None
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        building = tempfile.mkdtemp(prefix=f".{target.name}-", dir=target.parent)
        for name, content in contents.items():
            (Path(building) / name).write_bytes(content)
        load_package(building)
        Path(building).chmod(0o755)
        if target.exists():
            # Two renames: at every moment one whole package lies at one of the two names.
            replaced = tempfile.mkdtemp(prefix=f".{target.name}-", dir=target.parent)
            target.replace(replaced)
        Path(building).replace(target)
    except OSError as error:
        raise ModelError(f"{folder}: cannot be written ({error.strerror})") from None
    finally:
        for folder_left in (building, replaced):
            if folder_left is not None:
                shutil.rmtree(folder_left, ignore_errors=True)
    return load_package(target)


def _replaceable(folder: Path) -> bool:
    """An empty folder, or an older package: nothing of anyone's is lost by replacing it."""
    if folder.is_symlink() or not folder.is_dir():
        return False
    names = {entry.name for entry in folder.iterdir()}
    allowed = all(n in (MANIFEST_FILE, CARD_FILE) or n.endswith(".onnx") for n in names)
    return not names or (MANIFEST_FILE in names and allowed)
