"""Verbs of the edge: enroll, scan, decode, label."""

import argparse
import json
import sys
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from ledger.values.day import ZONE_DEFAULT, day_at
from suyuan.commands import Failed

TAPE_DEFAULT = Path("scanner.tape")
FILL_WARNING_PERCENT = 80


def add_enroll(verbs: Any) -> None:
    """`enroll`: join a ledger."""
    verb = verbs.add_parser("enroll", help="make a tape with a key of its own and join a ledger")
    verb.add_argument("device", help="the device's name: a-z, 0-9 and -")
    verb.add_argument("--tape", type=Path, default=TAPE_DEFAULT)
    verb.add_argument("--intake", default="http://127.0.0.1:8701", help="the ledger's address")
    verb.add_argument("--mqtt", default="127.0.0.1:1883", help="the broker as host:port")
    verb.add_argument("--merchant", action="append", default=[], help="who lets it report")
    verb.add_argument("--json", action="store_true")
    verb.set_defaults(run=run_enroll)


def run_enroll(stated: argparse.Namespace) -> int:
    """Enrolls a device."""
    from scanners.agent import EnrolmentRefused, enroll, learn_home

    host, _, port = stated.mqtt.rpartition(":")
    if not port.isdigit():
        raise Failed(f"--mqtt is host:port, not {stated.mqtt!r}")
    if stated.tape.exists():
        raise Failed(f"{stated.tape} holds a tape already: name a new file with --tape")
    try:
        home = learn_home(stated.intake, host, int(port))
        tape = enroll(stated.tape, stated.device, home, stated.merchant, since=_today())
    except (EnrolmentRefused, FileExistsError, OSError) as error:
        raise Failed(str(error)) from error
    words = {
        "device": tape.device,
        "tape": tape.id,
        "file": str(stated.tape),
        "ledger": home.ledger,
    }
    print(
        json.dumps(words)
        if stated.json
        else f"{tape.device} is enrolled; its tape is {stated.tape}"
    )
    tape.close()
    return 0


def add_scan(verbs: Any) -> None:
    """`scan`: scan and type."""
    verb = verbs.add_parser("scan", help="take scans onto the tape and carry them to the ledger")
    verb.add_argument("--tape", type=Path, default=TAPE_DEFAULT)
    verb.add_argument("--mode", default=None, help="receive, sell, return, dispose, use or count")
    verb.add_argument("--for", dest="merchant", default=None, help="MERCHANT:PREMISES")
    verb.add_argument("--with", dest="counterparty", default=None, help="the other merchant")
    verb.add_argument("--delivery", default=None, help="the delivery's or voucher's number")
    source = verb.add_mutually_exclusive_group()
    source.add_argument("--wedge", action="store_true", help="standard input (the default)")
    source.add_argument("--evdev", type=Path, help="an input device, grabbed exclusively")
    source.add_argument("--serial", help="a serial port")
    source.add_argument("--folder", type=Path, help="a folder whose pictures are read")
    source.add_argument("--camera", type=int, help="a camera's number")
    source.add_argument("--file", type=Path, nargs="+", help="picture files")
    verb.add_argument("--document", type=Path, help="a picture of the papers that came along")
    verb.add_argument("--offline", action="store_true", help="keep on the tape, send later")
    verb.add_argument("--json", action="store_true")
    verb.set_defaults(run=run_scan)


def run_scan(stated: argparse.Namespace) -> int:
    """Scans until the input ends, then waits a moment for receipts."""
    from scanners.agent import Agent, EnrolmentRefused
    from scanners.identity import Clocks
    from scanners.session import Session, Told
    from scanners.tape import Tape

    try:
        tape = Tape.open(stated.tape)
        agent = Agent(tape, Clocks(), on_answer=lambda body: _tell_answer(body, stated.json))
    except (OSError, EnrolmentRefused) as error:
        raise Failed(str(error)) from error
    session = Session(tape, agent.clocks, today=_today)
    commands = [stated.mode, stated.merchant and f"merchant:{stated.merchant}"]
    commands += [stated.counterparty and f"with:{stated.counterparty}"]
    commands += [stated.delivery and f"delivery:{stated.delivery}"]
    for command in filter(None, commands):
        told = session.command(command)
        if told.colour == "red":
            tape.close()
            raise Failed(told.words)
        _tell(told, stated.json)
    if stated.document:
        _tell(session.command(f"document:{_keep_document(tape, stated.document)}"), stated.json)
    if tape.fill_percent() >= FILL_WARNING_PERCENT:
        _tell(
            Told("amber", f"the tape is {tape.fill_percent()} % full: free some space"), stated.json
        )
    if not stated.offline:
        agent.link.start()
    worst = 0
    try:
        for told in _scans(stated, session):
            agent.link.wake()
            _tell(told, stated.json)
            worst = max(worst, told.colour == "red")
        if (last := session.finish()) is not None:
            _tell(last, stated.json)
    except OSError as error:
        raise Failed(str(error)) from error
    finally:
        confirmed = not stated.offline and agent.link.wait_drained(5)
        if not stated.offline:
            agent.send_documents()
        agent.link.stop()
        waiting = tape.count_waiting()
        tape.close()
    _say_end(confirmed, waiting, stated.json)
    return worst


def add_decode(verbs: Any) -> None:
    """`decode`: what a picture says."""
    verb = verbs.add_parser("decode", help="say what the codes on pictures are and mean")
    verb.add_argument("files", type=Path, nargs="+", metavar="FILE")
    verb.add_argument("--json", action="store_true", help="one JSON object per file")
    verb.set_defaults(run=run_decode)


def run_decode(stated: argparse.Namespace) -> int:
    """Decodes pictures; fails when one of the files is no picture."""
    from scanners.decode import decode_file

    failed = False
    for path in stated.files:
        found = decode_file(path)
        failed = failed or "error" in found
        if stated.json:
            print(json.dumps(found, ensure_ascii=False))
        else:
            _print_decoded(found)
    return int(failed)


def add_label(verbs: Any) -> None:
    """`label`: labels to print."""
    verb = verbs.add_parser("label", help="write a label, or a sheet of them, to print")
    verb.add_argument("out", type=Path, help="ends in .svg, .png or .html (a sheet)")
    verb.add_argument("--kind", default="gs1-128", choices=[
        "ean13", "code128", "gs1-128", "databar", "databar-expanded", "datamatrix", "qr"])  # fmt: skip
    verb.add_argument("--gtin", help="8 to 14 digits")
    verb.add_argument("--lot")
    verb.add_argument("--produced", type=date.fromisoformat, help="YYYY-MM-DD")
    verb.add_argument("--expires", type=date.fromisoformat, help="YYYY-MM-DD")
    verb.add_argument("--title", default="")
    verb.add_argument("--host", default="localhost", help="the kiosk's host, for qr")
    verb.add_argument("--copies", type=int, default=1)
    verb.add_argument("--dates", type=int, default=0, metavar="DAYS",
                      help="instead: the sheet of date barcodes for so many days")  # fmt: skip
    verb.add_argument("--json", action="store_true")
    verb.set_defaults(run=run_label)


def run_label(stated: argparse.Namespace) -> int:
    """Writes a label or a sheet."""
    from scanners import labels

    try:
        if stated.dates:
            days = [_today() + timedelta(days=n) for n in range(stated.dates)]
            modes = [
                (m, m) for m in ("receive", "sell", "return", "dispose", "count", "same", "skip")
            ]
            content: str | bytes = labels.date_sheet(days, modes)
        else:
            if stated.gtin is None:
                raise ValueError("a label needs --gtin")
            label = labels.Label(
                stated.kind, stated.gtin, stated.lot, stated.produced, stated.expires,
                stated.title, stated.host,
            )  # fmt: skip
            content = _label_content(stated.out.suffix, label, stated.copies)
        data = content if isinstance(content, bytes) else content.encode()
        stated.out.write_bytes(data)
    except (ValueError, OSError) as error:
        raise Failed(str(error)) from error
    words = {"file": str(stated.out), "bytes": stated.out.stat().st_size}
    print(json.dumps(words) if stated.json else f"{stated.out} is ready to print")
    return 0


def _label_content(ending: str, label: Any, copies: int) -> str | bytes:
    from scanners import labels

    match ending:
        case ".svg":
            return labels.svg(label)
        case ".png":
            return labels.png(label)
        case ".html":
            return labels.sheet([label] * max(1, min(copies, 300)), label.title or "Labels")
    raise ValueError(f"a label ends in .svg, .png or .html, not {ending!r}")


def _scans(stated: argparse.Namespace, session: Any) -> Iterator[Any]:
    if stated.file or stated.folder:
        yield from _from_pictures(stated, session)
    elif stated.camera is not None:
        from scanners.inputs.camera import camera_codes

        for code in camera_codes(stated.camera):
            yield _understood(session, code.aim, code.raw)
    else:
        for line in _lines(stated):
            yield _line(session, line)


def _lines(stated: argparse.Namespace) -> Iterator[Any]:
    from scanners.inputs.wedge import classify, lines_of

    if stated.evdev:
        from scanners.inputs.evdev import grabbed_lines

        yield from map(classify, grabbed_lines(stated.evdev))
    elif stated.serial:
        from scanners.inputs.serial_port import serial_lines

        yield from map(classify, serial_lines(stated.serial))
    else:
        yield from lines_of(sys.stdin)


def _line(session: Any, line: Any) -> Any:
    if line.aim is not None:
        return _understood(session, line.aim, line.raw)
    if line.text.lower() in ("same", "skip") or ":" in line.text or line.text.isalpha():
        name, colon, value = line.text.partition(":")
        return session.command(name.lower() + colon + value)
    return session.typed(line.text)


def _from_pictures(stated: argparse.Namespace, session: Any) -> Iterator[Any]:
    from scanners.inputs.folder import new_pictures
    from scanners.reader import UnreadablePicture, load_picture, read_picture
    from scanners.session import Told

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
    from scanners.session import Told

    try:
        return session.scanned(understand(aim, raw), aim, raw)
    except NotUnderstood as error:
        return Told("red", str(error))


def _tell_answer(body: Any, as_json: bool) -> None:
    """Says what the hand must know of an answer; that all is well is said at the end."""
    from ledger.events import wire
    from scanners.session import Told

    match body:
        case wire.Fork():
            words = f"this tape stopped at {body.number}: a copy of it was used; enroll anew"
            _tell(Told("red", words), as_json)
        case wire.Refused():
            _tell(Told("red", f"the ledger refused: {body.message}; nothing is lost"), as_json)
        case wire.Receipt():
            unread = [v.number for v in body.verdicts if v.code == "unreadable"]
            flags = sorted({flag for v in body.verdicts for flag in v.flags})
            if unread:
                _tell(Told("amber", f"kept, but the ledger could not read {unread}"), as_json)
            if flags:
                _tell(Told("amber", f"recorded, with a note: {', '.join(flags)}"), as_json)


def _keep_document(tape: Any, path: Path) -> str:
    from scanners.agent import keep_document

    media = {
        ".png": "image/png",
        ".jpg": "image/jpeg",
        ".jpeg": "image/jpeg",
        ".pdf": "application/pdf",
    }
    kind = media.get(path.suffix.lower())
    if kind is None:
        raise Failed(f"a document is a .jpg, .png or .pdf, not {path.name}")
    try:
        return keep_document(tape, kind, path.read_bytes())
    except OSError as error:
        raise Failed(f"{path}: {error.strerror}") from error


def _tell(told: Any, as_json: bool) -> None:
    if as_json:
        print(json.dumps(told._asdict(), ensure_ascii=False), flush=True)
    else:
        print(f"[{told.colour:^5}] {told.words}", flush=True)


def _say_end(confirmed: bool, waiting: int, as_json: bool) -> None:
    if as_json:
        print(json.dumps({"confirmed": confirmed, "waiting": waiting}), flush=True)
    elif confirmed:
        print("everything on the tape is confirmed by the ledger")
    else:
        print(f"{waiting} on the tape are not yet confirmed; they are kept and sent later")


def _print_decoded(found: dict[str, Any]) -> None:
    print(found["file"])
    if "error" in found:
        print(f"  {found['error']}")
    elif not found["codes"]:
        print("  no code seen")
    for code in found["codes"]:
        known = ("status", "symbology", "aim", "raw", "votes", "text")
        meaning = {name: value for name, value in code.items() if name not in known}
        print(f"  {code['status']:<7} {code['symbology']} {code['aim']} {code['text']!r}")
        for name, value in meaning.items():
            print(f"          {name}: {value}")


def _today() -> date:
    return day_at(datetime.now(UTC), ZoneInfo(ZONE_DEFAULT))


VERBS = [add_enroll, add_scan, add_decode, add_label]
