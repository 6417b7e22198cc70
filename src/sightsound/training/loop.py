"""One loop for all methods: step, log, validate, keep, resume.

Everything random in a step derives from (seed, step), so a run that was stopped at any moment
and resumed from its last checkpoint ends in the same weights, bit for bit, as an unbroken one
(same machine, same number of threads).
"""

from __future__ import annotations

import copy
import hashlib
import math
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal, Protocol, assert_never

import torch
from torch import Tensor, nn

from sightsound.errors import ConfigError, NonFiniteError
from sightsound.methods.protocol import AdamConfig, Method
from sightsound.training import distributed

if TYPE_CHECKING:
    from sightsound.pairs.batches import PairBatch


@dataclass(frozen=True, kw_only=True)
class TrainingConfig:
    """What the loop needs to know, whatever the method."""

    steps: int = 2000  # optimiser updates of each player
    batch_size: int = 64  # pairs in a step, summed over all processes
    seed: int = 0
    device: Literal["auto", "cpu", "cuda"] = "auto"  # auto: cuda where there is one
    schedule: Literal["constant", "cosine"] = "constant"  # cosine: falls to 1 % at the end
    warmup_steps: int = 0  # steps over which the learning rates rise from 0
    precision: Literal["auto", "bfloat16", "float32"] = "auto"  # of the forward pass; auto:
    # bfloat16 where the processor multiplies it (AVX-512 BF16, AMX), else float32, since a
    # processor without emulates it a hundred times more slowly
    averaging: float = 0.998  # decay of the averaged weights of the players that use them
    gradient_clip: float | None = None  # largest gradient norm of a player; None = no limit
    validate_every: int = 250  # steps
    validation_pairs: int = 1024  # held-out pairs of each validation, picked by the seed
    checkpoint_every: int = 250  # steps
    samples_every: int = 1000  # steps between two sheets of samples


class Observer(Protocol):
    """What a run does with what the loop tells it: logs, samples, checkpoints."""

    def step(self, step: int, logs: dict[str, float]) -> None: ...

    def validated(self, step: int, figures: dict[str, float]) -> None: ...

    def checkpoint(self, step: int, state: dict[str, Any]) -> None: ...

    def samples(self, step: int) -> None: ...


class Loop:
    """Trains a method's players; ``state``/``restore`` hold everything that a resume needs."""

    def __init__(self, method: Method, config: TrainingConfig) -> None:
        self.method = method
        self.config = config
        self.step = 0
        self.examples_seen = 0
        self.processor_seconds = 0.0  # summed over threads, of this and all earlier sessions
        self.best_score = -math.inf
        self.best_step = 0
        self.device = distributed.device(config.device)
        method.to(self.device)
        self.players: dict[str, nn.Module] = {
            name: module.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
            for name, module in method.players.items()
        }
        self.optimisers = {
            name: _adam(module, method.optimisers[name]) for name, module in self.players.items()
        }
        self.averages = {name: copy.deepcopy(self.players[name]) for name in method.averaged}
        self.seen: dict[str, tuple[Any, ...]] = {}  # by averaged player: its inputs of this step
        for name, module in self.averages.items():
            module.requires_grad_(False)
            if any(map(_is_batch_norm, module.modules())):
                self.players[name].register_forward_pre_hook(self._remembering(name))

    def run(
        self,
        batch_at: Callable[[int], PairBatch],
        validation: Callable[[], Iterator[PairBatch]],
        observer: Observer,
    ) -> None:
        """Train from the current step to the last one."""
        config = self.config
        while self.step < config.steps:
            started = time.process_time()
            logs = self.train_step(batch_at(self.step))
            self.step += 1
            self.processor_seconds += time.process_time() - started
            last = self.step == config.steps
            observer.step(self.step, logs)
            if self.step % config.validate_every == 0 or last:
                observer.validated(self.step, self.validate(validation()))
            if self.step % config.samples_every == 0 or last:
                observer.samples(self.step)
            if self.step % config.checkpoint_every == 0 or last:
                observer.checkpoint(self.step, self.state())

    def train_step(self, batch: PairBatch) -> dict[str, float]:
        """One update of each player; returns the logs as numbers.

        Raises:
            NonFiniteError: a loss is NaN or infinite.
        """
        seed_everything(self.config.seed, self.step, distributed.rank())
        logs: dict[str, float] = {}
        updates = self.method.updates(batch.to(self.device))
        for module in self.players.values():
            module.train()
        while True:
            with self._autocast(), self._placed():
                update = next(updates, None)
            if update is None:
                break
            self._apply(update.player, update.loss)
            logs[f"{update.player}/loss"] = float(update.loss.detach())
            logs |= {f"{update.player}/{key}": float(value) for key, value in update.logs.items()}
        self._average()
        self.examples_seen += len(batch.label) * distributed.world_size()
        return logs

    def validate(self, batches: Iterator[PairBatch]) -> dict[str, float]:
        """The method's figures on held-out pairs, with the weights that would be used."""
        seed_everything(self.config.seed, -1, 0)
        with self.inference(), self._autocast(), self._placed():
            figures = self.method.validate(batch.to(self.device) for batch in batches)
        if figures["score"] > self.best_score:
            self.best_score, self.best_step = figures["score"], self.step
        return figures

    @property
    def uses_bfloat16(self) -> bool:
        """Whether the forward pass runs in bfloat16 on this machine."""
        match self.config.precision:
            case "auto":
                if self.device.type == "cuda":
                    return bool(torch.cuda.is_bf16_supported())
                return bool(torch.cpu._is_avx512_bf16_supported())
            case "bfloat16":
                return True
            case "float32":
                return False
            case _:
                assert_never(self.config.precision)

    def inference(self) -> _Inference:
        """A context in which the method's players are those that would be used, in eval mode."""
        return _Inference(self)

    def used_players(self) -> dict[str, nn.Module]:
        """The players that a package would hold: averaged where the method averages."""
        return {**self.players, **self.averages}

    def state(self) -> dict[str, Any]:
        """Everything that a resume needs."""
        return {
            "step": self.step,
            "examples_seen": self.examples_seen,
            "processor_seconds": self.processor_seconds,
            "best_score": self.best_score,
            "best_step": self.best_step,
            "players": {name: module.state_dict() for name, module in self.players.items()},
            "averages": {name: module.state_dict() for name, module in self.averages.items()},
            "optimisers": {name: opt.state_dict() for name, opt in self.optimisers.items()},
        }

    def restore(self, state: dict[str, Any]) -> None:
        """Go on from a saved state."""
        self.step = state["step"]
        self.examples_seen = state["examples_seen"]
        self.processor_seconds = state["processor_seconds"]
        self.best_score, self.best_step = state["best_score"], state["best_step"]
        for name, module in self.players.items():
            module.load_state_dict(state["players"][name])
        for name, module in self.averages.items():
            module.load_state_dict(state["averages"][name])
        for name, optimiser in self.optimisers.items():
            optimiser.load_state_dict(state["optimisers"][name])

    def _apply(self, player: str, loss: Tensor) -> None:
        if not torch.isfinite(loss):
            raise NonFiniteError(
                f"step {self.step}: the loss of {player} is {float(loss.detach())}; lower its "
                "learning rate or set training.precision=float32, and resume"
            )
        optimiser = self.optimisers[player]
        parameters = [p for p in self.players[player].parameters() if p.requires_grad]
        optimiser.zero_grad(set_to_none=True)
        loss.backward(inputs=parameters)  # type: ignore[no-untyped-call]
        distributed.average_gradients(parameters)
        if self.config.gradient_clip is not None:
            nn.utils.clip_grad_norm_(parameters, self.config.gradient_clip)
        for group in optimiser.param_groups:
            group["lr"] = self.method.optimisers[player].learning_rate * self._rate_share()
        optimiser.step()

    def _rate_share(self) -> float:
        """The learning rate at this step as a share of its configured value."""
        config = self.config
        share = min(1.0, (self.step + 1) / max(1, config.warmup_steps))
        if config.schedule == "cosine":
            share *= 0.01 + 0.99 * (1 + math.cos(math.pi * self.step / config.steps)) / 2
        return share

    @torch.no_grad()
    def _average(self) -> None:
        """Averaged weights follow the trained ones.

        Batch norms of averaged weights have statistics of their own, from the step's inputs run
        through the averaged player: those of the trained one are another network's
        (docs/experiments.md, 6). Other buffers are copied.
        """
        decay = min(self.config.averaging, (1 + self.step) / (10 + self.step))
        for name, average in self.averages.items():
            source = self.players[name]
            for kept, new in zip(average.parameters(), source.parameters(), strict=True):
                kept.lerp_(new, 1 - decay)
            seen = self.seen.pop(name, None)
            average.eval()  # dropout must not draw
            for kept_module, module in zip(average.modules(), source.modules(), strict=True):
                if seen is not None and _is_batch_norm(kept_module):
                    kept_module.train()
                    continue
                for kept_buffer, buffer in zip(
                    kept_module.buffers(recurse=False), module.buffers(recurse=False), strict=True
                ):
                    kept_buffer.copy_(buffer)
            if seen is not None:
                with self._autocast():
                    average(*seen)
                average.eval()

    def _remembering(self, name: str) -> Callable[[nn.Module, tuple[Any, ...]], None]:
        def remember(module: nn.Module, inputs: tuple[Any, ...]) -> None:
            if module.training:
                self.seen[name] = tuple(
                    each.detach() if isinstance(each, torch.Tensor) else each for each in inputs
                )

        return remember

    def _autocast(self) -> torch.autocast:
        return torch.autocast(self.device.type, dtype=torch.bfloat16, enabled=self.uses_bfloat16)

    def _placed(self) -> AbstractContextManager[object]:
        """New tensors land on the device; on the CPU they do anyway, and the context would cost."""
        return nullcontext() if self.device.type == "cpu" else self.device


def _is_batch_norm(module: nn.Module) -> bool:
    return isinstance(module, nn.modules.batchnorm._BatchNorm)


class _Inference:
    """Swaps the averaged players in, and eval mode on, for the length of a ``with``."""

    def __init__(self, loop: Loop) -> None:
        self.loop = loop

    def __enter__(self) -> None:
        for name, module in self.loop.used_players().items():
            self.loop.method.players[name] = module.eval()

    def __exit__(self, *_: object) -> None:
        for name, module in self.loop.players.items():
            self.loop.method.players[name] = module.train()


def seed_everything(seed: int, step: int, rank: int) -> None:
    """Seed torch from (seed, step, rank) by a hash, so that no two streams overlap."""
    digest = hashlib.sha256(f"{seed}/{step}/{rank}".encode()).digest()
    torch.manual_seed(int.from_bytes(digest[:8], "little") >> 1)


def check_training_config(config: TrainingConfig) -> None:
    """Refuse what cannot be trained with one clear line.

    Raises:
        ConfigError: a number is out of range.
    """
    positive = (
        *("steps", "batch_size", "validate_every", "validation_pairs"),
        *("checkpoint_every", "samples_every"),
    )
    if config.seed < 0:
        raise ConfigError(f"training.seed={config.seed}: 0 or more is needed")
    for name in positive:
        if getattr(config, name) < 1:
            raise ConfigError(f"training.{name}={getattr(config, name)}: 1 or more is needed")
    if config.warmup_steps < 0:
        raise ConfigError(f"training.warmup_steps={config.warmup_steps}: 0 or more is needed")
    if config.gradient_clip is not None and not config.gradient_clip > 0:
        raise ConfigError(
            f"training.gradient_clip={config.gradient_clip}: more than 0 is needed; null = no limit"
        )
    if not 0 <= config.averaging < 1:
        raise ConfigError(f"training.averaging={config.averaging}: 0 <= averaging < 1 is needed")
    if config.batch_size % distributed.world_size():
        raise ConfigError(
            f"training.batch_size={config.batch_size} cannot be shared by "
            f"{distributed.world_size()} processes; choose a multiple"
        )


def _adam(module: nn.Module, config: AdamConfig) -> torch.optim.Optimizer:
    return torch.optim.AdamW(
        [p for p in module.parameters() if p.requires_grad],
        lr=config.learning_rate,
        betas=(config.beta1, config.beta2),
        weight_decay=config.weight_decay,
    )
