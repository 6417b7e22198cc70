"""What an ONNX file refers to, read from its bytes without the onnx package.

A model package holds data, no programs: a graph may use the standard operators only and must
carry all of its weights inside. ``onnxruntime`` would follow a path in a tensor's
``external_data`` out of the folder, and would take any custom operator that a process has
registered; so both are looked for before it sees the bytes.

An ONNX file is one protobuf message. Its wire format is walked here by hand: a field is a key
(number, wire type) and a value; only the fields that can name an operator, a function or a file
are entered, weights are stepped over.
Source: protobuf encoding specification; onnx.proto3 (field numbers).
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TypeAlias

from sightsound.errors import ModelError

STANDARD_DOMAINS = ("", "ai.onnx")

# Fields of each message that are entered: number → message kind. From onnx.proto3.
_CHILDREN: dict[str, dict[int, str]] = {
    "model": {7: "graph", 20: "training", 25: "function"},
    "graph": {1: "node", 5: "tensor", 15: "sparse"},
    "node": {5: "attribute"},
    "attribute": {5: "tensor", 6: "graph", 10: "tensor", 11: "graph", 22: "sparse", 23: "sparse"},
    "sparse": {1: "tensor", 2: "tensor"},
}
_NODE_OP_TYPE = 4
_NODE_DOMAIN = 7
_TENSOR_EXTERNAL_DATA = 13
_TENSOR_DATA_LOCATION = 14
_MAX_DEPTH = 32  # a graph in a node's attribute in a graph …; real models use two or three

_Field: TypeAlias = tuple[int, "int | memoryview"]


def check_graph(data: bytes, where: str) -> None:
    """Refuse an ONNX file that is more than data.

    Raises ModelError, naming ``where``, for bytes that are no ONNX model, weights outside the
    file, operators of another domain than ONNX's own, local functions and training graphs.
    """
    try:
        graphs = _check_message(memoryview(data), "model", where, 0)
    except (ValueError, IndexError):
        raise ModelError(f"{where}: not an ONNX file; get the model again") from None
    if graphs == 0:
        raise ModelError(f"{where}: not an ONNX file (no graph in it); get the model again")


def _check_message(message: memoryview, kind: str, where: str, depth: int) -> int:
    """Walk one message and what it holds; returns the number of graphs met."""
    if depth > _MAX_DEPTH:
        raise ModelError(f"{where}: graphs nested deeper than {_MAX_DEPTH} levels are not allowed")
    if kind in ("function", "training"):
        raise ModelError(f"{where}: {kind} entries are not allowed in a model package")
    graphs = int(kind == "graph")
    children = _CHILDREN.get(kind, {})
    domain, op_type = "", "?"
    for number, value in _fields(message):
        if isinstance(value, int):
            if kind == "tensor" and number == _TENSOR_DATA_LOCATION and value != 0:
                raise ModelError(_external(where))
        elif kind == "tensor":
            if number == _TENSOR_EXTERNAL_DATA:
                raise ModelError(_external(where))
        elif kind == "node" and number == _NODE_DOMAIN:
            domain = bytes(value).decode("utf-8")
        elif kind == "node" and number == _NODE_OP_TYPE:
            op_type = bytes(value).decode("utf-8")
        elif number in children:
            graphs += _check_message(value, children[number], where, depth + 1)
    if domain not in STANDARD_DOMAINS:
        raise ModelError(
            f"{where}: operator {op_type!r} of domain {domain!r} is not allowed; "
            "a model package uses standard ONNX operators only"
        )
    return graphs


def _external(where: str) -> str:
    return f"{where}: keeps weights outside the file, which is not allowed; export it in one file"


def _fields(message: memoryview) -> Iterator[_Field]:
    """(number, value) of each field; raises ValueError or IndexError where the bytes break off."""
    position = 0
    while position < len(message):
        key, position = _varint(message, position)
        number, wire_type = key >> 3, key & 7
        if number == 0:
            raise ValueError("field number 0")
        if wire_type == 0:
            value, position = _varint(message, position)
            yield number, value
            continue
        if wire_type == 2:
            size, position = _varint(message, position)
        elif wire_type in (1, 5):
            size = 8 if wire_type == 1 else 4
        else:
            raise ValueError(f"wire type {wire_type}")
        if size > len(message) - position:
            raise ValueError("field longer than its message")
        yield number, message[position : position + size]
        position += size


def _varint(message: memoryview, position: int) -> tuple[int, int]:
    """A number of 7 bits a byte, lowest first, and the position behind it."""
    value = 0
    for shift in range(0, 70, 7):
        byte = message[position]
        position += 1
        value |= (byte & 0x7F) << shift
        if byte < 0x80:
            return value, position
    raise ValueError("varint longer than 10 bytes")
