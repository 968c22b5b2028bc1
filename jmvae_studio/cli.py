"""The command line: the window, and the same work without one."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Iterable, Sequence
from contextlib import contextmanager
from enum import StrEnum
from io import TextIOWrapper
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from jmvae_studio import __version__

if TYPE_CHECKING:
    from collections.abc import Iterator

    from jmvae_studio.document.edit import Edit
    from jmvae_studio.inference.engine import Engine
    from jmvae_studio.inference.results import Device

COMMANDS = ("infer", "edit", "sheet")

app = typer.Typer(
    help="A live attribute editor for faces. Without a command the window opens: main.py [PATH].",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)


class DeviceName(StrEnum):
    """Where the model runs."""

    auto = "auto"
    cpu = "cpu"
    cuda = "cuda"
    mps = "mps"


class ModeName(StrEnum):
    """How an edit reaches the photograph."""

    residual = "residual"
    latent = "latent"
    generate = "generate"


Paths = Annotated[list[Path], typer.Argument(metavar="PATH…", help="Pictures, or folders of pictures.")]
Aligned = Annotated[
    bool, typer.Option("--aligned", help="Aligned CelebA pictures of any scale: no detection.")
]
Model = Annotated[Path | None, typer.Option(help="A model file; the shipped one otherwise.", exists=True)]
DeviceOption = Annotated[DeviceName, typer.Option(help="Where the model runs.")]
ModeOption = Annotated[ModeName, typer.Option(help="How the edit reaches the photograph.")]
FaceOption = Annotated[
    int, typer.Option(min=1, help="Which face, counted from 1, the largest and most central first.")
]


@app.command("open")
def open_window(
    paths: Annotated[list[Path] | None, typer.Argument(metavar="[PATH]")] = None,
    model: Model = None,
    device: Annotated[DeviceName | None, typer.Option()] = None,
    screenshot: Annotated[Path | None, typer.Option(help="Save a picture of the window and exit.")] = None,
    size: Annotated[
        str, typer.Option(help="Of the window in the picture.", metavar="WIDTHxHEIGHT")
    ] = "1280x800",
    theme: Annotated[str, typer.Option(help="Of the window in the picture: light or dark.")] = "light",
    changes: Annotated[list[str] | None, typer.Option("--set", metavar="NAME=VALUE")] = None,
    mode: ModeOption = ModeName.latent,
) -> None:
    """Open the window; the default, so that the word open may be left out."""
    from jmvae_studio import headless

    name: Device | None = device.value if device else None
    if screenshot is not None:
        os.environ["QT_QPA_PLATFORM"] = "offscreen"
        if theme not in ("light", "dark"):
            raise typer.BadParameter(f"{theme}: light or dark", param_hint="--theme")
        options = headless.Picture(_size(size), theme, parse_changes(changes or []), mode.value)  # type: ignore[arg-type]
        raise typer.Exit(headless.screenshot(screenshot, paths or [], model, name, options))
    if changes or mode is not ModeName.latent:
        raise typer.BadParameter(
            "they go with --screenshot; edit writes edited pictures", param_hint="--set, --mode"
        )
    if headless.no_display():
        raise typer.Exit(headless.demonstrate(paths or [], model, name))
    from jmvae_studio.app import run_window

    raise typer.Exit(run_window(paths or [], model, name))


@app.command()
def infer(
    paths: Paths,
    aligned: Aligned = False,
    as_json: Annotated[
        bool, typer.Option("--json", help="One JSON object per picture on standard output.")
    ] = False,
    model: Model = None,
    device: DeviceOption = DeviceName.auto,
) -> None:
    """Read the attributes of every face, about -1 (absent) to 1 (present)."""
    from jmvae_studio import batch

    report = _Report()
    engine = _load(model, device)
    files = batch.expand(paths, report.fail)
    with _progress(files, "reading") as shown:
        for path, faces in batch.infer(
            engine, batch.find(shown, aligned, report.fail, report.note, engine.takes_whole)
        ):
            if as_json:
                found = [{"box": list(face.box), "attributes": values} for face, values in faces]
                typer.echo(json.dumps({"image": str(path), "faces": found}))
            else:
                _print_faces(path, faces)
    report.finish()


@app.command()
def edit(
    paths: Paths,
    out: Annotated[str, typer.Option(metavar="OUT", help="A file, or a folder for several pictures.")],
    changes: Annotated[
        list[str] | None, typer.Option("--set", metavar="NAME=VALUE", help="An attribute, absolute, -3…3.")
    ] = None,
    preset: Annotated[
        Path | None, typer.Option(help="A preset that the window saved; --set goes beyond it.")
    ] = None,
    aligned: Aligned = False,
    face: FaceOption = 1,
    mode: Annotated[
        ModeName | None, typer.Option(help="How the edit reaches the photograph; latent by default.")
    ] = None,
    model: Model = None,
    device: DeviceOption = DeviceName.auto,
) -> None:
    """Edit a face and save the whole photograph at its own size."""
    from jmvae_studio import batch
    from jmvae_studio.document.saving import FORMATS, SaveError, check_target, identities
    from trainer.errors import ImageError

    report = _Report()
    asked, parsed = _asked(preset, parse_changes(changes or []), mode)
    files = batch.expand(paths, report.fail)
    originals = identities(files)
    target = Path(out)
    folder = (
        target.is_dir()
        or out.endswith(("/", os.sep))
        or len(files) > 1
        or any(path.is_dir() for path in paths)
    )
    if (
        folder
        and not target.is_dir()
        and target.suffix.lower() in FORMATS
        and not out.endswith(("/", os.sep))
    ):
        raise typer.BadParameter(f"{out} is one picture, but there are several to write", param_hint="--out")
    try:
        if folder:
            target.mkdir(parents=True, exist_ok=True)
        else:
            check_target(target, originals)
    except (OSError, SaveError) as error:
        text = (
            f"The folder {target} cannot be made: {error.strerror}."
            if isinstance(error, OSError)
            else str(error)
        )
        raise typer.BadParameter(text, param_hint="--out") from error
    engine = _load(model, device)
    _check_names(engine, parsed)
    taken: set[Path] = set()
    with _progress(files, "editing") as shown:
        for picture in batch.find(shown, aligned, report.fail, report.note, engine.takes_whole):
            try:
                result = batch.output_path(target, picture.path, taken) if folder else target
                batch.edit(engine, picture, face, asked, result, originals)
                typer.echo(result)
            except (ImageError, SaveError) as error:
                report.fail(picture.path, str(error))
    report.finish()


@app.command()
def sheet(
    paths: Paths,
    out: Annotated[Path, typer.Option(help="The picture to write.")],
    columns: Annotated[
        list[str] | None,
        typer.Option(
            "--column", metavar="NAME=VALUE[,NAME=VALUE…]", help="One column with these attributes."
        ),
    ] = None,
    aligned: Aligned = False,
    face: FaceOption = 1,
    mode: ModeOption = ModeName.latent,
    model: Model = None,
    device: DeviceOption = DeviceName.auto,
) -> None:
    """Draw the papers' strip: input, attributes, average face, reconstruction, one column per change."""
    from jmvae_studio import batch
    from jmvae_studio.document.saving import SaveError, check_target, identities, save_picture
    from jmvae_studio.inference.sheet import draw_strip, stack
    from trainer.errors import ImageError

    report = _Report()
    parsed = [parse_changes(column.split(",")) for column in columns or []]
    files = batch.expand(paths, report.fail)
    try:
        check_target(out, identities(files))
    except SaveError as error:
        raise typer.BadParameter(str(error), param_hint="--out") from error
    engine = _load(model, device)
    for column in parsed:
        _check_names(engine, column)
    strips = []
    with _progress(files, "drawing") as shown:
        for picture in batch.find(shown, aligned, report.fail, report.note, engine.takes_whole):
            try:
                small, large, _ = batch.cut(engine, picture, face)
            except ImageError as error:
                report.fail(picture.path, str(error))
                continue
            strips.append(draw_strip(engine, small, large, parsed, mode.value))
    if strips:
        import numpy as np

        try:
            save_picture(out, np.asarray(stack(strips)))
            typer.echo(out)
        except SaveError as error:
            report.fail(out, str(error))
    report.finish()


def parse_changes(texts: Sequence[str]) -> list[tuple[str, float]]:
    """``NAME=VALUE`` texts as pairs.

    Raises:
        typer.BadParameter: A text is of another form or its value lies outside -3…3.
    """
    pairs = []
    for text in texts:
        name, equals, value = text.partition("=")
        try:
            number = float(value)
        except ValueError:
            number = float("nan")
        if not name or not equals or not -3 <= number <= 3:
            raise typer.BadParameter(f"“{text}”: NAME=VALUE with a value from -3 to 3 is expected")
        pairs.append((name.strip(), number))
    return pairs


def main(argv: Sequence[str]) -> int:
    """Run a command line; returns the exit code: 0 well, 1 something failed, 2 a wrong command line."""
    arguments = list(argv)
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")  # file names need not be valid UTF-8
    if arguments and arguments[0] == "--version":
        typer.echo(f"JMVAE Studio {__version__}")
        return 0
    leading: list[str] = []  # --model and --device may stand before the command
    while len(arguments) > 1 and arguments[0] in ("--model", "--device"):
        leading, arguments = [*leading, *arguments[:2]], arguments[2:]
    if arguments and arguments[0] in ("open", *COMMANDS):
        arguments[1:1] = leading
    elif leading or not arguments or arguments[0] not in ("--help", "-h"):
        arguments = ["open", *leading, *arguments]
    word = arguments[1] if arguments[0] == "open" and len(arguments) > 1 else ""
    if word.isalpha() and not Path(word).exists():
        typer.echo(f"There is no command and no file “{word}”; commands are {', '.join(COMMANDS)}.", err=True)
        return 2
    try:
        app(args=["--help"] if arguments[0] == "-h" else arguments, prog_name="main.py")
    except OSError as error:  # standard output is full or gone
        typer.echo(f"The output could not be written: {error.strerror}.", err=True)
        return 1
    except SystemExit as end:
        return end.code if isinstance(end.code, int) else int(end.code is not None)
    return 0


def run() -> None:
    """Entry of the installed command ``jmvae-studio``."""
    raise SystemExit(main(sys.argv[1:]))


def _asked(
    preset: Path | None, changes: list[tuple[str, float]], mode: ModeName | None
) -> tuple[Edit, list[tuple[str, float]]]:
    """What is asked of every face, and the attributes that the model must have."""
    from jmvae_studio.document.edit import Edit
    from jmvae_studio.document.presets import PresetError, load_preset

    asked = Edit()
    if preset is not None:
        try:
            asked = load_preset(preset).apply(asked)
        except PresetError as error:
            raise typer.BadParameter(str(error), param_hint="--preset") from error
    asked = asked.with_values(dict(changes))
    if mode is not None:
        asked = asked.with_mode(mode.value)
    if asked.is_empty:
        raise typer.BadParameter("nothing is asked: give an attribute, or a preset", param_hint="--set")
    return asked, list(asked.values)


class _Report:
    """Counts failures and names them on standard error."""

    def __init__(self) -> None:
        self.failed = 0

    def fail(self, path: Path, message: str) -> None:
        self.failed += 1
        typer.echo(message if path.name in message else f"{path}: {message}", err=True)

    def note(self, path: Path, message: str) -> None:
        typer.echo(f"{path.name}: {message}", err=True)

    def finish(self) -> None:
        if self.failed:
            raise typer.Exit(1)


def _load(model: Path | None, device: DeviceName) -> Engine:
    from jmvae_studio.inference.engine import Engine
    from jmvae_studio.inference.resident_model import DeviceError
    from jmvae_studio.resources import default_model
    from trainer.errors import TrainerError

    try:
        return Engine.load(model or default_model(), device.value)
    except (TrainerError, DeviceError) as error:
        typer.echo(str(error), err=True)
        raise typer.Exit(1) from error


def _check_names(engine: Engine, changes: Iterable[tuple[str, float]]) -> None:
    for name, _ in changes:
        if name not in engine.attribute_names:
            known = ", ".join(engine.attribute_names)
            raise typer.BadParameter(f"the model has no attribute “{name}”; it has: {known}")


def _size(text: str) -> tuple[int, int]:
    width, _, height = text.partition("x")
    if not (width.isdigit() and height.isdigit() and 0 < int(width) <= 8192 and 0 < int(height) <= 8192):
        raise typer.BadParameter(f"{text}: WIDTHxHEIGHT in pixels is expected", param_hint="--size")
    return int(width), int(height)


def _print_faces(path: Path, faces: Sequence[tuple[Any, dict[str, float]]]) -> None:
    if not faces:
        typer.echo(f"{path}: no face found")
    for number, (face, values) in enumerate(faces, 1):
        x, y, width, height = face.box
        typer.echo(f"{path}, face {number} of {len(faces)} at {x},{y}, {width}×{height}:")
        for name, value in sorted(values.items(), key=lambda item: -item[1]):
            typer.echo(f"  {value:+.2f}  {name}")


@contextmanager
def _progress(files: Sequence[Path], verb: str) -> Iterator[Iterable[Path]]:
    """``files``, with a bar on standard error while they are taken."""
    from rich.console import Console
    from rich.progress import Progress

    hidden = len(files) < 2 or not sys.stderr.isatty()
    with Progress(console=Console(stderr=True), disable=hidden, transient=True) as bar:
        yield bar.track(files, description=verb)
