"""How verbs ask the ledger to decide something, in somebody's name."""

import argparse
import json
import re
from collections.abc import Callable, Sequence
from datetime import date, datetime, timedelta
from datetime import time as clock_time
from typing import Any
from zoneinfo import ZoneInfo

import httpx

from ledger.settings import read_settings
from ledger.values.day import ZONE_DEFAULT
from scanners.asking import EnrolmentRefused, LedgerAway, ask
from suyuan.badge import badge, held_by, latest
from suyuan.commands import Failed, name
from suyuan.trusted import authority_of, verify


def add_request(verb: argparse.ArgumentParser, run: Any, *, second: bool = False) -> None:
    """Adds what every request takes; with `second` also the officer who checked it."""
    add_who(verb)
    if second:
        verb.add_argument("--checked-by", type=name, required=True,
                          help="the second officer, who has signed in here too")  # fmt: skip
    verb.add_argument("--intake", help="intake's address; else the one of the settings")
    verb.add_argument("--query", help="the query API's address; else the one of the settings")
    verb.add_argument("--json", action="store_true")
    verb.set_defaults(run=run)


def add_who(verb: argparse.ArgumentParser) -> None:
    """Adds in whose name somebody asks: theirs who signed in here last, or who is named."""
    verb.add_argument("--as", dest="by", type=name, help="who asks; else who signed in here last")
    verb.set_defaults(sign=sign)


def sign(stated: argparse.Namespace) -> None:
    """Puts in who signed in last where nobody is named. Raises `Failed` where nobody has."""
    stated.by = stated.by or latest()
    if stated.by is None:
        raise Failed("this is asked in somebody's name: suyuan sign-in ACCOUNT")


def send(stated: argparse.Namespace, requests: Sequence[Any]) -> None:
    """Sends requests. Raises `Failed` with what the ledger advises when it refuses."""
    try:
        checked_by = getattr(stated, "checked_by", None)
        second = badge(checked_by).second if checked_by else None
        intake = intake_of(stated)
        ask(
            intake, list(requests), auth=badge(stated.by), second=second,
            authority=authority_of(intake),
        )  # fmt: skip
    except (EnrolmentRefused, LedgerAway) as error:
        raise Failed(str(error)) from error


def ledger_time(stated: argparse.Namespace) -> datetime:
    """Returns the time by the ledger's clock, which decides what is late."""
    try:
        intake = intake_of(stated)
        answer = httpx.get(
            f"{intake}/intake/ledger", timeout=10, trust_env=False, verify=verify(intake)
        )
        return datetime.fromisoformat(answer.json()["time"])
    except (httpx.HTTPError, httpx.InvalidURL, ValueError, KeyError, TypeError) as error:
        raise Failed(f"no ledger answers at {intake_of(stated)}: {error}") from error


def intake_of(stated: argparse.Namespace) -> str:
    """Returns the intake that is asked: as stated, where the asker signed in elsewhere, or this machine's."""
    if stated.intake:
        return str(stated.intake)
    held = held_by(getattr(stated, "by", None))
    away = held is not None and held.intake.startswith("https:")
    return held.intake if away and held else f"http://127.0.0.1:{read_settings().intake_port}"


def say(stated: argparse.Namespace, words: str, **members: Any) -> int:
    """Says that a request was granted; returns the exit code."""
    print(json.dumps({"ok": True, **members}, ensure_ascii=False) if stated.json else words)
    return 0


def words_of(most: int) -> Callable[[str], str]:
    """Returns what reads words for argparse: some, and no more than a record keeps."""

    def read(text: str) -> str:
        if not 0 < len(text.strip()) <= most:
            raise argparse.ArgumentTypeError(f"say it in 1 to {most} characters, not {len(text)}")
        return text.strip()

    return read


def instant(text: str) -> datetime:
    """Reads an instant with its offset for argparse; a day alone means its end, where the law is."""
    try:
        if len(text) == len("2026-12-01"):
            ends = date.fromisoformat(text) + timedelta(days=1)
            return datetime.combine(ends, clock_time(), ZoneInfo(ZONE_DEFAULT))
        found = datetime.fromisoformat(text)
    except ValueError:
        found = datetime.min
    if found.tzinfo is None:
        message = f"a time is written as 2026-12-01T08:00+08:00, not {text!r}"
        raise argparse.ArgumentTypeError(message)
    return found


def draft_read(text: str) -> str:
    """Reads which draft an officer has read, for argparse."""
    if re.fullmatch(r"[0-9a-f]{12,64}", text) is None:
        raise argparse.ArgumentTypeError(
            f"a draft is what recall show writes behind it, not {text!r}"
        )
    return text
