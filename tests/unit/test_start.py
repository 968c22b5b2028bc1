"""main.py, the start: its parts, loaded as a module; no network, nothing installed."""

import ast
import importlib.util
import os
import re
import subprocess
import sys
import threading
from pathlib import Path
from types import ModuleType

import pytest

ROOT = Path(__file__).resolve().parents[2]


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


# --- System libraries


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


@pytest.fixture
def quick(start: ModuleType, monkeypatch: pytest.MonkeyPatch) -> FakePip:
    """A set-up whose steps do nothing; answers can be given to them."""
    pip = FakePip([])
    monkeypatch.setattr(start, "run", pip)
    monkeypatch.setattr(start, "prepare_system", lambda: None)
    monkeypatch.setattr(start, "install", lambda env, level, busy: finish(start, env, set()) or "3.11")
    return pip


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


# --- The locks


def packages(lock: str) -> dict[str, set[str]]:
    """Each package of a lock file with its versions; every one must be exact and hashed."""
    found: dict[str, set[str]] = {}
    text = "\n".join(line for line in (ROOT / lock).read_text().splitlines() if not line.startswith("#"))
    for entry in re.split(r"\n(?=\S)", text.strip()):
        match = re.match(r"([a-z0-9-]+)==(\S+)( ; [^\\]+)? \\\n", entry)
        assert match, entry[:80]
        assert re.search(r"--hash=sha256:[0-9a-f]{64}", entry), entry[:80]
        found.setdefault(match[1], set()).add(match[2])
    return found


def test_the_locks_are_exact_hashed_and_without_torch_or_addresses() -> None:
    run, test = packages("requirements.lock"), packages("requirements-dev.lock")
    assert run.items() <= test.items()
    assert {"numpy", "pyside6-essentials", "sympy", "jinja2", "setuptools"} <= run.keys()
    assert {"pytest", "ruff", "mypy"} <= test.keys() - run.keys()
    assert not [name for name in test if re.match(r"(torch|triton|nvidia|cuda)(-|$)", name)]
    for lock in ("requirements.lock", "requirements-dev.lock"):
        assert not re.search(r"://|file:|--index|--find-links| /", (ROOT / lock).read_text())


def test_the_locks_hold_what_the_project_asks_for(start: ModuleType) -> None:
    import tomllib

    from packaging.requirements import Requirement
    from packaging.utils import canonicalize_name

    with (ROOT / "pyproject.toml").open("rb") as file:
        project = tomllib.load(file)
    test = packages("requirements-dev.lock")
    for text in project["project"]["dependencies"] + project["dependency-groups"]["dev"]:
        asked = Requirement(text)
        if asked.name == "torch":
            assert asked.specifier.contains(start.TORCH)
            continue
        versions = test[canonicalize_name(asked.name)]
        assert all(asked.specifier.contains(version) for version in versions), text
