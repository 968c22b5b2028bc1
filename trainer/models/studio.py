"""The studio's face model: JMVAE-kl with one image trunk, better blocks and an editor trained as one.

q(z|x,w), q(z|x), q(z|w), p(x|z) and p(w|z) are those of JMVAE-kl (Suzuki et al. 2018, Eq. 4). Beside them stands
the editor: where the plain model changes a photograph by D(z') - D(z), this one adds to it what it decodes from the
move z' - z with the photograph's own maps at hand, trained by a critic so that the result is a photograph that shows
what was asked.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

from trainer.errors import CapabilityError
from trainer.models.distributions import Gaussian, standard_gaussian
from trainer.models.interface import Bound, JointModel, Modality, Reduction
from trainer.models.networks import initialise
from trainer.models.studio_networks import Change, CodeHead, Editor, StudioImageDecoder, Trunk
from trainer.objectives import negative_log_likelihoods
from trainer.systems import SYSTEMS

READING = 500.0
"""Weight of reading the attributes from q(z|x) alone, beside the bound."""
ATTRIBUTE_VARIANCE = 0.1
"""Of p(w|z): small, so that z holds the attributes and not only what they do to the pixels."""
SMOOTHING = 0.02
"""Share of the labels that the reading takes to be wrong."""


class StudioJMVAE(JointModel):
    """JMVAE-kl for 64×64 faces and their attributes, with a trained editor."""

    capabilities = SYSTEMS["jmvae-kl-studio"].capabilities
    adjustable = frozenset({"edit_scale", "edit_guided"})

    def __init__(
        self,
        modalities: tuple[Modality, ...],
        latent: int = 128,
        edit_scale: float = 1.0,
        edit_guided: bool = True,
    ) -> None:
        """A new one.

        Args:
            modalities: ``image`` and ``attributes``.
            latent: Dimensions of z.
            edit_scale: What the move of the code is multiplied by in an edit, once the editor is trained.
            edit_guided: Whether D(z') - D(z) makes what is broad in an edit; see `Editor`.
        """
        super().__init__(modalities, latent)
        self.edit_scale, self.edit_guided = edit_scale, edit_guided
        channels, size = self.modality("image").shape[:2]
        entries = self.modality("attributes").shape[0]
        self.trunk = Trunk(channels)
        self.attribute_head = nn.Sequential(
            nn.Linear(entries, 512),
            nn.ReLU(),
            nn.Linear(512, 512, bias=False),
            nn.BatchNorm1d(512),
            nn.ReLU(),
        )
        self.encoders = nn.ModuleDict(
            {
                "image": CodeHead(4096, latent),
                "attributes": CodeHead(512, latent),
                "image_attributes": CodeHead(4096 + 512, latent),
            }
        )
        self.decoders = nn.ModuleDict(
            {
                "image": StudioImageDecoder(channels, latent),
                "attributes": nn.Sequential(
                    nn.Linear(latent, 512), nn.ReLU(), nn.Linear(512, 512), nn.ReLU(), nn.Linear(512, entries)
                ),
            }
        )
        self.image_log_variance = nn.Parameter(torch.zeros(()))
        self.editor = Editor(channels, latent, size, edit_guided)
        initialise(self)
        self.editor.open_gate()
        nn.init.zeros_(self.editor.out.weight)  # an untrained editor invents nothing

    @classmethod
    def build(cls, modalities: tuple[Modality, ...], config: Mapping[str, Any]) -> StudioJMVAE:
        """See `JointModel.build`; checkpoints made before editors were guided do not hold ``edit_guided``."""
        scale, guided = float(config.get("edit_scale", 1.0)), bool(config.get("edit_guided", False))
        return cls(modalities, int(config["latent"]), scale, guided)

    def config(self) -> dict[str, Any]:
        """See `JointModel.config`."""
        return {"latent": self.latent, "edit_scale": self.edit_scale, "edit_guided": self.edit_guided}

    def encode(self, given: Mapping[str, Tensor]) -> Gaussian:
        """See `JointModel.encode`.

        Raises:
            CapabilityError: Nothing is given, or something this model does not know.
        """
        if not given or not given.keys() <= {"image", "attributes"}:
            raise CapabilityError(f"This model encodes image and attributes, not {sorted(given)}.")
        maps = self.trunk(given["image"]) if "image" in given else None
        return self._code(maps, given.get("attributes"))

    def _code(self, maps: list[Tensor] | None, attributes: Tensor | None) -> Gaussian:
        features = []
        if maps is not None:
            features.append(maps[-1].flatten(1))
        if attributes is not None:
            features.append(self.attribute_head(attributes))
        key = "image_attributes" if len(features) == 2 else ("image" if attributes is None else "attributes")
        posterior: Gaussian = self.encoders[key](torch.cat(features, 1))
        return posterior

    def decode_one(self, name: str, z: Tensor) -> Gaussian:
        """See `JointModel.decode_one`; the picture's variance is one learned number."""
        self.modality(name)
        mean = self.decoders[name](z).float()
        if name == "attributes":
            return Gaussian(torch.tanh(mean), torch.full((), ATTRIBUTE_VARIANCE, device=mean.device))
        return Gaussian(mean, self.image_log_variance.float().exp())

    def bound(self, data: Mapping[str, Tensor], noise: Tensor, channel_reduction: Reduction) -> Bound:
        """JMVAE-kl's terms (Eq. 4), and ``reading``: how badly the attributes are read from q(z|x)'s mean.

        The mean tanh(u) of p(w|z) is that of an attribute which is 1 with probability sigmoid(2u) and else -1; the
        reading is its cross-entropy in nats, summed over the attributes, with smoothed labels; a label w between -1 and
        1 counts as one that is 1 with probability (1 + w) / 2.
        """
        maps = self.trunk(data["image"])
        joint, by_image = self._code(maps, data["attributes"]), self._code(maps, None)
        by_attributes = self._code(None, data["attributes"])
        z = joint.sample(noise)
        terms = negative_log_likelihoods(self.decode(z), data, channel_reduction)
        terms["kl_prior"] = joint.kl(standard_gaussian(joint.mean)).mean()
        terms["kl_image"] = joint.kl(by_image).mean()
        terms["kl_attributes"] = joint.kl(by_attributes).mean()
        logits = 2 * self.decoders["attributes"](by_image.mean).float()
        target = (1 + data["attributes"]).clamp(0, 2) / 2 * (1 - 2 * SMOOTHING) + SMOOTHING
        wrong = functional.binary_cross_entropy_with_logits(logits, target, reduction="none")
        terms["reading"] = wrong.sum(1).mean()
        return Bound(terms, z)

    def loss(self, terms: Mapping[str, Tensor], alpha: float, beta: float) -> Tensor:
        """Eq. 4 with warm-up, plus `READING` times the reading error."""
        bound = terms["nll_image"] + terms["nll_attributes"] + beta * terms["kl_prior"]
        return bound + alpha * (terms["kl_image"] + terms["kl_attributes"]) + READING * terms["reading"]

    def prepare_edit(self, image: Tensor, move: Tensor | None = None) -> dict[str, Any]:
        """See `JointModel.prepare_edit`; also the picture's maps and the editor's answer to no move at all."""
        maps = self.trunk(image)
        skips = self.editor.see(image, maps)
        z = self._code(maps, None).mean
        if move is not None:
            z = z + move
        reconstruction = self.decode_one("image", z).mean
        still = self.editor(skips, torch.zeros_like(z), torch.zeros_like(reconstruction))
        return {"z": z, "skips": skips, "reconstruction": reconstruction, "rest": still.detail}

    def latent_change(self, prepared: Mapping[str, Any], move: Tensor) -> Tensor:
        """See `JointModel.latent_change`: E(x, s · move) - E(x, 0), s being ``edit_scale``.

        A guided editor adds D(z + s · move) - D(z) where it lets it through.
        """
        move = self.edit_scale * move
        change: Tensor = self.change(prepared, move).whole - prepared["rest"]
        return change

    def change(self, prepared: Mapping[str, Any], move: Tensor) -> Change:
        """How the editor changes the picture of ``prepared`` (``z``, ``skips``, ``reconstruction``); the editor learns.

        Args:
            prepared: As of `prepare_edit`; ``rest`` is not needed.
            move: z' - z, batch × latent.
        """
        decoded = prepared["reconstruction"]
        if self.edit_guided:
            with torch.no_grad():  # the decoder does not learn from it, nor whoever asks for the move
                decoded = self.decode_one("image", prepared["z"] + move).mean - decoded
        made: Change = self.editor(prepared["skips"], move, decoded)
        return made
