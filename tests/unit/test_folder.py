"""A plain folder of pictures with a table: scaled, divided, and every problem named with its line."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from trainer.data import face_pictures
from trainer.data.face_crop import FaceCrop, Pixels, extract
from trainer.data.face_detection import Face, find_faces
from trainer.data.face_pictures import Row, crop_rows
from trainer.data.folder import load_folder, split_by_name
from trainer.data.images import open_image
from trainer.data.loading import open_dataset
from trainer.data.scores import scale_column, squash
from trainer.errors import DataError

SAMPLES = sorted((Path(__file__).parents[2] / "resources" / "samples").glob("*.png"))


def picture(path: Path, shade: int) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.new("RGB", (20, 20), (shade, 255 - shade, 7)).save(path)


@pytest.fixture
def detector(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every picture shows a face in its middle, but those without any red."""

    def find(photo: Pixels) -> list[Face]:
        return [Face((5, 5, 10, 10), FaceCrop(10, 10, 16), None, 9.0)] if photo[0, 0, 0] else []

    monkeypatch.setattr(face_pictures, "find_faces", find)


@pytest.fixture
def folder(tmp_path: Path, detector: None) -> Path:
    """Twelve pictures and a sound table."""
    folder = tmp_path / "pictures"
    lines = ["file,Smiling,Age,Score"]
    for number in range(12):
        picture(folder / f"{number:02d}.png", 10 * number + 10)
        lines.append(f"{number:02d}.png,{number % 2},{20 + 5 * number},{number - 6}")
    (folder / "attributes.csv").write_text("\n".join(lines) + "\n")
    return folder


def test_a_sound_folder_is_read_whole(folder: Path, tmp_path: Path) -> None:
    data, report = load_folder(folder, 8, tmp_path / "cache")
    assert data.names == ("Smiling", "Age", "Score")
    assert data.images.shape == (12, 8, 8, 3)
    assert isinstance(data.images, np.memmap)
    assert [int(image[4, 4, 0]) for image in data.images] == [10 * n + 10 for n in range(12)]
    assert data.attributes.dtype == np.float32
    assert data.attributes[:, 0].tolist() == [-1, 1] * 6
    np.testing.assert_allclose(data.attributes[:, 1], np.linspace(-1, 1, 12), rtol=1e-6)
    scores = np.arange(12) - 6.0
    np.testing.assert_allclose(
        data.attributes[:, 2], np.tanh(scores / np.sqrt((scores**2).mean())), rtol=1e-6
    )
    assert [len(data.indices(p)) for p in ("train", "validation", "test")] == [10, 1, 1]
    assert (report.rows, report.used, report.problems) == (12, 12, ())
    assert "Age: 20…75 became -1…1." in report.notes


def test_the_dispatcher_opens_it_and_says_what_is_left_out(folder: Path, tmp_path: Path) -> None:
    said: list[str] = []
    picture(folder / "forgotten.png", 90)
    data = open_dataset("folder", folder, 8, tmp_path / "cache", tell=said.append)
    assert len(data.images) == 12
    assert "1 × picture without a row: forgotten.png" in said[0]


def test_pictures_are_searched_once(folder: Path, tmp_path: Path) -> None:
    calls: list[int] = []
    first, _ = load_folder(folder, 8, tmp_path / "cache", lambda done, total: calls.append(total))
    assert calls == [12, 12]
    again, _ = load_folder(folder, 8, tmp_path / "cache", lambda done, total: calls.append(total))
    assert len(calls) == 2
    assert np.array_equal(first.images, again.images)
    picture(folder / "03.png", 200)  # a changed picture is searched again
    changed, _ = load_folder(folder, 8, tmp_path / "cache", lambda done, total: calls.append(total))
    assert len(calls) == 4
    assert changed.images[3, 4, 4, 0] == 200
    assert not list((tmp_path / "cache").glob("*.part"))


def test_every_problem_is_named_with_its_line(folder: Path, tmp_path: Path) -> None:
    picture(folder / "more" / "a.png", 70)
    picture(folder / "forgotten.png", 90)
    picture(folder / "wall.png", 0)
    (folder / "broken.png").write_bytes(b"\x89PNG no picture")
    (folder / "notes.txt").write_text("no picture")
    with (folder / "attributes.csv").open("a") as table:
        table.write(
            "\n"
            "absent.png,1,30,2\n"  # line 15: the empty line 14 is none
            "../secret.png,1,30,2\n"
            "notes.txt,1,30,2\n"
            "more\\a.png,yes,30,inf\n"
            "03.png,1,30,2\n"
            "wall.png,1,30,2\n"
            "broken.png,1,30,2\n"
            ",1,30,2\n"
            "12.png,1,30\n"
        )
    picture(folder / "12.png", 130)
    data, report = load_folder(folder, 8, tmp_path / "cache")
    assert len(data.images) == 12
    assert (report.rows, report.used) == (21, 12)
    found = [(problem.kind, problem.line) for problem in report.problems]
    assert found == [
        ("row without a picture", 15),
        ("unknown name", 16),
        ("unknown name", 17),
        ("value that is no number", 18),
        ("duplicate row", 19),
        ("picture without a face", 20),
        ("unreadable picture", 21),
        ("unknown name", 22),
        ("wrong number of values", 23),
        ("picture without a row", None),
    ]
    texts = [problem.text for problem in report.problems]
    assert texts[3] == "more/a.png, “yes” under Smiling, “inf” under Score"
    assert texts[4] == "03.png is in line 5 already"
    assert texts[8] == "12.png has 2 values for 3 attributes"
    assert texts[9] == "forgotten.png"
    assert report.counts()["unknown name"] == 3
    shown = report.text(most=1)
    assert "12 pictures used, 21 rows read" in shown
    assert "3 × unknown name: line 16: “../secret.png” names no file inside the folder; and 2 more" in shown


@pytest.mark.parametrize(
    ("header", "message"),
    [
        ("", "is empty: its first line must name the columns"),
        ("file", "line 1: no attribute beside the file name"),
        ("file,Smiling,Smiling", "line 1: “Smiling” is there twice"),
        ("file,Smiling,", "line 1: “” is no name"),
        ("00.png,1,2", "line 1: “1” is no name"),
        (
            "file,A\n" + "00.png,1\n" * 9,
            "Only 1 faces.*at least 10 are needed.*duplicate row, line 3: 00.png",
        ),
    ],
)
def test_a_table_that_cannot_serve_is_refused(
    folder: Path, tmp_path: Path, header: str, message: str
) -> None:
    (folder / "attributes.csv").write_text(header)
    with pytest.raises(DataError, match=message):
        load_folder(folder, 8, tmp_path / "cache")


def test_the_table_is_found_in_its_dialects(folder: Path, tmp_path: Path) -> None:
    text = (folder / "attributes.csv").read_text()
    expected, _ = load_folder(folder, 8, tmp_path / "cache")
    (folder / "attributes.csv").write_bytes(
        b"\xef\xbb\xbf" + text.replace(",", ";").replace("\n", "\r\n").encode()
    )
    semicolons, report = load_folder(folder, 8, tmp_path / "cache")
    assert semicolons.names == expected.names
    assert np.array_equal(semicolons.attributes, expected.attributes)
    assert not report.problems
    (folder / "attributes.tsv").write_text(text.replace(",", "\t"))
    with pytest.raises(DataError, match="Both attributes"):
        load_folder(folder, 8, tmp_path / "cache")
    (folder / "attributes.csv").unlink()
    tabs, _ = load_folder(folder, 8, tmp_path / "cache")
    assert np.array_equal(tabs.attributes, expected.attributes)
    (folder / "attributes.tsv").unlink()
    with pytest.raises(DataError, match="No attributes"):
        load_folder(folder, 8, tmp_path / "cache")


def test_the_partition_depends_on_the_names_alone() -> None:
    names = [f"{number}.jpg" for number in range(50)]
    partition = dict(zip(names, split_by_name(names), strict=True))
    assert [list(partition.values()).count(n) for n in (0, 1, 2)] == [40, 5, 5]
    turned = names[::-1]
    assert dict(zip(turned, split_by_name(turned), strict=True)) == partition


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ([-1, 1, 0], [-1, 1, 0]),
        ([-0.5, 0.25], [-0.5, 0.25]),
        ([0, 1, 1], [-1, 1, 1]),
        ([0.25, 1], [-0.5, 1]),
        ([1, 3, 5], [-1, 0, 1]),
        ([7, 7], [0, 0]),
        ([-3, 4], np.tanh(np.array([-3, 4]) / np.sqrt(12.5))),
    ],
)
def test_columns_are_scaled_as_documented(values: list[float], expected: list[float]) -> None:
    scaled, what = scale_column(np.array(values, float))
    np.testing.assert_allclose(scaled, expected)
    assert bool(what) == (list(scaled) != values)


def test_squashed_scores_keep_sign_and_order() -> None:
    scores = np.array([[-8.0, 0.0], [0.5, 0.0], [1.0, 0.0]])
    squashed = squash(scores)
    assert (np.sign(squashed) == np.sign(scores)).all()
    assert (np.diff(squashed[:, 0]) > 0).all()
    np.testing.assert_allclose(squash(scores[:1, :1], over=np.array([[8.0], [-8.0]])), np.tanh(-1))


def test_the_crop_is_the_editors_own(tmp_path: Path) -> None:
    rows = [Row(2, SAMPLES[0].name, SAMPLES[0], (1.0,))]
    images, kept, problems = crop_rows(rows, 64, tmp_path, None)
    photo = open_image(SAMPLES[0]).pixels
    assert np.array_equal(images[0], extract(photo, find_faces(photo)[0].crop, 64))
    assert kept == rows
    assert not problems


def test_a_name_longer_than_any_files_is_one_row_without_a_picture(folder: Path, tmp_path: Path) -> None:
    with (folder / "attributes.csv").open("a") as table:
        table.write("\n" + "a" * 300 + ".png,1,30,2\n")
    data, report = load_folder(folder, 8, tmp_path / "cache")
    assert len(data.images) == 12
    assert [problem.kind for problem in report.problems if "aaa" in problem.text] == ["row without a picture"]
