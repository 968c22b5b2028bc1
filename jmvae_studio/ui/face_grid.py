"""Small faces in rows and columns under captions: pass over one, choose one by mouse or keyboard."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
from PySide6.QtCore import QPoint, QRect, Qt, Signal
from PySide6.QtGui import QFocusEvent, QImage, QKeyEvent, QMouseEvent, QPainter, QPaintEvent, QPalette, QPen
from PySide6.QtWidgets import QSizePolicy, QWidget

from jmvae_studio.language import tr
from jmvae_studio.ui.images import to_qimage
from jmvae_studio.ui.theme import ACCENT

_GAP, _ROW_NAME = 4, 62
_STEPS = {
    Qt.Key.Key_Left: (0, -1),
    Qt.Key.Key_Right: (0, 1),
    Qt.Key.Key_Up: (-1, 0),
    Qt.Key.Key_Down: (1, 0),
}


class FaceGrid(QWidget):
    """Faces as large as the widget allows, with the chosen one framed."""

    chosen = Signal(int, int)
    """Row and column of a face that was clicked, or entered by Return."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setMouseTracking(True)
        self.setMinimumSize(300, 300)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Expanding)
        self.setAccessibleName(tr("Average and random faces"))
        self._columns: list[str] = []
        self._rows: list[str] = []
        self._faces: list[list[QImage]] = []
        self._at: tuple[int, int] | None = None

    @property
    def shape(self) -> tuple[int, int]:
        """Rows and columns of faces."""
        return len(self._faces), len(self._columns) if self._faces else 0

    @property
    def columns(self) -> list[str]:
        """The captions."""
        return list(self._columns)

    def show_faces(
        self, rows: Sequence[str], columns: Sequence[str], faces: npt.NDArray[np.uint8] | None
    ) -> None:
        """Show rows × columns × side × side × 3 pixels under their captions, or nothing."""
        self._rows, self._columns = list(rows), list(columns)
        self._faces = [] if faces is None else [[to_qimage(face) for face in row] for row in faces]
        if self._at is not None and (self._at[0] >= self.shape[0] or self._at[1] >= self.shape[1]):
            self._at = None
        self.update()

    def face(self, row: int, column: int) -> QImage:
        """What is shown at a place."""
        return self._faces[row][column]

    def cell(self, row: int, column: int) -> QRect:
        """Where a face is painted."""
        rows, columns = self.shape
        top = self._caption_height()
        side = min(
            (self.width() - _ROW_NAME) // max(1, columns) - _GAP, (self.height() - top) // max(1, rows) - _GAP
        )
        side = max(8, side)
        return QRect(_ROW_NAME + column * (side + _GAP), top + row * (side + _GAP), side, side)

    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.SmoothPixmapTransform)
        painter.setPen(self.palette().color(QPalette.ColorRole.WindowText))
        rows, columns = self.shape
        flags = Qt.AlignmentFlag.AlignBottom | Qt.AlignmentFlag.AlignHCenter | Qt.TextFlag.TextWordWrap
        for column in range(columns):
            cell = self.cell(0, column)
            place = QRect(cell.left(), 0, cell.width(), cell.top() - 2)
            words = self._columns[column].split()
            narrow = Qt.TextElideMode.ElideRight
            short = (self.fontMetrics().elidedText(word, narrow, cell.width()) for word in words)
            painter.drawText(place, int(flags), " ".join(short))
        for row in range(rows):
            cell = self.cell(row, 0)
            place = QRect(0, cell.top(), _ROW_NAME - _GAP, cell.height())
            painter.drawText(place, Qt.AlignmentFlag.AlignVCenter | Qt.TextFlag.TextWordWrap, self._rows[row])
            for column in range(columns):
                painter.drawImage(self.cell(row, column), self._faces[row][column])
        if self._at is not None:
            painter.setPen(QPen(ACCENT, 2))
            painter.drawRect(self.cell(*self._at).adjusted(0, 0, -1, -1))

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        self._point_at(self._place(event.position().toPoint()))

    def mousePressEvent(self, event: QMouseEvent) -> None:
        place = self._place(event.position().toPoint())
        if event.button() == Qt.MouseButton.LeftButton and place is not None:
            self._point_at(place)
            self.chosen.emit(*place)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        key = Qt.Key(event.key())
        rows, columns = self.shape
        if key in _STEPS and rows:
            row, column = self._at or (0, 0)
            if self._at is not None:
                row, column = row + _STEPS[key][0], column + _STEPS[key][1]
            self._point_at((min(max(row, 0), rows - 1), min(max(column, 0), columns - 1)))
        elif key in (Qt.Key.Key_Return, Qt.Key.Key_Enter, Qt.Key.Key_Space) and self._at is not None:
            self.chosen.emit(*self._at)
        else:
            super().keyPressEvent(event)

    def focusOutEvent(self, event: QFocusEvent) -> None:
        super().focusOutEvent(event)
        self._point_at(None)

    def _place(self, point: QPoint) -> tuple[int, int] | None:
        rows, columns = self.shape
        for row in range(rows):
            for column in range(columns):
                if self.cell(row, column).contains(point):
                    return row, column
        return None

    def _point_at(self, place: tuple[int, int] | None) -> None:
        if place != self._at:
            self._at = place
            face = "" if place is None else f"{self._rows[place[0]]}: {self._columns[place[1]]}"
            self.setToolTip(tr("{face}. Click to take its attributes.", face=face) if face else "")
            self.setAccessibleDescription(face)
            self.update()

    def _caption_height(self) -> int:
        return 2 * self.fontMetrics().lineSpacing() + 4
