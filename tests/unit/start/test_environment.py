"""The stamp of a finished environment, and where it goes."""

import os
import sys
from pathlib import Path
from types import ModuleType

import pytest

from tests.unit.start.conftest import finish

# --- The stamp


def test_a_finished_environment_lacks_nothing(start: ModuleType, tmp_path: Path) -> None:
    env = tmp_path / ".venv"
    assert start.lacking(env, "run") == start.wanted("run")
    finish(start, env, start.wanted("run"))
    assert start.lacking(env, "run") == set()


def test_tests_need_more_than_a_run_and_cover_it(start: ModuleType, tmp_path: Path) -> None:
    env = tmp_path / ".venv"
    finish(start, env, start.wanted("run"))
    assert start.lacking(env, "test") == start.wanted("test") - start.wanted("run") != set()
    finish(start, env, start.wanted("test"))
    assert start.lacking(env, "run") == set()


@pytest.mark.parametrize("broken", ["lock", "torch", "python", "pyvenv.cfg", "stamp", "stamp bytes"])
def test_each_loss_or_change_is_noticed(
    start: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, broken: str
) -> None:
    env = tmp_path / ".venv"
    finish(start, env, start.wanted("run"))
    if broken == "lock":
        (tmp_path / start.LOCKS["run"]).write_text("other==2\n")
    elif broken == "torch":
        monkeypatch.setattr(start, "TORCH", "0.0")
    elif broken == "stamp bytes":
        (env / start.STAMP).write_bytes(b"\xff\xfe\x00")
    else:
        files = {"python": start.python_of(env), "pyvenv.cfg": env / "pyvenv.cfg", "stamp": env / start.STAMP}
        files[broken].unlink()
    assert start.lacking(env, "run")


def test_another_python_version_under_the_environment_is_noticed_inside_it(
    start: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    env = tmp_path / ".venv"
    finish(start, env, start.wanted("run") | {"python:3.1"})
    assert start.lacking(env, "run") == set()
    monkeypatch.setattr(sys, "prefix", str(env))
    assert start.lacking(env, "run") == {"python:{}.{}".format(*sys.version_info[:2])}


@pytest.mark.skipif(sys.platform != "linux", reason="X11 libraries are looked for on Linux only")
def test_a_screen_asks_for_the_probe_only(
    start: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    env = tmp_path / ".venv"
    finish(start, env, start.wanted("run"))
    monkeypatch.setenv("DISPLAY", ":0")
    assert start.lacking(env, "run") == {"screen"}
    probed: list[str] = []
    monkeypatch.setattr(start, "prepare_system", lambda: probed.append("probe"))
    monkeypatch.setattr(start, "set_up", lambda *_: pytest.fail("no set-up is needed"))
    monkeypatch.setattr(start, "hand_over", lambda command: 7)
    assert start.main(["--version"]) == 7
    assert start.main(["--version"]) == 7
    assert probed == ["probe"], "the probe's result is kept"


def test_the_stamp_is_replaced_in_one_step(
    start: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    finish(start, tmp_path, {"run:old"})

    def fail(self: Path, target: Path) -> Path:
        raise KeyboardInterrupt

    monkeypatch.setattr(Path, "replace", fail)
    with pytest.raises(KeyboardInterrupt):
        start.write_stamp(tmp_path, {"run:new"})
    assert start.stamped(tmp_path) == {"run:old"}


# --- Where the environment goes


def test_the_environment_is_beside_main_py(start: ModuleType, tmp_path: Path) -> None:
    assert start.environment("run") == tmp_path / ".venv"


def test_a_read_only_checkout_uses_the_cache_unless_its_environment_is_ready(
    start: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(os, "access", lambda *_: False)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    place = start.environment("run")
    assert place.parent == tmp_path / "cache" / "jmvae-studio"
    monkeypatch.setattr(start, "ROOT", tmp_path / "another")
    (tmp_path / "another").mkdir()
    for lock in start.LOCKS.values():
        (tmp_path / "another" / lock).write_text("x")
    assert start.environment("run") != place, "two checkouts do not share an environment"
    finish(start, tmp_path / "another" / ".venv", start.wanted("run"))
    assert start.environment("run") == tmp_path / "another" / ".venv"
    monkeypatch.setenv("DISPLAY", ":0")
    assert start.environment("run") == tmp_path / "another" / ".venv", "a probe is no reason to install anew"
