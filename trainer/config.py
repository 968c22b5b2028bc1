"""What a training run is: one typed, validated record that goes to JSON and back. Torch-free."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from trainer.errors import ConfigError
from trainer.files import write_beside

Positive = Annotated[int, Field(ge=1)]
LARGEST_SEED = 2**63 - 1
"""That NumPy and PyTorch both take."""


class TrainConfig(BaseModel):
    """Every setting of a run, with its meaning; the defaults are the ``faces`` preset.

    A value out of range is refused here, before anything is read or written.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    preset: str = Field("faces", description="Name of the preset these settings started from.")
    system: str = Field("jmvae-kl", description="Which of the systems is trained.")
    dataset: Literal["celeba", "mnist", "lfw", "folder"] = Field(
        "celeba", description="Layout of the data set in ``data``."
    )
    data: Path = Field(description="Folder of the data set, as it is distributed.")
    cache: Path | None = Field(None, description="Folder for decoded pictures; the user's cache if empty.")

    image_size: int = Field(64, ge=8, le=1024, description="Side of the model's pictures in pixels.")
    image_scale: Literal["standardised", "unit"] = Field(
        "standardised",
        description="Pixels standardised with a Gaussian of unit variance, or 0…1 with a Bernoulli.",
    )
    binarise: bool = Field(
        False,
        description="Draw the training pictures' pixels anew as 0 or 1 in every epoch, by their brightness.",
    )

    nets: Literal["conv", "dense"] = Field(
        "conv", description="The papers' nets for 64×64 faces, or for MNIST."
    )
    hidden: Positive = Field(512, description="Units of a layer of the dense nets.")
    latent: Positive = Field(128, description="Dimensions of the latent code z; in JMVAE-h, of each layer.")
    variance: Literal["fixed", "softplus", "log-variance"] = Field(
        "fixed", description="Of standardised pixels and attributes: one, or learned (CMMA: log-variance)."
    )
    target: Literal["image", "vector"] = Field(
        "image", description="What CVAE, CMMA and CGAN make: the picture, or its attributes or label."
    )
    layers: int = Field(2, ge=2, le=8, description="Stochastic layers of JMVAE-h.")
    condition_term: bool = Field(
        False, description="CMMA: add E log q(conditions|z) to the objective, as its paper does."
    )

    epochs: int = Field(16, ge=0, description="Passes over the training pictures before the GAN joins.")
    gan_epochs: int = Field(0, ge=0, description="Further passes in which the decoder also plays a GAN.")
    batch_size: int = Field(64, ge=2, description="Pictures per update (batch normalisation needs two).")
    optimizer: Literal["adam", "adagrad"] = Field(
        "adam", description="Of the bound: Adam, or AdaGrad as in CMMA's paper."
    )
    learning_rate: float = Field(
        5e-4, gt=0, le=1, description="The optimiser's first rate; falls as a cosine."
    )
    learning_rate_end: float = Field(2e-5, gt=0, le=1, description="The optimiser's last rate.")
    adam_epsilon: float = Field(1e-8, gt=0, description="Adam's epsilon.")
    gradient_clip: float | None = Field(
        None, gt=0, description="Largest total gradient norm of an update on the bound; none if empty."
    )
    alpha: float = Field(1.0, ge=0, description="Weight of JMVAE-kl's KL terms between encoders.")
    warmup_share: float = Field(
        0.4, ge=0, le=0.5, description="Share of the epochs in which beta rises from 0 to 1 (N_t / epochs)."
    )
    channel_reduction: Literal["sum", "mean"] = Field(
        "sum",
        description="Image log-likelihood: summed over channels, or their mean as the papers' code does.",
    )
    ema_decay: float = Field(
        0.999, ge=0, lt=1, description="Memory of the averaged weights that are shipped."
    )
    flip: bool = Field(True, description="Mirror half of the pictures.")

    augment: bool = Field(False, description="Move, turn and relight every picture a little.")
    parent: Path | None = Field(None, description="Checkpoint of the same system to start from.")
    learn: Literal["all", "attributes", "reading", "decoding"] = Field(
        "all",
        description="Everything; the attributes' parts, those of the picture staying as the checkpoint has them; "
        "only how a picture's code is found and attributes are read from it; or only how a code becomes a picture.",
    )
    average_face: float = Field(
        0.0, ge=0, description="Weight of the pictures' likelihood at the average face of their attributes."
    )
    keep_attributes: bool = Field(
        False,
        description="The checkpoint's attributes stay beside the data's: pictures have what it reads in them.",
    )

    gan_learning_rate: float = Field(1e-4, gt=0, le=1, description="Adam's rate in the GAN epochs.")
    gan_gradient_penalty: float = Field(1.0, ge=0, description="R1 penalty of a CGAN's discriminator.")
    gan_reconstruction: float = Field(
        1.0, ge=0, description="Gamma: weight of the reconstruction beside the decoder's GAN loss."
    )

    recon_loss: Literal["pixel", "feature"] = Field(
        "pixel",
        description="What the decoder's reconstruction is compared by in the GAN's epochs: pixels, or the "
        "discriminator's features.",
    )

    edit_epochs: int = Field(0, ge=0, description="Last passes, in which the editor learns from a critic.")
    edit_learning_rate: float = Field(3e-4, gt=0, le=1, description="Adam's rate for editor and critics.")
    edit_head_start: int = Field(500, ge=0, description="Updates of the critics before the editor begins.")
    edit_realness: float = Field(1.0, ge=0, description="Weight of being taken for a photograph.")
    edit_patches: float = Field(
        0.0, ge=0, description="Weight of every patch seeming as real as before the edit."
    )
    edit_asked: float = Field(3.0, ge=0, description="Weight of showing the attributes asked for.")
    edit_kept: float = Field(20.0, ge=0, description="Weight of keeping all other attributes as they read.")
    edit_consistency: float = Field(
        2.0, ge=0, description="Weight of the model's own reading of the edited face."
    )
    edit_size: float = Field(
        2.0, ge=0, description="Weight of the editor's mean absolute change of pixels, before it is coloured."
    )
    edit_tint: float = Field(
        0.0, ge=0, description="How much more of that weight a change of colour has than one of brightness."
    )
    edit_hardness: float = Field(
        0.05, ge=0, description="Weight with which edited faces teach the critic their old attributes."
    )
    edit_gradient_penalty: float = Field(0.5, ge=0, description="R1 penalty of the critics.")
    edit_soft: float = Field(
        0.0, ge=0, le=1, description="Share of the faces that the editor meets softened."
    )
    edit_scale: float = Field(
        1.0, gt=0, le=2, description="How far a slider's step moves the code that an edit is made from."
    )
    edit_focus: float = Field(3.0, gt=0, description="How much oftener the most wanted attributes are asked.")

    device: Literal["auto", "cpu", "cuda", "mps"] = Field("auto", description="Where the model is trained.")
    precision: Literal["32-true", "bf16-mixed"] = Field("bf16-mixed", description="Numbers inside the nets.")
    torch_compile: Literal["auto", "yes", "no"] = Field(
        "auto", description="Compile the bound with torch.compile; auto: in long runs on CUDA."
    )
    seed: int = Field(
        0, ge=0, le=LARGEST_SEED, description="Seed of the weights, the order, the flips and the noise."
    )
    checkpoint_steps: Positive = Field(500, description="Updates between two saves of the whole state.")
    log_steps: Positive = Field(50, description="Updates between two lines of loss terms.")
    limit: int | None = Field(
        None, ge=4, description="Use only so many pictures of each partition (for tests)."
    )

    @property
    def total_epochs(self) -> int:
        """All epochs, those of the later stages included."""
        return self.epochs + self.gan_epochs + self.edit_epochs

    @property
    def warmup_epochs(self) -> int:
        """N_t: the first epoch at full beta, counted from 1. At least half of all epochs lie beyond it."""
        return max(1, round(self.epochs * self.warmup_share))

    def beta(self, epoch: int) -> float:
        """Weight of KL(q(z|x,w) || p(z)) in ``epoch`` (from 1): 0 in the first, 1 from ``warmup_epochs`` on."""
        if self.warmup_epochs == 1:
            return 1.0
        return min(1.0, (epoch - 1) / (self.warmup_epochs - 1))

    def save(self, path: Path) -> None:
        """Write the settings as JSON."""
        write_beside(path, self.to_json())

    def to_json(self) -> str:
        """For `load_config`; ASCII, so that names of files pass that are no Unicode."""
        return json.dumps(self.model_dump(mode="json"), indent=2) + "\n"


def make_config(values: dict[str, Any]) -> TrainConfig:
    """Check ``values`` and name the first bad one in its own terms.

    Raises:
        ConfigError: A setting is unknown, missing or out of range.
    """
    try:
        return TrainConfig(**values)
    except ValidationError as error:
        first = error.errors()[0]
        name = ".".join(str(part) for part in first["loc"])
        message = f"Setting “{name}”: {first['msg']} (given: {first.get('input')!r})."
        raise ConfigError(message, name.partition(".")[0]) from error


def load_config(path: Path) -> TrainConfig:
    """Read the settings of a run.

    Raises:
        ConfigError: The file is missing, is not JSON or holds bad settings.
    """
    try:
        text = path.read_text(encoding="utf-8")
    except OSError as error:
        raise ConfigError(f"No settings at {path}: {error.strerror}. Is it the folder of a run?") from error
    except ValueError as error:
        raise ConfigError(f"The settings in {path} are not readable JSON: {error}") from error
    return parse_config(text, str(path))


def parse_config(text: str, source: str) -> TrainConfig:
    """Settings from JSON; ``source`` is named in complaints.

    Raises:
        ConfigError: It is no JSON or holds bad settings.
    """
    try:
        values = json.loads(text)
    except ValueError as error:
        raise ConfigError(f"The settings in {source} are not readable JSON: {error}") from error
    if not isinstance(values, dict):
        raise ConfigError(f"The settings in {source} are not a JSON object.")
    return make_config(values)


PRESETS: dict[str, dict[str, Any]] = {
    "faces": {},
    "studio": {
        "system": "jmvae-kl-studio",
        "epochs": 10,
        "learning_rate": 1e-3,
        "learning_rate_end": 1e-4,
        "augment": True,
        "edit_epochs": 14,
        "edit_head_start": 300,
        "edit_realness": 2.0,
        "edit_asked": 4.0,
        "edit_kept": 60.0,
        "edit_consistency": 3.0,
        "edit_size": 8.0,
        "edit_soft": 0.3,
    },
    "own-attributes": {
        "system": "jmvae-kl-studio",
        "learn": "attributes",
        "keep_attributes": True,
        "epochs": 15,
        "batch_size": 16,
        "learning_rate": 1e-3,
        "learning_rate_end": 5e-5,
        "warmup_share": 0.0,
        "ema_decay": 0.99,
        "augment": True,
        "log_steps": 5,
    },
    "mnist": {
        "dataset": "mnist",
        "image_size": 28,
        "image_scale": "unit",
        "binarise": True,
        "flip": False,
        "nets": "dense",
        "latent": 64,
        "epochs": 500,
        "batch_size": 100,
        "learning_rate": 1e-3,
        "learning_rate_end": 1e-3,
        "adam_epsilon": 1e-4,
        "gradient_clip": 5.0,
        "ema_decay": 0.0,
        "precision": "32-true",
    },
}
"""Name → settings that differ from the defaults. ``mnist`` is that of the papers (I: 500 epochs, N_t = 200);
``own-attributes`` teaches a model that is there the attributes of a few hundred pictures."""
