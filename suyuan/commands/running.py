"""Verbs that run a ledger on this machine: up, demo, simulate, verify, rebuild, doctor, bench."""

import argparse
import json
import signal
import sys
import threading
import uuid
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, TypeVar

import msgspec

from ledger.settings import read_settings
from ledger.values.clock import DeviceClock
from suyuan import doctor
from suyuan.batches import LongTrade
from suyuan.commands import Failed, day, port
from suyuan.parts.machine import Machine
from suyuan.parts.places import data_root
from suyuan.simulate import Trade

T = TypeVar("T", Trade, LongTrade)

WATCH_S = 1.0


def _say(json_only: bool) -> Any:
    return (lambda text: None) if json_only else (lambda text: print(text, flush=True))


def add_up(verbs: Any) -> None:
    """`up`: everything on this machine."""
    verb = verbs.add_parser("up", help="start everything on this machine and say the address")
    verb.add_argument("--port", type=port, default=None, help="the kiosk's port (8700)")
    verb.add_argument("--ledger", default=None, help="the ledger's name (local)")
    verb.add_argument("--name", default=None, metavar="HOST",
                      help="let other machines in, over TLS, under this host's name or address")  # fmt: skip
    verb.add_argument("--json", action="store_true", help="one JSON line once it is up")
    verb.set_defaults(run=run_up)


def run_up(stated: argparse.Namespace) -> int:
    """Starts everything and keeps it running until told to end."""
    settings = read_settings()
    if stated.name is not None:
        settings = msgspec.structs.replace(settings, public_name=stated.name.lower())
    machine = Machine(
        data_root() / "ledger", ledger=stated.ledger or settings.ledger,
        kiosk_port=_port(stated.port), given=settings, fixed=True,
    )  # fmt: skip
    machine.start(_say(stated.json))
    if stated.json:
        words = {"kiosk": machine.kiosk_url, "intake": machine.intake_url}
        print(
            json.dumps(
                words
                | {
                    "query": machine.query_url,
                    "mqtt": ":".join(map(str, machine.mqtt)),
                    "log": machine.log_url,
                }
                | {f"{one}_tls": machine.https(one) for one in ("kiosk", "intake", "query", "log")}
                | {"fingerprint": machine.certificates.fingerprint if machine.certificates else ""}
            ),
            flush=True,
        )
    else:
        print(
            "Let somebody in: suyuan user add NAME --name … --role administrator; suyuan sign-in NAME"
        )
        print("Let a scanner join: suyuan devices invite NAME --merchant MERCHANT", flush=True)
        if settings.public_name and not settings.tls_certificate:
            where = f"http://{settings.public_name}:{machine.ports['kiosk']}/install"
            print(f"Browsers install the certificate once, having compared it: {where}", flush=True)
        print(
            f"Audit it: suyuan audit {machine.log_url}; its key: {machine.log_url}/key", flush=True
        )
    keep_running(machine)
    return 0


def add_demo(verbs: Any) -> None:
    """`demo`: a market's day."""
    verb = verbs.add_parser("demo", help="a market's day from printed labels to the kiosk")
    verb.add_argument("--once", action="store_true", help="check the day and exit")
    verb.add_argument("--port", type=port, default=None, help="the kiosk's port (8700)")
    verb.add_argument("--json", action="store_true", help="print the reckoning as one JSON object")
    verb.set_defaults(run=run_demo)


def run_demo(stated: argparse.Namespace) -> int:
    """Runs the day; stays up with the address to open unless it runs once."""
    from suyuan.demo.day import Day
    from suyuan.demo.people import words_of

    kiosk_port = 0 if stated.once and stated.port is None else _port(stated.port)
    say = (lambda text: print(text, file=sys.stderr, flush=True)) if stated.json else _say(False)
    day = Day(say, kiosk_port=kiosk_port, show=True, tell_story=stated.once)
    try:
        result = day.run()
        if stated.json:
            print(json.dumps(result, ensure_ascii=False), flush=True)
        else:
            _print_result(result)
        if not stated.once and result["ok"]:
            assert day.machine is not None
            url = day.machine.kiosk_url
            print(
                f"\nOpen {url}story: two minutes, a Next button, every step real. Or open {url} and search 牛奶 or milk. Ctrl-C ends it."
            )
            print(
                "\n".join(["", *words_of(list(day.accounts.values()), day.machine.ports)]),
                flush=True,
            )
            keep_running(day.machine)
        return 0 if result["ok"] else 1
    finally:
        _ignore_signals()
        day.stop()


def add_simulate(verbs: Any) -> None:
    """`simulate`: trade with its ground truth."""
    verb = verbs.add_parser("simulate", help="write a simulated trade with its ground truth")
    verb.add_argument("out", type=Path, help="a new folder")
    verb.add_argument("--merchants", type=int, default=24)
    verb.add_argument("--days", type=int, default=1)
    verb.add_argument("--seed", type=int, default=1)
    verb.add_argument("--batches", action="store_true",
                      help="signed batches for suyuan load, of any number of days")  # fmt: skip
    verb.add_argument("--from", dest="since", type=day, default=None)
    verb.add_argument("--json", action="store_true")
    verb.set_defaults(run=run_simulate)


def run_simulate(stated: argparse.Namespace) -> int:
    """Writes requests.json, reports.ndjson and truth.json, or batches, into a new folder."""
    write = _write_batches if stated.batches else _write_trade
    try:
        reports = write(stated)
    except FileExistsError:
        raise Failed(f"{stated.out} is there already: name a new folder") from None
    except (ValueError, OSError) as error:
        raise Failed(str(error)) from error
    words = {"reports": reports, "folder": str(stated.out)}
    print(json.dumps(words) if stated.json else f"{reports} reports in {stated.out}")
    return 0


def _new_trade(kind: type[T], stated: argparse.Namespace) -> T:
    """Makes the trade that was asked for, and the new folder it is written into."""
    trade = kind(
        merchants=stated.merchants, day=stated.since or datetime.now(UTC).date(),
        seed=stated.seed, days=stated.days,
    )  # fmt: skip
    stated.out.mkdir(parents=True)
    return trade


def _write_batches(stated: argparse.Namespace) -> int:
    """Writes requests.json and batches.ndjson, a few days of trade in memory at a time."""
    trade = _new_trade(LongTrade, stated)
    (stated.out / "requests.json").write_bytes(msgspec.json.encode(trade.requests()))
    with (stated.out / "batches.ndjson").open("wb") as file:
        for batch in trade.batches():
            file.write(batch + b"\n")
    return trade.reports


def _write_trade(stated: argparse.Namespace) -> int:
    """Writes the requests, the reports in time order with tape and number, and what must come out."""
    trade, out = _new_trade(Trade, stated), stated.out
    (out / "requests.json").write_bytes(msgspec.json.encode(trade.requests()))
    tapes = {m.device: str(uuid.UUID(int=n, version=4)) for n, m in enumerate(trade.merchants)}
    # Number 1 of every tape is its opening.
    last = dict.fromkeys(tapes, 1)
    kept: dict[int, tuple[str, int]] = {}
    with (out / "reports.ndjson").open("wb") as file:
        for number, action in enumerate(trade.actions):
            clock = DeviceClock(wall=action.at, boot="simulated", monotonic_ms=number)
            last[action.device] += 1
            kept[id(action)] = place = tapes[action.device], last[action.device]
            target = kept[id(action.corrects)] if action.corrects else None
            line = {
                "at": action.at, "device": action.device, "tape": place[0], "number": place[1],
                "report": action.event(clock, None, target),
            }  # fmt: skip
            file.write(msgspec.json.encode(line) + b"\n")
    end = trade.day + timedelta(days=trade.days - 1)
    alerts = trade.expected_alerts(end, lambda action: kept[id(action)])
    trades = trade.truth.books.trades.items()
    truth = {
        "stock": [{"key": key, "thousandths": n} for key, n in sorted(trade.truth.stock.items())],
        "alerts": [{"kind": kind, "subject": subject} for kind, subject in sorted(alerts)],
        "overdrawn_papers": sorted(trade.overdrawn_papers()),
        "pairs": [
            {**key._asdict(), "status": told.status, "sold": told.sold, "received": told.received}
            for key, told in trades
        ],
        "day": end,
    }
    (out / "truth.json").write_bytes(msgspec.json.encode(truth))
    return len(trade.actions)


def add_doctor(verbs: Any) -> None:
    """`doctor`: what is missing and how to get it."""
    verb = verbs.add_parser("doctor", help="say what is missing and how to get it")
    verb.add_argument("--json", action="store_true")
    verb.set_defaults(run=run_doctor)


def run_doctor(stated: argparse.Namespace) -> int:
    """Looks at every part this machine could need."""
    findings = doctor.examine()
    if stated.json:
        print(json.dumps([finding._asdict() for finding in findings], ensure_ascii=False))
    else:
        for finding in findings:
            sign = {"good": "ok", "optional": "missing", "taken": "taken", "bad": "BAD"}[
                finding.state
            ]
            print(f"{sign:<7} {finding.part:<12} {finding.words}")
    return 1 if any(finding.state == "bad" for finding in findings) else 0


def _port(stated: int | None) -> int:
    if stated is not None:
        return stated
    return read_settings().kiosk_port


def keep_running(machine: Machine) -> None:
    """Starts again what falls, until somebody ends us."""
    ended = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        signal.signal(number, lambda *_: ended.set())
    try:
        while not ended.wait(WATCH_S):
            machine.keep_running()
    finally:
        _ignore_signals()
        machine.stop()


def _ignore_signals() -> None:
    """Keeps a second Ctrl-C from interrupting the clean-up, which would leave processes behind."""
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)


def _print_result(result: dict[str, Any]) -> None:
    print()
    for name, value in result.items():
        if name != "problems":
            print(f"  {name:<18} {value}")
    for problem in result["problems"]:
        print(f"  problem: {problem}")
    print("\nEverything is as the simulator knows it." if result["ok"] else "\nSomething is off.")


VERBS = [add_up, add_demo, add_simulate, add_doctor]
