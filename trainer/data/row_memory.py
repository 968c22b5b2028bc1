"""Memory for a large picture: its rows can be read while it is decoded, and are given back to the system."""

from __future__ import annotations

import mmap
from collections.abc import Callable

import numpy as np
from PIL import Image, ImageFile

_LAID_OUT = {"RGB": "RGBX", "RGBA": "RGBA", "CMYK": "CMYK"}
"""Mode → how Pillow lays out its four bytes a pixel."""


class RowMemory:
    """Lies under a Pillow picture from before it is decoded; Pillow's own would stay whole until the end."""

    def __init__(self, image: ImageFile.ImageFile) -> None:
        """Memory for ``image``, which is not loaded yet, and `fits`.

        Raises:
            MemoryError: There is not so much.
        """
        self._mode = _LAID_OUT[image.mode]
        self._width, self._height = image.size
        self._given_back = self._decoded = 0
        flags = mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS
        try:
            self._memory = mmap.mmap(-1, 4 * self._width * self._height, flags=flags)
        except OSError as error:
            raise MemoryError from error
        self._rows = np.frombuffer(self._memory, np.uint8).reshape(self._height, -1)
        image.im = self.strip(0, self._height).im

    @staticmethod
    def fits(image: ImageFile.ImageFile) -> bool:
        """Whether this system and this kind of picture allow it."""
        return (
            hasattr(mmap, "MADV_DONTNEED")
            and image.format in ("JPEG", "MPO", "PNG")
            and image.mode in _LAID_OUT
            and "transparency" not in image.info  # a colour that means it is known of RGB, not of RGBX
            and not getattr(image, "is_animated", False)
        )

    def strip(self, top: int, bottom: int) -> Image.Image:
        """Some of the rows as a picture on the same memory; of an ``RGB`` picture its mode is ``RGBX``."""
        size = self._width, bottom - top
        return Image.frombuffer(self._mode, size, self._rows[top:bottom], "raw", self._mode, 0, 1)

    def give_back(self, rows: int) -> None:
        """The first so many rows are not needed any more."""
        end = rows * 4 * self._width // mmap.PAGESIZE * mmap.PAGESIZE
        if end > self._given_back:
            self._memory.madvise(mmap.MADV_DONTNEED, self._given_back, end - self._given_back)
            self._given_back = end

    def watch(self, image: ImageFile.ImageFile, ready: Callable[[int], None]) -> None:
        """While a JPEG is decoded, tell how many rows are ready each time that more of the file is read.

        Pillow fills the fourth byte of an RGB pixel with 255, and decodes a JPEG from the top to the bottom.
        """
        read = image.load_read  # type: ignore[attr-defined]
        last = self._rows[:, -1]

        def read_on(size: int) -> bytes:
            while self._decoded < self._height and last[self._decoded] == 255:
                self._decoded += 1
            ready(self._decoded)
            return read(size)  # type: ignore[no-any-return]

        image.load_read = read_on  # type: ignore[attr-defined]
