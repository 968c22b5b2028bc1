"""How much a crop looks to the model like a face, by the two terms of its bound."""

from __future__ import annotations

import torch
from torch import Tensor

from trainer.models.interface import JointModel

_DRAWN = 6
"""Faces of the model's own that crops are compared with."""


class Plausibility:
    """Compares a crop with faces that the model drew itself.

    The terms of the bound (JMVAE, eq. 3) tell of a crop that holds no face, or a face elsewhere than in training:
    KL(q(z|x) || p(z)) grows as the code leaves the codes of faces, and D(mu(x)) - x as the decoder finds no words
    for what is there. The plausibility is the root of the product of both terms of the model's own faces (their
    medians) over those of the crop: 1 for a crop that the model could have drawn, towards 0 without end.
    """

    def __init__(self, model: JointModel, device: torch.device) -> None:
        """Draws the model's own faces, always the same."""
        self._model = model
        noise = torch.randn(_DRAWN, model.latent, generator=torch.Generator().manual_seed(1))
        drawn = model.decode_one("image", model.sample_prior(noise.to(device))).mean
        code = model.encode({"image": drawn})
        apart, error = self._terms(drawn, model.decode_one("image", code.mean).mean)
        self._own = float(apart.median() * error.median())

    def __call__(self, image: Tensor, reconstruction: Tensor) -> float:
        """Of one crop, 0…1.

        Args:
            image: Standardised, 1 × channels × height × width.
            reconstruction: D(mu(x)), of the same shape.
        """
        apart, error = self._terms(image, reconstruction)
        terms = float(apart[0] * error[0])
        return min(1.0, (self._own / terms) ** 0.5) if terms > 0 else 1.0

    def _terms(self, image: Tensor, reconstruction: Tensor) -> tuple[Tensor, Tensor]:
        """KL(q(z|x) || p(z)) in nats and the root mean square of D(mu(x)) - x, one number per picture."""
        apart = self._model.prior_divergence({"image": image})
        return apart, (reconstruction - image).square().flatten(1).mean(1).sqrt()
