"""How good a model's edits are, by an independent judge: asked and seen, nothing else, still the same face.

For every attribute, held-out faces on one side of it are edited to the other, at slider strengths 1, 2 and 3.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Literal

import cv2
import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from trainer.data.celeba import STANDARD_ATTRIBUTES
from trainer.data.dataset import Dataset
from trainer.evaluation.judge import Judge
from trainer.models.interface import JointModel
from trainer.models.parts import parts_of

Pixels = npt.NDArray[np.uint8]
Mode = Literal["residual", "latent"]
Progress = Callable[[int, int], None]

REGION_SHARE = 0.8
"""Part of the mean difference that an attribute's region holds."""


@dataclass(frozen=True)
class Outcome:
    """What one attribute's edits came to, in one direction and at one strength. Shares are of 1.

    Attributes:
        attribute: Its name.
        adding: Whether it was asked for, or taken away.
        strength: Absolute slider value asked for.
        faces: How many were edited.
        success: Share that the judge reads as flipped.
        collateral: Share of the other attributes that flipped too.
        drift: Mean absolute change of pixels outside the attribute's region, 0…255.
        distance: Distance in the judge's features, in units of that between two people.
        sharpness: Deviation of the Laplacian, edited over original.
    """

    attribute: str
    adding: bool
    strength: float
    faces: int
    success: float
    collateral: float
    drift: float
    distance: float
    sharpness: float


Method = Callable[[Pixels, npt.NDArray[np.int64], int, float], Pixels]
"""(pictures, their rows in the data set, column of the attribute, value asked for) → edited pictures."""


def by_model(model: JointModel, mode: Mode) -> Method:
    """The edit as the studio makes it, at the model's resolution.

    Args:
        model: In evaluation mode.
        mode: ``residual`` adds D(mu(w')) - D(mu(w)); ``latent`` moves the picture's own code.
    """

    def edit(pixels: Pixels, rows: npt.NDArray[np.int64], column: int, value: float) -> Pixels:
        return edit_faces(model, pixels, {column: value}, mode)

    return edit


@torch.no_grad()
def edit_faces(
    model: JointModel,
    pixels: Pixels,
    values: dict[int, float],
    mode: Mode,
    batch_size: int = 128,
    free: Collection[int] = (),
) -> Pixels:
    """Pictures (N × size × size × 3) with attributes set to values; the others as the model reads them.

    Args:
        model: In evaluation mode.
        pixels: The pictures.
        values: Index of an attribute → what is asked of it.
        mode: See `by_model`.
        batch_size: Pictures at a time.
        free: Those of ``values`` that follow the others.
    """
    results = []
    parts = parts_of(values, free) if model.draws_parts and values else [tuple(values)]
    device = model.image_mean.device
    for first in range(0, len(pixels), batch_size):
        chunk = torch.from_numpy(np.ascontiguousarray(pixels[first : first + batch_size])).to(device)
        image = model.standardise(chunk.permute(0, 3, 1, 2))
        prepared = model.prepare_edit(image)
        read = model.read(image)
        vectors = [read]
        for part in (tuple(values), *parts):
            wanted = read.clone()
            wanted[:, list(part)] = torch.tensor([values[column] for column in part], device=device)
            vectors.append(wanted)
        own, whole, *apart = (model.encode({"attributes": vector}).mean for vector in vectors)
        change: Tensor
        if mode == "latent":
            moves = torch.stack([code - own for code in apart], 1)
            change = model.latent_change(prepared, whole - own, moves)
        else:
            before, after = (model.decode_one("image", z).mean for z in (own, whole))
            change = after - before
        edited = model.to_pixels(image + change)
        results.append(edited.permute(0, 2, 3, 1).cpu().numpy())
    return np.concatenate(results)


def nothing() -> Method:
    """The baseline that changes nothing."""
    return lambda pixels, rows, column, value: pixels


def nearest_neighbour(data: Dataset, judge: Judge, seed: int = 0, candidates: int = 4000) -> Method:
    """The baseline that swaps the face: the most alike training face that has what was asked.

    Alike is meant in attributes first (as labelled), then in the judge's features.
    """
    rows = data.indices("train")
    rows = np.sort(np.random.default_rng(seed).permutation(rows)[:candidates])
    pool, labels = data.images[rows], data.attributes[rows] > 0
    _, pool_features = judge.read(pool)

    def edit(pixels: Pixels, own: npt.NDArray[np.int64], column: int, value: float) -> Pixels:
        _, features = judge.read(pixels)
        fits = np.flatnonzero(labels[:, column] == (value > 0))
        truth = np.delete(data.attributes[own] > 0, column, axis=1)
        unlike = (truth[:, None] != np.delete(labels[fits], column, axis=1)[None]).sum(2)
        distance = np.linalg.norm(features[:, None] - pool_features[fits][None], axis=2)
        nearest = np.argmin(unlike + distance / (1 + distance.max()), axis=1)
        swapped: Pixels = pool[fits[nearest]]
        return swapped

    return edit


def regions(data: Dataset, limit: int = 12000, seed: int = 0) -> npt.NDArray[np.bool_]:
    """Where each attribute shows: the smallest set of pixels with `REGION_SHARE` of |mean with - mean without|.

    Args:
        data: Faces with attributes; the training partition is used.
        limit: At most so many pictures.
        seed: Of their choice.

    Returns:
        Attributes × height × width.
    """
    rows = np.sort(np.random.default_rng(seed).permutation(data.indices("train"))[:limit])
    pixels = data.images[rows].astype(np.float32).reshape(len(rows), -1)
    present = (data.attributes[rows] > 0).astype(np.float32)
    with_it = (present.T @ pixels) / np.maximum(present.sum(0), 1)[:, None]
    without = ((1 - present).T @ pixels) / np.maximum((1 - present).sum(0), 1)[:, None]
    difference = np.abs(with_it - without).reshape(-1, *data.images.shape[1:]).sum(3)
    flat = difference.reshape(len(difference), -1)
    order = np.argsort(-flat, axis=1)
    shares = np.cumsum(np.take_along_axis(flat, order, 1), 1) / np.maximum(flat.sum(1, keepdims=True), 1e-12)
    inside = np.zeros(flat.shape, bool)
    counts = (shares < REGION_SHARE).sum(1) + 1
    for row, count in enumerate(counts):
        inside[row, order[row, :count]] = True
    return inside.reshape(difference.shape)


class EditMeasure:
    """Held-out faces, the judge's view of them and the attributes' regions: made once, for any method."""

    def __init__(
        self, data: Dataset, judge: Judge, partition: str = "test", count: int = 100, seed: int = 0
    ) -> None:
        self.data, self.judge, self.count = data, judge, count
        self.rows = data.indices(partition)
        self.pixels: Pixels = np.ascontiguousarray(data.images[self.rows])
        self.logits, self.features = judge.read(self.pixels)
        self.regions = regions(data)
        self.rng_seed = seed
        pairs = np.random.default_rng(seed).permutation(len(self.rows))
        self.between = float(np.linalg.norm(self.features - self.features[pairs], axis=1).mean())

    def faces(self, column: int, adding: bool) -> npt.NDArray[np.int64]:
        """Places of up to `count` faces whose label and judge agree that the attribute is on the other side."""
        start = not adding
        agree = ((self.data.attributes[self.rows, column] > 0) == start) & (
            (self.logits[:, column] > 0) == start
        )
        rng = np.random.default_rng((self.rng_seed, column, int(adding)))
        return np.sort(rng.permutation(np.flatnonzero(agree))[: self.count])

    def outcome(self, method: Method, column: int, adding: bool, strength: float) -> tuple[Outcome, Pixels]:
        """Edit the faces of one attribute and direction."""
        places = self.faces(column, adding)
        before = self.pixels[places]
        name = self.data.names[column]
        if len(places) == 0:
            nan = float("nan")
            return Outcome(name, adding, strength, 0, nan, nan, nan, nan, nan), before
        after = method(before, self.rows[places], column, strength if adding else -strength)
        logits, features = self.judge.read(after)
        flipped = (logits > 0) != (self.logits[places] > 0)
        outside = ~self.regions[column]
        change = np.abs(after.astype(np.int16) - before).mean(3)
        distance = np.linalg.norm(features - self.features[places], axis=1) / self.between
        outcome = Outcome(
            attribute=name,
            adding=adding,
            strength=strength,
            faces=len(places),
            success=float(flipped[:, column].mean()),
            collateral=float(np.delete(flipped, column, axis=1).mean()),
            drift=float(change[:, outside].mean()),
            distance=float(distance.mean()),
            sharpness=float(np.mean(sharpness(after)) / np.mean(sharpness(before))),
        )
        return outcome, after

    def measure(
        self,
        method: Method,
        columns: Sequence[int] | None = None,
        strengths: Sequence[float] = (1.0, 2.0, 3.0),
        progress: Progress | None = None,
    ) -> dict[str, Any]:
        """All outcomes and their means.

        Returns:
            ``outcomes`` (one record per attribute, direction and strength) and ``means``: per strength, over the 13
            standard attributes and over all measured, of every figure, with success of adding and removing apart
            and the Fréchet distance between edited and real faces in the judge's features.
        """
        chosen = range(len(self.data.names)) if columns is None else columns
        outcomes: list[Outcome] = []
        means: dict[str, Any] = {}
        done, total = 0, len(strengths) * len(chosen) * 2
        for strength in strengths:
            edited: list[Pixels] = []
            here: list[Outcome] = []
            for column in chosen:
                for adding in (True, False):
                    outcome, after = self.outcome(method, column, adding, strength)
                    here.append(outcome)
                    edited.append(after)
                    done += 1
                    if progress is not None:
                        progress(done, total)
            _, features = self.judge.read(np.concatenate(edited))
            means[f"{strength:g}"] = {
                "standard": _mean([o for o in here if o.attribute in STANDARD_ATTRIBUTES]),
                "all": _mean(here),
                "frechet": frechet(features, self.features),
            }
            outcomes += here
        return {"outcomes": [asdict(o) for o in outcomes], "means": means}


def sharpness(pixels: Pixels) -> npt.NDArray[np.float64]:
    """Deviation of the Laplacian of each picture's grey values, N."""
    grey = [cv2.cvtColor(picture, cv2.COLOR_RGB2GRAY) for picture in pixels]
    return np.array([cv2.Laplacian(picture, cv2.CV_64F).std() for picture in grey])


def frechet(one: npt.NDArray[np.floating], other: npt.NDArray[np.floating]) -> float:
    """Fréchet distance between the Gaussians of two sets of features (N × d): |m1-m2|² + tr(C1+C2-2(C1 C2)^½).

    Over the judge's own features: comparable between models here, and not with anybody's FID.
    """
    means = [x.astype(np.float64).mean(0) for x in (one, other)]
    first, second = (np.cov(x.astype(np.float64), rowvar=False) for x in (one, other))
    values, vectors = np.linalg.eigh(first)
    root = (vectors * np.sqrt(np.maximum(values, 0))) @ vectors.T
    cross = np.linalg.eigvalsh(root @ second @ root)
    trace = np.trace(first) + np.trace(second) - 2 * np.sqrt(np.maximum(cross, 0)).sum()
    return float(np.square(means[0] - means[1]).sum() + trace)


def _mean(outcomes: Sequence[Outcome]) -> dict[str, float]:
    """Means over attributes and directions that have faces."""
    there = [o for o in outcomes if o.faces > 0]
    result = {
        key: float(np.mean([getattr(o, key) for o in there])) if there else float("nan")
        for key in ("success", "collateral", "drift", "distance", "sharpness")
    }
    for key, adding in (("adding", True), ("removing", False)):
        values = [o.success for o in there if o.adding == adding]
        result[key] = float(np.mean(values)) if values else float("nan")
    return result
