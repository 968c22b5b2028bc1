#!/usr/bin/env python3
"""Start JMVAE Studio: make its environment on first use, then hand over to the application.

    python3 main.py [ARGUMENTS]        the application; --help lists what it takes
    python3 main.py test [ARGUMENTS]   the test suite; the arguments go to pytest

The first start makes `.venv` beside this file (in the user's cache where the checkout is read-only), installs
the packages of the lock file by their hashes, and PyTorch in a step of its own, since its CPU and CUDA builds
differ. A stamp, written last, says that all of it stands: later starts need no network and call no pip, and a
set-up that was cut short, at whatever point, begins anew. To start over by hand, delete the environment.

Environment variables:
    XDG_CACHE_HOME             where the environment goes when the checkout is read-only (otherwise ~/.cache)
    DISPLAY, WAYLAND_DISPLAY   a screen: with DISPLAY, Qt's libraries for X11 are looked for as well; without
                               either, the tests run with QT_QPA_PLATFORM=offscreen unless that is set
    PIP_*                      pip's own, such as PIP_INDEX_URL (a mirror), PIP_EXTRA_INDEX_URL (an index that
                               offers PyTorch's CPU builds), PIP_NO_INDEX with PIP_FIND_LINKS (a folder)
"""

import contextlib
import os
import sys
from pathlib import Path


def refusal(major: int, minor: int) -> str:
    """Say why this Python will not do, in a file that Python 3.6 can still read; empty if it will do."""
    if (major, minor) >= (3, 11):
        return ""
    return (
        f"JMVAE Studio needs Python 3.11 or newer; this is Python {major}.{minor} ({sys.executable}). "
        "Start main.py with a newer one, for example: python3.11 main.py"
    )


if refusal(*sys.version_info[:2]):
    sys.exit(refusal(*sys.version_info[:2]))

ROOT = Path(__file__).resolve().parent
LOCKS = {"run": "requirements.lock", "test": "requirements-dev.lock"}
MEGABYTES = {"run": 190, "test": 270}
TORCH = "2.13.0"
STAMP = "jmvae-studio.stamp"
BUSY = "jmvae-studio.lock"

# What Qt loads, and the Debian packages that hold it: where releases differ, the newest name first.
LIBRARIES = {
    "libGL.so.1": "libgl1",
    "libEGL.so.1": "libegl1",
    "libglib-2.0.so.0": "libglib2.0-0t64 libglib2.0-0",
    "libdbus-1.so.3": "libdbus-1-3",
    "libfontconfig.so.1": "libfontconfig1",
    "libxkbcommon.so.0": "libxkbcommon0",
}
SCREEN_LIBRARIES = {
    "libxcb-cursor.so.0": "libxcb-cursor0",
    "libxcb-icccm.so.4": "libxcb-icccm4",
    "libxcb-keysyms.so.1": "libxcb-keysyms1",
    "libxcb-shape.so.0": "libxcb-shape0",
    "libxkbcommon-x11.so.0": "libxkbcommon-x11-0",
}

# How a failed step can be recognised (case ignored), and what to say of it.
CAUSES = {
    "no space left|disk quota": "The disk is full: {env} takes about 2 GB, with CUDA about 8 GB, and "
    "downloads pass through the temporary folder; free some space and start again.",
    "permission denied|read-only file system|access is denied": "There is no permission to write in {env}: "
    "give yourself that, or, if the checkout is read-only, set XDG_CACHE_HOME to a folder of yours.",
    "do not match the hashes": "A download is not the file that the lock file names, and was not installed: "
    "check pip's proxy and index settings (pip config list), and start again.",
    "connection|name resolution|timed out|proxyerror|sslerror|unreachable": "The package index cannot be "
    "reached: check the network, or pip's proxy and index settings (pip config list), and start again.",
    "no matching distribution": "There is no ready-made package for this Python ({version}) and system "
    "({system}): use Python 3.11 to 3.14 on 64-bit Linux, Windows or macOS, and an index that has them all.",
}


def tell(message: str) -> None:
    """Print a line at once, so that it stands before what pip prints."""
    print(message, flush=True)


def python_of(env: Path) -> Path:
    """Return the Python of an environment."""
    return env / "Scripts" / "python.exe" if sys.platform == "win32" else env / "bin" / "python"


def inside(env: Path) -> bool:
    """Say whether this process runs in the environment."""
    return Path(sys.prefix).resolve() == env.resolve()


def wanted(level: str) -> set[str]:
    """Return the words that the stamp of a finished set-up holds for "run" or "test"."""
    import hashlib

    def digest(lock: str) -> str:
        return hashlib.sha256((ROOT / lock).read_bytes() + TORCH.encode()).hexdigest()

    words = {f"{name}:{digest(LOCKS[name])}" for name in {"run", level}}
    if sys.platform == "linux" and os.environ.get("DISPLAY"):
        words.add("screen")
    return words


def stamped(env: Path) -> set[str]:
    """Return the words of the environment's stamp; none if the environment is unfinished or broken."""
    try:
        words = set((env / STAMP).read_text(encoding="utf-8").split())
    except (OSError, ValueError):
        return set()
    return words if python_of(env).exists() and (env / "pyvenv.cfg").exists() else set()


def lacking(env: Path, level: str) -> set[str]:
    """Return what is still to be set up, as words of the stamp; empty when the environment is ready."""
    words = wanted(level)
    if inside(env):  # the system's Python may have become another version under an environment
        words.add("python:{}.{}".format(*sys.version_info[:2]))
    return words - stamped(env)


def write_stamp(env: Path, words: set[str]) -> None:
    """Write the stamp in one step."""
    fresh = env / (STAMP + ".new")
    fresh.write_text(" ".join(sorted(words)) + "\n", encoding="utf-8")
    fresh.replace(env / STAMP)


def environment(level: str) -> Path:
    """Choose the folder of the environment: `.venv` here, or one in the user's cache."""
    import hashlib

    local = ROOT / ".venv"
    if not lacking(local, level) - {"screen"} or os.access(local if local.exists() else ROOT, os.W_OK):
        return local
    cache = os.environ.get("XDG_CACHE_HOME") or os.environ.get("LOCALAPPDATA") or Path.home() / ".cache"
    return Path(cache) / "jmvae-studio" / hashlib.sha256(os.fsencode(ROOT)).hexdigest()[:16]


def explain(said: str, env: Path) -> str:
    """Turn the output of a failed step, or an operating system's error, into one sentence with a way out."""
    for signs, sentence in CAUSES.items():
        if any(sign in said.lower() for sign in signs.split("|")):
            return sentence.format(env=env, version=sys.version.split()[0], system=sys.platform)
    last = (said.strip() or "it gave no reason").splitlines()[-1]
    return (
        f"Setting up {env} failed ({last}); start again, and if that does not help, delete that folder first."
    )


def run(command: list[str], busy: int, quiet: bool = False) -> tuple[int, str]:
    """Run one step of the set-up.

    Args:
        command: the program and its arguments.
        busy: the descriptor of the lock. The child holds it too, so that a pip that outlives a killed start
            keeps the next start waiting.
        quiet: keep the error output from the terminal.

    Returns:
        The exit status and the error output.
    """
    import subprocess

    keep = () if sys.platform == "win32" else (busy,)
    said = []
    with subprocess.Popen(
        command, stderr=subprocess.PIPE, text=True, errors="replace", pass_fds=keep
    ) as child:
        try:
            for line in child.stderr or ():
                said.append(line)
                if not quiet:
                    print(line, end="", file=sys.stderr, flush=True)
            child.wait()
        except BaseException:
            child.terminate()
            child.wait()
            raise
    return child.returncode, "".join(said)


def hold(path: Path) -> int:
    """Take the lock of the set-up, waiting for another start that has it; the process's end gives it back."""
    import time

    descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o644)
    told = False
    while True:
        try:
            if sys.platform == "win32":
                import msvcrt

                msvcrt.locking(descriptor, msvcrt.LK_NBLCK, 1)
            else:
                import fcntl

                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return descriptor
        except (BlockingIOError, PermissionError):
            if not told:
                tell("Another start is setting up the environment; waiting for it.")
            told = True
            time.sleep(0.2)


def absent(libraries: dict[str, str]) -> list[str]:
    """Return the shared libraries that the dynamic loader does not find."""
    import ctypes

    names = []
    for name in libraries:
        try:
            ctypes.CDLL(name)
        except OSError:
            names.append(name)
    return names


def debian_name(names: str) -> str:
    """Return the first of a package's names that this release knows, else the last."""
    import subprocess

    for name in names.split()[:-1]:
        known = subprocess.run(["apt-cache", "show", name], capture_output=True, check=False)
        if known.returncode == 0 and known.stdout.strip():
            return name
    return names.split()[-1]


def add_to_system(what: list[str], packages: list[str]) -> None:
    """Install Debian packages as root, saying so; otherwise say what to run, and end."""
    import shutil
    import subprocess

    lack = f"This system lacks {', '.join(what)}"
    if shutil.which("apt-get") is None or sys.platform == "win32":
        sys.exit(f"{lack}: install that with the system's package manager, and start again.")
    apt = ["apt-get", "-o", "DPkg::Lock::Timeout=300"]
    quiet = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    root = os.geteuid() == 0
    if root:
        tell(f"{lack}: installing it with apt-get, as this is root.")
        subprocess.run([*apt, "-q", "update"], env=quiet, check=False)
    names = [debian_name(package) for package in packages]
    install = ["install", "-y", "--no-install-recommends", *names]
    if not root:
        sys.exit(f"{lack}. Run this, then start again:\n    sudo apt-get {' '.join(install)}")
    if subprocess.run([*apt, "-q", *install], env=quiet, check=False).returncode:
        sys.exit(f"{lack}, and apt-get could not install {' '.join(names)}: see above; then start again.")


def prepare_system() -> None:
    """See to it that the system libraries and the means to make an environment are there."""
    import importlib.util

    if sys.platform == "linux":
        libraries = {**LIBRARIES, **(SCREEN_LIBRARIES if os.environ.get("DISPLAY") else {})}
        names = absent(libraries)
        if names:
            add_to_system(names, [libraries[name] for name in names])
            if absent(libraries):
                sys.exit(
                    f"The system still lacks {', '.join(absent(libraries))}: install it, and start again."
                )
    if importlib.util.find_spec("venv") is None or importlib.util.find_spec("ensurepip") is None:
        add_to_system(["Python's venv module"], [f"python3.{sys.version_info[1]}-venv python3-venv"])


def torch_choices(platform: str, nvidia: bool) -> list[tuple[str, str]]:
    """Return the requirements to try in turn for PyTorch, each with words for the build and its size."""
    if platform != "linux":
        return [(f"torch=={TORCH}", "about 120 MB")]
    cuda = "the CUDA build, about 2.7 GB with NVIDIA's libraries"
    if nvidia:
        return [(f"torch=={TORCH},!={TORCH}+cpu", cuda), (f"torch=={TORCH}", "the build that is to be had")]
    other = f"{cuda}, as pip is offered no CPU build (PIP_EXTRA_INDEX_URL can name an index that has it)"
    return [(f"torch=={TORCH}+cpu", "the CPU build, about 190 MB"), (f"torch=={TORCH}", other)]


def install(env: Path, level: str, busy: int) -> str:
    """Install the lock file and PyTorch into the environment; return the version of its Python."""
    import shutil
    import subprocess

    python = str(python_of(env))
    pip = [python, "-I", "-m", "pip", "install", "--disable-pip-version-check", "--no-input", "--no-user"]
    pip += ["--only-binary", ":all:"]
    tell(f"Installing the packages of {LOCKS[level]}: about {MEGABYTES[level]} MB to download.")
    status, said = run([*pip, "--require-hashes", "--no-deps", "-r", str(ROOT / LOCKS[level])], busy)
    if status:
        sys.exit(explain(said, env))
    nvidia = Path("/proc/driver/nvidia").exists() or shutil.which("nvidia-smi") is not None
    choices = torch_choices(sys.platform, nvidia)
    for requirement, build in choices:
        tell(f"Installing PyTorch {TORCH}: {build}.")
        alone = ["--no-deps"] if requirement.endswith("+cpu") else []  # the lock file has what it requires
        last = requirement == choices[-1][0]
        status, said = run([*pip, *alone, requirement], busy, quiet=not last)
        if status == 0:
            break
        if last or "No matching distribution" not in said:
            sys.exit(explain(said, env))
    check = "import sys, torch, cv2, PySide6.QtWidgets; print('%d.%d' % sys.version_info[:2])"
    tried = subprocess.run([python, "-I", "-c", check], capture_output=True, text=True, check=False)
    if tried.returncode:
        sys.exit(explain(tried.stderr, env))
    return tried.stdout.strip()


def set_up(env: Path, level: str) -> None:
    """Bring the environment to the level, from whatever state an earlier set-up left it in."""
    import shutil

    env.mkdir(parents=True, exist_ok=True)
    busy = hold(env / BUSY)
    if not lacking(env, level):  # another start has done it meanwhile
        return
    prepare_system()
    have = stamped(env)
    tell(f"Setting up JMVAE Studio in {env}; this happens once.")
    (env / STAMP).unlink(missing_ok=True)  # from here to the new stamp the environment counts as broken
    if not have or run([str(python_of(env)), "-I", "-c", "import pip._internal.cli.main"], busy)[0]:
        for entry in env.iterdir():
            if entry.is_dir() and not entry.is_symlink():
                shutil.rmtree(entry)
            elif entry.name != BUSY:
                entry.unlink()
        base: str = getattr(sys, "_base_executable", sys.executable)
        pip = [str(python_of(env)), "-I", "-m", "ensurepip", "--default-pip"]
        for step in ([base, "-I", "-m", "venv", "--without-pip", str(env)], pip):
            status, said = run(step, busy, quiet=True)
            if status:
                sys.exit(explain(said, env))
    version = install(env, level, busy)
    if sys.platform != "win32":
        os.sync()  # what the stamp vouches for reaches the disk before it does
    write_stamp(env, wanted(level) | (have & {"screen"}) | {f"python:{version}"})
    tell("The environment is ready.")


def hand_over(command: list[str]) -> int:
    """Let another program take this process's place; on Windows, run it and return its exit status."""
    surroundings = {k: v for k, v in os.environ.items() if k not in ("PYTHONHOME", "__PYVENV_LAUNCHER__")}
    if sys.platform == "win32":
        import subprocess

        return subprocess.call(command, env=surroundings)
    return os.execve(command[0], command, surroundings)


def main(arguments: list[str]) -> int:
    """Set up what is lacking, then run the application or the tests.

    Args:
        arguments: the command line without the program's name.

    Returns:
        The exit status.
    """
    level = "test" if arguments[:1] == ["test"] else "run"
    env = ROOT / ".venv"
    try:
        env = environment(level)
        gaps = lacking(env, level)
        if gaps == {"screen"}:
            prepare_system()
            with contextlib.suppress(OSError):  # a read-only environment: look again next time
                write_stamp(env, stamped(env) | gaps)
        elif gaps:
            set_up(env, level)
    except KeyboardInterrupt:
        print("\nSet-up interrupted; the next start begins it anew.", file=sys.stderr)
        return 130
    except OSError as error:
        print(explain(str(error), env), file=sys.stderr)
        return 1
    python = str(python_of(env))
    if level == "test":
        if sys.platform == "linux" and not (os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY")):
            os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")
        os.chdir(ROOT)
        plain = [] if os.access(ROOT, os.W_OK) else ["-p", "no:cacheprovider"]
        return hand_over([python, "-m", "pytest", *plain, *arguments[1:]])
    if not inside(env):
        return hand_over([python, str(ROOT / "main.py"), *arguments])
    sys.path[:0] = [] if str(ROOT) in sys.path else [str(ROOT)]
    from jmvae_studio.cli import main as application

    return application(arguments)


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
