"""Exported graphs hold torch's numbers in one small file; packages are whole or absent."""

from __future__ import annotations

import copy
import dataclasses
import hashlib
import json

import numpy as np
import onnx
import onnxruntime
import pytest
import torch
from onnx import TensorProto
from torch import nn

from sightsound.errors import ModelError
from sightsound.export.graphs import (
    GenerateImageGraph,
    GenerateLogMelGraph,
    ImageEncodeGraph,
    ImageFeaturesGraph,
    ImageJudgeGraph,
    SoundEncodeGraph,
    SoundJudgeGraph,
)
from sightsound.export.onnx import export_graph, graph_difference
from sightsound.export.package import log_mel_output, write_package
from sightsound.features import spectra
from sightsound.features.constant_q import ConstantQ
from sightsound.features.spectra import LogMelConfig
from sightsound.features.torch_spectra import LogMel
from sightsound.networks.paper import (
    PaperGanConfig,
    PaperGenerator,
    PaperImageEncoder,
    PaperImageEncoderConfig,
    PaperSoundEncoder,
    PaperSoundEncoderConfig,
)
from sightsound.packages.format import Directions, Provenance, SoundToImage
from sightsound.shapes import INSTRUMENTS

SAMPLES = 22_050
GAN = PaperGanConfig(base_channels=16)


@pytest.fixture(scope="module")
def sound_encode() -> SoundEncodeGraph:
    torch.manual_seed(0)
    encoder = PaperSoundEncoder(PaperSoundEncoderConfig(hidden_size=128))
    return SoundEncodeGraph(LogMel(), encoder, samples=SAMPLES)


@pytest.fixture(scope="module")
def sound_graph(sound_encode: SoundEncodeGraph) -> bytes:
    return sound_encode.export()


def trained_generator(channels: int) -> PaperGenerator:
    """A generator whose norms have seen data, so that folding them is a real test."""
    torch.manual_seed(1)
    generator = PaperGenerator(GAN, channels=channels).train()
    for module in generator.modules():
        if isinstance(module, nn.BatchNorm2d):
            nn.init.uniform_(module.weight, 0.5, 1.5)
            nn.init.normal_(module.bias, 0.0, 0.2)
    with torch.no_grad():
        for _ in range(20):
            generator(torch.randn(16, GAN.embedding_size), torch.randn(16, GAN.noise_size))
    return generator


@pytest.fixture(scope="module")
def generate() -> GenerateImageGraph:
    return GenerateImageGraph(trained_generator(3), embedding_size=128, noise_size=10)


@pytest.fixture(scope="module")
def generate_graph(generate: GenerateImageGraph) -> bytes:
    return generate.export()


def session(graph: bytes) -> onnxruntime.InferenceSession:
    return onnxruntime.InferenceSession(graph)


def rounded(module: nn.Module) -> nn.Module:
    """The module with its parameters rounded to 16 bits, as the file stores them."""
    module = copy.deepcopy(module).eval()
    for parameter in module.parameters():
        if parameter.numel() >= 256:
            parameter.data = parameter.data.half().float()
    return module


def music(batch: int) -> torch.Tensor:
    time = torch.arange(SAMPLES) / 44_100
    pitch = torch.tensor([110.0, 261.6, 440.0, 1318.5])[:batch, None]
    return sum(0.3 / k * torch.sin(2 * torch.pi * k * pitch * time) for k in range(1, 9))


def test_generator_is_torchs_within_the_rounding(generate, generate_graph) -> None:
    for batch in (1, 3, 8):
        inputs = generate.example_inputs(batch)
        assert graph_difference(generate_graph, generate, inputs)["image"] <= 2e-3


def test_sound_encoder_is_torchs_within_the_rounding(sound_encode, sound_graph) -> None:
    difference = graph_difference(sound_graph, rounded(sound_encode), {"waveform": music(4)})
    assert max(difference.values()) <= 2e-3


class _FrontEnds(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.log_mel, self.constant_q = LogMel(size=(64, 64)), ConstantQ()

    def forward(self, waveform: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        return self.log_mel(waveform), self.constant_q(waveform)


def test_front_ends_keep_quiet_partials_in_the_graph() -> None:
    # Mutant: round every initialiser of 256 elements, and the DFT's factors err by decibels.
    front_ends = _FrontEnds()
    graph = export_graph(
        front_ends, {"waveform": torch.zeros(1, SAMPLES)}, ["log_mel", "constant_q"]
    )
    waveform = torch.cat((music(4), 1e-3 * music(1), torch.zeros(1, SAMPLES), impulse()))
    log_mel, constant_q = session(graph).run(None, {"waveform": waveform.numpy()})
    expected = spectra.log_mel_to_unit(spectra.log_mel(waveform.numpy()))
    resized = spectra.resize_log_mel(expected, (64, 64))
    np.testing.assert_allclose(log_mel[:, 0], resized, atol=1e-4)
    np.testing.assert_allclose(constant_q, front_ends.constant_q(waveform).numpy(), atol=1e-3)


def impulse() -> torch.Tensor:
    waveform = torch.zeros(1, SAMPLES)
    waveform[0, 9000] = 1.0
    return waveform


def test_names_shapes_and_the_free_batch_axis(sound_graph, generate_graph) -> None:
    encode = session(sound_graph)
    assert [(i.name, i.shape) for i in encode.get_inputs()] == [("waveform", ["B", SAMPLES])]
    assert [o.name for o in encode.get_outputs()] == ["embedding", "class_logits"]
    shapes = [o.shape for o in session(generate_graph).get_outputs()]
    assert shapes == [["B", 3, 64, 64]]


def test_file_is_half_size_plain_and_folded(generate, generate_graph, sound_graph) -> None:
    count = sum(p.numel() for p in generate.parameters())
    assert len(generate_graph) < 2 * count + 30_000
    for data in (generate_graph, sound_graph):
        model = onnx.load_from_string(data)
        assert [(o.domain, o.version) for o in model.opset_import] == [("", 18)]
        assert not model.functions
        made_by = {out: node.op_type for node in model.graph.node for out in node.output}
        for node in model.graph.node:
            assert node.op_type not in ("Dropout", "STFT", "DFT")
            if node.op_type == "BatchNormalization":
                assert made_by[node.input[0]] not in ("Conv", "ConvTranspose", "Gemm")
        assert not any(t.external_data for t in model.graph.initializer)
        large = [t for t in model.graph.initializer if np.prod(t.dims) > 20_000]
        kept = [t.name for t in large if t.data_type == TensorProto.FLOAT]
        assert all("ordered_filters" in name for name in kept)


def test_file_tells_nothing_of_the_machine(sound_graph) -> None:
    for word in (b"/sightsound", b".py", b"stack_trace", b"site-packages"):
        assert word not in sound_graph


def test_same_module_same_bytes_and_the_module_is_left_alone(generate, generate_graph) -> None:
    generate.generator.train()
    before = {k: v.clone() for k, v in generate.state_dict().items()}
    assert generate.export() == generate_graph
    assert generate.generator.training
    assert all(torch.equal(v, before[k]) for k, v in generate.state_dict().items())
    generate.generator.eval()


def test_every_kind_of_graph_has_the_packages_names() -> None:
    torch.manual_seed(0)
    sound = PaperSoundEncoder(PaperSoundEncoderConfig(hidden_size=64))
    image = PaperImageEncoder(PaperImageEncoderConfig(hidden_size=64))
    features = nn.Conv2d(3, 4, 8, stride=8)
    expected = {
        GenerateLogMelGraph(trained_generator(1), embedding_size=128, noise_size=10): {
            "log_mel": (2, 1, 64, 64)
        },
        ImageEncodeGraph(image, image_size=64): {"embedding": (2, 128), "class_logits": (2, 13)},
        ImageJudgeGraph(image, image_size=64): {"logits": (2, 13), "features": (2, 128)},
        SoundJudgeGraph(LogMel(), sound, samples=SAMPLES): {
            "logits": (2, 13),
            "features": (2, 128),
        },
        ImageFeaturesGraph(features, image_size=64): {"features": (2, 256)},
    }
    for graph, shapes in expected.items():
        outputs = graph.eval()(*graph.example_inputs().values())
        outputs = (outputs,) if isinstance(outputs, torch.Tensor) else outputs
        got = dict(zip(graph.output_names, (tuple(o.shape) for o in outputs), strict=True))
        assert got == shapes


class _Counting(nn.Module):
    """Answers differently at each call: no graph can agree with it."""

    def __init__(self) -> None:
        super().__init__()
        self.calls = 0

    def forward(self, waveform: torch.Tensor) -> torch.Tensor:
        self.calls += 1
        return waveform * self.calls


def test_a_graph_that_differs_from_its_module_is_refused(tmp_path) -> None:
    with pytest.raises(ModelError, match="differs"):
        export_graph(_Counting(), {"waveform": torch.ones(2, 8)}, ["twice"], tmp_path / "x.onnx")
    assert not list(tmp_path.iterdir())


def test_path_is_written_whole_or_refused(tmp_path) -> None:
    layer = nn.Linear(8, 4)
    path = tmp_path / "deep" / "layer.onnx"
    data = export_graph(layer, {"x": torch.ones(2, 8)}, ["y"], path)
    assert path.read_bytes() == data
    assert [p.name for p in path.parent.iterdir()] == ["layer.onnx"]
    (tmp_path / "file").touch()
    with pytest.raises(ModelError, match="cannot be written"):
        export_graph(layer, {"x": torch.ones(2, 8)}, ["y"], tmp_path / "file" / "layer.onnx")


def test_log_mel_output_says_what_the_config_says() -> None:
    config = LogMelConfig(f_max=16_000.0, top_db=None)
    output = log_mel_output(config, (64, 48))
    assert (output.generated_mels, output.generated_frames) == (64, 48)
    for field in dataclasses.fields(config):
        assert getattr(output, field.name) == getattr(config, field.name)


def test_package_is_what_the_loader_reads(tmp_path, sound_graph, generate_graph) -> None:
    given = {
        "name": "tiny",
        "directions": Directions(
            sound_to_image=SoundToImage(
                encode="s2i_encode.onnx",
                generate="s2i_generate.onnx",
                sample_rate=44_100,
                window_seconds=0.5,
                image_size=64,
                noise_size=10,
                embedding_size=128,
            )
        ),
        "classes": INSTRUMENTS,
        "graphs": {"s2i_encode.onnx": sound_graph, "s2i_generate.onnx": generate_graph},
        "card_text": "# tiny\n",
        "provenance": Provenance(
            recipe="none",
            config={},
            seed=0,
            commit="",
            data={"name": "none", "sha256": ""},
            metrics={},
            sources=[],
        ),
        "license": "CC0-1.0",
    }
    folder = tmp_path / "model"
    write_package(folder, **given)
    manifest = json.loads((folder / "model.json").read_text())
    for name, graph in given["graphs"].items():
        assert manifest["files"][name]["sha256"] == hashlib.sha256(graph).hexdigest()
        assert (folder / name).read_bytes() == graph
    assert (folder / "card.md").read_text() == given["card_text"]
    assert list(manifest["directions"]) == ["sound_to_image"]

    del given["graphs"]["s2i_encode.onnx"]
    before = (folder / "model.json").read_bytes()
    with pytest.raises(ModelError):
        write_package(folder, **given)
    assert (folder / "model.json").read_bytes() == before
    assert [p.name for p in tmp_path.iterdir()] == ["model"]
