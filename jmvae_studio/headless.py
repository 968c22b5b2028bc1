"""The window without a screen: a picture of it, and a demonstration of the main job."""

from __future__ import annotations

import os
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from time import monotonic
from typing import TYPE_CHECKING, Literal

import numpy as np
import typer

if TYPE_CHECKING:
    from jmvae_studio.inference.results import Device, Mode
    from trainer.data.face_crop import Pixels

PATIENCE = 90.0
"""Seconds after which a picture of the window is taken even if the model is still at work."""

DEMONSTRATION = (("Smiling", 2.0), ("Blond_Hair", 1.5))
DEMONSTRATED = "03_carla.png"
CANVAS = (640, 480)


@dataclass(frozen=True)
class Picture:
    """What the picture of the window shows."""

    size: tuple[int, int] = (1280, 800)
    theme: Literal["light", "dark"] = "light"
    changes: Sequence[tuple[str, float]] = ()
    mode: Mode = "latent"


def no_display() -> bool:
    """Whether this is a Linux machine without a screen and nobody chose a Qt platform."""
    return sys.platform.startswith("linux") and not any(
        os.environ.get(name) for name in ("DISPLAY", "WAYLAND_DISPLAY", "QT_QPA_PLATFORM")
    )


def screenshot(
    out: Path, paths: Sequence[Path], model: Path | None, device: Device | None, options: Picture
) -> int:
    """Open the real window, wait for its edited face and save a picture of it; returns the exit code."""
    from jmvae_studio.app import Studio, make_application
    from jmvae_studio.document.saving import SaveError, check_target, identities, save_picture
    from jmvae_studio.settings import Settings, SettingsFile
    from jmvae_studio.ui.images import to_pixels

    try:
        out.parent.mkdir(parents=True, exist_ok=True)
        check_target(out, identities(paths))
    except (OSError, SaveError) as error:
        reason = error.strerror if isinstance(error, OSError) else None
        typer.echo(f"{out} cannot be written: {reason}." if reason else str(error), err=True)
        return 1
    application = make_application()
    with tempfile.TemporaryDirectory() as folder:
        file = SettingsFile(Path(folder) / "settings.json")
        file.save(Settings(welcomed=True))
        studio = Studio(application, file, model, device)
        studio.choose_theme(options.theme)
        studio.window.resize(*options.size)
        studio.start(paths)
        complaint = ""
        deadline = monotonic() + PATIENCE
        asked = False
        while monotonic() < deadline:
            application.processEvents()
            complaint = studio.window.messages.warning
            if complaint:
                break
            if (
                studio.session.photo is not None
                and not studio.session.photo.faces
                and studio.model is not None
            ):
                break
            if studio.is_settled():
                if asked or not (options.changes or options.mode != studio.session.mode):
                    break
                names = studio.model.attribute_names if studio.model is not None else ()
                unknown = next((name for name, _ in options.changes if name not in names), None)
                if unknown is not None:
                    studio.window.close()
                    typer.echo(
                        f"The model has no attribute “{unknown}”; it has: {', '.join(names)}.", err=True
                    )
                    return 2
                for name, value in options.changes:
                    studio.session.preview_value(name, value)
                studio.session.set_mode(options.mode)
                asked = True
        application.processEvents()
        picture = studio.window.grab().toImage()
        studio.window.close()
    if complaint:
        typer.echo(complaint, err=True)
    if complaint:
        return 1
    try:
        save_picture(out, to_pixels(picture))
    except SaveError as error:
        typer.echo(str(error), err=True)
        return 1
    return 0


def demonstrate(paths: Sequence[Path], model: Path | None, device: Device | None) -> int:
    """Do the main job without a screen and leave the results in ``studio-output``; returns the exit code."""
    from jmvae_studio import batch
    from jmvae_studio.document.edit import Edit
    from jmvae_studio.document.saving import SaveError, identities, save_picture
    from jmvae_studio.inference.engine import Engine
    from jmvae_studio.inference.resident_model import DeviceError
    from jmvae_studio.resources import default_model, resource
    from trainer.data.images import open_image
    from trainer.errors import TrainerError

    typer.echo("There is no display, so no window can open. Editing a picture instead:")
    folder = Path("studio-output")
    os.environ["QT_QPA_PLATFORM"] = "offscreen"
    try:
        folder.mkdir(exist_ok=True)
        if paths:
            photo = paths[0]
        else:
            photo = folder / "photograph.png"
            save_picture(photo, on_canvas(open_image(resource("samples", DEMONSTRATED)).pixels))
        found = next(iter(batch.find([photo], False, _raise, lambda path, text: None)))
        engine = Engine.load(model or default_model(), device or "auto")
        originals = identities([photo])
        batch.edit(engine, found, 1, Edit(tuple(sorted(DEMONSTRATION))), folder / "edited.png", originals)
    except (TrainerError, DeviceError, SaveError) as error:
        typer.echo(str(error), err=True)
        return 1
    except OSError as error:
        typer.echo(
            f"{folder.absolute()} cannot be written: {error.strerror}. Start in another folder.", err=True
        )
        return 1
    changes = ", ".join(f"{name} {value:+g}" for name, value in DEMONSTRATION)
    typer.echo(f"  {folder / 'edited.png'}: {photo.name} with {changes}, laid back into the whole picture")
    options = Picture(changes=DEMONSTRATION)
    code = screenshot(folder / "window.png", [photo], model, device, options)
    typer.echo(f"  {folder / 'window.png'}: the window as it looks with a display")
    typer.echo("On a computer with a screen, the same command opens the window.")
    return code


def on_canvas(
    face: Pixels,
) -> Pixels:
    """A face on a larger, plain canvas, off its centre, so that finding and laying back have work to do."""
    width, height = CANVAS
    rows, columns = face.shape[:2]
    canvas = np.empty((height, width, 3), np.uint8)
    canvas[:] = np.median(face[:, :4].reshape(-1, 3), axis=0)
    top, left = (height - rows) // 2, (width - columns) // 3
    canvas[top : top + rows, left : left + columns] = face
    return canvas


def _raise(path: Path, message: str) -> None:
    from trainer.errors import ImageError

    raise ImageError(message)
