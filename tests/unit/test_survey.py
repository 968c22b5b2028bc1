"""What the studio says of a data folder before anything is trained on it."""

from pathlib import Path

import pytest
from PIL import Image

from jmvae_studio.training.survey import Survey, survey
from trainer.data.folder import load_folder
from trainer.data.loading import open_dataset
from trainer.errors import DataError


@pytest.mark.parametrize("layout", ["celeba", "mnist"])
def test_it_counts_what_the_trainer_will_find(
    tiny_celeba: Path, tiny_mnist: Path, tmp_path: Path, layout: str
) -> None:
    folder = tiny_celeba if layout == "celeba" else tiny_mnist
    found = survey(folder)
    opened = open_dataset(layout, folder, 16, tmp_path)
    assert found.layout == layout
    assert found.pictures == len(opened.images)
    assert found.attributes == len(opened.names)
    assert found.training == len(opened.indices("train"))


def test_a_folder_of_pictures_is_counted_by_its_table(tmp_path: Path) -> None:
    rows = ["file,Smiling,Old"]
    for number in range(20):
        Image.new("RGB", (8, 8)).save(tmp_path / f"{number}.png")
        rows.append(f"{number}.png,1,{-1 if number % 2 else 1}")
    rows += ["missing.png,1,1", "0.png,1,1"]
    (tmp_path / "attributes.csv").write_text("\n".join(rows) + "\n")
    found = survey(tmp_path)
    assert found == Survey("folder", 20, 2, 16, 2, ("Smiling", "Old"))
    assert found.text() == (
        "A folder of pictures: 20 pictures with 2 attributes, 16 of them for training; "
        "2 do not fit and are left out."
    )
    assert "fewer training pictures (16) than one batch takes (64)" in found.warning(64)
    assert "16 training pictures are few" in found.warning(8)
    assert Survey("celeba", 9000, 40, 1000).warning(64) == ""
    assert Survey("folder", 110, 2, 90).warning(16, learns_all=False) == ""
    assert "From about 80 on" in Survey("folder", 90, 2, 70).warning(16, learns_all=False)
    with pytest.raises(DataError, match="Only 0 faces"):  # no face in grey squares: that takes a search
        load_folder(tmp_path, 16, tmp_path / "cache")


def test_what_is_no_data_set_is_refused(tmp_path: Path, tiny_celeba: Path) -> None:
    with pytest.raises(DataError, match="There is no folder"):
        survey(tmp_path / "nowhere")
    with pytest.raises(DataError, match=r"attributes\.csv beside its pictures"):
        survey(tmp_path)
    (tmp_path / "attributes.csv").write_text("file,Smiling\nnone.png,1\n")
    with pytest.raises(DataError, match="names a picture that is there"):
        survey(tmp_path)
    (tmp_path / "list_attr_celeba.txt").write_text("0\n")
    with pytest.raises(DataError, match="the pictures are missing"):
        survey(tmp_path)
    (tmp_path / "img_align_celeba").mkdir()
    with pytest.raises(DataError, match="cut short"):
        survey(tmp_path)
