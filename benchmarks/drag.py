"""Slider to pixels: drag in the real window with mouse events and time each one until it is painted.

    python -m benchmarks.drag [--model PATH] [--events N] [--mode residual] [--docks] [--training CELEBA]

Prints a table: p50, p95 and p99 from the mouse event to the painted picture, beside the bare nets of a drag
(q(z|w), p(x|z) and, in mode latent, the change of the photograph), timed on the same thread; then a continuous
drag at 120 events a second. ``--docks`` opens the latent map and the dock of faces beside it, ``--training`` drags
while a face model trains on the same machine, with a p95 of four pictures of a screen in place of one.
"""

from __future__ import annotations

import argparse
import os
import tempfile
from pathlib import Path
from time import perf_counter

import numpy as np

os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")

from PySide6.QtCore import QEvent, QEventLoop, QPointF, Qt, QTimer
from PySide6.QtGui import QMouseEvent
from PySide6.QtWidgets import QApplication, QWidget

from jmvae_studio.app import Studio, make_application
from jmvae_studio.inference.results import Mode
from jmvae_studio.resources import default_model, samples
from jmvae_studio.settings import SettingsFile
from jmvae_studio.training.run import Run
from trainer.config import PRESETS, make_config

BUDGET_FACTOR, BUDGET_MILLISECONDS, BUDGET_P95 = 1.5, 4.0, 1000 / 60
BUDGET_P95_TRAINING = 66.0


def wait(milliseconds: int) -> None:
    """Let the event loop run."""
    loop = QEventLoop()
    QTimer.singleShot(milliseconds, loop.quit)
    loop.exec()


def mouse(
    widget: QWidget, kind: QEvent.Type, x: float, buttons: Qt.MouseButton = Qt.MouseButton.LeftButton
) -> None:
    """Send one real mouse event."""
    place = QPointF(x, widget.height() / 2)
    button = Qt.MouseButton.NoButton if kind == QEvent.Type.MouseMove else Qt.MouseButton.LeftButton
    held = Qt.MouseButton.NoButton if kind == QEvent.Type.MouseButtonRelease else buttons
    event = QMouseEvent(
        kind,
        place,
        QPointF(widget.mapToGlobal(place.toPoint())),
        button,
        held,
        Qt.KeyboardModifier.NoModifier,
    )
    QApplication.sendEvent(widget, event)


def until_painted(studio: Studio) -> float:
    """Seconds until the edited face is painted anew."""
    started = perf_counter()
    loop = QEventLoop()
    studio.window.result_canvas.painted.connect(loop.quit)
    QTimer.singleShot(5000, loop.quit)
    loop.exec()
    studio.window.result_canvas.painted.disconnect(loop.quit)
    return perf_counter() - started


def bare_nets(studio: Studio, runs: int, mode: Mode) -> float:
    """Milliseconds of the nets alone, on the thread and the engine that serve the drag."""
    measured: list[float] = []
    loop = QEventLoop()
    studio.renderer.measure(runs, mode, measured.append)
    poll = QTimer()
    poll.timeout.connect(lambda: loop.quit() if measured else None)
    poll.start(1)
    loop.exec()
    return measured[0]


def begin_training(studio: Studio, data: Path) -> Run:
    """Train a face model of the papers, and wait until it makes steps."""
    values = PRESETS["faces"] | {"preset": "faces", "data": data, "device": "cpu", "log_steps": 5}
    run = studio.trainings.add("beside", make_config(values))
    while not run.progress.images_per_second:
        wait(200)
        if not run.is_under_way:
            raise SystemExit(run.failure)
    return run


def end_training(studio: Studio, run: Run) -> None:
    """Stop it, before closing the window asks."""
    studio.trainings.stop(run)
    while run.is_under_way:
        wait(200)


def main() -> int:
    """Run the benchmark; 0 if the budget is kept."""
    arguments = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    arguments.add_argument("--model", type=Path, default=default_model())
    arguments.add_argument("--picture", type=Path, default=None)
    arguments.add_argument("--events", type=int, default=400)
    arguments.add_argument("--mode", default="latent", choices=["residual", "latent", "generate"])
    arguments.add_argument("--docks", action="store_true")
    arguments.add_argument("--training", type=Path, default=None)
    options = arguments.parse_args()
    application = make_application()
    with tempfile.TemporaryDirectory() as folder:
        studio = Studio(application, SettingsFile(Path(folder) / "settings.json"), options.model)
        studio.start([options.picture or samples()[0]])
        while studio.window.result_canvas.image is None:
            wait(50)
        studio.session.set_mode(options.mode)
        if options.docks:
            studio.window.map_dock.show()
            studio.window.faces_dock.show()
        run = begin_training(studio, options.training) if options.training else None
        wait(300)
        groove = studio.window.panel.sliders["Smiling"].groove
        bare: list[float] = []
        bare_nets(studio, 20, options.mode)

        mouse(groove, QEvent.Type.MouseButtonPress, groove.width() / 2)
        until_painted(studio)
        times, model_times = [], []
        for number in range(options.events):
            if number % 20 == 0:
                bare.append(
                    bare_nets(studio, 5, options.mode)
                )  # in turn with the drag: the machine's mood is shared
            x = 10 + (groove.width() - 20) * (number * 0.37 % 1)  # every event changes the value
            started = perf_counter()
            mouse(groove, QEvent.Type.MouseMove, x)
            until_painted(studio)
            times.append((perf_counter() - started) * 1e3)
            assert studio.last_result is not None
            model_times.append(studio.last_result.preview.milliseconds)
        mouse(groove, QEvent.Type.MouseButtonRelease, groove.width() / 3)
        wait(200)

        painted, last_right = 0, 0
        drags, moves = 10, 60

        def count() -> None:
            nonlocal painted
            painted += 1

        studio.window.result_canvas.painted.connect(count)
        stream_started = perf_counter()
        for drag in range(drags):
            mouse(groove, QEvent.Type.MouseButtonPress, 20)
            for number in range(moves):
                mouse(groove, QEvent.Type.MouseMove, 20 + number + drag)
                wait(8)
            mouse(groove, QEvent.Type.MouseButtonRelease, 20 + moves + drag)
            stream_ended = perf_counter()
            wait(150)
            shown = studio.last_result
            asked = dict(studio.session.face.edit.values)["Smiling"] if studio.session.face else None
            index = studio.model.attribute_names.index("Smiling") if studio.model else 0
            last_right += shown is not None and shown.request.asked.attributes[index] == asked
        seconds = stream_ended - stream_started - (drags - 1) * 0.15
        if run is not None:
            end_training(studio, run)
        studio.window.close()
        assert studio.model is not None
        device = studio.model.device_name
    p50, p95, p99 = np.percentile(times, [50, 95, 99])
    forward = float(np.median(bare))
    budget_p95 = BUDGET_P95_TRAINING if options.training else BUDGET_P95
    allowed = BUDGET_FACTOR * forward + BUDGET_MILLISECONDS
    print(f"{device}, {options.mode}, {options.events} events, {options.model.name}\n")
    print("| from mouse event to painted pixels | p50 | p95 | p99 |")
    print("|---|---|---|---|")
    print(f"| window | {p50:.1f} ms | {p95:.1f} ms | {p99:.1f} ms |")
    print(f"| of which in the model's thread | {np.median(model_times):.1f} ms | | |")
    print(f"| the bare nets, in turn | {forward:.1f} ms | | |")
    print(f"| allowed | {allowed:.1f} ms | {budget_p95:.1f} ms | |")
    print(
        f"\nContinuous drag, {moves * drags / seconds:.0f} events a second: {painted / seconds:.0f} pictures a second; "
        f"the last value was shown after {last_right} of {drags} drags."
    )
    # Beside a training only the p95 is promised: two threads of its share the cores with the bare nets too.
    kept = (options.training or p50 <= allowed) and p95 <= budget_p95 and last_right == drags
    print("Within the budget." if kept else "Over the budget.")
    return 0 if kept else 1


if __name__ == "__main__":
    raise SystemExit(main())
