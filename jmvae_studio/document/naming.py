"""Names of exported files, made from a pattern such as ``{name}-{attributes}-{number}``."""

from __future__ import annotations

import re
import string
from collections.abc import Iterable
from pathlib import Path

from jmvae_studio.document.series import Values
from jmvae_studio.language import tr

FIELDS = ("name", "what", "attributes", "number")
DEFAULT_PATTERN = "{name} {what}"
_LONGEST = 120
_FORBIDDEN = re.compile(r'[\x00-\x1f<>:"/\\|?*]')


class PatternError(Exception):
    """A pattern that cannot be used: what is wrong and what to do."""


def check_pattern(pattern: str) -> None:
    """Refuse a pattern that does not lead to a name.

    Raises:
        PatternError: It is empty, its braces do not match, or it holds an unknown field.
    """
    known = ", ".join(f"{{{field}}}" for field in FIELDS)
    try:
        fields = [
            (field, spec, conversion) for _, field, spec, conversion in string.Formatter().parse(pattern)
        ]
    except ValueError as error:
        raise PatternError(
            tr(
                "The name “{pattern}” has a brace without its partner: write {known} or plain text.",
                pattern=pattern,
                known=known,
            )
        ) from error
    for field, spec, conversion in fields:
        if field is not None and (field not in FIELDS or spec or conversion):
            raise PatternError(
                tr("The name has no field “{{{field}}}”: there are {known}.", field=field, known=known)
            )
    if not pattern.strip(" ."):
        raise PatternError(tr("The name is empty: write a pattern such as {name} {what}."))


def file_name(pattern: str, name: str, what: str, values: Iterable[tuple[str, float]], folder: Path) -> str:
    """A file's name without its ending.

    Args:
        pattern: With the fields of `FIELDS`.
        name: Of the photograph, without its ending.
        what: What it is: “edited”, “face”, “grid” …
        values: Attributes of the edit, those of the strongest change first.
        folder: Where it goes; ``{number}`` is the first one that is free there, counted from 1.

    Raises:
        PatternError: See `check_pattern`.
    """
    check_pattern(pattern)
    said = describe(tuple(values))
    taken = _stems(folder) if "{number}" in pattern else set()
    number = 1
    while True:
        filled = pattern.format(name=name, what=what, attributes=said, number=number)
        made = _FORBIDDEN.sub("_", filled).strip(" .")[:_LONGEST] or "export"
        if made.lower() not in taken or number > len(taken):
            return made
        number += 1


def describe(values: Values) -> str:
    """The strongest four attributes with their values, such as ``Smiling+2_Male-0.5``; “unchanged” for none."""
    strongest = sorted(values, key=lambda pair: -abs(pair[1]))[:4]
    return "_".join(f"{name}{round(value, 1):+g}" for name, value in strongest) or "unchanged"


def _stems(folder: Path) -> set[str]:
    try:
        return {path.stem.lower() for path in folder.iterdir()}
    except OSError:
        return set()
