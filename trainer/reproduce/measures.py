"""What the experiments on digits and on faces measure alike, and how their pictures become files."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from PIL import Image

from trainer.files import to_png
from trainer.reproduce.experiment import Measured, Trained

if TYPE_CHECKING:
    from torch import Tensor

    from trainer.models.interface import JointModel

CODES = 10
"""Of the expected log-likelihood (A, N)."""
ITERATED = ("jmvae", "jmvae-h")
"""Systems that complete what is missing by iterative sampling."""

X_MULTIPLE, X_SINGLE = "log p(x), multiple", "log p(x), single"
XW_MULTIPLE, XW_SINGLE = "log p(x|w), multiple", "log p(x|w), single"
JOINT = "log p(x,w)"


def passes_of(run: Trained, iterated: int) -> int:
    """``iterated`` where the system samples iteratively, 1 for all others."""
    return iterated if run.training.system in ITERATED else 1


def conditional(run: Trained, targets: Mapping[str, str], iterated: int) -> Measured:
    """A, Eq. 5 and 6, in every direction that the system has.

    Args:
        run: Of which model; its own channel reduction is measured by.
        targets: Column → modality that is generated.
        iterated: Passes of iterative sampling.
    """
    from trainer.evaluation.generation import generation_likelihood

    reduction, passes = run.config.channel_reduction, passes_of(run, iterated)
    return {
        column: generation_likelihood(
            run.model, run.dataset, run.rows(), target, CODES, reduction, run.seed, passes
        )
        for column, target in targets.items()
        if _generates(run.model, target)
    }


def _generates(model: JointModel, target: str) -> bool:
    return model.can_complete({m.name for m in model.modalities if m.name != target}, target)


def iterations(run: Trained, passes: tuple[int, ...]) -> Measured:
    """Log-likelihood of the image after so many passes of iterative sampling, a column for each number."""
    from trainer.evaluation.generation import generation_likelihood

    reduction = run.config.channel_reduction
    found: Measured = {}
    for number in passes:
        own = passes_of(run, number)  # the others need one pass: the same for any number
        if own == 1 and found:
            found[str(number)] = next(iter(found.values()))
            continue
        found[str(number)] = generation_likelihood(
            run.model, run.dataset, run.rows(), "image", CODES, reduction, run.seed, own
        )
    return found


def bounds(run: Trained) -> Measured:
    """I, appendix B: what the system can estimate of the importance-weighted bounds."""
    from trainer.evaluation.generation import conditional_bound, find_estimate
    from trainer.evaluation.likelihood_table import IMPORTANCE, likelihood_table
    from trainer.models.conditional import ConditionalModel

    model, k, reduction = run.model, run.effort.k, run.config.channel_reduction
    if isinstance(model, ConditionalModel):
        return {XW_MULTIPLE: conditional_bound(model, run.dataset, run.rows(), k, reduction, run.seed)}
    table = likelihood_table(model, run.dataset, run.rows(), k, reduction, run.seed)
    vector = run.dataset.kind
    wanted = {
        X_MULTIPLE: ("log p(image)", "multiple"),
        X_SINGLE: ("log p(image)", "single"),
        XW_MULTIPLE: (f"log p(image | {vector})", "multiple"),
        XW_SINGLE: (f"log p(image | {vector})", "single"),
        JOINT: (f"log p(image, {vector})", "multiple"),
    }
    found = {
        column: find_estimate(table, quantity, IMPORTANCE, encoder)
        for column, (quantity, encoder) in wanted.items()
    }
    return {column: cell for column, cell in found.items() if cell is not None}


def png(rows: list[Tensor], scale: int) -> bytes:
    """Rows of uint8 pictures as one, every pixel ``scale`` times enlarged."""
    from trainer.evaluation.figures import grid

    picture = grid(rows)
    size = (picture.width * scale, picture.height * scale)
    return to_png(picture.resize(size, Image.Resampling.NEAREST))
