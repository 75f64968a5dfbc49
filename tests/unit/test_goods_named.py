"""Naming goods at the command: keys as answers show them, and lines that are no longer recalled."""

from argparse import Namespace
from datetime import date

import pytest

from ledger.events.holds import StoppedGoods
from suyuan.commands import Failed
from suyuan.commands.goods_named import goods_of, is_meant
from tests.support.make import MILK, TODAY


def named(**fields: object) -> tuple[StoppedGoods, ...]:
    nothing = dict.fromkeys(("product", "delivery", "produced", "expires", "supplier"))
    return goods_of(Namespace(**(nothing | {"lot": []} | fields)))


def test_a_lot_typed_as_answers_print_it_is_that_lot() -> None:
    assert named(product=MILK, lot=["L:A-24/11"]) == named(product=MILK, lot=["A-24/11"])


def test_a_key_that_is_no_lot_number_says_what_to_type() -> None:
    with pytest.raises(Failed, match="--produced 2026-11-21"):
        named(product=MILK, lot=["D:2026-11-21"])


def test_narrowing_by_a_product_leaves_its_lots_recalled() -> None:
    lot = StoppedGoods(product=MILK, lot="A", produced_from=TODAY, produced_until=TODAY)
    (whole,) = named(product=MILK)

    assert not is_meant(lot, whole)
    assert is_meant(StoppedGoods(product=MILK), whole)


def test_narrowing_by_a_lot_finds_it_whatever_dates_stand_beside_it() -> None:
    lot = StoppedGoods(product=MILK, lot="A", produced_from=TODAY, produced_until=TODAY)
    (meant,) = named(product=MILK, lot=["A"])
    (dated,) = named(product=MILK, lot=["A"], produced=(date(2026, 1, 1), None))

    assert is_meant(lot, meant)
    assert not is_meant(lot, dated)
