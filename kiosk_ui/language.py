"""Languages: Chinese and English through gettext, dates as each reader expects them."""

import gettext
import io
from collections.abc import Callable
from datetime import date
from pathlib import Path
from typing import NamedTuple

from babel.dates import format_date
from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po

LOCALES = {"zh": "zh_Hans_CN", "en": "en"}
NAMES = {"zh": "中文", "en": "English"}
FOLDER = Path(__file__).parent / "locale"


class Language(NamedTuple):
    """A reader's language: its code and how words and days are written in it."""

    code: str
    word: Callable[[str], str]

    def day(self, text: str | date | None) -> str:
        """Writes a day as its reader expects, such as 2026年11月22日."""
        if text is None:
            return ""
        day = date.fromisoformat(text) if isinstance(text, str) else text
        return format_date(day, format="long", locale=LOCALES[self.code])

    @property
    def other(self) -> str:
        """The code of the other language."""
        return "en" if self.code == "zh" else "zh"


def load_languages() -> dict[str, Language]:
    """Reads the catalogues; English is the language the words are written in."""
    languages = {"en": Language("en", lambda text: text)}
    with (FOLDER / "zh.po").open("rb") as file:
        catalogue = read_po(file, locale="zh_Hans_CN", abort_invalid=True)
    compiled = io.BytesIO()
    write_mo(compiled, catalogue)
    compiled.seek(0)
    languages["zh"] = Language("zh", gettext.GNUTranslations(compiled).gettext)
    return languages


def choose(stated: str | None, accepted: str) -> str:
    """Chooses a language: as the address states, else as the browser asks, else Chinese."""
    if stated in LOCALES:
        return stated
    for part in accepted.split(","):
        code = part.split(";")[0].strip().lower()[:2]
        if code in LOCALES:
            return code
    return "zh"
