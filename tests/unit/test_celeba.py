"""CelebA's layout, read and refused."""

import shutil
import zipfile
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from trainer.data.celeba import load_celeba, read_attributes
from trainer.data.face_crop import aligned_crop, extract
from trainer.errors import DataError


def test_zip_and_folder_give_the_same(tiny_celeba: Path, tmp_path: Path) -> None:
    folder = load_celeba(tiny_celeba, 64, tmp_path / "cache")
    zipped = tmp_path / "zipped"
    zipped.mkdir()
    for name in ("list_attr_celeba.txt", "list_eval_partition.txt"):
        shutil.copy(tiny_celeba / name, zipped)
    with zipfile.ZipFile(zipped / "img_align_celeba.zip", "w") as archive:
        for path in (tiny_celeba / "img_align_celeba").iterdir():
            archive.write(path, f"img_align_celeba/{path.name}")
    other = load_celeba(zipped, 64, tmp_path / "cache")
    assert np.array_equal(folder.images, other.images)
    assert folder.images.shape == (48, 64, 64, 3)
    assert [len(folder.indices(p)) for p in ("train", "validation", "test")] == [32, 8, 8]
    with Image.open(tiny_celeba / "img_align_celeba" / "000007.jpg") as picture:
        pixels = np.asarray(picture)
    assert np.array_equal(folder.images[6], extract(pixels, aligned_crop(89, 109), 64))


def test_pictures_are_decoded_once(tiny_celeba: Path, tmp_path: Path) -> None:
    calls: list[int] = []
    load_celeba(tiny_celeba, 64, tmp_path, lambda done, total: calls.append(done))
    assert calls
    calls.clear()
    again = load_celeba(tiny_celeba, 64, tmp_path, lambda done, total: calls.append(done))
    assert not calls
    assert isinstance(again.images, np.memmap)
    assert not list(tmp_path.glob("*.part"))


@pytest.mark.parametrize(
    ("file", "line", "text", "message"),
    [
        ("list_attr_celeba.txt", 5, "000004.jpg 1 -1", "line 6"),
        ("list_attr_celeba.txt", 0, "99", "announces 99 pictures and lists 48"),
        ("list_eval_partition.txt", 3, "000004.jpg 7", "line 4"),
        ("list_eval_partition.txt", 3, "000001.jpg 0", "000004.jpg among them"),
    ],
)
def test_a_bad_line_is_named(
    tiny_celeba: Path, tmp_path: Path, file: str, line: int, text: str, message: str
) -> None:
    copy = tmp_path / "copy"
    shutil.copytree(tiny_celeba, copy)
    lines = (copy / file).read_text().splitlines()
    lines[line] = text
    (copy / file).write_text("\n".join(lines))
    with pytest.raises(DataError, match=message):
        load_celeba(copy, 64, tmp_path / "cache")


def test_what_is_missing_is_named(tiny_celeba: Path, tmp_path: Path) -> None:
    with pytest.raises(DataError, match="Is this CelebA's folder"):
        load_celeba(tmp_path)
    copy = tmp_path / "copy"
    shutil.copytree(tiny_celeba, copy)
    (copy / "img_align_celeba" / "000009.jpg").unlink()
    with pytest.raises(DataError, match=r"000009\.jpg"):
        load_celeba(copy, 64, tmp_path / "cache")
    shutil.rmtree(copy / "img_align_celeba")
    (copy / "img_align_celeba.zip").write_bytes(b"PK no zip")
    with pytest.raises(DataError, match="not a complete zip"):
        load_celeba(copy, 64, tmp_path / "cache")
    assert not list((tmp_path / "cache").glob("*"))


def test_the_official_lists_are_read(data: Path) -> None:
    names, files, rows = read_attributes(data / "celeba" / "list_attr_celeba.txt")
    assert len(names) == 40
    assert rows.shape == (len(files), 40)
    assert files[0] == "000001.jpg"
    assert dict(zip(names, rows[0], strict=True))["Smiling"] == 1
    assert set(np.unique(rows)) == {-1, 1}
