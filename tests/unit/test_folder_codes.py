"""What is kept of a folder's pictures: there and back, and whatever is not ours is passed over."""

import io
from pathlib import Path

import numpy as np
import pytest

from jmvae_studio.explore.folder_codes import PictureCodes, codes_path, collect, load, to_bytes

FACES = np.arange(12, dtype=np.float32).reshape(3, 4)
READ = np.arange(6, dtype=np.float32).reshape(3, 2)
KNOWN = {
    "a.png": PictureCodes(10, 1_700_000_000_123_456_789, FACES[:2], READ[:2]),
    "wall.png": PictureCodes(11, 5, FACES[:0], READ[:0]),
    "caf\udce9.png": PictureCodes(12, 6, FACES[2:], READ[2:]),  # a name that is no UTF-8
}


def changed(**arrays: np.ndarray) -> bytes:
    with np.load(io.BytesIO(to_bytes(KNOWN))) as before:
        kept = {**before, **arrays}
    buffer = io.BytesIO()
    np.savez(buffer, **kept)
    return buffer.getvalue()


def test_there_and_back(tmp_path: Path) -> None:
    path = tmp_path / "codes.npz"
    path.write_bytes(to_bytes(KNOWN))
    again = load(path, 4, 2)
    assert list(again) == list(KNOWN)
    for name, picture in KNOWN.items():
        assert (again[name].size, again[name].time) == (picture.size, picture.time)
        assert np.array_equal(again[name].codes, picture.codes)
        assert np.array_equal(again[name].read, picture.read)


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"PK\x03\x04 and no more",
        to_bytes(KNOWN)[:-40],
        changed(faces=np.array([2, 0, 2])),
        changed(faces=np.array([-1, 2, 2])),
        changed(codes=np.full((3, 4), np.nan, np.float32)),
        changed(codes=FACES.astype(np.float64)),
        changed(read=READ[:2]),
        changed(names=np.array([None, {}, 1], object)),
        changed(sizes=np.array([1, 2])),
    ],
)
def test_what_is_damaged_counts_as_nothing(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "codes.npz"
    path.write_bytes(content)
    assert load(path, 4, 2) == {}


def test_codes_of_another_model_count_as_nothing(tmp_path: Path) -> None:
    path = tmp_path / "codes.npz"
    path.write_bytes(to_bytes(KNOWN))
    assert load(path, 5, 2) == load(path, 4, 3) == load(tmp_path / "none.npz", 4, 2) == {}
    folder = tmp_path / "caf\udce9"
    places = {codes_path(tmp_path, f, m) for f in (folder, tmp_path) for m in ("abc", "abd")}
    assert len(places) == 4


def test_every_face_is_called_after_its_picture() -> None:
    collection = collect(KNOWN, ("Smiling", "Male"), "{picture}, face {number}")
    assert collection.titles == ("a.png, face 1", "a.png, face 2", "caf\udce9.png")
    assert np.array_equal(collection.codes, FACES)
    assert collection.given is None
