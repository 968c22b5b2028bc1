"""Promises about the source as a whole."""

import re
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]


def test_the_application_never_unpickles() -> None:
    for path in (ROOT / "jmvae_studio").rglob("*.py"):
        text = path.read_text(encoding="utf-8")
        assert not re.search(
            r"torch\.load|import pickle|from pickle|\bmarshal\b|(?<!\.)\b(eval|exec)\(", text
        ), path


def run_python(code: str) -> str:
    result = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, timeout=120
    )
    assert result.returncode == 0, result.stderr
    return result.stdout


def test_the_command_line_is_there_before_torch_and_qt() -> None:
    code = (
        "import sys, jmvae_studio.cli\n"
        "print([m for m in ('torch', 'PySide6', 'cv2', 'numpy') if m in sys.modules])"
    )
    assert run_python(code).strip() == "[]"


def test_the_window_is_visible_before_torch_is_imported(tmp_path: Path) -> None:
    code = f"""
import os, sys
os.environ["QT_QPA_PLATFORM"] = "offscreen"
from pathlib import Path
from jmvae_studio.app import Studio, make_application
from jmvae_studio.settings import SettingsFile
application = make_application()
studio = Studio(application, SettingsFile(Path({str(tmp_path)!r}) / "s.json"))
seen = []
studio.renderer.load = lambda *given: seen.append((studio.window.isVisible(), "torch" in sys.modules))
studio.start([])
assert studio.window.isVisible()
studio.window.close()
print(seen)
"""
    assert run_python(code).strip() == "[(True, False)]"


def test_the_trainers_lists_need_no_torch() -> None:
    code = (
        "import sys, trainer.config, trainer.events, trainer.errors, trainer.systems, trainer.checkpoint_header\n"
        "import trainer.data.images, trainer.data.face_detection, trainer.data.celeba\nprint('torch' in sys.modules)"
    )
    assert run_python(code).strip() == "False"
