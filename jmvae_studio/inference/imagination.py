"""What a model knows of codes and attributes: where they lie, what is read there, and which faces it imagines."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from jmvae_studio.inference.resident_model import ResidentModel
from jmvae_studio.inference.results import Completed, Decoded, Faded, Imagined, Pixels

if TYPE_CHECKING:
    from trainer.models.distributions import Gaussian


@dataclass(frozen=True)
class PersonCode:
    """Where a person lies among the codes; tensors on the model's device.

    Attributes:
        face: Standardised, 1 × channels × size × size.
        prepared: See `JointModel.prepare_edit`; holds mu(x) as ``z`` and D(mu(x)) as ``reconstruction``.
        z_attributes: mu(w) of the attributes read, 1 × latent.
    """

    face: Any
    prepared: Any
    z_attributes: Any


class Imagination(ResidentModel):
    """Faces of codes and of attributes; those around a person take the person's `PersonCode`."""

    def infer(self, faces: Pixels) -> npt.NDArray[np.float32]:
        """Attributes of many faces at once.

        Args:
            faces: n × size × size × 3.

        Returns:
            n × attributes, about -1…1.
        """
        with self._torch.inference_mode():
            return np.asarray(self._model.read(self._many(faces)).cpu().numpy())

    def locate(self, faces: Pixels) -> npt.NDArray[np.float32]:
        """Means of q(z|x) of many faces, n × size × size × 3: n × latent."""
        with self._torch.inference_mode():
            return np.asarray(self._model.encode({"image": self._many(faces)}).mean.cpu().numpy())

    def read(self, codes: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
        """Means of p(w|z) at many codes, n × latent: n × attributes, about -1…1; shares of labels are scaled so."""
        with self._torch.inference_mode():
            z = self._torch.from_numpy(np.ascontiguousarray(codes, np.float32)).to(self._device)
            read = self._model.decode_one(self._vector_name, z).mean.float().cpu().numpy()
            return np.asarray(2 * read - 1 if self._is_label else read)

    def posteriors(
        self, columns: Sequence[tuple[float, ...]]
    ) -> tuple[npt.NDArray[np.float32], npt.NDArray[np.float32]]:
        """Means and variances of q(z|w) for every column's attributes, each columns × latent."""
        with self._torch.inference_mode():
            vectors = self._torch.cat([self._conditions(self._vector(column)) for column in columns])
            posterior = self._model.encode({self._vector_name: vectors})
            return posterior.mean.cpu().numpy(), posterior.variance.cpu().numpy()

    def generate(self, attributes: tuple[float, ...], noise: npt.NDArray[np.float32] | None = None) -> Pixels:
        """A face of these attributes: the average one, or with z from q(z|w) where ``noise`` is given.

        Args:
            attributes: In the order of the model's names.
            noise: As many normal numbers as z has dimensions.

        Returns:
            size × size × 3.
        """
        torch = self._torch
        with torch.inference_mode():
            posterior = self._model.encode({self._vector_name: self._conditions(self._vector(attributes))})
            z = posterior.mean
            if noise is not None:
                z = posterior.sample(torch.from_numpy(noise[None]).to(self._device))
            return self._download(self._model.to_pixels(self._model.decode_one("image", z).mean)[0])

    def imagine(
        self,
        columns: Sequence[tuple[float, ...]],
        noise: npt.NDArray[np.float32],
        spread: float,
        code: PersonCode | None = None,
    ) -> Imagined:
        """The average face of every column's attributes, and random faces around it (Suzuki et al. 2018, figure 7a).

        With ``code`` the faces lie around a person: q(z|x), moved by mu(w') - mu(w), in the place of q(z|w').

        Args:
            columns: Attributes w', in the order of the model's names.
            noise: Random faces × latent, normal; each row of faces has one.
            spread: Standard deviations by which ``noise`` counts (the papers' zeta).
            code: Of the person's face.
        """
        torch = self._torch
        with torch.inference_mode():
            around = self._around(columns, code)
            steps = torch.from_numpy(spread * noise).to(self._device)[:, None]
            z = torch.cat([around.mean[None], around.mean + steps * around.variance.sqrt()])
            faces = self._faces(z.flatten(0, 1))
            return Imagined(faces.reshape(*z.shape[:2], *faces.shape[1:]), z.cpu().numpy())

    def deviation(
        self,
        attributes: tuple[float, ...],
        noise: npt.NDArray[np.float32],
        spread: float,
        code: PersonCode | None = None,
    ) -> npt.NDArray[np.float32]:
        """How far each pixel differs between the random faces of one column of `imagine`.

        Returns:
            size × size: their standard deviation in units of 0…255, the mean over the colours.
        """
        torch, model = self._torch, self._model
        with torch.inference_mode():
            around = self._around([attributes], code)
            steps = torch.from_numpy(spread * noise).to(self._device)
            faces = model.decode_one("image", around.mean + steps * around.variance.sqrt()).mean
            apart = model.unstandardise(faces).clamp(0, 255).std(0, unbiased=False).mean(0)
            return np.asarray(apart.cpu().numpy(), np.float32)

    def fade(self, code: PersonCode, attributes: tuple[float, ...], shares: Sequence[float]) -> Faded:
        """Faces between all of the photograph and nothing but its attributes.

        Each is decoded from the mean of the Gaussian proportional to q(z|x)^share · q(z|w')^(1 - share), with q(z|x)
        moved by the edit's mu(w') - mu(w): so every direction of the code gives way as soon as the photograph says
        less of it than the attributes.

        Args:
            code: Of the face.
            attributes: w', in the order of the model's names.
            shares: Of the photograph's evidence, 0…1.
        """
        torch, model = self._torch, self._model
        with torch.inference_mode():
            asked = model.encode({self._vector_name: self._conditions(self._vector(attributes))})
            here = code.prepared["z"] + asked.mean - code.z_attributes
            photo = replace(model.encode({"image": code.face}), mean=here)
            z = torch.cat([photo.blend(asked, share).mean for share in shares])
            read = model.decode_one(self._vector_name, z).mean.cpu().tolist()
            return Faded(self._faces(z), z.cpu().numpy(), tuple(map(tuple, read)))

    def complete(
        self, code: PersonCode, attributes: tuple[float, ...], passes: int, chains: int, seed: int
    ) -> Completed:
        """The picture that attributes alone are completed to; see `trainer.models.iterating.complete_by_passes`.

        Only for a model that `iterates`.
        """
        from trainer.models.iterating import complete_by_passes

        with self._torch.inference_mode():
            vector = self._conditions(self._vector(attributes))
            found = complete_by_passes(self._model, code.face, vector, passes, chains, seed)
            likelihoods = tuple(found.likelihoods.cpu().tolist())
            return Completed(self._faces(found.codes), found.codes.cpu().numpy(), likelihoods)

    def decode(self, code: npt.NDArray[np.float32]) -> Decoded:
        """The face and the attributes at a code, latent numbers."""
        torch = self._torch
        with torch.inference_mode():
            z = torch.from_numpy(np.ascontiguousarray(code, np.float32))[None].to(self._device)
            pixels = self._download(self._model.to_pixels(self._model.decode_one("image", z).mean)[0])
            attributes = self._model.decode_one(self._vector_name, z).mean
            return Decoded(pixels, tuple(attributes[0].cpu().tolist()))

    def _around(self, columns: Sequence[tuple[float, ...]], code: PersonCode | None) -> Gaussian:
        """Where random faces of every column's attributes lie, those of a person if ``code`` is given."""
        vectors = self._torch.cat([self._conditions(self._vector(column)) for column in columns])
        asked = self._model.encode({self._vector_name: vectors})
        if code is None:
            return asked
        spread = self._model.encode({"image": code.face}).variance
        mean = code.prepared["z"] + asked.mean - code.z_attributes
        return replace(asked, mean=mean, variance=spread.expand_as(mean))
