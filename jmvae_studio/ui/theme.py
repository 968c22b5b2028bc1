"""Light and dark as palettes of the Fusion style: the same on every platform, also without a screen."""

from __future__ import annotations

from typing import Literal

from PySide6.QtCore import Qt
from PySide6.QtGui import QColor, QGuiApplication, QPalette
from PySide6.QtWidgets import QApplication

Theme = Literal["system", "light", "dark"]

ACCENT = QColor("#e0663a")
"""The one colour of the program: handles, marks, the chosen face."""

_LIGHT = {
    "window": "#f4f3f1",
    "base": "#ffffff",
    "alternate": "#ebe9e6",
    "button": "#ffffff",
    "text": "#22201e",
    "dim": "#6f6a65",
    "mid": "#cfcac4",
}
_DARK = {
    "window": "#232220",
    "base": "#302e2c",
    "alternate": "#292725",
    "button": "#3a3835",
    "text": "#eeece9",
    "dim": "#a09a93",
    "mid": "#4a4744",
}


def apply_theme(application: QApplication, theme: Theme) -> None:
    """Give every window the palette of ``theme``; ``system`` follows the desktop's choice."""
    dark = theme == "dark" or (theme == "system" and _system_is_dark())
    application.setStyle("Fusion")
    application.setPalette(_palette(_DARK if dark else _LIGHT))


def is_dark(palette: QPalette) -> bool:
    """Whether a palette is a dark one."""
    return palette.color(QPalette.ColorRole.Window).lightness() < 128


def _system_is_dark() -> bool:
    return QGuiApplication.styleHints().colorScheme() == Qt.ColorScheme.Dark


def _palette(colours: dict[str, str]) -> QPalette:
    role = QPalette.ColorRole
    palette = QPalette()
    for name, roles in (
        ("window", (role.Window,)),
        ("base", (role.Base, role.ToolTipBase)),
        ("alternate", (role.AlternateBase,)),
        ("button", (role.Button,)),
        ("text", (role.WindowText, role.Text, role.ButtonText, role.ToolTipText, role.BrightText)),
        ("dim", (role.PlaceholderText,)),
        ("mid", (role.Mid,)),
    ):
        for one in roles:
            palette.setColor(one, QColor(colours[name]))
    palette.setColor(role.Highlight, ACCENT)
    palette.setColor(role.HighlightedText, QColor("#ffffff"))
    palette.setColor(role.Accent, ACCENT)
    palette.setColor(role.Link, ACCENT)
    window = QColor(colours["window"])
    palette.setColor(role.Light, window.lighter(115))
    palette.setColor(role.Midlight, window.lighter(107))
    palette.setColor(role.Dark, window.darker(130))
    palette.setColor(role.Shadow, window.darker(180))
    for one in (role.WindowText, role.Text, role.ButtonText):
        faded = QColor(colours["dim"])
        faded.setAlpha(150)
        palette.setColor(QPalette.ColorGroup.Disabled, one, faded)
    return palette
