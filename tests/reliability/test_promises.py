"""At least a twentieth of every check of reliability; `python -m benchmarks.reliability` runs them whole."""

from __future__ import annotations

import os
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PySide6.QtCore import QPoint
from PySide6.QtGui import QGuiApplication
from PySide6.QtWidgets import QApplication, QDialog, QToolTip, QWidget
from pytestqt.qtbot import QtBot

from benchmarks.reliability import (
    checkpoints,
    killing,
    monkey,
    pictures,
    places,
    stopping,
    troubles,
    watching,
)
from benchmarks.reliability.harness import Check, Outcome, State, run, run_share
from jmvae_studio.ui.images import to_qimage
from trainer.data.images import open_image

SHARE = 0.05


def holds(check: Check, share: float = SHARE) -> None:
    progress = run_share(check, share)
    assert progress.done >= SHARE * check.size
    assert progress.faults == []
    assert progress.failed == 0


@pytest.mark.skipif(not hasattr(os, "fork"), reason="children begin as copies")
@pytest.mark.parametrize("check", [killing.EXPORTS, killing.SESSIONS], ids=lambda check: check.name)
def test_a_kill_loses_nothing_that_was_kept(check: Check) -> None:
    holds(check)


@pytest.mark.parametrize("check", [pictures.HOSTILE, places.DAMAGE], ids=lambda check: check.name)
def test_damaged_files_are_refused_or_set_aside(check: Check, qapp: QApplication) -> None:
    holds(check)


@pytest.mark.skipif(not hasattr(os, "fork"), reason="children begin as copies")
@pytest.mark.parametrize("check", [*stopping.CHECKS, *troubles.CHECKS], ids=lambda check: check.name)
def test_training_outlives_what_may_happen(check: Check) -> None:
    holds(check)


def test_whatever_a_model_file_holds_it_is_a_model_or_a_sentence() -> None:
    holds(checkpoints.CHECK)


@pytest.mark.skipif(os.name == "nt", reason="Windows allows few of these names")
def test_odd_names(tmp_path: Path) -> None:
    holds(pictures.PATHS, share=1)


def test_a_large_photograph_costs_what_it_should(tmp_path: Path) -> None:
    for suffix, least, most in ((".jpg", 30, 35), (".png", 40, 45)):  # its pixels, and Pillow's four bytes
        opening = pictures.measure_large(tmp_path, 10, suffix)
        assert opening.seconds < 3
        assert least < opening.megabytes < most
    assert pictures.refusal_of_too_large(tmp_path) == []


@pytest.mark.skipif(sys.platform != "linux", reason="permissions bind the tests' user only there")
def test_read_only_places_are_told_and_stop_nothing() -> None:
    holds(places.READ_ONLY)


def test_an_edit_is_the_same_every_time() -> None:
    holds(places.SAME)


def test_the_event_loop_is_hardly_ever_away(qapp: QApplication, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(watching, "SECONDS", 30.0)  # of ten minutes
    shared = {name: 3 * limit for name, limit in watching.LOOP.limits.items()}  # the suite is not alone here
    holds(replace(watching.LOOP, size=1, limits=shared), share=1)


@pytest.mark.parametrize("check", [watching.MEMORY, watching.QUIT], ids=lambda check: check.name)
def test_nothing_grows_and_nothing_is_left(check: Check, qapp: QApplication) -> None:
    holds(check)


# The harness itself --------------------------------------------------------------------------------


def _trial(number: int, folder: Path) -> Outcome:
    outcome = Outcome()
    (folder / "own").touch()
    outcome.measure("number", number)
    outcome.expect(number != 2, "two is bad")
    return outcome


def test_a_stopped_run_goes_on_and_faults_are_counted(tmp_path: Path) -> None:
    check = Check("0", "counting", "numbers", 5, "number", _trial, {"number": 3})
    file = tmp_path / "state.json"
    state = State(file)
    for progress in run(check, 5, state.of(check)):
        state.save()
        if progress.done == 2:
            break
    again = State(file)
    assert again.of(check).done == 2
    assert [progress.done for progress in run(check, 5, again.of(check))] == [3, 4, 5]
    assert again.of(check).failed == 2
    assert again.of(check).faults == [
        "trial 2: two is bad",
        "trial 4: number is 4, at most 3 was promised",
    ]


def test_the_watch_sees_an_original_that_is_written(tmp_path: Path) -> None:
    from benchmarks.reliability.watch import guarded

    original = tmp_path / "photo.png"
    original.write_bytes(b"1")
    with guarded([original]) as faults:
        original.read_bytes()
        assert faults == []
        original.write_bytes(b"2")
        original.rename(tmp_path / "moved.png")
    assert len(faults) == 2
    original.write_bytes(b"3")
    assert len(faults) == 2


def test_a_half_written_picture_would_be_seen(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def spoil(path: Path) -> np.ndarray:
        data = path.read_bytes()
        path.write_bytes(data[: len(data) // 2])
        return open_image(path)  # type: ignore[return-value]

    monkeypatch.setattr(killing, "open_image", spoil)
    assert "the target is damaged" in killing.export_trial(0, tmp_path).faults[0]


def test_a_dialog_left_open_is_named_and_a_tool_tip_is_not(qtbot: QtBot) -> None:
    window, dialog = QWidget(), QDialog()
    dialog.setWindowTitle("Forgotten")
    for widget in (window, dialog):
        qtbot.addWidget(widget)
        widget.show()
    QToolTip.showText(window.mapToGlobal(QPoint(5, 5)), "a tip", window)
    qtbot.waitUntil(QToolTip.isVisible)
    try:
        assert monkey.windows_left(window) == ["QDialog “Forgotten”"]
    finally:
        QToolTip.hideText()


@pytest.mark.timeout(900)
def test_random_events_harm_neither_originals_nor_history(
    qapp: QApplication, checkpoint: Path, astronaut: np.ndarray, monkeypatch: pytest.MonkeyPatch
) -> None:
    QGuiApplication.clipboard().setImage(to_qimage(astronaut))  # what another test may leave there
    monkeypatch.setattr(monkey, "MODEL", checkpoint)  # smaller nets than the shipped ones
    holds(monkey.CHECK)
