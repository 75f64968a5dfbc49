"""The demonstration's reckoning fails when anything is off."""

from datetime import date

import pytest

from suyuan.demo.day import _is_right
from suyuan.simulate import Trade

GOOD = {
    "reports_sent": 10, "reports_stored": 10, "stored_twice": 0, "lost": 0, "labels_wrong": 0,
    "quarantined": 1, "labels_read": 300, "fork_noticed": True, "stranger_refused": True,
    "stock_equal": True, "alerts_equal": True, "books_equal": True, "pages_ok": True,
    "log_audited": True,
}  # fmt: skip


def test_a_good_day_is_right() -> None:
    assert _is_right(GOOD)


@pytest.mark.parametrize(
    "change",
    [
        {"reports_stored": 9}, {"stored_twice": 1}, {"lost": 1}, {"labels_wrong": 1},
        {"quarantined": 0}, {"labels_read": 299}, {"fork_noticed": False},
        {"stranger_refused": False}, {"stock_equal": False}, {"alerts_equal": False},
        {"books_equal": False}, {"pages_ok": False}, {"log_audited": False},
    ],
    ids=str,
)  # fmt: skip
def test_anything_off_is_noticed(change: dict[str, object]) -> None:
    assert not _is_right(GOOD | change)


def test_a_simulated_trade_is_the_same_for_the_same_seed_and_big_enough() -> None:
    one, two = (Trade(merchants=24, day=date(2026, 11, 22), seed=1) for _ in range(2))

    assert one.actions == two.actions
    assert one.truth.stock == two.truth.stock
    assert len(one.actions) >= 2000
    assert sum(a.label is not None for a in one.actions) >= 300
    kinds = {kind for kind, _ in one.truth.open_expiry_alerts(one.day)}
    assert kinds == {"near-expiry", "expired-in-stock", "oversold", "shelf-check"}
    assert one.sold_late
