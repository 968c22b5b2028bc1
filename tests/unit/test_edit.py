"""Edits and the session: values, undo, faces."""

from pathlib import Path

import numpy as np
import pytest
from PySide6.QtCore import QCoreApplication

from jmvae_studio.document.attributes import GROUPS, group, title
from jmvae_studio.document.edit import Edit
from jmvae_studio.document.photo import Photo
from jmvae_studio.document.session import Session
from jmvae_studio.document.session_file import record, restore
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
    assert group(("Smiling", "Winking")) == [("Own attributes", ("Winking",)), ("Expression", ("Smiling",))]
    assert group(("Digit_7",)) == [("Attributes", ("Digit_7",))]
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
    session.set_mode("residual")
    assert session.undo_group.activeStack().undoText() == "mode: residual"
    session.undo_group.activeStack().undo()
    session.undo_group.activeStack().undo()
    assert session.photo is not None
    assert session.photo.current == 0
    assert values(session) == {}
    session.add_crop(FaceCrop(5, 5, 20))
    assert session.photo.current == 2
    session.choose_face(7)
    assert session.photo.current == 2


def test_another_photograph_starts_a_new_history_and_the_first_keeps_its_own(session: Session) -> None:
    session.preview_value("Smiling", 1)
    session.end_gesture()
    first = session.photo
    assert first is not None
    assert first.image is not None
    second = session.open(first.image, [])
    assert second.number != first.number
    assert session.face is None
    assert session.undo_group.activeStack().count() == 0
    session.preview_value("Smiling", 1)  # there is no face: nothing happens
    session.reset()
    session.show(first)
    assert values(session) == {"Smiling": 1}
    session.undo_group.undo()
    assert values(session) == {}
    session.undo_group.redo()
    session.remove(first)
    assert session.photo is None
    assert not session.undo_group.canUndo()
    assert session.reopen() is first
    session.show(first)
    assert values(session) == {"Smiling": 1}
    session.undo_group.undo()
    assert values(session) == {}


def test_marking_and_dismissing_faces_can_be_undone(session: Session) -> None:
    photo = session.photo
    assert photo is not None
    session.add_crop(FaceCrop(5, 5, 20))
    session.preview_value("Male", 1)
    session.remove_face()
    assert [face.crop.side for face in photo.faces] == [30, 12]
    session.undo_group.undo()
    assert photo.current == 2
    assert values(session) == {"Male": 1}  # it comes back as it was
    session.undo_group.undo()
    session.undo_group.undo()
    assert (len(photo.faces), photo.current) == (2, 0)
    for _ in range(3):
        session.undo_group.redo()
    assert (len(photo.faces), photo.current) == (2, 1)


def test_moving_the_square_is_one_step_and_asks_for_a_new_reading(session: Session) -> None:
    face = session.face
    assert face is not None
    session.set_inferred(face, "digest", {"Male": 0.5})
    for step in range(5):
        session.preview_crop(FaceCrop(11 + step, 12, 30))
    session.preview_value("Male", 2)  # not in the middle of another gesture
    assert values(session) == {}
    session.end_gesture()
    assert face.crop.center_x == 15
    assert face.reader == ""
    session.undo_group.undo()
    assert face.crop == FaceCrop(11, 12, 30)


def open_file(session: Session, path: Path) -> Photo:
    """A photograph that a session can keep, with two faces."""
    image = OpenedImage(np.zeros((50, 60, 3), np.uint8), path, "PNG", None, None, ())
    crops = (FaceCrop(11, 12, 30), FaceCrop(35, 7, 12))
    return session.open(image, [Face((1, 2, 9, 9), crop, None, 1.0) for crop in crops])


def test_generate_is_an_edit_where_it_was_chosen(session: Session, tmp_path: Path) -> None:
    photo, file = open_file(session, tmp_path / "chosen.png"), tmp_path / "work.jmvae"
    assert not record(session, file).is_edited
    session.set_mode("generate")
    assert photo.is_edited
    assert photo.has_work
    kept = record(session, file)
    assert kept.is_edited
    back = Session()
    restore(back, kept, file)
    assert [face.edit.mode for face in back.photos[0].faces] == ["generate", "latent"]
    assert restore(back, kept, file)[1] == ["chosen.png is open already and stays as it is."]
    session.reset()
    assert photo.is_edited  # the mode stays, and the face is replaced still
    session.undo_group.undo()
    assert not photo.is_edited


def test_a_face_that_comes_in_generate_is_replaced_and_no_work(session: Session, tmp_path: Path) -> None:
    session.set_mode("generate")
    photo, file = open_file(session, tmp_path / "new.png"), tmp_path / "work.jmvae"
    assert [face.edit.mode for face in photo.faces] == ["generate", "latent"]  # nobody looked at the second
    assert [face.edit.is_empty for face in photo.faces] == [False, True]
    assert not photo.is_edited
    assert not photo.has_work
    kept = record(session, file)
    assert not kept.is_edited
    back = Session()
    restore(back, kept, file)
    assert [face.edit.mode for face in back.photos[0].faces] == ["generate", "latent"]
    assert not back.photos[0].has_work
    session.preview_value("Smiling", 1.0)
    assert photo.is_edited


def test_pixels_of_photographs_long_not_shown_are_let_go(session: Session, tmp_path: Path) -> None:
    session.set_memory(2 * 50 * 60 * 3)
    opened = []
    for number in range(4):
        path = tmp_path / f"{number}.png"
        path.touch()
        image = OpenedImage(np.zeros((50, 60, 3), np.uint8), path, "PNG", None, None, ())
        opened.append(session.open(image, []))
    assert [photo.image is not None for photo in opened] == [False, False, True, True]
    assert session.photos[0].image is not None  # no file has it


def test_locked_values_stand_and_free_ones_are_named() -> None:
    inferred = {"Male": 0.9, "Smiling": -0.2, "Young": 0.4}
    names = ("Young", "Male", "Smiling")
    edit = Edit().with_value("Male", -1).with_state("Young", "locked", 0.4)
    assert edit.with_value("Young", 3) == edit
    assert dict(edit.cleared().values) == {"Young": 0.4}
    assert edit.with_strength(0.5).resolve(names, inferred) == pytest.approx((0.4, -0.05, -0.2))
    assert edit.with_strength(0).resolve(names, {**inferred, "Young": 2}) == pytest.approx((0.4, 0.9, -0.2))
    following = edit.with_followers(names)
    assert following.free == ("Male", "Smiling")
    assert following.followers(names) == (2,)  # Male is set, Young is locked
    assert following.with_state("Smiling", "held", 0).followers(names) == ()
    assert Edit().with_followers(names).followers(names) == ()  # nothing is set that they could follow
    assert edit.with_values({"Young": 2, "Smiling": 9}).resolve(names, inferred) == (0.4, -1, 3)
    assert Edit().with_identity(7).identity == 2
