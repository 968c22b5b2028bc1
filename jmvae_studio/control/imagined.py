"""What the dock of faces can show, and how each is worked out with the model."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Literal

import numpy as np
import numpy.typing as npt

from jmvae_studio.document.attributes import title
from jmvae_studio.inference.engine import FaceCode
from jmvae_studio.inference.requests import PreviewRequest
from jmvae_studio.inference.results import Imagined
from jmvae_studio.language import mark, tr, trn

View = Literal["attributes", "person", "evidence", "passes"]

VIEWS: tuple[tuple[View, str, str], ...] = (
    (
        "attributes",
        mark("Faces of these attributes"),
        mark("The average face of the attributes, and random ones"),
    ),
    ("person", mark("People like this"), mark("This person with the attributes, and random people around")),
    (
        "evidence",
        mark("From photograph to attributes"),
        mark("What is left as the photograph counts for less and less beside its attributes"),
    ),
    (
        "passes",
        mark("Iterative sampling"),
        mark("The picture that the attributes alone are completed to, pass by pass"),
    ),
)
"""View, name on the screen and what it shows."""

RANDOM_ROWS = 3
"""Rows of random faces below the average ones."""
STEPS = 10
"""From all of the photograph to its attributes alone."""
PASSES = 10
"""Of iterative sampling, as in the papers."""
CHAINS = 10
"""Of iterative sampling, over which likelihoods are averaged."""
SAMPLES = 16
"""Random faces from which a deviation is taken."""
_WAYPOINTS = range(0, STEPS + 1, 2)
_TOLD = 4
"""So many attributes are named, those that the model reads the most otherwise."""

_NOTABLE = 0.01
"""How far what is read must move to be named."""


@dataclass(frozen=True)
class Wish:
    """What shall be shown; equal wishes need no second answer.

    Attributes:
        view: Which faces.
        request: The edit they belong to.
        captions: Of the columns.
        columns: Attributes of each.
        draw: Number of the drawing: the seed of its noise.
        spread: Standard deviations by which the noise counts.
    """

    view: View
    request: PreviewRequest
    captions: tuple[str, ...]
    columns: tuple[tuple[float, ...], ...]
    draw: int
    spread: float


@dataclass(frozen=True)
class Answer:
    """What was worked out.

    Attributes:
        wish: What was asked.
        rows: Names of the rows.
        captions: Of the columns.
        made: Faces and codes.
        read: Of the way to the attributes, what the model reads at each step.
        likelihoods: Of iterative sampling, log p(x|w) after 0, 1, … passes.
    """

    wish: Wish
    rows: tuple[str, ...]
    captions: tuple[str, ...]
    made: Imagined = field(compare=False)
    read: tuple[tuple[float, ...], ...] = ()
    likelihoods: tuple[float, ...] = ()


@dataclass(frozen=True)
class Deviation:
    """How far the random faces of a column differ, size × size, in units of 0…255."""

    wish: Wish
    column: int
    map: npt.NDArray[np.float32] = field(compare=False)


def worker(wish: Wish) -> Callable[[FaceCode], Answer]:
    """What works a wish out, on the renderer's thread."""
    made = {"attributes": _imagine, "person": _imagine, "evidence": _fade, "passes": _complete}[wish.view]
    return lambda code: made(wish, code)


def seen(answer: Answer, evidence: float, passes: int) -> tuple[int, ...]:
    """Columns of an answer that are shown; where there is a slider first the one that it is at."""
    if answer.wish.view == "passes":
        return (passes,)
    if answer.wish.view != "evidence":
        return tuple(range(len(answer.captions)))
    return round((1 - evidence) * STEPS), *_WAYPOINTS


def tell(answer: Answer, evidence: float, names: tuple[str, ...]) -> str:
    """What the model reads where the slider is, in words; nothing for other views."""
    if not answer.read:
        return ""
    step = round((1 - evidence) * STEPS)
    if not step:
        return tr("All of the photograph counts.")
    moved = _moved(names, answer.read[0], answer.read[step])
    listed = " · ".join(f"{title(name)}: {was:.2f} → {now:.2f}" for name, (was, now) in moved.items())
    if not listed:
        return tr("At {share} % the model reads the same.", share=100 - 100 * step // STEPS)
    return tr(
        "At {share} % the model reads: {attributes}", share=100 - 100 * step // STEPS, attributes=listed
    )


def _moved(
    names: tuple[str, ...], before: tuple[float, ...], after: tuple[float, ...]
) -> Mapping[str, tuple[float, float]]:
    order = sorted(range(len(names)), key=lambda index: -abs(after[index] - before[index]))
    moved = [index for index in order[:_TOLD] if abs(after[index] - before[index]) >= _NOTABLE]
    return {names[index]: (before[index], after[index]) for index in moved}


def _imagine(wish: Wish, code: FaceCode) -> Answer:
    noise = _noise((wish.draw,), RANDOM_ROWS, code)
    person = wish.view == "person"
    rows = (
        tr("This face") if person else tr("Average"),
        *(tr("Random {number}", number=number) for number in range(1, RANDOM_ROWS + 1)),
    )
    made = code.engine.imagine(wish.columns, noise, wish.spread, code if person else None)
    return Answer(wish, rows, wish.captions, made)


def _fade(wish: Wish, code: FaceCode) -> Answer:
    shares = [1 - step / STEPS for step in range(STEPS + 1)]
    found = code.engine.fade(code, wish.columns[0], shares)
    made = Imagined(found.faces[None], found.codes[None])
    return Answer(wish, (tr("Evidence"),), tuple(f"{share:.0%}" for share in shares), made, found.attributes)


def deviation(wish: Wish, column: int) -> Callable[[FaceCode], Deviation]:
    """What works out how far the random faces of a column differ, on the renderer's thread."""

    def work(code: FaceCode) -> Deviation:
        noise = _noise((wish.draw, SAMPLES), SAMPLES, code)
        person = code if wish.view == "person" else None
        return Deviation(
            wish, column, code.engine.deviation(wish.columns[column], noise, wish.spread, person)
        )

    return work


def _complete(wish: Wish, code: FaceCode) -> Answer:
    found = code.engine.complete(code, wish.columns[0], PASSES, CHAINS, wish.draw)
    made = Imagined(found.faces[None], found.codes[None])
    captions = tuple(trn("After {count} pass", "After {count} passes", n) for n in range(PASSES + 1))
    return Answer(wish, (tr("Picture"),), captions, made, likelihoods=found.likelihoods)


def _noise(seeds: tuple[int, ...], count: int, code: FaceCode) -> npt.NDArray[np.float32]:
    rng = np.random.default_rng(seeds)
    return rng.standard_normal((count, code.engine.latent)).astype(np.float32)
