"""The command line, run as a user runs it: real processes, real files, exit codes."""

import hashlib
import json
import os
import subprocess
import sys
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from jmvae_studio.document.presets import Preset, save_preset
from tests.conftest import NAMES
from trainer.data.images import open_image

ROOT = Path(__file__).parents[2]


def run(*arguments: object, cwd: Path | None = None, **environment: str) -> subprocess.CompletedProcess[str]:
    clean = {
        k: v for k, v in os.environ.items() if k not in ("DISPLAY", "WAYLAND_DISPLAY", "QT_QPA_PLATFORM")
    }
    return subprocess.run(
        [sys.executable, "-m", "jmvae_studio", *map(str, arguments)],
        cwd=cwd or ROOT,
        env=clean | {"PYTHONPATH": str(ROOT)} | environment,
        capture_output=True,
        text=True,
        timeout=240,
    )


@pytest.fixture
def folder(tmp_path: Path, photograph: Path) -> Path:
    """A folder with two photographs, a picture without a face and a file that is no picture."""
    pictures = tmp_path / "pictures"
    pictures.mkdir()
    photograph.rename(pictures / "b 2.jpg")
    with Image.open(pictures / "b 2.jpg") as picture:
        picture.transpose(Image.Transpose.FLIP_LEFT_RIGHT).save(pictures / "b 10.png")
    Image.new("RGB", (80, 60), "teal").save(pictures / "c.png")
    (pictures / "d.jpg").write_text("no picture")
    return pictures


def test_infer_prints_one_object_per_picture(folder: Path) -> None:
    result = run("infer", "--json", folder)
    assert result.returncode == 1
    assert "d.jpg" in result.stderr
    assert "Traceback" not in result.stderr
    rows = [json.loads(line) for line in result.stdout.splitlines()]
    assert [Path(row["image"]).name for row in rows] == ["b 2.jpg", "b 10.png", "c.png"]
    assert rows[2]["faces"] == []
    for row in rows[:2]:
        face = row["faces"][0]
        assert tuple(face["attributes"]) == NAMES
        assert all(-1 <= value <= 1 for value in face["attributes"].values())
        assert face["attributes"]["Smiling"] > 0
        assert face["attributes"]["Bald"] < 0
    x, y, width, height = rows[0]["faces"][0]["box"]
    assert x < 224 < x + width
    assert y < 110 < y + height
    mirrored = rows[1]["faces"][0]["box"]
    assert abs(mirrored[0] + mirrored[2] / 2 - (512 - x - width / 2)) < 12


def test_infer_takes_aligned_pictures_of_any_scale(tmp_path: Path, astronaut: np.ndarray) -> None:
    face = Image.fromarray(astronaut[10:210, 143:306])
    for scale in (1, 2):
        face.resize((89 * scale, 109 * scale), Image.Resampling.LANCZOS).save(tmp_path / f"a{scale}.png")
    result = run("infer", "--aligned", "--json", tmp_path)
    assert result.returncode == 0, result.stderr
    one, two = (json.loads(line)["faces"][0] for line in result.stdout.splitlines())
    assert one["box"] == pytest.approx([7, 17, 74, 74], abs=1)
    assert two["box"] == pytest.approx([15, 33, 148, 148], abs=1)
    assert np.mean([abs(one["attributes"][n] - two["attributes"][n]) for n in NAMES]) < 0.15


def test_edit_writes_the_whole_photograph(folder: Path, tmp_path: Path) -> None:
    photo = folder / "b 2.jpg"
    digest = hashlib.sha256(photo.read_bytes()).hexdigest()
    out = tmp_path / "out.png"
    result = run("edit", "--set", "Eyeglasses=2", "--set", "Young=-1", "--out", out, photo)
    assert result.returncode == 0, result.stderr
    before, after = open_image(photo).pixels, open_image(out).pixels
    assert after.shape == before.shape
    changed = np.argwhere((before != after).any(axis=2))
    assert len(changed) > 1000
    assert changed[:, 0].max() < 260  # the suit below is untouched
    assert hashlib.sha256(photo.read_bytes()).hexdigest() == digest


def test_edit_with_a_preset_is_edit_with_its_values(folder: Path, tmp_path: Path) -> None:
    preset = tmp_path / "old.jmvae-preset"
    save_preset(preset, Preset(name="Old", values={"Young": -1.0, "Eyeglasses": 0.5}, mode="latent"))
    photo = folder / "b 2.jpg"
    given = ("--set", "Young=-1", "--set", "Eyeglasses=2", "--mode", "latent")
    for name, asked in (("a.png", given), ("b.png", ("--preset", preset, "--set", "Eyeglasses=2"))):
        result = run("edit", *asked, "--out", tmp_path / name, photo)
        assert result.returncode == 0, result.stderr
    assert np.array_equal(open_image(tmp_path / "a.png").pixels, open_image(tmp_path / "b.png").pixels)
    preset.write_text("nonsense")
    result = run("edit", "--preset", preset, "--out", tmp_path / "c.png", photo)
    assert result.returncode == 2
    assert "is not a preset" in " ".join(result.stderr.split())


def test_edit_of_a_folder_goes_on_past_failures(folder: Path, tmp_path: Path) -> None:
    out = tmp_path / "results"
    result = run("edit", "--mode", "latent", "--set", "Smiling=-2", "--out", f"{out}/", folder)
    assert result.returncode == 1
    assert sorted(path.name for path in out.iterdir()) == ["b 10.png", "b 2.jpg"]
    assert "c.png: no face was found" in result.stderr
    assert "d.jpg" in result.stderr
    again = run("edit", "--set", "Smiling=-2", "--out", folder, folder / "b 2.jpg")
    assert again.returncode == 1
    assert "never overwritten" in again.stderr


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["edit", "--set", "Smiling=9", "--out", "x.png", "p.png"], "from -3 to 3"),
        (["edit", "--set", "Smiling", "--out", "x.png", "p.png"], "NAME=VALUE"),
        (["edit", "--set", "Smile=1", "--out", "x.png", "p.png"], "no attribute “Smile”"),
        (["edit", "--set", "Smiling=1", "--out", "x.psd", "p.png"], "x.psd"),
        (["edit", "--set", "Smiling=1", "p.png"], "--out"),
        (["infer", "--device", "toaster", "p.png"], "toaster"),
        (["infer", "--model", "none.safetensors", "p.png"], "none.safetensors"),
        (["infer"], "PATH"),
        (["infr", "p.png"], "no command and no file “infr”"),
        (["edit", "--set", "Smiling=1", "--out", "x.png", "p.png", "q.png"], "several to write"),
        (["--screenshot", "w.png", "--size", "big"], "WIDTHxHEIGHT"),
        (["--set", "Smiling=1", "p.png"], "they go with --screenshot"),
        (["open", "--theme"], "--theme"),
    ],
)
def test_a_wrong_command_line_exits_with_2(tmp_path: Path, arguments: list[str], says: str) -> None:
    result = run(*arguments, cwd=tmp_path)
    assert result.returncode == 2, result.stderr
    assert says in " ".join(result.stderr.replace("│", " ").split())
    assert "Traceback" not in result.stderr


def test_a_missing_face_and_a_missing_file_exit_with_1(folder: Path, tmp_path: Path) -> None:
    out = tmp_path / "x.png"
    result = run("edit", "--set", "Smiling=1", "--face", "9", "--out", out, folder / "b 2.jpg")
    assert result.returncode == 1
    assert "there is no face 9" in result.stderr
    result = run("infer", tmp_path / "none.jpg")
    assert result.returncode == 1
    assert "none.jpg" in result.stderr
    assert not out.exists()


def test_a_model_that_is_none_is_one_sentence(folder: Path, tmp_path: Path) -> None:
    bad = tmp_path / "bad.safetensors"
    bad.write_bytes(b"\x80\x04" + b"pickle" * 50)
    result = run("infer", "--model", bad, folder / "b 2.jpg")
    assert result.returncode == 1
    assert result.stderr.strip() == "bad.safetensors is not a model of this program (no safetensors file)."


def test_sheet_draws_the_papers_strip(folder: Path, tmp_path: Path) -> None:
    out = tmp_path / "sheet.png"
    columns = ["--column", "Male=-2", "--column", "Eyeglasses=2,Smiling=-2"]
    result = run("sheet", folder / "b 2.jpg", folder / "b 10.png", *columns, "--out", out)
    assert result.returncode == 0, result.stderr
    sheet = open_image(out).pixels
    single = tmp_path / "single.png"
    assert run("sheet", folder / "b 2.jpg", *columns, "--out", single).returncode == 0
    strip = open_image(single).pixels
    assert sheet.shape == (2 * strip.shape[0], strip.shape[1], 3)
    assert np.array_equal(sheet[: strip.shape[0]], strip)
    cells = [strip[10:202, x : x + 192].astype(int) for x in (10, 372, 574, 776, 978)]
    for first, second in pairwise(cells):
        assert np.abs(first - second).mean() > 2  # five different pictures


def test_the_screenshot_shows_the_window(folder: Path, tmp_path: Path) -> None:
    outs = [tmp_path / f"{theme}.png" for theme in ("light", "dark")]
    for out in outs:
        result = run("--screenshot", out, "--theme", out.stem, "--size", "1000x640", folder / "b 2.jpg")
        assert result.returncode == 0, result.stderr
    light, dark = (open_image(out).pixels for out in outs)
    assert light.shape == dark.shape == (640, 1000, 3)
    assert np.median(light) > 200
    assert np.median(dark) < 80
    result = run("open", "--screenshot", tmp_path / "no.png", "--set", "Smilng=2", folder / "b 2.jpg")
    assert result.returncode == 2
    assert "no attribute “Smilng”" in result.stderr
    whole = tmp_path / "whole.png"
    result = run("--screenshot", whole, "--mode", "generate", "--size", "1000x640", folder / "b 2.jpg")
    assert result.returncode == 0, result.stderr
    assert (open_image(whole).pixels != light).mean() > 0.02
    result = run("--screenshot", tmp_path / "bad.png", folder / "d.jpg")
    assert result.returncode == 1
    assert "d.jpg" in result.stderr


def test_the_window_at_twice_the_scale_is_the_same_but_sharper(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pictures = []
    for scale in (1, 2):
        monkeypatch.setenv("QT_SCALE_FACTOR", str(scale))
        out = tmp_path / f"{scale}.png"
        result = run("--screenshot", out, "--size", "900x600", folder / "b 2.jpg")
        assert result.returncode == 0, result.stderr
        pictures.append(open_image(out).pixels.astype(float))
    once, twice = pictures
    assert twice.shape == (1200, 1800, 3)
    halved = twice.reshape(600, 2, 900, 2, 3).mean((1, 3))
    assert np.abs(halved[:540] - once[:540]).mean() < 6  # without the status bar's times
    assert np.abs(np.diff(twice, axis=1)).max() > np.abs(np.diff(halved, axis=1)).max() * 0.9


def test_without_a_display_the_main_job_is_shown(tmp_path: Path) -> None:
    if not sys.platform.startswith("linux"):
        pytest.skip("only Linux starts without a display")
    result = run(cwd=tmp_path)
    assert result.returncode == 0, result.stderr
    assert "no display" in result.stdout
    output = tmp_path / "studio-output"
    before, after = (open_image(output / name).pixels for name in ("photograph.png", "edited.png"))
    changed = np.argwhere((before != after).any(axis=2))
    assert len(changed) > 1000
    assert changed.min() > 0
    assert changed[:, 1].max() < before.shape[1] * 0.85  # only around the face on its larger canvas
    assert open_image(output / "window.png").pixels.shape == (800, 1280, 3)


def test_no_command_overwrites_any_of_its_inputs(
    tmp_path: Path, photograph: Path, astronaut: np.ndarray
) -> None:
    (tmp_path / "x").mkdir()
    (tmp_path / "y").mkdir()
    one, two = tmp_path / "x" / "a.png", tmp_path / "y" / "a.png"
    for path in (one, two):
        Image.fromarray(astronaut).save(path)
    digest = hashlib.sha256(one.read_bytes()).hexdigest()
    for arguments in (
        ("edit", "--set", "Smiling=2", "--out", tmp_path / "y", one, two),
        ("sheet", one, "--out", one),
        ("--screenshot", one, one),
    ):
        result = run(*arguments)
        assert result.returncode in (1, 2), arguments
        assert "never overwritten" in " ".join(result.stderr.replace("│", " ").split()), result.stderr
    assert hashlib.sha256(one.read_bytes()).hexdigest() == digest
    assert hashlib.sha256(two.read_bytes()).hexdigest() == digest


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="no /dev/full on this system")
def test_output_that_cannot_be_written_is_one_sentence(photograph: Path) -> None:
    with open("/dev/full", "w") as full:  # noqa: PTH123 - a device
        result = subprocess.run(
            [sys.executable, "-m", "jmvae_studio", "infer", str(photograph)],
            cwd=ROOT,
            stdout=full,
            stderr=subprocess.PIPE,
            text=True,
            timeout=120,
        )
    assert result.returncode == 1
    assert "could not be written" in result.stderr
    assert "Traceback" not in result.stderr


def test_options_may_stand_before_the_command(tmp_path: Path, photograph: Path) -> None:
    result = run("--device", "cpu", "infer", "--json", photograph)
    assert result.returncode == 0, result.stderr
    assert json.loads(result.stdout)["faces"]
