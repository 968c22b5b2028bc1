"""What every test shares: tiny models and data, the data folder where there is one, and a watch for leftovers."""

from __future__ import annotations

import gzip
import os
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

ATTRIBUTES = (
    "5_o_Clock_Shadow Arched_Eyebrows Attractive Bags_Under_Eyes Bald Bangs Big_Lips Big_Nose Black_Hair Blond_Hair "
    "Blurry Brown_Hair Bushy_Eyebrows Chubby Double_Chin Eyeglasses Goatee Gray_Hair Heavy_Makeup High_Cheekbones Male "
    "Mouth_Slightly_Open Mustache Narrow_Eyes No_Beard Oval_Face Pale_Skin Pointy_Nose Receding_Hairline Rosy_Cheeks "
    "Sideburns Smiling Straight_Hair Wavy_Hair Wearing_Earrings Wearing_Hat Wearing_Lipstick Wearing_Necklace "
    "Wearing_Necktie Young"
)
NAMES = tuple(ATTRIBUTES.split())


def refuse_network(event: str, arguments: tuple[object, ...]) -> None:
    """The suite runs without a network: whatever would leave this machine fails."""
    if event == "socket.connect" and isinstance(arguments[1], tuple):
        raise RuntimeError(f"a test tried to reach {arguments[1]}")
    if event == "socket.getaddrinfo":
        raise RuntimeError(f"a test tried to look up {arguments[0]}")


sys.addaudithook(refuse_network)


@pytest.fixture(autouse=True)
def no_leftovers() -> Iterator[None]:
    """A test that leaves a thread of ours running fails."""
    yield
    ours = [
        t.name
        for t in threading.enumerate()
        if t.name.startswith(
            (
                "renderer",
                "opener",
                "saver",
                "explorer",
                "surveyor",
                "sheet-reader",
                "face-search",
                "model-exporter",
            )
        )
    ]
    assert not ours, f"threads left running: {ours}"


@pytest.fixture(autouse=True)
def denormal_numbers() -> Iterator[None]:
    """Training flushes them for the whole process; the next test gets them back."""
    yield
    if "torch" in sys.modules:
        sys.modules["torch"].set_flush_denormal(False)


@pytest.fixture(scope="session")
def data() -> Path:
    """The development data; tests that need it are skipped where it is absent."""
    folder = Path(os.environ.get("JMVAE_DATA") or Path(__file__).parents[2] / "shared" / "data")
    if not folder.is_dir():
        pytest.skip("the development data (JMVAE_DATA or ../shared/data) is not here")
    return folder


@pytest.fixture(scope="session")
def checkpoint(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A model of the papers' nets with random weights and 40 attributes."""
    import torch

    from trainer.checkpoint import save_model
    from trainer.models.interface import Modality
    from trainer.models.jmvae import JMVAEKL

    torch.manual_seed(1)
    model = JMVAEKL(
        (Modality("image", "image", (3, 64, 64)), Modality("attributes", "attributes", (40,), NAMES)), 128
    )
    model.image_mean.fill_(0.5)
    model.image_std.fill_(0.25)
    with torch.no_grad():  # random nets hardly move a pixel: make attributes count
        model.get_parameter("encoders.attributes.mean.weight").mul_(8)
        model.get_parameter("decoders.image.convolutions.9.weight").mul_(8)
    path = tmp_path_factory.mktemp("model") / "random.safetensors"
    save_model(path, model.eval(), "jmvae-kl", {"epoch": 0})
    return path


@pytest.fixture(scope="session")
def astronaut() -> np.ndarray:
    """A photograph of a face: 512 × 512 × 3, public domain (NASA, Eileen Collins)."""
    from skimage import data as pictures

    return np.ascontiguousarray(pictures.astronaut())


@pytest.fixture
def photograph(tmp_path: Path, astronaut: np.ndarray) -> Path:
    path = tmp_path / "astronaut.jpg"
    Image.fromarray(astronaut).save(path, quality=95)
    return path


@pytest.fixture(scope="session")
def own_faces(tmp_path_factory: pytest.TempPathFactory, astronaut: np.ndarray) -> Path:
    """A folder of 12 photographs of one face, more or less bright and red, with the attributes Bright and Red."""
    folder = tmp_path_factory.mktemp("own")
    rng = np.random.default_rng(2)
    lines = ["name,Bright,Red"]
    for number in range(12):
        bright, red = rng.choice([-1, 1], 2)
        pixels = astronaut[:300, 80:380] * (0.85 + 0.15 * bright)
        pixels[..., 0] += 25 * red
        Image.fromarray(pixels.clip(0, 255).astype(np.uint8)).save(folder / f"{number:02d}.png")
        lines.append(f"{number:02d}.png,{bright},{red}")
    (folder / "attributes.csv").write_text("\n".join(lines) + "\n")
    return folder


@pytest.fixture(scope="session")
def tiny_celeba(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """CelebA's layout with 48 small pictures in which three attributes can be seen."""
    folder = tmp_path_factory.mktemp("celeba")
    rng = np.random.default_rng(5)
    (folder / "img_align_celeba").mkdir()
    attributes = [str(48), " ".join(NAMES)]
    partition = []
    for number in range(1, 49):
        values = rng.choice([-1, 1], 40)
        pixels = np.full((109, 89, 3), 128.0) + rng.normal(0, 8, (109, 89, 3))
        pixels[..., 0] += 60 * values[0]
        pixels[:54, :, 1] += 60 * values[1]
        pixels[:, :44, 2] += 60 * values[2]
        name = f"{number:06d}.jpg"
        Image.fromarray(pixels.clip(0, 255).astype(np.uint8)).save(
            folder / "img_align_celeba" / name, quality=95
        )
        attributes.append(f"{name} " + " ".join(f"{value:2d}" for value in values))
        partition.append(f"{name} {0 if number <= 32 else 1 if number <= 40 else 2}")
    (folder / "list_attr_celeba.txt").write_text("\n".join(attributes) + "\n")
    (folder / "list_eval_partition.txt").write_text("\n".join(partition) + "\n")
    return folder


@pytest.fixture(scope="session")
def tiny_mnist(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """MNIST's layout with 60 + 12 pictures of 8×8 pixels: digit n is a bright bar in row n, or column n - 5."""
    folder = tmp_path_factory.mktemp("mnist")
    rng = np.random.default_rng(3)
    for name, count in (("train", 60), ("t10k", 12)):
        labels = rng.integers(0, 10, count).astype(np.uint8)
        images = rng.integers(0, 60, (count, 8, 8)).astype(np.uint8)
        for image, label in zip(images, labels, strict=True):
            bar = image[label + 1] if label < 5 else image[:, label - 4]
            bar[:] = rng.integers(200, 256, 8)
        write_idx(folder / f"{name}-images-idx3-ubyte", images, zipped=name == "train")
        write_idx(folder / f"{name}-labels-idx1-ubyte", labels, zipped=False)
    return folder


def write_idx(path: Path, array: np.ndarray, zipped: bool) -> None:
    header = bytes((0, 0, 8, array.ndim)) + b"".join(n.to_bytes(4, "big") for n in array.shape)
    data = header + array.tobytes()
    if zipped:
        path.with_name(path.name + ".gz").write_bytes(gzip.compress(data))
    else:
        path.write_bytes(data)
