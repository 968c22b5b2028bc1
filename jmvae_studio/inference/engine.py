"""The model, resident on its device. The only file of the application that imports torch, and only to load.

Everything that a drag cannot change (the photograph's code, its own average face, its pixels) is computed and
uploaded once by `Engine.encode`; a drag sends the attributes and brings back uint8 pixels.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from time import perf_counter
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from jmvae_studio.inference.compositing import feather_ramp
from jmvae_studio.inference.results import (
    PREVIEW_SIZE,
    Beliefs,
    Completed,
    Decoded,
    Device,
    Faded,
    Imagined,
    Layer,
    Mode,
    Pixels,
    Places,
    Preview,
)
from jmvae_studio.language import tr

if TYPE_CHECKING:
    import torch

    from trainer.checkpoint_header import Header
    from trainer.models.distributions import Gaussian
    from trainer.models.interface import JointModel
    from trainer.models.plausibility import Plausibility

BELIEF_SAMPLES = 128
"""Codes of q(z|x) from which the spread of an attribute is taken."""


class DeviceError(Exception):
    """The device asked for is not there."""


@dataclass(frozen=True)
class FaceCode:
    """What the engine keeps of one face, on its device. Opaque outside this file.

    Attributes:
        engine: The engine that made it; another one cannot use it.
        attributes: Decoded from q(z|x), about -1…1, in the order of the model's names; what is known is in place.
        told: What is known: index → value.
        plausibility: Of the crop, 0…1 (`trainer.models.plausibility`).
    """

    engine: Engine
    attributes: tuple[float, ...]
    plausibility: float
    told: Mapping[int, float]
    move: Any
    face: Any
    prepared: Any
    z_attributes: Any
    average: Any
    reconstruction: Any
    ground: Any


class Engine:
    """A loaded model with its device. Not thread-safe: one thread owns it."""

    def __init__(self, model: JointModel, header: Header, device: torch.device, path: Path) -> None:
        import torch

        self._torch = torch
        self._model = model.to(device)
        self._device = device
        self.header = header
        self.path = path
        self.device_name = _describe(torch, device)
        self.attribute_names = header.attribute_names
        self._vector_name = model.vector.name
        self._is_label = model.vector.kind == "label"
        self.corrects = model.can_complete(("image", self._vector_name), self._vector_name)
        """Whether there is q(z|x,w), which takes what is known of a face beside its pixels."""
        self.image_size = header.image_size
        self.latent = model.latent
        from trainer.models.iterating import iterates

        self.iterates = iterates(model)
        """Whether it completes a picture in several passes, for want of q(z|w)."""
        ramp = torch.from_numpy(feather_ramp(PREVIEW_SIZE)).to(device)
        self._mask = torch.outer(ramp, ramp)
        identity = torch.eye(self.image_size)[None, None]
        size = (PREVIEW_SIZE, self.image_size)
        enlarge = torch.nn.functional.interpolate(identity, size, mode="bicubic")[0, 0].to(device)
        # Bicubic enlargement and the feathered border are linear and separable: two matrix products do both.
        self._enlarge = ramp[:, None] * enlarge
        self._levels = self._model.image_std * 255  # from the model's scale to 0…255
        self.uploaded_bytes = 0
        self._plausibility: Plausibility | None = None

    @classmethod
    def load(cls, path: Path, device: Device = "auto") -> Engine:
        """Read a checkpoint and put its model on a device.

        Raises:
            trainer.errors.CheckpointError: The file is not a sound model.
            trainer.errors.CapabilityError: The model's system cannot edit.
            DeviceError: The device is not there.
        """
        import torch

        from trainer.checkpoint import load_model
        from trainer.errors import CapabilityError

        chosen = _choose(torch, device)
        model, header = load_model(path)
        if "edit" not in model.capabilities:
            raise CapabilityError(
                tr(
                    "{name} cannot be opened here: its system “{system}” does not edit pictures. "
                    "Choose a joint model, such as jmvae-kl.",
                    name=path.name,
                    system=header.system,
                )
            )
        return cls(model, header, chosen, path)

    @property
    def takes_whole(self) -> bool:
        """Whether the model sees whole pictures (digits, light on dark) and not faces in them."""
        return self.header.crop.kind == "whole"

    @property
    def digest(self) -> str:
        """SHA-256 of the model's weights; names the model in edits and exports."""
        return self.header.digest

    def release(self) -> None:
        """Give the device's memory back; the engine is of no use afterwards."""
        del self._model, self._mask, self._enlarge, self._plausibility
        if self._device.type == "cuda":
            self._torch.cuda.empty_cache()

    def encode(self, face: Pixels, preview: Pixels, told: Mapping[str, float] | None = None) -> FaceCode:
        """Upload a face and infer its code and attributes.

        Args:
            face: size × size × 3, the crop at the model's resolution.
            preview: `PREVIEW_SIZE` squared × 3, the same crop for display.
            told: Attributes whose values are known; those that the model does not have are passed over.
        """
        torch = self._torch
        names = self.attribute_names
        known = {names.index(n): value for n, value in (told or {}).items() if n in names and self.corrects}
        with torch.inference_mode():
            image = self._standardise(self._upload(face))
            move, decoded = self._read(image, known)
            prepared = self._model.prepare_edit(image, move)
            posterior = prepared["z"]
            z_attributes = self._encode_vector(decoded)
            both = self._model.decode_one("image", torch.cat([z_attributes, posterior])).mean
            return FaceCode(
                engine=self,
                attributes=tuple(decoded[0].cpu().tolist()),
                plausibility=self._plausible()(image, both[1:]),
                told=known,
                move=move,
                face=image,
                prepared=prepared,
                z_attributes=z_attributes,
                average=both[:1],
                reconstruction=both[1:],
                ground=self._upload(preview)[0].float(),
            )

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

    def follow(
        self, code: FaceCode, attributes: tuple[float, ...], free: tuple[int, ...]
    ) -> tuple[float, ...]:
        """``attributes`` with the ``free`` ones (indices) as the model reads them from the edited code.

        They are the mean of p(w|z') with z' = mu(x) + mu(w') - mu(w); without an edit these are the inferred ones.
        """
        with self._torch.inference_mode():
            z = self._encode_vector(self._vector(attributes))
            moved = code.prepared["z"] + z - code.z_attributes
            believed = self._model.decode_one(self._vector_name, moved).mean[0].tolist()
        values = list(attributes)
        for index in free:
            values[index] = min(max(believed[index], -3.0), 3.0)
        return tuple(values)

    def preview(
        self, code: FaceCode, attributes: tuple[float, ...], mode: Mode, identity: float = 1.0
    ) -> Preview:
        """The average face and the edited face for ``attributes``: the short path of a drag."""
        started = perf_counter()
        torch = self._torch
        with torch.inference_mode():
            average, change = self._change(code, attributes, mode, identity)
            ground = code.ground * (1 - self._mask) if mode == "generate" else code.ground
            rows = self._enlarge @ change[0].expand(3, -1, -1).contiguous()
            edited = torch.baddbmm(ground, rows, self._enlarge.T.expand(len(rows), -1, -1))
            average_pixels = self._download(self._model.to_pixels(average)[0])
            edited_pixels = self._download(edited.add_(0.5).clamp_(0, 255).to(torch.uint8))
        return Preview(average_pixels, edited_pixels, (perf_counter() - started) * 1e3)

    def layer(
        self, code: FaceCode, attributes: tuple[float, ...], mode: Mode, identity: float = 1.0
    ) -> Layer:
        """The edit at the model's resolution, for the photograph at its own size."""
        with self._torch.inference_mode():
            _, change = self._change(code, attributes, mode, identity)
            pixels = change[0].expand(3, -1, -1).permute(1, 2, 0).contiguous().cpu().numpy()
        return Layer(np.asarray(pixels, np.float32), replaces=mode == "generate")

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
        code: FaceCode | None = None,
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
        code: FaceCode | None = None,
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

    def fade(self, code: FaceCode, attributes: tuple[float, ...], shares: Sequence[float]) -> Faded:
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
        self, code: FaceCode, attributes: tuple[float, ...], passes: int, chains: int, seed: int
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

    def reconstruct(self, code: FaceCode) -> Pixels:
        """The face decoded from the mean of q(z|x), size × size × 3."""
        with self._torch.inference_mode():
            return self._download(self._model.to_pixels(code.reconstruction)[0])

    def decode(self, code: npt.NDArray[np.float32]) -> Decoded:
        """The face and the attributes at a code, latent numbers."""
        torch = self._torch
        with torch.inference_mode():
            z = torch.from_numpy(np.ascontiguousarray(code, np.float32))[None].to(self._device)
            pixels = self._download(self._model.to_pixels(self._model.decode_one("image", z).mean)[0])
            attributes = self._model.decode_one(self._vector_name, z).mean
            return Decoded(pixels, tuple(attributes[0].cpu().tolist()))

    def places(self, code: FaceCode, attributes: tuple[float, ...]) -> Places:
        """Where the face of ``code`` and its edit to ``attributes`` lie among the codes."""
        model = self._model
        with self._torch.inference_mode():
            photo = model.encode({"image": code.face})
            own, asked = (
                model.encode({self._vector_name: self._conditions(self._vector(values))})
                for values in (code.attributes, attributes)
            )
            edited = code.prepared["z"] + asked.mean - own.mean
            first, second, third = (
                (mean[0].cpu().numpy(), g.variance[0].cpu().numpy())
                for mean, g in ((photo.mean + code.move, photo), (own.mean, own), (asked.mean, asked))
            )
            return Places(first, second, third, edited[0].cpu().numpy())

    def beliefs(
        self, code: FaceCode, attributes: tuple[float, ...], mode: Mode, identity: float = 1.0
    ) -> Beliefs:
        """How sure the model is of a face's attributes, and what it reads from the edit to ``attributes``."""
        torch, model = self._torch, self._model
        with torch.inference_mode():
            noise = torch.randn(BELIEF_SAMPLES, model.latent, generator=torch.Generator().manual_seed(0))
            sides = torch.chunk(model.sides(code.face), 2)
            parts = noise.to(self._device).chunk(len(sides))
            codes = torch.cat(
                [model.sample_code({"image": side}, part) for side, part in zip(sides, parts, strict=True)]
            )
            read = model.decode_one(self._vector_name, codes + code.move).mean.float()
            if code.told:
                from trainer.models.correction import with_known

                read = with_known(model, read, code.told)
            edges = torch.quantile(read, torch.tensor([1 / 6, 5 / 6], device=self._device), dim=0)
            average, change = self._change(code, attributes, mode, identity)
            edited = average if mode == "generate" else code.face + change / self._levels
            again = model.read(edited)[0]
            rows = [row.cpu().tolist() for row in (*edges, again)]
        return Beliefs(tuple(rows[0]), tuple(rows[1]), tuple(rows[2]))

    def forward_milliseconds(self, runs: int = 50, mode: Mode = "residual") -> float:
        """Median time of the bare nets of a drag on one vector: q(z|w) and p(x|z), in ``latent`` also the change."""
        torch, model = self._torch, self._model
        attributes = self._vector((0.0,) * len(self.attribute_names))
        times = []
        with torch.inference_mode():
            image = torch.zeros(1, *model.modality("image").shape, device=self._device)
            prepared = model.prepare_edit(image)
            for _ in range(runs):
                started = perf_counter()
                z = self._encode_vector(attributes)
                image = model.decode_one("image", z).mean
                if mode == "latent":
                    image = model.latent_change(prepared, z)
                image[0, 0, 0, 0].item()  # waits for the device
                times.append((perf_counter() - started) * 1e3)
        return float(np.median(times))

    def _change(
        self, code: FaceCode, attributes: tuple[float, ...], mode: Mode, identity: float
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """The average face (standardised) and the edit in units of 0…255, each 1 × channels × size × size.

        *residual* (JMVAE papers): D(mu(w')) - D(mu(w)). *latent* (after CMMA): the photograph's own code moves by
        mu(w') - mu(w), and the model says how the photograph changes with it. *generate*: D(mu(w')) itself.

        With ``identity`` k other than 1 the person's own part is kept k times: *latent* adds what the decoder makes
        of mu(w') + k (mu(x) - mu(w)) in place of k = 1, *residual* (1 - k) (D(mu(w)) - D(mu(x))).
        """
        model = self._model
        z = self._encode_vector(self._vector(attributes))
        average = model.decode_one("image", z).mean
        if mode == "latent":
            change = model.latent_change(code.prepared, z - code.z_attributes)
            if identity != 1:
                own = code.prepared["z"] - code.z_attributes
                both = model.decode_one("image", self._torch.cat([z + identity * own, z + own])).mean
                change = change + both[:1] - both[1:]
            change = change * self._levels
        elif mode == "residual":
            change = average - code.average
            if identity != 1:
                change = change + (1 - identity) * (code.average - code.reconstruction)
            change = change * self._levels
        else:
            change = model.unstandardise(average)
        return average, change

    def _read(self, image: torch.Tensor, told: Mapping[int, float]) -> tuple[torch.Tensor, torch.Tensor]:
        """By how much what is known moves the code (1 × latent), and the attributes (1 × names)."""
        if not told:
            return image.new_zeros(1, self.latent), self._model.read(image)
        from trainer.models.correction import correct

        return correct(self._model, image, told)

    def _around(self, columns: Sequence[tuple[float, ...]], code: FaceCode | None) -> Gaussian:
        """Where random faces of every column's attributes lie, those of a person if ``code`` is given."""
        vectors = self._torch.cat([self._conditions(self._vector(column)) for column in columns])
        asked = self._model.encode({self._vector_name: vectors})
        if code is None:
            return asked
        spread = self._model.encode({"image": code.face}).variance
        mean = code.prepared["z"] + asked.mean - code.z_attributes
        return replace(asked, mean=mean, variance=spread.expand_as(mean))

    def _plausible(self) -> Plausibility:
        """Made with the first face, not while the window waits for the model."""
        if self._plausibility is None:
            from trainer.models.plausibility import Plausibility

            self._plausibility = Plausibility(self._model, self._device)
        return self._plausibility

    def _encode_vector(self, vector: torch.Tensor) -> torch.Tensor:
        """Mean of q(z|w)."""
        mean: torch.Tensor = self._model.encode({self._vector_name: self._conditions(vector)}).mean
        return mean

    def _conditions(self, vector: torch.Tensor) -> torch.Tensor:
        """What the encoder takes: attributes as they are, a label as shares of its classes that sum to one."""
        if not self._is_label:
            return vector
        shares = vector.clamp(min=0) + 1e-6
        return shares / shares.sum(1, keepdim=True)

    def _many(self, faces: Pixels) -> torch.Tensor:
        """Faces, n × size × size × 3, as the model takes them."""
        pixels = self._torch.from_numpy(np.ascontiguousarray(faces)).to(self._device).permute(0, 3, 1, 2)
        return self._standardise(pixels)

    def _standardise(self, pixels: torch.Tensor) -> torch.Tensor:
        """Colour pixels on the model's scale; a grey model sees their mean brightness."""
        if len(self._model.image_mean) == 1:
            pixels = pixels.float().mean(1, keepdim=True)
        image: torch.Tensor = self._model.standardise(pixels)
        return image

    def _vector(self, attributes: tuple[float, ...]) -> torch.Tensor:
        vector = self._torch.tensor([attributes], dtype=self._torch.float32)
        self.uploaded_bytes += vector.nbytes
        return vector.to(self._device)

    def _upload(self, pixels: Pixels) -> torch.Tensor:
        self.uploaded_bytes += pixels.nbytes
        tensor = self._torch.from_numpy(np.ascontiguousarray(pixels)).to(self._device)
        return tensor.permute(2, 0, 1)[None]

    def _faces(self, z: torch.Tensor) -> Pixels:
        """What is decoded from the codes, batch × size × size × 3."""
        pixels = self._model.to_pixels(self._model.decode_one("image", z).mean)
        return np.ascontiguousarray(pixels.expand(-1, 3, -1, -1).permute(0, 2, 3, 1).cpu().numpy())

    def _download(self, image: torch.Tensor) -> Pixels:
        """A uint8 picture, 3 × height × width or grey with 1, as height × width × 3."""
        return np.asarray(image.expand(3, -1, -1).permute(1, 2, 0).contiguous().cpu().numpy())


def _choose(torch: Any, device: Device) -> torch.device:
    available = {"cpu": True, "cuda": torch.cuda.is_available(), "mps": torch.backends.mps.is_available()}
    if device == "auto":
        device = next(name for name in ("cuda", "mps", "cpu") if available[name])
    if not available[device]:
        names = ", ".join(name for name, there in available.items() if there)
        raise DeviceError(
            tr("This computer has no device “{device}”; there is: {names}.", device=device, names=names)
        )
    return torch.device(device)  # type: ignore[no-any-return]


def _describe(torch: Any, device: torch.device) -> str:
    if device.type == "cuda":
        return f"CUDA · {torch.cuda.get_device_name(device)}"
    return {"cpu": "CPU", "mps": tr("Apple GPU")}[device.type]
