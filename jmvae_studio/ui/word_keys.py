"""Ctrl+Backspace deletes a word while a text is written, whatever a menu does with it elsewhere."""

from __future__ import annotations

from PySide6.QtCore import QEvent, QObject, Qt
from PySide6.QtGui import QKeyEvent
from PySide6.QtWidgets import QAbstractSpinBox, QApplication, QComboBox, QLineEdit, QPlainTextEdit, QTextEdit


class WordKeys(QObject):
    """Claims the keys for the text that has the focus, which Qt does for most keys of editing but not for these."""

    def __init__(self, parent: QObject) -> None:
        super().__init__(parent)
        # Not the whole application's events: each would pass through Python, on the short path too.
        application = QApplication.instance()
        assert isinstance(application, QApplication)
        application.focusChanged.connect(self._follow)

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        if (
            isinstance(event, QKeyEvent)
            and event.type() == QEvent.Type.ShortcutOverride
            and event.key() == Qt.Key.Key_Backspace
            and event.modifiers() == Qt.KeyboardModifier.ControlModifier
        ):
            event.accept()
            return True
        return super().eventFilter(watched, event)

    def _follow(self, _: object, new: object) -> None:
        if (isinstance(new, QComboBox) and new.isEditable()) or (
            isinstance(new, QLineEdit | QAbstractSpinBox | QPlainTextEdit | QTextEdit)
            and not new.isReadOnly()
        ):
            new.installEventFilter(self)  # a second time changes nothing
