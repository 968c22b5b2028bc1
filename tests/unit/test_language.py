from __future__ import annotations

import gettext
from collections.abc import Iterator

import pytest

from jmvae_studio import language
from jmvae_studio.language import choose, mark, tr, trn, use


class Shouting(gettext.NullTranslations):
    def gettext(self, message: str) -> str:
        return message.upper().replace("{NAME}", "{name}")

    def ngettext(self, msgid1: str, msgid2: str, n: int) -> str:
        return f"{n} OR {{count}}"


@pytest.fixture(autouse=True)
def english_afterwards() -> Iterator[None]:
    yield
    use(gettext.NullTranslations())


def test_without_a_catalogue_the_text_itself_is_shown() -> None:
    choose(["xx_YY"])
    assert tr("Open {name}…", name="a.png") == "Open a.png…"
    assert trn("{count} face", "{count} faces", 1) == "1 face"
    assert trn("{count} face", "{count} faces", 3) == "3 faces"


def test_a_catalogue_is_asked_before_values_are_filled_in() -> None:
    use(Shouting())
    assert tr("Open {name}…", name="a.png") == "OPEN a.png…"
    assert trn("{count} face", "{count} faces", 3) == "3 OR 3"


def test_a_text_without_values_may_hold_braces() -> None:
    assert tr("{attribute}") == "{attribute}"


class Misspelling(gettext.NullTranslations):
    def gettext(self, message: str) -> str:
        return message.replace("{name}", "{nmae}")

    def ngettext(self, msgid1: str, msgid2: str, n: int) -> str:
        return "{0} {}"


def test_a_translation_with_a_misspelt_name_gives_the_english_text() -> None:
    use(Misspelling())
    assert tr("Open {name}…", name="a.png") == "Open a.png…"
    assert trn("{count} face", "{count} faces", 3) == "3 faces"


def test_marking_leaves_a_constant_as_it_is() -> None:
    use(Shouting())
    assert mark("Smiling") == "Smiling"


def test_the_names_of_languages_lead_to_the_catalogues(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[object] = []
    monkeypatch.setattr(
        language.gettext, "translation", lambda *given, **_: asked.append(given) or Shouting()
    )
    choose(["de-AT", "fr", "en-US", "nl"])
    assert tr("Open") == "OPEN"
    domain, folder, languages = asked[0]  # type: ignore[misc]
    assert (domain, folder.name) == ("jmvae_studio", "locale")
    assert languages == ["de_AT", "fr"]  # who reads English needs no other
