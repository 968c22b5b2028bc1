"""Small questions: a name, and which attributes."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from PySide6.QtCore import Qt
from PySide6.QtWidgets import (
    QDialog,
    QDialogButtonBox,
    QLabel,
    QLineEdit,
    QListWidget,
    QListWidgetItem,
    QVBoxLayout,
    QWidget,
)

from jmvae_studio.language import tr


class ChooseAttributes(QDialog):
    """Asks which adjustments are meant, and for a name where one is needed."""

    def __init__(
        self,
        parent: QWidget,
        title: str,
        entries: Sequence[tuple[str, str]],
        chosen: Callable[[list[str], str], None],
        accept: str,
        named: bool,
    ) -> None:
        """Args: ``entries`` are (key, text); ``chosen`` gets the keys and the name; ``accept`` is the button."""
        super().__init__(parent)
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        self.setWindowTitle(title)
        self._chosen = chosen
        self.name = QLineEdit()
        self.name.setPlaceholderText(tr("Name"))
        self.name.setMaxLength(80)
        self.list = QListWidget()
        for key, text in entries:
            item = QListWidgetItem(text)
            item.setData(Qt.ItemDataRole.UserRole, key)
            item.setFlags(Qt.ItemFlag.ItemIsUserCheckable | Qt.ItemFlag.ItemIsEnabled)
            item.setCheckState(Qt.CheckState.Checked)
            self.list.addItem(item)
        self.buttons = QDialogButtonBox(QDialogButtonBox.StandardButton.Cancel)
        self.accept_button = self.buttons.addButton(accept, QDialogButtonBox.ButtonRole.AcceptRole)
        self.buttons.accepted.connect(self._accept)
        self.buttons.rejected.connect(self.reject)
        layout = QVBoxLayout(self)
        if named:
            layout.addWidget(self.name)
            self.name.textChanged.connect(self._check)
        layout.addWidget(QLabel(tr("With these adjustments:")))
        layout.addWidget(self.list)
        layout.addWidget(self.buttons)
        self._named = named
        self.list.itemChanged.connect(self._check)
        self.resize(320, 380)
        self._check()

    def keys(self) -> list[str]:
        """What is checked."""
        items = [self.list.item(row) for row in range(self.list.count())]
        return [i.data(Qt.ItemDataRole.UserRole) for i in items if i.checkState() == Qt.CheckState.Checked]

    def _check(self) -> None:
        named = bool(self.name.text().strip()) or not self._named
        self.accept_button.setEnabled(named and bool(self.keys()))

    def _accept(self) -> None:
        self._chosen(self.keys(), self.name.text().strip())
        self.accept()
