"""Grids, animations and the names of their files."""

import itertools
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from jmvae_studio.document.animations import save_animation
from jmvae_studio.document.naming import PatternError, check_pattern, file_name
from jmvae_studio.document.saving import SaveError
from jmvae_studio.document.series import QUICKEST, Animation, Grid, Sweep
from jmvae_studio.inference.sheet import lay_out_grid

FRAMES = [np.full((40, 40, 3), shade, np.uint8) for shade in (0, 90, 180, 255)]


def test_a_grid_names_every_combination_in_reading_order() -> None:
    grid = Grid(Sweep("Smiling", -1, 1, 3), Sweep("Male", 0, 2, 2))
    assert grid.settings() == tuple(
        (("Smiling", across), ("Male", down)) for down, across in itertools.product((0, 2), (-1, 0, 1))
    )
    assert Grid(Sweep("Smiling", -1, 1, 2)).settings() == ((("Smiling", -1),), (("Smiling", 1),))


@given(
    st.integers(2, 120),
    st.floats(0.2, 20).map(lambda seconds: round(seconds, 1)),
    st.booleans(),
)
def test_an_animation_stays_in_its_range_and_keeps_its_time(frames: int, seconds: float, back: bool) -> None:
    moving = Animation("Smiling", -2, 3, frames, seconds, back)
    values = moving.values()
    assert len(values) == frames
    assert values[0] == -2
    assert -2 <= min(values) <= max(values) <= 3
    if not back:
        assert values[-1] == 3
    assert [moving.settings()[place][0][1] for place in moving.order()] == list(values)
    if 1000 * seconds / frames >= QUICKEST + 10:
        assert sum(moving.milliseconds()) == pytest.approx(1000 * seconds, abs=5)


def test_there_and_back_draws_no_face_twice() -> None:
    moving = Animation("Smiling", -3, 3, 24, 2.0, back=True)
    assert len(moving.settings()) == 13
    assert moving.values()[12] == 3
    assert moving.order()[1] == moving.order()[23]


@pytest.mark.parametrize("suffix", [".gif", ".webp", ".png"])
def test_an_animation_s_frames_come_back(tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"moving{suffix}"
    assert save_animation(path, FRAMES, [100, 200, 300, 400], quality=100, longest=20)
    with Image.open(path) as picture:
        assert picture.n_frames == 4
        assert picture.info.get("loop") == 0
        for number, frame in enumerate(FRAMES):
            picture.seek(number)
            picture.load()
            assert picture.size == (20, 20)
            assert picture.info["duration"] == 100 * (number + 1)
            assert np.abs(np.asarray(picture.convert("RGB")).astype(int) - frame[0, 0, 0]).max() <= 2
    assert list(tmp_path.iterdir()) == [path]


def test_an_animation_that_is_not_wanted_leaves_nothing(tmp_path: Path) -> None:
    path = tmp_path / "moving.gif"
    path.write_bytes(b"older")
    assert not save_animation(path, FRAMES, [100] * 4, keep=lambda: False)
    assert path.read_bytes() == b"older"
    assert list(tmp_path.iterdir()) == [path]


def test_an_animation_never_replaces_the_photograph(tmp_path: Path) -> None:
    photograph = tmp_path / "face.png"
    Image.fromarray(FRAMES[1]).save(photograph)
    kept = photograph.read_bytes()
    with pytest.raises(SaveError, match="never overwritten"):
        save_animation(photograph, FRAMES, [100] * 4, source=photograph)
    with pytest.raises(SaveError, match=r"saved as \.gif"):
        save_animation(tmp_path / "moving.jpg", FRAMES, [100] * 4)
    assert photograph.read_bytes() == kept


def test_names_are_made_from_a_pattern(tmp_path: Path) -> None:
    values = [("Smiling", 2.04), ("Male", -3.0)]
    pattern = "{name}-{attributes}-{number}"
    assert file_name(pattern, "eva", "edited", values, tmp_path) == "eva-Male-3_Smiling+2-1"
    (tmp_path / "eva-Male-3_Smiling+2-1.gif").touch()
    assert file_name(pattern, "eva", "edited", values, tmp_path) == "eva-Male-3_Smiling+2-2"
    assert file_name("{name} {what}", "a/b", "grid", [], tmp_path) == "a_b grid"
    assert file_name("{attributes}", "eva", "edited", [], tmp_path / "missing") == "unchanged"


@pytest.mark.parametrize(
    "pattern", ["", " . ", "{date}", "{name", "{name:>9999999}", "{name.__class__}", "{}"]
)
def test_a_pattern_that_leads_nowhere_is_refused(pattern: str) -> None:
    with pytest.raises(PatternError, match="name"):
        check_pattern(pattern)


def test_a_grid_s_faces_lie_where_they_belong() -> None:
    rows = [FRAMES[:2], FRAMES[2:]]
    sheet = np.asarray(lay_out_grid(rows, ["-1", "+1"], ["-2", "+2"], "Smiling"))
    for row, column in itertools.product(range(2), range(2)):
        # Counted from the lower right corner, where no caption is.
        y, x = sheet.shape[0] - 10 - (1 - row) * 44 - 24, sheet.shape[1] - 10 - (1 - column) * 44 - 24
        assert (sheet[y, x] == rows[row][column][0, 0]).all()
