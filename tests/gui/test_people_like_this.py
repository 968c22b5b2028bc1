"""Variations around the person of the photograph, and where they differ."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from PySide6.QtCore import QPoint, Qt
from PySide6.QtTest import QTest
from pytestqt.qtbot import QtBot

from jmvae_studio.app import Studio
from jmvae_studio.control.imagined import SAMPLES
from jmvae_studio.inference.engine import Engine
from jmvae_studio.ui.faces_panel import FacesPanel
from tests.gui.conftest import drag, drag_slider
from tests.gui.test_digits import save
from tests.gui.test_evidence import show
from tests.gui.test_imagining import faces, opened

LEFT = Qt.MouseButton.LeftButton


def people(studio: Studio, qtbot: QtBot) -> FacesPanel:
    panel = opened(studio, qtbot)
    before = faces(panel)
    show(panel, "person", qtbot)
    qtbot.waitUntil(lambda: not np.array_equal(faces(panel), before), timeout=10_000)
    return panel


def wait_for_maps(panel: FacesPanel, plain: np.ndarray, qtbot: QtBot) -> np.ndarray:
    """Until every face of the first row is under its deviation."""

    def there() -> bool:
        now = faces(panel)
        return all(not np.array_equal(one, other) for one, other in zip(now[0], plain[0], strict=True))

    qtbot.waitUntil(there, timeout=20_000)
    return faces(panel)


def test_the_person_stands_first_and_others_lie_around(studio: Studio, qtbot: QtBot) -> None:
    panel = people(studio, qtbot)
    request = studio.showing.preview_request()
    assert request is not None
    own: list[np.ndarray] = []
    studio.renderer.with_code(request, lambda code: code.engine.reconstruct(code), own.append)  # type: ignore[arg-type]
    qtbot.waitUntil(lambda: bool(own))
    shown = faces(panel)
    assert np.abs(shown[0, 0].astype(int) - own[0]).mean() < 0.02
    assert len({face.tobytes() for face in shown[:, 0]}) == 4
    groove = panel.spread.groove
    at = [QPoint(round(groove.position(value)), groove.height() // 2) for value in (100, 50, 0)]
    drag(groove, at[0], *at)
    qtbot.waitUntil(lambda: np.array_equal(faces(panel)[1], faces(panel)[0]), timeout=10_000)
    assert np.array_equal(faces(panel)[0], shown[0])


def test_the_deviation_lies_over_the_first_row_and_can_be_taken_away(studio: Studio, qtbot: QtBot) -> None:
    panel = people(studio, qtbot)
    plain = faces(panel)
    QTest.mouseClick(panel.deviation, LEFT)
    hot = wait_for_maps(panel, plain, qtbot)
    assert np.array_equal(hot[1:], plain[1:])
    assert f"{SAMPLES} random faces" in panel.note
    drag_slider(studio, "Smiling", 0.9)
    qtbot.waitUntil(lambda: not np.array_equal(faces(panel)[1], plain[1]), timeout=10_000)
    moved = faces(panel)
    wait_for_maps(panel, moved, qtbot)
    QTest.mouseClick(panel.deviation, LEFT)
    assert not panel.note
    cool = faces(panel)[0].astype(int)
    assert np.ptp(cool.mean((0, 1, 2))) < 20  # no colour is left on the grey faces of this model
    show(panel, "evidence", qtbot)
    assert not panel.deviation.isVisible()


def test_deviations_are_worked_out_only_when_wanted(
    studio: Studio, qtbot: QtBot, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[int] = []
    deviation = Engine.deviation
    monkeypatch.setattr(Engine, "deviation", lambda *given: asked.append(1) or deviation(*given))
    panel = people(studio, qtbot)
    qtbot.wait(300)
    assert not asked
    QTest.mouseClick(panel.deviation, LEFT)
    qtbot.waitUntil(lambda: len(asked) == 6, timeout=20_000)  # once for each column
    qtbot.wait(300)
    assert len(asked) == 6


def test_digits_like_this(start_studio: Callable[[Path, Path], Studio], qtbot: QtBot, tmp_path: Path) -> None:
    digit = tmp_path / "digit.png"
    Image.fromarray(np.pad(np.full((4, 20), 240, np.uint8), ((10, 10), (2, 2)))).save(digit)
    studio = start_studio(save(tmp_path / "digits.safetensors", "jmvae-kl"), digit)
    panel = people(studio, qtbot)
    plain = faces(panel)
    assert panel.grid.shape == (4, 11)
    QTest.mouseClick(panel.deviation, LEFT)
    assert wait_for_maps(panel, plain, qtbot)[0, 0, ..., 0].max() > plain[0, 0, ..., 0].max()
