"""The dialog of a new run: data, preset and settings, checked while they are typed."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from PySide6.QtCore import Qt, QTimer, Signal
from PySide6.QtGui import QGuiApplication, QPalette
from PySide6.QtWidgets import (
    QComboBox,
    QDialog,
    QDialogButtonBox,
    QFileDialog,
    QGridLayout,
    QLabel,
    QLineEdit,
    QMenu,
    QPushButton,
    QScrollArea,
    QSizePolicy,
    QToolButton,
    QVBoxLayout,
    QWidget,
)

from jmvae_studio.language import tr
from jmvae_studio.training.commands import shell_line, train_arguments
from jmvae_studio.training.survey import Survey
from jmvae_studio.training.trainings import RunError
from jmvae_studio.ui.config_fields import ConfigField, FieldList, default_of, title
from jmvae_studio.ui.measure_line import MeasureLine
from trainer.config import PRESETS, TrainConfig, make_config
from trainer.errors import ConfigError
from trainer.files import typed_path
from trainer.systems import SYSTEMS, check_run

BASIC = ("preset", "system", "epochs", "gan_epochs", "alpha", "batch_size", "device", "precision", "parent")
"""Settings that are always seen, beside the data; all others are under Advanced."""

WIDTH = 560
"""Of the dialog at least, in pixels."""

_REST = 250
"""Milliseconds without a key after which a folder that was typed is looked into."""


class TrainDialog(QDialog):
    """Asks what is to be trained on what; `wished` tells. A bad value is refused in place, in one sentence."""

    folder_given = Signal(Path)
    """Somebody should look into this folder, and tell `show_survey` or `refuse_folder`."""
    parent_given = Signal(Path)
    """Somebody should look into this checkpoint, and tell `show_parent` or `refuse_parent`."""
    measure_asked = Signal(object, object)
    """A `TrainConfig` and the `Survey` of its data: somebody should measure it, and tell `measure`."""
    wished = Signal(str, object)
    """The name of the run, and its `TrainConfig`."""

    def __init__(
        self,
        parent: QWidget,
        check_name: Callable[[str], None],
        name: str,
        data: str,
        config: TrainConfig | None = None,
    ) -> None:
        """A dialog that is not shown yet.

        Args:
            parent: The window.
            check_name: Raises `RunError` for a name that cannot be.
            name: Proposed for the run.
            data: Proposed folder of the data.
            config: Proposed settings, the data among them.
        """
        super().__init__(parent)
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        self.setWindowTitle(tr("Train a Model"))
        self._check_name = check_name
        self._survey: Survey | None = None
        self._refusal = self._parent_refusal = ""
        self._parent: tuple[str, ...] | None = None
        self._of_parent: set[str] = set()
        self.config: TrainConfig | None = None
        """What would be trained; None while something is wrong."""
        self._filling = True
        choices = {"preset": list(PRESETS), "system": list(SYSTEMS)}
        names = [name for name in TrainConfig.model_fields if name != "data"]
        self.fields = {name: ConfigField(name, self._check, choices.get(name, ())) for name in names}
        self.name, self.data = QLineEdit(name), QLineEdit(data)
        self.name.setAccessibleName(tr("Name of the run"))
        self.data.setAccessibleName(tr("Folder of the data"))
        self.data.setPlaceholderText(tr("Folder of pictures with attributes.csv, CelebA, LFW or MNIST"))
        self.found, self.problem, self.warning = _line(), _line(), _line()
        self.system_note = _line()
        self.problem.setForegroundRole(QPalette.ColorRole.Accent)
        self.choose_data, self.choose_parent = QPushButton(tr("Choose…")), QPushButton(tr("Choose…"))
        menu = QMenu(self)
        self.this_model = menu.addAction(tr("The Model in the &Editor"))
        self.other_model = menu.addAction(tr("Choose a &File…"))
        self.choose_parent.setMenu(menu)
        self.model_in_editor: Path | None = None
        """What “The Model in the Editor” stands for."""
        self.advanced = QToolButton()
        self.advanced.setText(tr("Advanced"))
        self.advanced.setCheckable(True)
        self.advanced.setAutoRaise(True)
        self.advanced.setToolButtonStyle(Qt.ToolButtonStyle.ToolButtonTextBesideIcon)
        self.advanced.setArrowType(Qt.ArrowType.RightArrow)
        self.rest = QScrollArea()
        self.rest.setWidgetResizable(True)
        self.rest.setWidget(FieldList([f for name, f in self.fields.items() if name not in BASIC]))
        self.rest.setMinimumHeight(220)
        self.rest.hide()
        self.measure = MeasureLine()
        self.buttons = QDialogButtonBox(QDialogButtonBox.StandardButton.Cancel)
        self.train_button = self.buttons.addButton(tr("Train"), QDialogButtonBox.ButtonRole.AcceptRole)
        self.copy_button = self.buttons.addButton(tr("Copy Command"), QDialogButtonBox.ButtonRole.ActionRole)
        self.copy_button.setToolTip(
            tr("The line that begins this run in a terminal, also on another machine")
        )
        self._look_due = QTimer(self, interval=_REST, singleShot=True)
        self._look_due.timeout.connect(self._look)
        self._parent_due = QTimer(self, interval=_REST, singleShot=True)
        self._parent_due.timeout.connect(self._look_at_parent)
        self._lay_out()
        self._connect()
        self._filling = False
        self._choose_preset()
        if config is not None:
            data = str(config.data)
            self._take(config)
        self.setMinimumWidth(WIDTH)
        self.resize(WIDTH, 1)
        self._make_room()
        if data:
            self._look_due.start(0)

    def show_survey(self, folder: Path, survey: Survey) -> None:
        """What is in a folder that was asked about; an answer about another one is passed over."""
        if folder == self._folder():
            self._survey, self._refusal = survey, ""
            self.fields["dataset"].set_value(survey.layout)
            self._fit_preset()
            self._check()

    def refuse_folder(self, folder: Path, reason: str) -> None:
        """Why nothing can be trained on a folder that was asked about."""
        if folder == self._folder():
            self._survey, self._refusal = None, reason
            self._check()

    def show_parent(self, path: Path, settings: dict[str, Any], names: tuple[str, ...]) -> None:
        """The settings that a run from this checkpoint shares with it, and the names of its attributes."""
        if path != self._parent_path():
            return
        self._parent, self._parent_refusal = names, ""
        self._fit_preset()
        for name, value in settings.items():
            self.fields[name].set_value(value)
            self.fields[name].touched = True
        self._of_parent = set(settings)
        self._check()

    def refuse_parent(self, path: Path, reason: str) -> None:
        """Why no run can start from this checkpoint."""
        if path == self._parent_path():
            self._parent, self._parent_refusal = None, reason
            self._check()

    def _parent_path(self) -> Path | None:
        text = self.fields["parent"].value
        return typed_path(text).absolute() if text else None

    def _look_at_parent(self) -> None:
        path = self._parent_path()
        if path is not None:
            self.parent_given.emit(path)

    def _forget_parent(self) -> None:
        self._parent, self._parent_refusal = None, ""
        for name in self._of_parent:
            self.fields[name].touched = False
        self._of_parent = set()
        self._fit_preset()
        self._choose_preset()
        self._parent_due.start()

    def _fit_preset(self) -> None:
        """One that suits the data and the checkpoint, unless the user has chosen."""
        preset, survey = self.fields["preset"], self._survey
        if preset.touched or survey is None:
            return
        if self._parent is not None and self._parent != survey.names:
            preset.set_value("own-attributes")
        elif survey.layout == "mnist":
            preset.set_value("mnist")
        elif preset.value in ("mnist", "own-attributes"):
            preset.set_value("faces")

    def _folder(self) -> Path:
        return typed_path(self.data.text().strip()).absolute()

    def _look(self) -> None:
        if self.data.text().strip():
            self.folder_given.emit(self._folder())

    def _forget_survey(self) -> None:
        self._survey, self._refusal = None, ""
        self._look_due.start()
        self._check()

    def _choose_preset(self) -> None:
        """All settings that the user left alone are those of the preset."""
        if self._filling:
            return
        known = PRESETS.get(self.fields["preset"].value, {})
        self._filling = True
        for name, field in self.fields.items():
            if (
                name in ("preset", "parent")
                or field.touched
                or (name == "dataset" and self._survey is not None)
            ):
                continue
            field.set_value(known.get(name, default_of(name)))
        self._filling = False
        self._check()

    def _take(self, config: TrainConfig) -> None:
        """Propose the settings of another run; they count as the user's own."""
        self._filling = True
        self.data.setText(str(config.data))
        for name, field in self.fields.items():
            field.set_value(getattr(config, name))
            field.touched = name != "dataset"
        self._filling = False
        self._check()

    def _check(self) -> None:
        if self._filling:
            return
        survey, before = self._survey, self.config
        self.system_note.setText(tr(SYSTEMS[self.fields["system"].value].title) + ".")
        if survey is not None:
            self.found.setText(survey.text())
        else:
            self.found.setText(tr("Looking…") if self.data.text().strip() and not self._refusal else "")
        problem, wrong = self._find_problem()
        for name, field in self.fields.items():
            field.mark(name == wrong)
        self.problem.setText(problem)
        self.problem.setVisible(bool(problem))
        warning = ""
        if survey is not None and self.config is not None:
            warning = survey.warning(self.config.batch_size, self.config.learn == "all")
        self.warning.setText(warning)
        self.warning.setVisible(bool(warning))
        if self.config != before:
            self.measure.forget()
        self.copy_button.setText(tr("Copy Command"))
        self.copy_button.setEnabled(self.config is not None and survey is not None)
        self.measure.button.setEnabled(self.config is not None and survey is not None)
        self.train_button.setText(tr("Train Anyway") if warning else tr("Train"))
        self.train_button.setEnabled(self.config is not None and survey is not None and not problem)
        self._make_room()

    def _make_room(self) -> None:
        """Grow so that no sentence is cut off; what room there is already stays."""
        width = max(self.width(), WIDTH)
        layout = self.layout()
        if layout is not None:
            self.resize(width, max(self.height(), layout.totalHeightForWidth(width)))

    def _find_problem(self) -> tuple[str, str]:
        """The first thing that is wrong, and the setting it lies in; sets `config` if nothing is."""
        self.config = None
        values: dict[str, Any] = {name: field.value for name, field in self.fields.items()}
        try:
            config = make_config(values | {"data": self._folder()})
            check_run(config)
        except ConfigError as error:
            return str(error), error.setting
        if config.parent is not None and not config.parent.is_file():
            return tr("There is no checkpoint {path} to continue from.", path=config.parent), "parent"
        if self._parent_refusal:
            return self._parent_refusal, "parent"
        parent = None if config.parent is None else config.parent.absolute()
        self.config = config.model_copy(update={"parent": parent})
        if not self.data.text().strip():
            return tr("Choose the folder of the pictures."), "data"
        if self._refusal:
            return self._refusal, "data"
        if self._survey is not None and self._survey.layout != config.dataset:
            return (
                tr(
                    "The preset and the folder do not fit: “{dataset}” is to be trained on, "
                    "but the folder holds “{layout}”.",
                    dataset=config.dataset,
                    layout=self._survey.layout,
                ),
                "dataset",
            )
        try:
            self._check_name(self.name.text())
        except RunError as error:
            return str(error), "name"
        return "", ""

    def _accept(self) -> None:
        self._check()
        if self.train_button.isEnabled() and self.config is not None:
            name, config = self.name.text(), self.config
            self.accept()
            self.wished.emit(name, config)

    def _copy_command(self) -> None:
        if self.config is not None:
            line = shell_line(train_arguments(Path("RUN"), self.config))
            QGuiApplication.clipboard().setText(line)
            self.copy_button.setText(tr("Copied"))

    def _ask_folder(self) -> None:
        name = QFileDialog.getExistingDirectory(self, tr("Folder of the Data"), self.data.text())
        if name:
            self.data.setText(name)

    def _ask_parent(self) -> None:
        kinds = tr("Models (*.safetensors);;All files (*)")
        name, _ = QFileDialog.getOpenFileName(self, tr("Continue from a Checkpoint"), "", kinds)
        if name:
            self._choose_parent(Path(name))

    def _choose_parent(self, path: Path | None) -> None:
        if path is not None:
            self.fields["parent"].set_value(path)
            self.fields["parent"].touched = True
            self._parent_due.start(0)

    def _show_advanced(self, shown: bool) -> None:
        self.rest.setVisible(shown)
        self.advanced.setArrowType(Qt.ArrowType.DownArrow if shown else Qt.ArrowType.RightArrow)
        self.resize(self.width(), 1)
        self._make_room()

    def _connect(self) -> None:
        self.name.textChanged.connect(self._check)
        self.data.textChanged.connect(self._forget_survey)
        self.choose_data.clicked.connect(self._ask_folder)
        self.this_model.triggered.connect(lambda: self._choose_parent(self.model_in_editor))
        self.other_model.triggered.connect(self._ask_parent)
        parent = self.fields["parent"].widget
        assert isinstance(parent, QLineEdit)
        parent.textChanged.connect(self._forget_parent)
        self.advanced.toggled.connect(self._show_advanced)
        self.measure.asked.connect(lambda: self.measure_asked.emit(self.config, self._survey))
        self.copy_button.clicked.connect(self._copy_command)
        self.buttons.accepted.connect(self._accept)
        self.buttons.rejected.connect(self.reject)
        preset = self.fields["preset"].widget
        assert isinstance(preset, QComboBox)
        preset.currentIndexChanged.connect(self._choose_preset)
        for button in (self.choose_data, self.choose_parent):
            button.setAutoDefault(False)

    def _lay_out(self) -> None:
        form = QGridLayout()
        form.setColumnStretch(1, 1)
        parent = self.fields["parent"].widget
        lines: list[tuple[str, QWidget, QWidget | None]] = [
            (tr("Data"), self.data, self.choose_data),
            ("", self.found, None),
            (tr("Name of the run"), self.name, None),
            *((title(name), self.fields[name].widget, None) for name in BASIC[:-1]),
            (tr("Continue from"), parent, self.choose_parent),
        ]
        lines.insert(5, ("", self.system_note, None))
        for row, (text, editor, button) in enumerate(lines):
            label = QLabel(text)
            label.setBuddy(editor)
            form.addWidget(label, row, 0)
            form.addWidget(editor, row, 1, 1, 1 if button else 2)
            if button:
                form.addWidget(button, row, 2)
        rows = QVBoxLayout(self)
        rows.addLayout(form)
        rows.addWidget(self.advanced)
        rows.addWidget(self.rest, 1)
        rows.addWidget(self.measure)
        rows.addWidget(self.warning)
        rows.addWidget(self.problem)
        rows.addWidget(self.buttons)


def _line() -> QLabel:
    label = QLabel()
    label.setWordWrap(True)
    policy = QSizePolicy(QSizePolicy.Policy.Preferred, QSizePolicy.Policy.Fixed)
    policy.setHeightForWidth(True)
    label.setSizePolicy(policy)
    label.setForegroundRole(QPalette.ColorRole.PlaceholderText)
    label.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
    return label
