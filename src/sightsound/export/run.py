"""Runs in, a model package or a folder of judges out: what ``sightsound export`` does."""

from __future__ import annotations

import subprocess
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from torch import Tensor, nn

from sightsound import __version__
from sightsound.config import to_json
from sightsound.errors import ModelError
from sightsound.export.graphs import (
    GenerateImageGraph,
    GenerateLogMelGraph,
    ImageEncodeGraph,
    SoundEncodeGraph,
)
from sightsound.export.package import log_mel_output, write_package
from sightsound.methods.protocol import Generating, Translator
from sightsound.networks.autoencoder import Autoencoder
from sightsound.packages.format import Directions, ImageToSound, Provenance, SoundToImage
from sightsound.recipes import RunConfig
from sightsound.shapes import Direction
from sightsound.training.folder import RunFolder
from sightsound.training.run import build_method, needed_recipes

LICENSE = "MIT"


@dataclass(frozen=True)
class TrainedRun:
    """A run and what made it."""

    path: Path
    config: RunConfig
    data: dict[str, Any]
    step: int
    figures: dict[str, float]
    done: dict[str, Any]


def export_run(
    runs: Sequence[Path],
    output: Path,
    *,
    name: str | None = None,
    card: Path | None = None,
) -> Path:
    """Make a model package of one run that generates, or of one for each direction.

    The weights are those that validation chose, so far where a run goes on still. The encoders
    that the runs stand on are looked for beside them, as training left them.

    Args:
        runs: run folders, at most one for each direction.
        output: folder of the package.
        name: of the model; None = the recipes' names.
        card: Markdown that goes on top of the card.

    Raises:
        ModelError: a run has no checkpoint yet, generates nothing, or a direction comes twice.
    """
    graphs: dict[str, bytes] = {}
    sections: dict[Direction, SoundToImage | ImageToSound] = {}
    read = [read_run(path) for path in runs]
    for run in read:
        for translator in _translators(run):
            direction = translator.direction
            if direction in sections:
                raise ModelError(f"{run.path}: a second run for {direction}; give one of each")
            if direction is Direction.SOUND_TO_IMAGE:
                sections[direction] = _sound_to_image(run, translator, graphs)
            else:
                sections[direction] = _image_to_sound(run, translator, graphs)
    parts = _with_foundations(read)
    names = _names(parts)
    provenance = Provenance(
        recipe=" + ".join(run.config.recipe for run in read),
        config={name: to_json(run.config) for name, run in zip(names, parts, strict=True)},
        seed=read[0].config.training.seed,
        commit=commit(),
        data={"name": read[0].data["name"], "sha256": read[0].data["sha256"]},
        metrics={
            name: {
                "chosen_step": run.step,
                "validation": run.figures,
                "processor_minutes": run.done["processor_minutes"],
                "examples_seen": run.done["examples_seen"],
            }
            for name, run in zip(names, parts, strict=True)
        },
        sources=_sources(parts),
    )
    model_name = name or "-".join(run.config.recipe for run in read)
    package = write_package(
        output,
        name=model_name,
        directions=Directions(
            sound_to_image=_of(sections, Direction.SOUND_TO_IMAGE, SoundToImage),
            image_to_sound=_of(sections, Direction.IMAGE_TO_SOUND, ImageToSound),
        ),
        classes=classes_of(read),
        graphs=graphs,
        card_text=_card(model_name, parts, _top(card)),
        provenance=provenance,
        license=LICENSE,
    )
    return package.folder


def _sound_to_image(
    run: TrainedRun, translator: Translator, graphs: dict[str, bytes]
) -> SoundToImage:
    encode, generate = "s2i_encode.onnx", "s2i_generate.onnx"
    store = run.config.pairs.store
    assert translator.front_end is not None
    graphs[encode] = SoundEncodeGraph(
        translator.front_end, translator.encoder, samples=store.window_samples
    ).export()
    graphs[generate] = GenerateImageGraph(
        translator.generator,
        embedding_size=translator.embedding_size,
        noise_size=translator.noise_size,
    ).export()
    return SoundToImage(
        encode=encode,
        generate=generate,
        sample_rate=store.sample_rate,
        window_seconds=store.window_seconds,
        frame_offset_seconds=store.frame_offset_seconds,
        image_size=translator.picture_size[0],
        noise_size=translator.noise_size,
        embedding_size=translator.embedding_size,
    )


def _image_to_sound(
    run: TrainedRun, translator: Translator, graphs: dict[str, bytes]
) -> ImageToSound:
    encode, generate = "i2s_encode.onnx", "i2s_generate.onnx"
    store = run.config.pairs.store
    assert translator.log_mel is not None
    graphs[encode] = ImageEncodeGraph(translator.encoder, image_size=store.image_size).export()
    graphs[generate] = GenerateLogMelGraph(
        translator.generator,
        embedding_size=translator.embedding_size,
        noise_size=translator.noise_size,
    ).export()
    log_mel = translator.log_mel.config
    return ImageToSound(
        encode=encode,
        generate=generate,
        image_size=store.image_size,
        sample_rate=log_mel.sample_rate,
        seconds=store.window_seconds,
        noise_size=translator.noise_size,
        embedding_size=translator.embedding_size,
        log_mel=log_mel_output(log_mel, translator.picture_size),
    )


def _translators(run: TrainedRun) -> tuple[Translator, ...]:
    """The directions of a run, with the weights that validation chose."""
    method = build_method(run.config, run.path.parent)
    if not isinstance(method, Generating):
        raise ModelError(f"{run.path}: a run of {run.config.recipe}, which generates nothing")
    RunFolder(run.path).load_weights(method.players)
    method.players.eval()
    return method.translators()


def read_run(path: Path) -> TrainedRun:
    """A run's config, data and figures.

    Raises:
        ModelError: the folder holds no run that has come to a checkpoint.
    """
    folder = RunFolder(path)
    config, data = folder.config()
    done = folder.summary()
    step, figures = folder.best()
    return TrainedRun(path, config, dict(data), step, figures, done)


def classes_of(runs: Sequence[TrainedRun]) -> tuple[str, ...]:
    """The classes that all of the runs were taught, in the order of their labels.

    Raises:
        ModelError: they were taught different ones.
    """
    classes = {tuple(run.data["classes"]): run.path for run in runs}
    if len(classes) > 1:
        first, second = list(classes.values())[:2]
        raise ModelError(
            f"{first} and {second}: trained on different classes; export each on its own"
        )
    return next(iter(classes))


def _with_foundations(runs: Sequence[TrainedRun]) -> list[TrainedRun]:
    """The runs, and the classifiers that they stand on, each once."""
    parts = {run.path.resolve(): run for run in runs}
    for run in runs:
        for needed in needed_recipes(run.config):
            path = (run.path.parent / needed).resolve()
            if path not in parts:
                parts[path] = read_run(path)
    return list(parts.values())


def _names(runs: Sequence[TrainedRun]) -> list[str]:
    """Their recipes; the second run of one (two directions may stand on two) is RECIPE-2."""
    counts: Counter[str] = Counter()
    names = []
    for run in runs:
        counts[run.config.recipe] += 1
        count = counts[run.config.recipe]
        names.append(run.config.recipe if count == 1 else f"{run.config.recipe}-{count}")
    return names


def _sources(parts: Sequence[TrainedRun]) -> list[Any]:
    """What the runs were trained from."""
    sources: list[Any] = []
    for run in parts:
        for source in [*run.data.get("sources", []), run.done["recordings"]]:
            if source and source not in sources:
                sources.append(source)
    return sources


def _top(card: Path | None) -> str:
    if card is None:
        return ""
    try:
        return card.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise ModelError(f"{card}: no text to put on the card ({error})") from None


def _of(sections: dict[Direction, Any], direction: Direction, kind: type[Any]) -> Any:
    section = sections.get(direction)
    assert section is None or isinstance(section, kind), section
    return section


def _card(name: str, runs: Sequence[TrainedRun], top: str) -> str:
    rows = [f"# {name}", ""]
    if top:
        rows += [top.strip(), ""]
    rows += [
        "## How it was made",
        "",
        f"sightsound {__version__}; data set {runs[0].data['name']} "
        f"(SHA-256 {runs[0].data['sha256']}). Licence of the weights: {LICENSE}.",
        "",
        "| recipe | seed | pairs seen | processor minutes | chosen step | validation score |",
        "|---|---|---|---|---|---|",
    ]
    for run in runs:
        rows.append(
            f"| `{run.config.recipe}` | {run.config.training.seed} | {run.done['examples_seen']} "
            f"| {run.done['processor_minutes']:.1f} | {run.step} | {run.figures['score']:.4f} |"
        )
    rows += ["", "Everything needed to make it again is in `model.json`, under `provenance`.", ""]
    return "\n".join(rows)


def commit() -> str:
    """The commit of the code that exports, or "unknown" outside a checkout."""
    here = Path(__file__).parent
    try:
        found = subprocess.run(
            ["git", "rev-parse", "HEAD"], cwd=here, capture_output=True, text=True, check=True
        )
    except (OSError, subprocess.CalledProcessError):
        return "unknown"
    return found.stdout.strip()


class Latent(nn.Module):
    """An autoencoder's first half as a module of its own: image (B, 3, H, W) → latent (B, D)."""

    def __init__(self, autoencoder: Autoencoder) -> None:
        super().__init__()
        self.autoencoder = autoencoder

    def forward(self, image: Tensor) -> Tensor:
        return self.autoencoder.encode(image)
