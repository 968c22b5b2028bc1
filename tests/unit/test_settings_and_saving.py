"""Settings that survive damage, and results written whole or not at all."""

import hashlib
import os
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image

from jmvae_studio.document.saving import SaveError, check_target, save_picture
from jmvae_studio.settings import RECENT, Settings, SettingsFile
from trainer.data.images import open_image

PIXELS = np.random.default_rng(3).integers(0, 256, (40, 30, 3), dtype=np.uint8)


def test_settings_come_back(tmp_path: Path) -> None:
    file = SettingsFile(tmp_path / "deep" / "settings.json")
    assert file.load() == (Settings(), None)
    kept = Settings(theme="dark", device="cpu")
    for number in range(RECENT + 5):
        kept.remember_file(Path(f"/photos/{number}.jpg"))
    kept.remember_file(Path("/photos/9.jpg"))
    file.save(kept)
    again, complaint = file.load()
    assert complaint is None
    assert again == kept
    assert len(again.recent_files) == RECENT
    assert again.recent_files[0] == str(Path("/photos/9.jpg"))


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    content=st.one_of(
        st.binary(max_size=200), st.sampled_from([b"[]", b"null", b'{"theme": 3}', b"[" * 9999])
    )
)
def test_damaged_settings_start_anew_and_are_kept(tmp_path: Path, content: bytes) -> None:
    file = SettingsFile(tmp_path / "settings.json")
    file.path.write_bytes(content)
    loaded, complaint = file.load()
    if complaint is not None:
        assert loaded == Settings()
        assert (tmp_path / "settings.bad").read_bytes() == content
        assert "start anew" in complaint


def test_a_place_that_cannot_be_written_stops_nothing(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    SettingsFile(tmp_path / "file" / "settings.json").save(Settings())
    assert (tmp_path / "file").read_text() == "in the way"


@pytest.mark.parametrize(("suffix", "tolerance"), [(".png", 0), (".jpg", 60), (".webp", 70)])
def test_pictures_are_written_whole(tmp_path: Path, suffix: str, tolerance: int) -> None:
    path = tmp_path / f"größe 笑顔{suffix}"
    smooth = np.tile(np.linspace(0, 255, 30).astype(np.uint8)[None, :, None], (40, 1, 3))
    save_picture(path, smooth)
    again = open_image(path)
    assert np.abs(again.pixels.astype(int) - smooth).max() <= tolerance
    assert [p.name for p in tmp_path.iterdir()] == [path.name]


def test_the_original_is_never_overwritten(tmp_path: Path) -> None:
    path = tmp_path / "photo.png"
    Image.fromarray(PIXELS).save(path)
    digest = hashlib.sha256(path.read_bytes()).hexdigest()
    source = open_image(path)
    link = tmp_path / "link.png"
    link.hardlink_to(path)
    for target in (path, link):
        with pytest.raises(SaveError, match="never overwritten"):
            save_picture(target, PIXELS[::-1], source)
    assert hashlib.sha256(path.read_bytes()).hexdigest() == digest


def test_targets_that_cannot_be_are_refused(tmp_path: Path) -> None:
    with pytest.raises(SaveError, match="Choose one of these endings"):
        check_target(tmp_path / "a.psd")
    with pytest.raises(SaveError, match="does not exist"):
        check_target(tmp_path / "nowhere" / "a.png")
    (tmp_path / "b.png").mkdir()
    with pytest.raises(SaveError, match="is a folder"):
        check_target(tmp_path / "b.png")
    with pytest.raises(SaveError, match="Choose another name"):
        check_target(tmp_path / f"{'é' * 150}.png")  # 304 bytes


def test_a_failed_save_leaves_the_old_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "result.png"
    save_picture(path, PIXELS)
    before = path.read_bytes()

    def full(descriptor: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(SaveError, match=r"result\.png could not be saved in .*No space left"):
        save_picture(path, PIXELS[::-1])
    assert path.read_bytes() == before
    assert [p.name for p in tmp_path.iterdir()] == ["result.png"]


def test_the_colour_profile_travels(tmp_path: Path) -> None:
    from PIL import ImageCms

    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    Image.fromarray(PIXELS).save(tmp_path / "in.png", icc_profile=profile)
    source = open_image(tmp_path / "in.png")
    save_picture(tmp_path / "out.jpg", source.pixels, source)
    with Image.open(tmp_path / "out.jpg") as written:
        assert written.info["icc_profile"] == source.icc_profile


@pytest.mark.skipif(os.name == "nt", reason="Windows has no such names")
def test_a_name_that_is_no_text_is_kept(tmp_path: Path) -> None:
    odd = tmp_path / os.fsdecode(b"latin-1 \xe9.png")
    settings = Settings()
    settings.remember_file(odd)
    file = SettingsFile(tmp_path / "settings.json")
    file.save(settings)
    assert file.load() == (settings, None)
