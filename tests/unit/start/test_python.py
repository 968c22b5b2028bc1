"""Which Python runs it, and in which words it refuses."""

import ast
import importlib.util
import sys
from pathlib import Path
from types import ModuleType

import pytest

from tests.unit.start.conftest import ROOT

# --- Python versions


@pytest.mark.parametrize("version", [(2, 7), (3, 6), (3, 10)])
def test_old_python_is_refused_in_one_sentence(start: ModuleType, version: tuple[int, int]) -> None:
    sentence = start.refusal(*version)
    assert "needs Python 3.11" in sentence
    assert "{}.{}".format(*version) in sentence
    assert "\n" not in sentence


@pytest.mark.parametrize("version", [(3, 11), (3, 14), (4, 0)])
def test_new_python_is_accepted(start: ModuleType, version: tuple[int, int]) -> None:
    assert start.refusal(*version) == ""


def test_old_python_refuses_before_anything_else(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "version_info", (3, 10, 13, "final", 0))
    spec = importlib.util.spec_from_file_location("start_on_old_python", ROOT / "main.py")
    assert spec is not None
    assert spec.loader is not None
    with pytest.raises(SystemExit, match=r"needs Python 3\.11 or newer; this is Python 3\.10"):
        spec.loader.exec_module(importlib.util.module_from_spec(spec))


def test_the_file_parses_as_python_3_6_and_imports_little_before_refusing() -> None:
    tree = ast.parse((ROOT / "main.py").read_text(encoding="utf-8"), feature_version=(3, 6))
    names = {
        alias.name
        for node in tree.body
        if isinstance(node, ast.Import | ast.ImportFrom)
        for alias in node.names
    }
    assert names <= {"contextlib", "os", "sys", "Path"}


# --- Sentences


@pytest.mark.parametrize(
    ("said", "part"),
    [
        (
            "ERROR: Could not install packages due to an OSError: [Errno 28] No space left on device",
            "disk is full",
        ),
        ("[Errno 122] Disk quota exceeded: 'x'", "disk is full"),
        ("ERROR: Could not install packages: [Errno 13] Permission denied: '/x'", "no permission"),
        ("[Errno 30] Read-only file system: '/x/.venv'", "no permission"),
        ("ERROR: THESE PACKAGES DO NOT MATCH THE HASHES FROM THE REQUIREMENTS FILE.", "not the file"),
        (
            "WARNING: Retrying after connection broken by 'NewConnectionError([Errno 111] refused)'\n"
            "ERROR: No matching distribution found for torch==2.13.0",
            "cannot be reached",
        ),
        ("Temporary failure in name resolution", "cannot be reached"),
        ("ReadTimeoutError: Read timed out.", "cannot be reached"),
        ("ERROR: No matching distribution found for pillow==13.0.0", "no ready-made package"),
        ("line\nImportError: libfoo.so.1: cannot open", "failed (ImportError: libfoo.so.1"),
        ("", "failed (it gave no reason)"),
    ],
)
def test_a_failure_becomes_one_sentence(start: ModuleType, said: str, part: str) -> None:
    sentence = start.explain(said, Path("/somewhere/.venv"))
    assert part in sentence
    assert "\n" not in sentence
    assert sentence.endswith(".")
    assert "{" not in sentence


def test_an_error_of_the_system_is_told_without_a_traceback(
    start: ModuleType, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def fail(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(start, "set_up", fail)
    assert start.main([]) == 1
    assert capsys.readouterr().err.startswith("The disk is full")


def test_an_interrupted_set_up_exits_130_with_one_line(
    start: ModuleType, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def interrupt(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(start, "set_up", interrupt)
    assert start.main([]) == 130
    assert len(capsys.readouterr().err.strip().splitlines()) == 1
