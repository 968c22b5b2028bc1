"""A bank of latents: there and back, what is refused, and codes that come from attributes alone."""

from pathlib import Path

import numpy as np
import pytest

from jmvae_studio.explore.bank import bank_of
from jmvae_studio.resources import default_model
from trainer.bank import LARGEST_BANK, Bank, read_bank
from trainer.checkpoint_header import read_checkpoint
from trainer.errors import DataError


def small() -> Bank:
    codes = np.array([[0.5, -2], [1, 3], [0.25, 8]], np.float32)
    return Bank(codes, np.array([[1, -1], [-1, -1], [1, 1]], np.int8), ("Smiling", "Male"), "abc")


def test_there_and_back(tmp_path: Path) -> None:
    path = tmp_path / "m-bank.npz"
    path.write_bytes(small().to_bytes())
    again = read_bank(path)
    assert again.codes.dtype == np.float32
    assert np.array_equal(again.codes, small().codes)
    assert np.array_equal(again.attributes, small().attributes)
    assert (again.names, again.model) == (("Smiling", "Male"), "abc")


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"codes": np.ones((3, 2), np.float32)}, "other arrays"),
        ({"codes": np.ones((4, 2), np.float16)}, "do not fit together"),
        ({"codes": np.full((3, 2), np.nan, np.float16)}, "not finite"),
        ({"names": np.array([{"a": 1}, None], object)}, "not a bank"),
        ({"attributes": np.ones((3, 5), np.int8)}, "do not fit together"),
    ],
)
def test_other_arrays_are_refused(tmp_path: Path, change: dict[str, np.ndarray], reason: str) -> None:
    bank = small()
    arrays = {
        "codes": bank.codes.astype(np.float16),
        "attributes": bank.attributes,
        "names": np.array(bank.names),
        "model": np.array(bank.model),
    }
    path = tmp_path / "odd.npz"
    np.savez(path, **(arrays | change))
    with pytest.raises(DataError, match=reason):
        read_bank(path)


def test_damaged_and_missing_files_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "m-bank.npz"
    with pytest.raises(DataError, match="No bank of latents lies beside"):
        bank_of(tmp_path / "m.safetensors", "abc")
    for content in (b"", b"nonsense", small().to_bytes()[:-40]):
        path.write_bytes(content)
        with pytest.raises(DataError, match=r"m-bank\.npz is not a bank"):
            read_bank(path)
    path.write_bytes(small().to_bytes())
    with pytest.raises(DataError, match="another model"):
        bank_of(tmp_path / "m.safetensors", "def")
    assert bank_of(tmp_path / "m.safetensors", "abc").names == ("Smiling", "Male")


def test_codes_are_samples_of_the_posterior_of_their_own_attributes(checkpoint: Path) -> None:
    import torch

    from trainer.bank_maker import make_bank
    from trainer.checkpoint import load_model

    model, header = load_model(checkpoint)
    rows = np.random.default_rng(1).choice(np.array([-1, 1], np.int8), (30, 40))
    made = make_bank(model, header.digest, rows, rows=20)
    assert made.codes.shape == (20, 128)
    assert {row.tobytes() for row in made.attributes} <= {row.tobytes() for row in rows}
    posterior = model.encode({"attributes": torch.from_numpy(made.attributes.astype(np.float32))})
    noise = (made.codes - posterior.mean.numpy()) / np.sqrt(posterior.variance.numpy())
    assert noise.mean() == pytest.approx(0, abs=0.1)
    assert noise.std() == pytest.approx(1, abs=0.1)
    assert np.array_equal(make_bank(model, header.digest, rows, rows=20).codes, made.codes)
    with pytest.raises(DataError, match="40 attributes and the data 3"):
        make_bank(model, header.digest, rows[:, :3])
    with pytest.raises(DataError, match="two rows"):
        make_bank(model, header.digest, rows, rows=1)  # it would be refused as it is read


def test_the_shipped_bank_is_that_of_the_shipped_model_and_small() -> None:
    header, _ = read_checkpoint(default_model())
    bank = bank_of(default_model(), header.digest)
    path = default_model().with_name("faces-bank.npz")
    assert path.stat().st_size <= LARGEST_BANK
    assert bank.names == header.attribute_names
    assert len(bank.codes) > 3000
    with np.load(path) as arrays:
        assert set(arrays.files) == {"codes", "attributes", "names", "model"}
