"""main.py loaded as a module; no network, nothing installed."""

import importlib.util
from pathlib import Path
from types import ModuleType

import pytest

ROOT = Path(__file__).resolve().parents[3]


@pytest.fixture
def start(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """main.py with an empty checkout of its own: two lock files, no environment, no screen."""
    spec = importlib.util.spec_from_file_location("start_under_test", ROOT / "main.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    for lock in module.LOCKS.values():
        (tmp_path / lock).write_text(f"{lock}==1\n")
    monkeypatch.setattr(module, "ROOT", tmp_path)
    for name in ("DISPLAY", "WAYLAND_DISPLAY", "QT_QPA_PLATFORM"):
        monkeypatch.delenv(name, raising=False)
    return module


def finish(start: ModuleType, env: Path, words: set[str]) -> None:
    """Make what a finished set-up leaves, without the packages."""
    python = start.python_of(env)
    python.parent.mkdir(parents=True, exist_ok=True)
    python.touch()
    (env / "pyvenv.cfg").touch()
    start.write_stamp(env, words)


class FakePip:
    """Stands in for `run`: notes the commands and answers each from a list."""

    def __init__(self, answers: list[tuple[int, str]]) -> None:
        self.answers = list(answers)
        self.commands: list[list[str]] = []
        self.stamps: list[bool] = []

    def __call__(self, command: list[str], busy: int, quiet: bool = False) -> tuple[int, str]:
        self.commands.append(command)
        return self.answers.pop(0) if self.answers else (0, "")


@pytest.fixture
def quick(start: ModuleType, monkeypatch: pytest.MonkeyPatch) -> FakePip:
    """A set-up whose steps do nothing; answers can be given to them."""
    pip = FakePip([])
    monkeypatch.setattr(start, "run", pip)
    monkeypatch.setattr(start, "prepare_system", lambda: None)
    monkeypatch.setattr(start, "install", lambda env, level, busy: finish(start, env, set()) or "3.11")
    return pip
