"""MNIST's files: read as they are, refused in one sentence when they are not."""

import gzip
from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner

from tests.conftest import write_idx
from trainer.cli import app
from trainer.data.loading import recognise
from trainer.data.mnist import binarise, load_mnist, read_idx
from trainer.errors import DataError, TrainerError


def test_the_split_and_the_labels(tiny_mnist: Path) -> None:
    data = load_mnist(tiny_mnist)
    assert data.images.shape == (72, 8, 8, 1)
    assert [len(data.indices(name)) for name in ("train", "validation", "test")] == [50, 10, 12]
    assert data.kind == "label"
    assert data.names == tuple("0123456789")
    assert np.array_equal(data.attributes.sum(1), np.ones(72))
    plain = read_idx(tiny_mnist / "train-labels-idx1-ubyte", 1)
    assert np.array_equal(data.attributes[:60].argmax(1), plain)
    grey = read_idx(tiny_mnist / "train-images-idx3-ubyte", 3)
    assert np.array_equal(data.images[:50, ..., 0], grey[:50])  # training pictures keep their greys


def test_its_folder_is_known_by_its_files(tiny_mnist: Path, tmp_path: Path) -> None:
    assert recognise(tiny_mnist) == "mnist"
    result = CliRunner().invoke(app, ["train", "--data", str(tiny_mnist), "--out", str(tmp_path / "run")])
    assert isinstance(result.exception, TrainerError)
    assert "--preset mnist" in str(result.exception)
    assert not (tmp_path / "run").exists()


def test_held_out_pictures_are_binarised_once(tiny_mnist: Path) -> None:
    data, again = load_mnist(tiny_mnist), load_mnist(tiny_mnist)
    held_out = data.images[50:]
    assert set(np.unique(held_out)) == {0, 255}
    assert np.array_equal(data.images, again.images)
    grey = read_idx(tiny_mnist / "train-images-idx3-ubyte", 3)[50:]
    assert abs((held_out[:10, ..., 0] / 255).mean() - (grey / 255).mean()) < 0.05


def test_binarising_follows_brightness() -> None:
    images = np.repeat(np.array([0, 51, 204, 255], np.uint8), 20_000)
    drawn = binarise(images, np.random.default_rng(1)).reshape(4, -1) / 255
    assert drawn.mean(1) == pytest.approx([0, 0.2, 0.8, 1], abs=0.015)
    assert np.array_equal(binarise(drawn.astype(np.uint8) * 255, np.random.default_rng(2)), drawn * 255)


def test_real_mnist_is_read_whole(data: Path) -> None:
    if not (data / "mnist").is_dir():
        pytest.skip("MNIST is not in the development data")
    mnist = load_mnist(data / "mnist")
    assert [len(mnist.indices(name)) for name in ("train", "validation", "test")] == [50_000, 10_000, 10_000]
    assert mnist.images.shape[1:] == (28, 28, 1)
    assert mnist.attributes[:5].argmax(1).tolist() == [5, 0, 4, 1, 9]


@pytest.mark.parametrize(
    ("damage", "says"),
    [
        ("missing", "Is this MNIST's folder"),
        ("short", "cut short"),
        ("magic", "no IDX file"),
        ("gzip", "cannot be read"),
        ("labels", "pictures, "),
        ("class", "digits go from 0 to 9"),
    ],
)
def test_damage_is_named(tmp_path: Path, damage: str, says: str) -> None:
    for name, count in (("train", 12), ("t10k", 4)):
        write_idx(tmp_path / f"{name}-images-idx3-ubyte", np.zeros((count, 8, 8), np.uint8), zipped=False)
        write_idx(tmp_path / f"{name}-labels-idx1-ubyte", np.zeros(count, np.uint8), zipped=False)
    assert load_mnist(tmp_path).images.shape == (16, 8, 8, 1)
    images, labels = tmp_path / "train-images-idx3-ubyte", tmp_path / "t10k-labels-idx1-ubyte"
    content = images.read_bytes()
    if damage == "missing":
        images.unlink()
    elif damage == "short":
        images.write_bytes(content[:-7])
    elif damage == "magic":
        images.write_bytes(b"\x00\x00\x0d\x03" + content[4:])
    elif damage == "gzip":
        images.write_bytes(gzip.compress(content)[:-30])
    elif damage == "labels":
        write_idx(labels, np.zeros(3, np.uint8), zipped=False)
    else:
        write_idx(labels, np.full(4, 10, np.uint8), zipped=False)
    with pytest.raises(DataError, match=says) as caught:
        load_mnist(tmp_path)
    assert str(tmp_path) in str(caught.value) or "idx" in str(caught.value)
    assert "\n" not in str(caught.value)
