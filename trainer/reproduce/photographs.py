"""Faces of photographs that the user chose to be shown in an experiment's figures."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from pathlib import Path

from trainer.data.face_crop import Pixels, extract
from trainer.data.face_detection import find_faces
from trainer.data.images import open_image
from trainer.errors import DataError
from trainer.files import distinct_names


def crop_photographs(paths: Sequence[Path], size: int) -> dict[str, Pixels]:
    """The first face (`find_faces`) of every photograph, cropped as the training data is, by a title of its own.

    Args:
        paths: The files.
        size: Side of the crops in pixels.

    Raises:
        ImageError: A file is no picture.
        DataError: A photograph shows no face.
    """
    found = {}
    names = distinct_names(paths)
    named = {name.encode(errors="backslashreplace").decode(): path for name, path in names.items()}
    titles = {name: name.replace("_", " ").title() for name in named}
    told = Counter(titles.values())
    for name, path in named.items():
        photo = open_image(path).pixels
        faces = find_faces(photo)
        if not faces:
            raise DataError(
                f"No face was found in {path}: choose a photograph that shows one from the front."
            )
        title = titles[name] if told[titles[name]] == 1 else name
        found[title] = extract(photo, faces[0].crop, size)
    return found
