"""What the command ``evaluate`` checks of its data, and how it prints what it measured."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from rich.console import Console
from rich.table import Table

from trainer.errors import ConfigError

if TYPE_CHECKING:
    from trainer.data.dataset import Dataset
    from trainer.models.interface import JointModel

MEASURES = ("accuracy", "balanced_accuracy", "calibration_error")
"""Of the reading of attributes; a label has no calibration error."""


def check_pictures(checkpoint: Path, model: JointModel, folder: Path, dataset: Dataset) -> None:
    """See before anything is measured that the model is for such pictures.

    Raises:
        ConfigError: It is for pictures of another size, or of more or fewer channels.
    """
    height, width, channels = dataset.images.shape[1:]
    own = model.modality("image").shape
    if own != (channels, height, width):
        raise ConfigError(
            f"{checkpoint.name} is for pictures of {own[2]}×{own[1]} pixels with {_channels(own[0])}, "
            f"those of {folder} have {width}×{height} with {_channels(channels)}: name its own data with --data."
        )


def check_measures(
    checkpoint: Path, model: JointModel, folder: Path, dataset: Dataset, parzen: bool, channel_reduction: str
) -> None:
    """See before anything is measured that all that is asked for can be.

    Raises:
        ConfigError: It cannot.
    """
    if channel_reduction not in ("sum", "mean"):
        raise ConfigError(f"--channel-reduction is sum or mean, not “{channel_reduction}”.")
    if parzen and not _makes_pictures(model):
        raise ConfigError(
            f"{checkpoint.name} makes no pictures from attributes or labels: leave out --parzen."
        )
    if parzen and not len(dataset.indices("validation")):
        raise ConfigError(
            f"The validation partition of {folder} is empty, and Parzen windows take their width from it: "
            "leave out --parzen."
        )


def _makes_pictures(model: JointModel) -> bool:
    """From one vector alone."""
    return any(model.can_complete({m.name}, "image") for m in model.modalities if m.kind != "image")


def print_result(result: dict[str, Any], model: JointModel, console: Console) -> None:
    """Everything that was measured but the edits.

    Args:
        result: As ``evaluate --json`` prints it.
        model: That was measured.
        console: Where to print; without markup, since attributes may have any name.
    """
    if not result.keys() & {"accuracy", "reconstruction_rmse", "likelihood", "parzen", "edits"}:
        options = [] if model.adversarial else ["--likelihood"]
        if _makes_pictures(model):
            options.append("--parzen")
        console.print(
            f"Nothing was measured: {result['checkpoint']} neither reads attributes nor reconstructs pictures. "
            f"To measure it, add {' or '.join(options)}."
        )
        return
    if "accuracy" in result:
        shown = Table("attribute", "accuracy", "balanced", "calibration error")
        for name, row in result.get("attributes", {}).items():
            shown.add_row(name, *(f"{row[key]:.3f}" for key in MEASURES))
        shown.add_section()
        shown.add_row("mean", *(f"{result[key]:.4f}" for key in MEASURES if key in result))
        console.print(shown)
    if "reconstruction_rmse" in result:
        console.print(f"Reconstruction error (RMS, of 255): {result['reconstruction_rmse']:.2f}")
    console.print(f"{result['pictures']} pictures, {result['partition']} partition")
    if "likelihood" in result or "parzen" in result:
        console.print(_likelihoods(result))
    if result.get("likelihood", {}).get("results"):
        table = result["likelihood"]
        console.print(
            f"Log-likelihoods: of {table['data']} of the {result['pictures']} pictures, k = {table['k']}"
        )
    if "parzen" in result:
        parzen = result["parzen"]
        console.print(
            f"Parzen windows: of {parzen['data']} of the {result['pictures']} pictures, "
            f"{parzen['samples']} generated for each, σ = {parzen['sigma']:.3f}"
        )


def _likelihoods(result: dict[str, Any]) -> Table:
    """The estimates as a table, what could not be estimated below."""
    shown = Table("quantity", "estimator", "encoder", "channels", "nats per datum", "± standard error")
    found = [
        *result.get("likelihood", {}).get("results", []),
        *([result["parzen"]] if "parzen" in result else []),
    ]
    for row in found:
        error = "" if row["standard_error"] is None else f"{row['standard_error']:.3f}"
        labels = (row["quantity"], row["estimator"], row.get("encoder", ""), row["channel_reduction"])
        shown.add_row(*labels, f"{row['value']:.3f}", error)
    for what, why in result.get("likelihood", {}).get("omitted", {}).items():
        shown.add_row(what, why)
    return shown


def _channels(number: int) -> str:
    return f"{number} channel{'' if number == 1 else 's'}"
