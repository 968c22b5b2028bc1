"""Decode pictures in a process of its own, which has little memory and time: a hostile file harms only that.

The process is asked over a socket, and is given with each question an anonymous file to put the pixels in, so that
they are never copied. What comes back is numbers and text; nothing of it is executed.
"""

from __future__ import annotations

import base64
import json
import mmap
import os
import signal
import socket
import subprocess
import sys
import tempfile
from collections import deque
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np
from PIL import AvifImagePlugin, Image

from trainer.data.image_colours import Pixels
from trainer.data.images import MAX_PIXELS, OpenedImage, open_image, shown_name
from trainer.errors import ImageError

with suppress(ImportError):  # not on Windows, where there is no helper either
    import resource

MEMORY = 1 << 30
"""Bytes for decoding one picture, beside its pixels."""
SECONDS = 10
"""Of the processor, for decoding one picture."""
_PATIENCE = 60.0
"""Seconds by the clock until an answer is given up: a drive may be slow, and the processor busy elsewhere."""
_COPIED = 1 << 24
"""Bytes of pixels up to which they are copied, so that many small pictures hold no files open."""
_ROOT = Path(__file__).resolve().parents[2]


class Decoder:
    """Opens pictures like :func:`~trainer.data.images.open_image`, each in a helper process; from any thread.

    A helper serves one picture after another, and is replaced if a picture was too much for it. Where a process
    cannot be given files (Windows), pictures are decoded in this one.

    Args:
        memory: Bytes that decoding one picture may take, beside its pixels (not enforced by macOS).
        seconds: Of the processor that it may take.
    """

    def __init__(self, memory: int = MEMORY, seconds: int = SECONDS) -> None:
        self._limits = memory, seconds
        self._idle: deque[_Helper] = deque()
        self._busy: set[_Helper] = set()
        self._closed = self._abandoned = False

    def open(self, path: Path | str, *, max_side: int | None = None) -> OpenedImage:
        """Open a picture file; arguments and errors are those of :func:`~trainer.data.images.open_image`.

        Raises:
            ImageError: Also if the file takes more memory or time than is given, or ends the helper.
        """
        path = Path(path)
        if not hasattr(socket, "send_fds"):
            return open_image(path, max_side=max_side)
        helper = self._take(path)
        self._busy.add(helper)
        if self._abandoned:
            helper.kill()
        try:
            image = helper.open(path, max_side)
        except ImageError:
            self._keep(helper)
            raise
        except BaseException:
            helper.end()
            raise
        finally:
            self._busy.discard(helper)
        self._keep(helper)
        return image

    def close(self) -> None:
        """End the helpers; one that is at work ends with its picture."""
        self._closed = True
        while self._idle:
            self._idle.pop().end()

    def abandon(self) -> None:
        """End the helpers at once; whoever waits for a picture gets an `ImageError`."""
        self._abandoned = True
        for helper in list(self._busy):
            helper.kill()
        self.close()

    def __enter__(self) -> Decoder:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _take(self, path: Path) -> _Helper:
        with suppress(IndexError):
            while True:
                helper = self._idle.pop()
                if helper.is_there:
                    return helper
                helper.end()
        try:
            return _Helper(*self._limits)
        except OSError as error:
            reason = error.strerror or type(error).__name__
            raise ImageError(
                f"{shown_name(path)} cannot be decoded ({reason}): close other programs and try again."
            ) from error

    def _keep(self, helper: _Helper) -> None:
        if helper.is_there:
            self._idle.append(helper)
        else:
            helper.end()  # it was killed after its answer
        if self._closed:
            self.close()


class _Helper:
    """The process, seen from the program."""

    def __init__(self, memory: int, seconds: int) -> None:
        self._seconds = seconds
        self._socket, other = socket.socketpair()
        self._socket.settimeout(_PATIENCE)
        numbers = [str(number) for number in (other.fileno(), memory, seconds)]
        with other:
            try:
                self._process = subprocess.Popen(
                    [sys.executable, "-m", "trainer.data.decoder", *numbers],
                    cwd=_ROOT,
                    stdin=subprocess.DEVNULL,
                    stdout=subprocess.DEVNULL,
                    stderr=subprocess.DEVNULL,  # libtiff and others speak of damage there
                    pass_fds=(other.fileno(),),
                )
            except BaseException:
                self._socket.close()
                raise

    @property
    def is_there(self) -> bool:
        return self._process.poll() is None

    def open(self, path: Path, max_side: int | None) -> OpenedImage:
        """Ask for a picture.

        Raises:
            ImageError: The process refuses it, does not answer in time, or ends; then it is not there any more.
        """
        name = base64.b64encode(os.fsencode(path.absolute())).decode()
        with _anonymous_file() as store:
            try:
                question = json.dumps({"path": name, "max_side": max_side}).encode() + b"\n"
                socket.send_fds(self._socket, [question], [store.fileno()])
                with self._socket.makefile("rb") as answers:
                    answer = json.loads(answers.readline())
                if "error" not in answer:
                    return _image_of(answer, store.fileno(), path)
            except (OSError, ValueError, KeyError, TypeError) as error:
                raise ImageError(self._why(shown_name(path), isinstance(error, TimeoutError))) from error
        raise ImageError(str(answer["error"]))

    def kill(self) -> None:
        """Stop the process from another thread; the one that waits for it notices."""
        self._process.kill()

    def end(self) -> None:
        """Stop the process, whatever it does."""
        self._socket.close()
        self._process.kill()
        self._process.wait()

    def _why(self, name: str, late: bool) -> str:
        """Why there is no answer; the process is ended."""
        with suppress(subprocess.TimeoutExpired):
            self._process.wait(0 if late else 1)
        late |= self._process.poll() == -signal.SIGXCPU
        self.end()
        if late:
            return f"{name} takes longer than {self._seconds} s to decode: save it anew in another program first."
        return f"{name} is damaged, decoding it broke off: copy or download it again."


def _anonymous_file() -> Any:
    """A file without a name, in memory where the system has such."""
    if hasattr(os, "memfd_create"):
        return os.fdopen(os.memfd_create("picture"), "r+b", buffering=0)
    return tempfile.TemporaryFile(buffering=0)


def _image_of(answer: dict[str, Any], descriptor: int, path: Path) -> OpenedImage:
    """The picture that the helper has put into a file.

    Raises:
        ValueError: There is no such picture in it.
    """
    height, width = (int(side) for side in answer["size"])
    size = height * width * 3
    if height < 1 or width < 1 or size > 3 * MAX_PIXELS or os.fstat(descriptor).st_size != size:
        raise ValueError("no picture of this size")
    memory = mmap.mmap(descriptor, size, access=mmap.ACCESS_READ)
    pixels = np.frombuffer(memory, np.uint8).reshape(height, width, 3)
    if size <= _COPIED:
        pixels = pixels.copy()
        pixels.flags.writeable = False
    icc, exif = (
        None if block is None else base64.b64decode(block) for block in (answer["icc"], answer["exif"])
    )
    return OpenedImage(
        pixels, path, str(answer["format"]), icc, exif, tuple(str(note) for note in answer["notes"])
    )


# In the process ------------------------------------------------------------------------------------


def serve(descriptor: int, memory: int, seconds: int) -> None:
    """Answer questions on a socket until it is closed."""
    AvifImagePlugin.DEFAULT_MAX_THREADS = 4  # each takes memory
    with socket.socket(fileno=descriptor) as connection:
        while True:
            question, files, _, _ = socket.recv_fds(connection, 1 << 16, 1)
            if not question:
                return
            with os.fdopen(files[0], "r+b", buffering=0) as store:
                connection.sendall(json.dumps(_answer(json.loads(question), store, memory, seconds)).encode())
                connection.sendall(b"\n")


def _answer(question: dict[str, Any], store: Any, memory: int, seconds: int) -> dict[str, Any]:
    path = Path(os.fsdecode(base64.b64decode(question["path"])))
    held, given = _held(), memory

    def room(shape: tuple[int, ...]) -> Pixels:
        nonlocal given
        size = int(np.prod(shape))
        os.ftruncate(store.fileno(), size)
        given += size
        _limit_memory(held, given)
        return np.frombuffer(mmap.mmap(store.fileno(), size), np.uint8).reshape(shape)

    try:
        _limit_time(seconds)
        _limit_memory(held, memory)
        image = open_image(path, max_side=question["max_side"], room=room)
    except ImageError as error:
        if isinstance(error.__cause__, MemoryError) or _progressive_memory(path) > memory:
            much = f"{memory / (1 << 30):.2g} GB of memory"
            return {
                "error": f"{shown_name(path)} takes more than {much} to decode: save it smaller or anew first."
            }
        return {"error": str(error)}
    icc, exif = (
        None if block is None else base64.b64encode(block).decode()
        for block in (image.icc_profile, image.exif)
    )
    size = image.pixels.shape[:2]
    return {"size": size, "format": image.format, "icc": icc, "exif": exif, "notes": image.notes}


def _progressive_memory(path: Path) -> int:
    """Bytes that a progressive JPEG takes, whose decoder calls a lack of them damage; 0 for other files.

    The coefficients of the whole picture, two bytes each, and Pillow's four bytes a pixel.
    """
    try:
        with Image.open(path, formats=("JPEG",)) as image:
            if "progressive" not in image.info:
                return 0
            shares = [across * down for _, across, down, _ in image.layer]  # type: ignore[attr-defined]
            return int(image.width * image.height * (4 + 2 * sum(shares) / max(shares)))
    except (OSError, ValueError):
        return 0


def _limit_time(seconds: int) -> None:
    """Be ended after so many more seconds of the processor."""
    used = resource.getrusage(resource.RUSAGE_SELF)
    _limit(resource.RLIMIT_CPU, int(used.ru_utime + used.ru_stime) + seconds + 1)


def _held() -> int | None:
    """Bytes of this process's address space; None where that is not told."""
    told = Path("/proc/self/statm")
    return int(told.read_text().split()[0]) * mmap.PAGESIZE if told.exists() else None


def _limit_memory(held: int | None, size: int) -> None:
    """Get no more than so many bytes beyond those held."""
    if held is not None:
        _limit(resource.RLIMIT_AS, held + size)


def _limit(kind: int, value: int) -> None:
    """Limit what may be raised again, below a limit that may not."""
    _, most = resource.getrlimit(kind)
    resource.setrlimit(kind, (value if most == resource.RLIM_INFINITY else min(value, most), most))


if __name__ == "__main__":
    serve(*(int(argument) for argument in sys.argv[1:]))
