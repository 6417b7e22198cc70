"""ONNX bytes in, a function of arrays out; the only place that runs a graph."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import TypeAlias

import numpy as np
import onnxruntime
from numpy.typing import NDArray

from sightsound.errors import ConfigError, ModelError

Shape: TypeAlias = tuple[int | None, ...]
"""Sizes of an array's axes; None = any."""


def thread_count() -> int:
    """Threads for one graph: SIGHTSOUND_THREADS, else the processors we may use, at most 4."""
    text = os.environ.get("SIGHTSOUND_THREADS", "")
    if not text:
        available = getattr(os, "sched_getaffinity", None)
        return min(4, len(available(0)) if available else os.cpu_count() or 1)
    if not text.isdecimal() or not 1 <= int(text) <= 1024:
        raise ConfigError(f"SIGHTSOUND_THREADS is {text!r}, expected a whole number from 1 to 1024")
    return int(text)


class GraphSession:
    """One graph of a package with the inputs and outputs that it promised.

    ``inputs`` and ``outputs``: name → shape; the graph must take and give these, float32, and
    nothing else. Raises ModelError where it does not, or where onnxruntime cannot read it.
    """

    def __init__(
        self, graph: bytes, where: str, inputs: Mapping[str, Shape], outputs: Mapping[str, Shape]
    ) -> None:
        self.where = where
        self.outputs = tuple(outputs)
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = thread_count()
        options.inter_op_num_threads = 1
        options.log_severity_level = 4  # what matters is raised, and comes out as one line
        options.use_deterministic_compute = True
        options.add_session_config_entry("session.intra_op.allow_spinning", "0")
        try:
            self._session = onnxruntime.InferenceSession(
                graph, options, providers=["CPUExecutionProvider"]
            )
        except Exception as error:  # onnxruntime's errors share no base class but Exception
            raise ModelError(
                f"{where}: onnxruntime cannot load it ({_first_line(error)})"
            ) from None
        self._check("input", self._session.get_inputs(), inputs)
        self._check("output", self._session.get_outputs(), outputs)

    def run(self, **arrays: NDArray[np.float32]) -> list[NDArray[np.float32]]:
        """Outputs in the declared order; raises ModelError where they are not finite."""
        try:
            results = self._session.run(self.outputs, arrays)
        except Exception as error:
            raise ModelError(f"{self.where}: running it failed ({_first_line(error)})") from None
        for name, result in zip(self.outputs, results, strict=True):
            if not np.all(np.isfinite(result)):
                raise ModelError(f"{self.where}: output {name!r} is NaN or infinite")
        return list(results)

    def _check(
        self, what: str, found: list[onnxruntime.NodeArg], expected: Mapping[str, Shape]
    ) -> None:
        shapes = {node.name: node.shape for node in found}
        if set(shapes) != set(expected):
            raise ModelError(
                f"{self.where}: {what}s are {sorted(shapes)}, expected {sorted(expected)}"
            )
        for node in found:
            if node.type != "tensor(float)":
                raise ModelError(
                    f"{self.where}: {what} {node.name!r} is {node.type}, expected float32"
                )
            wanted = expected[node.name]
            # A name or nothing as a size means any; the batch axis must be such.
            fits = len(node.shape) == len(wanted) and all(
                not isinstance(size, int) or size == want
                for size, want in zip(node.shape, wanted, strict=True)
            )
            if not fits:
                raise ModelError(
                    f"{self.where}: {what} {node.name!r} has shape {_shown(node.shape)}, "
                    f"expected {_shown(wanted)}"
                )


def _shown(shape: tuple[int | None, ...] | list[int | str | None]) -> str:
    return "(" + ", ".join("any" if not isinstance(s, int) else str(s) for s in shape) + ")"


def _first_line(error: BaseException) -> str:
    return (str(error).strip().splitlines() or [type(error).__name__])[0][:200]
