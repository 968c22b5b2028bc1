"""The words of the program in the user's language: every text that is shown goes through `tr` or `trn`."""

from __future__ import annotations

import gettext
from collections.abc import Iterable, Mapping
from itertools import takewhile

from jmvae_studio.resources import resource

DOMAIN = "jmvae_studio"
"""Name of the catalogues: ``resources/locale/LANGUAGE/LC_MESSAGES/jmvae_studio.mo``."""

_catalogue = gettext.NullTranslations()


def choose(languages: Iterable[str]) -> str:
    """Speak the first of these languages that there is a catalogue of, or English.

    Args:
        languages: As ``de_AT``, ``de-AT`` or ``de``, the best first; those after English are not looked at.

    Returns:
        The catalogue's language; empty for English.
    """
    names = (language.replace("-", "_") for language in languages)
    before_english = list(takewhile(lambda name: name.split("_")[0] != "en", names))
    catalogue = gettext.translation(DOMAIN, resource("locale"), before_english, fallback=True)
    use(catalogue)
    return catalogue.info().get("language", "")


def use(catalogue: gettext.NullTranslations) -> None:
    """Take every later text from this catalogue."""
    global _catalogue
    _catalogue = catalogue


def mark(text: str) -> str:
    """Text of a constant, for the translators' list only: `tr` translates it where it is shown."""
    return text


def tr(text: str, **values: object) -> str:
    """Text in the user's language, and then its ``{name}`` replaced by the values."""
    found = _catalogue.gettext(text)
    return _filled(found, text, values) if values else found


def trn(one: str, many: str, count: int, **values: object) -> str:
    """Text for so many things; ``{count}`` is the count, in the form that the language has for it."""
    plain = one if count == 1 else many
    return _filled(_catalogue.ngettext(one, many, count), plain, {"count": count, **values})


def _filled(found: str, plain: str, values: Mapping[str, object]) -> str:
    try:
        return found.format(**values)
    except (LookupError, ValueError):  # the translation misspells a name in braces: the English text is right
        return plain.format(**values)
