"""The main window: where the panels, docks and menus are. It shows and asks; `control/` decides."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import pairwise
from typing import TYPE_CHECKING

from PySide6.QtCore import QEvent, QRectF, QSize, Qt, QTimer, Signal
from PySide6.QtGui import QCloseEvent, QDragEnterEvent, QDropEvent, QUndoGroup, QUndoStack
from PySide6.QtWidgets import (
    QDockWidget,
    QHBoxLayout,
    QLabel,
    QSplitter,
    QToolBar,
    QToolButton,
    QUndoView,
    QVBoxLayout,
    QWidget,
)

from jmvae_studio.language import tr
from jmvae_studio.ui.attribute_panel import AttributePanel
from jmvae_studio.ui.choice_box import ChoiceBox
from jmvae_studio.ui.command_palette import CommandPalette
from jmvae_studio.ui.faces_panel import FacesPanel
from jmvae_studio.ui.filmstrip import Filmstrip
from jmvae_studio.ui.hint_line import HintLine
from jmvae_studio.ui.image_canvas import ImageCanvas
from jmvae_studio.ui.interruptible import interrupt_all
from jmvae_studio.ui.lazy_dock import LazyDock
from jmvae_studio.ui.menus import MenuWindow
from jmvae_studio.ui.message_bar import Message, MessageBar
from jmvae_studio.ui.photo_view import PhotoView
from jmvae_studio.ui.progress_line import ProgressLine
from jmvae_studio.ui.viewport import Viewport

if TYPE_CHECKING:
    from jmvae_studio.ui.latent_map import LatentMap
    from jmvae_studio.ui.training_panel import TrainingPanel

DOUBTFUL = 0.4
"""Plausibility below which the user is told; of 150 squares found in LFW one in twenty lies below about 0.4."""


class MainWindow(MenuWindow):
    """Builds the widgets, and turns what the user does into signals."""

    closing = Signal()
    """The window closes now."""

    def __init__(
        self, undo_group: QUndoGroup, value_range: tuple[float, float], modes: Sequence[tuple[str, str, str]]
    ) -> None:
        super().__init__()
        self.may_close: list[Callable[[], bool]] = []
        """Asked in turn before the window closes; whoever says no closes it later."""
        self.setWindowTitle("JMVAE Studio")
        self.setAcceptDrops(True)
        self.faces_viewport = Viewport(self)
        step = self.faces_viewport
        self.input_canvas = ImageCanvas(tr("Input face"), tr("The face to edit"), step)
        self.average_canvas = ImageCanvas(
            tr("Average face"), tr("The average face of these attributes"), step
        )
        self.result_canvas = ImageCanvas(tr("Edited"), tr("The edited face"), step)
        self.photo_view = PhotoView()
        self.panel = AttributePanel(*value_range)
        self.filmstrip = Filmstrip()
        self.messages = MessageBar()
        self.history = QUndoView()
        self.history.setAccessibleName(tr("History"))
        self.history.setEmptyLabel(tr("As it was opened"))
        self.history.setFrameShape(QUndoView.Shape.NoFrame)
        self._lay_out()
        self.fill_menus(undo_group)
        self.docks_menu.insertAction(self.show_strip, self._history_dock.toggleViewAction())
        self._history_dock.toggleViewAction().setShortcut("Ctrl+H")
        self.docks_menu.insertAction(self.show_strip, self.map_dock.toggleViewAction())
        self.map_dock.toggleViewAction().setShortcut("Ctrl+L")
        self.docks_menu.insertAction(self.show_strip, self.faces_dock.toggleViewAction())
        self.faces_dock.toggleViewAction().setShortcut("Ctrl+Shift+L")
        self.docks_menu.insertAction(self.show_strip, self.training_dock.toggleViewAction())
        self.training_dock.toggleViewAction().setShortcut("Ctrl+Shift+R")
        self._fill_toolbar(modes)
        self._fill_status_bar()
        self.photo_view.crop_drawn.connect(lambda _: self.draw_crop.setChecked(False))
        self.input_canvas.setToolTip(
            tr(
                "Plausibility: how much the model takes this square for a face, beside faces of its own.\n"
                "If it is low, move the square (Ctrl+Shift+M)."
            )
        )
        self.result_canvas.setToolTip(tr("Hold the mouse button here to compare with the original (Ctrl+D)"))
        # Let go of, it shows what the action says.
        self.result_canvas.pressed.connect(
            lambda held: self.compare_held.emit(held or self.compare.isChecked())
        )
        self.reset_all_asked.connect(self.panel.reset_all_asked)
        self.search_asked.connect(lambda: self.panel.search.setFocus(Qt.FocusReason.ShortcutFocusReason))
        self.comparison_chosen.connect(self.result_canvas.set_comparison)
        self.comparison_chosen.connect(self.photo_view.set_comparison)
        self.adjust_toggled.connect(self.photo_view.set_adjusting)
        self.zoom_asked.connect(self._zoom)
        self.actual_size_asked.connect(self.photo_view.zoom_to_pixels)
        self.commands_asked.connect(lambda: CommandPalette(self, self.menuBar()).open())
        self.set_face_actions(False)
        self.set_strip_actions(False, False, False)
        for one, other in pairwise(
            (self.mode_box, self.messages.text, self.photo_view, self.filmstrip, self.panel.search)
        ):
            QWidget.setTabOrder(one, other)
        self.photo_view.setFocus()  # not the search line, which would take Ctrl+V for its own

    # What is shown ---------------------------------------------------------------------------------

    def show_choice(self, theme: str, device: str, mode: str) -> None:
        """Check the menu entries of what is in force."""
        for group, value in ((self._themes, theme), (self._devices, device)):
            for action in group.actions():
                action.setChecked(action.data() == value)
        self.mode_box.blockSignals(True)
        self.mode_box.setCurrentIndex(self.mode_box.findData(mode))
        self.mode_box.blockSignals(False)

    def show_device(self, device: str, model: str) -> None:
        """Name the device and the model in the status bar."""
        self.device_label.setText(device)
        self.model_label.setText(model)

    def show_plausibility(self, plausibility: float | None) -> None:
        """Show how much the current face's square looks to the model like a face, 0…1."""
        self.photo_view.show_plausibility(plausibility)
        text = ""
        if plausibility is not None:
            text = (
                tr("low plausibility {share:.0%}", share=plausibility)
                if plausibility < DOUBTFUL
                else tr("plausibility {share:.0%}", share=plausibility)
            )
        self.input_canvas.set_detail(text)

    def show_milliseconds(self, model: float, total: float) -> None:
        """Show how long the last preview took in the model and from the event to the picture.

        Shown when a drag pauses or five times a second, for people to read and to keep off the drag's path.
        """
        self._times = tr("{model:.1f} ms model · {total:.1f} ms in all", model=model, total=total)
        if not self._times_due.isActive():
            self._times_due.start()

    def set_face_actions(self, there: bool) -> None:
        """Enable what needs a face."""
        for action in (
            self.export,
            self.export_face,
            self.copy,
            self.reset_all,
            self.compare,
            self.remove_face,
            self.adjust_crop,
        ):
            action.setEnabled(there)
        self.panel.set_active(there)
        if not there:
            self.adjust_crop.setChecked(False)

    def set_photo_actions(self, there: bool) -> None:
        """Enable what needs a photograph."""
        for action in (self.find_faces, self.draw_crop, self.close_photo, self.keep_version):
            action.setEnabled(there)
        if not there:
            self.draw_crop.setChecked(False)

    def set_strip_actions(self, back: bool, forward: bool, closed: bool) -> None:
        """Enable going to another photograph, and bringing one back."""
        self.previous_photo.setEnabled(back)
        self.next_photo.setEnabled(forward)
        self.reopen.setEnabled(closed)

    def show_filmstrip(self, shown: bool) -> None:
        """Show the filmstrip or not."""
        self.filmstrip.setVisible(shown)

    def show_history(self, stack: QUndoStack | None) -> None:
        """Show the steps of a photograph's history."""
        self.history.setStack(stack)  # type: ignore[arg-type]  # Qt takes none

    def say(self, text: str, seconds: float = 8) -> None:
        """A line in the status bar."""
        self.statusBar().showMessage(text, round(seconds * 1000))

    def warn(self, text: str, details: str = "") -> None:
        """A sentence the user must not miss, with details for those who ask; everything goes on behind it."""
        self.messages.show_message(Message(text, details=details, warns=True))

    # What the user does ----------------------------------------------------------------------------

    def dragEnterEvent(self, event: QDragEnterEvent) -> None:
        if event.mimeData().hasUrls() or event.mimeData().hasImage():
            event.acceptProposedAction()

    def dropEvent(self, event: QDropEvent) -> None:
        self._take(event.mimeData())
        event.acceptProposedAction()

    def event(self, event: QEvent) -> bool:
        if event.type() == QEvent.Type.WindowBlocked:
            interrupt_all(self)
        return super().event(event)

    def closeEvent(self, event: QCloseEvent) -> None:
        if not all(may_close() for may_close in self.may_close):
            event.ignore()
            return
        self.closing.emit()
        super().closeEvent(event)

    def _zoom(self, factor: float) -> None:
        if factor == 0:
            self.faces_viewport.fit()
            self.photo_view.viewport.fit()
        else:
            self.photo_view.zoom_by(factor)
            square = QRectF(0, 0, 1, 1)
            self.faces_viewport.zoom_at(square.center(), factor, square, square)

    # How it is built -------------------------------------------------------------------------------

    def _lay_out(self) -> None:
        faces = QWidget()
        row = QHBoxLayout(faces)
        row.setContentsMargins(10, 4, 10, 6)
        row.setSpacing(10)
        for canvas in (self.input_canvas, self.average_canvas, self.result_canvas):
            row.addWidget(canvas, 1)
        photo = QWidget()
        column = QVBoxLayout(photo)
        column.setContentsMargins(10, 4, 10, 8)
        column.addWidget(self.photo_view)
        self.splitter = QSplitter(Qt.Orientation.Vertical)
        self.splitter.addWidget(faces)
        self.splitter.addWidget(photo)
        self.splitter.setStretchFactor(0, 3)
        self.splitter.setStretchFactor(1, 2)
        self.splitter.setCollapsible(0, False)
        self.splitter.setSizes([360, 330])
        centre = QWidget()
        rows = QVBoxLayout(centre)
        rows.setContentsMargins(0, 0, 0, 0)
        rows.setSpacing(0)
        rows.addWidget(self.messages)
        rows.addWidget(self.splitter, 1)
        rows.addWidget(self.filmstrip)
        self.filmstrip.hide()
        self.setCentralWidget(centre)
        dock = QDockWidget(tr("Attributes"), self)
        dock.setObjectName("attributes")
        dock.setWidget(self.panel)
        dock.setFeatures(
            QDockWidget.DockWidgetFeature.DockWidgetMovable
            | QDockWidget.DockWidgetFeature.DockWidgetFloatable
        )
        self.addDockWidget(Qt.DockWidgetArea.RightDockWidgetArea, dock)
        self._history_dock = QDockWidget(tr("History"), self)
        self._history_dock.setObjectName("history")
        self._history_dock.setWidget(self.history)
        self.addDockWidget(Qt.DockWidgetArea.RightDockWidgetArea, self._history_dock)
        self._history_dock.hide()
        self.map_dock = LazyDock(tr("Latent Map"), "latent-map", _make_map, self)
        self.addDockWidget(Qt.DockWidgetArea.LeftDockWidgetArea, self.map_dock)
        self.map_dock.hide()
        self.faces_dock = LazyDock(tr("Average and Random Faces"), "faces", FacesPanel, self)
        self.addDockWidget(Qt.DockWidgetArea.BottomDockWidgetArea, self.faces_dock)
        self.faces_dock.hide()
        self.training_dock = LazyDock(tr("Training"), "training", _make_training, self)
        self.addDockWidget(Qt.DockWidgetArea.BottomDockWidgetArea, self.training_dock)
        self.training_dock.hide()
        self.resizeDocks([self.training_dock], [280], Qt.Orientation.Vertical)
        self.resizeDocks([dock, self.map_dock], [350, 400], Qt.Orientation.Horizontal)

    def _fill_toolbar(self, modes: Sequence[tuple[str, str, str]]) -> None:
        bar = QToolBar(tr("Main"), self)
        bar.setObjectName("main")
        bar.setMovable(False)
        bar.setIconSize(QSize(20, 20))
        bar.setToolButtonStyle(Qt.ToolButtonStyle.ToolButtonTextBesideIcon)
        for action, text in (
            (self.open, tr("Open")),
            (self.export, tr("Export")),
            (self.draw_crop, tr("Mark face")),
            (self.compare, tr("Compare")),
            (self.reset_all, tr("Reset all")),
        ):
            action.setIconText(text)
            bar.addAction(action)
        button = bar.widgetForAction(self.compare)
        if isinstance(button, QToolButton):
            button.setMenu(self.comparisons)
            button.setPopupMode(QToolButton.ToolButtonPopupMode.MenuButtonPopup)
        spacer = QWidget()
        spacer.setSizePolicy(spacer.sizePolicy().Policy.Expanding, spacer.sizePolicy().Policy.Preferred)
        bar.addWidget(spacer)
        bar.addWidget(QLabel(tr("Edit by ")))
        self.mode_box = ChoiceBox()
        self.mode_box.setAccessibleName(tr("Edit mode"))
        for index, (value, title, explanation) in enumerate(modes):
            self.mode_box.addItem(tr(title), value)
            self.mode_box.setItemData(index, tr(explanation), Qt.ItemDataRole.ToolTipRole)
        self.mode_box.currentIndexChanged.connect(
            lambda index: self.mode_chosen.emit(self.mode_box.itemData(index))
        )
        bar.addWidget(self.mode_box)
        self.addToolBar(bar)

    def _fill_status_bar(self) -> None:
        self.time_label, self.device_label, self.model_label = QLabel(), QLabel(), QLabel()
        self.hint_line = HintLine()
        self.statusBar().addWidget(self.hint_line, 1)  # Qt hides it while there is a message
        # One for each kind of work: they go on side by side, and each is cancelled by itself.
        self.progress, self.series_progress = ProgressLine(), ProgressLine()
        self.model_progress, self.map_progress = ProgressLine(), ProgressLine()
        for line in (self.progress, self.series_progress, self.model_progress, self.map_progress):
            self.statusBar().addPermanentWidget(line)
        self._times = ""
        self._times_due = QTimer(self, interval=200, singleShot=True)
        self._times_due.timeout.connect(lambda: self.time_label.setText(self._times))
        for label in (self.time_label, self.model_label, self.device_label):
            label.setContentsMargins(6, 0, 6, 0)
            self.statusBar().addPermanentWidget(label)


def _make_map() -> LatentMap:
    from jmvae_studio.ui.latent_map import LatentMap  # brings pyqtgraph, which takes its time

    return LatentMap()


def _make_training() -> TrainingPanel:
    from jmvae_studio.ui.training_panel import TrainingPanel  # and this

    return TrainingPanel()
