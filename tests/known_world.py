"""A world so plain that a perfect model, a perfect judge and every figure are known beforehand.

Three classes; each sounds as one pure tone and looks like one flat colour. Graphs that hear the
tone and paint the colour are written down here, not learnt, and so are their spoilt variants.
"""

from __future__ import annotations

from pathlib import Path
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from onnx import helper

from sightsound.evaluation.judge_package import write_judges
from sightsound.evaluation.judges import ImageFeatures, ImageJudge, Judges, SoundJudge
from sightsound.features.spectra import LogMelConfig, log_mel, log_mel_to_unit, resize_log_mel
from sightsound.generation.model import Model
from sightsound.packages.format import (
    Directions,
    ImageToSound,
    LogMelOutput,
    Manifest,
    Provenance,
    SoundToImage,
)
from sightsound.packages.save import save_package
from tiny_models import graph_bytes

CLASSES = ("cello", "flute", "horn")
TONES = (400.0, 1000.0, 2400.0)  # Hz
COLOURS = np.array([(220, 40, 40), (40, 200, 60), (50, 70, 220)], np.float32)  # RGB 0 to 255
RATE, SIZE, NOISE = 8000, 16, 4
SAMPLES = RATE // 2
GENERATED = (16, 16)  # mels, frames
LOG_MEL = LogMelConfig(sample_rate=RATE, n_fft=512, hop_length=128, n_mels=32)

Kind = Literal["good", "constant", "rotated"]


def tone(label: int, seconds: float, seed: int = 0) -> NDArray[np.float32]:
    """The sound (T,) of a class, from a random phase."""
    rng = np.random.default_rng(seed)
    time = np.arange(round(seconds * RATE)) / RATE
    wave = 0.3 * np.sin(2 * np.pi * (TONES[label] * time + rng.random()))
    return (wave + 1e-3 * rng.normal(size=len(time))).astype(np.float32)


def flat(label: int, seed: int = 0) -> NDArray[np.uint8]:
    """The picture (SIZE, SIZE, 3) of a class, each a little lighter or darker."""
    shade = np.random.default_rng(seed).normal(0, 12)
    return np.clip(np.full((SIZE, SIZE, 3), COLOURS[label] + shade), 0, 255).astype(np.uint8)


def _turn(kind: Kind) -> NDArray[np.float32]:
    """Class heard → class made: itself, always the first, or the next one."""
    good = np.eye(3, dtype=np.float32)
    return {"good": good, "constant": good[[0, 0, 0]], "rotated": np.roll(good, 1, axis=1)}[kind]


def _unit_colours() -> NDArray[np.float32]:
    return COLOURS / np.float32(127.5) - np.float32(1.0)


def hearing(outputs: tuple[str, str], sharpness: float = 4.0) -> bytes:
    """waveform (B, T) → power near each tone: its logarithm and its share."""
    node, length = helper.make_node, 128
    time = np.arange(length) / RATE
    waves = [f(2 * np.pi * hz * time) for hz in TONES for f in (np.sin, np.cos)]
    features, logits = outputs
    return graph_bytes(
        [
            node("Unsqueeze", ["waveform", "axis1"], ["x1"]),
            node("Conv", ["x1", "filters"], ["bands"], strides=[32]),
            node("Mul", ["bands", "bands"], ["power"]),
            node("ReduceMean", ["power", "axis2"], ["mean"], keepdims=0),
            node("MatMul", ["mean", "both"], ["sum"]),
            node("Add", ["sum", "tiny"], ["positive"]),
            node("Log", ["positive"], [logits]),
            node("Mul", [logits, "sharpness"], ["sharp"]),
            node("Softmax", ["sharp"], [features], axis=1),
        ],
        {"waveform": ["B", SAMPLES]},
        {features: ["B", 3], logits: ["B", 3]},
        {
            "axis1": np.array([1], np.int64),
            "axis2": np.array([2], np.int64),
            "tiny": np.array(1e-6, np.float32),
            "sharpness": np.array(sharpness, np.float32),
            "filters": np.array(waves, np.float32)[:, None, :],
            "both": np.repeat(np.eye(3, dtype=np.float32), 2, axis=0),
        },
    )


def seeing(outputs: tuple[str, str], sharpness: float = 8.0) -> bytes:
    """image (B, 3, H, W) → logits: how near its mean colour is to each class's."""
    node, colours = helper.make_node, _unit_colours()
    features, logits = outputs
    return graph_bytes(
        [
            node("ReduceMean", ["image", "axes"], ["mean"], keepdims=0),
            node("MatMul", ["mean", "colours"], ["x1"]),
            node("Sub", ["x1", "half_squares"], ["x2"]),
            node("Mul", ["x2", "sharpness"], [logits]),
            node("Softmax", [logits], [features], axis=1),
        ],
        {"image": ["B", 3, SIZE, SIZE]},
        {features: ["B", 3], logits: ["B", 3]},
        {
            "axes": np.array([2, 3], np.int64),
            "colours": colours.T.copy(),
            "half_squares": (colours**2).sum(axis=1) / np.float32(2.0),
            "sharpness": np.array(sharpness, np.float32),
        },
    )


def projecting() -> bytes:
    """image (B, 3, H, W) → features (B, 6): a fixed random projection, no label in it."""
    node, numbers = helper.make_node, 3 * SIZE * SIZE
    weights = np.random.default_rng(9).normal(size=(numbers, 6)) / np.sqrt(numbers)
    return graph_bytes(
        [node("Flatten", ["image"], ["flat"]), node("MatMul", ["flat", "weights"], ["features"])],
        {"image": ["B", 3, SIZE, SIZE]},
        {"features": ["B", 6]},
        {"weights": weights.astype(np.float32)},
    )


def making(output: str, things: NDArray[np.float32], kind: Kind, grain: float) -> bytes:
    """embedding (B, 3), noise (B, N) → the class's thing, grained by the noise."""
    node, shape = helper.make_node, things.shape[1:]
    grains = np.random.default_rng(8).normal(size=(NOISE, int(np.prod(shape)))) * grain
    return graph_bytes(
        [
            node("MatMul", ["embedding", "things"], ["x1"]),
            node("MatMul", ["noise", "grains"], ["x2"]),
            node("Add", ["x1", "x2"], ["x3"]),
            node("Reshape", ["x3", "shape"], [output]),
        ],
        {"embedding": ["B", 3], "noise": ["B", NOISE]},
        {output: ["B", *shape]},
        {
            "things": (_turn(kind) @ things.reshape(3, -1)).astype(np.float32),
            "grains": grains.astype(np.float32),
            "shape": np.array([-1, *shape], np.int64),
        },
    )


def known_judges(folder: Path, **changes: object) -> Judges:
    """Two perfect judges of each kind."""
    graphs = {
        "image_a.onnx": seeing(("features", "logits")),
        "image_b.onnx": seeing(("features", "logits"), sharpness=2.0),
        "sound_a.onnx": hearing(("features", "logits")),
        "sound_b.onnx": hearing(("features", "logits"), sharpness=2.0),
        "free.onnx": projecting(),
    }
    image = [
        ImageJudge(file=f"image_{x}.onnx", architecture=f"colour {x}", seed=0, image_size=SIZE)
        for x in "ab"
    ]
    sound = [
        SoundJudge(
            file=f"sound_{x}.onnx",
            architecture=f"tone {x}",
            seed=0,
            sample_rate=RATE,
            window_seconds=0.5,
        )
        for x in "ab"
    ]
    arguments: dict[str, object] = {
        "classes": CLASSES,
        "image_judges": image,
        "sound_judges": sound,
        "image_features": ImageFeatures(
            file="free.onnx", architecture="projection", seed=9, image_size=SIZE
        ),
        "graphs": graphs,
        "license": "CC0-1.0",
        "provenance": {"recipe": "none"},
        "metrics": {"image_accuracy": 0.97},
    }
    return write_judges(folder, **{**arguments, **changes})  # type: ignore[arg-type]


def known_model(folder: Path, kind: Kind = "good", *, sounds: bool = False) -> Model:
    """A model that hears and sees perfectly and makes what ``kind`` says; perhaps ``sounds``."""
    colours = np.broadcast_to(_unit_colours()[:, :, None, None], (3, 3, SIZE, SIZE))
    tones = [log_mel(tone(label, 0.5), LOG_MEL) for label in range(3)]
    pictures = [log_mel_to_unit(resize_log_mel(t, GENERATED), LOG_MEL)[None] for t in tones]
    encoded = ("embedding", "class_logits")
    graphs = {
        "s2i_encode.onnx": hearing(encoded),
        "s2i_generate.onnx": making("image", colours, kind, 0.03),
    }
    if sounds:
        graphs["i2s_encode.onnx"] = seeing(encoded)
        graphs["i2s_generate.onnx"] = making("log_mel", np.stack(pictures), kind, 0.003)
    manifest = Manifest(
        name=f"known-{kind}",
        directions=Directions(
            sound_to_image=SoundToImage(
                encode="s2i_encode.onnx",
                generate="s2i_generate.onnx",
                sample_rate=RATE,
                window_seconds=0.5,
                image_size=SIZE,
                noise_size=NOISE,
                embedding_size=3,
            ),
            image_to_sound=None
            if not sounds
            else ImageToSound(
                encode="i2s_encode.onnx",
                generate="i2s_generate.onnx",
                image_size=SIZE,
                sample_rate=RATE,
                seconds=0.5,
                noise_size=NOISE,
                embedding_size=3,
                log_mel=LogMelOutput(
                    sample_rate=RATE,
                    n_fft=LOG_MEL.n_fft,
                    hop_length=LOG_MEL.hop_length,
                    n_mels=LOG_MEL.n_mels,
                    floor_db=LOG_MEL.floor_db,
                    ceiling_db=LOG_MEL.ceiling_db,
                    top_db=LOG_MEL.top_db,
                    generated_mels=GENERATED[0],
                    generated_frames=GENERATED[1],
                ),
            ),
        ),
        classes=list(CLASSES),
        license="CC0-1.0",
        provenance=Provenance(
            recipe="none", config={}, seed=0, commit="", data={}, metrics={}, sources=[]
        ),
        files={},
    )
    return Model(save_package(folder, manifest, graphs, "# known\n"))
