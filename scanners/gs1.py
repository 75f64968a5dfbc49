"""Understanding codes: from a symbol's bytes to what they mean, or an error that quotes them.

Routed by AIM identifier (ISO/IEC 15424), never by trial. `biip` parses element strings inside the
strict rules here: it accepts a wrong check digit in AI 01, and a lost FNC1 lets a lot swallow the
date behind it (GS1 General Specifications, 3 and 7.8).
"""

import re
from collections.abc import Mapping
from datetime import date
from decimal import Decimal
from functools import lru_cache
from typing import NamedTuple
from urllib.parse import parse_qsl, unquote, urlsplit

import msgspec
from biip import ParseError
from biip.gs1_messages import GS1Message

from ledger.values.gtin import Gtin

GROUP_SEPARATOR = "\x1d"
# AIM identifiers of codes whose content is GS1 element strings.
ELEMENT_STRINGS = ("]C1", "]e0", "]e1", "]e2", "]d2", "]d8", "]Q3", "]J1")
RETAIL = ("]E0", "]E3", "]E4", "]X0")
ITF = ("]I0", "]I1")
# Plain codes whose content may be a GS1 Digital Link.
LINKS = ("]Q0", "]Q1", "]d0", "]d1", "]Q2")
LOT_MAX = 20
# Prefixes a shop may number for itself (GS1 General Specifications, 1.4): never a product of trade.
IN_STORE = frozenset(("02", "04", *(str(number) for number in range(20, 30))))
RAW_MAX = 1024
CACHE_SIZE = 4096
# An element string begins a date that a lost separator left inside a lot.
SWALLOWED = re.compile(r"(?:11|13|15|16|17)\d{6}$|(?:11|13|15|16|17)\d{6}(?=10|21|37|30)")
# The GS1 AI-encodable character set 82 (GS1 General Specifications, 7.11).
CHARACTERS_82 = re.compile(r"^[!\"%&'()*+,\-./0-9:;<=>?A-Z_a-z]+$")
# Associations of the GS1 General Specifications, 4.14.2: an AI that makes sense beside another only.
REQUIRED_BESIDE: Mapping[str, tuple[str, ...]] = {
    "02": ("37",),
    "37": ("02", "8026"),
    "10": ("01", "02", "8006", "8026"),
    "11": ("01", "02", "8006", "8026"),
    "13": ("01", "02", "8006", "8026"),
    "15": ("01", "02", "8006", "8026"),
    "16": ("01", "02", "8006", "8026"),
    "17": ("01", "02", "8006", "8026", "255"),
    "21": ("01", "8006"),
}


class NotUnderstood(ValueError):
    """A code that cannot be understood; the message quotes its bytes and says what is wrong."""

    def __init__(self, raw: bytes, problem: str) -> None:
        super().__init__(f"{raw[:120]!r}: {problem}")
        self.raw = raw
        self.problem = problem


class Meaning(NamedTuple):
    """What a code says. Weights are in grams, prices in the profile's minor unit (fen)."""

    gtin: str | None = None
    lot: str | None = None
    produced: date | None = None
    packed: date | None = None
    best_before: date | None = None
    sell_by: date | None = None
    expires: date | None = None
    serial: str | None = None
    pieces: int | None = None
    content_gtin: str | None = None
    weight_g: Decimal | None = None
    item: str | None = None
    price_fen: int | None = None
    date_marker: date | None = None
    command: str | None = None

    @property
    def last_good_day(self) -> date | None:
        """The day that ends the goods' life: expiry first, else best before, else sell by."""
        return self.expires or self.best_before or self.sell_by


class Profile(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """How one shop lays out its own EAN-13 codes of one prefix (20 to 29, 02 or 04).

    After the two digits of the prefix come `item_digits`, then, with `price_check`, one check
    digit of the value, then the value to the check digit: grams or fen.
    """

    prefix: str
    item_digits: int
    value: str
    price_check: bool = False

    def problem(self) -> str | None:
        """Says why this layout cannot be, or None."""
        if self.prefix not in IN_STORE:
            return f"in-store prefixes are 20 to 29, 02 and 04, not {self.prefix!r}"
        if self.value not in ("weight_g", "price_fen"):
            return f"a value is weight_g or price_fen, not {self.value!r}"
        if not 4 <= self.item_digits <= 6:
            return f"an item has 4 to 6 digits, not {self.item_digits}"
        return None


def understand(aim: str, raw: bytes, profiles: tuple[Profile, ...] = ()) -> Meaning:
    """Returns what a code means.

    `aim` is the three characters of the AIM identifier, `raw` the content with its group
    separators. Raises `NotUnderstood` for everything that would have to be guessed.
    """
    try:
        return _understand(aim, bytes(raw), profiles)
    except NotUnderstood:
        raise
    except (ValueError, ArithmeticError, IndexError) as error:
        raise NotUnderstood(raw, str(error) or type(error).__name__) from error


@lru_cache(CACHE_SIZE)
def _understand(aim: str, raw: bytes, profiles: tuple[Profile, ...]) -> Meaning:
    if len(raw) > RAW_MAX:
        raise NotUnderstood(raw, f"a code has at most {RAW_MAX} bytes, this one {len(raw)}")
    try:
        text = raw.decode("utf-8")
    except UnicodeDecodeError as error:
        raise NotUnderstood(raw, f"no text: {error.reason}") from error
    if aim in RETAIL:
        return _retail(raw, text, profiles)
    if aim in ITF:
        return _itf(raw, text)
    if aim in ELEMENT_STRINGS:
        return _element_strings(raw, text)
    if aim in LINKS and text.lower().startswith(("http://", "https://")):
        return _link(raw, text)
    if aim in ("]C0", "]C2", *LINKS) and (marker := _marker(text)) is not None:
        return marker
    raise NotUnderstood(raw, f"a code of kind {aim} that is no GS1 code says nothing about goods")


def gs1_date(text: str) -> date:
    """Reads YYMMDD; day 00 is the month's end (GS1 General Specifications, 3.4.2).

    The century is 20 here: food of another century is not traded. Raises `ValueError`.
    """
    if not re.fullmatch(r"[0-9]{6}", text):
        raise ValueError(f"a date has six digits YYMMDD, not {text!r}")
    year, month, day = 2000 + int(text[:2]), int(text[2:4]), int(text[4:])
    if day:
        return date(year, month, day)
    following = date(year + month // 12, month % 12 + 1, 1)
    return date.fromordinal(following.toordinal() - 1)


def lot_problem(lot: str) -> str | None:
    """Says why a text cannot be a lot that scanners read for certain, or None."""
    if not 1 <= len(lot) <= LOT_MAX:
        return f"a lot has 1 to {LOT_MAX} characters, not {len(lot)}: {lot[:40]!r}"
    if not CHARACTERS_82.match(lot):
        return f"the lot {lot!r} has characters no lot can have"
    swallowed = SWALLOWED.search(lot)
    if swallowed is None or swallowed.start() == 0:
        return None
    date_text = swallowed.group()
    try:
        gs1_date(date_text[2:8])
    except ValueError:
        return None
    return (
        f"the lot {lot!r} ends like the date {date_text!r}: a separator was lost, or ask the person"
    )


def _retail(raw: bytes, text: str, profiles: tuple[Profile, ...]) -> Meaning:
    # An add-on of 2 or 5 digits belongs to periodicals; the number before it is the product.
    digits = text.split(" ", maxsplit=1)[0]
    gtin = _gtin(raw, digits)
    in_store = len(digits) in (12, 13) and gtin[1:3] in IN_STORE
    if not in_store:
        return Meaning(gtin=gtin)
    for profile in profiles:
        if gtin[1:3] == profile.prefix:
            return _in_store(raw, gtin[1:], profile)
    raise NotUnderstood(raw, f"prefix {gtin[1:3]} is the shop's own: set its profile first")


def _in_store(raw: bytes, digits: str, profile: Profile) -> Meaning:
    if (problem := profile.problem()) is not None:
        raise NotUnderstood(raw, problem)
    start = 2 + profile.item_digits
    item = digits[2:start]
    if profile.price_check:
        start += 1
    value = int(digits[start:12])
    if profile.value == "weight_g":
        return Meaning(item=f"{profile.prefix}-{item}", weight_g=Decimal(value))
    return Meaning(item=f"{profile.prefix}-{item}", price_fen=value)


def _itf(raw: bytes, text: str) -> Meaning:
    if len(text) != 14:
        raise NotUnderstood(raw, f"an ITF code of goods has 14 digits, this one {len(text)}")
    return Meaning(gtin=_gtin(raw, text))


def _element_strings(raw: bytes, text: str) -> Meaning:
    try:
        message = GS1Message.parse(text.lstrip(GROUP_SEPARATOR))
    except ParseError as error:
        raise NotUnderstood(raw, str(error)) from error
    found: dict[str, str] = {}
    for element in message.element_strings:
        ai = element.ai.ai
        if ai in found and found[ai] != element.value:
            raise NotUnderstood(raw, f"AI {ai} stands twice with different values")
        found[ai] = element.value
    return _meaning(raw, found)


def _meaning(raw: bytes, found: Mapping[str, str]) -> Meaning:
    _check_association(raw, found)
    lot = found.get("10")
    if lot is not None and (problem := lot_problem(lot)) is not None:
        raise NotUnderstood(raw, problem)
    return Meaning(
        gtin=_gtin(raw, found["01"]) if "01" in found else None,
        content_gtin=_gtin(raw, found["02"]) if "02" in found else None,
        pieces=_count(raw, found.get("37") or found.get("30")),
        lot=lot,
        produced=_date(raw, found.get("11")),
        packed=_date(raw, found.get("13")),
        best_before=_date(raw, found.get("15")),
        sell_by=_date(raw, found.get("16")),
        expires=_date(raw, found.get("17") or (found.get("7003") or "")[:6] or None),
        serial=found.get("21"),
        weight_g=_weight(found),
    )


def _check_association(raw: bytes, found: Mapping[str, str]) -> None:
    if "01" in found and "02" in found:
        raise NotUnderstood(raw, "AI 01 and AI 02 exclude each other")
    for ai in found:
        beside = REQUIRED_BESIDE.get(ai)
        if beside is not None and not any(other in found for other in beside):
            raise NotUnderstood(raw, f"AI {ai} needs AI {' or '.join(beside)} beside it")


def _gtin(raw: bytes, digits: str) -> str:
    try:
        return str(Gtin(digits))
    except ValueError as error:
        raise NotUnderstood(raw, str(error)) from error


def _date(raw: bytes, text: str | None) -> date | None:
    if text is None:
        return None
    try:
        return gs1_date(text)
    except ValueError as error:
        raise NotUnderstood(raw, f"the date {text!r}: {error}") from error


def _count(raw: bytes, text: str | None) -> int | None:
    if text is None:
        return None
    if not (text.isascii() and text.isdigit()) or int(text) == 0:
        raise NotUnderstood(raw, f"a count is a number above 0, not {text!r}")
    return int(text)


def _weight(found: Mapping[str, str]) -> Decimal | None:
    # 310n is a net weight in kilograms with n decimals.
    for ai, value in found.items():
        if ai.startswith("310"):
            if not (re.fullmatch(r"310[0-5]", ai) and re.fullmatch(r"[0-9]{6}", value)):
                raise ValueError(
                    f"a net weight is AI 3100 to 3105 with six digits, not {ai} {value!r}"
                )
            return Decimal(value).scaleb(-int(ai[3])) * 1000
    return None


def _link(raw: bytes, text: str) -> Meaning:
    """Reads a GS1 Digital Link URI (GS1 Digital Link standard: URI syntax, 4)."""
    address = urlsplit(text)
    segments = [unquote(part) for part in address.path.split("/") if part]
    try:
        start = next(i for i, part in enumerate(segments) if part in ("01", "8006"))
    except StopIteration:
        raise NotUnderstood(raw, "an address that names no product (no /01/)") from None
    pairs = segments[start:]
    if len(pairs) % 2:
        raise NotUnderstood(raw, f"the last part of the address, {pairs[-1]!r}, has no value")
    found = dict(zip(pairs[::2], pairs[1::2], strict=True))
    for name, value in parse_qsl(address.query):
        if re.fullmatch(r"[0-9]{2,4}", name):
            if name in found and found[name] != value:
                raise NotUnderstood(raw, f"AI {name} stands twice with different values")
            found[name] = value
    return _meaning(raw, found)


def _marker(text: str) -> Meaning | None:
    """Reads our own sheets: `SY:D:2026-11-22` a date, `SY:C:receive` a command, `SY:V:…` a voucher."""
    if text.startswith("SY:D:"):
        try:
            return Meaning(date_marker=date.fromisoformat(text[5:]))
        except ValueError:
            return None
    if text.startswith("SY:V:"):
        return Meaning(command=f"voucher:{text[5:]}")
    if text.startswith("SY:C:") and re.fullmatch(r"[a-z0-9:-]{1,80}", text[5:]):
        return Meaning(command=text[5:])
    return None
