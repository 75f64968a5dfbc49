"""What the register's Chinese names sound like: their readings, by a dictionary of words and of characters."""

from functools import lru_cache

from pypinyin import Style, pinyin

# Of a character that has many readings the likeliest stand first.
READINGS_MAX = 4


@lru_cache(10_000)
def spoken_of(name: str) -> str:
    """Returns the readings of a name's characters (`ledger/values/spoken.py`); what is no Chinese has none."""
    said = pinyin(name, style=Style.NORMAL, heteronym=True, errors="ignore")
    return " ".join(",".join(dict.fromkeys(readings[:READINGS_MAX])) for readings in said)
