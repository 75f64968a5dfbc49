"""What the register's Chinese names sound like: their readings, by a dictionary of words and of characters."""

import re
from functools import lru_cache

from pypinyin import Style, pinyin

# Of a character that has many readings the likeliest stand first.
READINGS_MAX = 4
# Runs of Chinese characters, and of letters and digits, which are said as they are written.
RUNS = re.compile(r"[\u3400-\u9fff]+|[0-9a-z]+")


@lru_cache(10_000)
def spoken_of(name: str) -> str:
    """Returns the readings of a name's characters (`ledger/values/spoken.py`); a word or number is its own."""
    return " ".join(one for run in RUNS.findall(name.casefold()) for one in _readings(run))


def _readings(run: str) -> list[str]:
    if run.isascii():
        return [run]
    said = pinyin(run, style=Style.NORMAL, heteronym=True, errors="ignore")
    return [",".join(dict.fromkeys(readings[:READINGS_MAX])) for readings in said]
