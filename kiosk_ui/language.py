"""Languages: Chinese and English through gettext, dates as each reader expects them."""

import gettext
import io
from collections.abc import Callable
from datetime import date, datetime, time, timedelta
from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import NamedTuple
from zoneinfo import ZoneInfo

from babel.dates import format_date, format_datetime
from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po
from babel.numbers import format_decimal

LOCALES = {"zh": "zh_Hans_CN", "en": "en"}
# What who works here chose is remembered; a shopper's choice stays in the address alone.
COOKIE = "suyuan-lang"
NAMES = {"zh": "中文", "en": "English"}
# The markets' own time: their days begin there, and a page that names an hour means theirs.
ZONE = ZoneInfo("Asia/Shanghai")
FOLDER = Path(__file__).parent / "locale"


class Language(NamedTuple):
    """A reader's language: its code and how words and days are written in it."""

    code: str
    word: Callable[[str], str]
    # Every text that is written otherwise in this language.
    texts: frozenset[str] = frozenset()

    def day(self, text: str | date | None) -> str:
        """Writes a day as its reader expects, such as 2026年11月22日."""
        if text is None:
            return ""
        day = date.fromisoformat(text) if isinstance(text, str) else text
        return format_date(day, format="long", locale=LOCALES[self.code])

    def instant(self, text: str | datetime | None) -> str:
        """Writes an instant as day and minute of the markets' zone."""
        if text is None:
            return ""
        at = datetime.fromisoformat(text) if isinstance(text, str) else text
        return format_datetime(at, "medium", tzinfo=ZONE, locale=LOCALES[self.code])

    def due(self, text: str | datetime) -> str:
        """Writes a moment by which something has to be done; midnight is the end of the day before."""
        at = (datetime.fromisoformat(text) if isinstance(text, str) else text).astimezone(ZONE)
        if at.time() != time():
            return self.instant(at)
        return self.word("the end of {day}").format(day=self.day(at.date() - timedelta(days=1)))

    def number(self, text: str | int | None) -> str:
        """Writes a number with its groups of digits; what is none, as it is."""
        try:
            return format_decimal(Decimal(str(text)), locale=LOCALES[self.code])
        except InvalidOperation:
            return "" if text is None else str(text)

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
    texts = frozenset(str(message.id) for message in catalogue if message.id)
    found = gettext.GNUTranslations(compiled).gettext
    # Of no text a catalogue gives its own headings.
    languages["zh"] = Language("zh", lambda text: found(text) if text else "", texts)
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
