"""Understanding codes: every kind of the trade, and every trap that was measured."""

from datetime import date
from decimal import Decimal

import pytest
from biip.gs1_messages import GS1Message

from scanners.gs1 import Meaning, NotUnderstood, Profile, understand

GS = b"\x1d"
MILK = b"0106901234567892"
MILK_GTIN = "06901234567892"


@pytest.mark.parametrize(
    ("aim", "raw", "gtin"),
    [
        ("]E0", b"6901234567892", MILK_GTIN),
        ("]E4", b"96385074", "00000096385074"),
        ("]E0", b"036000291452", "00036000291452"),
        ("]I1", b"16901234567899", "16901234567899"),
        ("]e0", MILK, MILK_GTIN),
        ("]d2", MILK, MILK_GTIN),
        ("]Q3", MILK, MILK_GTIN),
        ("]C1", MILK, MILK_GTIN),
        ("]Q1", b"https://example.cn/01/06901234567892", MILK_GTIN),
    ],
)
def test_every_kind_of_code_of_the_trade_gives_its_gtin(aim: str, raw: bytes, gtin: str) -> None:
    assert understand(aim, raw).gtin == gtin


def test_a_full_label_gives_lot_dates_weight_and_count() -> None:
    raw = MILK + b"11261101" + b"17261201" + b"3103001250" + b"10A-24/11" + GS + b"21S1"

    meaning = understand("]C1", raw)

    assert meaning.lot == "A-24/11"
    assert meaning.produced == date(2026, 11, 1)
    assert meaning.expires == date(2026, 12, 1)
    assert meaning.weight_g == Decimal(1250)
    assert meaning.serial == "S1"


def test_a_case_says_what_it_contains_and_how_many() -> None:
    meaning = understand("]C1", b"0206901234567892" + b"3712")

    assert (meaning.gtin, meaning.content_gtin, meaning.pieces) == (None, MILK_GTIN, 12)


def test_day_00_is_the_end_of_the_month() -> None:
    assert understand("]C1", MILK + b"17280200").expires == date(2028, 2, 29)


def test_a_digital_link_carries_lot_and_dates_in_path_and_query() -> None:
    address = b"https://example.cn/some/01/06901234567892/10/A%2F1?17=261201&utm=x"

    meaning = understand("]Q1", address)

    assert (meaning.lot, meaning.expires) == ("A/1", date(2026, 12, 1))


def test_an_ean13_with_a_bad_check_digit_is_refused_though_biip_reads_it_as_ai_95() -> None:
    assert GS1Message.parse("9512345678901").element_strings[0].ai.ai == "95"

    with pytest.raises(NotUnderstood, match="check digit"):
        understand("]E0", b"9512345678909")


def test_a_bad_gtin_in_ai_01_is_refused_though_biip_only_notes_it() -> None:
    with pytest.raises(NotUnderstood, match="check digit"):
        understand("]C1", b"0106901234567893")


def test_a_lot_that_swallowed_the_expiry_date_is_refused() -> None:
    with pytest.raises(NotUnderstood, match="separator was lost"):
        understand("]C1", MILK + b"10AB17261231")


def test_a_count_without_its_content_is_refused_though_biip_has_no_such_rule() -> None:
    with pytest.raises(NotUnderstood, match="AI 37 needs AI 02"):
        understand("]C1", b"3712")


def test_a_lot_without_its_product_is_refused() -> None:
    with pytest.raises(NotUnderstood, match="AI 10 needs"):
        understand("]C1", b"10AB")


def test_an_in_store_code_needs_the_shops_own_profile() -> None:
    with pytest.raises(NotUnderstood, match="shop's own"):
        understand("]E0", b"2212345012503")

    by_weight = (Profile("22", 5, "weight_g"),)
    assert understand("]E0", b"2212345012503", by_weight) == Meaning(
        item="22-12345", weight_g=Decimal(1250)
    )


def test_an_in_store_code_may_carry_a_price() -> None:
    profiles = (Profile("21", 5, "price_fen"),)

    assert understand("]E0", b"2100042019997", profiles).price_fen == 1999


def test_codes_are_routed_by_aim_identifier_never_by_trial() -> None:
    with pytest.raises(NotUnderstood, match=r"kind \]C0"):
        understand("]C0", MILK)


@pytest.mark.parametrize(
    ("aim", "raw"),
    [
        ("]E0", b""),
        ("]E0", b"69012345678"),
        ("]I1", b"1234567890"),
        ("]C1", b"\xff\xfe\x00"),
        ("]C1", b"0106901234567892" * 80),
        ("]C1", MILK + b"17261340"),
        ("]C1", MILK + b"0106901234000016"),
        ("]Q1", b"https://example.cn/hello"),
        ("]Q1", b"https://example.cn/01"),
        ("]Q1", b"https://example.cn/01/06901234567892/10/A?10=B"),
        ("]Q1", b"WIFI:S:stall;;"),
        ("]C1", MILK + "10批号".encode()),
    ],
)
def test_what_cannot_be_understood_is_an_error_that_quotes_the_bytes(aim: str, raw: bytes) -> None:
    with pytest.raises(NotUnderstood) as caught:
        understand(aim, raw)

    assert repr(raw[:120]) in str(caught.value)


def test_our_own_sheets_are_dates_and_commands() -> None:
    assert understand("]C0", b"SY:D:2026-12-01").date_marker == date(2026, 12, 1)
    assert understand("]C0", b"SY:C:receive").command == "receive"


@pytest.mark.parametrize(
    "address",
    [b"http://[x/01/1", b"https://x/01/06901234567892?310=5", b"https://x/01/06901234567892?3109=abc",
     b"https://x/01/06901234567892/310x/5", b"https://x/01/06901234567892/3103/1e99", b"https://x/01/06901234567892/3103/NaN"],
)  # fmt: skip
def test_a_strange_address_is_not_understood_and_ends_nothing(address: bytes) -> None:
    with pytest.raises(NotUnderstood):
        understand("]Q1", address)
