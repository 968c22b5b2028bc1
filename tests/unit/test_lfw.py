"""LFW's layout: people's folders and a list of 73 scores."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from trainer.data import face_pictures
from trainer.data.face_crop import FaceCrop, Pixels
from trainer.data.face_detection import Face
from trainer.data.lfw import load_lfw, split_in_order
from trainer.errors import DataError

NAMES = ("Male", "Asian", *(f"Attribute {n}" for n in range(71)))
PEOPLE = ("Aaron Eckhart", "Aaron Guiel", "Ángela Zoë", "Zico")


@pytest.fixture
def scores() -> np.ndarray:
    return np.random.default_rng(3).normal(0, 2, (12, 73)).round(6)


@pytest.fixture
def lfw(tmp_path: Path, scores: np.ndarray, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Four people with three pictures each; every picture shows a face."""

    def find(photo: Pixels) -> list[Face]:
        return [Face((5, 5, 10, 10), FaceCrop(10, 10, 16), None, 9.0)]

    monkeypatch.setattr(face_pictures, "find_faces", find)
    folder = tmp_path / "lfw-data"
    lines = ["# LFW attributes", "#\tperson\timagenum\t" + "\t".join(NAMES)]
    for place in range(12):
        person, number = PEOPLE[place // 3], place % 3 + 1
        name = person.replace(" ", "_")
        path = folder / "lfw" / name / f"{name}_{number:04d}.jpg"
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.new("RGB", (20, 20), (20 * place,) * 3).save(path)
        lines.append(f"{person}\t{number}\t" + "\t".join(f"{score:.6f}" for score in scores[place]))
    (folder / "lfw_attributes.txt").write_text("\n".join(lines) + "\n", encoding="utf-8")
    return folder


def test_scores_and_pictures_belong_together(lfw: Path, scores: np.ndarray, tmp_path: Path) -> None:
    data, report = load_lfw(lfw, 8, tmp_path / "cache")
    assert data.names == NAMES
    assert [int(image[4, 4, 0]) for image in data.images] == [20 * place for place in range(12)]
    usual = np.sqrt((scores**2).mean(0))
    np.testing.assert_allclose(data.attributes, np.tanh(scores / usual), rtol=1e-5)
    assert (np.sign(data.attributes) == np.sign(scores)).all()
    assert data.partition.tolist() == [0] * 9 + [1] + [2] * 2
    assert (report.rows, report.used, report.problems) == (12, 12, ())


def test_the_full_list_is_divided_as_in_the_paper() -> None:
    assert np.bincount(split_in_order(13_143)).tolist() == [10_000, 1_000, 2_143]
    assert np.diff(split_in_order(13_143).astype(int)).min() == 0  # in the list's order


def test_every_problem_is_named_with_its_line(lfw: Path, scores: np.ndarray, tmp_path: Path) -> None:
    table = lfw / "lfw_attributes.txt"
    lines = table.read_text(encoding="utf-8").splitlines()
    before, _ = load_lfw(lfw, 8, tmp_path / "cache")
    lines.insert(6, lines[5])  # line 7 repeats line 6
    lines[8] = lines[8].rsplit("\t", 1)[0] + "\tmany"  # line 9
    (lfw / "lfw" / "Zico" / "Zico_0002.jpg").unlink()  # line 14
    Image.new("RGB", (20, 20)).save(lfw / "lfw" / "Zico" / "Zico_0009.jpg")
    table.write_text("\n".join(lines), encoding="utf-8")
    data, report = load_lfw(lfw, 8, tmp_path / "cache")
    assert [(problem.kind, problem.line) for problem in report.problems] == [
        ("duplicate row", 7),
        ("value that is no number", 9),
        ("row without a picture", 14),
        ("picture without a row", None),
    ]
    assert report.problems[0].text == "Aaron_Guiel/Aaron_Guiel_0001.jpg is in line 6 already"
    assert report.problems[2].text == "Zico/Zico_0002.jpg"
    assert report.problems[3].text == "Zico/Zico_0009.jpg"
    assert (report.rows, report.used) == (13, 10)
    kept = [0, 1, 2, 3, 4, 6, 7, 8, 9, 11]
    assert np.array_equal(data.images, before.images[kept])
    assert (np.sign(data.attributes) == np.sign(scores[kept])).all()


def test_what_is_missing_is_named(lfw: Path, tmp_path: Path) -> None:
    with pytest.raises(DataError, match="Is this LFW's folder"):
        load_lfw(tmp_path, 8, tmp_path / "cache")
    (lfw / "lfw").rename(tmp_path / "elsewhere")
    with pytest.raises(DataError, match=r"No pictures PERSON/PERSON_0001\.jpg"):
        load_lfw(lfw, 8, tmp_path / "cache")
    (lfw / "lfw_attributes.txt").write_text("Zico\t1\t0.5\n")
    with pytest.raises(DataError, match="names no columns"):
        load_lfw(lfw, 8, tmp_path / "cache")
