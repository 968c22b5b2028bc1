"""Settings inside pictures, session files and swept leftovers."""

import hashlib
import os
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image
from pydantic import ValidationError
from PySide6.QtCore import QCoreApplication

from jmvae_studio.document.edit import Edit
from jmvae_studio.document.photo import FaceState
from jmvae_studio.document.photo_files import Digests, locate, with_digests
from jmvae_studio.document.records import EditRecord, FaceRecord, PictureSettings, settings_in, with_settings
from jmvae_studio.document.saving import Saving, save_picture
from jmvae_studio.document.session import Session
from jmvae_studio.document.session_file import SessionFileError, load, record, restore, save, sweep
from trainer.data.face_crop import FaceCrop
from trainer.data.face_detection import Face
from trainer.data.images import OpenedImage, open_image

EDIT = (
    Edit(mode="latent")
    .with_values({"Smiling": 1.5, "Male": -2})
    .with_state("Young", "locked", 0.25)
    .with_state("Bald", "free", 0)
    .with_strength(0.75)
    .with_identity(1.25)
)
TOLD = (("Eyeglasses", 1.0), ("Male", -1.0))
SETTINGS = PictureSettings(
    version="1",
    model="ab12",
    faces=[FaceRecord.of(FaceState(FaceCrop(10.5, 20, 30, -5), (1, 2, 3, 4), EDIT, told=TOLD))],
)


def test_a_face_comes_back_from_its_record() -> None:
    face = FaceRecord.model_validate_json(SETTINGS.faces[0].model_dump_json()).face()
    assert (face.crop, face.box, face.edit) == (FaceCrop(10.5, 20, 30, -5), (1, 2, 3, 4), EDIT)
    assert face.told == TOLD
    assert EditRecord(values={"Male": 99}, locked=["Young"], free=["Young"]).edit() == Edit(
        values=(("Male", 3.0),), free=("Young",)
    )


@pytest.mark.parametrize("suffix", [".png", ".jpg", ".webp", ".avif"])
def test_a_picture_carries_its_settings_and_the_cameras_data_by_choice(tmp_path: Path, suffix: str) -> None:
    pixels = np.full((40, 30, 3), 120, np.uint8)
    block = Image.Exif()
    block[0x010F] = "Camera"
    source = OpenedImage(pixels, tmp_path / "in.jpg", "JPEG", None, block.tobytes(), ())
    with_all, plain = tmp_path / f"all{suffix}", tmp_path / f"plain{suffix}"
    save_picture(with_all, pixels, source, saving=Saving(80, 0, True, SETTINGS))
    save_picture(plain, pixels, source, saving=Saving(80))
    opened = open_image(with_all)
    assert settings_in(opened.exif) == SETTINGS
    with Image.open(with_all) as written:
        assert written.getexif()[0x010F] == "Camera"
    assert not open_image(plain).exif
    assert b"Camera" not in plain.read_bytes()


def test_tiff_and_a_smaller_size(tmp_path: Path) -> None:
    pixels = np.random.default_rng(1).integers(0, 255, (40, 80, 3), np.uint8)
    save_picture(tmp_path / "a.tif", pixels)
    assert np.array_equal(open_image(tmp_path / "a.tif").pixels, pixels)
    save_picture(tmp_path / "b.png", pixels, saving=Saving(longest=20))
    assert open_image(tmp_path / "b.png").pixels.shape == (10, 20, 3)


def test_a_low_quality_is_smaller(tmp_path: Path) -> None:
    pixels = np.random.default_rng(1).integers(0, 255, (200, 200, 3), np.uint8)
    for suffix in (".jpg", ".webp", ".avif"):
        sizes = []
        for quality in (40, 95):
            path = tmp_path / f"{quality}{suffix}"
            save_picture(path, pixels, saving=Saving(quality))
            sizes.append(path.stat().st_size)
        assert sizes[0] < 0.7 * sizes[1]


@given(data=st.binary(max_size=300))
def test_foreign_and_damaged_metadata_is_no_settings(data: bytes) -> None:
    assert settings_in(data) is None
    whole = with_settings(None, SETTINGS)
    assert settings_in(whole[: len(whole) // 2] + data) in (None, SETTINGS)


def test_a_session_comes_back_from_its_file(qapp: QCoreApplication, tmp_path: Path) -> None:
    photos = []
    for name in ("a.png", "b.png", "gone.png"):
        Image.new("RGB", (60, 50), (1, 2, 3)).save(tmp_path / name)
        photos.append(tmp_path / name)
    session = Session()
    for path in photos:
        session.open(open_image(path), [Face((1, 2, 20, 20), FaceCrop(11, 12, 30), None, 2.0)])
    pasted = OpenedImage(np.zeros((50, 60, 3), np.uint8), Path("Pasted picture"), "PNG", None, None, ())
    session.open(pasted, [])
    session.show(session.photos[1])
    session.preview_value("Smiling", 1)
    session.add_crop(FaceCrop(30, 30, 18, 4))
    session.change(lambda edit: EDIT)
    file = tmp_path / "deep" / "work.jmvae"
    save(file, with_digests(record(session, file), file, Digests()))
    assert load(file).photos[0].path == str(Path("..") / "a.png")  # wherever the folder is moved
    photos[2].unlink()
    again = Session()
    found, told = locate(load(file), file, Digests())
    number, _ = restore(again, found, file)
    assert [photo.path for photo in again.photos] == photos[:2]
    assert told == [f"gone.png is no longer in {tmp_path}."]
    assert number == again.photos[1].number
    faces = again.photos[1].faces
    assert [face.crop for face in faces] == [FaceCrop(11, 12, 30), FaceCrop(30, 30, 18, 4)]
    assert dict(faces[0].edit.values) == {"Smiling": 1}
    assert faces[1].edit == EDIT
    assert again.photos[1].current == 1
    _, told = restore(again, found, file)
    assert told == ["b.png is open already and stays as it is."]


def test_photographs_are_known_by_their_contents(qapp: QCoreApplication, tmp_path: Path) -> None:
    there, gone, changed = (tmp_path / name for name in ("there.png", "gone.png", "changed.png"))
    session = Session()
    for shade, path in enumerate((there, gone, changed)):
        Image.new("RGB", (60, 50), (shade, 2, 3)).save(path)
        session.open(open_image(path), [Face((1, 2, 20, 20), FaceCrop(11, 12, 30), None, 2.0)])
        session.preview_value("Smiling", 1)
        session.end_gesture()
    file = tmp_path / "deep" / "work.jmvae"
    save(file, with_digests(record(session, file), file, Digests()))
    digests = [photo.sha256 for photo in load(file).photos]
    assert digests == [hashlib.sha256(path.read_bytes()).hexdigest() for path in (there, gone, changed)]
    gone.rename(file.parent / gone.name)  # moved along with the session
    size = changed.stat().st_size
    changed.write_bytes(there.read_bytes().ljust(size, b"\0")[:size])  # of the same size
    found, told = locate(load(file), file, Digests())
    assert told == ["gone.png was found beside work.jmvae.", "changed.png has changed since."]
    assert [photo.path for photo in found.photos] == [
        str(Path("..") / "there.png"),
        "gone.png",
        "../changed.png",
    ]
    (file.parent / gone.name).write_bytes(b"another picture of this name")
    assert f"gone.png is no longer in {tmp_path}." in locate(load(file), file, Digests())[1]


@pytest.mark.parametrize("content", [b"", b"[]", b'{"format": "jmvae-session 9"}', b"\xff\xfe", b"[" * 9999])
def test_what_is_no_session_is_one_sentence(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "x.jmvae"
    path.write_bytes(content)
    with pytest.raises(SessionFileError, match=r"^x\.jmvae is not a session"):
        load(path)


def test_leftovers_of_dead_processes_are_swept(tmp_path: Path) -> None:
    dead, own, other = (
        tmp_path / ".a.png.999999999.part",
        tmp_path / f".b.{os.getpid()}.part",
        tmp_path / ".c.part",
    )
    for path in (dead, own, other):
        path.touch()
    assert sweep(tmp_path) == 1
    assert [path.exists() for path in (dead, own, other)] == [False, True, True]
    assert sweep(tmp_path / "nowhere") == 0


@pytest.mark.parametrize(
    "values",
    [
        {"edit": {"values": {"Smiling": float("nan")}}},
        {"told": {"Male": float("inf")}},
        {"edit": {"strength": float("nan")}},
        {"side": 1e300},
        {"center_x": -1e9},
    ],
)
def test_numbers_that_are_none_or_beyond_all_pictures_are_refused(values: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        FaceRecord.model_validate({"center_x": 1.0, "center_y": 1.0, "side": 8.0} | values)
