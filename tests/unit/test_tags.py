"""Tags of pictures: history, tables, warnings and suggestions."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from jmvae_studio.training.tags import TABLE, Tags, read_table, suggest
from trainer.errors import DataError


@pytest.fixture
def tags() -> Tags:
    made = Tags()
    for number in range(4):
        made.add_picture(f"{number}.png")
    made.add_attribute("Smiling")
    return made


def test_every_step_can_be_taken_back(tags: Tags) -> None:
    tags.set([0, 1], 0, 1)
    tags.set([1], 0, -1)
    tags.add_attribute("Old")
    tags.set([3], 1, 1)
    tags.remove_attribute(0)
    assert (tags.attributes, tags.values[:, 0].tolist()) == (["Old"], [0, 0, 0, 1])
    while tags.stack.canUndo():
        tags.stack.undo()
    assert (tags.attributes, tags.values.shape) == ([], (4, 0))
    while tags.stack.canRedo():
        tags.stack.redo()
    assert (tags.attributes, tags.values[:, 0].tolist()) == (["Old"], [0, 0, 0, 1])
    tags.stack.undo()
    assert tags.values.tolist() == [[1, 0], [-1, 0], [0, 0], [0, 1]]
    before = tags.stack.count()
    tags.set([0], 0, 1)  # said already: no step
    assert tags.stack.count() == before


def test_pictures_found_later_keep_what_a_table_says_of_them(tmp_path: Path) -> None:
    for number in range(3):
        Image.new("RGB", (8, 8)).save(tmp_path / f"{number}.png")
    table = tmp_path / "list.tsv"
    table.write_text("file\tAge\tHat\n0.png\t10\t0\n1.png\t60\t1\n2.png\t20\t1\n")
    tags = Tags()
    tags.add_picture("0.png")
    assert tags.take_table(read_table(tmp_path, table)) == 3
    tags.set([0], 1, 1)
    tags.add_picture("1.png")
    tags.add_picture("2.png")
    assert tags.values.tolist() == [[-1, 1], [1, 1], [-1, 1]]
    tags.stack.undo()
    assert tags.values.tolist() == [[-1, -1], [1, 1], [-1, 1]]
    table.write_text("")
    with pytest.raises(DataError, match="first line must name"):
        tags.take_table(read_table(tmp_path, table))


def test_what_a_table_says_stays_with_its_attribute(tmp_path: Path) -> None:
    for number in range(3):
        Image.new("RGB", (8, 8)).save(tmp_path / f"{number}.png")
    (tmp_path / TABLE).write_text("file,Old,Hat\n0.png,-1,1\n1.png,-1,1\n2.png,1,-1\n")
    tags = Tags()
    tags.add_picture("0.png")
    tags.take_table(read_table(tmp_path))
    tags.add_attribute("Own")
    tags.remove_attribute(0)
    tags.add_picture("1.png")
    assert (tags.attributes, tags.values.tolist()) == (["Hat", "Own"], [[1, 0], [1, 0]])
    tags.stack.undo()
    tags.add_picture("2.png")
    assert tags.values.tolist() == [[-1, 1, 0], [-1, 1, 0], [1, -1, 0]]


def test_a_table_or_folders_in_the_place_of_tags_can_be_taken_back(tmp_path: Path) -> None:
    (tmp_path / "b").mkdir()
    for name in ("a.png", "b/b.png", "c.png"):
        Image.new("RGB", (8, 8)).save(tmp_path / name)
    (tmp_path / TABLE).write_text("file,Hat\na.png,1\nb/b.png,-1\nc.png,1\n")
    tags = Tags()
    tags.add_picture("a.png")
    tags.add_picture("b/b.png")
    tags.take_table(read_table(tmp_path))
    assert not tags.stack.canUndo()  # nothing was said before
    tags.set([0], 0, -1)
    tags.take_folders(tags.pictures)
    assert (tags.attributes, tags.values.tolist()) == (["b"], [[-1], [1]])
    tags.add_picture("c.png")
    tags.stack.undo()
    assert (tags.attributes, tags.values.tolist()) == (["Hat"], [[-1], [-1], [1]])
    tags.stack.redo()
    assert (tags.attributes, tags.values[:2].tolist()) == (["b"], [[-1], [1]])


@pytest.mark.parametrize(
    ("name", "reason"),
    [("", "needs a name"), ("Smiling", "already"), ("7", "a number"), ("a\tb", "cannot be seen")],
)
def test_names_that_cannot_be(tags: Tags, name: str, reason: str) -> None:
    with pytest.raises(ValueError, match=reason):
        tags.add_attribute(name)
    assert tags.attributes == ["Smiling"]


def test_numbered_folders_get_names_the_trainer_takes(tmp_path: Path) -> None:
    tags = Tags()
    for name in ("1/a.png", "2/b.png", "c.png"):
        tags.add_picture(name)
    tags.take_folders(tags.pictures)
    assert tags.attributes == ["folder 1", "folder 2"]
    assert tags.values.tolist() == [[1, -1], [-1, 1], [-1, -1]]


def test_warnings_tell_of_few_and_of_imbalance() -> None:
    tags = Tags()
    for number in range(300):
        tags.add_picture(f"{number}.png")
    tags.add_attribute("Hat")
    tags.set(range(300), 0, -1)
    tags.set(range(5), 0, 1)
    assert tags.warnings() == ["Hat: only 5 with it; 20 are the least that help."]
    tags.set(range(25), 0, 1)
    assert tags.warnings() == ["Hat: only 8% with it; more of them would help."]
    tags.set(range(150), 0, 1)
    assert tags.warnings() == []
    tags.set(range(250), 0, 0)
    assert tags.warnings()[0].startswith("50 pictures are tagged in full")


def test_a_table_that_cannot_be_written_leaves_the_old_one(tags: Tags, tmp_path: Path) -> None:
    tags.set(range(4), 0, 1)
    assert tags.write(tmp_path) is None
    old = (tmp_path / TABLE).read_text()
    assert tags.write(tmp_path) is None  # the same again is no other table
    tags.set([0], 0, -1)
    assert tags.write(tmp_path) == tmp_path / "attributes-1.old"
    assert (tmp_path / "attributes-1.old").read_text() == old
    (tmp_path / "attributes.tsv").write_text("file\tHat\n")
    assert tags.write(tmp_path) == tmp_path / "attributes-2.old"  # a folder with two tables is refused
    assert (tmp_path / "attributes-2.old").read_text() == "file\tHat\n"
    assert not (tmp_path / "attributes.tsv").exists()
    with pytest.raises(OSError, match="nowhere"):
        tags.write(tmp_path / "nowhere")


def test_suggestions_are_readings_or_learnt_from_them() -> None:
    rng = np.random.default_rng(4)
    readings = rng.normal(size=(200, 6)).astype(np.float32)
    names = ("Smiling", "Wearing_Hat", "C", "D", "E", "F")
    tags = np.zeros(200, np.int8)
    assert np.array_equal(suggest(readings, names, "wearing hat", tags), np.clip(readings[:, 1], -1, 1))
    truth = np.where(readings[:, 2] - readings[:, 4] > 0.3, 1, -1).astype(np.int8)
    assert np.isnan(suggest(readings, names, "Own", tags)).all()
    tags[:40] = truth[:40]
    learnt = suggest(readings, names, "Own", tags)
    assert (np.sign(learnt[40:]) == truth[40:]).mean() > 0.8
    readings[50] = np.nan
    assert np.flatnonzero(np.isnan(suggest(readings, names, "Own", tags))).tolist() == [50]
    assert np.isnan(suggest(np.zeros((200, 0), np.float32), (), "Own", tags)).all()


def test_folders_of_one_name_are_two_attributes() -> None:
    tags = Tags()
    for name in ("a/b/1.png", "a b/2.png"):
        tags.add_picture(name)
    tags.take_folders(tags.pictures)
    assert tags.attributes == ["a b", "a b 2"]
    assert tags.values.tolist() == [[-1, 1], [1, -1]]


def test_names_that_cannot_stand_in_a_table_are_left_out_and_told(tags: Tags, tmp_path: Path) -> None:
    for name in ("\udcff.png", " space.png", "back\\slash.png"):
        tags.add_picture(name)
    tags.set(range(7), 0, 1)
    assert len(tags.unwritable()) == 3
    tags.write(tmp_path)
    assert (tmp_path / TABLE).read_text().splitlines()[1:] == [f"{number}.png,1" for number in range(4)]
