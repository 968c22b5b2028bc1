"""The face under the mouse on the latent map, and what is said of it."""

from __future__ import annotations

from PySide6.QtCore import QPoint, Qt
from PySide6.QtGui import QImage, QPixmap
from PySide6.QtWidgets import QFrame, QLabel, QVBoxLayout, QWidget

CARD_SIDE = 112
"""Side of the face on the card, in pixels."""


class FaceCard(QFrame):
    """A small picture that keeps beside the mouse and inside the map."""

    def __init__(self, parent: QWidget) -> None:
        super().__init__(parent)
        self.setFrameShape(QFrame.Shape.StyledPanel)
        self.setAutoFillBackground(True)
        self.setAttribute(Qt.WidgetAttribute.WA_TransparentForMouseEvents)
        self.picture, self._caption = QLabel(), QLabel()
        self._caption.setWordWrap(True)
        self._caption.setFixedWidth(CARD_SIDE)
        rows = QVBoxLayout(self)
        rows.setContentsMargins(4, 4, 4, 4)
        rows.setSpacing(2)
        rows.addWidget(self.picture)
        rows.addWidget(self._caption)
        self._beside = self.pos()
        self.hide()

    @property
    def caption(self) -> str:
        """The words below the picture."""
        return self._caption.text()

    def place_beside(self, place: QPoint) -> None:
        """Move beside the mouse; what it shows follows."""
        self._beside = place
        if self.isVisible():
            self._move()

    def show_face(self, image: QImage, caption: str) -> None:
        """Show a face; the card's place was given before."""
        smooth = Qt.TransformationMode.SmoothTransformation
        side = Qt.AspectRatioMode.KeepAspectRatio
        self.picture.setPixmap(QPixmap.fromImage(image).scaled(CARD_SIDE, CARD_SIDE, side, smooth))
        self._caption.setText(caption)
        self.adjustSize()
        self._move()
        self.show()

    def _move(self) -> None:
        around = self.parentWidget()
        assert around is not None
        frame = around.rect()
        x = self._beside.x() + 16
        if x + self.width() > frame.right():
            x = self._beside.x() - 16 - self.width()
        y = min(max(self._beside.y() - self.height() // 2, 0), frame.height() - self.height())
        self.move(max(x, 0), max(y, 0))
