"""Files that are whole or not there."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from trainer.files import clear_parts, distinct_names, part, write_beside


def test_text_and_bytes_take_the_place_of_what_was_there(tmp_path: Path) -> None:
    path = tmp_path / "kept.json"
    write_beside(path, "grüße")
    assert path.read_bytes() == "grüße".encode()
    write_beside(path, b"\x00\xff", durable=False)
    assert path.read_bytes() == b"\x00\xff"
    assert list(tmp_path.iterdir()) == [path]


def test_a_failure_leaves_the_old_file_and_nothing_else(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "kept.json"
    write_beside(path, "old")

    def full(descriptor: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OSError, match="No space"):
        write_beside(path, "new")
    assert path.read_text() == "old"
    assert list(tmp_path.iterdir()) == [path]


def test_the_longest_name_has_room_for_its_part(tmp_path: Path) -> None:
    path = tmp_path / ("é" * 127)
    write_beside(path, "x")
    assert path.read_text() == "x"


def test_parts_of_other_files_are_left_alone(tmp_path: Path) -> None:
    part(tmp_path / "one[1]").mkdir()
    part(tmp_path / "one[1]").joinpath("graph.onnx").touch()
    other = part(tmp_path / "one1")
    other.touch()
    clear_parts(tmp_path / "one[1]")
    assert list(tmp_path.iterdir()) == [other]


def test_files_of_one_name_are_told_apart() -> None:
    given = [
        "a/model.safetensors",
        "b/model.safetensors",
        "b/face.png",
        "b/face.jpg",
        "c/d.png",
        "a/x/d.png",
        "c/d.png",
    ]
    names = distinct_names([Path(each) for each in given])
    expected = ["a/model", "b/model", "face.png", "face.jpg", "c/d", "x/d"]
    assert list(names) == expected
    assert [str(path) for path in names.values()] == given[:6]
