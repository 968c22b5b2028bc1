"""The model at work on faces: their codes, and their edits.

Everything that a drag cannot change (the photograph's code, its own average face, its pixels) is computed and
uploaded once by `Engine.encode`; a drag sends the attributes and brings back uint8 pixels. Of the application only
this file and those of the classes it is made of know torch, and import it to load a model, not before.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from time import perf_counter
from typing import TYPE_CHECKING, Any

import numpy as np

from jmvae_studio.inference.compositing import feather_ramp
from jmvae_studio.inference.imagination import Imagination, PersonCode
from jmvae_studio.inference.results import (
    PREVIEW_SIZE,
    Asked,
    Beliefs,
    Layer,
    Mode,
    Pixels,
    Places,
    Preview,
)

if TYPE_CHECKING:
    import torch

    from trainer.checkpoint_header import Header
    from trainer.models.following import Following
    from trainer.models.interface import JointModel
    from trainer.models.plausibility import Plausibility

Part = tuple[tuple[int, float], ...]
"""Of an edit: indices of attributes, and what is asked of them."""

CHANGED = 1e-3
"""An attribute that is nearer to what was read is not changed."""
BELIEF_SAMPLES = 128
"""Codes of q(z|x) from which the spread of an attribute is taken."""


@dataclass(frozen=True)
class FaceCode(PersonCode):
    """What the engine keeps of one face, on its device. Opaque outside the engine's classes.

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
    average: Any
    ground: Any
    drawn: dict[Part, Any] = field(default_factory=dict, compare=False)
    """What the model drew of the parts of the edit that was shown last: a drag moves one of them."""


class Engine(Imagination):
    """A loaded model that edits faces. Not thread-safe: one thread owns it."""

    def __init__(self, model: JointModel, header: Header, device: torch.device, path: Path) -> None:
        super().__init__(model, header, device, path)
        torch = self._torch
        ramp = torch.from_numpy(feather_ramp(PREVIEW_SIZE)).to(device)
        self._mask = torch.outer(ramp, ramp)
        identity = torch.eye(self.image_size)[None, None]
        size = (PREVIEW_SIZE, self.image_size)
        enlarge = torch.nn.functional.interpolate(identity, size, mode="bicubic")[0, 0].to(device)
        # Bicubic enlargement and the feathered border are linear and separable: two matrix products do both.
        self._enlarge = ramp[:, None] * enlarge
        self._levels = self._model.image_std * 255  # from the model's scale to 0…255
        self._plausibility: Plausibility | None = None
        self._following: Following | None = None

    def release(self) -> None:
        """See `ResidentModel.release`."""
        del self._mask, self._enlarge, self._plausibility, self._following
        super().release()

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
            z_attributes = self._encode_vector(decoded)
            return FaceCode(
                engine=self,
                attributes=tuple(decoded[0].cpu().tolist()),
                plausibility=self._plausible()(image, prepared["reconstruction"]),
                told=known,
                move=move,
                face=image,
                prepared=prepared,
                z_attributes=z_attributes,
                average=self._model.decode_one("image", z_attributes).mean,
                ground=self._upload(preview)[0].float(),
            )

    def follow(self, code: FaceCode, asked: Asked) -> Asked:
        """The edit with its free attributes where the model believes them to be, given the others.

        See `trainer.models.following`: from what was inferred they move with what is set, and all that is neither
        free nor set holds them back. What the user says is true stays.
        """
        if not asked.free:
            return asked
        with self._torch.inference_mode():
            believed = self._believed()
        attributes = believed(code.attributes, asked.attributes, set(asked.free) - set(code.told))
        return replace(asked, attributes=attributes)

    def preview(self, code: FaceCode, asked: Asked) -> Preview:
        """The average face and the edited face; what is free is where it follows to (`follow`).

        The short path of a drag.
        """
        started = perf_counter()
        torch = self._torch
        with torch.inference_mode():
            average, change = self._change(code, asked)
            ground = code.ground * (1 - self._mask) if asked.mode == "generate" else code.ground
            rows = self._enlarge @ change[0].expand(3, -1, -1).contiguous()
            edited = torch.baddbmm(ground, rows, self._enlarge.T.expand(len(rows), -1, -1))
            average_pixels = self._download(self._model.to_pixels(average)[0])
            edited_pixels = self._download(edited.add_(0.5).clamp_(0, 255).to(torch.uint8))
        return Preview(average_pixels, edited_pixels, (perf_counter() - started) * 1e3)

    def layer(self, code: FaceCode, asked: Asked) -> Layer:
        """The edit at the model's resolution, for the photograph at its own size."""
        with self._torch.inference_mode():
            _, change = self._change(code, asked)
            pixels = change[0].expand(3, -1, -1).permute(1, 2, 0).contiguous().cpu().numpy()
        return Layer(np.asarray(pixels, np.float32), replaces=asked.mode == "generate")

    def reconstruct(self, code: FaceCode) -> Pixels:
        """The face decoded from the mean of q(z|x), size × size × 3."""
        with self._torch.inference_mode():
            return self._download(self._model.to_pixels(code.prepared["reconstruction"])[0])

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

    def beliefs(self, code: FaceCode, asked: Asked) -> Beliefs:
        """How sure the model is of a face's attributes, and what it reads from the edited face."""
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
            average, change = self._change(code, asked)
            edited = average if asked.mode == "generate" else code.face + change / self._levels
            again = model.read(edited)[0]
            rows = [row.cpu().tolist() for row in (*edges, again)]
        return Beliefs(tuple(rows[0]), tuple(rows[1]), tuple(rows[2]))

    def forward_milliseconds(self, runs: int = 50, mode: Mode = "residual") -> float:
        """Median time of the bare model of a drag on one vector: q(z|w), p(x|z), in ``latent`` also the change."""
        torch, model = self._torch, self._model
        attributes = self._vector((0.0,) * len(self.attribute_names))
        times = []
        with torch.inference_mode():
            image = torch.zeros(1, *model.modality("image").shape, device=self._device)
            prepared = model.prepare_edit(image)
            for _ in range(runs):
                started = perf_counter()
                z = self._encode_vector(attributes)
                if mode == "latent":
                    image = self._decode_and_change(prepared, z, z, model.draw(prepared, z[:, None]))[1]
                else:
                    image = model.decode_one("image", z).mean
                image[0, 0, 0, 0].item()  # waits for the device
                times.append((perf_counter() - started) * 1e3)
        return float(np.median(times))

    def _change(self, code: FaceCode, asked: Asked) -> tuple[torch.Tensor, torch.Tensor]:
        """The average face (standardised) and the edit in units of 0…255, each 1 × channels × size × size.

        *residual* (JMVAE papers): D(mu(w')) - D(mu(w)). *latent* (after CMMA): the photograph's own code moves by
        mu(w') - mu(w), and the model says how the photograph changes with it. *generate*: D(mu(w')) itself.

        With ``identity`` k other than 1 the person's own part is kept k times: *latent* adds what the decoder makes
        of mu(w') + k (mu(x) - mu(w)) in place of k = 1, *residual* (1 - k) (D(mu(w)) - D(mu(x))).
        """
        model, identity = self._model, asked.identity
        z = self._encode_vector(self._vector(asked.attributes))
        if asked.mode == "latent":
            move = z - code.z_attributes
            drawn = self._draw(code, asked, move)
            average, change = self._decode_and_change(code.prepared, z, move, drawn)
            if identity != 1:
                own = code.prepared["z"] - code.z_attributes
                both = model.decode_one("image", self._torch.cat([z + identity * own, z + own])).mean
                change = change + both[:1] - both[1:]
            return average, change * self._levels
        average = model.decode_one("image", z).mean
        if asked.mode == "residual":
            change = average - code.average
            if identity != 1:
                change = change + (1 - identity) * (code.average - code.prepared["reconstruction"])
            change = change * self._levels
        else:
            change = model.unstandardise(average)
        return average, change

    def _draw(self, code: FaceCode, asked: Asked, move: torch.Tensor) -> torch.Tensor:
        """What the model draws of the edit, part by part; what stayed since the last time is not drawn anew."""
        from trainer.models.parts import parts_of

        model, attributes = self._model, asked.attributes
        moves = {n: value - code.attributes[n] for n, value in enumerate(attributes)}
        moves = {n: by for n, by in moves.items() if abs(by) > CHANGED}
        parts = [tuple((n, attributes[n]) for n in part) for part in parts_of(moves, asked.free)]
        if len(parts) < 2 or not model.draws_parts:
            return model.draw(code.prepared, move[:, None])
        # Each in a batch of its own: so it is the same to the bit whatever was drawn before.
        for part in [part for part in parts if part not in code.drawn]:
            alone = list(code.attributes)
            for n, value in part:
                alone[n] = value
            one = self._encode_vector(self._vector(tuple(alone))) - code.z_attributes
            code.drawn[part] = model.draw(code.prepared, one[:, None])
        for gone in code.drawn.keys() - set(parts):
            del code.drawn[gone]
        every: torch.Tensor = self._torch.cat([code.drawn[part] for part in parts], 1)
        return every

    def _decode_and_change(
        self, prepared: Mapping[str, Any], z: torch.Tensor, move: torch.Tensor, drawn: torch.Tensor
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """D(z), and how the photograph changes as its code moves, in one pass of the decoder; both standardised."""
        codes = self._torch.cat([z, self._model.moved(prepared, move)])
        average, decoded = self._model.decode_one("image", codes).mean.chunk(2)
        return average, self._model.change_to(prepared, drawn, decoded)

    def _read(self, image: torch.Tensor, told: Mapping[int, float]) -> tuple[torch.Tensor, torch.Tensor]:
        """By how much what is known moves the code (1 × latent), and the attributes (1 × names)."""
        if not told:
            return image.new_zeros(1, self.latent), self._model.read(image)
        from trainer.models.correction import correct

        return correct(self._model, image, told)

    def _plausible(self) -> Plausibility:
        """Made with the first face, not while the window waits for the model."""
        if self._plausibility is None:
            from trainer.models.plausibility import Plausibility

            self._plausibility = Plausibility(self._model, self._device)
        return self._plausibility

    def _believed(self) -> Following:
        """Made when something follows for the first time."""
        if self._following is None:
            from trainer.models.following import Following

            self._following = Following(self._model, self._device)
        return self._following
