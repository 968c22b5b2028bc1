"""What becomes of a trained model: evaluated on held-out pictures, exported with its card."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from PySide6.QtCore import QObject, Signal

from jmvae_studio.control.models import Models
from jmvae_studio.language import tr
from jmvae_studio.settings import Settings
from jmvae_studio.training.call import Call
from jmvae_studio.training.model_export import export_model
from jmvae_studio.training.run import Run
from jmvae_studio.ui.dialogs import ask_export, ask_folder
from jmvae_studio.ui.evaluation_window import EvaluationWindow
from jmvae_studio.ui.main_window import MainWindow
from trainer.errors import TrainerError
from trainer.files import clear_parts


class Evaluating(QObject):
    """Asks the trainer, and shows what it says; writes models where the user wants them."""

    exported = Signal(object)
    """A `Path` was written."""
    failed = Signal(str)
    _said = Signal(str)

    def __init__(
        self, window: MainWindow, models: Models, settings: Settings, parent: QObject | None = None
    ) -> None:
        super().__init__(parent)
        self._main, self._models, self._settings = window, models, settings
        self._call, self._graphs = Call(self), Call(self)
        self._graph_folder = Path()
        self._pool = ThreadPoolExecutor(1, thread_name_prefix="model-exporter")
        self.window: EvaluationWindow | None = None
        """While it is open."""
        window.evaluate_asked.connect(self._ask)
        self._call.answered.connect(self._show)
        self._call.failed.connect(self._show_failure)
        self._said.connect(lambda text: window.say(text, 12))
        self._graphs.answered.connect(self._finish_graphs)
        self._graphs.failed.connect(self._fail_graphs)
        window.model_progress.cancelled.connect(self._cancel_graphs)

    def close(self) -> None:
        """End the process; a model that is being written is written to its end."""
        self._cancel_graphs()
        self._graphs.close()
        self._call.close()
        self._pool.shutdown(wait=True)

    def evaluate(self, checkpoint: Path, data: Path, layout: str = "") -> None:
        """Evaluate a model on the test partition of ``data``."""
        if self.window is not None:
            self.window.close()
        self.window = window = EvaluationWindow(self._main, checkpoint.name, data.name)
        window.closing.connect(self._call.cancel)
        window.destroyed.connect(lambda: self._forget(window))
        window.open()
        known = ["--dataset", layout] if layout else []
        self._call.start(["evaluate", str(checkpoint), "--data", str(data), "--json", *known])

    def evaluate_run(self, run: Run) -> None:
        """Evaluate the best model of a run on its data."""
        checkpoint = run.best or run.model
        if checkpoint is not None:
            self.evaluate(checkpoint, run.config.data, run.config.dataset)

    def export_run(self, run: Run) -> None:
        """Ask where the best model of a run should be written."""
        checkpoint = run.best or run.model
        if checkpoint is None:
            return
        ask_export(
            self._main,
            tr("Export the Model"),
            self._settings.export_folder,
            f"{run.name}.safetensors",
            {".safetensors": tr("Model with its card"), ".onnx": tr("ONNX graphs, in a folder of this name")},
            lambda target: self._start_export(run, checkpoint, target),
        )

    def _start_export(self, run: Run, checkpoint: Path, target: Path) -> None:
        if target.resolve().is_relative_to(run.folder.resolve()):
            self.failed.emit(tr("{path} lies in the run's own folder: choose another place.", path=target))
        elif target.suffix == ".onnx" and self._graphs.is_under_way:
            self.failed.emit(
                tr(
                    "ONNX graphs are still being written to {path}: export again when they are done, or cancel them.",
                    path=self._graph_folder,
                )
            )
        elif target.suffix == ".onnx":
            self._start_graphs(checkpoint, target.with_suffix(""))
        else:
            self._pool.submit(self._export, run, checkpoint, target)

    def _export(self, run: Run, checkpoint: Path, target: Path) -> None:
        """On the exporter's thread."""
        try:
            card = export_model(run, checkpoint, target)
        except TrainerError as error:
            self.failed.emit(str(error))
        except OSError as error:
            self.failed.emit(
                tr(
                    "{path} cannot be written: {reason}. Choose another place.",
                    path=target,
                    reason=error.strerror,
                )
            )
        else:
            self.exported.emit(target)
            usual = target.with_suffix(".md")
            self._said.emit(
                tr("{name} and its card are written.", name=target.name)
                if card == usual
                else tr(
                    "{name} is written, and its card as {card}: {other} is another file and was left alone.",
                    name=target.name,
                    card=card.name,
                    other=usual.name,
                )
            )

    def _start_graphs(self, checkpoint: Path, folder: Path) -> None:
        self._graph_folder = folder
        self._main.model_progress.show_busy(tr("Writing ONNX graphs"))
        self._graphs.start(["export", str(checkpoint), "--to", str(folder), "--json"])

    def _finish_graphs(self, differences: dict[str, float]) -> None:
        self._main.model_progress.hide()
        self.exported.emit(self._graph_folder)
        self._main.say(
            tr(
                "{name}: {count} ONNX graphs, at most {most:.0e} from the model.",
                name=self._graph_folder.name,
                count=len(differences),
                most=max(differences.values()),
            ),
            12,
        )

    def _fail_graphs(self, reason: str) -> None:
        self._main.model_progress.hide()
        self.failed.emit(reason)

    def _cancel_graphs(self) -> None:
        """A killed process leaves what it wrote beside the folder."""
        if self._graphs.is_under_way:
            self._graphs.close()
            self._main.model_progress.hide()
            clear_parts(self._graph_folder)

    def _ask(self) -> None:
        model = self._models.model
        if model is None:
            return
        start = Path(self._settings.training_data)
        data = ask_folder(self._main, tr("Data to Evaluate the Model in the Editor on"), start)
        if data is not None:
            self.evaluate(model.path, data)

    def _show(self, result: dict[str, Any]) -> None:
        if self.window is not None:
            self.window.show_result(result)

    def _show_failure(self, reason: str) -> None:
        if self.window is not None:
            self.window.show_failure(reason)

    def _forget(self, window: EvaluationWindow) -> None:
        if self.window is window:
            self.window = None
