"""Other processes: told apart by their birth, so that a number used anew never stands for a foreign one."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

NICENESS = 10
"""What the trainer's priority is lowered by, where the platform has it (19 is the lowest)."""

CAN_PAUSE = sys.platform != "win32"
"""Whether a process can be halted where it is and go on later."""

_QUERY, _SET, _BELOW_NORMAL, _STILL_ACTIVE = 0x1000, 0x0200, 0x4000, 259
"""Of Windows: rights to a process, a priority class, and the exit code of who has not exited."""
_DETACHED = 0x00000208 if sys.platform == "win32" else 0
"""Of Windows: no console, a group of its own."""


@dataclass(frozen=True)
class Process:
    """A process and what the system says of its birth."""

    pid: int
    born: str

    @classmethod
    def of(cls, pid: int) -> Process | None:
        """The living process with this number; None if there is none."""
        seen = _look(pid)
        return None if seen is None else cls(pid, seen[0])

    @property
    def is_alive(self) -> bool:
        """Whether it is still the same process, and has not ended."""
        seen = _look(self.pid)
        return seen is not None and seen[0] == self.born

    @property
    def is_paused(self) -> bool:
        """Whether it is halted."""
        return _look(self.pid) == (self.born, True)

    def lower_priority(self) -> None:
        """Let the window and everything else go first; a system that refuses is passed over."""
        with suppress(OSError):
            if sys.platform == "win32":
                _set_class(self.pid)
            else:
                os.setpriority(os.PRIO_PROCESS, self.pid, NICENESS)

    def ask_to_stop(self) -> bool:
        """SIGTERM: the trainer saves its state and ends. A halted process goes on to do so.

        On Windows, which has no such signal, the process is ended as it is (`trainer.control.ask_to_stop` is kinder).

        Returns:
            Whether the signal reached this process.
        """
        reached = self._send(signal.SIGTERM)
        if reached and CAN_PAUSE:
            self.go_on()
        return reached

    def pause(self) -> bool:
        """Halt it where it is; its memory stays. False if it is gone, or the platform cannot."""
        return sys.platform != "win32" and self._send(signal.SIGSTOP)

    def go_on(self) -> bool:
        """Let a halted process go on. False if it is gone, or the platform cannot."""
        return sys.platform != "win32" and self._send(signal.SIGCONT)

    def _send(self, number: int) -> bool:
        """Signal this process and no other one: where the system can, through a handle that holds its number."""
        with suppress(OSError):
            if sys.platform == "linux":
                handle = os.pidfd_open(self.pid)
                try:
                    if self.is_alive:
                        signal.pidfd_send_signal(handle, number)
                        return True
                finally:
                    os.close(handle)
            elif self.is_alive:
                os.kill(self.pid, number)
                return True
        return False


def spawn(arguments: Sequence[str], folder: Path, errors: Path) -> Process | None:
    """Start a process of lower priority that outlives this one and hears nothing of its terminal.

    Args:
        arguments: The program and what it is given.
        folder: Where it works.
        errors: The file its standard error goes to; its standard output goes nowhere.

    Returns:
        The process; None if it ended as soon as it began.

    Raises:
        OSError: The file or the process cannot be made.
    """
    with errors.open("wb") as said:
        child = subprocess.Popen(
            arguments,
            cwd=folder,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=said,
            start_new_session=True,
            creationflags=_DETACHED,
        )
    process = Process.of(child.pid)
    child.returncode = 0  # nobody waits for it, and nobody is to warn of that; `_look` buries it
    if process is not None:
        process.lower_priority()
    return process


def _look(pid: int) -> tuple[str, bool] | None:
    """A mark of the process's birth and whether it is halted; None when it has ended."""
    if sys.platform == "linux":
        return _look_in_proc(pid)
    elif sys.platform == "win32":  # noqa: RET505  # the type checker sees through this form alone
        return _look_in_windows(pid)
    else:
        return _look_with_ps(pid)


def _look_in_proc(pid: int) -> tuple[str, bool] | None:
    try:
        line = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace")
        boot = Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii").strip()
    except OSError:
        return None
    fields = line.rpartition(")")[2].split()  # the name before may hold spaces and brackets
    state, ticks = fields[0], fields[19]
    if state == "Z":
        _bury(pid)
    return None if state in "ZX" else (f"{boot} {ticks}", state in "Tt")


def _bury(pid: int) -> None:
    """Free the number of a child of ours that has ended; those of others are theirs to free."""
    with suppress(OSError):
        os.waitpid(pid, getattr(os, "WNOHANG", 0))


def _look_with_ps(pid: int) -> tuple[str, bool] | None:
    try:
        shown = subprocess.run(
            ["ps", "-o", "lstart=,stat=", "-p", str(pid)],
            capture_output=True,
            text=True,
            env={**os.environ, "LC_ALL": "C"},
            timeout=5,
        ).stdout.split()
    except (OSError, subprocess.TimeoutExpired):
        return None
    if len(shown) < 2:
        return None
    if shown[-1].startswith("Z"):
        _bury(pid)
        return None
    return " ".join(shown[:-1]), shown[-1].startswith("T")


if sys.platform == "win32":
    import ctypes
    from ctypes import wintypes

    _kernel = ctypes.WinDLL("kernel32", use_last_error=True)
    _kernel.OpenProcess.restype = wintypes.HANDLE

    def _look_in_windows(pid: int) -> tuple[str, bool] | None:
        handle = _kernel.OpenProcess(_QUERY, False, pid)
        if not handle:
            return None
        times = [wintypes.FILETIME() for _ in range(4)]
        code = wintypes.DWORD()
        try:
            _kernel.GetProcessTimes(wintypes.HANDLE(handle), *(ctypes.byref(time) for time in times))
            _kernel.GetExitCodeProcess(wintypes.HANDLE(handle), ctypes.byref(code))
        finally:
            _kernel.CloseHandle(wintypes.HANDLE(handle))
        if code.value != _STILL_ACTIVE:
            return None
        return f"{times[0].dwHighDateTime}.{times[0].dwLowDateTime}", False

    def _set_class(pid: int) -> None:
        handle = _kernel.OpenProcess(_SET, False, pid)
        if handle:
            _kernel.SetPriorityClass(wintypes.HANDLE(handle), _BELOW_NORMAL)
            _kernel.CloseHandle(wintypes.HANDLE(handle))
