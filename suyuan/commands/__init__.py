"""Verbs of the command, by whom they serve."""

import argparse
import re
import sys
from datetime import UTC, date, datetime
from decimal import Decimal, InvalidOperation
from zoneinfo import ZoneInfo

from ledger.values.day import ZONE_DEFAULT, day_at
from ledger.values.ids import is_id
from ledger.values.quantity import StatedQuantity, Unit

PORT_MAX = 65535


class Failed(Exception):
    """A verb could not do its work; the text says what to do."""


def today() -> date:
    """Returns the day a scanner's hand would call today."""
    return day_at(datetime.now(UTC), ZoneInfo(ZONE_DEFAULT))


def name(text: str) -> str:
    """Reads the name of a device or merchant for argparse."""
    if not is_id(text):
        raise argparse.ArgumentTypeError(f"a name has a-z, 0-9 and -, at most 40, not {text!r}")
    return text


def day(text: str) -> date:
    """Reads a day for argparse."""
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise argparse.ArgumentTypeError(f"a day is written as 2026-11-22, not {text!r}") from None


def port(text: str) -> int:
    """Reads a port for argparse."""
    if not (text.isascii() and text.isdigit() and int(text) <= PORT_MAX):
        raise argparse.ArgumentTypeError(f"a port is 0 to {PORT_MAX}, not {text!r}")
    return int(text)


def host_and_port(text: str) -> tuple[str, int]:
    """Reads host:port for argparse."""
    host, _, number = text.rpartition(":")
    if not host:
        raise argparse.ArgumentTypeError(f"an address is host:port, not {text!r}")
    return host, port(number)


def count(text: str) -> int:
    """Reads how many for argparse: one or more."""
    if not (text.isascii() and text.isdigit() and int(text) > 0):
        raise argparse.ArgumentTypeError(f"a count is 1 or more, not {text!r}")
    return int(text)


def digest(text: str) -> str:
    """Reads the SHA-256 of a paper for argparse."""
    if re.fullmatch("[0-9a-f]{64}", text) is None:
        raise argparse.ArgumentTypeError(f"a digest has 64 of 0-9 and a-f, not {text[:80]!r}")
    return text


def quantity(text: str) -> StatedQuantity:
    """Reads a quantity such as 10kg or 20piece for argparse."""
    number = text.rstrip("abcdefghijklmnopqrstuvwxyz")
    try:
        return StatedQuantity(amount=Decimal(number), unit=Unit(text[len(number) :]))
    except (InvalidOperation, ValueError) as error:
        message = f"a quantity is a number and its unit, such as 500kg, not {text[:20]!r}"
        raise argparse.ArgumentTypeError(message) from error


def say_line(text: str) -> None:
    """Prints a line in one piece: another thread may have something to say at the same moment."""
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()
