"""The main window: where the panels, docks and menus are. It shows and asks; `app.Studio` decides."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import qtawesome
from PySide6.QtCore import QMimeData, QSize, Qt, QTimer, Signal
from PySide6.QtGui import (
    QAction,
    QActionGroup,
    QCloseEvent,
    QDragEnterEvent,
    QDropEvent,
    QGuiApplication,
    QKeySequence,
    QUndoGroup,
)
from PySide6.QtWidgets import (
    QComboBox,
    QDockWidget,
    QHBoxLayout,
    QLabel,
    QMainWindow,
    QMenu,
    QMessageBox,
    QSplitter,
    QToolBar,
    QVBoxLayout,
    QWidget,
)

from jmvae_studio.ui.attribute_panel import AttributePanel
from jmvae_studio.ui.image_canvas import ImageCanvas
from jmvae_studio.ui.photo_view import PhotoView


class MainWindow(QMainWindow):
    """Builds the widgets and the menus, and turns what the user does into signals."""

    open_asked = Signal()
    paths_dropped = Signal(list)
    """Files dropped on the window, as `Path`."""
    data_pasted = Signal(object)
    """`QMimeData` pasted or dropped."""
    export_asked = Signal()
    export_face_asked = Signal()
    copy_asked = Signal()
    recent_file_chosen = Signal(Path)
    sample_chosen = Signal(Path)
    open_model_asked = Signal()
    model_chosen = Signal(Path)
    device_chosen = Signal(str)
    free_memory_asked = Signal()
    find_faces_asked = Signal()
    remove_face_asked = Signal()
    draw_crop_toggled = Signal(bool)
    mode_chosen = Signal(str)
    theme_chosen = Signal(str)
    compare_held = Signal(bool)
    shortcuts_asked = Signal()
    about_asked = Signal()
    closing = Signal()

    def __init__(
        self, undo_group: QUndoGroup, value_range: tuple[float, float], modes: Sequence[tuple[str, str, str]]
    ) -> None:
        super().__init__()
        self.setWindowTitle("JMVAE Studio")
        self.setAcceptDrops(True)
        self.setMinimumSize(640, 420)
        self.input_canvas = ImageCanvas("Input face", "The face to edit")
        self.average_canvas = ImageCanvas("Average face", "The average face of these attributes")
        self.result_canvas = ImageCanvas("Edited", "The edited face")
        self.photo_view = PhotoView()
        self.panel = AttributePanel(*value_range)
        self._lay_out()
        self._fill_menus(undo_group)
        self._fill_toolbar(modes)
        self._fill_status_bar()
        self.photo_view.crop_drawn.connect(lambda _: self.draw_crop.setChecked(False))
        self.result_canvas.setToolTip("Hold the mouse button here to compare with the original (Ctrl+D)")
        self.result_canvas.pressed.connect(self.compare_held)
        self.set_face_actions(False)
        self.photo_view.setFocus()  # not the search line, which would take Ctrl+V for its own

    # What is shown ---------------------------------------------------------------------------------

    def show_recent(self, files: Sequence[str], models: Sequence[str]) -> None:
        """Fill the menus of recent photographs and models."""
        for menu, paths, chosen in (
            (self._recent_files, files, self.recent_file_chosen),
            (self._recent_models, models, self.model_chosen),
        ):
            menu.clear()
            for path in map(Path, paths):
                action = menu.addAction(path.name.replace("&", "&&"))
                action.setToolTip(str(path))
                action.triggered.connect(lambda _=False, path=path, chosen=chosen: chosen.emit(path))
            menu.setEnabled(bool(paths))

    def show_samples(self, paths: Sequence[Path]) -> None:
        """Fill the menu of generated faces."""
        self._samples.clear()
        for path in paths:
            title = path.stem.replace("_", " ").capitalize()
            action = self._samples.addAction(title)
            action.triggered.connect(lambda _=False, path=path: self.sample_chosen.emit(path))
        self._samples.setEnabled(bool(paths))

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

    def show_milliseconds(self, model: float, total: float) -> None:
        """Show how long the last preview took in the model and from the event to the picture.

        Shown when a drag pauses or five times a second, for people to read and to keep off the drag's path.
        """
        self._times = f"{model:.1f} ms model · {total:.1f} ms in all"
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
        ):
            action.setEnabled(there)
        self.panel.set_active(there)

    def set_photo_actions(self, there: bool) -> None:
        """Enable what needs a photograph."""
        for action in (self.find_faces, self.draw_crop):
            action.setEnabled(there)
        if not there:
            self.draw_crop.setChecked(False)

    def say(self, text: str, seconds: float = 8) -> None:
        """A line in the status bar."""
        self.statusBar().showMessage(text, round(seconds * 1000))

    def warn(self, text: str) -> None:
        """A sentence the user must not miss; the program goes on behind it."""
        box = QMessageBox(QMessageBox.Icon.Warning, "JMVAE Studio", text, QMessageBox.StandardButton.Ok, self)
        box.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        box.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
        box.open()

    # What the user does ----------------------------------------------------------------------------

    def dragEnterEvent(self, event: QDragEnterEvent) -> None:
        if event.mimeData().hasUrls() or event.mimeData().hasImage():
            event.acceptProposedAction()

    def dropEvent(self, event: QDropEvent) -> None:
        self._take(event.mimeData())
        event.acceptProposedAction()

    def closeEvent(self, event: QCloseEvent) -> None:
        self.closing.emit()
        super().closeEvent(event)

    def _take(self, data: QMimeData) -> None:
        paths = [Path(url.toLocalFile()) for url in data.urls() if url.isLocalFile()]
        if paths:
            self.paths_dropped.emit(paths)
        else:
            self.data_pasted.emit(data)

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
        self.setCentralWidget(self.splitter)
        dock = QDockWidget("Attributes", self)
        dock.setObjectName("attributes")
        dock.setWidget(self.panel)
        dock.setFeatures(
            QDockWidget.DockWidgetFeature.DockWidgetMovable
            | QDockWidget.DockWidgetFeature.DockWidgetFloatable
        )
        self.addDockWidget(Qt.DockWidgetArea.RightDockWidgetArea, dock)
        self.resizeDocks([dock], [350], Qt.Orientation.Horizontal)

    def _action(
        self,
        menu: QMenu,
        text: str,
        signal: object,
        shortcut: QKeySequence | QKeySequence.StandardKey | str | None = None,
        icon: str = "",
    ) -> QAction:
        action = menu.addAction(text)
        if shortcut is not None:
            action.setShortcut(shortcut)
        if icon:
            action.setIcon(qtawesome.icon(icon, color=self.palette().text().color()))
            action.setProperty("icon_name", icon)
        action.triggered.connect(lambda _=False: signal.emit())  # type: ignore[attr-defined]
        return action

    def _fill_menus(self, undo_group: QUndoGroup) -> None:
        bar = self.menuBar()
        keys = QKeySequence.StandardKey
        file = bar.addMenu("&File")
        self.open = self._action(
            file, "&Open Photograph…", self.open_asked, "Ctrl+O", "mdi6.folder-open-outline"
        )
        self._recent_files = file.addMenu("Open &Recent")
        self._recent_files.setToolTipsVisible(True)
        self._samples = file.addMenu("Generated &Faces")
        file.addSeparator()
        self.export = self._action(
            file, "&Export Photograph…", self.export_asked, "Ctrl+S", "mdi6.export-variant"
        )
        self.export_face = self._action(file, "Export &Face Only…", self.export_face_asked, "Ctrl+Shift+S")
        file.addSeparator()
        quit_action = file.addAction("&Quit")
        quit_action.setShortcut("Ctrl+Q")
        quit_action.setMenuRole(QAction.MenuRole.QuitRole)
        quit_action.triggered.connect(self.close)

        edit = bar.addMenu("&Edit")
        undo, redo = undo_group.createUndoAction(self, "&Undo"), undo_group.createRedoAction(self, "&Redo")
        undo.setShortcut(keys.Undo)
        redo.setShortcuts([QKeySequence("Ctrl+Shift+Z"), QKeySequence("Ctrl+Y")])
        edit.addActions([undo, redo])
        edit.addSeparator()
        self.copy = self._action(edit, "&Copy Result", self.copy_asked, keys.Copy)
        paste = edit.addAction("&Paste Picture")
        paste.setShortcut(keys.Paste)
        paste.triggered.connect(self._paste)
        edit.addSeparator()
        self.reset_all = self._action(
            edit, "&Reset All Attributes", self.panel.reset_all_asked, "Ctrl+R", "mdi6.restore"
        )
        search = edit.addAction("&Search Attributes")
        search.setShortcut(keys.Find)
        search.triggered.connect(lambda: self.panel.search.setFocus(Qt.FocusReason.ShortcutFocusReason))

        face = bar.addMenu("F&ace")
        self.find_faces = self._action(face, "&Find Faces Again", self.find_faces_asked, "Ctrl+F5")
        self.remove_face = self._action(face, "&Dismiss This Face", self.remove_face_asked, "Ctrl+Backspace")
        self.draw_crop = face.addAction("&Mark a Face by Hand")
        self.draw_crop.setShortcut("Ctrl+M")
        self.draw_crop.setCheckable(True)
        self.draw_crop.setToolTip("Drag a square around a face on the photograph")
        self.draw_crop.setIcon(qtawesome.icon("mdi6.selection-drag", color=self.palette().text().color()))
        self.draw_crop.setProperty("icon_name", "mdi6.selection-drag")
        self.draw_crop.toggled.connect(self.draw_crop_toggled)

        view = bar.addMenu("&View")
        self.compare = view.addAction("Compare with &Original")
        self.compare.setShortcut("Ctrl+D")
        self.compare.setCheckable(True)
        self.compare.setIcon(qtawesome.icon("mdi6.compare", color=self.palette().text().color()))
        self.compare.setProperty("icon_name", "mdi6.compare")
        self.compare.toggled.connect(self.compare_held)
        themes = view.addMenu("&Theme")
        self._themes = self._choices(
            themes, (("System", "system"), ("Light", "light"), ("Dark", "dark")), self.theme_chosen
        )
        full = view.addAction("&Full Screen")
        full.setShortcut("F11")
        full.setCheckable(True)
        full.toggled.connect(lambda on: self.showFullScreen() if on else self.showNormal())

        model = bar.addMenu("&Model")
        self._action(model, "&Open Model…", self.open_model_asked, "Ctrl+Shift+O")
        self._recent_models = model.addMenu("&Recent Models")
        devices = model.addMenu("&Device")
        self._devices = self._choices(
            devices,
            (("Automatic", "auto"), ("CPU", "cpu"), ("CUDA", "cuda"), ("Apple GPU (MPS)", "mps")),
            self.device_chosen,
        )
        self._action(model, "&Free Memory", self.free_memory_asked)

        helping = bar.addMenu("&Help")
        self._action(helping, "&Keys and Gestures", self.shortcuts_asked, "F1")
        about = self._action(helping, "&About JMVAE Studio", self.about_asked)
        about.setMenuRole(QAction.MenuRole.AboutRole)

    def _choices(self, menu: QMenu, entries: Sequence[tuple[str, str]], chosen: object) -> QActionGroup:
        group = QActionGroup(self)
        for text, value in entries:
            action = menu.addAction(text)
            action.setCheckable(True)
            action.setData(value)
            group.addAction(action)
        group.triggered.connect(lambda action: chosen.emit(action.data()))  # type: ignore[attr-defined]
        return group

    def _fill_toolbar(self, modes: Sequence[tuple[str, str, str]]) -> None:
        bar = QToolBar("Main", self)
        bar.setObjectName("main")
        bar.setMovable(False)
        bar.setIconSize(QSize(20, 20))
        bar.setToolButtonStyle(Qt.ToolButtonStyle.ToolButtonTextBesideIcon)
        for action, text in (
            (self.open, "Open"),
            (self.export, "Export"),
            (self.draw_crop, "Mark face"),
            (self.compare, "Compare"),
            (self.reset_all, "Reset all"),
        ):
            action.setIconText(text)
            bar.addAction(action)
        spacer = QWidget()
        spacer.setSizePolicy(spacer.sizePolicy().Policy.Expanding, spacer.sizePolicy().Policy.Preferred)
        bar.addWidget(spacer)
        bar.addWidget(QLabel("Edit by "))
        self.mode_box = QComboBox()
        self.mode_box.setAccessibleName("Edit mode")
        for index, (value, title, explanation) in enumerate(modes):
            self.mode_box.addItem(title, value)
            self.mode_box.setItemData(index, explanation, Qt.ItemDataRole.ToolTipRole)
        self.mode_box.currentIndexChanged.connect(
            lambda index: self.mode_chosen.emit(self.mode_box.itemData(index))
        )
        bar.addWidget(self.mode_box)
        self.addToolBar(bar)

    def _fill_status_bar(self) -> None:
        self.time_label, self.device_label, self.model_label = QLabel(), QLabel(), QLabel()
        self._times = ""
        self._times_due = QTimer(self, interval=200, singleShot=True)
        self._times_due.timeout.connect(lambda: self.time_label.setText(self._times))
        for label in (self.time_label, self.model_label, self.device_label):
            label.setContentsMargins(6, 0, 6, 0)
            self.statusBar().addPermanentWidget(label)

    def refresh_icons(self) -> None:
        """Draw the icons in the colour of the palette's text, after a change of theme."""
        colour = QGuiApplication.palette().text().color()
        for action in self.findChildren(QAction):
            name = action.property("icon_name")
            if name:
                action.setIcon(qtawesome.icon(name, color=colour))

    def _paste(self) -> None:
        self._take(QGuiApplication.clipboard().mimeData())
