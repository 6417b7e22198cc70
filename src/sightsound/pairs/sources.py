"""The table of sources: where data sets lie that other people publish, and on what terms.

Ours is ``sources.toml`` beside this file; a reader adds to it with a file of their own, TOML or
JSON of the same form. Nothing is guessed: an address or a checksum that nobody states is absent.
"""

from __future__ import annotations

import difflib
import json
import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from sightsound.errors import ConfigError

DIGITS = {"sha256": 64, "sha512": 128, "sha1": 40, "md5": 32}  # hexadecimal, by algorithm
_TABLE = Path(__file__).with_name("sources.toml")


@dataclass(frozen=True, kw_only=True)
class SourceFile:
    """One file to fetch."""

    name: str  # of the file here; no folder in it
    url: str  # http or https
    checksum: str | None = None  # "sha256:…" as its publisher states it; None = nobody does
    bytes: int | None = None  # as its publisher states it; None = nobody does


@dataclass(frozen=True, kw_only=True)
class Source:
    """One data set that other people publish."""

    name: str
    title: str
    license: str  # as its publisher states it, or that they state none
    page: str | None = None  # to be read by people; None = there is none
    about: str | None = None  # what is known of it
    files: tuple[SourceFile, ...] = ()  # none: nothing can be fetched, the page says how to get it


def read_sources(table: Path | None = None) -> dict[str, Source]:
    """All sources by name: ours and those of ``table``, which replace ours of the same name.

    Args:
        table: a ``.toml`` or ``.json`` file of the reader's; None = ours only.

    Raises:
        ConfigError: the table cannot be read or an entry does not hold what it must.
    """
    sources = _read_table(_TABLE)
    if table is not None:
        sources |= _read_table(table)
    return sources


def find_source(sources: Mapping[str, Source], name: str) -> Source:
    """The source of a name.

    Raises:
        ConfigError: there is none.
    """
    if name not in sources:
        near = difflib.get_close_matches(name, sources, n=1)
        hint = f"did you mean {near[0]!r}?" if near else f"known: {', '.join(sorted(sources))}"
        raise ConfigError(f"source {name!r} is unknown; {hint} Add others with --table FILE")
    return sources[name]


def _read_table(path: Path) -> dict[str, Source]:
    try:
        text = path.read_text(encoding="utf-8")
        entries = json.loads(text) if path.suffix.lower() == ".json" else tomllib.loads(text)
    except OSError as error:
        raise ConfigError(f"{path}: cannot be read ({error.strerror})") from error
    except ValueError as error:  # both decoders' errors, and text that is no UTF-8
        kind = "JSON" if path.suffix.lower() == ".json" else "TOML"
        raise ConfigError(f"{path}: is no {kind} ({error}); mend it") from error
    if not isinstance(entries, dict):
        raise ConfigError(f"{path}: holds no table of sources by name")
    return {name: _source(path, name, entry) for name, entry in entries.items()}


def _source(path: Path, name: str, entry: object) -> Source:
    where = f"{path}: source {name!r}"
    if not re.fullmatch(r"[a-z0-9][a-z0-9._-]*", name):
        raise ConfigError(f"{where}: use small letters, digits, '-', '_' and '.' for names")
    values = _checked(where, entry, Source, needed=("title", "license"), given={"name"})
    listed = values.pop("files", [])
    if not isinstance(listed, list):
        raise ConfigError(f"{where}: files must be a list of tables with name and url")
    files = tuple(_file(f"{where}, file {n}", each) for n, each in enumerate(listed, 1))
    names = [each.name for each in files]
    if doubled := sorted({each for each in names if names.count(each) > 1}):
        raise ConfigError(f"{where}: file {doubled[0]!r} is listed twice; give each its own name")
    if "page" in values:
        _check_address(where, values["page"])
    return Source(name=name, files=files, **values)


def _file(where: str, entry: object) -> SourceFile:
    values = _checked(where, entry, SourceFile, needed=("name", "url"))
    name, checksum, size = values["name"], values.get("checksum"), values.get("bytes")
    if name in ("", ".", "..") or re.search(r'[/\\:*?"<>|\x00-\x1f]', name) or name[0] == ".":
        raise ConfigError(
            f"{where}: name {name!r} is no plain file name; leave out folders, a leading dot and "
            'the signs / \\ : * ? " < > |'
        )
    _check_address(where, values["url"])
    if checksum is not None:
        algorithm, _, digits = checksum.partition(":")
        expected = DIGITS.get(algorithm)
        if expected is None or not re.fullmatch(rf"[0-9a-fA-F]{{{expected}}}", digits):
            raise ConfigError(
                f"{where}: checksum {checksum!r}: 'sha256:' and 64 hexadecimal digits are allowed, "
                "or sha512, sha1, md5 with theirs; leave it out if nobody has published one"
            )
        values["checksum"] = f"{algorithm}:{digits.lower()}"
    if size is not None and size < 1:
        raise ConfigError(f"{where}: bytes {size}: a whole number above 0 is allowed")
    return SourceFile(**values)


def _checked(
    where: str,
    entry: object,
    kind: type[Source] | type[SourceFile],
    *,
    needed: tuple[str, ...],
    given: frozenset[str] | set[str] = frozenset(),
) -> dict[str, Any]:
    """An entry's values, after names and types were compared with ``kind``'s fields."""
    if not isinstance(entry, dict):
        raise ConfigError(f"{where}: must be a table with {' and '.join(needed)}")
    known = [each.name for each in fields(kind) if each.name not in given]
    for key, value in entry.items():
        if key not in known:
            near = difflib.get_close_matches(key, known, n=1)
            hint = f"did you mean {near[0]!r}?" if near else f"known: {', '.join(known)}"
            raise ConfigError(f"{where}: {key!r} is unknown; {hint}")
        expected: type = {"bytes": int, "files": list}.get(key, str)
        if not isinstance(value, expected) or isinstance(value, bool):
            what = {"bytes": "a whole number", "files": "a list"}.get(key, "text")
            raise ConfigError(f"{where}: {key} is {value!r}, {what} is needed")
    for key in needed:
        if not entry.get(key):
            raise ConfigError(f"{where}: {key} is missing; what a publisher leaves open, say so")
    return dict(entry)


def _check_address(where: str, url: str) -> None:
    try:
        parts = urlsplit(url)
        fine = parts.scheme in ("http", "https") and bool(parts.hostname)
    except ValueError:
        fine = False
    if not fine:
        raise ConfigError(f"{where}: {url!r} is no http:// or https:// address")
