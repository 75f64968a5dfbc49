"""`correct`: an entry voided, replaced, or put on the one it was really with."""

import argparse
import json
import uuid
from decimal import Decimal, InvalidOperation
from typing import Any

import msgspec

from ledger.events.base import Event
from ledger.events.cases import OfficerCorrected
from ledger.events.catalogue import read_report, upcast
from ledger.events.reports import DaySalesTotalled, EntryCorrected, GoodsAsRead, GoodsMoved
from ledger.rules.officer import CorrectEntry
from ledger.values.gtin import Gtin
from ledger.values.ids import is_id
from ledger.values.quantity import StatedQuantity, Unit
from scanners.cards import CardBox, plain_name
from scanners.importing.rows import describe
from scanners.tape import Tape
from scanners.words import shown
from suyuan.commands import Failed, day, name, say_line
from suyuan.commands.device import AtWork, add_device, at_work, common_of, keep
from suyuan.commands.requesting import send


def add_correct(verbs: Any) -> None:
    """`correct`: void or replace an entry."""
    verb = verbs.add_parser(
        "correct", help="void an entry, replace what a line says, or with whom a delivery was"
    )
    verb.add_argument("number", type=int, help="the entry's number on its tape")
    verb.add_argument("--reason", required=True)
    verb.add_argument("--of", type=uuid.UUID, metavar="TAPE", help="another tape's id, if not this")
    verb.add_argument("--scope", choices=["line", "session", "delivery"], default="line",
                      help="this line, its scan session, or its delivery")  # fmt: skip
    verb.add_argument("--was-with", metavar="WHO",
                      help="the right supplier or buyer: a merchant's id, or a card's name")  # fmt: skip
    verb.add_argument("--amount", help="replace: the right amount")
    verb.add_argument("--unit", choices=[unit.value for unit in Unit])
    verb.add_argument("--gtin", help="replace: the goods, 8 to 14 digits")
    verb.add_argument("--item", help="replace: the goods, where they have no code")
    verb.add_argument("--lot")
    verb.add_argument("--produced", type=day)
    verb.add_argument("--expires", type=day)
    verb.add_argument("--as", dest="by", type=name,
                      help="an officer corrects a merchant's entry: with --of and --merchant")  # fmt: skip
    verb.add_argument("--merchant", type=name, help="with --as: whose entry it is")
    add_device(verb)
    verb.set_defaults(run=run_correct)


def run_correct(stated: argparse.Namespace) -> int:
    """Puts the correction on the tape; what was entered stays on record beside it."""
    if stated.by is not None:
        return _by_officer(stated)
    with at_work(stated) as work:
        entry = _entry(stated, work.tape)
        goods, quantity = _replacement(stated, entry)
        correction = EntryCorrected(
            target_tape=str(stated.of or work.tape.id), target_number=stated.number,
            scope=stated.scope, reason=stated.reason, goods=goods, quantity=quantity,
            **_party(stated, work), **common_of(work),
        )  # fmt: skip
        keep(work, correction, stated.json, about=_about(correction, entry))
    return 0


def _by_officer(stated: argparse.Namespace) -> int:
    """Asks the ledger to put an officer's correction on record."""
    if stated.of is None or stated.merchant is None:
        raise Failed("an officer says --of TAPE and --merchant M: whose entry it is")
    goods, quantity = _replacement(stated, None)
    party = {} if stated.was_with is None else {"counterparty": stated.was_with}
    correction = OfficerCorrected(
        merchant=stated.merchant, target_tape=str(stated.of), target_number=stated.number,
        scope=stated.scope, by=stated.by, reason=stated.reason, goods=goods, quantity=quantity,
        **party,
    )  # fmt: skip
    send(stated, [CorrectEntry(correction)])
    words = {"ok": True, "tape": str(stated.of), "number": stated.number, "by": stated.by}
    said = f"no. {stated.number} of {stated.of} is corrected by {stated.by}"
    say_line(json.dumps(words) if stated.json else said)
    return 0


def _entry(stated: argparse.Namespace, tape: Tape) -> Event | None:
    """Returns the entry to correct where it is on this tape. Raises `Failed` for what cannot be."""
    if stated.of is not None and str(stated.of) != tape.id:
        return None
    if not 2 <= stated.number <= tape.last():  # 1 is the tape's opening
        raise Failed(f"this tape has the entries 2 to {tape.last()}, not {stated.number}")
    entry = upcast(read_report(tape.since(stated.number, 1)[0].report))
    if isinstance(entry, EntryCorrected):
        words = f"{stated.number} is a correction itself: correct number {entry.target_number}"
        raise Failed(f"{words} again, and the latest counts")
    return entry


def _about(correction: EntryCorrected, entry: Event | None) -> str:
    """Says what a correction does, with the entry it is about."""
    what = {"line": "", "session": " and its scan session", "delivery": " and its delivery"}
    named = f"no. {correction.target_number}{what[correction.scope]}"
    if isinstance(entry, GoodsMoved | DaySalesTotalled) and getattr(entry, "lines", True):
        named = f"{named} ({describe(entry)})"
    if correction.voids:
        return f"voids {named}"
    if correction.goods is not None and correction.quantity is not None:
        return f"{named} says now {shown(correction.goods, correction.quantity)}"
    return f"{named} was with {correction.counterparty or 'the one on the card'}"


def _party(stated: argparse.Namespace, work: AtWork) -> dict[str, Any]:
    """Returns with whom it was, where that is what was wrong."""
    if stated.was_with is None:
        return {}
    cards = CardBox(work.tape)
    # A name this device keeps a card of comes first: it may be written like an id.
    if plain_name(stated.was_with) not in cards.refs() and is_id(stated.was_with):
        return {"counterparty": stated.was_with}
    return {"counterparty_card": cards.ref_of(stated.was_with)}


def _replacement(
    stated: argparse.Namespace, entry: Event | None
) -> tuple[GoodsAsRead | None, StatedQuantity | None]:
    """Returns what a line should say, or nothing when it is voided; what is not said anew stays."""
    words = ("gtin", "item", "amount", "unit", "lot", "produced", "expires")
    if all(getattr(stated, word) is None for word in words):
        return None, None
    former = entry if isinstance(entry, GoodsMoved) else None
    goods = _goods(stated, former.goods if former is not None else None)
    if stated.amount is None and former is None:
        raise Failed("a replacement of another tape's line says all of it: goods and --amount")
    if stated.amount is None and former is not None:
        unit = Unit(stated.unit) if stated.unit else former.quantity.unit
        return goods, msgspec.structs.replace(former.quantity, unit=unit)
    try:
        amount = Decimal(stated.amount)
    except InvalidOperation:
        raise Failed(f"an amount is a number, not {stated.amount!r}") from None
    unit = Unit(stated.unit or (former.quantity.unit.value if former is not None else "piece"))
    return goods, StatedQuantity(amount=amount, unit=unit)


def _goods(stated: argparse.Namespace, former: GoodsAsRead | None) -> GoodsAsRead:
    dates = {"lot": stated.lot, "produced": stated.produced, "expires": stated.expires}
    said = {name: value for name, value in dates.items() if value is not None}
    if said:
        said["dates_from"] = "keyed"
    if stated.gtin or stated.item:
        # Other goods: their lot and dates are others too.
        gtin = str(Gtin(stated.gtin)) if stated.gtin else None
        return GoodsAsRead(gtin=gtin, item=stated.item, **said)
    if former is None:
        raise Failed("say which goods: --gtin or --item")
    return msgspec.structs.replace(former, raw=None, aim=None, **said)


VERBS = [add_correct]
