"""Make the pictures of reading-the-map.md, by doing what that page says in the real window.

``python docs/map_pictures.py`` takes about a minute. It needs no data: the face is generated and shows nobody.
"""

from __future__ import annotations

import itertools

import numpy as np
from PySide6.QtCore import QPoint, Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication, QWidget
from window_pictures import ROOT, open_window, settle, shoot, until

from jmvae_studio.app import Studio
from jmvae_studio.resources import samples
from jmvae_studio.ui.latent_map import LatentMap

OUT = ROOT / "docs" / "map"
LEFT, PLAIN, SHIFT = (
    Qt.MouseButton.LeftButton,
    Qt.KeyboardModifier.NoModifier,
    Qt.KeyboardModifier.ShiftModifier,
)
EDIT = {"Smiling": 85, "Eyeglasses": 75}
"""Attribute → where its slider is dragged to, in hundredths of its length."""
GROUPS = ["Male", "Smiling", "Bald", "Eyeglasses", "Blond_Hair"]


def main() -> None:
    """The sliders, the dock of faces, the map; a picture of each."""
    with open_window(samples()[3]) as studio:
        show_sliders(studio)
        show_faces(studio)
        chart = show_map(studio)
        show_selection(studio, chart)
        show_groups(studio, chart)


def show_sliders(studio: Studio) -> None:
    """Two attributes set, the bands and marks there, the mouse at rest on one of them."""
    panel = studio.window.panel
    for name, share in EDIT.items():
        groove = panel.sliders[name].groove
        panel.sliders[name].ensurePolished()
        middle = groove.height() // 2
        drag(groove, [QPoint(groove.width() * step // 100, middle) for step in range(50, share, 5)], PLAIN)
    until(lambda: studio.is_settled() and panel.sliders["Smiling"].groove.obtained is not None)
    label = panel.sliders["Male"].label
    QTest.mouseMove(studio.window, QPoint(5, 5))
    settle(0.1)
    QTest.mouseMove(label, label.rect().center())
    settle(2)
    shoot(panel, OUT / "sliders.png")


def show_faces(studio: Studio) -> None:
    """Average and random faces of some attributes."""
    studio.settings.imagined = GROUPS[:4]
    studio.window.faces_dock.show()
    until(lambda: studio.imagining.panel is not None)
    settle(3)
    shoot(studio.window.faces_dock, OUT / "faces.png")
    studio.window.faces_dock.hide()


def show_map(studio: Studio) -> LatentMap:
    """The bank, the photograph and its edit, a face under the mouse."""
    studio.window.map_dock.show()
    until(lambda: studio.window.map_dock.content is not None)
    chart = studio.window.map_dock.content
    assert chart is not None
    until(lambda: len(chart.points) > 0 and chart.view.marks is not None)
    settle(1)
    place = chart.view.to_widget(*np.quantile(chart.points, 0.8, axis=0).tolist())
    nearest = min(
        (chart.view.to_widget(*point) for point in chart.points[:2000].tolist()),
        key=lambda point: (point - place).manhattanLength(),
    )
    QTest.mouseMove(chart.view.viewport(), nearest)
    settle(1.5)
    shoot(studio.window, OUT / "map.png")
    QTest.mouseMove(chart.view.viewport(), QPoint(4, 4))
    settle(0.2)
    return chart


def show_selection(studio: Studio, chart: LatentMap) -> None:
    """A lasso around a corner of the map."""
    high, top = np.quantile(chart.points, 0.7, axis=0), chart.points.max(0)
    corners = np.array([high, (top[0], high[1]), top, (high[0], top[1])])
    drag(chart.view.viewport(), [chart.view.to_widget(*corner) for corner in corners.tolist()], SHIFT)
    settle(1.5)
    shoot(studio.window.map_dock, OUT / "selection.png")
    QTest.mouseClick(chart.selection.close_button, LEFT)


def show_groups(studio: Studio, chart: LatentMap) -> None:
    """Samples of q(z|w) for the face's attributes, and with one of them turned in each group."""
    studio.settings.map_groups = GROUPS
    before = chart.points
    chart.source_box.setCurrentIndex(chart.source_box.findData("groups"))
    until(lambda: chart.points is not before)
    settle(1.5)
    shoot(studio.window.map_dock, OUT / "groups.png")


def drag(widget: QWidget, stops: list[QPoint], modifier: Qt.KeyboardModifier) -> None:
    """Press, move and release, as a hand does."""
    QTest.mousePress(widget, LEFT, modifier, stops[0])
    for start, end in itertools.pairwise(stops):
        for step in (0.5, 1):
            QTest.mouseMove(widget, start + (end - start) * step)
            QApplication.processEvents()
    QTest.mouseRelease(widget, LEFT, modifier, stops[-1])


if __name__ == "__main__":
    main()
