"""Languages: Chinese and English through gettext, dates as each reader expects them."""

import gettext
import io
import re
from collections.abc import Callable, Sequence
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
CHINESE = re.compile(r"[\u3400-\u9fff]")
# Units that are counted; those of a weight or a volume stay as they are.
SEVERAL = {"piece": "pieces", "case": "cases", "bag": "bags", "box": "boxes", "bottle": "bottles"}
FOLDER = Path(__file__).parent / "locale"


class Language(NamedTuple):
    """A reader's language: its code and how words and days are written in it."""

    code: str
    word: Callable[[str], str]
    # Chooses among a text of one and a text of several by a number.
    numbered: Callable[[str, str, int], str]
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

    def counted(self, one: str, several: str, n: str | int) -> str:
        """Writes a text of one or of several, with its {n} filled in."""
        words = self.numbered(one, several, _plural(n))
        return words.replace("{n}", self.number(str(n)))

    def unit(self, name: str, n: str | int | None) -> str:
        """Writes a unit as it stands behind a quantity."""
        if name not in SEVERAL:
            return self.word(name)
        return self.numbered(name, SEVERAL[name], _plural(n))

    def speaks(self, text: str) -> bool:
        """Tells whether words that somebody wrote are of this language; Chinese is told by its characters."""
        return (CHINESE.search(text) is not None) == (self.code == "zh")

    @property
    def other(self) -> str:
        """The code of the other language."""
        return "en" if self.code == "zh" else "zh"


def load_languages() -> dict[str, Language]:
    """Reads the catalogues; English is the language the words are written in."""
    plain = gettext.NullTranslations()
    languages = {"en": Language("en", plain.gettext, plain.ngettext)}
    with (FOLDER / "zh.po").open("rb") as file:
        catalogue = read_po(file, locale="zh_Hans_CN", abort_invalid=True)
    compiled = io.BytesIO()
    write_mo(compiled, catalogue)
    compiled.seek(0)
    texts = frozenset(text for message in catalogue if message.id for text in _texts(message.id))
    # Chinese says one and several alike, so that a script may ask for either.
    firsts = {text: _texts(message.id)[0] for message in catalogue for text in _texts(message.id)}
    found = gettext.GNUTranslations(compiled)
    # Of no text a catalogue gives its own headings.
    languages["zh"] = Language(
        "zh",
        lambda text: found.gettext(firsts.get(text, text)) if text else "",
        found.ngettext,
        texts,
    )
    return languages


def _plural(n: str | int | None) -> int:
    """Returns 1 for one, else what is several: "1.0" is one, and nobody knows how many None is."""
    try:
        return 1 if Decimal(str(n)) == 1 else 2
    except InvalidOperation:
        return 2


def _texts(said: str | Sequence[str]) -> tuple[str, ...]:
    return (said,) if isinstance(said, str) else tuple(said)


def choose(stated: str | None, accepted: str) -> str:
    """Chooses a language: as the address states, else as the browser asks, else Chinese."""
    if stated in LOCALES:
        return stated
    for part in accepted.split(","):
        code = part.split(";")[0].strip().lower()[:2]
        if code in LOCALES:
            return code
    return "zh"
