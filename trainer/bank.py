"""A bank of latents: codes and attributes for the latent map, in a small file without pictures or names of people.

The file is a compressed NumPy archive: ``codes`` (float16, n × latent), ``attributes`` (int8, n × entries; -1 or
1, or 0 and 1 for classes), ``names`` of the entries, and the ``model``'s digest. It is read without pickle.
"""

from __future__ import annotations

import io
import zipfile
import zlib
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from trainer.errors import DataError

LARGEST_BANK = 1_000_000
"""Bytes of a bank that is shipped beside a model."""
LARGEST_FILE = 1 << 28
"""Bytes, also unpacked, above which no bank is read."""


@dataclass(frozen=True)
class Bank:
    """Codes with what is known of each.

    Attributes:
        codes: n × latent, float32 in memory.
        attributes: n × entries, int8.
        names: Of the entries.
        model: Digest of the model whose codes they are.
    """

    codes: npt.NDArray[np.float32]
    attributes: npt.NDArray[np.int8]
    names: tuple[str, ...]
    model: str

    def to_bytes(self) -> bytes:
        """The file's content."""
        buffer = io.BytesIO()
        np.savez_compressed(
            buffer,
            codes=self.codes.astype(np.float16),
            attributes=self.attributes,
            names=np.array(self.names, np.str_),
            model=np.array(self.model, np.str_),
        )
        return buffer.getvalue()


def read_bank(path: Path) -> Bank:
    """Read and check a bank.

    Raises:
        DataError: One sentence with the file and the reason.
    """
    try:
        with zipfile.ZipFile(path) as archive:  # a small file can unpack to a very large one
            if sum(member.file_size for member in archive.infolist()) > LARGEST_FILE:
                raise DataError(
                    f"{path.name} unpacks to more than a bank of latents may hold: use another file."
                )
        with np.load(path, allow_pickle=False) as arrays:
            codes, attributes = arrays["codes"], arrays["attributes"]
            names, model = arrays["names"], arrays["model"]
    except OSError as error:
        raise DataError(f"The bank of latents {path} cannot be read: {error.strerror}.") from error
    except (zipfile.BadZipFile, zlib.error, KeyError, ValueError, EOFError, TypeError) as error:
        raise DataError(f"{path.name} is not a bank of latents, or it is damaged: make it again.") from error
    kinds = (codes.dtype, attributes.dtype, names.dtype.kind, model.dtype.kind)
    if kinds != (np.float16, np.int8, "U", "U") or codes.ndim != 2 or attributes.ndim != 2 or names.ndim != 1:
        raise DataError(f"{path.name} holds other arrays than a bank of latents: make it again.")
    if len(codes) < 2 or attributes.shape != (len(codes), len(names)):
        raise DataError(f"{path.name}: codes, attributes and names do not fit together: make it again.")
    if not np.isfinite(codes).all():
        raise DataError(f"{path.name} holds numbers that are not finite: make it again.")
    return Bank(codes.astype(np.float32), attributes, tuple(str(name) for name in names), str(model))
