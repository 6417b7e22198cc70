"""One function per published run: a name in, the whole config out.

``sightsound train NAME --data DATASET`` trains a recipe; what it stands on (a GAN needs two
classifiers) is trained first where it is missing. A variant calls another recipe and replaces a
field, so the difference of two recipes is the ablation. ``python -m sightsound train --help``
lists them.
"""

from __future__ import annotations

import difflib
import inspect
from collections.abc import Callable
from dataclasses import dataclass, field, fields, is_dataclass, replace
from typing import Any, Literal, TypeAlias, TypeVar

from sightsound.errors import ConfigError
from sightsound.features.augmentation import ImageAugmentationConfig, SoundAugmentationConfig
from sightsound.features.constant_q import ConstantQConfig
from sightsound.features.representations import MelConfig, MfccConfig, StftConfig
from sightsound.features.spectra import LogMelConfig
from sightsound.methods.autoencoder import ReconstructionConfig
from sightsound.methods.car_gan import CascadeGanConfig
from sightsound.methods.classifier import ClassifierConfig, FrontEndConfig
from sightsound.methods.cmcgan import CycleGanConfig
from sightsound.methods.conditional_gan import ConditionalGanConfig
from sightsound.methods.cvae import VariationalAutoencoderConfig
from sightsound.methods.dynamic_classifier import DynamicClassifierConfig
from sightsound.methods.encoder_autoencoder import EncoderAutoencoderConfig
from sightsound.methods.pose import PoseRegressionConfig
from sightsound.methods.protocol import AdamConfig
from sightsound.methods.regression import RegressionConfig
from sightsound.methods.sa_cmgan import SelfAttentionGanConfig
from sightsound.networks.attention import AttentionEncoderConfig
from sightsound.networks.paper import (
    PaperGanConfig,
    PaperImageEncoderConfig,
    PaperSoundEncoderConfig,
)
from sightsound.networks.residual import ResidualEncoderConfig, ResidualGanConfig
from sightsound.networks.strided import StridedEncoderConfig
from sightsound.networks.variational import VariationalConfig
from sightsound.pairs.store import StoreConfig
from sightsound.pairs.truth import POSE_COLUMNS
from sightsound.shapes import Direction
from sightsound.training.loop import TrainingConfig

# One over the root mean square of each representation over orchestra-v1's training windows.
STFT_SCALE = 0.75
MS_SCALE = 0.09
MFCC_SCALE = 0.0095
PAPER_CQT = ConstantQConfig(bins_per_octave=12, hop_length=128, amplitude_scale=80.0)  # 96 × 173

T = TypeVar("T", bound=Any)  # a config

MethodConfig: TypeAlias = (
    ClassifierConfig
    | ReconstructionConfig
    | EncoderAutoencoderConfig
    | PoseRegressionConfig
    | ConditionalGanConfig
    | RegressionConfig
    | SelfAttentionGanConfig
    | VariationalAutoencoderConfig
    | CascadeGanConfig
    | CycleGanConfig
    | DynamicClassifierConfig
)


@dataclass(frozen=True, kw_only=True)
class PairsConfig:
    """Which pairs a run learns from, and how they are drawn."""

    store: StoreConfig = field(default_factory=StoreConfig)
    train_split: str = "train"
    validation_split: str = "validation"
    instruments: tuple[str, ...] | None = None  # those to learn; None = all of the data set
    recordings_share: float = 0.0  # share of a batch's sounds from --recordings, where given
    minimum_pose_distance: float = 0.25  # of a partner mismatched by pose; see pairs.mismatches

    def __post_init__(self) -> None:
        if not 0 <= self.recordings_share <= 1:
            raise ConfigError(
                f"recordings_share={self.recordings_share}: 0 <= recordings_share <= 1 is needed"
            )


@dataclass(frozen=True, kw_only=True)
class RunConfig:
    """Everything that decides a run's outcome."""

    recipe: str
    method: MethodConfig
    pairs: PairsConfig = field(default_factory=PairsConfig)
    training: TrainingConfig = field(default_factory=TrainingConfig)


def sound_classifier() -> RunConfig:
    """The paper's sound encoder (Fig. 4), trained to name the instrument."""
    return RunConfig(
        recipe="sound_classifier",
        method=ClassifierConfig(
            modality="sound",
            network=PaperSoundEncoderConfig(),
            front_end=LogMelConfig(),
        ),
        training=TrainingConfig(steps=5000, schedule="cosine", validate_every=500),
    )


def sound_classifier_3() -> RunConfig:
    """Table 1: log-mel (LMS), three convolutions."""
    return _represented("sound_classifier_3", LogMelConfig(), layers=3)


def sound_classifier_stft() -> RunConfig:
    """Table 1: magnitudes of the Fourier transform (STFT), four convolutions."""
    return _represented("sound_classifier_stft", StftConfig(scale=STFT_SCALE), layers=4)


def sound_classifier_stft_3() -> RunConfig:
    """Table 1: magnitudes of the Fourier transform (STFT), three convolutions."""
    return _represented("sound_classifier_stft_3", StftConfig(scale=STFT_SCALE), layers=3)


def sound_classifier_ms() -> RunConfig:
    """Table 1: mel-spectrogram (MS), four convolutions."""
    return _represented("sound_classifier_ms", MelConfig(scale=MS_SCALE), layers=4)


def sound_classifier_ms_3() -> RunConfig:
    """Table 1: mel-spectrogram (MS), three convolutions."""
    return _represented("sound_classifier_ms_3", MelConfig(scale=MS_SCALE), layers=3)


def sound_classifier_cqt() -> RunConfig:
    """Table 1: constant-Q transform (CQT), four convolutions."""
    return _represented("sound_classifier_cqt", PAPER_CQT, layers=4)


def sound_classifier_cqt_3() -> RunConfig:
    """Table 1: constant-Q transform (CQT), three convolutions."""
    return _represented("sound_classifier_cqt_3", PAPER_CQT, layers=3)


def sound_classifier_mfcc() -> RunConfig:
    """Table 1: mel-frequency cepstral coefficients (MFCC), four convolutions."""
    return _represented("sound_classifier_mfcc", MfccConfig(scale=MFCC_SCALE), layers=4)


def sound_classifier_mfcc_3() -> RunConfig:
    """Table 1: mel-frequency cepstral coefficients (MFCC), three convolutions."""
    return _represented("sound_classifier_mfcc_3", MfccConfig(scale=MFCC_SCALE), layers=3)


def image_classifier() -> RunConfig:
    """The paper's image encoder Γ (Fig. 5), trained to name the instrument."""
    return RunConfig(
        recipe="image_classifier",
        method=ClassifierConfig(modality="image", network=PaperImageEncoderConfig()),
        training=TrainingConfig(steps=800, schedule="cosine", validate_every=100),
    )


def sound_autoencoder() -> RunConfig:
    """The paper's sound encoder (Fig. 4), trained as an autoencoder of log-mels.

    As long as ``sound_classifier`` and on the same pairs. Nothing is dropped out before the
    embedding: a decoder needs all of it.
    """
    run = sound_classifier()
    return replace(
        run,
        recipe="sound_autoencoder",
        method=EncoderAutoencoderConfig(
            modality="sound",
            network=PaperSoundEncoderConfig(hidden_dropout=0.0),
            front_end=LogMelConfig(),
        ),
    )


def image_autoencoder() -> RunConfig:
    """The paper's image encoder Γ (Fig. 5), trained as an autoencoder of pictures."""
    run = image_classifier()
    return replace(
        run,
        recipe="image_autoencoder",
        method=EncoderAutoencoderConfig(
            modality="image", network=PaperImageEncoderConfig(hidden_dropout=0.0)
        ),
    )


def robust_sound_classifier() -> RunConfig:
    """A wider sound encoder for sounds that no synthesiser made.

    Level matters little to it (the log-mel's own floor apart), half of the sounds are heard in
    other rooms and through other equalisers, and where ``--recordings`` are given, a quarter of a
    batch is real.
    """
    return RunConfig(
        recipe="robust_sound_classifier",
        method=ClassifierConfig(
            modality="sound",
            network=StridedEncoderConfig(peak_relative=True),
            front_end=LogMelConfig(),
            label_smoothing=0.05,
            sound_augmentation=SoundAugmentationConfig(probability=0.5),
        ),
        pairs=PairsConfig(recordings_share=0.25),
        training=TrainingConfig(
            steps=8000, schedule="cosine", warmup_steps=100, validate_every=500
        ),
    )


def robust_image_classifier() -> RunConfig:
    """A residual image encoder that has seen pictures moved, tinted, noisy and partly hidden."""
    return RunConfig(
        recipe="robust_image_classifier",
        method=ClassifierConfig(
            modality="image",
            network=ResidualEncoderConfig(),
            label_smoothing=0.05,
            image_augmentation=ImageAugmentationConfig(),
        ),
        training=TrainingConfig(steps=1000, schedule="cosine", warmup_steps=100),
    )


def s2i_c() -> RunConfig:
    """S2I-C, the paper's main model: sound to image, classifier features, mismatched pairs.

    Departs: the picture of another instrument, ω(I₋ᵢ), is drawn from the batch itself, so that the
    discriminator's convolutions see each real picture once; its distribution is the same. Averaged
    weights are used, which jump less from one validation to the next.
    """
    return RunConfig(
        recipe="s2i_c",
        method=ConditionalGanConfig(
            direction=Direction.SOUND_TO_IMAGE,
            encoder="sound_classifier",
            examiner="image_classifier",
            mismatch="in_batch",
            averaged=True,
        ),
        training=_gan_training(steps=3000, batch_size=16),
    )


def s2i_n() -> RunConfig:
    """S2I-N: S2I-C without the mismatched pairs."""
    run = s2i_c()
    return replace(run, recipe="s2i_n", method=replace(_gan(run), mismatch="none"))


def s2i_a() -> RunConfig:
    """S2I-A, first reading: S2I-C on a sound encoder trained as an autoencoder.

    The paper's text on S2I-A was not at hand. That its figures call all three variants "S2I
    GANs" speaks for this reading; ``s2i_a_mse`` is the other.
    """
    run = s2i_c()
    return replace(run, recipe="s2i_a", method=replace(_gan(run), encoder="sound_autoencoder"))


def s2i_a_mse() -> RunConfig:
    """S2I-A, second reading: S2I-C without its adversary, by the picture's squared error.

    A blog that explains the paper has it so: no adversarial part, the error of the image by MSE.
    It names nothing else that changes, so the encoder stays S2I-C's classifier, and the
    difference to S2I-C is the adversary alone.
    """
    run = s2i_c()
    gan = _gan(run)
    method = RegressionConfig(
        direction=gan.direction,
        encoder=gan.encoder,
        examiner=gan.examiner,
        network=PaperGanConfig(),
        generator_adam=gan.generator_adam,
    )
    return replace(run, recipe="s2i_a_mse", method=method)


def i2s_a() -> RunConfig:
    """I2S on an image encoder trained as an autoencoder; the mirror of ``s2i_a``.

    Departs: the paper names no variant of I2S.
    """
    run = i2s()
    return replace(run, recipe="i2s_a", method=replace(_gan(run), encoder="image_autoencoder"))


def s2i_pose() -> RunConfig:
    """Pose-oriented S2I of two instruments: mismatched is the same player in another pose.

    Departs: the paper's mismatched picture is of another person or pose; here of the same player
    at another moment, so that nothing but the pose can tell. ``s2i_person`` is the paper's own.
    """
    run = s2i_c()
    return replace(
        run,
        recipe="s2i_pose",
        method=replace(_gan(run), mismatch="pose"),
        pairs=replace(run.pairs, instruments=("cello", "violin")),
    )


def s2i_person() -> RunConfig:
    """Pose-oriented S2I, the paper's own: mismatched is another person with the instrument.

    ω(Iᵢ⁻ʲ): one model of several persons in different poses (Fig. 10). Other instruments:
    ``--set 'pairs.instruments=["flute"]'``.
    """
    run = s2i_pose()
    return replace(run, recipe="s2i_person", method=replace(_gan(run), mismatch="person"))


def i2s() -> RunConfig:
    """I2S, the paper's way back: image to log-mel, classifier features, mismatched pairs."""
    return _back(s2i_c(), "i2s", encoder="image_classifier", examiner="sound_classifier")


def s2i_c_improved() -> RunConfig:
    """S2I-C with everything else renewed: robust encoder, residual networks, relativistic loss.

    The same method: a conditional GAN on classifier features with instrument-mismatched pairs.
    """
    run = s2i_c()
    return replace(
        run,
        recipe="s2i_c_improved",
        method=replace(
            _gan(run),
            encoder="robust_sound_classifier",
            examiner="robust_image_classifier",
            network=ResidualGanConfig(),
            loss="relativistic",
            generator_adam=AdamConfig(learning_rate=4e-4, beta1=0.0, beta2=0.99),
            discriminator_adam=AdamConfig(learning_rate=4e-4, beta1=0.0, beta2=0.99),
            penalty_weight=2.0,
            averaged=True,
        ),
        training=_gan_training(steps=2400, schedule="cosine"),
    )


def i2s_improved() -> RunConfig:
    """I2S with everything else renewed, as ``s2i_c_improved``.

    Its log-mel is 128 × 32 instead of 64 × 64: half of the mel bands cost a third of the sounds
    their instrument (docs/experiments.md, 5), a quarter of the frames costs nothing. Its learning
    rate stays, so that a run can be prolonged.
    """
    run = _back(
        s2i_c_improved(),
        "i2s_improved",
        encoder="robust_image_classifier",
        examiner="robust_sound_classifier",
    )
    network = ResidualGanConfig(picture_size=(128, 32))
    return replace(
        run,
        method=replace(_gan(run), network=network, penalty_weight=1.0),
        training=_gan_training(steps=1000),
    )


def sa_sound_classifier() -> RunConfig:
    """SA-CMGAN's sound encoder: self-attention on log-mels of 64×64, trained to name the class.

    Departs: 400 batches of 64 instead of 8,000, so that encoder and GAN together cost what the
    other methods cost.
    """
    run = sound_classifier()
    network = AttentionEncoderConfig(input_channels=1)
    return replace(
        run,
        recipe="sa_sound_classifier",
        method=replace(_classifier(run), network=network),
        training=TrainingConfig(steps=400, schedule="cosine", validate_every=100),
    )


def sa_image_classifier() -> RunConfig:
    """SA-CMGAN's image encoder, the mirror of ``sa_sound_classifier``."""
    run = image_classifier()
    return replace(
        run,
        recipe="sa_image_classifier",
        method=replace(_classifier(run), network=AttentionEncoderConfig(input_channels=3)),
        training=TrainingConfig(steps=400, schedule="cosine", validate_every=100),
    )


def sa_cmgan_s2i() -> RunConfig:
    """SA-CMGAN, sound to image: self-attention, spectral norms, hinge loss."""
    return RunConfig(
        recipe="sa_cmgan_s2i",
        method=SelfAttentionGanConfig(
            direction=Direction.SOUND_TO_IMAGE,
            encoder="sa_sound_classifier",
            examiner="image_classifier",
        ),
        training=_gan_training(steps=950),
    )


def sa_cmgan_i2s() -> RunConfig:
    """SA-CMGAN, image to sound: log-mels of 64×64, the rest as ``sa_cmgan_s2i``."""
    return RunConfig(
        recipe="sa_cmgan_i2s",
        method=SelfAttentionGanConfig(
            direction=Direction.IMAGE_TO_SOUND,
            encoder="sa_image_classifier",
            examiner="sound_classifier",
        ),
        training=_gan_training(steps=950),
    )


def cvae_s2i() -> RunConfig:
    """A conditional variational autoencoder after AC-VAE, sound to image."""
    return RunConfig(
        recipe="cvae_s2i",
        method=VariationalAutoencoderConfig(
            direction=Direction.SOUND_TO_IMAGE,
            encoder="sound_classifier",
            examiner="image_classifier",
        ),
        training=_gan_training(steps=2400),
    )


def cvae_i2s() -> RunConfig:
    """A conditional variational autoencoder after AC-VAE, image to sound: log-mels of 128×32."""
    return RunConfig(
        recipe="cvae_i2s",
        method=VariationalAutoencoderConfig(
            direction=Direction.IMAGE_TO_SOUND,
            encoder="image_classifier",
            examiner="sound_classifier",
            network=VariationalConfig(picture_size=(128, 32)),
        ),
        training=_gan_training(steps=1700),
    )


def car_gan() -> RunConfig:
    """A cascade with residual labels after CAR-GAN, sized to the budget of the other methods.

    Departs: networks of 64 pixels and a quarter of the width, about 43,000 pairs seen instead of
    300 epochs; ``methods/car_gan.py`` says what else.
    """
    return RunConfig(
        recipe="car_gan",
        method=CascadeGanConfig(
            encoder="sound_classifier", examiner="robust_image_classifier", namer="image_classifier"
        ),
        training=_gan_training(steps=2700, batch_size=16, schedule="cosine"),
    )


def cmcgan() -> RunConfig:
    """CMCGAN: both directions in four cycles, one joint corresponding adversarial loss."""
    return RunConfig(
        recipe="cmcgan",
        method=CycleGanConfig(image_examiner="image_classifier", sound_examiner="sound_classifier"),
        training=_gan_training(steps=1400),
    )


def cmcgan_classifier() -> RunConfig:
    """CMCGAN's dynamic classifier: image, sound, both, or one and what it generates."""
    return RunConfig(
        recipe="cmcgan_classifier",
        method=DynamicClassifierConfig(filler="cmcgan"),
        training=TrainingConfig(steps=1000, batch_size=32, schedule="cosine", validate_every=100),
    )


def judge_image_residual() -> RunConfig:
    """First judge of pictures: residual network, trained on the split that nothing else sees."""
    run = robust_image_classifier()
    return _judge(run, "judge_image_residual", seed=101, steps=1500)


def judge_image_paper() -> RunConfig:
    """Second judge of pictures: the paper's own Γ (Fig. 5), another seed."""
    run = robust_image_classifier()
    method = replace(_classifier(run), network=PaperImageEncoderConfig())
    return _judge(replace(run, method=method), "judge_image_paper", seed=202, steps=800)


def judge_sound_residual() -> RunConfig:
    """First judge of sounds: residual network on the log-mel, every sound augmented."""
    run = robust_sound_classifier()
    method = replace(
        _classifier(run),
        network=ResidualEncoderConfig(input_channels=1, peak_relative=True),
        sound_augmentation=SoundAugmentationConfig(),
    )
    return _judge(replace(run, method=method), "judge_sound_residual", seed=303, steps=2500)


def judge_sound_strided() -> RunConfig:
    """Second judge of sounds: strided network on constant-Q features, another seed."""
    run = robust_sound_classifier()
    network = StridedEncoderConfig(input_size=(192, 11), peak_relative=True)
    method = replace(_classifier(run), network=network, front_end=ConstantQConfig())
    return _judge(replace(run, method=method), "judge_sound_strided", seed=404, steps=2000)


def judge_pose() -> RunConfig:
    """Judge of poses: what a picture shows, in the instrument's own coordinates."""
    network = StridedEncoderConfig(
        input_size=(64, 64),
        input_channels=3,
        channels=(32, 64, 96, 96),
        classes=len(POSE_COLUMNS),
        hidden_dropout=0.1,
        embedding_dropout=0.0,
    )
    run = RunConfig(
        recipe="judge_pose",
        method=PoseRegressionConfig(modality="image", network=network),
        training=TrainingConfig(schedule="cosine", warmup_steps=100),
    )
    return _judge(run, "judge_pose", seed=606, steps=5000)


def pose_from_sound() -> RunConfig:
    """What half a second of sound tells of a pose; no judge: a bound to compare models with."""
    network = StridedEncoderConfig(classes=len(POSE_COLUMNS))
    return RunConfig(
        recipe="pose_from_sound",
        method=PoseRegressionConfig(modality="sound", network=network, front_end=LogMelConfig()),
        training=TrainingConfig(steps=4000, schedule="cosine", warmup_steps=100),
    )


def image_features() -> RunConfig:
    """An autoencoder of pictures, for diversity in features that no class label shaped."""
    run = RunConfig(
        recipe="image_features",
        method=ReconstructionConfig(),
        training=TrainingConfig(schedule="cosine", warmup_steps=50),
    )
    return _judge(run, "image_features", seed=505, steps=800)


RECIPES: dict[str, Callable[[], RunConfig]] = {
    function.__name__: function
    for function in (
        sound_classifier,
        sound_classifier_3,
        sound_classifier_stft,
        sound_classifier_stft_3,
        sound_classifier_ms,
        sound_classifier_ms_3,
        sound_classifier_cqt,
        sound_classifier_cqt_3,
        sound_classifier_mfcc,
        sound_classifier_mfcc_3,
        image_classifier,
        sound_autoencoder,
        image_autoencoder,
        robust_sound_classifier,
        robust_image_classifier,
        s2i_c,
        s2i_n,
        s2i_a,
        s2i_a_mse,
        s2i_pose,
        s2i_person,
        i2s,
        i2s_a,
        s2i_c_improved,
        i2s_improved,
        sa_sound_classifier,
        sa_image_classifier,
        sa_cmgan_s2i,
        sa_cmgan_i2s,
        cvae_s2i,
        cvae_i2s,
        car_gan,
        cmcgan,
        cmcgan_classifier,
        judge_image_residual,
        judge_image_paper,
        judge_sound_residual,
        judge_sound_strided,
        judge_pose,
        pose_from_sound,
        image_features,
    )
}


def recipe(name: str) -> RunConfig:
    """The config of a recipe.

    Raises:
        ConfigError: no recipe of that name; the nearest is suggested.
    """
    if name not in RECIPES:
        near = difflib.get_close_matches(name, RECIPES, n=1)
        hint = f"did you mean {near[0]!r}? " if near else ""
        raise ConfigError(f"no recipe {name!r}; {hint}known: {', '.join(RECIPES)}")
    return RECIPES[name]()


def for_classes(config: RunConfig, count: int) -> RunConfig:
    """The same run on data of ``count`` classes; the recipes are written for the paper's 13."""
    if isinstance(config.method, PoseRegressionConfig):
        return config  # its network tells columns of a pose, no classes
    return _with_classes(config, count)


def summaries() -> dict[str, str]:
    """Recipe name → the first line of its docstring."""
    return {n: (inspect.getdoc(f) or "").partition("\n")[0] for n, f in RECIPES.items()}


def _with_classes(config: T, count: int) -> T:
    """Every field ``classes`` of a config and of the configs in it, replaced."""
    changes: dict[str, Any] = {}
    for each in fields(config):
        value = getattr(config, each.name)
        if each.name == "classes":
            changes[each.name] = count
        elif is_dataclass(value):
            changes[each.name] = _with_classes(value, count)
    return replace(config, **changes)


def _gan_training(
    *, steps: int, batch_size: int = 32, schedule: Literal["constant", "cosine"] = "constant"
) -> TrainingConfig:
    """Training of a generator: a validation and a checkpoint every 3,200 pairs."""
    every = 3200 // batch_size
    return TrainingConfig(
        steps=steps,
        batch_size=batch_size,
        schedule=schedule,
        validate_every=every,
        checkpoint_every=every,
        samples_every=500,
    )


def _back(run: RunConfig, name: str, *, encoder: str, examiner: str) -> RunConfig:
    """The same run from image to sound."""
    method = replace(
        _gan(run), direction=Direction.IMAGE_TO_SOUND, encoder=encoder, examiner=examiner
    )
    return replace(run, recipe=name, method=method)


def _represented(name: str, front_end: FrontEndConfig, *, layers: int) -> RunConfig:
    """``sound_classifier`` on another representation, with the first ``layers`` convolutions."""
    run = sound_classifier()
    network = PaperSoundEncoderConfig()
    network = replace(
        network,
        channels=network.channels[:layers],
        input_size=front_end.size(run.pairs.store.window_samples),
    )
    method = replace(_classifier(run), network=network, front_end=front_end)
    return replace(run, recipe=name, method=method)


def _judge(run: RunConfig, name: str, *, seed: int, steps: int) -> RunConfig:
    """The same run on the split ``judge``; its data and seed are no other run's."""
    return replace(
        run,
        recipe=name,
        pairs=replace(run.pairs, train_split="judge", recordings_share=0.0),
        training=replace(run.training, seed=seed, steps=steps),
    )


def _gan(run: RunConfig) -> ConditionalGanConfig:
    assert isinstance(run.method, ConditionalGanConfig), run.method
    return run.method


def _classifier(run: RunConfig) -> ClassifierConfig:
    assert isinstance(run.method, ClassifierConfig), run.method
    return run.method
