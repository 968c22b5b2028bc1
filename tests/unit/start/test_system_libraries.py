"""The libraries of the system that Qt needs."""

import importlib.util
import os
import subprocess
import sys
from types import ModuleType

import pytest


def test_the_probe_names_what_the_loader_does_not_find(
    start: ModuleType, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[str] = []

    def load(name: str) -> None:
        asked.append(name)
        if name in ("libEGL.so.1", "libdbus-1.so.3"):
            raise OSError("cannot open shared object file")

    monkeypatch.setattr("ctypes.CDLL", load)
    assert start.absent(start.LIBRARIES) == ["libEGL.so.1", "libdbus-1.so.3"]
    assert asked == list(start.LIBRARIES)


@pytest.mark.skipif(sys.platform != "linux", reason="libraries are looked for on Linux only")
@pytest.mark.parametrize(("display", "count"), [("", 6), (":0", 11)])
def test_a_screen_widens_the_probe(
    start: ModuleType, monkeypatch: pytest.MonkeyPatch, display: str, count: int
) -> None:
    monkeypatch.setenv("DISPLAY", display)
    probed: list[dict[str, str]] = []

    def absent(libraries: dict[str, str]) -> list[str]:
        probed.append(libraries)
        return []

    monkeypatch.setattr(start, "absent", absent)
    monkeypatch.setattr(start, "add_to_system", lambda *_: pytest.fail("nothing is missing"))
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: object())
    start.prepare_system()
    assert [len(libraries) for libraries in probed] == [count]


def test_a_missing_venv_module_is_a_debian_package(
    start: ModuleType, monkeypatch: pytest.MonkeyPatch
) -> None:
    calls: list[tuple[list[str], list[str]]] = []
    monkeypatch.setattr(start, "absent", lambda _: [])
    monkeypatch.setattr(start, "add_to_system", lambda what, packages: calls.append((what, packages)))
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None if name == "ensurepip" else object())
    start.prepare_system()
    assert [packages[0].split()[-1] for _, packages in calls] == ["python3-venv"]


@pytest.mark.parametrize(
    ("known", "name"),
    [({"libglib2.0-0t64", "libglib2.0-0"}, "libglib2.0-0t64"), ({"libglib2.0-0"}, "libglib2.0-0")],
)
def test_the_release_decides_the_package_name(
    start: ModuleType, monkeypatch: pytest.MonkeyPatch, known: set[str], name: str
) -> None:
    def show(command: list[str], **_: object) -> subprocess.CompletedProcess[bytes]:
        found = command[-1] in known
        return subprocess.CompletedProcess(command, 0 if found else 100, b"Package" if found else b"")

    monkeypatch.setattr(subprocess, "run", show)
    assert start.debian_name(start.LIBRARIES["libglib-2.0.so.0"]) == name
    assert start.debian_name("libgl1") == "libgl1"


@pytest.mark.skipif(sys.platform == "win32", reason="there is no apt-get on Windows")
@pytest.mark.parametrize("root", [True, False])
def test_packages_are_installed_as_root_and_named_otherwise(
    start: ModuleType, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], root: bool
) -> None:
    commands: list[list[str]] = []

    def run(command: list[str], **_: object) -> subprocess.CompletedProcess[bytes]:
        commands.append(command)
        return subprocess.CompletedProcess(command, 0, b"")

    monkeypatch.setattr(subprocess, "run", run)
    monkeypatch.setattr("shutil.which", lambda name: f"/usr/bin/{name}")
    monkeypatch.setattr(os, "geteuid", lambda: 0 if root else 1000)
    if root:
        start.add_to_system(["libGL.so.1"], ["libgl1"])
        assert commands[0][-1:] == ["update"]
        assert commands[1][-4:] == ["install", "-y", "--no-install-recommends", "libgl1"]
        assert "libGL.so.1" in capsys.readouterr().out
    else:
        line = "sudo apt-get install -y --no-install-recommends libgl1"
        with pytest.raises(SystemExit, match=f"libGL.so.1.*\n *{line}"):
            start.add_to_system(["libGL.so.1"], ["libgl1"])
        assert commands == []


def test_without_apt_the_libraries_are_named(start: ModuleType, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("shutil.which", lambda name: None)
    with pytest.raises(
        SystemExit, match=r"lacks libGL\.so\.1: install that with the system's package manager"
    ):
        start.add_to_system(["libGL.so.1"], ["libgl1"])
