"""`mock`: a copy of the running ledger with services of its own, to rehearse a recall on."""

import argparse
import json
import shutil
import tempfile
import time
from pathlib import Path
from typing import Any

import psycopg

from ledger.settings import Settings
from suyuan.commands.running import keep_running
from suyuan.commands.this_machine import RunningLedger
from suyuan.mock import copy_ledger
from suyuan.parts.machine import Machine
from suyuan.parts.places import data_root


def add_mock(verbs: Any) -> None:
    """`mock`: rehearse without anybody being stopped."""
    verb = verbs.add_parser(
        "mock",
        help="a copy of the running ledger with services of its own, to rehearse a recall on",
    )
    verb.add_argument("--json", action="store_true", help="one JSON line once it is up")
    verb.set_defaults(run=run_mock)


def run_mock(stated: argparse.Namespace) -> int:
    """Copies the ledger, starts services on the copy, and throws all of it away at the end."""
    running = RunningLedger()
    with psycopg.connect(running.owner) as connection:
        row = connection.execute("SELECT ledger FROM ledger.head").fetchone()
    name = str(row[0]) if row else "local"
    root = data_root()
    root.mkdir(parents=True, exist_ok=True)
    folder = Path(tempfile.mkdtemp(prefix="mock-", dir=root))
    folder.chmod(0o755)
    begun = time.perf_counter()
    copied: list[int] = []

    def fill(owner: str, follower: str) -> None:
        copied.append(copy_ledger(running.owner, owner, follower=follower))

    # Its key is its own: what a rehearsal stops, no scanner at work believes.
    machine = Machine(folder, ledger=name, fill=fill, given=Settings(rehearsal=True))
    try:
        machine.start((lambda text: None) if stated.json else print)
        took_s = round(time.perf_counter() - begun, 1)
        ports = {"intake": machine.ports["intake"], "query": machine.ports["query"]}
        words = ports | {"mqtt": ":".join(map(str, machine.mqtt)), "position": copied[0]}
        if stated.json:
            print(json.dumps(words | {"copied_s": took_s, "kiosk": machine.kiosk_url}), flush=True)
        else:
            print(f"copied position {copied[0]} in {took_s} s; in another terminal:", flush=True)
            print(
                f"  export SUYUAN_INTAKE_PORT={ports['intake']} SUYUAN_QUERY_PORT={ports['query']}"
                f" SUYUAN_MQTT_PORT={machine.mqtt[1]} SUYUAN_SIGN_INS={folder}/sign-ins"
            )
            print("  suyuan sign-in ACCOUNT, with the password of the ledger it is a copy of")
            print("  suyuan recall draft … as on the day; then suyuan recall score NAME")
            # Under another name than the ledger's own pages: a browser keeps one sign-in for each name.
            at = f"http://localhost:{machine.ports['kiosk']}/home"
            print(f"or in a browser, as on the day: {at}", flush=True)
        keep_running(machine)
    finally:
        machine.stop()
        shutil.rmtree(folder, ignore_errors=True)
    return 0


VERBS = (add_mock,)
