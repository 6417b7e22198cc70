"""Augmentation: what it moves, what it leaves, and where training uses it."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch
from torch import Tensor
from torch.nn import functional

from sightsound.errors import ConfigError
from sightsound.features.augmentation import (
    ImageAugmentationConfig,
    SoundAugmentationConfig,
    augment_images,
    augment_spectra,
    augment_waveforms,
)
from sightsound.features.representations import MelConfig
from sightsound.methods.classifier import Classifier, smoothed_cross_entropy
from sightsound.methods.conditional_gan import ConditionalGan, ConditionalGanConfig
from sightsound.recipes import recipe
from toy_batch import batch, classifier

STILL = ImageAugmentationConfig(
    shift=0.0, zoom=0.0, rotation=0.0, colour=0.0, noise=0.0, cutout=0.0
)


def improved_gan(**changes: object) -> ConditionalGan:
    """``s2i_c_improved`` with tiny networks, on untrained classifiers."""
    config = recipe("s2i_c_improved").method
    assert isinstance(config, ConditionalGanConfig)
    network = replace(config.network, channels=(16, 16, 16, 16))  # type: ignore[call-arg]
    config = replace(config, network=network, **changes)  # type: ignore[arg-type]
    torch.manual_seed(0)
    return ConditionalGan(
        config, encoder=classifier(config.encoder), examiner=classifier(config.examiner)
    )


def test_augmented_sounds_keep_their_length_and_differ_from_each_other() -> None:
    torch.manual_seed(0)
    sound = batch().waveform[:1].expand(6, -1).contiguous()
    moved = augment_waveforms(sound, 44_100, SoundAugmentationConfig())
    assert moved.shape == sound.shape
    assert float(moved.abs().max()) <= 1.0
    assert len({round(float(row.square().mean()), 9) for row in moved}) == 6
    still = SoundAugmentationConfig(
        gain_db=0.0, speed=0.0, noise_probability=0.0, room_probability=0.0
    )
    torch.testing.assert_close(augment_waveforms(sound, 44_100, still), sound)


def test_the_speed_of_a_sound_moves_its_pitch_by_as_much() -> None:
    torch.manual_seed(3)
    config = SoundAugmentationConfig(
        gain_db=0.0, speed=0.05, noise_probability=0.0, room_probability=0.0
    )
    sound = batch().waveform[1::2]
    moved = augment_waveforms(sound, 44_100, config).numpy()
    spectrum = np.abs(np.fft.rfft(moved * np.hanning(moved.shape[1]), 1 << 18))
    peaks = spectrum.argmax(axis=1) * 44_100 / (1 << 18)
    assert peaks.min() > 880 * 0.945
    assert peaks.max() < 880 * 1.055
    assert np.ptp(peaks) > 10


@pytest.mark.parametrize(("share", "low", "high"), [(0.0, 0, 0), (0.5, 16, 48), (1.0, 60, 64)])
def test_the_asked_share_of_sounds_is_augmented(share: float, low: int, high: int) -> None:
    method = classifier("robust_sound_classifier")
    sound = SoundAugmentationConfig(probability=share)
    method = Classifier(replace(method.config, sound_augmentation=sound))
    torch.manual_seed(0)
    examples = batch(64)
    untouched = examples.waveform.clone()
    augmented = method.augmented_picture(examples, method.augmentation)
    torch.testing.assert_close(examples.waveform, untouched)  # the batch itself stays
    difference = (augmented - method.picture(examples)).abs().amax(dim=(1, 2, 3))
    assert low <= int((difference > 1e-4).sum()) <= high


def test_augmented_pictures_and_spectra_stay_in_range() -> None:
    torch.manual_seed(0)
    image = batch().image
    moved = augment_images(image, ImageAugmentationConfig())
    assert moved.shape == image.shape
    assert float(moved.abs().max()) <= 2.0
    assert not torch.equal(moved, image)
    encoder = classifier("robust_image_classifier")
    seen = encoder.augmented_picture(batch(), ImageAugmentationConfig())
    assert float(seen.abs().max()) <= 1.0
    spectra = torch.rand(8, 1, 128, 44) * 2 - 1
    shaped = augment_spectra(spectra, SoundAugmentationConfig(), unit_per_db=0.015)
    assert float(shaped.abs().max()) <= 1.0
    assert not torch.equal(shaped, spectra)


def test_gradients_pass_through_the_augmentation_of_pictures() -> None:
    torch.manual_seed(0)
    picture = (torch.rand(4, 3, 32, 32) - 0.5).requires_grad_(True)
    config = ImageAugmentationConfig(colour=0.1, noise=0.0, cutout=0.0)
    augment_images(picture, config).sum().backward()
    assert picture.grad is not None
    assert float((picture.grad != 0).float().mean()) > 0.9


def test_pictures_of_one_channel_stay_of_one() -> None:
    picture = torch.rand(4, 1, 128, 32) * 2 - 1
    assert augment_images(picture, ImageAugmentationConfig()).shape == picture.shape


def test_two_inputs_and_their_labels_are_mixed_in_the_same_shares() -> None:
    """Mutants: labels not mixed, shares swapped, real sounds' impossible classes kept out."""
    config = classifier("robust_sound_classifier").config
    method = Classifier(replace(config, mixup=1.0, label_smoothing=0.0, sound_augmentation=None))
    examples = batch(6)
    possible = torch.ones(6, 13, dtype=torch.bool)
    possible[:3, int(examples.label[1])] = False
    possible[torch.arange(6), examples.label] = True
    examples = replace(examples, possible=possible)
    seen: list[Tensor] = []
    logits = torch.randn(6, 13)

    def encode(picture: Tensor) -> tuple[Tensor, Tensor]:
        seen.append(picture)
        return picture.flatten(1), logits

    method.encode = encode  # type: ignore[method-assign]
    torch.manual_seed(3)
    loss = next(method.updates(examples)).loss
    torch.manual_seed(3)
    share = float(torch.distributions.Beta(1.0, 1.0).sample())
    partner = torch.randperm(6)
    assert 0.05 < share < 0.95
    assert partner.tolist() != list(range(6))
    picture = method.picture(examples)
    torch.testing.assert_close(seen[0], share * picture + (1 - share) * picture[partner])
    expected = []
    for i, j in enumerate(partner.tolist()):
        allowed = possible[i] | possible[j]
        log_p = functional.log_softmax(torch.where(allowed, logits[i], torch.tensor(-30.0)), dim=0)
        first, second = int(examples.label[i]), int(examples.label[j])
        expected.append(-share * log_p[first] - (1 - share) * log_p[second])
    torch.testing.assert_close(loss, torch.stack(expected).mean())


def test_impossible_classes_get_no_share_of_the_smoothing() -> None:
    """Mutant: every class smoothed; then each row of real sounds moves all possible logits down."""
    torch.manual_seed(0)
    logits = torch.randn(6, 13)
    possible = torch.ones(6, 13, dtype=torch.bool)
    possible[:3, 10:] = False
    masked = torch.where(possible, logits, torch.tensor(-30.0)).requires_grad_(True)
    label = torch.tensor([0, 3, 9, 12, 5, 1])
    loss = smoothed_cross_entropy(masked, label, possible, 0.1)
    (gradient,) = torch.autograd.grad(loss, masked)
    torch.testing.assert_close((gradient * possible).sum(1), torch.zeros(6), atol=1e-6, rtol=0.0)
    everywhere = smoothed_cross_entropy(logits, label, None, 0.1)
    expected = functional.cross_entropy(logits, label, label_smoothing=0.1)
    torch.testing.assert_close(everywhere, expected)
    none = smoothed_cross_entropy(logits, label, None, 0.0)
    torch.testing.assert_close(none, functional.cross_entropy(logits, label))


def test_the_condition_is_augmented_in_training_alone() -> None:
    method = improved_gan(condition_augmentation=SoundAugmentationConfig())
    examples = batch()
    heard, _ = method.condition_and_real(examples)
    torch.manual_seed(0)
    augmentation = method.config.condition_augmentation
    moved = method.condition_of(method.encoder.augmented_picture(examples, augmentation))
    assert not torch.allclose(heard, moved)
    given: list[Tensor] = []
    method.players["generator"].register_forward_pre_hook(lambda _, inputs: given.append(inputs[0]))
    torch.manual_seed(0)
    next(method.updates(examples))
    torch.testing.assert_close(given[0], moved)
    method.validate([examples])
    torch.testing.assert_close(given[1], heard)


def test_the_discriminator_sees_real_and_fake_alike_augmented() -> None:
    """Mutants: only the real or only the fake augmented; the generator's step unaugmented."""
    losses = []
    for augmentation in (None, STILL, ImageAugmentationConfig()):
        method = improved_gan(picture_augmentation=augmentation, condition_augmentation=None)
        seen: list[Tensor] = []
        discriminator = method.players["discriminator"]
        features = discriminator.features
        discriminator.features = (  # type: ignore[assignment]
            lambda picture, seen=seen, features=features: features(seen.append(picture) or picture)
        )
        torch.manual_seed(1)
        losses.append([float(update.loss.detach()) for update in method.updates(batch())])
        real, fake = seen[:2]
        if augmentation is not None and augmentation.cutout:
            assert bool((real == 0).flatten(1).any(1).any())  # part of some are hidden
            assert bool((fake == 0).flatten(1).any(1).any())
            torch.testing.assert_close(seen[-2:], [fake, real])  # in the generator's step too
    assert losses[0] == pytest.approx(losses[1], abs=1e-5)
    assert abs(losses[0][0] - losses[2][0]) > 1e-4


def test_mismatched_pictures_are_augmented_as_real_ones_are() -> None:
    """Mutant: left as they are, and the discriminator tells wrong from right by its tint."""
    method = improved_gan(
        mismatch="instrument",
        condition_augmentation=None,
        picture_augmentation=ImageAugmentationConfig(cutout=0.0, noise=0.0),
    )
    seen: list[Tensor] = []
    discriminator = method.players["discriminator"]
    features = discriminator.features
    discriminator.features = lambda picture: features(seen.append(picture) or picture)  # type: ignore[assignment]
    torch.manual_seed(0)
    next(method.updates(batch()))
    plain = batch()
    assert plain.mismatched_image is not None
    for shown, as_drawn in ((seen[0], plain.image), (seen[2], plain.mismatched_image)):
        difference = (shown - as_drawn).flatten(1).abs().amax(1)
        assert bool((difference > 1e-3).all())


def test_an_augmentation_that_cannot_be_is_refused_in_one_line() -> None:
    sound = classifier("robust_sound_classifier")
    method = Classifier(replace(sound.config, front_end=MelConfig()))
    with pytest.raises(ConfigError, match=r"adds decibels.*Mel has none; set it to null"):
        method.augmented_picture(batch(), method.augmentation)
    with pytest.raises(ConfigError, match=r"other modality.*encoder of sounds"):
        sound.augmented_picture(batch(), ImageAugmentationConfig())
