"""Where the user says that the model has read an attribute wrongly, and what is true."""

from __future__ import annotations

from collections.abc import Callable

from PySide6.QtGui import QActionGroup
from PySide6.QtWidgets import QMenu

from jmvae_studio.language import tr


def add_told_menu(
    menu: QMenu, title: str, told: float | None, reason: str, tell: Callable[[bool | None], None]
) -> QMenu:
    """Offer the truth about an attribute.

    Args:
        menu: Gets the entry.
        title: The attribute's name for the eye.
        told: What was said before; None if the model's own reading holds.
        reason: Why the model cannot be corrected; empty if it can.
        tell: Gets True or False, or None to go back to what the model reads.
    """
    offers = menu.addMenu(tr("The Model Is &Wrong"))
    offers.setEnabled(not reason)
    offers.menuAction().setToolTip(reason or tr("W on the slider says the opposite of what was read"))
    menu.setToolTipsVisible(True)
    group = QActionGroup(offers)
    now = None if told is None else told > 0
    for text, value in (
        (tr("&As the Model Reads It"), None),
        (tr("This Face: {attribute} – &Yes", attribute=title), True),
        (tr("This Face: {attribute} – &No", attribute=title), False),
    ):
        action = offers.addAction(text)
        action.setCheckable(True)
        action.setChecked(value == now)
        group.addAction(action)
        action.triggered.connect(lambda _=False, value=value: tell(value))
    return offers
