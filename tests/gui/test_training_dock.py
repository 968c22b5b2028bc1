"""The dock of the runs with real ones: curves, samples, notes, what can be asked of a run, and what the editor gets."""

import json
import shutil
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from PySide6.QtCore import QPoint, Qt
from PySide6.QtGui import QAction, QGuiApplication
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication, QFileDialog, QToolButton
from pytestqt.qtbot import QtBot

from jmvae_studio.app import Studio
from jmvae_studio.training.run import Run, State
from jmvae_studio.training.trainings import Trainings
from jmvae_studio.ui.training_panel import CURVES, DETAILS, SAMPLES, TrainingPanel
from tests.gui.conftest import drag_slider, settle
from tests.gui.test_trainings import small
from trainer.checkpoint_header import read_checkpoint
from trainer.config import PRESETS, make_config

LEFT, CONTROL = Qt.MouseButton.LeftButton, Qt.KeyboardModifier.ControlModifier


@pytest.fixture(autouse=True)
def ordinary_priority(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("jmvae_studio.training.processes.NICENESS", 0)


@pytest.fixture
def panel(studio: Studio, qtbot: QtBot, finished: Path) -> Iterator[TrainingPanel]:
    """The dock, opened with its keys; beside a finished run there is a copy with other settings."""
    runs = studio.trainings.folder
    shutil.copytree(finished, runs / "digits")
    shutil.copytree(finished, runs / "other")
    values = json.loads((runs / "other" / "config.json").read_text())
    (runs / "other" / "config.json").write_text(json.dumps(values | {"alpha": 0.25}))
    QTest.keyClick(studio.window, Qt.Key.Key_R, CONTROL | Qt.KeyboardModifier.ShiftModifier)
    qtbot.waitUntil(lambda: studio.window.training_dock.content is not None)
    panel = studio.window.training_dock.content
    assert panel is not None
    qtbot.waitUntil(lambda: len(panel.table.runs) == 2)
    qtbot.waitUntil(lambda: all(run.state is State.FINISHED for run in panel.table.runs))
    yield panel
    for run in studio.trainings.under_way():
        studio.trainings.stop(run)
    qtbot.waitUntil(lambda: not studio.trainings.under_way(), timeout=60_000)


def named(panel: TrainingPanel, name: str) -> Run:
    return next(run for run in panel.table.runs if run.name == name)


def click_row(panel: TrainingPanel, name: str, held: Qt.KeyboardModifier) -> None:
    table = panel.table
    item = table.item(table.runs.index(named(panel, name)), 0)
    assert item is not None
    QTest.mouseClick(table.viewport(), LEFT, held, table.visualItemRect(item).center())


def press(panel: TrainingPanel, action: QAction) -> None:
    """Click the action's button; one that the bar has no room for is triggered."""
    assert action.isEnabled()
    button = panel.bar.widgetForAction(action)
    if isinstance(button, QToolButton) and button.isVisible():
        QTest.mouseClick(button, LEFT)
    else:
        action.trigger()


def click_tab(panel: TrainingPanel, tab: int) -> None:
    bar = panel.tabs.tabBar()
    QTest.mouseClick(bar, LEFT, Qt.KeyboardModifier.NoModifier, bar.tabRect(tab).center())


def test_curves_of_several_runs_lie_over_each_other(panel: TrainingPanel, qtbot: QtBot) -> None:
    click_row(panel, "digits", Qt.KeyboardModifier.NoModifier)
    assert panel.tabs.currentIndex() == CURVES
    run = named(panel, "digits")
    shown = panel.curves.plots
    assert {"loss", "nll_image", "kl_prior", "balanced_accuracy", "images_per_second"} <= shown.keys()
    assert next(iter(shown)) == "loss"
    x, y = shown["loss"].lines["digits", "train"].getOriginalDataset()
    assert (list(x), list(y)) == (run.progress.terms["loss"].steps, run.progress.terms["loss"].values)
    assert len(x) == 5 * (50 // 25)
    assert len(shown["nll_image"].lines["digits", "validation"].getOriginalDataset()[0]) == 5
    click_row(panel, "other", CONTROL)
    assert set(shown["loss"].lines) == {("digits", "train"), ("other", "train")}
    pens = [line.opts["pen"].color().name() for line in shown["loss"].lines.values()]
    assert len(set(pens)) == 2
    box = panel.curves.log_scale
    QTest.mouseClick(box, LEFT, pos=QPoint(8, box.height() // 2))
    assert shown["loss"].is_log
    assert not shown["beta"].is_log  # it begins at zero
    click_row(panel, "other", Qt.KeyboardModifier.NoModifier)
    assert set(shown["loss"].lines) == {("other", "train")}


def test_samples_go_from_epoch_to_epoch(panel: TrainingPanel, qtbot: QtBot) -> None:
    click_row(panel, "digits", Qt.KeyboardModifier.NoModifier)
    click_tab(panel, SAMPLES)
    samples = panel.samples
    assert samples.epoch == 5
    qtbot.waitUntil(lambda: bool(samples.picture.frames), timeout=10_000)
    last = samples.picture.frames[0]
    assert last.width() == 8 * 8  # so many pictures of 8 pixels
    samples.slider.setFocus()
    QTest.keyClick(samples.slider, Qt.Key.Key_Left)
    assert samples.epoch_label.text() == "Epoch 4 of 5"
    qtbot.waitUntil(lambda: samples.picture.frames[0] != last, timeout=10_000)
    QTest.mouseClick(samples.play, LEFT)
    qtbot.waitUntil(lambda: samples.epoch == 5 and not samples.play.isChecked(), timeout=10_000)


def test_two_runs_are_compared_and_notes_are_kept(panel: TrainingPanel, qtbot: QtBot) -> None:
    click_row(panel, "digits", Qt.KeyboardModifier.NoModifier)
    click_tab(panel, DETAILS)
    notes = panel.details.notes
    notes.setFocus()
    QTest.keyClicks(notes, "a first try")
    run = named(panel, "digits")
    qtbot.waitUntil(lambda: run.notes == "a first try", timeout=5000)
    click_row(panel, "other", CONTROL)
    press(panel, panel.compare)
    table = panel.details.table
    rows = {
        cells[0]: cells[1:]
        for row in range(table.rowCount())
        if (cells := [item.text() if (item := table.item(row, c)) else "" for c in range(3)])
    }
    order = [run.name for run in panel.table.selected()]
    assert rows["Alpha"] == ["1.0" if name == "digits" else "0.25" for name in order]
    assert "Latent" not in rows
    assert rows["Epoch"] == ["5 of 5", "5 of 5"]
    assert not notes.isVisible()
    click_row(panel, "digits", Qt.KeyboardModifier.NoModifier)
    assert notes.toPlainText() == "a first try"


def test_a_model_is_loaded_a_run_is_duplicated_and_put_in_the_trash(
    studio: Studio,
    panel: TrainingPanel,
    qtbot: QtBot,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
) -> None:
    (tmp_path / "home").mkdir()
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "home"))
    monkeypatch.setattr(Trainings, "_serve", lambda self: None)
    click_row(panel, "other", Qt.KeyboardModifier.NoModifier)
    run = named(panel, "other")
    assert panel.load_best.text() == f"Load &Best Model (Epoch {run.progress.best})"
    panel.load_best.trigger()
    qtbot.waitUntil(lambda: studio.model is not None and studio.model.path == run.best, timeout=30_000)
    press(panel, panel.duplicate)
    dialog = studio.training.dialog
    assert dialog is not None
    qtbot.waitUntil(lambda: dialog.train_button.isEnabled(), timeout=10_000)
    assert dialog.config == run.config
    QTest.mouseClick(dialog.train_button, LEFT)
    qtbot.waitUntil(lambda: len(panel.table.runs) == 3)
    copy = named(panel, "other 2")
    assert panel.table.selected() == [copy]  # what was begun is shown
    assert copy.config == run.config
    studio.trainings.stop(copy)
    click_row(panel, "other", Qt.KeyboardModifier.NoModifier)
    with qtbot.waitActive(studio.window):
        studio.window.activateWindow()
    panel.table.setFocus()
    QTest.keyClick(panel.table, Qt.Key.Key_Delete)
    assert [known.name for known in panel.table.runs] == ["other 2", "digits"]
    assert (tmp_path / "home" / "Trash" / "files" / "other").is_dir()


def test_a_run_is_paused_resumed_and_stopped_and_yields_to_the_editor(
    studio: Studio, panel: TrainingPanel, qtbot: QtBot, tiny_mnist: Path
) -> None:
    run = studio.trainings.add("long", small(tiny_mnist, 100_000))
    qtbot.waitUntil(lambda: run.state is State.RUNNING and run.progress.step > 2, timeout=120_000)
    click_row(panel, "long", Qt.KeyboardModifier.NoModifier)
    row = panel.table.runs.index(run)
    qtbot.waitUntil(lambda: bool(text(panel, row, 2)) and bool(text(panel, row, 3)), timeout=30_000)
    assert text(panel, row, 1).startswith("Running · epoch ")
    steps = len(panel.curves.plots["loss"].lines["long", "train"].getOriginalDataset()[0])
    qtbot.waitUntil(
        lambda: len(panel.curves.plots["loss"].lines["long", "train"].getOriginalDataset()[0]) > steps,
        timeout=30_000,
    )
    assert not (run.folder / "control.json").exists()
    drag_slider(studio, "Smiling", 0.9)
    settle(studio, qtbot)
    wish = json.loads((run.folder / "control.json").read_text())
    assert wish["threads"] == 1
    assert 0 < wish["until"] - time.time() <= 10
    press(panel, panel.pause)
    qtbot.waitUntil(lambda: run.state is State.PAUSED, timeout=10_000)
    assert not panel.delete.isEnabled()
    press(panel, panel.resume)
    qtbot.waitUntil(lambda: run.state is State.RUNNING, timeout=10_000)
    press(panel, panel.stop)
    qtbot.waitUntil(lambda: run.state is State.STOPPED, timeout=60_000)
    assert run.can_resume
    assert panel.resume.isEnabled()


def test_a_model_is_evaluated_and_exported_with_its_card(
    studio: Studio, panel: TrainingPanel, qtbot: QtBot, tmp_path: Path
) -> None:
    click_row(panel, "digits", Qt.KeyboardModifier.NoModifier)
    press(panel, panel.evaluate)
    window = studio.evaluating.window
    assert window is not None
    qtbot.waitUntil(lambda: "partition" in window.summary.text(), timeout=120_000)
    assert window.summary.text().startswith(
        "best.safetensors: 12 pictures of the test partition; mean accuracy 0."
    )
    QTest.mouseClick(window.copy, LEFT)
    assert QGuiApplication.clipboard().text() == window.summary.text()
    window.close()
    qtbot.waitUntil(lambda: studio.evaluating.window is None)
    press(panel, panel.evaluate)
    again = studio.evaluating.window
    assert again is not None
    QTest.keyClick(again, Qt.Key.Key_Escape)  # ends the process too: a leftover fails the test
    qtbot.waitUntil(lambda: studio.evaluating.window is None)
    press(panel, panel.export)
    asking = next(w for w in QApplication.topLevelWidgets() if isinstance(w, QFileDialog) and w.isVisible())
    assert Path(asking.selectedFiles()[0]).name == "digits.safetensors"
    target = tmp_path / "given" / "mine.safetensors"
    target.parent.mkdir()
    with qtbot.waitSignal(studio.evaluating.exported, timeout=30_000):
        asking.fileSelected.emit(str(target))
        asking.close()
    run = named(panel, "digits")
    assert run.best is not None
    assert target.read_bytes() == run.best.read_bytes()
    card = target.with_suffix(".md").read_text()
    assert read_checkpoint(target)[0].digest in card
    assert "Trained on 50 pictures (MNIST)" in card
    assert "balanced_accuracy" in card
    assert sorted(path.name for path in target.parent.iterdir()) == ["mine.md", "mine.safetensors"]
    with qtbot.waitSignal(studio.evaluating.failed):
        studio.evaluating._start_export(run, run.best, run.folder / "model.safetensors")
    notes, other = target.with_name("notes.md"), target.with_name("notes-card.md")
    notes.write_text("mine")
    for _ in range(2):  # the second time the card is ours
        with qtbot.waitSignal(studio.evaluating.exported, timeout=30_000):
            studio.evaluating._start_export(run, run.best, target.with_name("notes.safetensors"))
        assert notes.read_text() == "mine"
        assert other.read_text().startswith("# Model card: notes.safetensors")
    qtbot.waitUntil(lambda: "its card as notes-card.md" in studio.window.statusBar().currentMessage())
    other.write_text("mine too")
    with qtbot.waitSignal(studio.evaluating.exported, timeout=30_000):
        studio.evaluating._start_export(run, run.best, target.with_name("notes.safetensors"))
    assert other.read_text() == "mine too"
    assert target.with_name("notes-card-2.md").is_file()


def test_a_model_is_exported_as_onnx_graphs_and_a_cancelled_export_leaves_nothing(
    studio: Studio, panel: TrainingPanel, qtbot: QtBot, tmp_path: Path
) -> None:
    click_row(panel, "digits", Qt.KeyboardModifier.NoModifier)
    folder, progress = tmp_path / "graphs", studio.window.model_progress
    folder.mkdir()

    def export(name: str = "digits.onnx") -> None:
        press(panel, panel.export)
        asking = next(
            w for w in QApplication.topLevelWidgets() if isinstance(w, QFileDialog) and w.isVisible()
        )
        asking.fileSelected.emit(str(folder / name))
        asking.close()
        assert progress.isVisible()

    export()
    qtbot.waitUntil(lambda: any(folder.iterdir()), timeout=60_000)
    QTest.mouseClick(progress.cancel, LEFT)
    assert not progress.isVisible()
    assert list(folder.iterdir()) == []
    with qtbot.waitSignal(studio.evaluating.exported, timeout=120_000) as exported:
        export()
        with qtbot.waitSignal(studio.evaluating.failed) as failed:
            export("others.onnx")
        assert f"still being written to {folder / 'digits'}" in failed.args[0]
    assert exported.args == [folder / "digits"]
    assert not progress.isVisible()
    assert "5 ONNX graphs, at most" in studio.window.statusBar().currentMessage()
    assert [path.name for path in folder.iterdir()] == ["digits"]
    assert (folder / "digits" / "encode_image_label.onnx").is_file()
    with qtbot.waitSignal(studio.evaluating.failed, timeout=60_000) as failed:
        export()
    assert "is there already: choose a new folder" in failed.args[0]


def test_a_failed_run_says_why(studio: Studio, panel: TrainingPanel, qtbot: QtBot, tmp_path: Path) -> None:
    values = PRESETS["mnist"] | {"preset": "mnist", "data": tmp_path / "nowhere", "device": "cpu"}
    run = studio.trainings.add("nothing", make_config(values))
    qtbot.waitUntil(lambda: run.state is State.FAILED, timeout=120_000)
    click_row(panel, "nothing", Qt.KeyboardModifier.NoModifier)
    click_tab(panel, DETAILS)
    assert "Is this MNIST's folder?" in panel.details.failure.text()


def text(panel: TrainingPanel, row: int, column: int) -> str:
    item = panel.table.item(row, column)
    assert item is not None
    return item.text()
