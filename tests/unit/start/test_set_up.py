"""Installing, the set-up as a whole, and handing over."""

import os
import subprocess
import sys
import threading
from pathlib import Path
from types import ModuleType

import pytest

from tests.unit.start.conftest import FakePip, finish

# --- PyTorch


def test_torch_prefers_the_cpu_build_only_without_nvidia_on_linux(start: ModuleType) -> None:
    version = start.TORCH

    def tried(platform: str, nvidia: bool) -> list[str]:
        return [requirement for requirement, _ in start.torch_choices(platform, nvidia)]

    assert tried("linux", False) == [f"torch=={version}+cpu", f"torch=={version}"]
    assert tried("linux", True) == [f"torch=={version},!={version}+cpu", f"torch=={version}"]
    assert tried("darwin", False) == tried("win32", True) == [f"torch=={version}"]
    assert all(build for _, build in start.torch_choices("linux", True))


def installed(start: ModuleType, env: Path, monkeypatch: pytest.MonkeyPatch, pip: FakePip) -> str:
    """Run `install` with a pip that is not one, on a Linux without NVIDIA."""

    def check(command: list[str], **_: object) -> subprocess.CompletedProcess[str]:
        return subprocess.CompletedProcess(command, 0, "3.11\n", "")

    monkeypatch.setattr(start, "run", pip)
    monkeypatch.setattr(start.sys, "platform", "linux")
    monkeypatch.setattr("shutil.which", lambda name: None)
    monkeypatch.setattr(Path, "exists", lambda self: False)
    monkeypatch.setattr(subprocess, "run", check)
    return str(start.install(env, "run", 0))


def test_packages_come_by_hash_and_torch_alone(
    start: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pip = FakePip([])
    assert installed(start, tmp_path, monkeypatch, pip) == "3.11"
    lock, torch = pip.commands
    assert {"--require-hashes", "--no-deps", "--only-binary"} < set(lock)
    assert lock[-1] == str(tmp_path / "requirements.lock")
    assert torch[-2:] == ["--no-deps", f"torch=={start.TORCH}+cpu"]


def test_torch_falls_back_where_there_is_no_cpu_build(
    start: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    pip = FakePip([(0, ""), (1, "ERROR: No matching distribution found for torch==2.13.0+cpu"), (0, "")])
    installed(start, tmp_path, monkeypatch, pip)
    assert pip.commands[-1][-1] == f"torch=={start.TORCH}"
    assert "--no-deps" not in pip.commands[-1], "the CUDA build needs NVIDIA's packages"
    assert "GB" in capsys.readouterr().out


@pytest.mark.parametrize("step", [0, 1])
def test_a_full_disk_ends_the_install_at_once(
    start: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, step: int
) -> None:
    pip = FakePip([(0, "")] * step + [(1, "[Errno 28] No space left on device")])
    with pytest.raises(SystemExit, match="disk is full"):
        installed(start, tmp_path, monkeypatch, pip)
    assert len(pip.commands) == step + 1


# --- The set-up as a whole


def test_an_unfinished_environment_is_made_anew(start: ModuleType, tmp_path: Path, quick: FakePip) -> None:
    env = tmp_path / ".venv"
    outside = tmp_path / "precious"
    outside.write_text("kept")
    (env / "lib" / "half").mkdir(parents=True)
    (env / "lib64").symlink_to(tmp_path)
    (env / "stray").touch()
    start.set_up(env, "run")
    venv, pip = quick.commands
    assert venv[-4:] == ["-m", "venv", "--without-pip", str(env)]
    assert pip[0] == str(start.python_of(env))
    assert pip[-3:] == ["-m", "ensurepip", "--default-pip"]
    assert not (env / "lib").exists()
    assert not (env / "stray").exists()
    assert outside.read_text() == "kept"
    assert start.lacking(env, "run") == set()


def test_a_finished_environment_is_extended_not_remade(
    start: ModuleType, tmp_path: Path, quick: FakePip
) -> None:
    env = tmp_path / ".venv"
    finish(start, env, start.wanted("run") | {"screen"})
    (env / "package").touch()
    start.set_up(env, "test")
    assert (env / "package").exists()
    assert start.stamped(env) == start.wanted("test") | {"screen", "python:3.11"}


def test_a_broken_pip_makes_the_environment_anew(start: ModuleType, tmp_path: Path, quick: FakePip) -> None:
    env = tmp_path / ".venv"
    finish(start, env, {"run:old"})
    (env / "package").touch()
    quick.answers = [(1, "ModuleNotFoundError: pip")]
    start.set_up(env, "run")
    assert not (env / "package").exists()


def test_a_failed_venv_ends_the_set_up(start: ModuleType, tmp_path: Path, quick: FakePip) -> None:
    quick.answers = [(0, ""), (1, "OSError: [Errno 28] No space left on device")]
    with pytest.raises(SystemExit, match="disk is full"):
        start.set_up(tmp_path / ".venv", "run")
    assert start.stamped(tmp_path / ".venv") == set()


def test_a_failed_install_leaves_no_stamp(
    start: ModuleType, tmp_path: Path, quick: FakePip, monkeypatch: pytest.MonkeyPatch
) -> None:
    env = tmp_path / ".venv"
    finish(start, env, {"run:old"})

    def fail(*_: object) -> str:
        raise KeyboardInterrupt

    monkeypatch.setattr(start, "install", fail)
    with pytest.raises(KeyboardInterrupt):
        start.set_up(env, "run")
    assert start.stamped(env) == set()


@pytest.mark.skipif(sys.platform == "win32", reason="uses flock")
def test_a_second_start_waits_and_then_finds_the_work_done(
    start: ModuleType, tmp_path: Path, quick: FakePip, capfd: pytest.CaptureFixture[str]
) -> None:
    env = tmp_path / ".venv"
    finish(start, env, {"run:old"})
    busy = start.hold(env / start.BUSY)
    second = threading.Thread(target=start.set_up, args=(env, "run"))
    second.start()
    second.join(0.5)
    assert second.is_alive()
    finish(start, env, start.wanted("run"))
    os.close(busy)
    second.join(10)
    assert not second.is_alive()
    assert quick.commands == []
    assert capfd.readouterr().out.count("waiting") == 1


@pytest.mark.skipif(sys.platform == "win32", reason="uses flock")
def test_a_step_that_outlives_a_killed_start_keeps_the_lock(start: ModuleType, tmp_path: Path) -> None:
    import fcntl

    step = "import os, sys; print(os.fstat(int(sys.argv[1])).st_ino, file=sys.stderr)"
    busy = start.hold(tmp_path / start.BUSY)
    status, said = start.run([sys.executable, "-c", step, str(busy)], busy)
    os.close(busy)
    assert (status, int(said)) == (0, (tmp_path / start.BUSY).stat().st_ino)
    with (tmp_path / start.BUSY).open() as free:
        fcntl.flock(free, fcntl.LOCK_EX | fcntl.LOCK_NB)


def test_a_step_is_shown_unless_quiet(start: ModuleType, capfd: pytest.CaptureFixture[str]) -> None:
    step = [sys.executable, "-c", "import sys; print('seen', file=sys.stderr); sys.exit(3)"]
    keep = os.open(os.devnull, os.O_RDONLY)
    assert start.run(step, keep) == (3, "seen\n")
    assert capfd.readouterr().err == "seen\n"
    assert start.run(step, keep, quiet=True) == (3, "seen\n")
    assert capfd.readouterr().err == ""
    os.close(keep)


# --- Handing over


def test_test_hands_over_to_pytest_offscreen(
    start: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    finish(start, tmp_path / ".venv", start.wanted("test"))
    monkeypatch.setenv("QT_QPA_PLATFORM", "put back afterwards")
    monkeypatch.delenv("QT_QPA_PLATFORM")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(start.sys, "platform", "linux")
    monkeypatch.setattr(start, "hand_over", lambda command: command)
    python = str(start.python_of(tmp_path / ".venv"))
    assert start.main(["test", "-k", "name"]) == [python, "-m", "pytest", "-k", "name"]
    assert os.environ["QT_QPA_PLATFORM"] == "offscreen"


def test_a_read_only_checkout_gets_no_cache_of_pytest(
    start: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    finish(start, tmp_path / ".venv", start.wanted("test"))
    monkeypatch.setenv("QT_QPA_PLATFORM", "as it was")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(start, "hand_over", lambda command: command)
    assert "no:cacheprovider" not in start.main(["test"])
    monkeypatch.setattr(os, "access", lambda *_: False)
    assert start.main(["test"])[3:] == ["-p", "no:cacheprovider"]


def test_everything_else_goes_to_the_application(
    start: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    env = tmp_path / ".venv"
    finish(start, env, start.wanted("run") | {"python:{}.{}".format(*sys.version_info[:2])})
    monkeypatch.setattr(start, "hand_over", lambda command: command)
    arguments = ["--help", "test"]
    assert start.main(arguments) == [str(start.python_of(env)), str(tmp_path / "main.py"), *arguments]

    taken: list[list[str]] = []
    application = ModuleType("jmvae_studio.cli")
    application.main = lambda argv: taken.append(argv) or 5  # type: ignore[attr-defined, func-returns-value]
    monkeypatch.setitem(sys.modules, "jmvae_studio.cli", application)
    monkeypatch.setattr(sys, "prefix", str(env))
    monkeypatch.setattr(sys, "path", list(sys.path))
    assert start.main(arguments) == 5
    assert taken == [arguments]
    assert str(tmp_path) in sys.path
