"""In another language nothing stays English: every text that can be seen, read aloud or pointed at is translated."""

import errno
import gettext
import os
import re
import shutil
import string
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import get_args

import pytest
from PySide6.QtCore import QAbstractItemModel, QAbstractListModel, QObject, Qt, QTranslator
from PySide6.QtGui import QAction
from PySide6.QtWidgets import (
    QAbstractItemView,
    QApplication,
    QComboBox,
    QDialogButtonBox,
    QInputDialog,
    QMenu,
    QMessageBox,
    QWidget,
)
from pytestqt.qtbot import QtBot

from jmvae_studio.app import Studio
from jmvae_studio.document.animations import ANIMATED
from jmvae_studio.document.saving import FORMATS
from jmvae_studio.language import use
from jmvae_studio.settings import Settings, SettingsFile
from jmvae_studio.ui.batch_dialog import BatchDialog
from jmvae_studio.ui.choosing import ChooseAttributes
from jmvae_studio.ui.command_palette import CommandPalette
from jmvae_studio.ui.evaluation_window import EvaluationWindow
from jmvae_studio.ui.image_canvas import ImageCanvas
from jmvae_studio.ui.photo_view import PhotoView
from jmvae_studio.ui.settings_dialog import SettingsDialog
from tests.gui.conftest import drag_slider, said, settle
from trainer.config import PRESETS, TrainConfig
from trainer.systems import SYSTEMS

_LETTERS = str.maketrans(string.ascii_letters, "".join(chr(ord(c) + 0xFEE0) for c in string.ascii_letters))
"""To their wide forms, which no text of the program holds."""
_KEPT = re.compile(r"(\{[^}]*\}|<[^>]*>|&\w+;|\(\*[^)]*\))")
"""What a translator leaves as it is: names in braces, tags, endings of files."""
_KEYS = r"Ctrl|Alt|Shift|Del|Backspace|Esc|PgUp|PgDown|Return|F\d+|[A-Z]"
_NAMES = ("JMVAE Studio", "jmvae", "CPU", "RGB")
_HIDDEN = {
    "objectName",
    "styleSheet",
    "inputMask",
    "displayText",
    "windowFilePath",
    "html",
    "markdown",
    "icon_name",
}


def wide(text: str) -> str:
    """A translation that anyone can check."""
    return "".join(part if _KEPT.fullmatch(part) else part.translate(_LETTERS) for part in _KEPT.split(text))


class Wide(gettext.NullTranslations):
    """The catalogue of a language that writes English in wide letters."""

    def gettext(self, message: str) -> str:
        return wide(message)

    def ngettext(self, msgid1: str, msgid2: str, n: int) -> str:
        return wide(msgid1 if n == 1 else msgid2)


class WideQt(QTranslator):
    """The same for what Qt says itself, but for the names of keys."""

    def translate(self, context: str, source: str, comment: str | None = None, n: int = -1) -> str | None:
        return None if context in ("QShortcut", "QKeySequence") else wide(source)

    def isEmpty(self) -> bool:
        return False


@pytest.fixture
def translated(
    qapp: QApplication,
    request: pytest.FixtureRequest,
    checkpoint: Path,
    photograph: Path,
) -> Iterator[Studio]:
    """The studio with a photograph, in that language."""
    translator = WideQt(qapp)
    qapp.installTranslator(translator)
    use(Wide())
    start: Callable[[Path, Path], Studio] = request.getfixturevalue("start_studio")
    yield start(checkpoint, photograph)
    use(gettext.NullTranslations())
    qapp.removeTranslator(translator)


def texts(thing: QObject) -> Iterator[tuple[str, str]]:
    """Every text of a widget or an action, by the name of its place."""
    meta = thing.metaObject()
    for index in range(meta.propertyCount()):
        one = meta.property(index)
        if one.typeName() == "QString" and one.name() not in _HIDDEN:
            yield one.name(), str(thing.property(one.name()))
    if isinstance(thing, QComboBox):
        yield from _cells(thing.model())
    if isinstance(thing, QAbstractItemView) and thing.model() is not None:
        yield from _cells(thing.model())
    if isinstance(thing, ImageCanvas | PhotoView):
        yield "painted hint", thing._hint
    if isinstance(thing, ImageCanvas):
        yield "painted caption", f"{thing.caption} {thing._detail}"


def _cells(model: QAbstractItemModel) -> Iterator[tuple[str, str]]:
    roles = (Qt.ItemDataRole.DisplayRole, Qt.ItemDataRole.ToolTipRole)
    for column in range(1 if isinstance(model, QAbstractListModel) else model.columnCount()):
        yield "header", str(model.headerData(column, Qt.Orientation.Horizontal) or "")
        for row in range(model.rowCount()):
            for role in roles:
                yield "cell", str(model.data(model.index(row, column), role) or "")


def untranslated(things: Iterable[QObject], names: Iterable[str] = ()) -> list[str]:
    """What still has English letters in it, without the names of files, keys and the like."""
    known = re.compile(
        "|".join(
            [
                *map(re.escape, sorted([*names, *_NAMES], key=len, reverse=True)),
                "<[^>]*>|&\\w+;|/[\\w./-]+|\\{\\w+\\}|\\de-\\d",
            ]
        )
    )
    keys = re.compile(rf"\b({_KEYS})\b")
    left = []
    for thing in things:
        for place, text in texts(thing):
            if re.search("[A-Za-z]", keys.sub("", known.sub("", text))):
                left.append(f"{type(thing).__name__}.{place}: {text!r}")
    return sorted(set(left))


def opened(kind: type[QWidget]) -> QWidget:
    """The window of this kind that is open."""
    return next(w for w in QApplication.topLevelWidgets() if isinstance(w, kind) and w.isVisible())


def names_of(studio: Studio) -> list[str]:
    """Names that are nobody's words: of files, of models, and of attributes as the data spell them."""
    model, window = studio.model, studio.window
    assert model is not None
    shipped = [a.text() for menu in (window._samples, window._shipped_models) for a in menu.actions()]
    return [model.path.name, model.path.stem, "astronaut.jpg", *shipped, *model.attribute_names]


def settings_of_runs() -> list[str]:
    """Values of a run's settings, as they are written in its file."""
    kinds = [field.annotation for field in TrainConfig.model_fields.values()]
    return ["True", "False", *PRESETS, *SYSTEMS, *(str(value) for kind in kinds for value in get_args(kind))]


def check(root: QWidget, names: Iterable[str]) -> None:
    left = untranslated([root, *root.findChildren(QWidget), *root.findChildren(QAction)], names)
    assert not left, "\n".join(left)


def test_the_window_and_its_menus(translated: Studio, qtbot: QtBot) -> None:
    window, names = translated.window, names_of(translated)
    check(window, names)
    drag_slider(translated, "Smiling", 0.7)
    settle(translated, qtbot)
    window.panel.state_asked.emit("Male", "locked")
    window.panel.state_asked.emit("Young", "free")
    window.compare.setChecked(True)
    window._history_dock.show()
    window.faces_dock.show()
    check(window, names)
    window.panel._offer("Smiling")
    check(opened(QMenu), names)
    opened(QMenu).close()
    window.filmstrip._show_menu(window.filmstrip.visualItemRect(window.filmstrip.item(0)).center())
    check(opened(QMenu), names)
    opened(QMenu).close()


def test_the_map(translated: Studio, qtbot: QtBot) -> None:
    window, names = translated.window, names_of(translated)
    translated.settings.map_source, translated.settings.map_groups = "groups", ["Male", "Smiling"]
    window.map_dock.show()
    chart = window.map_dock.content
    assert chart is not None
    qtbot.waitUntil(lambda: len(chart.points) > 0, timeout=30_000)
    settle(translated, qtbot)
    check(window.map_dock, names)
    legend = [label.text for _, label in chart.view._legend.items]
    assert len(legend) == 3
    assert not [word for word in legend if word.isascii()]
    assert not chart.view.getPlotItem().getAxis("bottom").labelText.isascii()


def test_what_the_window_says(translated: Studio, qtbot: QtBot, tmp_path: Path) -> None:
    window, names = translated.window, names_of(translated)
    bad = tmp_path / "bad.jmvae-preset"
    bad.write_text("no preset")
    empty = tmp_path / "empty"
    empty.mkdir()
    names += [bad.name, empty.name, os.strerror(errno.ENOENT)]
    for act in (
        lambda: translated.presets.apply_file(bad),
        lambda: translated.presets.apply_file(tmp_path / "none.jmvae-preset"),
        lambda: translated.sessions.open(bad),
        lambda: translated.open_path(empty),
    ):
        act()
        qtbot.waitUntil(lambda: said(translated) != "", timeout=10_000)
        check(window, names)
        window.messages.dismiss()


def test_the_dialogs(translated: Studio, qtbot: QtBot) -> None:
    window, names = translated.window, names_of(translated)
    drag_slider(translated, "Smiling", 0.7)
    settle(translated, qtbot)
    for asked, kind in (
        (window.settings_asked, SettingsDialog),
        (window.commands_asked, CommandPalette),
        (window.shortcuts_asked, QMessageBox),
        (window.about_asked, QMessageBox),
        (window.batch_asked, BatchDialog),
        (window.save_preset_asked, ChooseAttributes),
        (window.copy_adjustments_asked, ChooseAttributes),
        (window.keep_version_asked, QInputDialog),
    ):
        asked.emit()
        check(opened(kind), names)
        opened(kind).close()
    folders = translated.batches.dialog
    assert folders is not None
    folders.show_files([Path("astronaut.jpg")])
    check(folders, names)
    folders.mark_waiting("1")
    assert folders.results.topLevelItem(0).text(1) == "1"  # type: ignore[union-attr]
    window.export_asked.emit()
    dialog = translated.exports.dialog
    assert dialog is not None
    for index in range(dialog.what.count()):
        dialog.what.setCurrentIndex(index)
        check(dialog, [*names, *FORMATS.values(), *ANIMATED.values(), "{name} {what}"])
    dialog.close()


def test_the_training(translated: Studio, qtbot: QtBot, finished: Path, tiny_celeba: Path) -> None:
    window, names = translated.window, [*names_of(translated), *settings_of_runs()]
    for name in ("digits", "other"):
        shutil.copytree(finished, translated.trainings.folder / name)
    window.training_dock.show()
    panel = window.training_dock.content
    assert panel is not None
    qtbot.waitUntil(lambda: len(panel.table.runs) == 2)
    progress = panel.table.runs[0].progress
    names += ["digits", "other", *progress.terms, *progress.metrics, *TrainConfig.model_fields]
    check(window, names)
    panel.table.selectAll()
    check(window, names)
    window.train_asked.emit()
    dialog = translated.training.dialog
    assert dialog is not None
    dialog.advanced.click()
    check(dialog, names)
    dialog.data.setText(str(tiny_celeba))
    qtbot.waitUntil(lambda: dialog.found.text() != "" and dialog.config is not None, timeout=10_000)
    check(dialog, names)
    dialog.close()
    window.prepare_asked.emit()
    assert translated.tagging.window is not None
    check(translated.tagging.window, names)
    translated.tagging.window.close()
    evaluation = EvaluationWindow(window, "m.safetensors", "celeba")
    check(evaluation, [*names, "m.safetensors"])
    evaluation.close()


class German(gettext.NullTranslations):
    """A catalogue of one text."""

    def gettext(self, message: str) -> str:
        return {"&File": "&Datei"}.get(message, message)

    def info(self) -> dict[str, str]:
        return {"language": "de"}


@pytest.fixture
def in_german(qapp: QApplication, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """The settings ask for German, and there is a catalogue of it."""
    catalogues = {"de": German()}
    monkeypatch.setattr(
        "jmvae_studio.language.gettext.translation",
        lambda domain, folder, languages, fallback: catalogues.get(*languages, gettext.NullTranslations()),
    )
    file = SettingsFile(tmp_path / "config" / "settings.json")
    file.save(Settings(device="cpu", welcomed=True, language="de"))
    yield
    use(gettext.NullTranslations())


def test_the_language_of_the_settings_is_spoken_by_qt_too(in_german: None, studio: Studio) -> None:
    assert studio.window.menuBar().actions()[0].text() == "&Datei"
    buttons = QDialogButtonBox(QDialogButtonBox.StandardButton.Cancel)
    assert buttons.button(QDialogButtonBox.StandardButton.Cancel).text().replace("&", "") == "Abbrechen"
    buttons.deleteLater()
