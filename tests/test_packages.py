"""Model packages: round trip, and everything that must be refused, each with one line."""

from __future__ import annotations

import dataclasses
import hashlib
import json
import os
import shutil
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from onnx import helper, numpy_helper

from sightsound.errors import ModelError
from sightsound.packages.format import manifest_from_json, manifest_to_json
from sightsound.packages.graphs import check_graph
from sightsound.packages.load import load_package, shipped_models
from sightsound.packages.save import save_package
from tiny_models import FLOAT, tiny_package, tiny_parts


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    tiny_package(tmp_path / "model")
    return tmp_path / "model"


def refused(folder: Path | str, *words: str, **options: Any) -> str:
    """The one-line message with which a package is refused; it must hold ``words``."""
    with pytest.raises(ModelError) as caught:
        load_package(folder, **options)
    message = str(caught.value)
    assert "\n" not in message
    for word in words:
        assert word in message
    return message


def rewrite(folder: Path, change: Callable[[dict[str, Any]], None]) -> None:
    tree = json.loads((folder / "model.json").read_text())
    change(tree)
    (folder / "model.json").write_text(json.dumps(tree))


def replace_graph(folder: Path, name: str, data: bytes) -> None:
    """Put another graph in place with the hash that belongs to it."""
    (folder / name).write_bytes(data)
    entry = {"sha256": hashlib.sha256(data).hexdigest(), "bytes": len(data)}
    rewrite(folder, lambda tree: tree["files"].__setitem__(name, entry))


def test_what_is_saved_is_what_is_loaded(folder: Path) -> None:
    manifest, graphs = tiny_parts()
    package = load_package(folder)
    assert package.graphs == graphs
    assert package.card.startswith("# tiny")
    assert dataclasses.replace(package.manifest, files={}) == manifest
    assert package.sha256 == hashlib.sha256((folder / "model.json").read_bytes()).hexdigest()
    assert set(package.manifest.files) == {*graphs, "card.md"}


def test_one_direction_alone_is_a_model(tmp_path: Path) -> None:
    package = tiny_package(tmp_path / "m", image_to_sound=False)
    assert package.manifest.directions.image_to_sound is None
    assert "image_to_sound" not in json.loads((tmp_path / "m/model.json").read_text())["directions"]


def test_json_round_trip_is_exact() -> None:
    data = manifest_to_json(tiny_parts()[0])
    with pytest.raises(ModelError, match="used but has no hash"):
        manifest_from_json(data, "x")  # files is still empty
    tree = json.loads(data)
    tree["files"] = {
        name: {"sha256": "0" * 64, "bytes": 1} for name in ("s2i_encode.onnx", "s2i_generate.onnx")
    }
    del tree["directions"]["image_to_sound"]
    manifest = manifest_from_json(json.dumps(tree).encode(), "x")
    assert json.loads(manifest_to_json(manifest)) == tree


# --- Files --------------------------------------------------------------------------------


def test_missing_file(folder: Path) -> None:
    (folder / "i2s_encode.onnx").unlink()
    refused(folder, "i2s_encode.onnx", "missing")


def test_altered_file_of_the_same_size(folder: Path) -> None:
    # Mutant: compare sizes only.
    data = bytearray((folder / "s2i_generate.onnx").read_bytes())
    data[-200] ^= 1
    (folder / "s2i_generate.onnx").write_bytes(data)
    refused(folder, "s2i_generate.onnx", "altered", "SHA-256")


@pytest.mark.parametrize("change", [lambda data: data + b"\0", lambda data: data[:-1]])
def test_altered_size(folder: Path, change: Callable[[bytes], bytes]) -> None:
    path = folder / "s2i_generate.onnx"
    path.write_bytes(change(path.read_bytes()))
    refused(folder, "s2i_generate.onnx", "altered", "bytes")


def test_altered_card(folder: Path) -> None:
    (folder / "card.md").write_text("# tony\n\nRandom weights, for tests.\n")
    refused(folder, "card.md", "altered")


@pytest.mark.parametrize("name", ["extra.onnx", "notes.txt", ".hidden", "__init__.py"])
def test_extra_file(folder: Path, name: str) -> None:
    (folder / name).write_bytes(b"x")
    refused(folder, name, "not listed")


def test_extra_folder(folder: Path) -> None:
    (folder / "more").mkdir()
    refused(folder, "more", "plain files")


def test_named_pipe_does_not_hang(folder: Path) -> None:
    os.mkfifo(folder / "pipe.onnx")
    refused(folder, "pipe.onnx", "plain files")


@pytest.mark.parametrize("name", ["s2i_encode.onnx", "model.json", "card.md"])
def test_links_are_refused_even_to_the_right_bytes(folder: Path, name: str) -> None:
    outside = folder.parent / "outside"
    shutil.move(folder / name, outside)
    (folder / name).symlink_to(outside)
    refused(folder, name, "link")


@pytest.mark.parametrize(
    "name", ["../outside.onnx", "/etc/passwd", "a/b.onnx", "..", "a\\b.onnx", ".x.onnx", "x\n.onnx"]
)
def test_names_with_paths_in_them(folder: Path, name: str) -> None:
    (folder.parent / "outside.onnx").write_bytes(b"x")
    entry = {"sha256": hashlib.sha256(b"x").hexdigest(), "bytes": 1}
    rewrite(folder, lambda tree: tree["files"].__setitem__(name, entry))
    refused(folder, "not allowed")


def test_a_program_among_the_files(folder: Path) -> None:
    (folder / "run.py").write_bytes(b"x")
    entry = {"sha256": hashlib.sha256(b"x").hexdigest(), "bytes": 1}
    rewrite(folder, lambda tree: tree["files"].__setitem__("run.py", entry))
    refused(folder, "run.py", "not allowed")


def test_size_cap_is_checked_before_reading(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    refused(folder, "at most 20000", max_bytes=20_000)
    monkeypatch.setenv("SIGHTSOUND_MAX_MODEL_BYTES", "20000")
    refused(folder, "SIGHTSOUND_MAX_MODEL_BYTES")
    monkeypatch.undo()
    # A terabyte is claimed: refused by the claim, nothing of that size is allocated.
    rewrite(folder, lambda tree: tree["files"]["s2i_encode.onnx"].__setitem__("bytes", 10**12))
    refused(folder, "are allowed")


# --- model.json ---------------------------------------------------------------------------


def test_no_model_json(tmp_path: Path) -> None:
    (tmp_path / "m").mkdir()
    refused(tmp_path / "m", "model.json")


def test_not_found_names_what_there_is(tmp_path: Path) -> None:
    refused(str(tmp_path / "nowhere"), "not found", *shipped_models())
    (tmp_path / "file").write_text("x")
    refused(tmp_path / "file", "not a folder")


@pytest.mark.parametrize(
    "text", ["", "{", "[]", "null", "\xff", '{"format": NaN}', "[" * 100_000, '{"format": "1"}']
)
def test_broken_json(folder: Path, text: str) -> None:
    (folder / "model.json").write_bytes(text.encode("latin-1"))
    refused(folder, "model.json")


def test_future_format_says_update(folder: Path) -> None:
    def change(tree: dict[str, Any]) -> None:
        tree["format"] = 2
        tree["a new key"] = {}

    rewrite(folder, change)
    refused(folder, "format 2", "update sightsound")


@pytest.mark.parametrize(
    ("change", "word"),
    [
        (lambda t: t.pop("classes"), "'classes' is missing"),
        (lambda t: t.__setitem__("licence", "x"), "did you mean 'license'"),
        (lambda t: t["directions"]["sound_to_image"].__setitem__("sample_rate", "44100"), "int"),
        (lambda t: t["directions"]["sound_to_image"].__setitem__("sample_rate", True), "int"),
        (lambda t: t["directions"]["sound_to_image"].__setitem__("window_seconds", 0), "allowed"),
        (lambda t: t["directions"]["sound_to_image"].__setitem__("window_seconds", 1e9), "allowed"),
        (lambda t: t["directions"]["image_to_sound"].__setitem__("output", "mp3"), "log_mel"),
        (lambda t: t["directions"]["image_to_sound"]["log_mel"].pop("n_fft"), "log_mel.n_fft"),
        (lambda t: t.__setitem__("directions", {}), "no direction"),
        (lambda t: t.__setitem__("classes", ["a", "a"]), "different names"),
        (lambda t: t["files"].pop("s2i_encode.onnx"), "no hash"),
        (lambda t: t["files"]["card.md"].__setitem__("sha256", "00"), "64 hexadecimal"),
    ],
)
def test_wrong_values(folder: Path, change: Callable[[dict[str, Any]], Any], word: str) -> None:
    rewrite(folder, change)
    refused(folder, "model.json", word)


@given(st.binary(max_size=300) | st.text(max_size=300).map(lambda text: text.encode()))
def test_any_bytes_as_model_json_end_in_a_model_error(data: bytes) -> None:
    with pytest.raises(ModelError):
        manifest_from_json(data, "model.json")


@settings(max_examples=200)
@given(st.data())
def test_any_one_value_replaced_is_refused_or_of_the_right_type(data: st.DataObject) -> None:
    """Anything JSON can say, anywhere in the tree: a manifest or a ModelError, no other error."""
    manifest, _ = tiny_parts()
    tree = json.loads(manifest_to_json(manifest))
    tree["files"] = {n: {"sha256": "0" * 64, "bytes": 1} for n in manifest.graph_files()}
    node: Any = tree
    while True:
        key = data.draw(st.sampled_from(sorted(node)))
        if not isinstance(node[key], dict) or not node[key] or data.draw(st.booleans()):
            break
        node = node[key]
    node[key] = data.draw(
        st.none()
        | st.booleans()
        | st.integers()
        | st.floats(allow_nan=False)
        | st.text(max_size=5)
        | st.lists(st.integers(), max_size=2)
        | st.dictionaries(st.text(max_size=3), st.none())
    )
    with suppress(ModelError):
        manifest_from_json(json.dumps(tree).encode(), "model.json")


# --- Graphs -------------------------------------------------------------------------------


def graph(nodes: list[onnx.NodeProto], tensors: list[onnx.TensorProto] | None = None) -> Any:
    value = helper.make_tensor_value_info
    made = helper.make_graph(
        nodes, "g", [value("x", FLOAT, ["B"])], [value("y", FLOAT, ["B"])], tensors or []
    )
    return helper.make_model(made)


def outside_tensor() -> onnx.TensorProto:
    tensor = numpy_helper.from_array(np.zeros(4, np.float32), "w")
    tensor.ClearField("raw_data")
    tensor.data_location = onnx.TensorProto.EXTERNAL
    entry = tensor.external_data.add()
    entry.key, entry.value = "location", "../../etc/passwd"
    return tensor


def test_plain_graphs_pass() -> None:
    for data in tiny_parts()[1].values():
        check_graph(data, "x")


def test_weights_outside_the_file(folder: Path) -> None:
    model = graph([helper.make_node("Add", ["x", "w"], ["y"])], [outside_tensor()])
    replace_graph(folder, "s2i_encode.onnx", model.SerializeToString())
    refused(folder, "s2i_encode.onnx", "outside the file")


def test_weights_outside_the_file_in_an_attribute_of_a_branch() -> None:
    # Mutant: look at the main graph's initialisers only.
    value = helper.make_tensor_value_info("v", FLOAT, [4])
    branch = helper.make_graph(
        [helper.make_node("Constant", [], ["v"], value=outside_tensor())], "b", [], [value]
    )
    model = graph([helper.make_node("If", ["c"], ["y"], then_branch=branch, else_branch=branch)])
    with pytest.raises(ModelError, match="outside the file"):
        check_graph(model.SerializeToString(), "x")


@pytest.mark.parametrize("domain", ["com.microsoft", "my.ops", "ai.onnx.ml"])
def test_operators_that_are_not_onnx(domain: str) -> None:
    node = helper.make_node("FusedThing", ["x"], ["y"], domain=domain)
    with pytest.raises(ModelError, match=rf"FusedThing.*{domain}"):
        check_graph(graph([node]).SerializeToString(), "x")


def test_local_functions() -> None:
    model = graph([helper.make_node("Identity", ["x"], ["y"])])
    inner = helper.make_node("Identity", ["a"], ["b"])
    opset = [helper.make_opsetid("", 18)]
    model.functions.append(helper.make_function("", "F", ["a"], ["b"], [inner], opset))
    with pytest.raises(ModelError, match="function"):
        check_graph(model.SerializeToString(), "x")


@given(st.binary(max_size=200))
def test_any_bytes_as_a_graph_end_in_a_model_error_or_a_graph(data: bytes) -> None:
    with suppress(ModelError):
        check_graph(data, "x")


@settings(max_examples=50)
@given(st.integers(1, 4000))
def test_a_truncated_graph_never_passes_for_more_than_it_is(cut: int) -> None:
    data = tiny_parts()[1]["s2i_generate.onnx"]
    with pytest.raises(ModelError):
        check_graph(data[: min(cut, len(data) - 200)], "x")


def test_deep_nesting_ends() -> None:
    def field(number: int, content: bytes) -> bytes:
        size, out = len(content), bytearray()
        while True:
            out.append(size & 0x7F | (0x80 if size > 0x7F else 0))
            size >>= 7
            if not size:
                return bytes([number << 3 | 2]) + bytes(out) + content

    data = b""
    for _ in range(200):
        data = field(1, field(5, field(6, data)))  # graph ← attribute ← node ← graph …
    with pytest.raises(ModelError, match="nested"):
        check_graph(field(7, data), "x")


# --- Saving -------------------------------------------------------------------------------


def test_saving_replaces_a_package_and_nothing_else(tmp_path: Path) -> None:
    first = tiny_package(tmp_path / "m", seed=1)
    second = tiny_package(tmp_path / "m", seed=2)
    assert first.sha256 != second.sha256
    assert [path.name for path in tmp_path.iterdir()] == ["m"]
    (tmp_path / "photos").mkdir()
    (tmp_path / "photos/mine.txt").write_text("mine")
    with pytest.raises(ModelError, match="no model package"):
        tiny_package(tmp_path / "photos")
    assert (tmp_path / "photos/mine.txt").read_text() == "mine"


def test_a_refused_graph_leaves_the_old_package(folder: Path) -> None:
    before = (folder / "model.json").read_bytes()
    manifest, graphs = tiny_parts(seed=5)
    bad = graph([helper.make_node("X", ["x"], ["y"], domain="my.ops")]).SerializeToString()
    with pytest.raises(ModelError):
        save_package(folder, manifest, {**graphs, "s2i_encode.onnx": bad}, "card")
    assert (folder / "model.json").read_bytes() == before
    assert [path.name for path in folder.parent.iterdir()] == ["model"]


def test_same_parts_same_hash(tmp_path: Path) -> None:
    assert tiny_package(tmp_path / "a").sha256 == tiny_package(tmp_path / "b").sha256
