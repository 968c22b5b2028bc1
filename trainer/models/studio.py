"""The studio's face model: JMVAE-kl with one image trunk, better blocks and an editor trained as one.

q(z|x,w), q(z|x), q(z|w), p(x|z) and p(w|z) are those of JMVAE-kl (Suzuki et al. 2018, Eq. 4). Beside them stands
the editor: where the plain model changes a photograph by D(z') - D(z), this one decodes the move z' - z with the
photograph's own maps at hand, trained by a critic so that the result is a photograph that shows what was asked.
What is broad in its change is given the colours of D(z') - D(z).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

from trainer.errors import CapabilityError, ConfigError
from trainer.models.colouring import Colouring
from trainer.models.distributions import Gaussian, standard_gaussian
from trainer.models.interface import Bound, JointModel, Modality, Reduction
from trainer.models.networks import initialise
from trainer.models.parts import compose
from trainer.models.studio_networks import CodeHead, Editor, StudioImageDecoder, Trunk
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
    adjustable = frozenset({"edit_scale"})
    draws_parts = True

    def __init__(
        self,
        modalities: tuple[Modality, ...],
        latent: int = 128,
        edit_scale: float = 1.0,
        average_face: float = 0.0,
    ) -> None:
        """A new one.

        Args:
            modalities: ``image`` and ``attributes``.
            latent: Dimensions of z.
            edit_scale: What the move of the code is multiplied by in an edit, once the editor is trained.
            average_face: Weight of the term ``average_face`` of the `loss`.

        Raises:
            ConfigError: The pictures have no colours, or another size.
        """
        super().__init__(modalities, latent)
        self.edit_scale, self.average_face = edit_scale, average_face
        (channels, *sides), (entries,) = self.modality("image").shape, self.modality("attributes").shape
        if channels != 3:
            raise ConfigError(f"Edits are made in colour: pictures have three channels, not {channels}.")
        if sides != [64, 64]:
            size = "×".join(map(str, sides))
            raise ConfigError(f"The studio's nets take 64×64 pixels, not {size}.", "image_size")
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
        self.editor = Editor(channels, latent)
        self.colouring = Colouring(self.modality("image").shape[1])
        initialise(self)
        nn.init.zeros_(self.editor.out.weight)  # an untrained editor changes nothing

    @classmethod
    def build(cls, modalities: tuple[Modality, ...], config: Mapping[str, Any]) -> StudioJMVAE:
        """See `JointModel.build`; ``config`` holds ``latent`` and, where they are not the defaults, the others."""
        scale, average_face = float(config.get("edit_scale", 1.0)), float(config.get("average_face", 0.0))
        return cls(modalities, int(config["latent"]), scale, average_face)

    def config(self) -> dict[str, Any]:
        """See `JointModel.config`."""
        return {"latent": self.latent, "edit_scale": self.edit_scale}

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
        return self._picture(mean)

    def _picture(self, mean: Tensor) -> Gaussian:
        return Gaussian(mean, self.image_log_variance.float().exp())

    def bound(self, data: Mapping[str, Tensor], noise: Tensor, channel_reduction: Reduction) -> Bound:
        """JMVAE-kl's terms (Eq. 4), and ``reading``: how badly the attributes are read from q(z|x)'s mean.

        The mean tanh(u) of p(w|z) is that of an attribute which is 1 with probability sigmoid(2u) and else -1; the
        reading is its cross-entropy in nats, summed over the attributes, with smoothed labels; a label w between -1 and
        1 counts as one that is 1 with probability (1 + w) / 2.

        With a weight for it also ``average_face``: half the squared error of D(mu(w)), summed over the pixels, -log of
        p(x|z) of unit variance at the mean of q(z|w). Codes of pictures are narrow and lie around that mean, hardly
        ever at it, so that the decoder does not know the face there unless it learns it. In every other row w is what
        the model reads, as it is in the studio.
        """
        maps = self.trunk(data["image"])
        joint, by_image = self._code(maps, data["attributes"]), self._code(maps, None)
        by_attributes = self._code(None, data["attributes"])
        z = joint.sample(noise)
        logits = 2 * self.decoders["attributes"](by_image.mean).float()
        average = self._average_codes(data["attributes"], logits)
        # In one piece, so that batch normalisation sees in training what it will serve: both kinds of code.
        made = self.decode_one("image", torch.cat([z, average])).mean
        pictures = self._picture(made[: len(z)])
        decoded = {"image": pictures, "attributes": self.decode_one("attributes", z)}
        terms = negative_log_likelihoods(decoded, data, channel_reduction)
        if len(average):
            error = made[len(z) :] - data["image"]
            terms["average_face"] = 0.5 * error.square().flatten(1).sum(1).mean()
        terms["kl_prior"] = joint.kl(standard_gaussian(joint.mean)).mean()
        terms["kl_image"] = joint.kl(by_image).mean()
        terms["kl_attributes"] = joint.kl(by_attributes).mean()
        target = (1 + data["attributes"]).clamp(0, 2) / 2 * (1 - 2 * SMOOTHING) + SMOOTHING
        wrong = functional.binary_cross_entropy_with_logits(logits, target, reduction="none")
        terms["reading"] = wrong.sum(1).mean()
        return Bound(terms, z)

    def _average_codes(self, attributes: Tensor, logits: Tensor) -> Tensor:
        """Mean of q(z|w) for each row, w as the data have it or, every other one, as read; none without a weight."""
        if not self.average_face:
            return logits.new_zeros(0, self.latent)
        given = attributes.clone()
        given[::2] = torch.tanh(logits[::2] / 2).detach().to(given)
        return self._code(None, given).mean

    def loss(self, terms: Mapping[str, Tensor], alpha: float, beta: float) -> Tensor:
        """Eq. 4 with warm-up, plus `READING` times the reading error and the weighted error of the average face."""
        bound = terms["nll_image"] + terms["nll_attributes"] + beta * terms["kl_prior"]
        loss = bound + alpha * (terms["kl_image"] + terms["kl_attributes"]) + READING * terms["reading"]
        return loss + self.average_face * terms["average_face"] if "average_face" in terms else loss

    def prepare_edit(self, image: Tensor, move: Tensor | None = None) -> dict[str, Any]:
        """See `JointModel.prepare_edit`; also the picture, its maps and the editor's answer to no move at all."""
        maps = self.trunk(image)
        skips = self.editor.see(image, maps)
        z = self._code(maps, None).mean
        if move is not None:
            z = z + move
        return {
            "z": z,
            "image": image,
            "reconstruction": self.decode_one("image", z).mean,
            "skips": skips,
            "rest": self.editor(skips, torch.zeros_like(z)),
        }

    def moved(self, prepared: Mapping[str, Any], move: Tensor) -> Tensor:
        """See `JointModel.moved`: z + s · move, s being ``edit_scale``."""
        code: Tensor = prepared["z"] + self.edit_scale * move
        return code

    def draw(self, prepared: Mapping[str, Any], parts: Tensor) -> Tensor:
        """See `JointModel.draw`: E(x, s · move) - E(x, 0)."""
        count, skips, rest = parts.shape[1], prepared["skips"], prepared["rest"]
        if count == 1:
            one: Tensor = self.editor(skips, self.edit_scale * parts[:, 0]) - rest
            return one[:, None]
        skips = [each.repeat_interleave(count, 0) for each in skips]
        many = self.editor(skips, self.edit_scale * parts.flatten(0, 1))
        drawn: Tensor = many.reshape(-1, count, *many.shape[1:]) - rest[:, None]
        return drawn

    def change_to(self, prepared: Mapping[str, Any], drawn: Tensor, decoded: Tensor) -> Tensor:
        """See `JointModel.change_to`: all that was drawn, in the colours of D(z + s · move) - D(z)."""
        return self.coloured(prepared["image"], compose(drawn), decoded - prepared["reconstruction"])

    def coloured(self, image: Tensor, own: Tensor, joint: Tensor) -> Tensor:
        """The editor's ``own`` change of a picture in the colours of ``joint`` = D(z') - D(z); all standardised."""
        with torch.autocast(own.device.type, enabled=False):
            face = image * self.image_std + self.image_mean
            change: Tensor = self.colouring(face, own * self.image_std, joint * self.image_std)
            return change / self.image_std
