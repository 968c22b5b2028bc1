"""The papers' figures of faces that one JMVAE-kl makes and changes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from trainer.reproduce.celeba import JMVAE_KL, PAPER_RATE, QUICK, STANDARD
from trainer.reproduce.experiment import Budget, Effort, Experiment, Measured, Picture, Trained
from trainer.reproduce.sheets import Cell, Pixels, Placed, caption, plane, sheet, to_pictures

if TYPE_CHECKING:
    from torch import Tensor

    from trainer.models.distributions import Gaussian

Floats = npt.NDArray[np.float32]
Changes = Sequence[tuple[str, float]]
"""Attributes and what they are set to."""

GROUPS = (("Male", -2.0), ("Bald", 2.0), ("Smiling", 2.0), ("Eyeglasses", 2.0), ("Young", -2.0))
"""What is set in the Base of the map, and to what; Base itself is on the other side."""
CHANGES = (
    ("Male", -2.0),
    ("Eyeglasses", 2.0),
    ("Young", -2.0),
    ("Smiling", 2.0),
    ("Mouth_Slightly_Open", 2.0),
)
"""The columns of the portraits (I, figure 5)."""
READ = ("Male", "Young", "Smiling", "Eyeglasses", "Mustache", "Bangs")
"""Of the attributes read from a portrait those that are written beside it."""
CODES, RANDOM_FACES = 100, 5
"""Of each group: points on the plane, and those of them that are drawn as faces."""

EXPLAINED, BETWEEN = "variance shown", "between groups"
CENTRE, ALIKE = "centre to average face", "arranged alike"


@dataclass(frozen=True)
class FaceMap:
    """Codes of q(z|w) for several attributes, and their plane.

    Attributes:
        means: Group → latent, the code of its average face.
        codes: Group → `CODES` × latent, in every group from the same noise.
        origin: Latent, where the plane's axes cross.
        axes: 2 × latent, the first principal components of all codes.
        explained: Share of their variance that each axis shows.
    """

    means: Mapping[str, Floats]
    codes: Mapping[str, Floats]
    origin: Floats
    axes: Floats
    explained: Floats

    def project(self, codes: Floats) -> Floats:
        """Codes … × latent as places on the plane, … × 2."""
        return np.asarray((codes - self.origin) @ self.axes.T, np.float32)


def map_faces(run: Trained) -> FaceMap:
    """A, figure 7: z = mean + σ ⊙ ε of q(z|w) for Base and each of `GROUPS`."""
    import torch

    names = run.dataset.names
    base = choose_base(run)
    rows = {"Base": base}
    for name, value in GROUPS:
        rows[caption(name, value)] = base.copy()
        rows[caption(name, value)][names.index(name)] = value
    noise = torch.randn(CODES, run.model.latent, generator=torch.Generator().manual_seed(run.seed))
    means, codes = {}, {}
    for group, attributes in rows.items():
        with torch.no_grad():
            posterior = run.model.encode({"attributes": torch.from_numpy(attributes)[None]})
        means[group] = posterior.mean[0].numpy()
        codes[group] = posterior.sample(noise).numpy()
    everything = np.concatenate(list(codes.values()))
    origin = everything.mean(0)
    _, sizes, axes = np.linalg.svd(everything - origin, full_matrices=False)
    return FaceMap(means, codes, origin, axes[:2], sizes[:2] ** 2 / (sizes**2).sum())


def choose_base(run: Trained) -> Floats:
    """Attributes of a random test picture, as far as there is one on the other side of all `GROUPS`; those are set."""
    test = run.dataset.attributes[run.dataset.indices("test")].astype(np.float32)
    columns = [run.dataset.names.index(name) for name, _ in GROUPS]
    sides = np.array([-np.sign(value) for _, value in GROUPS], np.float32)
    fits = (test[:, columns] == sides).sum(1)
    candidates = np.flatnonzero(fits == fits.max())
    base: Floats = test[np.random.default_rng(run.seed).choice(candidates)].copy()
    base[columns] = sides
    return base


def measure_map(run: Trained) -> Measured:
    """What A reads from its figure 7 (b), as numbers."""
    faces = map_faces(run)
    places = {group: faces.project(codes) for group, codes in faces.codes.items()}
    everything = np.concatenate(list(places.values()))
    centres = {group: cloud.mean(0) for group, cloud in places.items()}
    within = float(np.mean([cloud.var(0).sum() for cloud in places.values()]))
    off = [np.linalg.norm(centres[group] - faces.project(mean)) for group, mean in faces.means.items()]
    around = {group: (cloud - centres[group]).ravel() for group, cloud in places.items()}
    alike = [np.corrcoef(around["Base"], other)[0, 1] for group, other in around.items() if group != "Base"]
    values = {
        EXPLAINED: faces.explained.sum(),
        BETWEEN: 1 - within / everything.var(0).sum(),
        CENTRE: np.mean(off) / np.sqrt(within),
        ALIKE: np.mean(alike),
    }
    return {name: {"value": float(value), "standard_error": None} for name, value in values.items()}


def draw_map(runs: list[Trained], measured: Mapping[str, Measured]) -> list[Picture]:
    """A, figure 7 (a) and (b)."""
    run = runs[0]
    faces = map_faces(run)
    average = decode(run, np.stack(list(faces.means.values())))
    random = [
        decode(run, np.stack([codes[number] for codes in faces.codes.values()]))
        for number in range(RANDOM_FACES)
    ]
    rows: list[list[Cell]] = [list(average), *(list(row) for row in random)]
    sides = ["average face", "random faces", *[""] * (RANDOM_FACES - 1)]
    places = {group: faces.project(codes) for group, codes in faces.codes.items()}
    placed = [
        Placed(places[group][number], random[number][column], group, 26)
        for column, group in enumerate(("Base", "Not Male"))
        for number in range(RANDOM_FACES)
    ]
    centres = [
        Placed(faces.project(mean), average[column], group, 64)
        for column, (group, mean) in enumerate(faces.means.items())
    ]
    first, second = (
        f"component {n + 1} ({share:.0%} of the variance)" for n, share in enumerate(faces.explained)
    )
    return [
        Picture(
            "faces.png",
            "Average faces D(mean of q(z|w)) of Base and of one attribute set to 2 or −2 in it; below, random faces, "
            "each row from the same noise (A, figure 7 a; I, figure 4 a).",
            sheet(rows, list(faces.means), sides, cell=80),
        ),
        Picture(
            "plane.png",
            f"{CODES} codes of q(z|w) for each column of the faces, on the two principal components of all of them. "
            "Large dots: the codes of the groups' average faces, which stand on the right; small pictures: the random "
            "faces of Base and Not Male (A, figure 7 b; I, figure 4 b).",
            plane(places, centres, placed, (first, second)),
        ),
    ]


def decode(run: Trained, codes: Floats) -> Pixels:
    """Faces, N × size × size × 3, of codes N × latent."""
    import torch

    with torch.no_grad():
        return to_pictures(run.model, run.model.decode_one("image", torch.from_numpy(codes)).mean)


def draw_portraits(runs: list[Trained], measured: Mapping[str, Measured]) -> list[Picture]:
    """A, figure 8; I, figure 5."""
    run = runs[0]
    rows: list[list[Cell]] = []
    for pixels in run.shown(4).values():
        portrait = Portrait(run, pixels)
        rows.append(
            [
                pixels,
                portrait.lines(),
                portrait.average(),
                portrait.reconstruction(),
                *(portrait.changed((change,)) for change in CHANGES),
            ]
        )
    columns = ["input", "read attributes", "average face", "reconstruction"]
    columns += [caption(name, value) for name, value in CHANGES]
    text = (
        "From left to right: the face, attributes read from it, the average face of all its attributes, its "
        "reconstruction, and x + x′_mean − x_mean with one attribute set to 2 or −2 (A, figure 8; I, figure 5)."
    )
    return [Picture("portraits.png", text, sheet(rows, columns, list(run.shown(4)), cell=88))]


def draw_showcase(runs: list[Trained], measured: Mapping[str, Measured]) -> list[Picture]:
    """I, figure 1."""
    run = runs[0]
    name, pixels = next(iter(run.shown(1).items()))
    portrait = Portrait(run, pixels)
    changes: list[Changes] = [(), *((change,) for change in CHANGES)]
    rows: list[list[Cell]] = [
        [pixels, *(portrait.changed(change) for change in changes)],
        [portrait.lines(), *(portrait.average(change) for change in changes)],
        [None, *(portrait.reconstruction(change) for change in changes)],
    ]
    rows += [[None, *(portrait.random(number, change) for change in changes)] for number in (0, 1, 2)]
    columns = [name, "as read", *(caption(changed, value) for changed, value in CHANGES)]
    sides = ["picture", "average face", "reconstruction", "random faces", "", ""]
    text = (
        "All from one model and one picture: the attributes read from it; the picture changed by the difference of "
        "average faces; the average face; the reconstruction, its code moved with the attributes; random faces of "
        "the same attributes, each row from the same noise (after I, figure 1)."
    )
    return [Picture("showcase.png", text, sheet(rows, columns, sides, cell=88))]


class Portrait:
    """A picture, the attributes read from it, and what is made of both.

    Args:
        run: Of a joint model.
        pixels: Size × size × 3.
    """

    def __init__(self, run: Trained, pixels: Pixels) -> None:
        import torch

        self.run, self.model = run, run.model
        with torch.no_grad():
            image = torch.from_numpy(np.array(pixels))[None].permute(0, 3, 1, 2)
            self.image = self.model.standardise(image)
            self.code = self.model.encode({"image": self.image}).mean
            self.read = self.model.decode_one("attributes", self.code).mean

    def lines(self) -> list[str]:
        """Some of the attributes that were read, for a cell of a sheet."""
        names = self.model.modality("attributes").names
        return [f"{caption(name)} {float(self.read[0, names.index(name)]):+.2f}" for name in READ]

    def average(self, changes: Changes = ()) -> Pixels:
        """D(mean of q(z|w)) of the attributes, changed."""
        return self._face(self._decoded(self._posterior(changes).mean))

    def reconstruction(self, changes: Changes = ()) -> Pixels:
        """D(mean of q(z|x)), moved as the attributes' code moves (C, section 4.5)."""
        move = self._posterior(changes).mean - self._posterior().mean
        return self._face(self._decoded(self.code + move))

    def changed(self, changes: Changes = ()) -> Pixels:
        """The picture changed, x + x'_mean − x_mean (A and I)."""
        averages = [self._decoded(self._posterior(both).mean) for both in (changes, ())]
        return self._face(self.image + averages[0] - averages[1])

    def random(self, number: int, changes: Changes = ()) -> Pixels:
        """D(z) with z from q(z|w); the same ``number`` has the same noise."""
        import torch

        generator = torch.Generator().manual_seed(self.run.seed + number)
        noise = torch.randn(1, self.model.latent, generator=generator)
        return self._face(self._decoded(self._posterior(changes).sample(noise)))

    def _posterior(self, changes: Changes = ()) -> Gaussian:
        import torch

        wanted = self.read.clone()
        for name, value in changes:
            wanted[0, self.model.modality("attributes").names.index(name)] = value
        with torch.no_grad():
            return self.model.encode({"attributes": wanted})

    def _decoded(self, code: Tensor) -> Tensor:
        import torch

        with torch.no_grad():
            return self.model.decode_one("image", code).mean

    def _face(self, image: Tensor) -> Pixels:
        face: Pixels = to_pictures(self.model, image)[0]
        return face


def _efforts() -> dict[Budget, Effort]:
    """The runs of the tables; in the papers' schedule a discriminator joins for the last epochs."""
    paper = Effort(epochs=40, gan_epochs=10, warmup_share=0.5, rows=0, settings=PAPER_RATE)
    return {"quick": replace(QUICK, rows=0), "standard": replace(STANDARD, rows=0), "paper": paper}


GAN_NOTE = (
    "The papers' model has a GAN; here the budget *paper* alone has one: a short GAN stage was seen to change nothing "
    "visible ([the face model](face-model.md)). α = 1 as in the 2018 paper."
)

EXPERIMENTS = (
    Experiment(
        name="faces-map",
        title="CelebA: average and random faces, and where they lie",
        source="Suzuki et al. 2018, figure 7; Suzuki et al. 2016, figure 4",
        shows="Average and random faces of attributes, and whether their codes gather by attribute around the "
        "average face.",
        preset="faces",
        efforts=_efforts(),
        trainings=(JMVAE_KL,),
        columns={
            EXPLAINED: "share of the codes' variance that the plane of two principal components shows",
            BETWEEN: "share of the variance on the plane that lies between the groups' centres; 1: points, 0: one "
            "cloud",
            CENTRE: "on the plane, mean distance of a group's centre from its average face, over the group's radius "
            "(root mean square)",
            ALIKE: "mean correlation of the places, about their group's centre, of the same noise in Base and another "
            "group; 1: the same arrangement",
        },
        measure=measure_map,
        draw=draw_map,
        notes=(
            "The 2018 paper says of its figure that samples are gathered for each attribute, the average face lies "
            "almost at the centre of its group, and the arrangement is almost the same in every group; it gives no "
            "numbers.",
            "Base is the attributes of a random test picture that is male, young, not bald, not smiling and without "
            "eyeglasses; the papers draw every attribute at random. The noise has variance 1 (2018; 0.6 in 2016).",
            "Every group has the same noise: that its centre lies near the average face is so by construction, and "
            "that groups are arranged alike says no more than that the variance of q(z|w) hardly depends on w.",
            GAN_NOTE,
        ),
    ),
    Experiment(
        name="portraits",
        title="Portraits: attributes read from a picture, and changed",
        source="Suzuki et al. 2018, figure 8; Suzuki et al. 2016, figure 5",
        shows="Attributes read from pictures that have none, and the pictures with attributes changed.",
        preset="faces",
        efforts=_efforts(),
        trainings=(JMVAE_KL,),
        draw=draw_portraits,
        notes=("The papers show the Mona Lisa and Mozart: give them with --photo.", GAN_NOTE),
        photographs=True,
    ),
    Experiment(
        name="showcase",
        title="What one model makes of one picture",
        source="Suzuki et al. 2016, figure 1",
        shows="Every direction that one joint model goes, from one picture.",
        preset="faces",
        efforts=_efforts(),
        trainings=(JMVAE_KL,),
        draw=draw_showcase,
        notes=(GAN_NOTE,),
        photographs=True,
    ),
)
