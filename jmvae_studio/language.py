"""The words of the program in the user's language: every text that is shown goes through `tr` or `trn`."""

from __future__ import annotations

import gettext
from collections.abc import Sequence

from jmvae_studio.resources import resource

DOMAIN = "jmvae_studio"
"""Name of the catalogues: ``resources/locale/LANGUAGE/LC_MESSAGES/jmvae_studio.mo``."""

_catalogue = gettext.NullTranslations()


def choose(languages: Sequence[str]) -> None:
    """Speak the first of these languages that there is a catalogue of, as ``de_AT`` or ``de``; else English."""
    use(gettext.translation(DOMAIN, resource("locale"), languages, fallback=True))


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
    return found.format(**values) if values else found


def trn(one: str, many: str, count: int, **values: object) -> str:
    """Text for so many things; ``{count}`` is the count, in the form that the language has for it."""
    return _catalogue.ngettext(one, many, count).format(count=count, **values)
