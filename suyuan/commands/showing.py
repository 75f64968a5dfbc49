"""The verb of a public screen with a scanner of its own: kiosk."""

import argparse
import contextlib
import json
import sqlite3
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from ledger.settings import read_settings
from scanners.agent import Agent, home_of
from scanners.asking import EnrolmentRefused
from scanners.identity import Clocks
from scanners.showing import Showing
from scanners.tape import NoTape, Tape
from suyuan.commands import Failed, say_line
from suyuan.commands.codes_in import add_sources, lines_from
from suyuan.commands.joining import TAPE_DEFAULT


def add_kiosk(verbs: Any) -> None:
    """`kiosk`: a scan opens its page on the screen beside it."""
    verb = verbs.add_parser(
        "kiosk", help="open the page of what is held before a kiosk's own scanner"
    )
    verb.add_argument("--tape", type=Path, default=TAPE_DEFAULT,
                      help="the kiosk's tape: enroll it as a device (%(default)s)")  # fmt: skip
    verb.add_argument("--pages", help="where its browser finds the pages; else this machine's")
    add_sources(verb.add_mutually_exclusive_group())
    verb.add_argument("--json", action="store_true")
    verb.set_defaults(run=run_kiosk)


def run_kiosk(stated: argparse.Namespace) -> int:
    """Says which address the kiosk's browser opens, then shows scan after scan until the input ends."""
    try:
        tape = Tape.open(stated.tape)
    except (OSError, NoTape, sqlite3.Error) as error:
        raise Failed(str(error)) from error
    with contextlib.closing(tape):
        try:
            agent = Agent(tape, Clocks())
        except EnrolmentRefused as error:
            raise Failed(str(error)) from error
        showing = Showing(agent)
        _say_address(stated, tape, showing.screen)
        agent.link.start()
        try:
            for text in _texts(stated):
                _show(stated, showing, text)
        finally:
            agent.link.stop()
    return 0


def _say_address(stated: argparse.Namespace, tape: Tape, screen: str) -> None:
    pages = stated.pages or _pages_beside(home_of(tape).intake_url)
    address = f"{pages.rstrip('/')}/?screen={screen}"
    if stated.json:
        say_line(json.dumps({"device": tape.device, "open": address}))
    else:
        say_line(f"{tape.device}: open {address} in the browser of this kiosk, once")


def _pages_beside(intake_url: str) -> str:
    """Returns where the pages are, as far as an address of intake tells: on its machine."""
    settings, host = read_settings(), urlsplit(intake_url).hostname or "127.0.0.1"
    secure = intake_url.startswith("https:")
    port = settings.kiosk_tls_port if secure else settings.kiosk_port
    return f"{'https' if secure else 'http'}://{host}:{port}"


def _texts(stated: argparse.Namespace) -> Iterator[str]:
    if stated.camera is None:
        for line in lines_from(stated):
            yield line.text
        return
    from scanners.inputs.camera import camera_codes

    for code in camera_codes(stated.camera):
        yield code.aim + code.raw.decode(errors="replace")


def _show(stated: argparse.Namespace, showing: Showing, text: str) -> None:
    try:
        shown = showing.show(text)
        why = "" if shown else "the broker is away: hold it there again in a moment"
    except ValueError as error:
        shown, why = False, str(error)
    if stated.json:
        say_line(json.dumps({"shown": shown, "why": why}))
    elif why:
        say_line(why)


VERBS = [add_kiosk]
