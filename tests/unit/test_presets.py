"""Presets: what they name, what they leave alone, and files that are none."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jmvae_studio.document.edit import Edit
from jmvae_studio.document.presets import (
    SUFFIX,
    Preset,
    PresetError,
    PresetFolder,
    load_preset,
    parse_preset,
    save_preset,
)


def test_a_preset_touches_only_what_it_names() -> None:
    preset = Preset.of("Grin", Edit().with_value("Smiling", 2).with_identity(0.5))
    edit = Edit(mode="latent").with_value("Male", -1).with_strength(0.7).with_state("Young", "locked", 0.3)
    applied = preset.apply(edit)
    assert dict(applied.values) == {"Male": -1, "Smiling": 2, "Young": 0.3}
    assert (applied.mode, applied.strength, applied.identity) == ("latent", 0.7, 0.5)
    young = Preset(name="Old", values={"Young": -2, "Wings": 1})
    assert young.apply(edit) == edit.with_value("Wings", 1)  # Young is locked
    assert young.for_names(("Young", "Male")) == (Preset(name="Old", values={"Young": -2}), ["Wings"])


def test_a_preset_comes_back_from_its_file(tmp_path: Path) -> None:
    folder = PresetFolder(tmp_path / "presets")
    assert folder.load() == {}
    preset = Preset(name="Größer / 笑", values={"Smiling": 1.5}, mode="latent", strength=1.2)
    folder.save(preset)
    folder.save(Preset(name="a", values={"Male": 1}))
    (tmp_path / "presets" / f"broken{SUFFIX}").write_text("{")
    assert dict(folder.load()) == {"a": Preset(name="a", values={"Male": 1}), preset.name: preset}
    assert list(folder.load()) == ["a", preset.name]
    assert not list((tmp_path / "presets").glob("*.part"))
    folder.remove("a")
    assert list(folder.load()) == [preset.name]
    path = tmp_path / "shared.jmvae-preset"
    save_preset(path, preset)
    assert load_preset(path) == preset


@given(
    text=st.one_of(st.text(max_size=60), st.sampled_from(['{"name": ""}', "[]", "[" * 9999, '{"name": 3}']))
)
def test_what_is_no_preset_is_one_sentence(text: str) -> None:
    with pytest.raises(
        PresetError, match=r"^holiday is not a preset: choose a file that this program saved\.$"
    ):
        parse_preset(text, "holiday")


def test_values_out_of_range_and_missing_files_are_told(tmp_path: Path) -> None:
    with pytest.raises(PresetError, match="Smiling is 30, but attributes go from -3 to 3"):
        parse_preset('{"name": "x", "values": {"Smiling": 30}}', "x")
    with pytest.raises(PresetError, match="No such file"):
        load_preset(tmp_path / "nowhere.jmvae-preset")
    (tmp_path / "file").touch()
    with pytest.raises(PresetError, match="cannot be saved"):
        save_preset(tmp_path / "file" / "x.jmvae-preset", Preset(name="x"))


def test_names_that_make_one_file_name_are_two_presets(tmp_path: Path) -> None:
    folder = PresetFolder(tmp_path / "presets")
    for name, value in (("Older?", 1.0), ("Older!", 2.0), ("Older?", 0.5)):
        folder.save(Preset(name=name, values={"Young": -value}))
    assert {name: preset.values["Young"] for name, preset in folder.load().items()} == {
        "Older!": -2.0,
        "Older?": -0.5,
    }
    folder.remove("Older?")
    assert list(folder.load()) == ["Older!"]


def test_a_preset_from_elsewhere_leaves_a_different_one_of_its_name(tmp_path: Path) -> None:
    folder, long = PresetFolder(tmp_path / "presets"), "B" * 80
    own, other, third = (Preset(name=long, values={"Smiling": value}) for value in (1, 2, 3))
    assert folder.add(own) == own
    assert [folder.add(preset).name for preset in (own, other, third, other)] == [
        long,
        "B" * 78 + " 2",
        "B" * 78 + " 3",
        "B" * 78 + " 2",
    ]
    assert [kept.values["Smiling"] for kept in folder.load().values()] == [2, 3, 1]
