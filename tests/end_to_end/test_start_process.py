"""main.py as a process, in a small checkout of its own: no network, and an application that only answers."""

import importlib.util
import os
import shutil
import signal
import subprocess
import sys
import time
import venv
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
APPLICATION = """
import os, sys
def main(argv):
    print(repr((argv, sys.prefix, os.environ.get("QT_QPA_PLATFORM"))))
    return 3
"""


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """main.py with the locks and an application that prints what reached it; a space in its path."""
    root = tmp_path / "a checkout"
    (root / "jmvae_studio").mkdir(parents=True)
    (root / "jmvae_studio" / "cli.py").write_text(APPLICATION)
    for name in ("main.py", "requirements.lock", "requirements-dev.lock"):
        shutil.copy(ROOT / name, root)
    return root


def start(checkout: Path, *arguments: str, options: tuple[str, ...] = ()) -> subprocess.Popen[str]:
    """Start main.py where pip can reach no index, in a process group of its own."""
    hidden = {"DISPLAY", "WAYLAND_DISPLAY", "QT_QPA_PLATFORM", "PYTHONPATH"}
    surroundings = {k: v for k, v in os.environ.items() if k not in hidden and not k.startswith("PIP_")}
    surroundings.update(PIP_NO_INDEX="1", PIP_CONFIG_FILE=os.devnull)
    command = [sys.executable, *options, str(checkout / "main.py"), *arguments]
    return subprocess.Popen(
        command,
        cwd=checkout.parent,
        env=surroundings,
        text=True,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        start_new_session=True,
    )


@pytest.fixture
def ready(checkout: Path) -> Path:
    """The checkout with an environment whose stamp says that it is finished."""
    env = checkout / ".venv"
    venv.create(env, with_pip=False)
    spec = importlib.util.spec_from_file_location("start_of_checkout", checkout / "main.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    version = "python:{}.{}".format(*sys.version_info[:2])
    module.write_stamp(env, (module.wanted("test") | {version}) - {"screen"})
    return checkout


def test_arguments_and_exit_status_pass_through(ready: Path) -> None:
    process = start(ready, "--help", "two words", "")
    out, err = process.communicate(timeout=60)
    assert (process.returncode, err) == (3, "")
    assert out == repr((["--help", "two words", ""], str(ready / ".venv"), None)) + "\n"


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere there is always a screen")
def test_test_runs_pytest_in_the_checkout_offscreen(ready: Path) -> None:
    (ready / "pytest.py").write_text(
        "import os, sys; print(sys.argv[1:], os.getcwd(), os.environ['QT_QPA_PLATFORM']); sys.exit(4)"
    )
    process = start(ready, "test", "-k", "a b")
    out, err = process.communicate(timeout=60)
    assert (process.returncode, err) == (4, "")
    assert out == f"['-k', 'a b'] {ready} offscreen\n"


def test_a_warm_start_loads_nothing_for_the_set_up(ready: Path) -> None:
    process = start(ready, options=("-S", "-X", "importtime"))
    _, err = process.communicate(timeout=60)
    loaded = {line.rpartition("|")[2].strip() for line in err.splitlines()}
    assert "hashlib" in loaded
    assert not loaded & {"subprocess", "ctypes", "shutil", "venv", "ensurepip", "importlib.util", "tempfile"}


def test_an_index_out_of_reach_is_told_and_leaves_no_stamp(checkout: Path) -> None:
    process = start(checkout)
    _, err = process.communicate(timeout=120)
    assert process.returncode == 1
    assert "Traceback" not in err
    assert err.splitlines()[-1].startswith("There is no ready-made package")
    assert not list((checkout / ".venv").glob("*.stamp"))


@pytest.mark.skipif(sys.platform == "win32", reason="uses POSIX signals")
@pytest.mark.parametrize("seconds", [0.2, 0.6, 1.2])
def test_after_a_kill_the_next_start_begins_anew(checkout: Path, seconds: float) -> None:
    killed = start(checkout)
    time.sleep(seconds)
    os.killpg(killed.pid, signal.SIGKILL)
    killed.communicate(timeout=60)
    again = start(checkout)
    out, err = again.communicate(timeout=120)
    assert "Setting up JMVAE Studio" in out
    assert "Installing the packages of requirements.lock" in out, err
    assert "Traceback" not in err


@pytest.mark.skipif(sys.platform == "win32", reason="uses POSIX signals")
def test_ctrl_c_during_the_set_up_exits_130(checkout: Path) -> None:
    process = start(checkout)
    assert process.stdout is not None
    assert "Setting up" in process.stdout.readline()
    os.killpg(process.pid, signal.SIGINT)
    _, err = process.communicate(timeout=60)
    assert process.returncode == 130
    assert err.splitlines()[-1] == "Set-up interrupted; the next start begins it anew."


@pytest.mark.skipif(sys.platform == "win32", reason="uses POSIX signals")
def test_an_interrupt_of_main_py_alone_ends_its_step_too(tmp_path: Path) -> None:
    step = "import sys, time; print('on', file=sys.stderr, flush=True); time.sleep(60)"
    driver = (
        f"import sys; sys.path.insert(0, {str(ROOT)!r}); import main\n"
        f"try: main.run([sys.executable, '-c', {step!r}], main.hold(main.Path(sys.argv[1])))\n"
        "except KeyboardInterrupt: sys.exit(130)"
    )
    command = [sys.executable, "-c", driver, str(tmp_path / "lock")]
    process = subprocess.Popen(command, stderr=subprocess.PIPE, text=True, start_new_session=True)
    assert process.stderr is not None
    assert process.stderr.readline() == "on\n"
    process.send_signal(signal.SIGINT)
    process.communicate(timeout=20)
    assert process.returncode == 130
