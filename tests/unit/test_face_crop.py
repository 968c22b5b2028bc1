from __future__ import annotations

import math
import threading
from pathlib import Path

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from trainer.data.face_crop import FaceCrop, Pixels, aligned_crop, extract
from trainer.data.face_detection import find_faces
from trainer.data.images import list_images, open_image

ASTRONAUTS_EYES = ((202, 101), (248, 103))


def pattern(height: int, width: int) -> Pixels:
    """Smooth, and different at every place."""
    y, x = np.mgrid[:height, :width]
    planes = (x * 255 / width, y * 255 / height, 127 + 100 * np.sin(x / 9) * np.cos(y / 11))
    return np.stack(planes, axis=-1).round().astype(np.uint8)


crops = st.builds(
    FaceCrop,
    st.floats(-50, 400),
    st.floats(-50, 400),
    st.floats(4, 600),
    st.floats(-180, 180),
)


# --- Geometry ---


def test_extract_at_identity_returns_the_same_pixels() -> None:
    photo = pattern(64, 64)
    assert np.array_equal(extract(photo, FaceCrop(32, 32, 64), 64), photo)


def test_extract_of_whole_pixels_is_a_slice() -> None:
    photo = pattern(90, 120)
    assert np.array_equal(extract(photo, FaceCrop(50, 40, 32), 32), photo[24:56, 34:66])


def test_extract_averages_areas() -> None:
    photo = np.zeros((64, 64, 3), np.uint8)
    photo[::2] = 255  # stripes of one pixel: thinning them out would give all or nothing
    assert np.abs(extract(photo, FaceCrop(32, 32, 64), 16).astype(int) - 127).max() <= 1


@pytest.mark.parametrize("quarter", [1, 2, 3])
def test_quarter_turns_are_exact(quarter: int) -> None:
    photo = pattern(48, 48)
    upright = extract(photo, FaceCrop(24, 24, 48, 90 * quarter), 48)
    # A face turned clockwise by a quarter is levelled by turning the picture back.
    assert np.abs(upright.astype(int) - np.rot90(photo, quarter)).max() <= 1


def test_extract_reflects_outside() -> None:
    photo = pattern(40, 40)
    cut = extract(photo, FaceCrop(0, 20, 40), 40)
    assert np.array_equal(cut[:, 20:], photo[:, :20])
    assert np.array_equal(cut[:, :20], photo[:, 20:0:-1])


@given(crops, st.sampled_from([1, 7, 64, 128]))
def test_corners_and_map_agree(crop: FaceCrop, size: int) -> None:
    ends = np.array(
        [[-0.5, -0.5, 1], [size - 0.5, -0.5, 1], [size - 0.5, size - 0.5, 1], [-0.5, size - 0.5, 1]]
    )
    mapped = ends @ crop.to_photo(size).T + 0.5  # from pixel indices to positions
    np.testing.assert_allclose(mapped, crop.corners(), atol=1e-6)


@given(crops)
def test_corners_form_the_square(crop: FaceCrop) -> None:
    corners = crop.corners()
    np.testing.assert_allclose(corners.mean(axis=0), (crop.center_x, crop.center_y), atol=1e-6)
    along = corners[1] - corners[0]
    assert math.hypot(*along) == pytest.approx(crop.side)
    expected = np.array([math.cos(math.radians(crop.roll)), math.sin(math.radians(crop.roll))]) * crop.side
    np.testing.assert_allclose(along, expected, atol=1e-6)


@settings(max_examples=25, deadline=None)
@given(st.floats(-180, 180), st.floats(60, 90), st.floats(85, 115), st.floats(85, 115))
def test_extract_and_its_inverse_return_the_photograph(roll: float, side: float, x: float, y: float) -> None:
    photo = pattern(200, 200)
    crop, size = FaceCrop(x, y, side, roll), 128
    back = cv2.warpAffine(extract(photo, crop, size), crop.to_photo(size), (200, 200))
    inside = cv2.warpAffine(np.full((size, size), 255, np.uint8), crop.to_photo(size), (200, 200)) == 255
    inside = cv2.erode(inside.astype(np.uint8), np.ones((3, 3))).astype(bool)
    assert inside.sum() > 0.8 * side**2
    assert np.abs(back[inside].astype(int) - photo[inside]).max() <= 3


def test_aligned_crop_is_proportional() -> None:
    assert aligned_crop(178, 218) == FaceCrop(89, 107, 148)
    half = aligned_crop(89, 109)
    assert (half.center_x, half.center_y, half.side) == pytest.approx((44.5, 53.5, 74))


# --- Detection ---


def test_astronaut_is_found_and_upright(astronaut: Pixels) -> None:
    face = find_faces(astronaut)[0]
    assert face.eyes is not None
    for eye, expected in zip(face.eyes, ASTRONAUTS_EYES, strict=True):
        assert math.dist(eye, expected) < 8
    assert face.crop.roll == 0  # she holds her head within the spread of upright faces
    assert 120 < face.crop.side < 175
    left, top, width, height = face.box
    assert width == height
    assert left < 202 < 248 < left + width
    assert top < 100 < top + height


@pytest.mark.parametrize("turn", [-40, -20, 12, 20, 40])
def test_turned_faces_are_found_and_levelled(astronaut: Pixels, turn: int) -> None:
    canvas = FaceCrop(224, 200, 400, -turn)
    face = find_faces(extract(astronaut, canvas, 400))[0]
    assert face.crop.roll == pytest.approx(turn, abs=6)
    upright = extract(extract(astronaut, canvas, 400), face.crop, 64).astype(float)
    straight = extract(astronaut, find_faces(astronaut)[0].crop, 64).astype(float)
    assert np.corrcoef(upright.ravel(), straight.ravel())[0, 1] > 0.7


def test_a_picture_lying_on_its_side(astronaut: Pixels) -> None:
    lying = np.ascontiguousarray(np.rot90(astronaut[:400, 24:424], -1))  # turned clockwise
    assert find_faces(lying)[0].crop.roll == pytest.approx(90, abs=8)


def test_crop_does_not_depend_on_the_scale(astronaut: Pixels) -> None:
    small = find_faces(astronaut)[0].crop
    large = cv2.resize(astronaut, (2048, 2048), interpolation=cv2.INTER_CUBIC)
    crop = find_faces(np.asarray(large, np.uint8))[0].crop
    assert crop.side / 4 == pytest.approx(small.side, rel=0.06)
    assert crop.center_x / 4 == pytest.approx(small.center_x, abs=6)
    assert crop.center_y / 4 == pytest.approx(small.center_y, abs=6)


def test_larger_and_central_first(astronaut: Pixels) -> None:
    head = astronaut[0:260, 90:350]
    group = np.full((600, 900, 3), 127, np.uint8)
    group[320:580, 320:580] = head
    group[20:150, 20:150] = cv2.resize(head, (130, 130), interpolation=cv2.INTER_AREA)
    faces = find_faces(group)
    assert len(faces) == 2
    assert 320 < faces[0].crop.center_x < 580
    assert 20 < faces[1].crop.center_x < 150


def test_small_faces_of_a_group(astronaut: Pixels) -> None:
    head = cv2.resize(astronaut[0:260, 90:350], (170, 170), interpolation=cv2.INTER_AREA)
    group = np.full((1333, 2000, 3), 127, np.uint8)
    places = [(x, y) for y in (300, 800) for x in range(120, 1800, 400)]
    for x, y in places:
        group[y : y + 170, x : x + 170] = head
    boxes = [face.box for face in find_faces(group)]
    assert len(boxes) == len(places)
    for x, y in places:
        assert any(b[0] < x + 87 < b[0] + b[2] and b[1] < y + 74 < b[1] + b[3] for b in boxes)


@pytest.mark.parametrize("shape", [(1, 1), (5, 400), (40, 40), (3000, 20), (300, 400)])
def test_no_face_in_nothing(shape: tuple[int, int]) -> None:
    assert find_faces(np.full((*shape, 3), 90, np.uint8)) == []


def test_wrong_arrays_are_refused() -> None:
    with pytest.raises(ValueError, match="height × width × 3"):
        find_faces(np.zeros((10, 10), np.uint8))
    with pytest.raises(ValueError, match="unknown way"):
        find_faces(np.zeros((10, 10, 3), np.uint8), "other")  # type: ignore[arg-type]


def test_paper_method(astronaut: Pixels) -> None:
    assert find_faces(astronaut, "paper") == []  # lower than 0.4 of the height
    head = np.ascontiguousarray(astronaut[0:260, 90:350])
    face = find_faces(head, "paper")[0]
    left, top, width, height = face.box
    assert face.crop.side == pytest.approx(1.3 * width, abs=1)
    assert face.crop.center_x == pytest.approx(left + width / 2, abs=1)
    assert face.crop.center_y == pytest.approx(top + height / 2, abs=1)
    assert face.crop.roll == 0
    cut = np.ascontiguousarray(head[60:])  # now the square leaves the picture at the top
    assert find_faces(cut, "studio")
    assert find_faces(cut, "paper") == []


def test_many_threads_agree(astronaut: Pixels) -> None:
    expected = find_faces(astronaut)
    found: list[object] = []
    threads = [threading.Thread(target=lambda: found.append(find_faces(astronaut))) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert found == [expected] * 4


def test_photographs(data: Path) -> None:
    """A tenth of what ``benchmarks/faces.py`` measures."""
    paths = list_images(data / "photos" / "lfw")[::10]
    hits = 0
    for path in paths:
        faces = find_faces(open_image(path).pixels)
        if faces:
            left, top, width, height = faces[0].box
            hits += left <= 125 <= left + width and top <= 125 <= top + height
    assert hits >= 0.95 * len(paths)


@pytest.mark.parametrize(("name", "nose"), [("mona_lisa", (185, 160)), ("mozart", (64, 105))])
def test_portraits(data: Path, name: str, nose: tuple[int, int]) -> None:
    left, top, width, height = find_faces(open_image(data / "photos" / f"{name}.jpg").pixels)[0].box
    assert left < nose[0] < left + width
    assert top < nose[1] < top + height


def test_pictures_wider_than_opencv_can_warp_are_cut_first() -> None:
    wide = np.zeros((60, 40_000, 3), np.uint8)
    wide[:, :, 0] = (np.arange(40_000) // 200).astype(np.uint8)
    crop = FaceCrop(35_000, 30, 100)
    narrow = extract(wide[:, 34_000:36_000], FaceCrop(1_000, 30, 100), 64)
    assert np.array_equal(extract(wide, crop, 64), narrow)
    assert narrow[32, 32, 0] == 175
