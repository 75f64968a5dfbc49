"""The verb of the hand: scan."""

import argparse
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from suyuan.commands import Failed
from suyuan.commands.codes_in import add_sources, lines_from
from suyuan.commands.device import AtWork, add_device, at_work, tell

# What is said with a hyphen, and so is not letters alone.
WORDS = ("take-back", "sold-out", "it-is", "it-is-not", "sold-anyway")


def add_scan(verbs: Any) -> None:
    """`scan`: scan and type."""
    verb = verbs.add_parser("scan", help="take scans onto the tape and carry them to the ledger")
    add_device(verb)
    verb.add_argument("--mode", default=None, help="receive, sell, return (to the supplier),"
                      " take-back (from a customer), dispose, use or count; then type help")  # fmt: skip
    verb.add_argument("--with", dest="counterparty", default=None, help="the other merchant")
    verb.add_argument("--delivery", default=None, help="the delivery's or voucher's number")
    source = verb.add_mutually_exclusive_group()
    add_sources(source)
    source.add_argument("--folder", type=Path,
                        help="a folder: reads each picture put there, until Ctrl-C")  # fmt: skip
    source.add_argument("--file", type=Path, nargs="+", help="picture files")
    verb.add_argument("--document", type=Path, help="a picture of the papers that came along")
    verb.add_argument("--profiles", type=Path, help="the merchant's in-store codes, as TOML")
    verb.set_defaults(run=run_scan)


def run_scan(stated: argparse.Namespace) -> int:
    """Scans until the input ends, then waits a moment for receipts."""
    worst = 0
    with at_work(stated) as work:
        _begin(stated, work)
        tell(work.session.standing(), stated.json)
        work.begin_sending()
        try:
            for told in _scans(stated, work.session):
                work.agent.link.wake()
                tell(told, stated.json)
                worst = max(worst, told.colour == "red")
        finally:
            if (last := work.session.finish()) is not None:
                tell(last, stated.json)
                worst = max(worst, last.colour == "red")
    return max(worst, bool(work.agent.stopped))


def _begin(stated: argparse.Namespace, work: AtWork) -> None:
    """Takes the options as the session's first commands."""
    from scanners.profiles import keep_profiles, read_profiles

    commands = [stated.mode, stated.counterparty and f"with:{stated.counterparty}"]
    commands += [stated.delivery and f"delivery:{stated.delivery}"]
    commands += [stated.document and f"document:{work.keep_picture(stated.document)}"]
    for command in filter(None, commands):
        work.command(command)
    if stated.profiles:
        try:
            keep_profiles(work.tape, work.merchant, read_profiles(stated.profiles))
        except (ValueError, OSError) as error:
            raise Failed(str(error)) from error


def _scans(stated: argparse.Namespace, session: Any) -> Iterator[Any]:
    if stated.file or stated.folder:
        yield from _from_pictures(stated, session)
    elif stated.camera is not None:
        from scanners.inputs.camera import camera_codes

        for code in camera_codes(stated.camera):
            yield _understood(session, code.aim, code.raw)
    else:
        for line in lines_from(stated):
            yield _line(session, line)


def _line(session: Any, line: Any) -> Any:
    if line.aim is not None:
        return _understood(session, line.aim, line.raw)
    if line.text.lower() in WORDS or ":" in line.text or line.text.isalpha():
        name, colon, value = line.text.partition(":")
        return session.command(name.lower() + colon + value)
    return session.typed(line.text)


def _from_pictures(stated: argparse.Namespace, session: Any) -> Iterator[Any]:
    from scanners.inputs.folder import new_pictures
    from scanners.reader import UnreadablePicture, load_picture, read_picture
    from scanners.words import Told

    for path in stated.file or new_pictures(stated.folder):
        try:
            codes = read_picture(load_picture(path))
        except UnreadablePicture as error:
            yield Told("red", str(error))
            continue
        if not codes:
            yield Told("red", f"{path.name}: no code seen, scan again")
        for code in codes:
            if code.status == "sure":
                yield _understood(session, code.aim, code.raw)
            else:
                yield Told("amber", f"{path.name}: {code.status}, scan again")


def _understood(session: Any, aim: str, raw: bytes) -> Any:
    from scanners.gs1 import NotUnderstood, understand
    from scanners.words import Told

    try:
        return session.scanned(understand(aim, raw, session.profiles), aim, raw)
    except NotUnderstood as error:
        return Told("red", str(error))


VERBS = [add_scan]
