"""A digit model in the studio: read, edited on the command line and in the window."""

import json
import threading
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from PySide6.QtCore import Qt
from PySide6.QtTest import QTest
from pytestqt.qtbot import QtBot

from jmvae_studio.app import Studio
from jmvae_studio.cli import main
from jmvae_studio.document.edit import MODES
from jmvae_studio.document.session import Session
from jmvae_studio.document.session_file import record, restore
from jmvae_studio.document.session_file import save as save_session
from jmvae_studio.inference.engine import Engine
from jmvae_studio.inference.results import PREVIEW_SIZE, Asked
from tests.gui.conftest import drag_slider, pixels, settle
from trainer.checkpoint import save_model
from trainer.checkpoint_header import CropSpec
from trainer.data.images import OpenedImage, open_image
from trainer.errors import CapabilityError, ImageError
from trainer.models.interface import Modality
from trainer.systems import find_system


def save(path: Path, system: str) -> Path:
    """A checkpoint of 8×8 digits with random weights, in which labels count."""
    torch.manual_seed(2)
    digits = (
        Modality("image", "image", (1, 8, 8), scale="unit"),
        Modality("label", "label", (10,), tuple("0123456789")),
    )
    model = find_system(system).load_class().build(digits, {"latent": 4, "nets": "dense", "hidden": 24})
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            if name in ("encoders.label.mean.weight", "decoders.image.4.weight"):
                parameter.mul_(8)
    save_model(path, model.eval(), system, {}, CropSpec("whole"))
    return path


@pytest.fixture(scope="module")
def digits(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return save(tmp_path_factory.mktemp("digits") / "digits.safetensors", "jmvae-kl")


@pytest.fixture
def digit(tmp_path: Path) -> Path:
    """A grey picture of 24×24 pixels with a bright bar across."""
    pixels = np.full((24, 24), 20, np.uint8)
    pixels[6:9] = 240
    path = tmp_path / "digit.png"
    Image.fromarray(pixels).save(path)
    return path


def test_the_command_line_reads_and_edits_digits(
    digits: Path, digit: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["infer", "--json", "--model", str(digits), str(digit)]) == 0
    (face,) = json.loads(capsys.readouterr().out)["faces"]
    assert face["box"] == [0, 0, 24, 24]  # the whole picture
    assert list(face["attributes"]) == list("0123456789")
    assert sum(face["attributes"].values()) == pytest.approx(1, abs=1e-3)

    out = tmp_path / "edited.png"
    changes = ["--set", "7=1", *(part for name in "012345689" for part in ("--set", f"{name}=0"))]
    assert main(["edit", "--model", str(digits), *changes, "--out", str(out), str(digit)]) == 0
    edited = open_image(out).pixels
    assert edited.shape == (24, 24, 3)
    assert np.array_equal(edited[..., 0], edited[..., 1])  # grey stays grey
    assert np.abs(edited.astype(int) - open_image(digit).pixels).max() > 20


def test_labels_are_shares_that_sum_to_one(digits: Path) -> None:
    engine = Engine.load(digits, "cpu")
    assert engine.takes_whole
    code = engine.encode(
        np.full((8, 8, 3), 128, np.uint8), np.zeros((PREVIEW_SIZE, PREVIEW_SIZE, 3), np.uint8)
    )
    assert sum(code.attributes) == pytest.approx(1)
    ground = code.ground.permute(1, 2, 0).numpy().astype(np.uint8)
    assert np.array_equal(engine.preview(code, Asked(code.attributes, "residual")).edited, ground)
    three, twice = ([0.0] * 10 for _ in range(2))
    three[3], twice[3] = 1.0, 2.0
    average = engine.generate(tuple(three))
    assert average.shape == (8, 8, 3)
    assert np.array_equal(average, engine.generate(tuple(twice)))
    assert not np.array_equal(average, engine.generate((1.0,) + (0.0,) * 9))


@pytest.mark.parametrize("system", ["jmvae-kl", "jmvae", "jmvae-h"])
def test_every_joint_system_does_all_that_the_window_asks(tmp_path: Path, system: str) -> None:
    engine = Engine.load(save(tmp_path / f"{system}.safetensors", system), "cpu")
    face = np.zeros((8, 8, 3), np.uint8)
    face[2:6, 3:5] = 230
    code = engine.encode(face, np.zeros((PREVIEW_SIZE, PREVIEW_SIZE, 3), np.uint8))
    assert 0 < code.plausibility <= 1
    asked = (0.0, 0.0, 0.0, 1.0) + (0.0,) * 6
    for mode in MODES:
        assert engine.preview(code, Asked(asked, mode[0])).edited.shape == (PREVIEW_SIZE, PREVIEW_SIZE, 3)
        beliefs = engine.beliefs(code, Asked(asked, mode[0]))
        assert sum(beliefs.obtained) == pytest.approx(1, abs=1e-3)
        assert all(low <= high for low, high in zip(beliefs.lowest, beliefs.highest, strict=True))
    places = engine.places(code, asked)
    assert len(places.edited) == engine.latent
    assert sum(engine.decode(places.edited).attributes) == pytest.approx(1, abs=1e-3)
    noise = np.random.default_rng(1).standard_normal((2, engine.latent)).astype(np.float32)
    imagined = engine.imagine([code.attributes, asked], noise, 1.0)
    assert imagined.faces.shape == (3, 2, 8, 8, 3)
    assert imagined.codes.shape == (3, 2, engine.latent)


def test_a_system_that_cannot_edit_is_refused_in_one_sentence(tmp_path: Path) -> None:
    model = save(tmp_path / "vae.safetensors", "vae")
    with pytest.raises(CapabilityError, match="“vae” does not edit pictures"):
        Engine.load(model, "cpu")


def test_the_window_edits_digits_and_goes_back_to_faces(
    start_studio: Callable[[Path, Path], Studio],
    qtbot: QtBot,
    digits: Path,
    checkpoint: Path,
    photograph: Path,
    digit: Path,
    tmp_path: Path,
) -> None:
    studio = start_studio(digits, digit)
    assert list(studio.window.panel.sliders) == list("0123456789")
    face = studio.session.face
    assert face is not None
    assert (face.crop.center_x, face.crop.side) == (12, 24)
    settle(studio, qtbot)
    assert "No face" not in studio.window.statusBar().currentMessage()
    assert sum(face.inferred.values()) == pytest.approx(1, abs=1e-3)
    before = pixels(studio.window.result_canvas.image)
    drag_slider(studio, "7", 0.95)
    settle(studio, qtbot)
    assert dict(face.edit.values).keys() == {"7"}
    assert not np.array_equal(pixels(studio.window.result_canvas.image), before)

    # A photograph opened now is one whole picture; with a model of faces it has its own.
    studio.open_path(photograph)
    qtbot.waitUntil(lambda: studio.session.photo is not None and studio.session.photo.path == photograph)
    photo = studio.session.photo
    assert photo is not None
    longest = max(photo.pixels().shape)
    assert [f.crop.side for f in photo.faces] == [longest]
    studio.load_model(checkpoint)
    qtbot.waitUntil(lambda: not photo.whole, timeout=60_000)
    qtbot.waitUntil(lambda: "Smiling" in studio.window.panel.sliders)
    settle(studio, qtbot)
    history = studio.window.history
    assert history.stack() is photo.stack
    drag_slider(studio, "Smiling", 0.9)
    settle(studio, qtbot)
    assert history.model().rowCount() == 2
    assert all(f.crop.side < longest for f in photo.faces)
    studio.load_model(digits)
    qtbot.waitUntil(lambda: photo.whole and "7" in studio.window.panel.sliders, timeout=60_000)
    settle(studio, qtbot)
    assert photo.face is not None
    assert photo.face.edit.is_empty
    assert not photo.stack.canUndo()
    assert history.model().rowCount() == 1  # as it was opened; the faces' step is theirs
    history.setCurrentIndex(history.model().index(0, 0))
    assert dict(photo.aside[0][0].edit.values).keys() == {"Smiling"}
    kept = record(studio.session, tmp_path / "work.jmvae")
    assert kept.is_edited
    back = Session()
    restore(back, kept, tmp_path / "work.jmvae")
    again = next(other for other in back.photos if other.path == photograph)
    assert again.is_edited
    assert again.aside is not None
    assert dict(again.aside[0][0].edit.values).keys() == {"Smiling"}
    studio.session.show(next(other for other in studio.session.photos if other.path == digit))
    assert studio.session.face is face, "its edit is still there"


@pytest.mark.parametrize("ending", ["chosen again", "damaged", "closed"])
def test_a_model_that_comes_while_a_photograph_is_read_reaches_the_shown_one(
    studio: Studio,
    qtbot: QtBot,
    digits: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    ending: str,
) -> None:
    settle(studio, qtbot)
    shown, opener = studio.session.photo, studio.photographs.opener
    assert shown is not None
    large = tmp_path / "large.png"
    Image.new("RGB", (60, 40)).save(large)
    waiting, read = studio.session.add(large), threading.Event()

    def slowly(path: Path) -> OpenedImage:
        read.wait(30)
        if ending == "damaged":
            raise ImageError(f"{path.name} is damaged.")
        return open_image(path)

    monkeypatch.setattr(opener._decoder, "open", slowly)
    try:
        studio.photographs.show(waiting)
        studio.load_model(digits)
        qtbot.waitUntil(lambda: "7" in studio.window.panel.sliders, timeout=30_000)
        assert not shown.whole
        if ending == "chosen again":
            strip = studio.window.filmstrip
            qtbot.waitUntil(strip.isVisible)
            place = strip.visualItemRect(strip.item(0)).center()
            strip.setCurrentRow(-1)
            QTest.mouseClick(
                strip.viewport(), Qt.MouseButton.LeftButton, Qt.KeyboardModifier.NoModifier, place
            )
        elif ending == "closed":
            studio.photographs.close_photo(waiting)
    finally:
        read.set()
    qtbot.waitUntil(lambda: shown.whole, timeout=20_000)
    assert studio.session.photo is shown
    settle(studio, qtbot)


def test_a_session_of_the_other_kind_leaves_the_shown_faces_to_the_model(
    start_studio: Callable[[Path, Path], Studio],
    qtbot: QtBot,
    digits: Path,
    checkpoint: Path,
    photograph: Path,
    tmp_path: Path,
) -> None:
    studio, file = start_studio(digits, photograph), tmp_path / "work.jmvae"
    settle(studio, qtbot)
    drag_slider(studio, "7", 0.95)
    save_session(file, record(studio.session, file))
    studio.window.close()
    again = start_studio(checkpoint, photograph)
    settle(again, qtbot)
    again.open_path(file)
    photo = again.session.photo
    assert photo is not None
    qtbot.waitUntil(lambda: photo.aside is not None and bool(photo.aside[0][0].edit.values), timeout=20_000)
    assert not photo.whole
    assert all(face.crop.side < max(photo.pixels().shape) for face in photo.faces)
    settle(again, qtbot)
