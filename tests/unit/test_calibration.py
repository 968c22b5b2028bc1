"""Whether what the model reads can be taken for a probability."""

from pathlib import Path

import numpy as np

from jmvae_studio.resources import default_model
from trainer.checkpoint import load_model
from trainer.data.celeba import ATTRIBUTES_FILE, PARTITION_FILE, load_celeba
from trainer.evaluation.attributes import calibration_errors, infer_attributes


def test_errors_by_value() -> None:
    truth = np.array([[1, 1], [1, -1], [-1, 1], [-1, -1]])
    right = np.array([[1.0, 0.0], [1.0, 0.0], [-1.0, 0.0], [-1.0, 0.0]])
    np.testing.assert_allclose(
        calibration_errors(right, truth), [0, 0]
    )  # sure and right; unsure, and half there
    np.testing.assert_allclose(calibration_errors(-right, truth), [1, 0])
    # 0.9 in one bin, where half is there: off by 0.4 for all; beyond 1 is certain
    np.testing.assert_allclose(calibration_errors(np.full((4, 2), 0.8), truth), [0.4, 0.4])
    np.testing.assert_allclose(calibration_errors(np.full((4, 2), 7.0), truth), [0.5, 0.5])


def test_probabilities_that_say_how_often_have_no_error() -> None:
    generator = np.random.default_rng(1)
    probability = generator.random((200_000, 1))
    truth = np.where(generator.random((200_000, 1)) < probability, 1, -1)
    assert calibration_errors(2 * probability - 1, truth)[0] < 0.01
    assert calibration_errors(2 * probability**3 - 1, truth)[0] > 0.2


def test_the_shipped_model_is_calibrated_on_faces_it_never_saw(data: Path, tmp_path: Path) -> None:
    whole = data / "celeba"
    of_test = [line for line in (whole / PARTITION_FILE).read_text().splitlines() if line.endswith("2")][:600]
    names = {line.split()[0] for line in of_test}
    lines = (whole / ATTRIBUTES_FILE).read_text().splitlines()
    kept = [line for line in lines[2:] if line.split()[0] in names]
    (tmp_path / ATTRIBUTES_FILE).write_text("\n".join([str(len(kept)), lines[1], *kept]) + "\n")
    (tmp_path / PARTITION_FILE).write_text("\n".join(of_test) + "\n")
    for pictures in whole.glob("img_align_celeba*"):
        (tmp_path / pictures.name).symlink_to(pictures)
    celeba = load_celeba(tmp_path, 64, tmp_path / "cache")
    model, _ = load_model(default_model())
    errors = calibration_errors(infer_attributes(model, np.array(celeba.images)), celeba.attributes)
    assert len(celeba.images) == 600
    assert errors.mean() < 0.05
    assert errors.max() < 0.2
