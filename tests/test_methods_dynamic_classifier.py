"""CMCGAN's dynamic classifier: five answers, and what is missing is generated."""

from __future__ import annotations

import math
from dataclasses import replace

import pytest
import torch

from test_methods import dynamic_classifier
from toy_batch import batch, learn


def answers(**changes: torch.Tensor) -> dict[str, torch.Tensor]:
    method = dynamic_classifier()
    method.players.eval()
    torch.manual_seed(0)
    with torch.no_grad():
        return method.logits(replace(batch(), **changes))


def test_each_answer_depends_on_what_it_may_see_alone() -> None:
    """Mutant: GV-A that is shown the real image."""
    torch.manual_seed(5)
    whole = answers()
    other_image = answers(image=torch.rand(8, 3, 64, 64))
    other_sound = answers(waveform=0.1 * torch.randn(8, 22_050))

    def changed(by: dict[str, torch.Tensor]) -> set[str]:
        return {name for name in whole if not torch.allclose(whole[name], by[name], atol=1e-6)}

    assert changed(other_image) == {"V", "V-A", "GA-V"}
    assert changed(other_sound) == {"A", "V-A", "GV-A"}


def test_the_loss_is_the_sum_of_five_cross_entropies() -> None:
    method = dynamic_classifier()
    with torch.no_grad():
        for parameter in method.players.parameters():
            parameter.zero_()
    (update,) = method.updates(batch())
    assert float(update.loss.detach()) == pytest.approx(5 * math.log(13), rel=1e-6)


def test_it_learns_what_a_constant_cannot_and_leaves_its_filler_alone() -> None:
    method = dynamic_classifier()
    before = [p.clone() for p in method.filler.players.parameters()]
    loop = learn(method, 25, size=4)
    with loop.inference():
        figures = method.validate([batch(step=77)])
    assert figures["V-A"] == figures["GA-V"] == 1.0  # with the sound, and with it missing
    names = ("V", "A", "V-A", "GV-A", "GA-V")
    assert figures["score"] == pytest.approx(sum(figures[name] for name in names) / 5)
    for kept, now in zip(before, method.filler.players.parameters(), strict=True):
        assert torch.equal(kept, now)
