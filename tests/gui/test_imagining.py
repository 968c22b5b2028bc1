"""Average and random faces: what the dock shows, takes and saves."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from PySide6.QtCore import QPoint, Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication, QFileDialog
from pytestqt.qtbot import QtBot

from jmvae_studio.app import Studio
from jmvae_studio.ui.faces_panel import FacesPanel
from tests.gui.conftest import double_click, drag, drag_slider, pixels, said, settle
from tests.gui.test_digits import save

LEFT, NONE = Qt.MouseButton.LeftButton, Qt.KeyboardModifier.NoModifier


def opened(studio: Studio, qtbot: QtBot) -> FacesPanel:
    settle(studio, qtbot)
    if not studio.window.faces_dock.isVisible():  # a kept layout brings it back
        both = Qt.KeyboardModifier.ControlModifier | Qt.KeyboardModifier.ShiftModifier
        QTest.keyClick(studio.window, Qt.Key.Key_L, both)
    panel = studio.window.faces_dock.content
    assert panel is not None
    qtbot.waitUntil(lambda: panel.grid.shape[0] > 0, timeout=10_000)
    return panel


def faces(panel: FacesPanel) -> np.ndarray:
    rows, columns = panel.grid.shape
    return np.stack([[pixels(panel.grid.face(r, c)) for c in range(columns)] for r in range(rows)])


def test_the_first_row_is_the_average_and_follows_the_edit(studio: Studio, qtbot: QtBot) -> None:
    panel = opened(studio, qtbot)
    assert panel.grid.shape == (4, 6)  # as it is, and five attributes turned
    assert panel.grid.columns[0] == "As it is"
    assert studio.last_result is not None
    request = studio.last_result.request
    average: list[np.ndarray] = []
    studio.renderer.with_engine(lambda engine: engine.generate(request.asked.attributes), average.append)  # type: ignore[arg-type]
    qtbot.waitUntil(lambda: bool(average))
    before = faces(panel)
    assert np.array_equal(before[0, 0], average[0])
    assert len({row.tobytes() for row in before[:, 0]}) == 4  # every random face is another
    drag_slider(studio, "Smiling", 0.95)
    qtbot.waitUntil(lambda: not np.array_equal(faces(panel)[0, 0], before[0, 0]), timeout=10_000)


def test_spread_draws_the_random_faces_to_the_average(studio: Studio, qtbot: QtBot) -> None:
    panel = opened(studio, qtbot)
    before = faces(panel)
    groove = panel.spread.groove
    middle = groove.height() // 2
    at = [QPoint(round(groove.position(value)), middle) for value in (100, 60, 20, 0)]
    drag(groove, at[0], *at)
    qtbot.waitUntil(lambda: np.array_equal(faces(panel)[1], faces(panel)[0]), timeout=10_000)
    assert np.array_equal(faces(panel)[0], before[0])  # the average does not depend on it
    double_click(groove, groove.rect().center())
    qtbot.waitUntil(lambda: np.array_equal(faces(panel), before), timeout=10_000)  # and the same noise again
    QTest.mouseClick(panel.draw, LEFT)
    qtbot.waitUntil(lambda: not np.array_equal(faces(panel)[1], before[1]), timeout=10_000)
    assert np.array_equal(faces(panel)[0], before[0])


def test_a_click_takes_a_face_and_undo_gives_the_old_one_back(studio: Studio, qtbot: QtBot) -> None:
    panel = opened(studio, qtbot)
    face = studio.session.face
    assert face is not None
    assert not face.edit.values
    QTest.mouseClick(panel.grid, LEFT, NONE, panel.grid.cell(2, 3).center())
    qtbot.waitUntil(lambda: bool(face.edit.values), timeout=10_000)
    assert len(face.edit.values) == 40
    assert studio.session.undo_group.undoText() == "take an imagined face"
    QTest.keyClick(studio.window, Qt.Key.Key_Z, Qt.KeyboardModifier.ControlModifier)
    assert not face.edit.values
    panel.grid.setFocus()
    for key in (Qt.Key.Key_Right, Qt.Key.Key_Right, Qt.Key.Key_Return):  # and by the keyboard
        QTest.keyClick(panel.grid, key)
    qtbot.waitUntil(lambda: bool(face.edit.values), timeout=10_000)


def test_an_imagined_face_is_taken_by_no_other_face(studio: Studio, qtbot: QtBot) -> None:
    panel = opened(studio, qtbot)
    studio.imagining._due.setInterval(600_000)  # the grid is slow to follow
    face = studio.session.face
    assert face is not None
    middle = panel.grid.cell(2, 3).center()
    QTest.mouseClick(panel.grid, LEFT, NONE, middle)  # answered only after the face has changed
    studio.session.add_crop(replace(face.crop, side=face.crop.side * 0.7))
    settle(studio, qtbot)
    marked = studio.session.face
    assert marked is not None
    QTest.mouseClick(panel.grid, LEFT, NONE, middle)
    answered: list[int] = []
    studio.renderer.with_engine(lambda engine: 1, answered.append)  # type: ignore[arg-type]
    qtbot.waitUntil(lambda: bool(answered))
    QApplication.processEvents()
    assert not marked.edit.values
    assert not face.edit.values


def test_an_imagined_face_of_the_last_model_is_not_read_by_the_next(
    studio: Studio, qtbot: QtBot, tmp_path: Path
) -> None:
    panel, told = opened(studio, qtbot), []
    studio.imagining._due.setInterval(600_000)  # the grid is slow to follow
    studio.imagining.failed.connect(told.append)
    studio.load_model(save(tmp_path / "digits.safetensors", "jmvae-kl"))
    qtbot.waitUntil(lambda: "7" in studio.window.panel.sliders, timeout=20_000)
    settle(studio, qtbot)
    QTest.mouseClick(panel.grid, LEFT, NONE, panel.grid.cell(2, 3).center())
    answered: list[int] = []
    studio.renderer.with_engine(lambda engine: 1, answered.append)  # type: ignore[arg-type]
    qtbot.waitUntil(lambda: bool(answered))
    QApplication.processEvents()
    assert told == []
    assert studio.session.face is not None
    assert not studio.session.face.edit.values


def test_columns_are_chosen_and_kept(
    studio: Studio,
    start_studio: Callable[[Path, Path], Studio],
    qtbot: QtBot,
    checkpoint: Path,
    photograph: Path,
) -> None:
    panel = opened(studio, qtbot)
    actions = {a.text(): a for heading in panel.columns.menu().actions() for a in heading.menu().actions()}
    assert len(actions) == 40
    assert actions["Bald"].isChecked()
    actions["Bald"].trigger()
    actions["Wearing hat"].trigger()
    qtbot.waitUntil(lambda: any("hat" in caption for caption in panel.grid.columns), timeout=10_000)
    assert not any("ald" in caption for caption in panel.grid.columns)
    studio.window.close()
    again = opened(start_studio(checkpoint, photograph), qtbot)
    assert any("hat" in caption for caption in again.grid.columns)


def test_the_faces_are_saved_as_one_figure(
    studio: Studio, qtbot: QtBot, tmp_path: Path, photograph: Path
) -> None:
    panel = opened(studio, qtbot)

    def save_as(path: Path) -> None:
        QTest.mouseClick(panel.save, LEFT)
        (dialog,) = studio.window.findChildren(QFileDialog)
        dialog.fileSelected.emit(str(path))
        dialog.close()

    save_as(tmp_path / "figure.png")
    qtbot.waitUntil(lambda: (tmp_path / "figure.png").exists(), timeout=10_000)
    with Image.open(tmp_path / "figure.png") as figure:
        assert figure.width > 6 * 190
        assert figure.height > 4 * 190
    original = photograph.read_bytes()
    save_as(photograph)
    qtbot.waitUntil(lambda: photograph.name in said(studio), timeout=10_000)
    assert photograph.read_bytes() == original


def test_digits_have_a_column_for_every_label(
    start_studio: Callable[[Path, Path], Studio], qtbot: QtBot, tmp_path: Path
) -> None:
    digit = tmp_path / "digit.png"
    Image.fromarray(np.pad(np.full((4, 20), 240, np.uint8), ((10, 10), (2, 2)))).save(digit)
    studio = start_studio(save(tmp_path / "digits.safetensors", "jmvae-kl"), digit)
    panel = opened(studio, qtbot)
    assert panel.grid.columns == ["As it is", *"0123456789"]
    assert not panel.columns.isVisible()


@pytest.mark.parametrize("size", [(300, 240), (900, 300)])
def test_faces_lie_side_by_side_within_the_grid(qtbot: QtBot, size: tuple[int, int]) -> None:
    panel = FacesPanel()
    qtbot.addWidget(panel)
    panel.grid.resize(*size)
    panel.grid.show_faces(["a", "b"], ["x", "y", "z"], np.zeros((2, 3, 8, 8, 3), np.uint8))
    cells = [panel.grid.cell(row, column) for row in range(2) for column in range(3)]
    assert all(panel.grid.rect().contains(cell) for cell in cells)
    assert not any(one.intersects(other) for n, one in enumerate(cells) for other in cells[:n])
