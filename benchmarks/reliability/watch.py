"""What watches a trial: originals that are opened for writing, and what Qt and Python complain of."""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType

from PySide6.QtCore import QMessageLogContext, QtMsgType, qInstallMessageHandler

_IGNORED = re.compile(
    r"^This plugin does not support (propagateSizeHints\(\)|raise\(\)|grabbing the (keyboard|mouse))$"
)
_WRITING = os.O_WRONLY | os.O_RDWR | os.O_APPEND | os.O_TRUNC

_guarded: dict[str, list[str]] = {}
"""Real path of an original → the faults of whoever guards it."""
_hooked = False


def _hook(event: str, arguments: tuple[object, ...]) -> None:
    if not _guarded:
        return
    if event == "open" and isinstance(arguments[0], str | bytes | os.PathLike):
        path, flags = os.path.realpath(os.fsdecode(arguments[0])), arguments[2]
        if path in _guarded and isinstance(flags, int) and flags & _WRITING:
            _guarded[path].append(f"{path} was opened for writing")
    elif event in ("os.remove", "os.rename", "os.truncate"):
        for argument in arguments[:2]:
            if isinstance(argument, str | os.PathLike) and os.path.realpath(argument) in _guarded:
                _guarded[os.path.realpath(argument)].append(f"{argument}: {event}")


@contextmanager
def guarded(originals: Sequence[Path]) -> Iterator[list[str]]:
    """Yields a list of faults that grows whenever one of the originals is opened for writing, moved or removed."""
    global _hooked
    if not _hooked:
        sys.addaudithook(_hook)  # for good: Python cannot remove one
        _hooked = True
    faults: list[str] = []
    names = [os.path.realpath(path) for path in originals]
    _guarded.update(dict.fromkeys(names, faults))
    try:
        yield faults
    finally:
        for name in names:
            _guarded.pop(name, None)


@contextmanager
def complaints() -> Iterator[list[str]]:
    """Yields a list of what Qt warns of and of exceptions that nobody caught."""
    told: list[str] = []

    def qt(kind: QtMsgType, context: QMessageLogContext, text: str | None) -> None:
        if kind not in (QtMsgType.QtDebugMsg, QtMsgType.QtInfoMsg) and not _IGNORED.match(text or ""):
            told.append(f"Qt: {text}")

    def python(kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
        told.append(f"{kind.__name__}: {error}")

    before_qt, before_python = qInstallMessageHandler(qt), sys.excepthook
    sys.excepthook = python
    try:
        yield told
    finally:
        qInstallMessageHandler(before_qt)
        sys.excepthook = before_python
