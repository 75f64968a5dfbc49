"""Searching products: by what they are called or how that is said, then by what is left of a label or of a word."""

import re
from typing import Any

from psycopg.rows import DictRow

from ledger.values.bigrams import bigrams
from ledger.values.spoken import as_letters, is_said_so, letter_grams
from query_api import schemas
from query_api.problems import Problem
from query_api.views import Reader, gtin_of, rows

# Of a product found: what stops some of its lots, or the lot that was found.
STOPPED = """(SELECT CASE max(CASE kind WHEN 'recall' THEN 2 ELSE 1 END) WHEN 2 THEN 'recalled' WHEN 1 THEN 'held' END
  FROM trade.stopped_lots s WHERE s.product = n.gtin AND s.how = 'stopped' AND s.ended_at IS NULL{of})"""
FOUND = f"""
SELECT n.gtin, p.name_zh, p.name_en, p.category, p.pack, p.shelf_life_days,
       coalesce(m.name, p.maker) AS maker, p.base, {STOPPED.format(of="{of}")} AS stopped, {{lot}} AS lot
FROM named n LEFT JOIN trade.products p ON p.gtin = n.gtin
     LEFT JOIN trade.merchants m ON m.merchant = p.maker
ORDER BY {{order}} p.name_zh, n.gtin LIMIT %(limit)s
"""
NAMED = """
WITH named AS (
    SELECT gtin FROM trade.products
    WHERE (%(grams)s::text[] <> '{}' AND bigrams @> %(grams)s::text[])
       OR name_zh ILIKE %(like)s OR name_en ILIKE %(like)s
    UNION SELECT gtin FROM trade.products WHERE gtin = %(gtin)s
    UNION SELECT gtin FROM trade.products WHERE gtin = ANY(%(said)s)
    UNION SELECT product FROM trade.lots
    WHERE (lot = %(lot)s OR product = %(gtin)s) AND entries > 0 AND product NOT LIKE 'item:%%'
)""" + FOUND.format(lot="NULL", of="", order="")
# Whose names have these pairs of letters; whether in this order is looked at one by one.
SAID = "SELECT gtin AS id, spoken FROM trade.products WHERE spoken_grams @> %s::text[] ORDER BY gtin LIMIT %s"
SAID_MERCHANTS = (
    "SELECT merchant AS id, spoken FROM trade.merchants WHERE spoken_grams @> %s::text[]"
    " ORDER BY merchant LIMIT %s"
)
SAID_MAX = 2000
# One letter says nothing.
LETTERS_MIN = 2
# What bears these digits, read off a torn label.
BEARING = "WITH named AS (SELECT gtin FROM trade.products WHERE gtin LIKE %(part)s)" + FOUND.format(
    lot="NULL", of="", order=""
)
# Lots whose number begins so, as one is read off a smudged label; the index on lots finds them.
# Compared by their bytes: a city's database may sort as its language does, where a lower letter is no end.
BEGINNING = """
WITH named AS (
    SELECT product AS gtin, substr(lot, 3) AS lot FROM trade.lots
    WHERE lot ~>=~ %(begin)s AND lot ~<~ %(end)s AND entries > 0 AND product NOT LIKE 'item:%%'
    ORDER BY lot USING ~<~ LIMIT %(limit)s
)""" + FOUND.format(lot="n.lot", of=" AND s.lot = 'L:' || n.lot", order="")
# Names that share most pairs of letters with what was typed: another spelling, a slip of the finger.
ALIKE = """
WITH alike AS (
    SELECT gtin, cardinality(ARRAY(SELECT unnest(bigrams) INTERSECT SELECT unnest(%(grams)s::text[]))) AS shared
    FROM trade.products WHERE bigrams && %(grams)s::text[]
), named AS (SELECT * FROM alike WHERE shared >= %(least)s)
""" + FOUND.format(lot="NULL", of="", order="n.shared DESC,")
# So few digits say nothing; so many are a whole number, or a wrong one.
DIGITS = r"[0-9]{4,11}"
# The shortest number of a product (GTIN-8).
NUMBER_MIN = 8
# Of so few characters a lot's number or another word would be anything.
PART_MIN = 3
# Of a word's pairs: yogurt shares four of five with yoghurt. One pair of letters alone says nothing,
# one of Chinese characters is a word.
ALIKE_SHARE = 0.6


def products_found(reader: Reader, text: str, limit: int) -> schemas.ProductList:
    """Returns what a text names; where nothing is called so, what its digits, its beginning or its letters point to."""
    # So many digits are a number: no name is called so, though one may have their pairs, as 200 has those of 2000000000000.
    is_number = text.isdigit() and len(text) >= NUMBER_MIN
    grams = [] if is_number else [gram for gram in bigrams(text) if len(gram) == 2]
    asks: dict[str, Any] = {
        "said": said_so(reader, SAID, text), "grams": grams, "gtin": _gtin(text), "like": _like(text), "lot": f"L:{text}", "limit": limit + 1,
        "part": f"%{text}%", "least": max(1 + text.isascii(), round(ALIKE_SHARE * len(grams))),
    }  # fmt: skip
    found = rows(reader, NAMED, asks)
    if not found and re.fullmatch(DIGITS, text):
        found = rows(reader, BEARING, asks)
    for begin in dict.fromkeys((f"L:{text}", f"L:{text.upper()}")):
        if not found and len(text) >= PART_MIN:
            found = rows(reader, BEGINNING, asks | {"begin": begin, "end": begin + "\U0010ffff"})
    # Digits are no word, and nobody slips into them.
    similar = not found and len(text) >= PART_MIN and not text.isdigit()
    if similar:
        found = rows(reader, ALIKE, asks)
    shown = _without_cases(found[:limit])
    return schemas.ProductList(
        products=[schemas.FoundProduct(**row) for row in shown],
        more=len(found) > limit, similar=similar and bool(found),
    )  # fmt: skip


def _without_cases(found: list[DictRow]) -> list[DictRow]:
    """Leaves out the cases of what was found: their page is that of what they hold."""
    named = {row["gtin"] for row in found}
    return [
        {name: value for name, value in row.items() if name != "base"}
        for row in found
        if row["base"] not in named
    ]


def said_so(reader: Reader, query: str, text: str) -> list[str]:
    """Returns whose Chinese names are typed so in Latin letters, of those that a query finds by their pairs."""
    letters = as_letters(text)
    if len(letters) < LETTERS_MIN:
        return []
    found = rows(reader, query, [letter_grams(letters), SAID_MAX])
    return [row["id"] for row in found if is_said_so(row["spoken"], letters)]


def _gtin(text: str) -> str:
    try:
        return gtin_of(text)
    except Problem:
        return ""


def _like(text: str) -> str:
    """Returns a pattern for a single character, which makes no pair; else one that nothing is like."""
    escaped = text.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")
    return f"%{escaped}%" if len(text) == 1 else ""
