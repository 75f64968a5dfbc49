"""A town for trying who may see what: two districts, two markets, four merchants and their trade."""

import os
from datetime import date

from ledger.events.base import Event
from ledger.events.cases import (
    AreaStated,
    DeviceEnrolled,
    MandateGranted,
    MerchantMerged,
    MerchantRegistered,
    PremisesAdded,
)
from ledger.events.reports import GoodsAsRead
from ledger.journal.personal import PgPersonalStore
from ledger.values.cards import Card
from tests.support.databases import Database
from tests.support.line import Line
from tests.support.make import (
    FakeTape,
    days,
    drafted,
    held,
    milk,
    recalled,
    received,
    sold,
    stopped_goods,
)

# Merchant, district, market; m-4 was merged into m-1, m-9 is in no register.
PEOPLE = (("m-1", "yuelu", "west"), ("m-2", "yuelu", "west"), ("m-3", "furong", "east"))
AREAS = (("hunan", None), ("changsha", "hunan"), ("yuelu", "changsha"), ("furong", "changsha"))
RECALLED = "LOT-1"
# A farmer in no register, of whom every merchant buys.
FARMER, FARMER_CARD = Card(name="王老汉"), "00000000-0000-4000-8000-0000000000fa"


def keep_cards(database: Database) -> None:
    """Keeps the farmer's card where readers open it."""
    store = PgPersonalStore(database.dsn("suyuan_writer"), os.urandom)
    assert store.put_card(FARMER_CARD, FARMER, "d-m-1")


def town() -> Line:
    """Every merchant has stock, an alert, and a trade with the next one; one lot is recalled."""
    line = Line()
    for area, within in AREAS:
        line.case("area", area, AreaStated(area=area, name=area, within=within))
    for merchant, district, market in (*PEOPLE, ("m-4", "furong", "east")):
        _register(line, merchant, district, market)
    for number, merchant in enumerate((*(name for name, _, _ in PEOPLE), "m-4", "m-9"), 1):
        tape = line.enroll(FakeTape(f"d-{merchant}"), merchant)
        at = {"merchant": merchant, "premises": f"p-{merchant}"}
        goods = milk(f"LOT-{number}")
        line.report(
            received(10, goods, counterparty="m-2" if merchant != "m-2" else "m-1", **at),
            # More than there is: an alert of its own.
            sold(15, goods, counterparty="m-3" if merchant == "m-1" else None, **at),
            received(7, milk(RECALLED), counterparty_card=FARMER_CARD, **at),
            received(3, GoodsAsRead(item="草鱼"), counterparty_card=FARMER_CARD, **at),
            tape=tape,
        )
        # Behind its reports: the line knows it by hand, not by the register.
        line.case("device", tape.device, *_joined(tape, merchant))
    line.case(
        "aliases",
        "aliases",
        MerchantMerged(merchant="m-4", into="m-1", by="officer-1", note="同一执照"),
    )
    line.case("hold", "h-1", held(stopped_goods(lot="LOT-2")))
    goods = stopped_goods(lot=RECALLED)
    line.case("recall", "r-1", drafted(goods), recalled(goods))
    line.begin((line.now + days(1)).date())
    return line


def _joined(tape: FakeTape, merchant: str) -> tuple[Event, ...]:
    """A device as it stands in the register."""
    enrolled = DeviceEnrolled(
        device=tape.device, key=tape.key.public, ledger_keys=("ed25519:AA",), name=tape.device
    )
    since = date(2020, 1, 1)
    return enrolled, MandateGranted(device=tape.device, merchant=merchant, valid_from=since)


def _register(line: Line, merchant: str, district: str, market: str) -> None:
    entry = MerchantRegistered(
        merchant=merchant, name=f"摊位 {merchant}", kind="retailer", district=district
    )
    place = PremisesAdded(merchant=merchant, premises=f"p-{merchant}", name="一号", market=market)
    line.case("merchant", merchant, entry, place)
