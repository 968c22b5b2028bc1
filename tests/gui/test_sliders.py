"""Slider manners, with real events."""

import pytest
from PySide6.QtCore import QPoint, QPointF, Qt
from PySide6.QtGui import QWheelEvent
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication
from pytestqt.qtbot import QtBot

from jmvae_studio.document.attributes import group, title
from jmvae_studio.ui.attribute_panel import AttributePanel
from jmvae_studio.ui.attribute_slider import AttributeSlider
from tests.conftest import NAMES
from tests.gui.conftest import double_click, drag


@pytest.fixture
def panel(qtbot: QtBot) -> AttributePanel:
    panel = AttributePanel(-3, 3)
    qtbot.addWidget(panel)
    panel.set_attributes([(heading, [(n, title(n)) for n in names]) for heading, names in group(NAMES)])
    panel.resize(360, 500)
    panel.show()
    panel.set_active(True)
    panel.show_values(dict.fromkeys(NAMES, 0.5), dict.fromkeys(NAMES, 0.5), set())
    qtbot.waitExposed(panel)
    return panel


@pytest.fixture
def smiling(panel: AttributePanel) -> AttributeSlider:
    return panel.sliders["Smiling"]


def record(panel: AttributePanel) -> tuple[list[tuple[str, float]], list[str], list[bool]]:
    values: list[tuple[str, float]] = []
    resets: list[str] = []
    ends: list[bool] = []
    panel.value_changed.connect(lambda name, value: values.append((name, value)))
    panel.reset_asked.connect(resets.append)
    panel.gesture_ended.connect(lambda: ends.append(True))
    return values, resets, ends


def test_a_drag_moves_the_handle_under_the_mouse(panel: AttributePanel, smiling: AttributeSlider) -> None:
    values, _, ends = record(panel)
    groove = smiling.groove
    places = [QPoint(x, groove.height() // 2) for x in range(20, groove.width() - 10, 7)]
    drag(groove, places[0], *places)
    assert {name for name, _ in values} == {"Smiling"}
    numbers = [value for _, value in values]
    assert numbers == sorted(numbers)
    expected = -3 + 6 * (places[-1].x() - 8) / (groove.width() - 16)
    assert numbers[-1] == pytest.approx(expected, abs=0.02)
    assert smiling.number.value() == pytest.approx(numbers[-1])
    assert len(ends) == 1


def test_the_handle_stays_within_its_range(panel: AttributePanel, smiling: AttributeSlider) -> None:
    values, _, _ = record(panel)
    drag(smiling.groove, QPoint(40, 10), QPoint(900, 10), QPoint(-500, 200))
    assert (max(v for _, v in values), values[-1][1]) == (3.0, -3.0)


def test_a_double_click_resets_and_does_not_set(panel: AttributePanel, smiling: AttributeSlider) -> None:
    values, resets, ends = record(panel)
    where = QPoint(30, 10)
    QTest.mouseClick(smiling.groove, Qt.MouseButton.LeftButton, Qt.KeyboardModifier.NoModifier, where)
    before = len(values)
    double_click(smiling.groove, where)
    assert resets[-1:] == ["Smiling"]
    assert len(values) <= before + 1
    assert ends
    double_click(smiling.label, smiling.label.rect().center())
    assert resets[-2:] == ["Smiling", "Smiling"]


def test_the_wheel_never_edits_and_is_left_to_the_page(
    panel: AttributePanel, smiling: AttributeSlider
) -> None:
    values, _, _ = record(panel)
    for target in (smiling.groove, smiling.number, panel.sliders["Male"].groove):
        target.setFocus()
        place = QPointF(target.rect().center())
        event = QWheelEvent(
            place,
            QPointF(target.mapToGlobal(place.toPoint())),
            QPoint(0, 0),
            QPoint(0, -120),
            Qt.MouseButton.NoButton,
            Qt.KeyboardModifier.NoModifier,
            Qt.ScrollPhase.NoScrollPhase,
            False,
        )
        QApplication.sendEvent(target, event)
        assert not event.isAccepted()  # what a widget leaves, Qt hands to the scroll area around it
    assert values == []


def test_arrow_keys_and_typed_numbers(panel: AttributePanel, smiling: AttributeSlider) -> None:
    values, resets, ends = record(panel)
    smiling.groove.setFocus()
    QTest.keyClick(smiling.groove, Qt.Key.Key_Right)
    QTest.keyClick(smiling.groove, Qt.Key.Key_PageUp)
    assert [value for _, value in values] == pytest.approx([0.6, 1.1])
    assert len(ends) == 2
    QTest.keyClick(smiling.groove, Qt.Key.Key_Delete)
    assert resets == ["Smiling"]
    smiling.number.setFocus()
    smiling.number.selectAll()
    QTest.keyClicks(smiling.number, "-1.25")
    QTest.keyClick(smiling.number, Qt.Key.Key_Return)
    assert values[-1] == ("Smiling", pytest.approx(-1.25))
    assert smiling.groove.hasFocus()
    assert smiling.groove.value() == 110  # the document answers, not the widget


def test_showing_a_value_tells_nobody(panel: AttributePanel, smiling: AttributeSlider) -> None:
    values, _, ends = record(panel)
    panel.show_values({"Smiling": 2.5}, {"Smiling": -0.75}, {"Smiling"})
    assert smiling.groove.value() == 250
    assert smiling.groove.mark == -75
    assert smiling.number.value() == 2.5
    assert smiling.label.font().bold()
    assert panel.reset_all.isEnabled()
    assert (values, ends) == ([], [])


def test_the_search_finds_names_and_headings(panel: AttributePanel) -> None:
    def shown() -> set[str]:
        return {name for name, slider in panel.sliders.items() if slider.isVisibleTo(panel)}

    assert shown() == set(NAMES)
    panel.search.setFocus()
    QTest.keyClicks(panel.search, "hair bl")
    assert shown() == {"Black_Hair", "Blond_Hair"}
    panel.search.clear()
    QTest.keyClicks(panel.search, "make-up")
    assert shown() == {"Heavy_Makeup", "Wearing_Lipstick", "Rosy_Cheeks"}
    panel.search.clear()
    QTest.keyClicks(panel.search, "zebra")
    assert shown() == set()
    assert panel._nothing.isVisible()
    panel.search.clear()
    assert shown() == set(NAMES)
