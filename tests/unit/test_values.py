"""Values: valid once they exist."""

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from zoneinfo import ZoneInfo

import pytest

from ledger.rules.near_expiry import expiry_from, near_from
from ledger.settings import Clock, read_settings
from ledger.values.clock import DeviceClock, derive
from ledger.values.day import day_at
from ledger.values.gtin import Gtin
from ledger.values.ids import stream_of_case, stream_of_tape
from ledger.values.keys import PublicKey, SigningKey
from ledger.values.quantity import StatedQuantity, Unit, shown
from tests.support.make import BrowserKey

NOON = datetime(2026, 11, 22, 4, 0, tzinfo=UTC)


@pytest.mark.parametrize(
    "text", ["", "123", "6901234567893", "69012345678９2", "abc", " 6901234567892"]
)
def test_a_gtin_that_cannot_be_is_refused_with_its_text(text: str) -> None:
    with pytest.raises(ValueError, match=r"GTIN|check digit"):
        Gtin(text)


def test_a_gtin_is_14_digits_whatever_the_label_printed() -> None:
    assert Gtin("6901234567892") == Gtin("06901234567892") == "06901234567892"
    assert Gtin("96385074").short == "96385074"


def test_jin_and_kilograms_add_up_in_grams() -> None:
    jin = StatedQuantity(amount=Decimal("3.5"), unit=Unit.JIN)
    kilograms = StatedQuantity(amount=Decimal("1.75"), unit=Unit.KILOGRAM)

    assert jin.scaled() == kilograms.scaled() == ("g", 1_750_000)
    assert shown("g", 1_750_000) == "1.75 kg"


@pytest.mark.parametrize("amount", ["NaN", "Infinity", "-1", "1000001", "0.0001", "1E+9"])
def test_an_amount_no_fold_could_bear_is_refused(amount: str) -> None:
    with pytest.raises(ValueError, match="amount"):
        StatedQuantity(amount=Decimal(amount), unit=Unit.PIECE)


def test_a_ledger_time_heard_outranks_a_wall_clock_a_day_ahead() -> None:
    clock = DeviceClock(
        wall=NOON + timedelta(days=1), boot="b", monotonic_ms=60_000, heard=NOON,
        heard_monotonic_ms=0,
    )  # fmt: skip

    derived = derive(clock, NOON + timedelta(minutes=5))

    assert derived.at == NOON + timedelta(minutes=1)
    assert derived.ahead_s == 86_400 - 60
    assert derived.uncertainty_s < 10


def test_nothing_happened_after_it_was_received() -> None:
    clock = DeviceClock(wall=NOON + timedelta(days=1), boot="b", monotonic_ms=0)

    assert derive(clock, NOON).at == NOON


def test_a_day_belongs_to_a_place() -> None:
    late = datetime(2026, 11, 21, 17, 30, tzinfo=UTC)

    assert day_at(late, ZoneInfo("Asia/Shanghai")) == date(2026, 11, 22)
    with pytest.raises(ValueError, match="offset"):
        day_at(datetime(2026, 11, 22), ZoneInfo("Asia/Shanghai"))


@pytest.mark.parametrize(
    ("life", "days"),
    [(400, 45), (365, 45), (180, 20), (90, 15), (30, 10), (16, 5), (15, 4), (3, 1), (None, 10)],
)
def test_near_expiry_follows_the_tiers_of_the_trade_rule(life: int | None, days: int) -> None:
    end = date(2026, 12, 31)

    assert near_from(end, life) == end - timedelta(days=days)


def test_expiry_follows_from_production_and_shelf_life() -> None:
    assert expiry_from(date(2026, 11, 22), 15) == date(2026, 12, 7)


def test_a_key_names_its_algorithm_and_a_wrong_one_is_refused() -> None:
    key = SigningKey(bytes(32))
    public = PublicKey(key.public)

    assert public.signed(key.sign(b"x"), b"x")
    assert not public.signed(key.sign(b"x"), b"y")
    assert not public.signed(b"short", b"x")
    for text in ("rsa:AAAA", "ed25519:!!", "ed25519:AAAA", "p256:" + "A" * 88):
        with pytest.raises(ValueError, match=r"key|point|curve"):
            PublicKey(text)


def test_p256_keys_of_phones_are_understood() -> None:
    key = BrowserKey()

    assert PublicKey(key.public).signed(key.sign(b"x"), b"x")
    assert not PublicKey(key.public).signed(key.sign(b"x"), b"y")


def test_a_tape_and_what_is_said_about_it_are_two_streams() -> None:
    tape = "11111111-1111-4111-8111-111111111111"

    assert stream_of_tape(tape) != stream_of_case("tape-case", tape)
    with pytest.raises(ValueError, match="tape-case"):
        stream_of_case("tape", tape)


def test_settings_that_lose_events_or_cannot_be_are_refused() -> None:
    with pytest.raises(Exception, match="loses events"):
        read_settings({"POSTGRES_ENABLE_DB_FUNCTIONS": "y"})
    with pytest.raises(Exception, match="SUYUAN_MQTT_PORT says 'many'"):
        read_settings({"SUYUAN_MQTT_PORT": "many"})
    assert read_settings({"SUYUAN_LEDGER": "yuelu"}).ledger == "yuelu"


def test_a_demonstrations_clock_runs_fast_and_then_as_usual() -> None:
    real = datetime.now(UTC) - timedelta(seconds=100)
    clock = Clock(f"{NOON.isoformat()}={real.isoformat()}@60/50")

    assert (
        timedelta(minutes=50, seconds=49) < clock.now() - NOON < timedelta(minutes=50, seconds=60)
    )
    with pytest.raises(Exception, match="SHOWN=REAL"):
        Clock("tomorrow")
