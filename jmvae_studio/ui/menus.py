"""The menus: every action of the window, its keys and the signal that asks for it."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import qtawesome
from PySide6.QtCore import QEvent, QMimeData, Qt, Signal, SignalInstance
from PySide6.QtGui import QAction, QActionGroup, QGuiApplication, QKeySequence, QUndoGroup
from PySide6.QtWidgets import QMainWindow, QMenu

from jmvae_studio.language import tr
from jmvae_studio.ui.named_entries import NamedEntries
from jmvae_studio.ui.settings_dialog import DEVICES, THEMES
from jmvae_studio.ui.viewport import COMPARISONS
from jmvae_studio.ui.word_keys import WordKeys


class MenuWindow(QMainWindow):
    """A window with the program's menus; `MainWindow` adds what is in it."""

    open_asked = Signal()
    paths_dropped = Signal(list)
    """Files dropped on the window, as `Path`."""
    data_pasted = Signal(object)
    """`QMimeData` pasted or dropped."""
    open_folder_asked = Signal()
    step_asked = Signal(int)
    """To the photograph so many places further in the filmstrip."""
    close_photo_asked = Signal()
    reopen_asked = Signal()
    filmstrip_wanted = Signal(bool)
    save_session_asked = Signal()
    open_session_asked = Signal()
    last_session_asked = Signal()
    session_chosen = Signal(Path)
    reset_all_asked = Signal()
    search_asked = Signal()
    export_asked = Signal()
    export_face_asked = Signal()
    batch_asked = Signal()
    map_folder_asked = Signal()
    copy_asked = Signal()
    recent_file_chosen = Signal(Path)
    sample_chosen = Signal(Path)
    open_model_asked = Signal()
    model_chosen = Signal(Path)
    device_chosen = Signal(str)
    free_memory_asked = Signal()
    train_asked = Signal()
    prepare_asked = Signal()
    evaluate_asked = Signal()
    find_faces_asked = Signal()
    remove_face_asked = Signal()
    draw_crop_toggled = Signal(bool)
    mode_chosen = Signal(str)
    save_preset_asked = Signal()
    share_preset_asked = Signal()
    load_preset_asked = Signal()
    preset_chosen = Signal(str)
    preset_removed = Signal(str)
    keep_version_asked = Signal()
    version_chosen = Signal(str)
    version_removed = Signal(str)
    copy_adjustments_asked = Signal()
    paste_adjustments_asked = Signal()
    theme_chosen = Signal(str)
    compare_held = Signal(bool)
    comparison_chosen = Signal(str)
    adjust_toggled = Signal(bool)
    """Whether the current face's square can be moved."""
    zoom_asked = Signal(float)
    """By a factor; 0 fits the whole picture."""
    actual_size_asked = Signal()
    settings_asked = Signal()
    reset_layout_asked = Signal()
    commands_asked = Signal()
    shortcuts_asked = Signal()
    about_asked = Signal()

    def show_recent(self, files: Sequence[str], models: Sequence[str]) -> None:
        """Fill the menus of recent photographs and models."""
        _fill(self._recent_files, files, self.recent_file_chosen)
        _fill(self._recent_models, models, self.model_chosen)

    def show_recent_sessions(self, paths: Sequence[str]) -> None:
        """Fill the menu of recent sessions."""
        _fill(self._recent_sessions, paths, self.session_chosen)

    def show_presets(self, names: Sequence[str]) -> None:
        """Fill the menus of the user's presets."""
        self.presets.show(names)

    def show_versions(self, names: Sequence[str], current: str | None) -> None:
        """Fill the menus of the photograph's versions; the ``current`` one is checked."""
        self.versions.show(names, current)

    def show_shipped(self, models: Sequence[Path]) -> None:
        """Fill the menu of the models that came with the program."""
        _fill(self._shipped_models, [str(path) for path in models], self.model_chosen)

    def show_samples(self, paths: Sequence[Path]) -> None:
        """Fill the menu of generated faces."""
        self._samples.clear()
        for path in paths:
            title = path.stem.replace("_", " ").capitalize()
            action = self._samples.addAction(title)
            action.triggered.connect(lambda _=False, path=path: self.sample_chosen.emit(path))
        self._samples.setEnabled(bool(paths))

    def _take(self, data: QMimeData | None) -> None:
        data = data or QMimeData()  # an empty clipboard gives none
        paths = [Path(url.toLocalFile()) for url in data.urls() if url.isLocalFile()]
        if paths:
            self.paths_dropped.emit(paths)
        else:
            self.data_pasted.emit(data)

    def refresh_icons(self) -> None:
        """Draw the icons in the colour of the palette's text, after a change of theme."""
        colour = QGuiApplication.palette().text().color()
        for action in self.findChildren(QAction):
            name = action.property("icon_name")
            if name:
                action.setIcon(qtawesome.icon(name, color=colour))

    def changeEvent(self, event: QEvent) -> None:
        if event.type() == QEvent.Type.WindowStateChange:  # also by the layout of the last time or the system
            self.full_screen.setChecked(self.isFullScreen())
        super().changeEvent(event)

    def _paste(self) -> None:
        self._take(QGuiApplication.clipboard().mimeData())

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

    def fill_menus(self, undo_group: QUndoGroup) -> None:
        bar = self.menuBar()
        keys = QKeySequence.StandardKey
        file = bar.addMenu(tr("&File"))
        self.open = self._action(
            file, tr("&Open Photograph…"), self.open_asked, "Ctrl+O", "mdi6.folder-open-outline"
        )
        self._recent_files = file.addMenu(tr("Open &Recent"))
        self._samples = file.addMenu(tr("Generated &Faces"))
        self._action(file, tr("Open F&older…"), self.open_folder_asked, "Ctrl+Alt+O")
        self.close_photo = self._action(file, tr("&Close Photograph"), self.close_photo_asked, "Ctrl+W")
        self.reopen = self._action(
            file, tr("&Bring Back Closed Photograph"), self.reopen_asked, "Ctrl+Shift+T"
        )
        file.addSeparator()
        self.export = self._action(
            file, tr("&Export Photograph…"), self.export_asked, "Ctrl+S", "mdi6.export-variant"
        )
        self.export_face = self._action(
            file, tr("Export &Face Only…"), self.export_face_asked, "Ctrl+Shift+S"
        )
        self._action(file, tr("Edit a Fol&der…"), self.batch_asked, "Ctrl+Shift+B")
        self._action(file, tr("Map a Folde&r…"), self.map_folder_asked)
        file.addSeparator()
        self._action(file, tr("Sa&ve Session…"), self.save_session_asked, "Ctrl+Alt+S")
        self._action(file, tr("Open Sessio&n…"), self.open_session_asked)
        self._recent_sessions = file.addMenu(tr("Recent Sess&ions"))
        self.last_session = self._action(file, tr("Continue &Last Session"), self.last_session_asked)
        file.addSeparator()
        quit_action = file.addAction(tr("&Quit"))
        quit_action.setShortcut("Ctrl+Q")
        quit_action.setMenuRole(QAction.MenuRole.QuitRole)
        quit_action.triggered.connect(self.close)

        edit = bar.addMenu(tr("&Edit"))
        undo, redo = (
            undo_group.createUndoAction(self, tr("&Undo")),
            undo_group.createRedoAction(self, tr("&Redo")),
        )
        undo.setShortcut(keys.Undo)
        redo.setShortcuts([QKeySequence("Ctrl+Shift+Z"), QKeySequence("Ctrl+Y")])
        edit.addActions([undo, redo])
        edit.addSeparator()
        self.copy = self._action(edit, tr("&Copy Result"), self.copy_asked, keys.Copy)
        paste = edit.addAction(tr("&Paste Picture"))
        paste.setShortcut(keys.Paste)
        paste.triggered.connect(self._paste)
        edit.addSeparator()
        self.reset_all = self._action(
            edit, tr("&Reset All Attributes"), self.reset_all_asked, "Ctrl+R", "mdi6.restore"
        )
        self._action(edit, tr("&Search Attributes"), self.search_asked, keys.Find)

        edit.addSeparator()
        self.copy_adjustments = self._action(
            edit, tr("Copy &Adjustments…"), self.copy_adjustments_asked, "Ctrl+Shift+C"
        )
        self.paste_adjustments = self._action(
            edit, tr("Paste A&djustments"), self.paste_adjustments_asked, "Ctrl+Shift+V"
        )

        edit.addSeparator()
        settings = self._action(edit, tr("Se&ttings…"), self.settings_asked, "Ctrl+,")
        settings.setMenuRole(QAction.MenuRole.PreferencesRole)

        presets = bar.addMenu(tr("&Presets"))
        self.save_preset = self._action(presets, tr("&Save Preset…"), self.save_preset_asked, "Ctrl+Shift+P")
        self._action(presets, tr("Save Preset to a &File…"), self.share_preset_asked)
        self._action(presets, tr("&Open Preset…"), self.load_preset_asked)
        self.presets = NamedEntries(presets, tr("&Remove Preset"))
        self.presets.chosen.connect(self.preset_chosen)
        self.presets.removed.connect(self.preset_removed)

        versions = bar.addMenu(tr("Ve&rsions"))
        self.keep_version = self._action(
            versions, tr("&Keep Version…"), self.keep_version_asked, "Ctrl+Shift+K"
        )
        self.versions = NamedEntries(versions, tr("&Remove Version"))
        self.versions.chosen.connect(self.version_chosen)
        self.versions.removed.connect(self.version_removed)

        face = bar.addMenu(tr("F&ace"))
        self.find_faces = self._action(face, tr("&Find Faces Again"), self.find_faces_asked, "Ctrl+F5")
        self.remove_face = self._action(
            face, tr("&Dismiss This Face"), self.remove_face_asked, "Ctrl+Backspace"
        )
        WordKeys(self)
        self.draw_crop = face.addAction(tr("&Mark a Face by Hand"))
        self.draw_crop.setShortcut("Ctrl+M")
        self.draw_crop.setCheckable(True)
        self.draw_crop.setToolTip(tr("Drag a square around a face on the photograph"))
        self.draw_crop.setIcon(qtawesome.icon("mdi6.selection-drag", color=self.palette().text().color()))
        self.draw_crop.setProperty("icon_name", "mdi6.selection-drag")
        self.draw_crop.toggled.connect(self.draw_crop_toggled)

        self.adjust_crop = face.addAction(tr("&Adjust This Face's Square"))
        self.adjust_crop.setShortcut("Ctrl+Shift+M")
        self.adjust_crop.setCheckable(True)
        self.adjust_crop.setToolTip(tr("Move, scale and turn the square on the photograph"))
        self.adjust_crop.toggled.connect(self.adjust_toggled)

        view = bar.addMenu(tr("&View"))
        self.compare = view.addAction(tr("Compare with &Original"))
        self.compare.setShortcut("Ctrl+D")
        self.compare.setCheckable(True)
        self.compare.setIcon(qtawesome.icon("mdi6.compare", color=self.palette().text().color()))
        self.compare.setProperty("icon_name", "mdi6.compare")
        self.compare.toggled.connect(self.compare_held)
        self.comparisons = view.addMenu(tr("&Compare As"))
        group = self._choices(
            self.comparisons, [(text, value) for value, text in COMPARISONS], self.comparison_chosen
        )
        for number, action in enumerate(group.actions(), 1):
            action.setShortcut(f"Alt+{number}")
            action.setChecked(number == 1)
        zoom = view.addMenu(tr("&Zoom"))
        for text, factor, shortcut in (
            (tr("Zoom &In"), 1.25, "Ctrl++"),
            (tr("Zoom &Out"), 0.8, "Ctrl+-"),
            (tr("&Fit"), 0.0, "Ctrl+0"),
        ):
            action = zoom.addAction(text)
            action.setShortcut(shortcut)
            action.triggered.connect(lambda _=False, factor=factor: self.zoom_asked.emit(factor))
        self._action(zoom, tr("&Actual Pixels"), self.actual_size_asked, "Ctrl+1")
        view.addSeparator()
        self.previous_photo = self._step(view, tr("&Previous Photograph"), -1, "Ctrl+PgUp")
        self.next_photo = self._step(view, tr("&Next Photograph"), 1, "Ctrl+PgDown")
        self.show_strip = view.addAction(tr("F&ilmstrip"))
        self.show_strip.setCheckable(True)
        self.show_strip.setToolTip(tr("Shown as soon as several photographs are open"))
        self.show_strip.triggered.connect(self.filmstrip_wanted)
        self.show_spread = self._shown(
            view,
            tr("&Uncertainty"),
            tr("A band behind each slider: where the attribute of this face may well lie"),
        )
        self.show_obtained = self._shown(
            view,
            tr("What Was O&btained"),
            tr("A mark below each slider: what the model reads from the edited face"),
        )
        self.show_coupling = self._shown(
            view,
            tr("What Would &Follow"),
            tr("Rest the mouse on an attribute: a ring shows where it would take others"),
        )
        self.docks_menu = view
        view.addSeparator()
        self._themes = self._choices(view.addMenu(tr("&Theme")), THEMES, self.theme_chosen)
        self._action(view, tr("&Reset Layout"), self.reset_layout_asked)
        self.full_screen = view.addAction(tr("&Full Screen"))
        self.full_screen.setShortcut("F11")
        self.full_screen.setCheckable(True)
        self.full_screen.triggered.connect(
            lambda: self.setWindowState(self.windowState() ^ Qt.WindowState.WindowFullScreen)
        )

        model = bar.addMenu(tr("&Model"))
        self._action(model, tr("&Open Model…"), self.open_model_asked, "Ctrl+Shift+O")
        self._recent_models = model.addMenu(tr("&Recent Models"))
        self._shipped_models = model.addMenu(tr("&Shipped Models"))
        self._devices = self._choices(model.addMenu(tr("&Device")), DEVICES, self.device_chosen)
        self._action(model, tr("&Free Memory"), self.free_memory_asked)

        self.train_menu = bar.addMenu(tr("&Train"))
        self._action(self.train_menu, tr("&Train a Model…"), self.train_asked, "Ctrl+T")
        self._action(self.train_menu, tr("&Prepare Pictures…"), self.prepare_asked, "Ctrl+Alt+T")
        self._action(self.train_menu, tr("&Evaluate the Model in the Editor…"), self.evaluate_asked)

        helping = bar.addMenu(tr("&Help"))
        self._action(helping, tr("&Commands…"), self.commands_asked, "Ctrl+K")
        self._action(helping, tr("&Keys and Gestures"), self.shortcuts_asked, "F1")
        about = self._action(helping, tr("&About JMVAE Studio"), self.about_asked)
        about.setMenuRole(QAction.MenuRole.AboutRole)

    @staticmethod
    def _shown(menu: QMenu, text: str, tip: str) -> QAction:
        action = menu.addAction(text)
        action.setCheckable(True)
        action.setToolTip(tip)
        return action

    def _step(self, menu: QMenu, text: str, step: int, shortcut: str) -> QAction:
        action = menu.addAction(text)
        action.setShortcut(shortcut)
        action.triggered.connect(lambda: self.step_asked.emit(step))
        return action

    def _choices(self, menu: QMenu, entries: Sequence[tuple[str, str]], chosen: object) -> QActionGroup:
        group = QActionGroup(self)
        for text, value in entries:
            action = menu.addAction(tr(text))
            action.setCheckable(True)
            action.setData(value)
            group.addAction(action)
        group.triggered.connect(lambda action: chosen.emit(action.data()))  # type: ignore[attr-defined]
        return group


def _fill(menu: QMenu, paths: Sequence[str], chosen: SignalInstance) -> None:
    menu.clear()
    menu.setToolTipsVisible(True)
    for path in map(Path, paths):
        action = menu.addAction(path.name.replace("&", "&&"))
        action.setToolTip(str(path))
        action.triggered.connect(lambda _=False, path=path: chosen.emit(path))
    menu.setEnabled(bool(paths))
