"""Where the files shipped with the program are: beside the source, or inside the installed package."""

from __future__ import annotations

from pathlib import Path


def resource(*parts: str) -> Path:
    """Path of a shipped file or folder, for instance ``resource("models", "faces.safetensors")``."""
    package = Path(__file__).resolve().parent
    inside = package / "resources"
    return (inside if inside.is_dir() else package.parent / "resources").joinpath(*parts)


def default_model() -> Path:
    """The face model that the program starts with."""
    return resource("models", "faces.safetensors")


def shipped_models() -> list[Path]:
    """The models that edit pictures; the judge of edits lies beside them."""
    return sorted(path for path in resource("models").glob("*.safetensors") if path.stem != "judge")


def samples() -> list[Path]:
    """The generated faces shipped for a first look."""
    return sorted(resource("samples").glob("*.png"))
