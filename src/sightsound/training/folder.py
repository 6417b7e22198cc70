"""A run on disk: config, log, checkpoints, the best weights; every write atomic.

```
RUN/config.json        the resolved RunConfig, with the data's hash
    log.jsonl          one line a logged step or validation
    tensorboard/       the same for TensorBoard
    state.pt           everything that a resume needs, newest
    weights/step-*.safetensors   the players that a package needs, at each validation
    best.json          which of them validation chose, and its figures
    samples/           sheets of generated pictures, and sounds
    done.json          written last: the run is complete
```
"""

from __future__ import annotations

import io
import json
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load_file, save
from torch import Tensor, nn

from sightsound.config import from_json, to_json
from sightsound.errors import DataError, ModelError
from sightsound.media.files import write_bytes
from sightsound.recipes import RunConfig


class RunFolder:
    """Reads and writes a run's files."""

    def __init__(self, path: Path) -> None:
        self.path = path

    @property
    def is_started(self) -> bool:
        """Whether a run was begun here."""
        return (self.path / "config.json").exists()

    @property
    def is_done(self) -> bool:
        """Whether the run reached its last step."""
        return (self.path / "done.json").exists()

    def summary(self) -> dict[str, Any]:
        """What ``finish`` wrote; of a run that goes on still, the same as far as it has come.

        Raises:
            ModelError: the run has not come to its first checkpoint.
        """
        if self.is_done:
            summary: dict[str, Any] = json.loads((self.path / "done.json").read_text())
            return summary
        state = self.load_state()
        if state is None:
            raise ModelError(f"{self.path}: no checkpoint here yet; train on with --resume")
        step, figures = self.best()
        return self.summarise(state, step, figures)

    def summarise(
        self, state: dict[str, Any], step: int, figures: dict[str, float]
    ) -> dict[str, Any]:
        """A state and the step that validation chose, as ``done.json`` holds them."""
        return {
            "steps": state["step"],
            "examples_seen": state["examples_seen"],
            "processor_minutes": state["processor_seconds"] / 60,
            "best_step": step,
            "best": figures,
            "recordings": self.config()[1].get("recordings"),
        }

    def start(self, config: RunConfig, data: dict[str, Any]) -> None:
        """Write the config, and the name, hash and sources of the data."""
        text = json.dumps({"config": to_json(config), "data": data}, indent=1)
        self._write("config.json", text.encode())

    def prolong(self, config: RunConfig, data: dict[str, Any]) -> None:
        """Let a run of fewer steps go on under a config of more.

        What says that it is complete goes first: killed in between, it is an unfinished run.
        """
        (self.path / "done.json").unlink(missing_ok=True)
        self.start(config, data)

    def config(self) -> tuple[RunConfig, dict[str, Any]]:
        """The run's config, and the name and hash of its data.

        Raises:
            ModelError: the folder holds no run, or one of another version.
        """
        try:
            stored = json.loads((self.path / "config.json").read_text())
            config, data = stored["config"], dict(stored["data"])
        except (OSError, ValueError, KeyError, TypeError):
            raise ModelError(
                f"{self.path}: no training run here (no readable config.json); "
                "give the folder that `sightsound train -o` wrote"
            ) from None
        return from_json(RunConfig, config, where=str(self.path)), data

    def save_state(self, state: dict[str, Any]) -> None:
        """Write the checkpoint that a resume starts from."""
        buffer = io.BytesIO()
        torch.save(state, buffer)
        self._write("state.pt", buffer.getvalue())

    def load_state(self) -> dict[str, Any] | None:
        """The newest checkpoint, or None where the run has not come to one.

        Raises:
            ModelError: the checkpoint cannot be read.
        """
        path = self.path / "state.pt"
        if not path.exists():
            return None
        try:
            state: dict[str, Any] = torch.load(path, weights_only=True)
        except Exception as error:
            raise ModelError(
                f"{path}: this checkpoint cannot be read ({type(error).__name__}); "
                "delete the run's folder and train anew"
            ) from None
        return state

    def save_weights(self, step: int, players: dict[str, nn.Module]) -> None:
        """Write the players that a package needs, as they are at a step."""
        tensors = {
            f"{player}.{name}": tensor.detach().contiguous().clone()
            for player, module in players.items()
            for name, tensor in module.state_dict().items()
        }
        self._write(str(self._weights(step).relative_to(self.path)), save(tensors))

    def save_best(self, step: int, figures: dict[str, float]) -> None:
        """Note which step validation chose."""
        self._write("best.json", json.dumps({"step": step, "figures": figures}).encode())

    def best(self) -> tuple[int, dict[str, float]]:
        """The chosen step and its figures.

        Raises:
            ModelError: the run has not come to its first validation.
        """
        try:
            chosen = json.loads((self.path / "best.json").read_text())
        except (OSError, ValueError):
            raise ModelError(
                f"{self.path}: this run has no validated weights yet; train on with --resume"
            ) from None
        return int(chosen["step"]), dict(chosen["figures"])

    def validations(self) -> list[tuple[int, float]]:
        """Step and score of each validation whose weights are here, in order."""
        rows = (json.loads(line) for line in (self.path / "log.jsonl").read_text().splitlines())
        scores = {row["step"]: row["validation/score"] for row in rows if "validation/score" in row}
        return [(step, scores[step]) for step in sorted(scores) if self._weights(step).exists()]

    def load_weights(self, players: nn.ModuleDict, step: int | None = None) -> None:
        """Fill players with the weights of a step, or of the best one.

        Raises:
            ModelError: the weights are missing or do not fit the networks.
        """
        path = self._weights(self.best()[0] if step is None else step)
        try:
            tensors = load_file(path)
        except Exception as error:
            raise ModelError(f"{path}: cannot be read ({type(error).__name__})") from None
        for name in sorted({key.partition(".")[0] for key in tensors}):
            prefix = f"{name}."
            weights: dict[str, Tensor] = {
                key.removeprefix(prefix): value
                for key, value in tensors.items()
                if key.startswith(prefix)
            }
            try:
                players[name].load_state_dict(weights)
            except (KeyError, RuntimeError):
                raise ModelError(
                    f"{path}: these weights are of another recipe; their player {name!r} does "
                    "not fit the networks of this run's config.json"
                ) from None

    def append_log(self, row: dict[str, Any]) -> None:
        """Add one line to the log."""
        with (self.path / "log.jsonl").open("a") as log:
            log.write(json.dumps(row) + "\n")

    def trim(self, step: int) -> None:
        """Drop what a stopped run left beyond its checkpoint: log lines, half-written files."""
        for leftover in [*self.path.glob(".*.part"), *self.path.glob("weights/.*.part")]:
            leftover.unlink(missing_ok=True)
        path = self.path / "log.jsonl"
        if not path.exists():
            return
        kept = []
        for line in path.read_text().splitlines():
            try:
                if json.loads(line)["step"] <= step:
                    kept.append(line + "\n")
            except ValueError:
                continue  # the last line of a killed run may be half a line
        self._write("log.jsonl", "".join(kept).encode())

    def finish(self, summary: dict[str, Any]) -> None:
        """Mark the run complete."""
        self._write("done.json", json.dumps(summary, indent=1).encode())

    def _weights(self, step: int) -> Path:
        return self.path / "weights" / f"step-{step:08d}.safetensors"

    def _write(self, name: str, content: bytes) -> None:
        """Write a file of the run so that it is there whole or not at all.

        Raises:
            MediaError: the folder cannot be written or the disk is full.
        """
        path = self.path / name
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise DataError(
                f"{path.parent}: cannot be made ({error.strerror}); choose another folder with -o"
            ) from None
        write_bytes(path, content)
