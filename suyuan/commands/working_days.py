"""A year's calendar of working days, by which a recall's deadlines are counted."""

import argparse
import json
import tomllib
from pathlib import Path
from typing import Any

import msgspec

from ledger.events.recalls import WorkingDaysStated
from ledger.rules.recall_holders import StateWorkingDays
from suyuan.commands import Failed
from suyuan.commands.requesting import add_request, say, send


def add_calendar(words: Any) -> None:
    """Adds the word that loads a calendar."""
    calendar = words.add_parser("calendar", help="load a year's working days from a TOML file")
    calendar.add_argument("file", type=Path, help="year, off, working (lists of days), source")
    add_request(calendar, run_calendar)


def run_calendar(stated: argparse.Namespace) -> int:
    """Loads a year's working days."""
    try:
        told = tomllib.loads(stated.file.read_text(encoding="utf-8"))
        entry = msgspec.convert(told | {"by": stated.by, "type": "working-days-stated.v1"},
                                WorkingDaysStated)  # fmt: skip
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError, ValueError) as error:
        words = f"{stated.file}: {error}; it has year, off, working and source"
        raise Failed(words) from error
    send(stated, [StateWorkingDays(entry)])
    days = {"off": len(entry.off), "working": len(entry.working)}
    return say(stated, f"{entry.year}: {json.dumps(days)}", year=entry.year, **days)
