"""The command that writes models for other programs."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import typer

app = typer.Typer()


@app.command()
def export(
    checkpoint: Annotated[Path, typer.Argument(help="A joint model, *.safetensors.")],
    to: Annotated[Path, typer.Option(help="Folder of the graphs; a new one.")],
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Write a model's encoders, decoders and edit as ONNX graphs, each checked against the model."""
    from trainer.onnx_export import export_onnx

    differences = export_onnx(checkpoint, to, lambda name: typer.echo(f"{name}.onnx", err=True))
    if as_json:
        typer.echo(json.dumps(differences))
    else:
        typer.echo(
            f"{to}: {len(differences)} graphs, at most {max(differences.values()):.1g} from the model."
        )
