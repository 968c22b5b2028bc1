"""Promises 1 and 25: random events in the real window harm neither the originals nor the history."""

from __future__ import annotations

import hashlib
import random
from collections.abc import Callable
from pathlib import Path

from PySide6.QtCore import QPoint, QPointF, Qt
from PySide6.QtGui import QAction, QWheelEvent
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication, QDialog, QScrollArea, QWidget

from benchmarks.reliability.harness import Check, Outcome
from benchmarks.reliability.watch import complaints, guarded
from benchmarks.reliability.window import copied_samples, open_studio, wait, wait_until
from jmvae_studio.app import Studio
from jmvae_studio.document.photo import Photo
from jmvae_studio.ui.attribute_slider import AttributeSlider

PHOTOS, EVENTS = 10, 1000
"""Photographs of a trial, and events on each."""
MODEL: Path | None = None
"""Another model than the shipped one."""
LEFT, PLAIN = Qt.MouseButton.LeftButton, Qt.KeyboardModifier.NoModifier
_CLOSED = (
    "Open",
    "Save",
    "Quit",
    "Full Screen",
    "Export",
    "Continue",
    "Recent",
    "Shipped",
    "Close",
    "Bring Back",
    "Paste Picture",
    "Device",
)
"""Commands that ask for files, or go from the photograph or the model at hand (pasting, once it has been read)."""


class Monkey:
    """Does something at random in a window."""

    def __init__(self, studio: Studio, seed: int) -> None:
        self._studio, self._window = studio, studio.window
        self._random = random.Random(seed)
        self._deeds: list[tuple[int, Callable[[], None]]] = [
            (30, self._drag_slider),
            (8, self._key_on_slider),
            (5, self._double_click),
            (4, self._type_number),
            (4, self._wheel),
            (8, self._drag_photograph),
            (4, self._click_canvas),
            (12, self._command),
            (10, self._undo_or_redo),
            (2, self._search),
            (2, self._state),
        ]

    def act(self) -> None:
        """One event, with the dialogs it opened closed again."""
        deeds = self._deeds
        self._random.choices([deed for _, deed in deeds], [weight for weight, _ in deeds])[0]()
        for dialog in QApplication.topLevelWidgets():
            if isinstance(dialog, QDialog) and dialog.isVisible():
                QTest.keyClick(dialog, self._random.choice((Qt.Key.Key_Escape, Qt.Key.Key_Return)))
                dialog.close()
        popup = QApplication.activePopupWidget()
        if popup is not None:
            popup.close()

    def _row(self) -> AttributeSlider:
        panel = self._window.panel
        rows = [*panel.sliders.values(), panel.strength, panel.identity]
        row = self._random.choice([row for row in rows if row.isVisible()])
        # where a mouse reaches it: events on what is scrolled away would fall on the dock's title and drag it out
        panel.findChild(QScrollArea).ensureWidgetVisible(row)
        return row

    def _slider(self) -> QWidget:
        return self._row().groove

    def _place(self, widget: QWidget) -> QPoint:
        return QPoint(
            self._random.randrange(max(1, widget.width())), self._random.randrange(max(1, widget.height()))
        )

    def _drag(self, widget: QWidget) -> None:
        QTest.mousePress(widget, LEFT, PLAIN, self._place(widget))
        for _ in range(self._random.randrange(4)):
            QTest.mouseMove(widget, self._place(widget))
        QTest.mouseRelease(widget, LEFT, PLAIN, self._place(widget))

    def _drag_slider(self) -> None:
        self._drag(self._slider())

    def _key_on_slider(self) -> None:
        keys = (
            Qt.Key.Key_Left,
            Qt.Key.Key_Right,
            Qt.Key.Key_PageUp,
            Qt.Key.Key_Home,
            Qt.Key.Key_Delete,
            Qt.Key.Key_Tab,
        )
        QTest.keyClick(self._slider(), self._random.choice(keys))

    def _double_click(self) -> None:
        slider = self._slider()
        QTest.mouseDClick(slider, LEFT, PLAIN, self._place(slider))
        QTest.mouseRelease(slider, LEFT, PLAIN, self._place(slider))

    def _type_number(self) -> None:
        number = self._row().number
        number.selectAll()
        QTest.keyClicks(number, f"{self._random.uniform(-4, 4):.2f}")
        QTest.keyClick(number, Qt.Key.Key_Return)

    def _wheel(self) -> None:
        widget = self._random.choice([self._window.photo_view, self._window.input_canvas, self._slider()])
        place = QPointF(self._place(widget))
        turn = QPoint(0, self._random.choice((-120, 120)))
        event = QWheelEvent(
            place,
            widget.mapToGlobal(place),
            QPoint(),
            turn,
            Qt.MouseButton.NoButton,
            PLAIN,
            Qt.ScrollPhase.NoScrollPhase,
            False,
        )
        QApplication.sendEvent(widget, event)

    def _drag_photograph(self) -> None:
        self._drag(self._window.photo_view)

    def _click_canvas(self) -> None:
        window = self._window
        self._drag(self._random.choice([window.input_canvas, window.average_canvas, window.result_canvas]))

    def _command(self) -> None:
        actions = [action for menu in self._window.menuBar().actions() for action in _leaves(menu)]
        usable = [action for action in actions if action.isEnabled() and not _is_closed(action)]
        self._random.choice(usable).trigger()

    def _undo_or_redo(self) -> None:
        group = self._studio.session.undo_group
        for _ in range(self._random.randrange(1, 5)):
            self._random.choice((group.undo, group.redo))()

    def _search(self) -> None:
        line = self._window.panel.search
        line.clear()
        QTest.keyClicks(line, self._random.choice(("", "hair", "x", "smil")))

    def _state(self) -> None:
        name = self._random.choice(list(self._window.panel.sliders))
        state = self._random.choice(("held", "locked", "free"))
        self._window.panel.state_asked.emit(name, state)


def _leaves(action: QAction) -> list[QAction]:
    menu = action.menu()
    if menu is None:
        return [action] if action.text() else []
    if any(word in action.text().replace("&", "") for word in _CLOSED):
        return []
    return [leaf for entry in menu.actions() for leaf in _leaves(entry)]  # type: ignore[attr-defined]


def _is_closed(action: QAction) -> bool:
    text = action.text().replace("&", "")
    return (text.endswith("…") and "Version" not in text) or any(word in text for word in _CLOSED)


def _state_of(photo: Photo) -> object:
    return photo.version("now"), dict(photo.versions)


def windows_left(window: QWidget) -> list[str]:
    """Classes and titles of what stands open beside ``window`` and would have to be closed by hand.

    A tool tip goes by itself; a click that rests where one is due brings it up at any moment.
    """
    return [
        f"{widget.metaObject().className()} “{widget.windowTitle()}”"
        for widget in QApplication.topLevelWidgets()
        if widget.isVisible() and widget is not window and widget.windowType() != Qt.WindowType.ToolTip
    ]


def _undo_all(photo: Photo) -> None:
    while photo.stack.canUndo():
        photo.stack.undo()


def trial(number: int, folder: Path) -> Outcome:
    """`EVENTS` events on each of `PHOTOS` photographs; then every history is undone to its start."""
    outcome = Outcome()
    originals = copied_samples(folder / "photos", PHOTOS)
    before = [(hashlib.sha256(path.read_bytes()).hexdigest(), path.stat().st_mtime_ns) for path in originals]
    with guarded(originals) as touched, complaints() as told, open_studio(folder, originals, MODEL) as studio:
        monkey = Monkey(studio, number)
        failures: list[str] = []
        studio.renderer.failed.connect(lambda text, details: failures.append(text))
        for path in originals:
            photo = studio.session.find(path)
            assert photo is not None
            studio.photographs.show(photo)
            wait_until(lambda photo=photo: studio.session.photo is photo)
            _undo_all(photo)  # events on the photographs before may have come by here, and dismissed its face
            wait_until(studio.is_settled)
            first = _state_of(photo)
            for step in range(EVENTS):
                monkey.act()
                if step % 10 == 0:
                    wait(1)
            shown = studio.session.photo
            outcome.expect(
                shown is photo or shown is not None, f"{path.name}: no photograph is shown any more"
            )
            studio.photographs.show(photo)
            wait_until(lambda photo=photo: studio.session.photo is photo)
            studio.session.end_gesture()
            _undo_all(photo)
            outcome.expect(_state_of(photo) == first, f"{path.name}: undo does not lead back to the start")
            left = windows_left(studio.window)
            outcome.measure("open windows left", len(left))
            outcome.expect(not left, f"{path.name}: left open: {', '.join(left)}")
        studio.session.undo_group.setActiveStack(studio.session.photo.stack if studio.session.photo else None)
    after = [(hashlib.sha256(path.read_bytes()).hexdigest(), path.stat().st_mtime_ns) for path in originals]
    outcome.expect(after == before, "an original was changed")
    outcome.faults += [*touched, *told, *failures]
    return outcome


CHECK = Check(
    "1, 25",
    "monkey",
    f"{PHOTOS} photographs × {EVENTS} random events: originals untouched, no complaint, undo to the start",
    20,
    f"{PHOTOS * EVENTS:,} events",
    trial,
    {"open windows left": 0},
)
