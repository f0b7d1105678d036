"""The words of the pages in each language: English stands in the sources, the others in `locales/<language>/`."""

import gettext
from collections.abc import Mapping
from io import BytesIO
from pathlib import Path

from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po

from gateway.schema import LANGUAGES

FOLDER = Path(__file__).parent / "locales"
SOURCE_LANGUAGE = "en"


def N_(message: str) -> str:  # the name by which extractors know a message that is translated later
    """Mark a message for the catalogues where it cannot be translated yet, as in a table of this module's users."""
    return message


def read(folder: Path = FOLDER) -> Mapping[str, gettext.NullTranslations]:
    """The translations of every language. Raises FileNotFoundError when a language has no catalogue."""
    return {language: _translations(folder, language) for language in LANGUAGES}


def _translations(folder: Path, language: str) -> gettext.NullTranslations:
    if language == SOURCE_LANGUAGE:
        return gettext.NullTranslations()
    compiled = BytesIO()
    with (folder / language / "LC_MESSAGES" / "everyline.po").open("rb") as file:
        write_mo(compiled, read_po(file, locale=language))
    compiled.seek(0)
    return gettext.GNUTranslations(compiled)
