"""A torch module in, an ONNX graph out: one file, 16-bit weights, float32 arithmetic."""

from __future__ import annotations

import contextlib
import copy
import io
import logging
import os
import warnings
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
import torch
from onnx import TensorProto, helper, numpy_helper
from torch import Tensor, nn

from sightsound.errors import MediaError, ModelError
from sightsound.media.files import write_bytes
from sightsound.packages.graphs import check_graph

OPSET = 18

IR_VERSION = 10
"""The newest that onnxruntime 1.20, the oldest allowed one, reads."""

SMALLEST_ROUNDED = 256
"""Weights with fewer elements stay float32: rounding them saves nothing."""

GRAPH_TOLERANCE = 2e-3
"""Largest difference allowed to torch, as a share of the output's largest value (at least 1)."""


def export_graph(
    module: nn.Module,
    example_inputs: Mapping[str, Tensor],
    output_names: Sequence[str],
    path: str | os.PathLike[str] | None = None,
) -> bytes:
    """Export a module for inference: ``eval`` mode, norms folded, the batch axis free.

    Weights are stored as float16 and cast to float32 in the graph (a runtime does that once, when
    it loads), so the file is half as large and the arithmetic is float32 everywhere. Only
    parameters are rounded, not buffers: a window or DFT factor in 16 bits would drown what lies
    70 dB under the loudest.

    The graph is run by onnxruntime and compared with torch before and after the rounding of
    weights, at another batch size than the examples'. The module is left as it was.

    Args:
        module: its ``forward`` takes the inputs in the order of ``example_inputs``.
        example_inputs: name → tensor (B, …), float32; every axis but the first becomes fixed.
        output_names: one for each tensor that ``forward`` returns.
        path: where to write the file, atomically; ``None`` = nowhere.

    Returns:
        The file's bytes; the same module gives the same bytes.

    Raises:
        ModelError: the graph differs from the module, refers to anything outside the file, or
            cannot be written.
    """
    frozen = copy.deepcopy(module).cpu().float().eval()
    inputs = {name: _two(value.detach().cpu()) for name, value in example_inputs.items()}
    model = _exported(frozen, inputs, output_names)
    _strip(model)
    three = {name: torch.cat((value[1:], value)) for name, value in inputs.items()}
    _compare(model, frozen, three, output_names, GRAPH_TOLERANCE)
    _round_weights(model, frozenset(name for name, _ in frozen.named_parameters()))
    onnx.checker.check_model(model, full_check=True)
    # Rounding moves outputs by what the weights ask for; tenfold the tolerance is a broken graph.
    _compare(model, frozen, three, output_names, 10.0 * GRAPH_TOLERANCE)
    data: bytes = model.SerializeToString(deterministic=True)
    check_graph(data, str(path or "exported graph"))
    if path is not None:
        _write(Path(path), data)
    return data


def graph_difference(
    graph: bytes, module: nn.Module, example_inputs: Mapping[str, Tensor]
) -> dict[str, float]:
    """Largest absolute difference between graph and module, for each output."""
    frozen = copy.deepcopy(module).cpu().float().eval()
    session = _session(graph)
    names = [output.name for output in session.get_outputs()]
    return {
        name: float(np.abs(got - expected).max())
        for name, got, expected in zip(
            names,
            session.run(None, {k: v.numpy() for k, v in example_inputs.items()}),
            _run_torch(frozen, example_inputs),
            strict=True,
        )
    }


def _exported(
    module: nn.Module, inputs: Mapping[str, Tensor], output_names: Sequence[str]
) -> onnx.ModelProto:
    with torch.no_grad(), _quiet():
        program = torch.onnx.export(
            module,
            tuple(inputs.values()),
            input_names=list(inputs),
            output_names=list(output_names),
            opset_version=OPSET,
            dynamo=True,
            external_data=False,
            optimize=True,
            verbose=False,
            dynamic_shapes=tuple({0: torch.export.Dim.DYNAMIC} for _ in inputs),
        )
    assert program is not None
    model: onnx.ModelProto = program.model_proto
    return model


def _strip(model: onnx.ModelProto) -> None:
    """Drop stack traces, file names and shapes inside: they tell of the machine, not the model."""
    model.ir_version = IR_VERSION
    model.producer_version = ""
    model.doc_string = ""
    graph = model.graph
    del model.metadata_props[:]
    del graph.metadata_props[:]
    del graph.value_info[:]
    graph.name, graph.doc_string = "main", ""
    for item in (*graph.node, *graph.initializer, *graph.input, *graph.output):
        item.doc_string = ""
        del item.metadata_props[:]
    for value in (*graph.input, *graph.output):
        first = value.type.tensor_type.shape.dim[0]
        if not first.HasField("dim_param"):
            raise ModelError(f"export: the batch axis of {value.name!r} became fixed")
        first.dim_param = "B"


def _round_weights(model: onnx.ModelProto, parameters: frozenset[str]) -> None:
    graph = model.graph
    casts = []
    for weight in graph.initializer:
        if weight.data_type != TensorProto.FLOAT or weight.name not in parameters:
            continue
        values = numpy_helper.to_array(weight)
        if values.ndim < 2 or values.size < SMALLEST_ROUNDED:
            continue
        if np.abs(values).max() > np.finfo(np.float16).max:
            continue
        name = weight.name
        stored = f"{name}.float16"
        weight.CopyFrom(numpy_helper.from_array(values.astype(np.float16), stored))
        casts.append(helper.make_node("Cast", [stored], [name], to=TensorProto.FLOAT))
    nodes = [*casts, *graph.node]
    del graph.node[:]
    graph.node.extend(nodes)


def _compare(
    model: onnx.ModelProto,
    module: nn.Module,
    inputs: Mapping[str, Tensor],
    output_names: Sequence[str],
    tolerance: float,
) -> None:
    session = _session(model.SerializeToString())
    outputs = session.run(list(output_names), {k: v.numpy() for k, v in inputs.items()})
    for name, got, expected in zip(output_names, outputs, _run_torch(module, inputs), strict=True):
        if got.shape != expected.shape:
            raise ModelError(f"export: output {name!r} has shape {got.shape}, not {expected.shape}")
        allowed = tolerance * max(1.0, float(np.abs(expected).max()))
        difference = float(np.abs(got - expected).max())
        if not difference <= allowed:
            raise ModelError(
                f"export: output {name!r} differs by {difference:.2g} from the module, "
                f"{allowed:.2g} is allowed"
            )


def _run_torch(module: nn.Module, inputs: Mapping[str, Tensor]) -> list[np.ndarray]:
    with torch.no_grad():
        outputs = module(*inputs.values())
    tensors = (outputs,) if isinstance(outputs, Tensor) else outputs
    return [tensor.numpy() for tensor in tensors]


def _session(graph: bytes) -> onnxruntime.InferenceSession:
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    options.log_severity_level = 3
    return onnxruntime.InferenceSession(graph, options, providers=["CPUExecutionProvider"])


def _two(value: Tensor) -> Tensor:
    """An example batch of two: the exporter takes an axis of size one for fixed."""
    return torch.cat((value, value))[:2].contiguous()


@contextlib.contextmanager
def _quiet() -> Iterator[None]:
    """The exporter tells of its progress, of torchvision's absence and of its own deprecations."""
    logger = logging.getLogger("torch.onnx")
    level = logger.level
    logger.setLevel(logging.ERROR)
    try:
        with warnings.catch_warnings(), contextlib.redirect_stdout(io.StringIO()):
            warnings.simplefilter("ignore")
            yield
    finally:
        logger.setLevel(level)


def _write(path: Path, data: bytes) -> None:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        write_bytes(path, data)
    except OSError as error:
        raise ModelError(f"{path}: cannot be written ({error.strerror})") from None
    except MediaError as error:
        raise ModelError(str(error)) from None
