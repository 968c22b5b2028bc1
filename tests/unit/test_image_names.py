"""Names of files, and the pictures of a folder."""

from __future__ import annotations

import os
import unicodedata
from pathlib import Path

import pytest

from tests.unit.pictures import PLAIN, RGB, assert_close, encoded, refused
from trainer.data.images import IMAGE_SUFFIXES, list_images, open_image
from trainer.errors import ImageError

NAMES = (
    "顔写真.png",
    "صورة.png",
    "👩‍🚀 at work.png",
    'it\'s “quoted” "twice".png',
    "two\nlines.png",
    " leading and trailing .png",
    "semi;colon&amp%20$HOME`ls`.png",
    "#?*<>|.png",
    "-rf.png",
    unicodedata.normalize("NFC", "é.png"),
    unicodedata.normalize("NFD", "é.png"),
    "x" * 236 + ".png",
    "no suffix",
    os.fsdecode(b"invalid \xff\xfe.png"),
)


@pytest.mark.skipif(os.name == "nt", reason="Windows allows few of these names")
@pytest.mark.parametrize("name", NAMES, ids=range(len(NAMES)))
def test_names(tmp_path: Path, name: str) -> None:
    path = tmp_path / name
    try:
        path.write_bytes(encoded(RGB, "PNG"))
    except OSError as error:
        pytest.skip(f"this file system refuses the name: {error}")
    for way in (path, str(path)):
        assert_close(open_image(way), PLAIN, 0)
    assert list_images(tmp_path) == ([] if name == "no suffix" else [path])
    path.write_bytes(b"no picture at all")
    refused(path).encode()  # a message can always be written


def test_message_shows_the_name_on_one_line(tmp_path: Path) -> None:
    assert refused(tmp_path / "two\nlines\u202e.png").startswith("“two\ufffdlines\ufffd.png” does not exist")


def test_list_images(tmp_path: Path) -> None:
    names = ["b10.jpg", "b2.JPG", "a.PnG", "B1.webp", "b2.gif", "ü.tiff"]
    for name in [*names, ".hidden.jpg", "notes.txt", "film.mp4"]:
        (tmp_path / name).touch()
    (tmp_path / "folder.jpg").mkdir()
    (tmp_path / "folder.jpg" / "inside.jpg").touch()
    (tmp_path / "broken.jpg").symlink_to(tmp_path / "nowhere.jpg")
    found = [path.name for path in list_images(tmp_path)]
    assert found == ["a.PnG", "B1.webp", "b2.gif", "b2.JPG", "b10.jpg", "ü.tiff"]


def test_list_images_of_no_folder(tmp_path: Path) -> None:
    with pytest.raises(ImageError, match=r"The folder “gone” cannot be read \(No such file or directory\)"):
        list_images(tmp_path / "gone")


def test_suffixes() -> None:
    assert all(suffix == suffix.lower() and suffix.startswith(".") for suffix in IMAGE_SUFFIXES)
    assert ".ico" not in IMAGE_SUFFIXES
