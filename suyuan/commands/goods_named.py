"""Naming goods to stop: the options by which holds and recalls say which are meant."""

import argparse
from collections.abc import Iterable
from datetime import date
from typing import Any

import msgspec

from ledger.events.holds import StoppedGoods
from ledger.values.gtin import Gtin
from suyuan.commands import Failed, day, name

# What the keys of goods without a lot number ask for instead of --lot.
OTHER_KEYS = {"D": "say --produced {}", "E": "say --expires {}", "R": "say --delivery {}"}
# The days of a line, none of them said.
NO_DAYS = dict.fromkeys(("produced_from", "produced_until", "expires_from", "expires_until"))
FIELDS = tuple(StoppedGoods.__struct_fields__)


def add_goods(verb: argparse.ArgumentParser) -> None:
    """Adds the options that name goods."""
    verb.add_argument("--product", help="its GTIN, or item:NAME of goods without a code")
    verb.add_argument("--lot", action="append", default=[], help="a lot number; may be repeated")
    verb.add_argument("--delivery", help="of goods without a code: merchant/number they came by")
    verb.add_argument("--produced", type=dates, metavar="DAY[..DAY]",
                      help="only what was produced then: 2026-11-01..2026-11-03")  # fmt: skip
    verb.add_argument("--expires", type=dates, metavar="DAY[..DAY]",
                      help="only what is good until then: ..2026-12-31")  # fmt: skip
    verb.add_argument("--supplier", type=name, help="only what came from this merchant")


def goods_of(stated: argparse.Namespace) -> tuple[StoppedGoods, ...]:
    """Returns the lines that the options name, one a lot. Raises `Failed` saying what is wrong."""
    made, ends = stated.produced or (None, None), stated.expires or (None, None)
    common: dict[str, Any] = {
        "delivery": stated.delivery, "supplier": stated.supplier,
        "produced_from": made[0], "produced_until": made[1],
        "expires_from": ends[0], "expires_until": ends[1],
    }  # fmt: skip
    try:
        common["product"] = product(stated.product)
        lots: list[str | None] = [*map(lot_number, stated.lot)] or [None]
        return tuple(StoppedGoods(lot=lot, **common) for lot in lots)
    except ValueError as error:
        raise Failed(str(error)) from error


def lot_number(text: str) -> str:
    """Returns a lot's number, also where it is given by its key as answers show it.

    Raises `Failed` for a key of another kind.
    """
    kind, colon, rest = text.partition(":")
    if colon and kind in OTHER_KEYS:
        raise Failed(f"{text} names goods without a lot number: {OTHER_KEYS[kind].format(rest)}")
    return rest if colon and kind == "L" else text


def names_goods(stated: argparse.Namespace) -> bool:
    """Tells whether any option names goods."""
    return bool(stated.product or stated.supplier or stated.lot or stated.delivery)


def goods_from(lines: Iterable[dict[str, Any]]) -> tuple[StoppedGoods, ...]:
    """Returns lines as the query API shows them."""
    found = []
    for line in lines:
        members = {field: line[field] for field in FIELDS}
        for field in FIELDS:
            if members[field] is not None and field.endswith(("_from", "_until")):
                members[field] = date.fromisoformat(members[field])
        found.append(StoppedGoods(**members))
    return tuple(found)


def is_meant(line: StoppedGoods, wanted: StoppedGoods) -> bool:
    """Tells whether a line is the one named; the dates beside its lot need not be said again."""
    if wanted.lot is None or any(wanted.days):
        return line == wanted
    return msgspec.structs.replace(line, **NO_DAYS) == wanted


def product(text: str | None) -> str | None:
    """Returns a product's key. Raises `ValueError` for a wrong GTIN."""
    return text if text is None or text.startswith("item:") else str(Gtin(text))


def line_words(line: dict[str, Any]) -> list[str]:
    """Says a line in the cells of a table: product, name, lot, dates, supplier."""
    return [
        line["product"] or "", line["name"] or "", line["lot"] or line["delivery"] or "",
        _range(line["produced_from"], line["produced_until"]),
        _range(line["expires_from"], line["expires_until"]), line["supplier"] or "",
    ]  # fmt: skip


LINE_HEADINGS = [
    "产品 product",
    "名称 name",
    "批 lot",
    "生产 made",
    "保质期至 until",
    "供货者 supplier",
]


def dates(text: str) -> tuple[date | None, date | None]:
    """Reads a day, or a range of which one end may be open, for argparse."""
    first, dots, last = text.partition("..")
    if not dots:
        return day(first), day(first)
    return (day(first) if first else None), (day(last) if last else None)


def _range(first: str | None, last: str | None) -> str:
    if first is None and last is None:
        return ""
    return first or "" if first == last else f"{first or '…'}–{last or '…'}"
