"""What sets the chosen points of the latent map apart: their average face, and their attributes beside the rest's."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import QEvent, QRect, QSize, Qt, Signal
from PySide6.QtGui import QColor, QHelpEvent, QImage, QPainter, QPaintEvent, QPalette, QPixmap
from PySide6.QtWidgets import (
    QGridLayout,
    QLabel,
    QScrollArea,
    QSizePolicy,
    QToolButton,
    QToolTip,
    QVBoxLayout,
    QWidget,
)

from jmvae_studio.language import tr
from jmvae_studio.ui.theme import ACCENT

FACE_SIDE = 84
"""Side of the average face, in pixels."""
_ROW, _BAR, _GAP = 30, 5, 2
_OTHERS = QColor("#8a97a8")

Share = tuple[str, float, float]
"""An attribute's title, its share among the chosen and among the others."""


class SelectionPanel(QWidget):
    """Hidden while nothing is chosen."""

    closed = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setAccessibleName(tr("Selection"))
        self.face, self.count = QLabel(), QLabel()
        self.face.setFixedSize(FACE_SIDE, FACE_SIDE)
        self.face.setAccessibleName(tr("Average face of the selection"))
        self.face.setToolTip(tr("The face at the mean of the chosen codes"))
        self.count.setWordWrap(True)
        self.close_button = QToolButton()
        self.close_button.setText("✕")
        self.close_button.setAutoRaise(True)
        self.close_button.setToolTip(tr("Choose nothing"))
        self.close_button.setAccessibleName(tr("Choose nothing"))
        self.close_button.clicked.connect(self.closed)
        self.bars = ShareBars()
        scroll = QScrollArea()
        scroll.setWidget(self.bars)
        scroll.setWidgetResizable(True)
        scroll.setFrameShape(QScrollArea.Shape.NoFrame)
        scroll.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        top = QGridLayout()
        top.addWidget(self.face, 0, 0, 2, 1)
        top.addWidget(self.count, 0, 1, 2, 1)
        top.addWidget(self.close_button, 0, 2, Qt.AlignmentFlag.AlignTop)
        top.setColumnStretch(1, 1)
        rows = QVBoxLayout(self)
        rows.setContentsMargins(0, 0, 0, 0)
        rows.addLayout(top)
        rows.addWidget(scroll, 1)
        self.setMinimumWidth(170)
        self.hide()

    def show_shares(self, count: str, shares: Sequence[Share]) -> None:
        """Show how many points are chosen, in words, and their attributes; the face follows."""
        chosen, others = tr("chosen"), tr("others")
        legend = (
            f'<span style="color:{ACCENT.name()}">■</span> {chosen} '
            f'<span style="color:{_OTHERS.name()}">■</span> {others}'
        )
        self.count.setText(f"{count}<br>{legend}")
        self.face.clear()
        self.bars.show_shares(shares)
        self.show()

    def show_face(self, image: QImage) -> None:
        """Show the average face."""
        smooth = Qt.TransformationMode.SmoothTransformation
        keep = Qt.AspectRatioMode.KeepAspectRatio
        self.face.setPixmap(QPixmap.fromImage(image).scaled(FACE_SIDE, FACE_SIDE, keep, smooth))


class ShareBars(QWidget):
    """Two bars for every attribute: above the chosen ones', below the others'."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.shares: tuple[Share, ...] = ()
        """What is shown, in order."""
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Minimum)

    def show_shares(self, shares: Sequence[Share]) -> None:
        """Show attributes from the top."""
        self.shares = tuple(shares)
        lines = (
            tr(
                "{attribute}: {chosen:.0%} of the selection, {others:.0%} of the others",
                attribute=a,
                chosen=c,
                others=o,
            )
            for a, c, o in self.shares
        )
        self.setAccessibleDescription("\n".join(lines))
        self.setMinimumHeight(_ROW * len(self.shares))
        self.updateGeometry()
        self.update()

    def sizeHint(self) -> QSize:
        return QSize(170, _ROW * len(self.shares))

    def bar(self, row: int, others: bool) -> QRect:
        """Where a bar is painted."""
        _, chosen, rest = self.shares[row]
        share = rest if others else chosen
        top = row * _ROW + _ROW - 2 * _BAR - _GAP - 2 + (_BAR + _GAP if others else 0)
        return QRect(0, top, round(share * (self.width() - 4)), _BAR)

    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self)
        text, other = self.palette().color(QPalette.ColorRole.Text), _OTHERS
        for row, (name, chosen, others) in enumerate(self.shares):
            line = QRect(0, row * _ROW, self.width() - 4, _ROW - 2 * _BAR - _GAP - 2)
            number = f"{chosen - others:+.0%}"
            room = line.width() - painter.fontMetrics().horizontalAdvance(number) - 6
            short = painter.fontMetrics().elidedText(name, Qt.TextElideMode.ElideRight, room)
            painter.setPen(text)
            painter.drawText(line, Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter, short)
            painter.drawText(line, Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter, number)
            painter.fillRect(self.bar(row, False), ACCENT)
            painter.fillRect(self.bar(row, True), other)

    def event(self, event: QEvent) -> bool:
        if isinstance(event, QHelpEvent) and event.type() == QEvent.Type.ToolTip:
            row = event.pos().y() // _ROW
            lines = self.accessibleDescription().split("\n")
            if 0 <= row < len(self.shares):
                QToolTip.showText(event.globalPos(), lines[row], self)
            return True
        return super().event(event)
