"""Edits as JSON: what an exported picture carries and what a session file holds."""

from __future__ import annotations

import json
import struct
import warnings
from collections.abc import Mapping
from typing import Any, Literal

from PIL import Image
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from jmvae_studio.document.edit import HIGHEST, LOWEST, STRONGEST, Edit, Mode
from jmvae_studio.document.photo import FaceState, KeptFace
from trainer.data.face_crop import FaceCrop

_EXIF_IFD, _USER_COMMENT = 0x8769, 0x9286
_ASCII = b"ASCII\0\0\0"
_FARTHEST = 1e6
"""Pixels: beyond any picture that is opened."""
_MOST_BYTES = 60_000
"""EXIF blocks end at 64 KB."""


class EditRecord(BaseModel):
    """An `Edit`."""

    model_config = ConfigDict(extra="ignore", allow_inf_nan=False)

    values: dict[str, float] = Field(default_factory=dict, max_length=1000)
    mode: Mode = "latent"
    locked: list[str] = Field(default_factory=list)
    free: list[str] = Field(default_factory=list)
    strength: float = Field(default=1.0, ge=0, le=STRONGEST)
    identity: float = Field(default=1.0, ge=0, le=STRONGEST)

    @classmethod
    def of(cls, edit: Edit) -> EditRecord:
        """Of an edit."""
        return cls(
            values=dict(edit.values),
            mode=edit.mode,
            locked=list(edit.locked),
            free=list(edit.free),
            strength=edit.strength,
            identity=edit.identity,
        )

    def edit(self) -> Edit:
        """As an edit; values out of range are brought into it."""
        values = {name: min(max(value, LOWEST), HIGHEST) for name, value in self.values.items()}
        locked = tuple(sorted(set(self.locked) & set(values)))
        free = tuple(sorted(set(self.free) - set(locked)))
        return Edit(tuple(sorted(values.items())), self.mode, locked, free, self.strength, self.identity)


class FaceRecord(BaseModel):
    """A `FaceState` without what the model read."""

    model_config = ConfigDict(extra="ignore", allow_inf_nan=False)

    center_x: float = Field(ge=-_FARTHEST, le=_FARTHEST)
    center_y: float = Field(ge=-_FARTHEST, le=_FARTHEST)
    side: float = Field(gt=0, le=_FARTHEST)
    roll: float = 0.0
    box: tuple[int, int, int, int] | None = None
    edit: EditRecord = Field(default_factory=EditRecord)
    told: dict[str, float] = Field(default_factory=dict, max_length=1000)
    came: Mode = "latent"

    @classmethod
    def of(cls, face: FaceState | KeptFace) -> FaceRecord:
        """Of a face."""
        crop = face.crop
        return cls(
            center_x=crop.center_x,
            center_y=crop.center_y,
            side=crop.side,
            roll=crop.roll,
            box=face.box,
            edit=EditRecord.of(face.edit),
            told=dict(face.told),
            came=face.came if isinstance(face, FaceState) else "latent",
        )

    def face(self) -> FaceState:
        """As a face that no model has read yet."""
        crop = FaceCrop(self.center_x, self.center_y, self.side, self.roll)
        told = {name: min(max(value, -1.0), 1.0) for name, value in self.told.items()}
        return FaceState(crop, self.box, self.edit.edit(), told=tuple(sorted(told.items())), came=self.came)


class PictureSettings(BaseModel):
    """What an exported picture tells of its making.

    Attributes:
        program: Names the format.
        version: Of the program.
        model: Digest of the model.
        faces: The faces that were edited, with their crops.
    """

    model_config = ConfigDict(extra="ignore")

    program: Literal["JMVAE Studio"] = "JMVAE Studio"
    version: str = ""
    model: str = ""
    faces: list[FaceRecord] = Field(default_factory=list, max_length=1000)


def with_settings(exif: bytes | None, settings: PictureSettings) -> bytes:
    """An EXIF block with the settings as its comment; what else was in it stays."""
    block = Image.Exif()
    if exif:
        block.load(exif)
    text = json.dumps(settings.model_dump()).encode("ascii")
    if len(text) < _MOST_BYTES:
        block.get_ifd(_EXIF_IFD)[_USER_COMMENT] = _ASCII + text
    return block.tobytes()


def settings_in(exif: bytes | None) -> PictureSettings | None:
    """The settings that an EXIF block carries, None if it has none that are sound."""
    if not exif:
        return None
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of damaged blocks
            block = Image.Exif()
            block.load(exif)
            comment: Mapping[int, Any] = block.get_ifd(_EXIF_IFD)
        text = comment.get(_USER_COMMENT)
        if isinstance(text, str):
            text = text.encode("latin-1", "replace")
        if not isinstance(text, bytes) or not text.startswith(_ASCII):
            return None
        return PictureSettings.model_validate_json(text[len(_ASCII) :])
    except (ValidationError, ValueError, KeyError, TypeError, SyntaxError, OSError, EOFError, struct.error):
        return None  # damaged or another program's: the picture is as good without
