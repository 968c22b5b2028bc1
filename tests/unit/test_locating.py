"""Many faces and codes at once give what one after the other gives."""

from pathlib import Path

import numpy as np
import pytest

from jmvae_studio.inference.engine import Engine
from jmvae_studio.inference.results import PREVIEW_SIZE
from trainer.data.face_crop import FaceCrop, extract


@pytest.fixture(scope="module")
def engine(checkpoint: Path) -> Engine:
    return Engine.load(checkpoint, "cpu")


def test_codes_of_faces_are_the_means_of_their_posteriors(engine: Engine, astronaut: np.ndarray) -> None:
    crops = [FaceCrop(224, 110, 160), FaceCrop(300, 200, 120)]
    faces = np.stack([extract(astronaut, crop, 64) for crop in crops])
    codes = engine.locate(faces)
    read = engine.read(codes)
    for crop, face, code, attributes in zip(crops, faces, codes, read, strict=True):
        alone = engine.encode(face, extract(astronaut, crop, PREVIEW_SIZE))
        assert code == pytest.approx(engine.places(alone, alone.attributes).photo[0], abs=1e-5)
        assert attributes == pytest.approx(alone.attributes, abs=1e-5)
        assert attributes == pytest.approx(engine.decode(code).attributes, abs=1e-5)


def test_posteriors_of_attributes_are_those_of_an_edit(engine: Engine, astronaut: np.ndarray) -> None:
    crop = FaceCrop(224, 110, 160)
    code = engine.encode(extract(astronaut, crop, 64), extract(astronaut, crop, PREVIEW_SIZE))
    asked = (1.0, *code.attributes[1:])
    means, variances = engine.posteriors([code.attributes, asked])
    places = engine.places(code, asked)
    for row, (mean, variance) in enumerate((places.attributes, places.asked)):
        assert means[row] == pytest.approx(mean, abs=1e-5)
        assert variances[row] == pytest.approx(variance, rel=1e-4)
