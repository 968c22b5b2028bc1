"""Edits and the session: values, undo, faces."""

from pathlib import Path

import numpy as np
import pytest
from PySide6.QtCore import QCoreApplication

from jmvae_studio.document.attributes import GROUPS, group, title
from jmvae_studio.document.edit import Edit
from jmvae_studio.document.session import Session
from tests.conftest import NAMES
from trainer.data.face_crop import FaceCrop
from trainer.data.face_detection import Face
from trainer.data.images import OpenedImage


def test_an_edit_is_a_value() -> None:
    edit = Edit().with_value("Smiling", 2).with_value("Male", -5)
    assert dict(edit.values) == {"Smiling": 2, "Male": -3}
    assert edit == Edit().with_value("Male", -3).with_value("Smiling", 2)
    assert edit.with_value("Male", None).with_value("Smiling", None) == Edit()
    inferred = {"Male": 0.9, "Smiling": -0.2, "Young": 0.4}
    assert edit.resolve(("Young", "Male", "Smiling"), inferred) == (0.4, -3, 2)


def test_every_attribute_of_celeba_has_a_heading() -> None:
    grouped = [name for _, members in GROUPS for name in members]
    assert sorted(grouped) == sorted(NAMES)
    assert "Attributes" not in dict(group(NAMES))
    assert dict(group(("Smiling", "Digit_7")))["Attributes"] == ("Digit_7",)
    assert title("Mouth_Slightly_Open") == "Mouth slightly open"
    assert title("5_o_Clock_Shadow") == "5 o’clock shadow"


@pytest.fixture
def session(qapp: QCoreApplication) -> Session:
    session = Session()
    image = OpenedImage(np.zeros((50, 60, 3), np.uint8), Path("p.png"), "PNG", None, None, ())
    faces = [
        Face((1, 2, 20, 20), FaceCrop(11, 12, 30), None, 2.0),
        Face((30, 2, 9, 9), FaceCrop(35, 7, 12), None, 1.0),
    ]
    session.open(image, faces)
    return session


def values(session: Session) -> dict[str, float]:
    assert session.face is not None
    return dict(session.face.edit.values)


def test_a_drag_is_one_undo_step(session: Session) -> None:
    for value in (0.1, 0.5, 1.2):
        session.preview_value("Smiling", value)
    session.end_gesture()
    session.preview_value("Young", -1)
    session.end_gesture()
    session.end_gesture()
    stack = session.undo_group.activeStack()
    assert stack.count() == 2
    assert stack.undoText() == "Young to -1.00"
    stack.undo()
    assert values(session) == {"Smiling": 1.2}
    stack.undo()
    assert values(session) == {}
    stack.redo()
    stack.redo()
    assert values(session) == {"Smiling": 1.2, "Young": -1}
    session.reset()
    assert values(session) == {}
    assert stack.undoText() == "reset all"
    stack.undo()
    assert values(session) == {"Smiling": 1.2, "Young": -1}


def test_a_gesture_that_returns_leaves_no_step(session: Session) -> None:
    session.preview_value("Smiling", 1)
    session.preview_value("Smiling", None)
    session.end_gesture()
    assert session.undo_group.activeStack().count() == 0


def test_every_face_has_its_own_edit_and_undo_brings_it_forward(session: Session) -> None:
    session.preview_value("Smiling", 1)
    session.choose_face(1)  # ends the gesture
    assert values(session) == {}
    session.set_mode("latent")
    assert session.undo_group.activeStack().undoText() == "mode: latent"
    session.undo_group.activeStack().undo()
    session.undo_group.activeStack().undo()
    assert session.photo is not None
    assert session.photo.current == 0
    assert values(session) == {}
    session.add_crop(FaceCrop(5, 5, 20))
    assert session.photo.current == 2
    session.choose_face(7)
    assert session.photo.current == 2


def test_another_photograph_starts_a_new_history(session: Session) -> None:
    session.preview_value("Smiling", 1)
    session.end_gesture()
    assert session.photo is not None
    first = session.photo.number
    session.open(session.photo.image, [])
    assert session.photo.number != first
    assert session.face is None
    assert session.undo_group.activeStack().count() == 0
    session.preview_value("Smiling", 1)
    session.reset()
    session.close_photo()
    assert session.photo is None
