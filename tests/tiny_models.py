"""Tiny model packages with random weights: the real format, a few kilobytes, made in milliseconds.

``tiny_package(folder)`` writes one with both directions. The numbers that leave these graphs mean
nothing, but they depend on every input: another sound, picture or noise gives another output.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper

from sightsound.packages.format import (
    Directions,
    ImageToSound,
    LogMelOutput,
    Manifest,
    Provenance,
    SoundToImage,
)
from sightsound.packages.load import ModelPackage
from sightsound.packages.save import save_package
from sightsound.shapes import INSTRUMENTS

FLOAT = TensorProto.FLOAT


def graph_bytes(
    nodes: list[onnx.NodeProto],
    inputs: dict[str, list[str | int]],
    outputs: dict[str, list[str | int]],
    weights: dict[str, NDArray[np.generic]],
) -> bytes:
    """A serialised model of opset 18 with float32 inputs and outputs of the given shapes."""
    graph = helper.make_graph(
        nodes,
        "tiny",
        [helper.make_tensor_value_info(name, FLOAT, shape) for name, shape in inputs.items()],
        [helper.make_tensor_value_info(name, FLOAT, shape) for name, shape in outputs.items()],
        [numpy_helper.from_array(value, name) for name, value in weights.items()],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=9)
    onnx.checker.check_model(model)
    return model.SerializeToString()


def sound_encoder(
    rng: np.random.Generator, samples: int, embedding_size: int, classes: int
) -> bytes:
    """waveform (B, T) → power in random bands → embedding (B, D), class_logits (B, K)."""
    node = helper.make_node
    return graph_bytes(
        [
            node("Unsqueeze", ["waveform", "axis1"], ["x1"]),
            node("Conv", ["x1", "filters"], ["bands"], strides=[32]),
            node("Mul", ["bands", "bands"], ["power"]),
            node("ReduceMean", ["power", "axis2"], ["mean"], keepdims=0),
            node("Add", ["mean", "tiny"], ["positive"]),
            node("Log", ["positive"], ["decibels"]),
            node("Tanh", ["decibels"], ["embedding"]),
            node("MatMul", ["embedding", "head"], ["class_logits"]),
        ],
        {"waveform": ["B", samples]},
        {"embedding": ["B", embedding_size], "class_logits": ["B", classes]},
        {
            "axis1": np.array([1], np.int64),
            "axis2": np.array([2], np.int64),
            "tiny": np.array(1e-3, np.float32),
            "filters": rng.normal(size=(embedding_size, 1, 64)).astype(np.float32),
            "head": rng.normal(size=(embedding_size, classes)).astype(np.float32),
        },
    )


def image_encoder(rng: np.random.Generator, size: int, embedding_size: int, classes: int) -> bytes:
    """image (B, 3, H, W) → random projection → embedding (B, D), class_logits (B, K)."""
    node = helper.make_node
    return graph_bytes(
        [
            node("Flatten", ["image"], ["flat"]),
            node("MatMul", ["flat", "projection"], ["x1"]),
            node("Tanh", ["x1"], ["embedding"]),
            node("MatMul", ["embedding", "head"], ["class_logits"]),
        ],
        {"image": ["B", 3, size, size]},
        {"embedding": ["B", embedding_size], "class_logits": ["B", classes]},
        {
            "projection": (rng.normal(size=(3 * size * size, embedding_size)) / size).astype(
                np.float32
            ),
            "head": rng.normal(size=(embedding_size, classes)).astype(np.float32),
        },
    )


def generator(
    rng: np.random.Generator,
    output: str,
    shape: list[int],
    embedding_size: int,
    noise_size: int,
    weights: NDArray[np.float32] | None = None,
) -> bytes:
    """embedding (B, D), noise (B, N) → ``output`` (B, *shape) in [-1, 1]; None = random weights."""
    node = helper.make_node
    inside = embedding_size + noise_size
    if weights is None:
        drawn = rng.normal(size=(inside, int(np.prod(shape)))) / np.sqrt(inside)
        weights = drawn.astype(np.float32)
    return graph_bytes(
        [
            node("Concat", ["embedding", "noise"], ["both"], axis=1),
            node("MatMul", ["both", "weights"], ["x1"]),
            node("Reshape", ["x1", "shape"], ["x2"]),
            node("Tanh", ["x2"], [output]),
        ],
        {"embedding": ["B", embedding_size], "noise": ["B", noise_size]},
        {output: ["B", *shape]},
        {
            "weights": weights,
            "shape": np.array([-1, *shape], np.int64),
        },
    )


def tiny_parts(
    *,
    seed: int = 0,
    sample_rate: int = 16_000,
    image_size: int = 16,
    classes: tuple[str, ...] = INSTRUMENTS,
    sound_to_image: bool = True,
    image_to_sound: bool = True,
) -> tuple[Manifest, dict[str, bytes]]:
    """The manifest (its ``files`` still empty) and the graphs of a tiny model."""
    rng = np.random.default_rng(seed)
    embedding, noise, mels, frames, count = 8, 4, 16, 8, len(classes)
    first = SoundToImage(
        encode="s2i_encode.onnx",
        generate="s2i_generate.onnx",
        sample_rate=sample_rate,
        window_seconds=0.5,
        image_size=image_size,
        noise_size=noise,
        embedding_size=embedding,
    )
    second = ImageToSound(
        encode="i2s_encode.onnx",
        generate="i2s_generate.onnx",
        image_size=image_size,
        sample_rate=sample_rate,
        seconds=0.5,
        noise_size=noise,
        embedding_size=embedding,
        log_mel=LogMelOutput(
            sample_rate=sample_rate,
            n_fft=512,
            hop_length=128,
            n_mels=32,
            floor_db=-80.0,
            ceiling_db=50.0,
            top_db=80.0,
            generated_mels=mels,
            generated_frames=frames,
        ),
    )
    graphs: dict[str, bytes] = {}
    if sound_to_image:
        graphs[first.encode] = sound_encoder(rng, first.window_samples, embedding, count)
        shape = [3, image_size, image_size]
        graphs[first.generate] = generator(rng, "image", shape, embedding, noise)
    if image_to_sound:
        graphs[second.encode] = image_encoder(rng, image_size, embedding, count)
        graphs[second.generate] = generator(rng, "log_mel", [1, mels, frames], embedding, noise)
    manifest = Manifest(
        name="tiny",
        directions=Directions(
            sound_to_image=first if sound_to_image else None,
            image_to_sound=second if image_to_sound else None,
        ),
        classes=list(classes),
        license="CC0-1.0",
        provenance=Provenance(
            recipe="none",
            config={},
            seed=seed,
            commit="",
            data={"name": "none", "sha256": ""},
            metrics={},
            sources=[],
        ),
        files={},
    )
    return manifest, graphs


def tiny_package(folder: Path, **options: object) -> ModelPackage:
    """Write a tiny model package to ``folder``; ``options`` as in ``tiny_parts``."""
    manifest, graphs = tiny_parts(**options)  # type: ignore[arg-type]
    return save_package(folder, manifest, graphs, "# tiny\n\nRandom weights, for tests.\n")
