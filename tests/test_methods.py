"""The contract of every method, losses worked by hand, and learning that beats a constant."""

from __future__ import annotations

import copy
import io
import math
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from torch import Tensor, nn

from sightsound.errors import ConfigError
from sightsound.features.augmentation import ImageAugmentationConfig
from sightsound.methods.autoencoder import Reconstruction, ReconstructionConfig
from sightsound.methods.car_gan import CascadeGan, CascadeGanConfig
from sightsound.methods.classifier import Classifier, ClassifierConfig, Encoder, class_mean
from sightsound.methods.cmcgan import CycleGan, CycleGanConfig
from sightsound.methods.conditional import mismatched_in_batch
from sightsound.methods.conditional_gan import ConditionalGan, ConditionalGanConfig
from sightsound.methods.cvae import VariationalAutoencoder, VariationalAutoencoderConfig
from sightsound.methods.dynamic_classifier import DynamicClassifier, DynamicClassifierConfig
from sightsound.methods.pose import PoseRegression, PoseRegressionConfig, relative_errors
from sightsound.methods.protocol import Generating, Method
from sightsound.methods.regression import Regression, RegressionConfig
from sightsound.methods.sa_cmgan import SelfAttentionGan, SelfAttentionGanConfig
from sightsound.networks.attention import AttentionEncoderConfig
from sightsound.networks.paper import PaperGanConfig, PaperGenerator
from sightsound.recipes import recipe
from sightsound.shapes import Direction
from sightsound.training.loop import Loop, TrainingConfig
from sightsound.training.run import build_method
from toy_batch import batch, classifier, error_beside_constant


def pose_config(name: str) -> PoseRegressionConfig:
    config = recipe(name).method
    assert isinstance(config, PoseRegressionConfig)
    return config


def gan_config(name: str) -> ConditionalGanConfig:
    config = recipe(name).method
    assert isinstance(config, ConditionalGanConfig)
    if isinstance(config.network, PaperGanConfig):
        return replace(config, network=replace(config.network, base_channels=8))
    return replace(config, network=replace(config.network, channels=(16, 16, 16, 16)))


def gan(name: str, **changes: object) -> ConditionalGan:
    config = replace(gan_config(name), **changes)  # type: ignore[arg-type]
    torch.manual_seed(0)
    return ConditionalGan(
        config, encoder=classifier(config.encoder), examiner=classifier(config.examiner)
    )


def regression(encoder: Encoder | None = None) -> Regression:
    """The recipe with tiny networks."""
    config = recipe("s2i_a_mse").method
    assert isinstance(config, RegressionConfig)
    torch.manual_seed(0)
    return Regression(
        replace(config, network=replace(config.network, base_channels=8)),
        encoder=encoder or classifier(config.encoder),
        examiner=classifier(config.examiner),
    )


def self_attention_gan(name: str, encoder: Encoder | None = None) -> SelfAttentionGan:
    """A recipe of SA-CMGAN with tiny networks, on the paper's encoders."""
    config = recipe(name).method
    assert isinstance(config, SelfAttentionGanConfig)
    torch.manual_seed(0)
    return SelfAttentionGan(
        replace(config, network=replace(config.network, base_channels=8, hidden_size=64)),
        encoder=encoder or classifier(config.encoder.removeprefix("sa_")),
        examiner=classifier(config.examiner),
    )


def attention_classifier(name: str) -> Classifier:
    config = recipe(name).method
    assert isinstance(config, ClassifierConfig)
    assert isinstance(config.network, AttentionEncoderConfig)
    network = replace(config.network, base_channels=8, hidden_size=64)
    return Classifier(replace(config, network=network))


def variational(name: str, encoder: Encoder | None = None) -> VariationalAutoencoder:
    """A recipe of the conditional variational autoencoder with tiny networks."""
    config = recipe(name).method
    assert isinstance(config, VariationalAutoencoderConfig)
    network = replace(config.network, base_channels=8, recogniser_channels=8)
    torch.manual_seed(0)
    return VariationalAutoencoder(
        replace(config, network=network),
        encoder=encoder or classifier(config.encoder),
        examiner=classifier(config.examiner),
    )


def cascade_gan(encoder: Encoder | None = None) -> CascadeGan:
    """CAR-GAN's recipe with tiny networks."""
    config = recipe("car_gan").method
    assert isinstance(config, CascadeGanConfig)
    network = replace(config.network, base_channels=8, patch_channels=8)
    torch.manual_seed(0)
    return CascadeGan(
        replace(config, network=network),
        encoder=encoder or classifier(config.encoder),
        examiner=classifier(config.examiner),
        namer=classifier(config.namer),
    )


def cycle_gan() -> CycleGan:
    """CMCGAN's recipe with tiny networks."""
    config = recipe("cmcgan").method
    assert isinstance(config, CycleGanConfig)
    torch.manual_seed(0)
    return CycleGan(
        replace(config, network=replace(config.network, base_channels=8, pair_size=32)),
        image_examiner=classifier(config.image_examiner),
        sound_examiner=classifier(config.sound_examiner),
    )


def dynamic_classifier() -> DynamicClassifier:
    """The dynamic classifier on an untrained, tiny CMCGAN."""
    config = recipe("cmcgan_classifier").method
    assert isinstance(config, DynamicClassifierConfig)
    return DynamicClassifier(config, filler=cycle_gan())


METHODS = {
    "sound classifier": lambda: classifier("sound_classifier"),
    "image classifier": lambda: classifier("image_classifier"),
    "robust sound classifier": lambda: classifier("robust_sound_classifier"),
    "robust image classifier": lambda: classifier("robust_image_classifier"),
    "autoencoder": lambda: Reconstruction(ReconstructionConfig()),
    "pose from image": lambda: PoseRegression(pose_config("judge_pose")),
    "pose from sound": lambda: PoseRegression(pose_config("pose_from_sound")),
    "sound autoencoder": lambda: build_method(recipe("sound_autoencoder"), Path()),
    "image autoencoder": lambda: build_method(recipe("image_autoencoder"), Path()),
    "s2i_c": lambda: gan("s2i_c"),
    "s2i_n": lambda: gan("s2i_n"),
    "sa_sound_classifier": lambda: attention_classifier("sa_sound_classifier"),
    "sa_image_classifier": lambda: attention_classifier("sa_image_classifier"),
    "sa_cmgan_s2i": lambda: self_attention_gan("sa_cmgan_s2i"),
    "sa_cmgan_i2s": lambda: self_attention_gan("sa_cmgan_i2s"),
    "cvae_s2i": lambda: variational("cvae_s2i"),
    "cvae_i2s": lambda: variational("cvae_i2s"),
    "car_gan": cascade_gan,
    "cmcgan": cycle_gan,
    "cmcgan_classifier": dynamic_classifier,
    "s2i_a_mse": lambda: regression(),
    "s2i_c, drawn mismatches": lambda: gan("s2i_c", mismatch="instrument"),
    "i2s": lambda: gan("i2s"),
    "s2i_c_improved": lambda: gan("s2i_c_improved"),
    "i2s_improved": lambda: gan("i2s_improved"),
}


LINE = ["s2i_a_mse", "sa_cmgan_s2i", "cvae_i2s", "car_gan", "cmcgan", "cmcgan_classifier"]


def test_what_generates_is_known_by_its_translators() -> None:
    assert isinstance(gan("s2i_c"), Generating)
    assert not isinstance(classifier("sound_classifier"), Generating)


def snapshot(method: Method) -> dict[str, list[Tensor]]:
    return {n: [p.detach().clone() for p in m.parameters()] for n, m in method.players.items()}


@pytest.mark.parametrize("name", list(METHODS))
def test_an_update_moves_only_its_player_and_all_of_it(name: str) -> None:
    """Mutant: ``loss.backward()`` without ``inputs``, or a player left out of its optimiser."""
    method: Method = METHODS[name]()
    loop = Loop(method, TrainingConfig(precision="float32"))
    for step in range(2):  # residual branches begin at zero and move in the second step
        torch.manual_seed(step)
        updates = method.updates(batch(step=step))
        while (update := next(updates, None)) is not None:
            before = snapshot(method)
            loop._apply(update.player, update.loss)
            after = snapshot(method)
            for player in method.players:
                moved = [
                    not torch.equal(a, b)
                    for a, b in zip(before[player], after[player], strict=True)
                ]
                if player != update.player:
                    assert not any(moved), f"{update.player} moved {player}"
                elif step == 1:
                    names = [n for n, _ in method.players[player].named_parameters()]
                    still = [n for n, m in zip(names, moved, strict=True) if not m]
                    assert not still, still


@pytest.mark.parametrize("name", ["s2i_c", *LINE])
def test_a_restored_method_goes_on_in_the_same_bits(name: str) -> None:
    """Mutant: a buffer that is not saved, such as those of batch and spectral norms."""
    config = TrainingConfig(precision="float32")
    unbroken, stopped = Loop(METHODS[name](), config), Loop(METHODS[name](), config)
    saved = io.BytesIO()
    for loop in (unbroken, stopped):
        for step in range(2):
            loop.train_step(batch(step=step))
            loop.step = step + 1
    torch.save(stopped.state(), saved)
    resumed = Loop(METHODS[name](), config)
    resumed.restore(torch.load(io.BytesIO(saved.getvalue()), weights_only=True))
    for loop in (unbroken, resumed):
        loop.train_step(batch(step=2))
    for player, module in unbroken.players.items():
        other = resumed.players[player].state_dict()
        for key, value in module.state_dict().items():
            assert torch.equal(value, other[key]), f"{player}: {key}"


def test_the_minimax_losses_are_the_papers() -> None:
    method = gan("s2i_c")
    real, fake, wrong = (torch.tensor([x]) for x in (0.3, -0.4, 0.9))

    def log_sigmoid(x: float) -> float:
        return math.log(1 / (1 + math.exp(-x)))

    expected = -(log_sigmoid(0.3) + (log_sigmoid(-0.9) + log_sigmoid(0.4)) / 2)
    assert float(method._discriminator_loss(real, fake, wrong)) == pytest.approx(expected)
    assert float(method._generator_loss(fake, real)) == pytest.approx(-log_sigmoid(-0.4))
    without = -(log_sigmoid(0.3) + log_sigmoid(0.4))
    assert float(method._discriminator_loss(real, fake, None)) == pytest.approx(without)


def test_the_relativistic_losses_see_only_differences() -> None:
    method = gan("s2i_c_improved")
    real, fake = torch.tensor([1.0]), torch.tensor([-1.0])
    expected = math.log(1 + math.exp(-2.0))
    assert float(method._discriminator_loss(real, fake, None)) == pytest.approx(expected)
    shifted = method._discriminator_loss(real + 5, fake + 5, None)
    assert float(shifted) == pytest.approx(expected)
    assert float(method._generator_loss(fake, real)) == pytest.approx(math.log(1 + math.exp(2.0)))


def test_the_relativistic_generator_is_compared_by_one_discriminator() -> None:
    """Mutant: the real logits of before the discriminator's step."""
    method = gan("s2i_c_improved", picture_augmentation=None, condition_augmentation=None)
    discriminator = method.players["discriminator"]
    updates = method.updates(batch())
    torch.manual_seed(0)
    next(updates)
    bias = 7.0  # as if the discriminator's step had moved all its answers alike
    decide_on = discriminator.decide_on
    discriminator.decide_on = (  # type: ignore[assignment]
        lambda features, embedding: decide_on(features, embedding) + bias
    )
    moved = float(next(updates).loss.detach())
    discriminator.decide_on = decide_on
    updates = method.updates(batch())
    torch.manual_seed(0)
    next(updates)
    assert moved == pytest.approx(float(next(updates).loss.detach()), abs=1e-5)


def test_the_contrast_is_between_a_pictures_own_and_anothers_condition() -> None:
    """Mutants: the contrast turned round, counted for the discriminator, or of the same class."""
    conditions: list[Tensor] = []
    losses = {}
    for weight in (0.0, 2.0):
        method = gan("s2i_c_improved", contrast_weight=weight, condition_augmentation=None)
        discriminator = method.players["discriminator"]
        decide_on = discriminator.decide_on

        def decide(features: Tensor, condition: Tensor, decide_on=decide_on) -> Tensor:  # type: ignore[no-untyped-def]
            conditions.append(condition)
            logit: Tensor = decide_on(features, condition)
            return logit

        discriminator.decide_on = decide  # type: ignore[assignment]
        torch.manual_seed(0)
        updates = method.updates(batch())
        of_discriminator = float(next(updates).loss.detach())
        torch.manual_seed(1)
        losses[weight] = (of_discriminator, float(next(updates).loss.detach()))
    own, other = conditions[0], conditions[-1]
    classes = batch().label
    for row, condition in enumerate(other):
        (matches,) = torch.where((own - condition).abs().amax(1) < 1e-6)
        assert bool((classes[matches] != classes[row]).all())
    assert losses[0.0][0] == losses[2.0][0]
    # untrained, either condition fits alike: log 2, weighted 2
    assert losses[2.0][1] - losses[0.0][1] == pytest.approx(2 * math.log(2), abs=0.2)


def test_a_generator_that_serves_the_other_condition_pays_the_contrast() -> None:
    costs = []
    for own in (4.0, -4.0):
        method = gan("s2i_c_improved", contrast_weight=1.0, condition_augmentation=None)
        discriminator = method.players["discriminator"]
        updates = method.updates(batch())
        next(updates)
        answers = iter([torch.full((8,), own), torch.zeros(8), torch.zeros(8)])
        discriminator.decide_on = lambda *_, answers=answers: next(answers)  # type: ignore[assignment]
        costs.append(float(next(updates).loss.detach()))
    # softplus(real − fake) and the contrast alike: 2 log(1 + e^−4), 2 log(1 + e^4)
    assert costs == pytest.approx([2 * math.log1p(math.exp(-4)), 2 * math.log1p(math.exp(4))])


def test_a_namer_adds_the_cross_entropy_of_what_it_names_and_stays_as_it_is() -> None:
    """Mutants: the namer sees real pictures or learns; its term is of the discriminator."""
    config = replace(gan_config("s2i_c_improved"), naming_weight=2.0, condition_augmentation=None)
    namer = classifier("image_classifier")
    losses, named = [], []
    for given in (None, namer):
        torch.manual_seed(0)
        method = ConditionalGan(
            config,
            encoder=classifier(config.encoder),
            examiner=classifier(config.examiner),
            namer=given,
        )
        torch.manual_seed(1)
        updates = method.updates(batch())
        next(updates)
        torch.manual_seed(2)
        update = next(updates)
        losses.append(float(update.loss.detach()))
        gradient = torch.autograd.grad(update.loss, method.players["generator"].parameters())
        named.append([each.clone() for each in gradient])
    with torch.no_grad():
        torch.manual_seed(1)
        condition = method.condition_of(method.encoder.picture(batch()))
        fake = method.generate(condition, torch.randn(8, method.noise_size))
        logits = namer.encode(fake)[1]
    expected = 2.0 * torch.nn.functional.cross_entropy(logits, batch().label)
    assert losses[1] - losses[0] == pytest.approx(float(expected), rel=0.02)
    assert any(not torch.equal(a, b) for a, b in zip(*named, strict=True))
    assert not any(each.requires_grad for each in namer.players.parameters())


def test_a_namer_is_shown_moved_pictures_where_asked() -> None:
    """Mutants: the setting does nothing; the discriminator is shown the moved picture too."""
    flat = ImageAugmentationConfig(
        shift=0.0, zoom=0.0, rotation=0.0, colour=0.0, noise=0.0, cutout=0.5
    )
    seen: list[torch.Tensor] = []
    for moving in (None, flat):
        config = replace(gan_config("s2i_c_improved"), naming_augmentation=moving)
        namer = classifier("image_classifier")
        torch.manual_seed(0)
        method = ConditionalGan(
            config,
            encoder=classifier(config.encoder),
            examiner=classifier(config.examiner),
            namer=namer,
        )
        encode = namer.encode
        namer.encode = lambda picture, encode=encode: seen.append(picture) or encode(picture)  # type: ignore[func-returns-value,assignment]
        torch.manual_seed(1)
        updates = method.updates(batch())
        first = next(updates).loss.detach()
        update = next(updates)
        update.loss.backward()  # the gradient passes through what is moved
    as_made, hidden = seen
    same = torch.isclose(as_made, hidden, atol=1e-3).flatten(1).float().mean(1)
    assert 0 < int((same < 1).sum()) < len(same)  # of half a square is hidden, the rest is as made
    assert float(same.min()) > 0.5
    assert torch.isfinite(first)


def test_who_names_does_not_examine() -> None:
    config = replace(gan_config("s2i_c_improved"), namer="image_classifier")
    assert config.stands_on == (config.encoder, config.examiner, "image_classifier")
    with pytest.raises(ConfigError, match="cannot choose the checkpoint"):
        replace(config, namer=config.examiner)


def test_the_gradient_penalty_is_the_squared_gradient() -> None:
    class Linear(nn.Module):
        def forward(self, picture: Tensor, embedding: Tensor) -> Tensor:
            return 3.0 * picture.sum(dim=(1, 2, 3))

    method = gan("s2i_c_improved", penalty_weight=2.0, penalty_every=1)
    method.players["discriminator"] = Linear()
    real = torch.zeros(2, 3, 4, 4)
    penalty = method._gradient_penalty(real, real, torch.zeros(2, 128))
    # R1 + R2, each 9 for every one of 48 numbers, times weight / 2
    assert float(penalty) == pytest.approx(2 * 9 * 48 * 2.0 / 2)


def test_the_penalty_comes_every_so_often_and_as_much_more() -> None:
    """Mutants: at each step; not weighted by the steps between; in bfloat16."""
    kinds: list[bool] = []

    def losses(weight: float, every: int) -> list[float]:
        found = []
        for step in range(4):
            method = gan("s2i_c", penalty_weight=weight, penalty_every=every)
            penalty, inside = method._gradient_penalty, method.players["discriminator"]

            def noted(*pictures: Tensor, penalty=penalty, inside=inside) -> Tensor:  # type: ignore[no-untyped-def]
                inside.register_forward_pre_hook(
                    lambda *_: kinds.append(torch.is_autocast_enabled("cpu"))
                )
                total: Tensor = penalty(*pictures)
                return total

            method._gradient_penalty = noted  # type: ignore[method-assign]
            torch.manual_seed(1)
            with torch.autocast("cpu", dtype=torch.bfloat16):
                found.append(float(next(method.updates(batch(step=step))).loss.detach()))
        return found

    none = losses(0.0, 1)
    each = [a - b for a, b in zip(losses(50.0, 1), none, strict=True)]
    second = [a - b for a, b in zip(losses(50.0, 2), none, strict=True)]
    assert all(extra > 0 for extra in each)
    assert second[1] == second[3] == 0.0
    assert second[0] == pytest.approx(2 * each[0], rel=0.05)
    assert set(kinds) == {False}


@pytest.mark.parametrize("mismatch", ["instrument", "in_batch"])
def test_the_mismatched_pair_does_not_belong(mismatch: str) -> None:
    """Mutants: the matched pair a second time, in the batch or drawn; or left as it was drawn."""
    method = gan("s2i_c_improved", mismatch=mismatch, condition_augmentation=None)
    discriminator = method.players["discriminator"]
    judged: list[tuple[Tensor, Tensor]] = []
    decide_on = discriminator.decide_on

    def decide(features: Tensor, condition: Tensor) -> Tensor:
        judged.append((features, condition))
        logit: Tensor = decide_on(features, condition)
        return logit

    discriminator.decide_on = decide  # type: ignore[assignment]
    torch.manual_seed(0)
    next(method.updates(batch()))
    (real, own), _, (wrong, other) = judged[:3]
    if mismatch == "in_batch":
        torch.testing.assert_close(wrong, real)
        assert bool(((other - own).abs().amax(1) > 1e-6).all())
    else:
        torch.testing.assert_close(other, own)
        torch.testing.assert_close(wrong, discriminator.features(batch().mismatched_image))


@pytest.mark.parametrize(
    ("field", "value"),
    [("mismatch", "instrument"), ("loss", "relativistic"), ("mismatch", "in_batch")],
)
def test_each_choice_of_the_gan_changes_the_outcome(field: str, value: str) -> None:
    losses = []
    for method in (gan("s2i_n"), gan("s2i_n", **{field: value})):
        torch.manual_seed(1)
        losses.append(float(next(method.updates(batch())).loss.detach()))
    assert losses[0] != losses[1]


def test_directions_mirror_each_other() -> None:
    for name, direction, channels in (
        ("s2i_c", Direction.SOUND_TO_IMAGE, 3),
        ("i2s", Direction.IMAGE_TO_SOUND, 1),
    ):
        method = gan(name)
        assert method.config.direction is direction
        condition, real = method.condition_and_real(batch())
        fake = method.generate(condition, torch.randn(len(real), method.noise_size))
        assert fake.shape == real.shape == (8, channels, 64, 64)


@pytest.mark.parametrize("name", ["s2i_c", "i2s"])
def test_a_translator_takes_and_gives_what_training_did(name: str) -> None:
    """Mutant: a translator that hears with the examiner, or resizes to another size."""
    method = gan(name)
    (translator,) = method.translators()
    condition, real = method.condition_and_real(batch())
    torch.testing.assert_close(translator.embed(batch()), condition)
    torch.testing.assert_close(translator.real(batch()), real)
    assert (translator.embedding_size, translator.noise_size) == (condition.shape[1], 10)
    noise = torch.randn(8, 10)
    fake = translator.generator(condition, noise)
    torch.testing.assert_close(fake, method.generate(condition, noise))


def test_partners_in_a_batch_are_of_another_class() -> None:
    labels = torch.tensor([0, 0, 1, 2, 2, 2])
    torch.manual_seed(0)
    seen = set()
    for _ in range(200):
        partner = mismatched_in_batch(labels)
        assert bool((labels[partner] != labels).all())
        seen.add(int(partner[0]))
    assert seen == {2, 3, 4, 5}


def test_class_mean_counts_classes_alike() -> None:
    assert class_mean(torch.tensor([1.0, 1.0, 1.0, 0.0]), torch.tensor([0, 0, 0, 1])) == 0.5


def test_s2i_overfits_a_batch_beyond_constants_and_hears_its_condition() -> None:
    """Mutant: a generator whose condition is zero; the swapped condition must be far worse."""
    method = gan(
        "s2i_c_improved",
        averaged=False,
        condition_augmentation=None,
        picture_augmentation=None,  # its tints would hide the colours that are to be learnt
    )
    config = TrainingConfig(precision="float32", batch_size=8, averaging=0.0)
    loop = Loop(method, config)
    for step in range(400):
        loop.step = step
        loop.train_step(batch(step=step))
    pairs = batch(step=999)
    condition, real = method.condition_and_real(pairs)
    noise = torch.randn(8, method.noise_size)
    with torch.no_grad():
        fake = method.generate(condition, noise)
        swapped = method.generate(condition.flip(0), noise)
    error, best_constant = error_beside_constant(fake, real)
    assert error < best_constant / 2
    assert error_beside_constant(swapped, real)[0] > 2 * error


def test_a_classifier_learns_what_a_constant_cannot() -> None:
    method = classifier("robust_sound_classifier")
    loop = Loop(method, TrainingConfig(precision="float32", averaging=0.5))
    for step in range(30):
        loop.step = step
        loop.train_step(batch(step=step))
    with loop.inference():
        figures = method.validate([batch(step=77)])
    assert figures["accuracy"] == 1.0


def test_averaged_statistics_belong_to_the_averaged_weights() -> None:
    """Mutant: the running means of the network as it is now, which is another one."""
    method = gan("s2i_c", averaged=True)
    loop = Loop(method, TrainingConfig(precision="float32", averaging=0.9))
    inputs: list[tuple[Tensor, ...]] = []
    loop.players["generator"].register_forward_pre_hook(lambda _, given: inputs.append(given))
    loop.train_step(batch())
    average = loop.averages["generator"]
    assert isinstance(average, PaperGenerator)
    embedding, noise = inputs[0]
    with torch.no_grad():
        x = average.project(torch.cat([average.condition(embedding), noise], dim=1))
    expected = 0.1 * x.unflatten(1, (-1, 4, 4)).mean(dim=(0, 2, 3))  # momentum 0.1, from 0
    torch.testing.assert_close(average.project_norm.running_mean, expected)
    live = loop.players["generator"].get_submodule("project_norm").running_mean
    assert not torch.allclose(live, expected, rtol=1e-4)  # type: ignore[arg-type]
    assert not average.training


def test_averaged_weights_follow_the_trained_ones() -> None:
    method = gan("s2i_c_improved")
    loop = Loop(method, TrainingConfig(precision="float32", averaging=0.9))
    before = copy.deepcopy(loop.averages["generator"])
    loop.train_step(batch())
    decay = min(0.9, 1 / 10)
    trained = dict(loop.players["generator"].named_parameters())
    for (name, kept), old in zip(
        loop.averages["generator"].named_parameters(), before.parameters(), strict=True
    ):
        torch.testing.assert_close(kept, decay * old + (1 - decay) * trained[name])


def test_pose_errors_count_known_columns_and_classes_alike() -> None:
    guess = torch.tensor([[0.5, 9.0], [0.1, 9.0], [0.0, 0.2]])
    truth = torch.tensor([[0.3, 0.0], [0.1, 0.0], [0.0, 0.6]])
    mask = torch.tensor([[True, False], [True, False], [False, True]])
    error, constant = relative_errors(guess, truth, mask, torch.tensor([0, 0, 1]))
    assert error == pytest.approx((0.1 + 0.4) / 2)
    assert constant == pytest.approx((0.1 + 0.0) / 2)


def test_a_pose_is_learnt_from_what_is_seen() -> None:
    """Mutants: the mask turned round, the bow's velocity not left out, ranges divided twice."""
    method = PoseRegression(pose_config("judge_pose"))
    torch.manual_seed(0)
    loop = Loop(method, TrainingConfig(precision="float32", steps=150, averaging=0.9))
    for step in range(150):
        loop.train_step(batch(16, step))
    figures = loop.validate(iter([batch(64, 1000)]))
    assert figures["error"] < 0.5 * figures["mean_pose_error"]
