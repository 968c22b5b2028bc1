"""Several attributes in one edit: drawn apart, laid together."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from jmvae_studio.inference.engine import Engine, FaceCode
from jmvae_studio.inference.results import PREVIEW_SIZE, Asked
from jmvae_studio.resources import default_model
from trainer.data.face_crop import FaceCrop, extract
from trainer.evaluation.edits import edit_faces
from trainer.models.parts import MOST, WHOLE, compose, parts_of


@pytest.fixture(scope="module")
def engine() -> Engine:
    return Engine.load(default_model(), "cpu")


@pytest.fixture
def code(engine: Engine, astronaut: np.ndarray) -> FaceCode:
    crop = FaceCrop(224, 110, 160)
    return engine.encode(extract(astronaut, crop, 64), extract(astronaut, crop, PREVIEW_SIZE))


def asked(code: FaceCode, values: dict[str, float]) -> Asked:
    names = code.engine.attribute_names
    return Asked(tuple(values.get(name, value) for name, value in zip(names, code.attributes, strict=True)))


def test_what_is_set_stands_alone_and_what_follows_goes_together() -> None:
    assert parts_of({}) == []
    assert parts_of({3: 1.0}) == [(3,)]
    assert parts_of({3: 1.0, 1: -2.0, 7: 0.1}) == [(3,), (1,), (7,)]
    assert parts_of({1: 1.0, 2: 0.1, 3: 1.0, 4: 0.1}, free=[2, 4, 9]) == [(1,), (3,), (2, 4)]
    many = dict.fromkeys(range(MOST), -2.0)
    assert len(parts_of(many)) == MOST
    fainter = {10: 0.5, **many, 11: -1.0, 12: 0.3}
    assert parts_of(fainter, free=[12]) == [*((index,) for index in many), (10, 11), (12,)]
    every = dict.fromkeys(range(WHOLE + 1), 1.0)
    assert parts_of(every) == [tuple(every)]


def test_one_more_attribute_moves_the_others_hardly(code: FaceCode, engine: Engine) -> None:
    names = engine.attribute_names
    values = {name: -2.0 if code.attributes[names.index(name)] > 0 else 2.0 for name in names[: MOST + 2]}
    before = engine.layer(code, asked(code, values)).pixels
    more = names[MOST + 2]
    place = code.attributes[names.index(more)]

    def change(value: float) -> float:
        return float(np.abs(engine.layer(code, asked(code, values | {more: value})).pixels - before).max())

    assert 0 < change(place + 0.001) < 0.2  # of 255: where it is drawn otherwise, the face does not jump
    assert change(-2.0 if place > 0 else 2.0) > 10


def test_a_part_is_whole_where_it_is_alone_and_two_alike_are_less_than_twice() -> None:
    drawn = torch.zeros(1, 2, 3, 32, 32)
    drawn[0, 0, :, :16] = 0.4
    drawn[0, 1, :, :, :16] = 0.4
    together = compose(drawn)
    assert together.shape == (1, 3, 32, 32)
    torch.testing.assert_close(together[0, :, 4:12, 20:28], torch.full((3, 8, 8), 0.4), atol=1e-4, rtol=0)
    torch.testing.assert_close(together[0, :, 20:28, 4:12], torch.full((3, 8, 8), 0.4), atol=1e-4, rtol=0)
    torch.testing.assert_close(together[0, :, 4:12, 4:12], torch.full((3, 8, 8), 0.6), atol=1e-4, rtol=0)
    assert together[0, :, 20:, 20:].abs().max() == 0
    assert torch.equal(compose(drawn[:, :1]), drawn[:, 0])


def test_two_attributes_are_drawn_apart_and_in_the_colours_of_the_whole(code: FaceCode) -> None:
    engine = code.engine
    model, names = engine._model, engine.attribute_names
    values = {"Eyeglasses": 2.0, "Blond_Hair": 1.5}
    found = engine.layer(code, asked(code, values)).pixels
    with torch.inference_mode():
        own = torch.tensor([code.attributes])
        z = model.encode({"attributes": own}).mean
        moves = []
        for name in sorted(values, key=names.index):
            vector = own.clone()
            vector[0, names.index(name)] = values[name]
            moves.append(model.encode({"attributes": vector}).mean - z)
        move = model.encode({"attributes": torch.tensor([asked(code, values).attributes])}).mean - z
        change = model.latent_change(code.prepared, move, torch.stack(moves, 1))
        joint = model.latent_change(code.prepared, move)
    pixels = (change * model.image_std * 255)[0].permute(1, 2, 0).numpy()
    np.testing.assert_allclose(found, pixels, atol=0.05)
    assert (joint - change).abs().mean() > 0.01
    face = model.to_pixels(code.face)[0].permute(1, 2, 0).numpy()
    columns = {names.index(name): value for name, value in values.items()}
    measured = edit_faces(model, face[None], columns, "latent")[0].astype(float)
    assert np.abs(measured - (face + found).clip(0, 255)).max() < 1.5
    followed = edit_faces(model, face[None], columns, "latent", free=list(columns))[0]
    assert np.array_equal(followed, model.to_pixels(code.face + joint)[0].permute(1, 2, 0).numpy())


def test_an_edit_is_the_same_whatever_was_shown_before(code: FaceCode, engine: Engine) -> None:
    three = asked(code, {"Smiling": -1.5, "Eyeglasses": 2.0, "Young": 1.2})
    fresh = engine.preview(replace(code, drawn={}), three).edited
    for step in np.linspace(-0.5, 1.2, 4):
        engine.preview(code, asked(code, {"Smiling": -1.5, "Young": step}))
        engine.preview(code, asked(code, {"Smiling": -1.5, "Eyeglasses": 2.0, "Young": step}))
    assert len(code.drawn) == 3
    assert np.array_equal(engine.preview(code, three).edited, fresh)
    assert len(code.drawn) == 3


def test_a_drag_draws_only_what_it_moves(
    code: FaceCode, engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    drawn: list[int] = []
    model, draw = engine._model, engine._model.draw

    def counted(prepared: dict[str, torch.Tensor], parts: torch.Tensor) -> torch.Tensor:
        drawn.append(parts.shape[1])
        return draw(prepared, parts)

    monkeypatch.setattr(model, "draw", counted)
    engine.preview(code, asked(code, {"Smiling": -1.5, "Eyeglasses": 2.0, "Young": 0.5}))
    assert drawn == [1, 1, 1]
    engine.preview(code, asked(code, {"Smiling": -1.5, "Eyeglasses": 2.0, "Young": 0.9}))
    assert drawn == [1, 1, 1, 1]


def test_what_follows_is_one_part(code: FaceCode, engine: Engine) -> None:
    male = engine.attribute_names.index("Male")
    set_ = asked(code, {"Male": 2.0, "Young": -1.0})
    free = tuple(n for n, value in enumerate(set_.attributes) if value == code.attributes[n])
    engine.preview(code, engine.follow(code, replace(set_, free=free)))
    assert len(code.drawn) == 3
    assert ((male, 2.0),) in code.drawn
