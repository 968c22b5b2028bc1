"""JMVAE and JMVAE-kl (Suzuki et al. 2016, section 3.3; 2018, section 3.2): joint VAEs of any number of modalities.

JMVAE has one encoder, of all modalities; a missing one is completed by zeros or by iterative sampling. JMVAE-kl
has an encoder of its own for every subset of the modalities, drawn to the joint one in training.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from itertools import combinations
from typing import Any, Literal

import torch
from torch import Tensor, nn

from trainer.errors import CapabilityError
from trainer.models.distributions import Distribution, Gaussian, standard_gaussian
from trainer.models.interface import Bound, JointModel, Modality, Reduction
from trainer.models.networks import Nets, initialise
from trainer.objectives import negative_log_likelihoods
from trainer.systems import SYSTEMS


class JMVAE(JointModel):
    """q(z | all modalities), p(x_i | z); a missing modality reaches the encoder as zeros."""

    capabilities = SYSTEMS["jmvae"].capabilities

    def __init__(self, modalities: tuple[Modality, ...], latent: int = 128, nets: Nets | None = None) -> None:
        super().__init__(modalities, latent)
        self.nets = nets or Nets()
        self.encoders = nn.ModuleDict(
            {
                _key(subset): self.nets.encoder([self.modality(n) for n in subset], latent)
                for subset in self._own()
            }
        )
        self.decoders = nn.ModuleDict(
            {modality.name: self.nets.decoder(modality, latent) for modality in modalities}
        )
        initialise(self)

    @property
    def names(self) -> tuple[str, ...]:
        """Of the modalities, in their order."""
        return tuple(modality.name for modality in self.modalities)

    def _own(self) -> list[tuple[str, ...]]:
        """The subsets that have an encoder of their own."""
        return [self.names]

    @classmethod
    def build(cls, modalities: tuple[Modality, ...], config: Mapping[str, Any]) -> JMVAE:
        """See `JointModel.build`; ``config`` holds ``latent`` and the fields of `Nets`."""
        return cls(modalities, int(config["latent"]), Nets.from_config(config))

    def config(self) -> dict[str, Any]:
        """See `JointModel.config`."""
        return {"latent": self.latent, **self.nets.to_json()}

    def encode(self, given: Mapping[str, Tensor]) -> Gaussian:
        """See `JointModel.encode`.

        Raises:
            CapabilityError: Nothing is given, or something this model does not know.
        """
        subset = tuple(name for name in self.names if name in given)
        if not subset or len(subset) != len(given):
            raise CapabilityError(f"This model encodes its own modalities, not {sorted(given)}.")
        if subset not in self._own():
            subset, given = self.names, self._with_zeros(given)
        posterior: Gaussian = self.encoders[_key(subset)](given)
        return posterior

    def has_encoder(self, given: Collection[str]) -> bool:
        """See `JointModel.has_encoder`."""
        return tuple(name for name in self.names if name in given) in self._own()

    def _with_zeros(self, given: Mapping[str, Tensor]) -> dict[str, Tensor]:
        some = next(iter(given.values()))
        return {
            m.name: given[m.name] if m.name in given else some.new_zeros(some.shape[0], *m.shape)
            for m in self.modalities
        }

    def decode_one(self, name: str, z: Tensor) -> Distribution:
        """See `JointModel.decode_one`."""
        modality = self.modality(name)
        return self.nets.observe(modality, self.decoders[name](z))

    def bound(self, data: Mapping[str, Tensor], noise: Tensor, channel_reduction: Reduction) -> Bound:
        """I, Eq. 3: ``nll_NAME`` and ``kl_prior``."""
        bound, _ = self._joint_bound(data, noise, channel_reduction)
        return bound

    def _joint_bound(
        self, data: Mapping[str, Tensor], noise: Tensor, channel_reduction: Reduction
    ) -> tuple[Bound, Gaussian]:
        posterior = self.encode({name: data[name] for name in self.names})
        z = posterior.sample(noise)
        terms = negative_log_likelihoods(self.decode(z), data, channel_reduction)
        terms["kl_prior"] = posterior.kl(standard_gaussian(posterior.mean)).mean()
        return Bound(terms, z), posterior

    def complete(
        self,
        given: Mapping[str, Tensor],
        missing: str,
        noise: Tensor | None = None,
        passes: int = 1,
        start: Literal["zeros", "noise"] = "zeros",
        generator: torch.Generator | None = None,
    ) -> Distribution:
        """p(x_missing | z), with everything missing completed by zeros or by iterative sampling.

        Each pass encodes all modalities, samples z and replaces what is missing by a sample from p(x_i | z); the
        last one decodes from the means of its posterior, or from a sample if ``noise`` is given.

        Args:
            given: The modalities that are there; they never change.
            missing: Which one is wanted.
            noise: For the last code, batch × latent.
            passes: Through the encoder; 1 with ``zeros`` is what `encode` does.
            start: What the first pass sees in place of the missing ones: ``noise`` (the papers) or ``zeros`` (their
                code).
            generator: Of the samples in between, on the CPU; PyTorch's own by default.
        """
        if passes == 1 and start == "zeros":
            return super().complete(given, missing, noise)
        self.modality(missing)
        data = self.fill_in(given, passes, start, generator)
        if noise is None:
            some = next(iter(given.values()))
            noise = torch.zeros(len(some), self.latent, device=some.device)
        return self.decode_one(missing, self.generating_code(data, noise))

    def fill_in(
        self,
        given: Mapping[str, Tensor],
        passes: int,
        start: Literal["zeros", "noise"] = "noise",
        generator: torch.Generator | None = None,
    ) -> dict[str, Tensor]:
        """What the last of ``passes`` passes sees: all modalities, the missing ones sampled; see `complete`."""
        *_, last = self.filled_in(given, passes, start, generator)
        return last

    def filled_in(
        self,
        given: Mapping[str, Tensor],
        passes: int,
        start: Literal["zeros", "noise"] = "noise",
        generator: torch.Generator | None = None,
    ) -> Iterator[dict[str, Tensor]]:
        """See `JointModel.filled_in`."""
        data = self._with_zeros(given)
        count = len(next(iter(given.values())))
        like = next(iter(given.values()))

        def draw(*shape: int) -> Tensor:
            return torch.randn(count, *shape, generator=generator).to(like)

        absent = [modality for modality in self.modalities if modality.name not in given]
        if start == "noise":
            data |= {modality.name: _random_start(modality, draw(*modality.shape)) for modality in absent}
        yield data
        for _ in range(passes - 1):
            z = self.generating_code(data, draw(self.latent))
            data = data | {m.name: self.decode_one(m.name, z).sample(draw(*m.shape)) for m in absent}
            yield data


class JMVAEKL(JMVAE):
    """q(z|x,w) for training, q(z|x) and q(z|w) for use; p(x|z) and p(w|z).

    Papers' nets: 18.8 million weights for 64×64 faces, 40 attributes and a latent of 128; 3,127,450 for MNIST.
    """

    capabilities = SYSTEMS["jmvae-kl"].capabilities

    def _own(self) -> list[tuple[str, ...]]:
        return [*self.proper_subsets(), self.names]

    def proper_subsets(self) -> list[tuple[str, ...]]:
        """Every non-empty subset of the modalities but the whole, each with an encoder of its own."""
        return [subset for n in range(1, len(self.names)) for subset in combinations(self.names, n)]

    def bound(self, data: Mapping[str, Tensor], noise: Tensor, channel_reduction: Reduction) -> Bound:
        """A, Eq. 4: ``nll_NAME``, ``kl_prior``, and ``kl_SUBSET`` of the joint posterior to every subset's own."""
        bound, posterior = self._joint_bound(data, noise, channel_reduction)
        for subset in self.proper_subsets():
            single = self.encode({name: data[name] for name in subset})
            bound.terms[f"kl_{_key(subset)}"] = posterior.kl(single).mean()
        return bound


def _key(subset: tuple[str, ...]) -> str:
    return "_".join(subset)


def _random_start(modality: Modality, noise: Tensor) -> Tensor:
    """Noise of a modality's own range: normal, or made 0…1, -1…1 or one-hot."""
    if modality.kind == "label":
        return nn.functional.one_hot(noise.argmax(-1), modality.shape[0]).to(noise.dtype)
    if modality.scale == "unit":
        uniform: Tensor = torch.special.ndtr(noise)
        return uniform
    return noise.sign() if modality.kind == "attributes" else noise
