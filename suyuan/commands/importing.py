"""Verbs of a connector: import a merchant's file, keep cards of counterparties."""

import argparse
import csv
import json
import threading
import uuid
from collections import Counter
from collections.abc import Iterator, Sequence
from itertools import chain, islice
from pathlib import Path
from typing import Any

from ledger.events.cases import MerchantOwnerStated
from ledger.events.reports import GoodsSold, GoodsUsed
from ledger.rules.requests import StateOwner
from ledger.values.cards import Card
from scanners.agent import home_of
from scanners.asking import EnrolmentRefused, LedgerAway, ask
from scanners.cards import CardBox, CardRefused, plain_name
from scanners.entries import Standing
from scanners.importing.columns import WORDS, Columns, find_headings
from scanners.importing.feed import feed_server
from scanners.importing.keeping import (
    STROKE_ROWS,
    NotAllKept,
    keep_rows,
    note_errors,
    once_in_errors,
)
from scanners.importing.rows import DAY_SALES, KINDS, Common, Understood, describe, understand_row
from scanners.importing.tables import HEADING_ROWS, BadFile, TableRow, read_rows
from scanners.tape import Tape
from suyuan.badge import badge
from suyuan.commands import Failed, day, name, port, say_line, today
from suyuan.commands.device import AtWork, add_device, at_work
from suyuan.progress import Progress

PREVIEW_ROWS = 8
FEED_PORT = 8705
CARDS_AGAIN_S = 30
ERRORS_SHOWN = 5
# While receipts come, a long file is waited for; after so many seconds without one it is not.
SILENCE_S = 5


def add_import(verbs: Any) -> None:
    """`import`: a merchant's own file."""
    verb = verbs.add_parser(
        "import", help="a merchant's file (.xlsx, .csv, .json, .ndjson) onto a connector's tape"
    )
    verb.add_argument("file", type=Path)
    verb.add_argument("--sheet", help="a workbook's sheet; else its first")
    verb.add_argument("--kind", choices=[*sorted(KINDS), DAY_SALES[0]], default="receive",
                      help="what rows are that do not say (%(default)s)")  # fmt: skip
    verb.add_argument("--date", type=day, help="the day of rows that state none")
    verb.add_argument("--column", action="append", default=[], metavar="NAME=HEADING",
                      help=f"which heading is which, remembered: {', '.join(WORDS)}")  # fmt: skip
    verb.add_argument("--new-cards", action="store_true",
                      help="make a card for every name of a counterparty not known yet")  # fmt: skip
    verb.add_argument(
        "--preview", action="store_true", help="say how it is understood; keep nothing"
    )
    verb.add_argument("--errors", type=Path, help="where rows with errors go; else FILE.errors.csv")
    add_device(verb)
    verb.set_defaults(run=run_import)


def run_import(stated: argparse.Namespace) -> int:
    """Reads, matches, previews or keeps; exits with 1 when a row could not be understood."""
    with at_work(stated) as work:
        try:
            columns, rows = _matched(stated, work)
            common = _common(stated, work)
            seen: Counter[str] = Counter()
            understood: Iterator[Understood] = (
                understand_row(row, columns, common, seen) for row in rows
            )
            if "id" not in columns.places:
                understood = once_in_errors(work.tape, stated.file.name, common, understood)
            if stated.preview:
                return _preview(stated, work, columns, list(understood))
            return _import(stated, work, columns, understood)
        except BadFile as error:
            raise Failed(str(error)) from error


def add_feed(verbs: Any) -> None:
    """`feed`: rows from a cash register, a scale or an ERP as they come."""
    verb = verbs.add_parser(
        "feed", help="take rows over HTTP from a cash register, scale or ERP on this machine"
    )
    verb.add_argument("--port", type=port, default=FEED_PORT, help="listen here (%(default)s)")
    verb.add_argument("--kind", choices=[*sorted(KINDS), DAY_SALES[0]], default="sell",
                      help="what rows are that do not say (%(default)s)")  # fmt: skip
    verb.add_argument("--new-cards", action="store_true",
                      help="make a card for every name of a counterparty not known yet")  # fmt: skip
    add_device(verb)
    verb.set_defaults(run=run_feed, date=None, preview=False)


def run_feed(stated: argparse.Namespace) -> int:
    """Listens until it is interrupted; a row is on the tape before its sender hears of it."""
    with at_work(stated) as work:
        new_cards = threading.Event()

        def heard(told: dict[str, Any]) -> None:
            new_cards.set()
            work.agent.link.wake()
            say_line(json.dumps(told, ensure_ascii=False))

        def common() -> Common:
            # A call is a scan session of its own: what is voided with it, is what came with it.
            return _common(stated, work)._replace(session=str(uuid.uuid4()))

        server = feed_server(work.tape, common, stated.port, heard)
        threading.Thread(target=_hand_in, args=(work.tape, new_cards), daemon=True).start()
        work.begin_sending()
        host, listens = server.server_address[:2]
        if not stated.json:
            say_line(f"rows go to http://{host!s}:{listens}/rows, Ctrl-C ends it")
        try:
            server.serve_forever()
        except KeyboardInterrupt:
            say_line("the feed has ended; what was kept is on the tape")
        finally:
            server.server_close()
    return 0


def _hand_in(tape: Tape, new_cards: threading.Event) -> None:
    """Hands in cards as they are made; what the ledger did not take is offered again."""
    said = ""
    while True:
        try:
            CardBox(tape).hand_in(home_of(tape))
            said = ""
        except CardRefused as error:
            if str(error) != said:
                said = str(error)
                say_line(f"cards are not handed in yet: {said}")
        new_cards.wait(CARDS_AGAIN_S)
        new_cards.clear()


def _matched(stated: argparse.Namespace, work: AtWork) -> tuple[Columns, Iterator[TableRow]]:
    """Finds the headings; what was chosen now or for the same headings before comes first."""
    chosen = {}
    for pair in stated.column:
        name, equals, heading = pair.partition("=")
        if not equals or name not in WORDS:
            raise Failed(f"--column is NAME=HEADING with NAME of {', '.join(WORDS)}, not {pair!r}")
        chosen[name] = heading
    rows = read_rows(stated.file, stated.sheet)
    first = list(islice(rows, HEADING_ROWS))
    remembered: dict[str, str] = {}
    for row in first:
        stored = work.tape.get(Columns({}, (), row.cells).name)
        remembered = remembered or (json.loads(stored) if stored else {})
    index, columns = find_headings(first, remembered | chosen)
    if chosen and not stated.preview:
        work.tape.put(columns.name, json.dumps(remembered | chosen))
    return columns, chain(first[index + 1 :], rows)


def _common(stated: argparse.Namespace, work: AtWork) -> Common:
    return Common(
        work.merchant, work.premises, stated.date or today(), work.session.id,
        work.agent.clocks.read(), stated.kind, CardBox(work.tape),
        make_cards=stated.new_cards and not stated.preview,
    )  # fmt: skip


def _preview(
    stated: argparse.Namespace, work: AtWork, columns: Columns, rows: Sequence[Understood]
) -> int:
    bad = [row for row in rows if row.event is None]
    known = len(work.tape.used([row.key for row in rows]))
    told = {
        "rows": len(rows), "errors": len(bad), "known": known,
        "columns": {name: columns.headings[i] for name, i in columns.places.items()},
        "unmatched": list(columns.unmatched),
    }  # fmt: skip
    if stated.json:
        say_line(json.dumps(told, ensure_ascii=False))
        return int(bool(bad))
    say_line(
        "columns: " + ", ".join(f"{n} = {columns.headings[i]}" for n, i in columns.places.items())
    )
    if columns.unmatched:
        say_line(f"not used: {', '.join(columns.unmatched)} (say --column NAME=HEADING)")
    for row in rows[:PREVIEW_ROWS]:
        say_line(f"{row.row.number:>6}  {describe(row.event) if row.event else row.problem}")
    say_line(f"{len(rows)} rows, {known} of them on the tape already, {len(bad)} with errors")
    shown = {row.row.number for row in rows[:PREVIEW_ROWS]}
    for row in [row for row in bad if row.row.number not in shown][:ERRORS_SHOWN]:
        say_line(f"row {row.row.number}: {row.problem}")
    return int(bool(bad))


def _import(
    stated: argparse.Namespace, work: AtWork, columns: Columns, rows: Iterator[Understood]
) -> int:
    met: list[str] = []
    try:
        kept = keep_rows(work.tape, _watched(work, rows, met))
    except NotAllKept as error:
        raise Failed(f"{error}; import the file again when that is mended") from error
    numbers, bad = kept.numbers, kept.bad
    told: dict[str, Any] = {
        "rows": kept.rows, "kept": len(numbers), "known": kept.known, "errors": len(bad),
        "numbers": [numbers[0], numbers[-1]] if numbers else [], "stopped": met,
    }  # fmt: skip
    if bad:
        path = stated.errors or stated.file.with_name(f"{stated.file.name}.errors.csv")
        _write_errors(path, columns, bad, stated.file.name)
        if "id" not in columns.places:
            note_errors(work.tape, stated.file.name, bad)
        told["errors_file"] = str(path)
    _send(stated, work)
    if stated.json:
        say_line(json.dumps(told, ensure_ascii=False))
        return int(bool(bad))
    span = f" as no. {numbers[0]} to {numbers[-1]}" if numbers else ""
    say_line(f"{told['kept']} rows kept{span}, {told['known']} were on the tape already")
    for words in met[:ERRORS_SHOWN]:
        say_line(f"STOP 停售 {words}")
    for row in bad[:ERRORS_SHOWN]:
        say_line(f"row {row.row.number}: {row.problem}")
    if bad:
        say_line(f"{len(bad)} rows with errors are in {told['errors_file']}: mend and import them")
    return int(bool(bad))


def _watched(work: AtWork, rows: Iterator[Understood], met: list[str]) -> Iterator[Understood]:
    """Lets rows pass, and notes sales of goods that the device's list stops: they are facts."""
    selling = Standing(mode="sell", merchant=work.merchant, premises=work.premises)
    for row in rows:
        if isinstance(row.event, GoodsSold | GoodsUsed):
            found = work.agent.stops.meets(row.event.goods, selling)
            if found is not None and found.how == "stopped":
                line = found.lines[0]
                met.append(
                    f"row {row.row.number}: {line.name} {line.kind} {line.stop}; tell the buyer"
                )
        yield row


def _send(stated: argparse.Namespace, work: AtWork) -> None:
    """Carries what was kept to the ledger, cards first: an entry is read with them."""
    if stated.offline:
        return
    try:
        CardBox(work.tape).hand_in(home_of(work.tape))
    except CardRefused as error:
        say_line(f"cards are not handed in yet: {error}")
    work.begin_sending()
    waiting = work.tape.count_waiting()
    with Progress("rows confirmed", waiting, show=not stated.json and waiting > STROKE_ROWS) as bar:
        left, still = waiting, 0
        while not work.agent.link.wait_drained(1) and still < SILENCE_S:
            now = work.tape.count_waiting()
            still = still + 1 if now == left else 0
            bar.step(left - now)
            left = now


def _write_errors(
    path: Path, columns: Columns, bad: Sequence[Understood], stated_name: str
) -> None:
    """Writes the rows that could not be understood as they stood, with what is wrong."""
    try:
        with path.open("w", encoding="utf-8-sig", newline="") as file:
            out = csv.writer(file)
            # A number of its own tells a mended row from one that says the same and was good.
            own = [] if "id" in columns.places else ["id"]
            out.writerow([*columns.headings, *own, "错误"])
            for row in bad:
                padding = [""] * (len(columns.headings) - len(row.row.cells))
                name = [f"{stated_name}#{row.row.number}"] if own else []
                out.writerow([*row.row.cells, *padding, *name, row.problem])
    except OSError as error:
        raise Failed(f"{path} cannot be written: {error.strerror}") from error


def add_card(verbs: Any) -> None:
    """`card`: what is known of a counterparty who is in no register."""
    verb = verbs.add_parser(
        "card", help="keep the card of an unregistered counterparty, or list them"
    )
    verb.add_argument("name", nargs="?", help="the name as it will be typed")
    verb.add_argument("--address")
    verb.add_argument("--phone")
    verb.add_argument("--licence")
    verb.add_argument("--of", type=name, metavar="MERCHANT",
                      help="it is this registered merchant's own: the ledgers take its address")  # fmt: skip
    verb.add_argument("--as", dest="by", type=name, help="with --of: who says so")
    verb.add_argument("--sure", action="store_true", help="it is somebody else than who is alike")
    add_device(verb)
    verb.set_defaults(run=run_card)


def run_card(stated: argparse.Namespace) -> int:
    """Keeps a card on the tape and hands it in, or lists the cards of this device."""
    with at_work(stated) as work:
        box = CardBox(work.tape)
        if (stated.of and not (stated.name and stated.by)) or (stated.of and stated.offline):
            raise Failed("--of goes with a name, with --as, and not with --offline")
        if stated.name is not None:
            near = [name for name in box.near(stated.name) if name != plain_name(stated.name)]
            if near and plain_name(stated.name) not in box.refs() and not stated.sure:
                raise Failed(f"{' and '.join(near)} is known here: use that name, or say --sure")
            box.keep(Card(name=stated.name, address=stated.address, phone=stated.phone,
                          licence=stated.licence))  # fmt: skip
        if not stated.offline:
            try:
                box.hand_in(home_of(work.tape))
            except CardRefused as error:
                say_line(f"kept here, not handed in yet: {error}")
        if stated.of is not None:
            _state_owner(stated, work, box.refs()[plain_name(stated.name)])
        for named, known in box.all().items():
            place = "" if known.sent else "  (not handed in yet)"
            card = known.card
            say_line(f"{named}  {card.address or '-'}  {card.phone or '-'}  {known.ref}{place}")
    return 0


def _state_owner(stated: argparse.Namespace, work: AtWork, ref: str) -> None:
    """Puts on record that a card is a registered merchant's own."""
    entry = MerchantOwnerStated(merchant=stated.of, owner_card=ref, by=stated.by)
    try:
        home = home_of(work.tape)
        ask(home.intake_url, [StateOwner(entry)], auth=badge(stated.by), authority=home.authority)
    except (EnrolmentRefused, LedgerAway) as error:
        raise Failed(str(error)) from error


VERBS = (add_import, add_feed, add_card)
