"""Closing the window while a run goes on."""

from collections.abc import Callable
from pathlib import Path

import pytest
from PySide6.QtCore import Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QMessageBox
from pytestqt.qtbot import QtBot

from jmvae_studio.app import Studio
from jmvae_studio.training.run import Run, State
from jmvae_studio.training.trainings import Trainings
from tests.gui.conftest import message_boxes
from tests.gui.test_trainings import small

LEFT = Qt.MouseButton.LeftButton


@pytest.fixture(autouse=True)
def ordinary_priority(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("jmvae_studio.training.processes.NICENESS", 0)


def begin(studio: Studio, qtbot: QtBot, data: Path) -> Run:
    run = studio.trainings.add("long", small(data, 100_000))
    studio.trainings.add("later", small(data, 1))
    qtbot.waitUntil(lambda: run.state is State.RUNNING, timeout=120_000)
    return run


def question() -> QMessageBox:
    boxes = message_boxes()
    assert len(boxes) == 1
    return boxes[0]


def click(box: QMessageBox, text: str) -> None:
    button = next(button for button in box.buttons() if text in button.text())
    QTest.mouseClick(button, LEFT)


def test_a_run_goes_on_in_the_background_and_is_found_again(
    studio: Studio,
    start_studio: Callable[[Path, Path], Studio],
    qtbot: QtBot,
    tiny_mnist: Path,
    checkpoint: Path,
    photograph: Path,
) -> None:
    run = begin(studio, qtbot, tiny_mnist)
    QTest.keyClick(studio.window, Qt.Key.Key_Q, Qt.KeyboardModifier.ControlModifier)
    assert studio.window.isVisible()
    assert question().text() == "Training goes on: long."
    assert "1 more in the queue" in question().informativeText()
    studio.window.close()  # asked twice, there is still one question
    click(question(), "Cancel")
    qtbot.waitUntil(lambda: not message_boxes())
    assert studio.window.isVisible()
    assert run.is_under_way
    studio.window.close()
    click(question(), "Background")
    qtbot.waitUntil(lambda: not studio.window.isVisible())
    process = run.process
    assert process is not None
    assert process.is_alive
    again = start_studio(checkpoint, photograph)
    found = next(known for known in again.trainings.runs if known.name == "long")
    assert found.process == process
    qtbot.waitUntil(lambda: found.state is State.RUNNING)
    again.window.close()
    click(question(), "Stop")
    qtbot.waitUntil(lambda: not again.window.isVisible())
    qtbot.waitUntil(lambda: not process.is_alive, timeout=60_000)
    ended = Trainings(again.trainings.folder)
    ended.watch(True)
    qtbot.waitUntil(lambda: all(known.state is State.STOPPED for known in ended.runs), timeout=10_000)
    assert next(known for known in ended.runs if known.name == "long").can_resume
    ended.close()


def test_nothing_is_asked_while_no_run_goes_on(studio: Studio) -> None:
    studio.window.close()
    assert not studio.window.isVisible()
    assert not message_boxes()
