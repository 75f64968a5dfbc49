"""Row-level security: what a reader sees of the views is what it stated it may, whatever it asks."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import psycopg
import pytest

from ledger.intake.seen_alerts import PgSeenAlerts
from ledger.projections.groups import GROUPS, TRADE
from ledger.projections.seen import OPEN
from ledger.rules.access import Reach
from suyuan.parts.cluster import Cluster
from tests.support.asked import fill
from tests.support.databases import Database, fresh
from tests.support.town import town

SHUT = [table.name for table in TRADE.tables if table.seen not in (None, OPEN)]
# Which columns of these say whose a row is: a movement is its reporter's and the other side's.
WHOSE = {
    "movements": ("merchant", "counterparty"), "lot_transforms": ("merchant",),
    "stock": ("merchant",), "shelves": ("merchant",), "expiry": ("merchant",), "alerts": ("merchant",),
    "pair_cells": ("seller", "buyer"), "paired_numbers": ("seller", "buyer"),
    "recall_holders": ("holder",), "mandates": ("merchant",),
}  # fmt: skip


@pytest.fixture(scope="module")
def place(cluster: Cluster) -> Database:
    database = fresh(cluster)
    fill(database, town())
    return database


@contextmanager
def reading(place: Database, **stated: str) -> Iterator[psycopg.Connection[Any]]:
    """A reader that has stated how far it reaches."""
    with psycopg.connect(place.dsn("suyuan_reader")) as reader, reader.transaction():
        for name, value in stated.items():
            reader.execute("SELECT set_config(%s, %s, true)", [f"suyuan.{name}", value])
        yield reader


def count(reader: psycopg.Connection[Any], table: str) -> int:
    row = reader.execute(f"SELECT count(*) FROM trade.{table}").fetchone()
    assert row is not None
    return int(row[0])


def whose(reader: psycopg.Connection[Any], table: str) -> set[frozenset[str | None]]:
    """Returns whom the rows that are seen are of."""
    columns = ", ".join(WHOSE[table])
    return {frozenset(row) for row in reader.execute(f"SELECT {columns} FROM trade.{table}")}


def test_every_table_says_whose_its_rows_are_or_is_for_followers_alone(place: Database) -> None:
    with psycopg.connect(place.dsn()) as owner:
        for group in GROUPS:
            for table in group.tables:
                row = owner.execute(
                    "SELECT c.relrowsecurity AND c.relforcerowsecurity,"
                    " has_table_privilege('suyuan_reader', c.oid, 'SELECT') FROM pg_class c"
                    " WHERE c.oid = %s::regclass", [f"{group.name}.{table.name}"],
                ).fetchone()  # fmt: skip
                wanted = (table.seen not in (None, OPEN), table.seen is not None)
                assert row == wanted, table.name


@pytest.mark.parametrize("table", SHUT)
def test_who_states_nothing_sees_nothing(place: Database, table: str) -> None:
    published = {"recalls": 1, "recall_words": 3}.get(table, 0)
    with reading(place) as reader:
        assert count(reader, table) == published
        # What was stated in a transaction that is over counts no more.
        with reader.transaction(force_rollback=True):
            reader.execute("SELECT set_config('suyuan.merchants', 'm-1', true)")
    with psycopg.connect(place.dsn("suyuan_reader"), autocommit=True) as reader:
        with reader.transaction():
            reader.execute("SELECT set_config('suyuan.merchants', 'm-1', true)")
            reader.execute("SELECT set_config('suyuan.reach', 'everything', true)")
        assert count(reader, table) == published


@pytest.mark.parametrize("table", sorted(set(WHOSE) & set(SHUT)))
def test_a_merchant_sees_rows_that_name_it_and_no_others(place: Database, table: str) -> None:
    with reading(place, reach="everything") as all_seeing:
        everybody = whose(all_seeing, table)
    with reading(place, reach="some", merchants="m-1") as reader:
        assert whose(reader, table) == {names for names in everybody if "m-1" in names}


def test_an_authority_sees_its_districts_and_who_is_in_no_register(place: Database) -> None:
    with reading(place, reach="some", districts="yuelu") as reader:
        assert whose(reader, "stock") == {frozenset({name}) for name in ("m-1", "m-2", "m-9")}
        assert frozenset({"m-3"}) not in whose(reader, "alerts")
    with reading(place, reach="some", districts="yuelu,furong") as reader:
        seen = {name for names in whose(reader, "stock") for name in names}
    assert seen >= {"m-1", "m-2", "m-3", "m-9"}


def test_a_markets_operator_sees_what_is_at_its_market(place: Database) -> None:
    with reading(place, reach="some", markets="east") as reader:
        found = reader.execute("SELECT DISTINCT premises FROM trade.stock").fetchall()

    assert sorted(premises for (premises,) in found) == ["p-m-3", "p-m-4"]


def test_what_is_public_is_where_goods_went_and_no_stock(place: Database) -> None:
    with reading(place, reach="public") as reader:
        assert count(reader, "movements") > 0
        for table in ("stock", "shelves", "expiry", "alerts", "alert_groups", "pair_cells"):
            assert count(reader, table) == 0, table


def test_groups_of_alerts_are_seen_with_the_alerts_they_are_of(place: Database) -> None:
    with reading(place, reach="some", merchants="m-3") as reader:
        groups = {row[0] for row in reader.execute("SELECT grouped FROM trade.alert_groups")}
        alerts = {row[0] for row in reader.execute("SELECT grouped FROM trade.alerts")}
    with reading(place, reach="everything") as reader:
        assert count(reader, "alert_groups") > len(groups)

    assert groups == alerts != set()


def test_a_draft_of_a_recall_is_for_who_may_see_everything(place: Database) -> None:
    with psycopg.connect(place.dsn()) as owner:
        owner.execute(
            "INSERT INTO trade.recalls SELECT (jsonb_populate_record(r, %s)).* FROM trade.recalls r",
            ['{"recall": "r-2", "published_at": null}'],
        )
        owner.execute(
            "INSERT INTO trade.recall_words SELECT (jsonb_populate_record(w, %s)).*"
            " FROM trade.recall_words w WHERE subject = 'r-1' LIMIT 1",
            ['{"subject": "r-2", "position": 1000000}'],
        )
    for stated, seen in (({"reach": "some", "merchants": "m-1"}, 1), ({"reach": "public"}, 1),
                         ({"reach": "everything"}, 2)):  # fmt: skip
        with reading(place, **stated) as reader:
            assert count(reader, "recalls") == seen, stated
            assert count(reader, "recall_words") == seen + 2, stated


def test_the_follower_itself_keeps_all_rows(place: Database) -> None:
    with psycopg.connect(place.dsn("suyuan_follower"), autocommit=True) as follower:
        from ledger.follower import make_views

        make_views(follower, "trade_anew", TRADE)
        follower.execute(
            "INSERT INTO trade_anew.recall_holders (recall, holder, calls) VALUES ('r', 'm-3', 0)"
        )
        row = follower.execute("SELECT count(*) FROM trade_anew.recall_holders").fetchone()
        follower.execute("DROP SCHEMA trade_anew CASCADE")

    assert row == (1,)


def test_a_group_is_whole_for_who_sees_all_its_open_alerts(place: Database) -> None:
    alerts = PgSeenAlerts(place.dsn("suyuan_reader"))
    with psycopg.connect(place.dsn()) as owner:
        # Two alerts of two districts have one cause.
        owner.execute(
            "UPDATE trade.alerts SET grouped = (SELECT min(grouped) FROM trade.alerts"
            " WHERE merchant = 'm-1' AND closed_at IS NULL)"
            " WHERE merchant IN ('m-1', 'm-3') AND closed_at IS NULL"
        )
        row = owner.execute(
            "UPDATE trade.alert_groups g SET open = (SELECT count(*) FROM trade.alerts a"
            " WHERE a.grouped = g.grouped AND closed_at IS NULL)"
            " WHERE grouped = (SELECT min(grouped) FROM trade.alerts WHERE merchant = 'm-3')"
            " RETURNING grouped"
        ).fetchone()
    assert row is not None
    for found, part, whole in (
        (Reach(merchants=frozenset({"m-1"})), True, False),
        (Reach(merchants=frozenset({"m-3"})), True, False),
        (Reach(merchants=frozenset({"m-1", "m-3"})), True, True),
        (Reach(areas=frozenset({"furong"})), True, False),
        (Reach(areas=frozenset({"changsha"})), True, True),
        (Reach(merchants=frozenset({"m-2"})), False, False),
        (Reach(everything=True), True, True),
    ):
        seen = [alerts(row[0], found, "x", whole=asked) for asked in (False, True)]
        assert seen == [part, whole], found
