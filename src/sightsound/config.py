"""Frozen dataclasses in, JSON out, and back; settings from the command line.

A config is a tree of frozen, keyword-only dataclasses. Unions of dataclasses are told apart by
the class name, which is stored under ``"kind"``.
"""

from __future__ import annotations

import dataclasses
import difflib
import hashlib
import json
import types
import typing
from collections.abc import Iterable, Mapping
from enum import Enum
from typing import Any, Literal, TypeVar, cast

from sightsound.errors import ConfigError

T = TypeVar("T")


def to_json(config: object) -> Any:
    """A config as JSON values: dataclasses become objects that carry their class as ``kind``."""
    if dataclasses.is_dataclass(config) and not isinstance(config, type):
        fields = {f.name: to_json(getattr(config, f.name)) for f in dataclasses.fields(config)}
        return {"kind": type(config).__name__, **fields}
    if isinstance(config, Enum):
        return config.value
    if isinstance(config, tuple | list):
        return [to_json(item) for item in config]
    if isinstance(config, Mapping):
        return {str(key): to_json(value) for key, value in config.items()}
    return config


def from_json(kind: type[T], data: Any, *, where: str = "config") -> T:
    """Read a config of class ``kind`` back from its JSON values.

    Raises:
        ConfigError: an unknown or missing field, or a value of another type.
    """
    return cast(T, _read(kind, data, where))


def config_hash(config: object) -> str:
    """First 16 hex digits of the SHA-256 of a config's canonical JSON."""
    text = json.dumps(to_json(config), sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def apply_settings(config: T, settings: Iterable[str]) -> T:
    """Replace fields by ``path.to.field=value`` settings, as ``--set`` takes them.

    Values are read as JSON where they are JSON, else as plain strings.

    Raises:
        ConfigError: an unknown field (the nearest name is suggested) or an unfit value.
    """
    data = to_json(config)
    for setting in settings:
        path, equals, text = setting.partition("=")
        if not equals:
            raise ConfigError(f"--set {setting}: write it as KEY=VALUE, e.g. training.steps=100")
        _set(data, path, text)
    return from_json(type(config), data, where="--set")


def _set(data: dict[str, Any], path: str, text: str) -> None:
    *parents, name = path.split(".")
    node: Any = data
    for depth, parent in enumerate([*parents, name]):
        known = [key for key in node if key != "kind"] if isinstance(node, dict) else []
        if parent not in known:
            near = difflib.get_close_matches(parent, known, n=1)
            hint = f"did you mean {near[0]!r}?" if near else f"known: {', '.join(known) or 'none'}"
            raise ConfigError(f"--set {path}: no setting {parent!r} here; {hint}")
        if depth < len(parents):
            node = node[parent]
    try:
        node[name] = json.loads(text)
    except json.JSONDecodeError:
        node[name] = text


def _read(kind: Any, data: Any, where: str) -> Any:
    origin, options = typing.get_origin(kind), typing.get_args(kind)
    if origin in (typing.Union, types.UnionType):
        return _read_union(options, data, where)
    if origin is Literal:
        if data not in options:
            allowed = ", ".join(map(str, options))
            raise ConfigError(f"{where}: {data!r} is not allowed; one of: {allowed}")
        return data
    if origin is tuple:
        return _read_tuple(options, data, where)
    if origin in (dict, Mapping) or kind is dict:
        return data
    if dataclasses.is_dataclass(kind):
        return _read_dataclass(cast(type, kind), data, where)
    if isinstance(kind, type) and issubclass(kind, Enum):
        try:
            return kind(data)
        except ValueError:
            allowed = ", ".join(str(member.value) for member in kind)
            raise ConfigError(f"{where}: {data!r} is not allowed; one of: {allowed}") from None
    return _read_scalar(kind, data, where)


def _read_union(options: tuple[Any, ...], data: Any, where: str) -> Any:
    if data is None and type(None) in options:
        return None
    options = tuple(option for option in options if option is not type(None))
    if isinstance(data, dict) and "kind" in data:
        for option in options:
            if getattr(option, "__name__", "") == data["kind"]:
                return _read(option, data, where)
        allowed = ", ".join(getattr(option, "__name__", str(option)) for option in options)
        raise ConfigError(f"{where}: kind {data['kind']!r} is not allowed; one of: {allowed}")
    errors = []
    for option in options:
        try:
            return _read(option, data, where)
        except ConfigError as error:
            errors.append(str(error))
    raise ConfigError(errors[0])


def _read_tuple(options: tuple[Any, ...], data: Any, where: str) -> tuple[Any, ...]:
    if not isinstance(data, list | tuple):
        raise ConfigError(f"{where}: {data!r} is not a list; write it as [1, 2]")
    if len(options) == 2 and options[1] is Ellipsis:
        return tuple(_read(options[0], item, where) for item in data)
    if len(options) != len(data):
        raise ConfigError(f"{where}: {len(data)} values came, {len(options)} are needed")
    return tuple(_read(option, item, where) for option, item in zip(options, data, strict=True))


def _read_dataclass(kind: type, data: Any, where: str) -> Any:
    if not isinstance(data, dict):
        raise ConfigError(f"{where}: {data!r} is no {kind.__name__}; an object is needed")
    if data.get("kind", kind.__name__) != kind.__name__:
        raise ConfigError(f"{where}: {data['kind']} came, {kind.__name__} is needed")
    hints = typing.get_type_hints(kind)
    fields = {f.name: f for f in dataclasses.fields(kind)}
    for name in data:
        if name != "kind" and name not in fields:
            near = difflib.get_close_matches(name, fields, n=1)
            hint = f"; did you mean {near[0]!r}?" if near else ""
            raise ConfigError(f"{where}: {kind.__name__} has no field {name!r}{hint}")
    values = {n: _read(hints[n], data[n], f"{where}.{n}") for n in fields if n in data}
    try:
        return kind(**values)
    except TypeError as error:
        raise ConfigError(f"{where}: {error}") from None


def _read_scalar(kind: Any, data: Any, where: str) -> Any:
    if kind is float and isinstance(data, int) and not isinstance(data, bool):
        return float(data)
    if isinstance(data, bool) != (kind is bool) or not isinstance(data, kind):
        raise ConfigError(f"{where}: {data!r} is no {kind.__name__}")
    return data
