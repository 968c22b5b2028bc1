"""What a model's card says of how it was made."""

from pathlib import Path

import pytest

from tests.conftest import NAMES
from trainer.checkpoint import load_model, save_model
from trainer.config import make_config
from trainer.data.celeba import load_celeba
from trainer.evaluation.card import make_card
from trainer.models.interface import Modality
from trainer.models.jmvae import JMVAE
from trainer.models.networks import Nets

MODELS = Path(__file__).parents[2] / "resources" / "models"


def test_the_shipped_models_card_is_its_own(tiny_celeba: Path, tmp_path: Path) -> None:
    path = MODELS / "faces.safetensors"
    text = make_card(path, *load_model(path), load_celeba(tiny_celeba, 64, tmp_path))
    made, shipped = (
        card.partition("## How well it reads")[0] for card in (text, path.with_suffix(".md").read_text())
    )
    assert made == shipped


@pytest.mark.parametrize(("decay", "optimizer"), [(0.0, "adam"), (0.99, "adagrad")])
def test_a_card_names_the_models_own_system(
    decay: float, optimizer: str, tiny_celeba: Path, tmp_path: Path
) -> None:
    faces = Modality("image", "image", (3, 16, 16))
    model = JMVAE((faces, Modality("attributes", "attributes", (40,), NAMES)), 2, nets=Nets("dense", 8))
    config = make_config(
        {
            "data": tiny_celeba,
            "system": "jmvae",
            "epochs": 3,
            "ema_decay": decay,
            "alpha": 0.5,
            "optimizer": optimizer,
            "limit": 32,
        }
    )
    training = config.model_dump(mode="json", exclude={"data", "cache", "device", "parent"})
    path = tmp_path / "model.safetensors"
    header = save_model(path, model.eval(), "jmvae", training | {"epoch": 3, "step": 12, "pictures": 32})
    text = make_card(path, model, header, load_celeba(tiny_celeba, 16, tmp_path))
    assert "\nJoint VAE with one encoder; what is missing is zeros" in text
    assert f"1. 3 epochs of its bound (batch 64, {'Adam' if optimizer == 'adam' else 'AdaGrad'} from" in text
    assert " --set limit=32 " in text
    assert "JMVAE-kl" not in text
    assert "alpha " not in text
    assert ("exponential average" in text) == bool(decay)
