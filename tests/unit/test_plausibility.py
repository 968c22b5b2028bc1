"""The plausibility of a crop, by its definition and with the shipped model."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from jmvae_studio.inference.engine import Engine
from jmvae_studio.inference.results import PREVIEW_SIZE
from jmvae_studio.resources import default_model
from trainer.checkpoint import load_model
from trainer.data.face_crop import FaceCrop, extract
from trainer.data.face_detection import find_faces
from trainer.data.images import open_image
from trainer.models.plausibility import Plausibility


@pytest.fixture(scope="module")
def engine() -> Engine:
    return Engine.load(default_model(), "cpu")


def plausibility(engine: Engine, face: np.ndarray) -> float:
    return engine.encode(face, np.zeros((PREVIEW_SIZE, PREVIEW_SIZE, 3), np.uint8)).plausibility


def test_faces_come_before_what_is_none(engine: Engine, astronaut: np.ndarray) -> None:
    face = plausibility(engine, extract(astronaut, find_faces(astronaut)[0].crop, 64))
    own = plausibility(engine, engine.decode(np.random.default_rng(3).standard_normal(128)).pixels)
    beside = plausibility(engine, extract(astronaut, FaceCrop(300, 180, 160), 64))
    assert own > 0.75
    assert own > face > beside


def test_wrong_squares_of_photographs_are_less_plausible(engine: Engine, data: Path) -> None:
    lower = {"shifted": 0, "turned": 0, "wide": 0}
    photographs = sorted((data / "photos" / "lfw").glob("*.jpg"))[:25]
    for path in photographs:
        pixels = open_image(path).pixels
        found = find_faces(pixels)[0].crop
        right = plausibility(engine, extract(pixels, found, 64))
        for name, wrong in (
            ("shifted", replace(found, center_x=found.center_x + 0.4 * found.side)),
            ("turned", replace(found, roll=found.roll + 90)),
            ("wide", replace(found, side=1.6 * found.side)),
        ):
            lower[name] += plausibility(engine, extract(pixels, wrong, 64)) < right
    assert min(lower.values()) >= 0.85 * len(photographs), lower


def test_it_is_the_root_of_the_products_ratio() -> None:
    model, _ = load_model(default_model())
    with torch.inference_mode():
        measure = Plausibility(model, torch.device("cpu"))
        image = torch.randn(1, 3, 64, 64, generator=torch.Generator().manual_seed(7))
        code = model.encode({"image": image})
        seen = model.decode_one("image", code.mean).mean
        apart = 0.5 * (code.variance + code.mean.square() - 1 - code.variance.log()).sum()
        error = float((seen - image).square().mean().sqrt())
        assert measure(image, seen) == pytest.approx((measure._own / (float(apart) * error)) ** 0.5, rel=1e-4)
        assert measure(image, image) == 1.0
