"""`keys`: what the ledger signs and seals with; going on with another key."""

import argparse
import json
import os
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import psycopg
from cryptography import x509

from ledger.accounts.book import PgAccounts
from ledger.accounts.factor import FactorSeal
from ledger.devices.authority import fingerprint_of
from ledger.durable import sync
from ledger.journal.keyfile import read_key
from ledger.rules.ledger_keys import AnnounceLedgerKey
from ledger.settings import read_settings
from ledger.values.keys import succession_message
from suyuan.commands import Failed
from suyuan.commands.requesting import add_request, send, words_of
from suyuan.commands.upkeep import RunningLedger, database_answers

# What each key is for, as people are told.
KEYS = {
    "ledger.key": "signs receipts, stop lists and tokens; devices know it",
    "log.key": "signs the published log; auditors have pinned it, so it stays",
    "accounts.key": "seals the secrets of second factors",
    "authority.pem": "signs the certificates of pages and APIs; browsers have it installed",
    "devices.pem": "signs the certificates of devices and of their broker",
}
NEXT = ".next"


def add_keys(verbs: Any) -> None:
    """`keys`: the ledger's keys, on its own machine."""
    verb = verbs.add_parser("keys", help="the ledger's keys: list, rotate ledger, rotate accounts")
    words = verb.add_subparsers(dest="word", required=True, metavar="WORD")
    listed = words.add_parser("list", help="each key, what it is for and since when it is there")
    listed.add_argument("--json", action="store_true")
    listed.set_defaults(run=_list)
    rotated = words.add_parser("rotate", help="go on with another key")
    rotated.add_argument("key", choices=["ledger", "accounts"],
                         help="ledger: announced under the old one's signature, which devices follow")  # fmt: skip
    rotated.add_argument("--note", required=True, type=words_of(400), help="why")
    add_request(rotated, _rotate)


def _list(stated: argparse.Namespace) -> int:
    folder = Path(RunningLedger().data) / "keys"
    rows = [
        {"key": name, "is": _known_by(folder / name), "since": _since(folder / name), "for": use}
        for name, use in KEYS.items()
        if (folder / name).exists()
    ]
    if stated.json:
        print(json.dumps({"ok": True, "keys": rows}))
        return 0
    for row in rows:
        print(f"{row['key']:<14} since {row['since'][:10]}  {row['for']}\n{'':<14} {row['is']}")
    return 0


def _rotate(stated: argparse.Namespace) -> int:
    ledger = RunningLedger()
    folder = Path(ledger.data) / "keys"
    current, coming = folder / f"{stated.key}.key", folder / f"{stated.key}.key{NEXT}"
    # One that was cut off goes on with the key it had made.
    old, new = read_key(current), read_key(coming)
    if stated.key == "ledger":
        name = read_settings().ledger
        signature = old.sign(succession_message(name, new.public))
        send(stated, [AnnounceLedgerKey(key=new.public, signature=signature, reason=stated.note)])
        words = f"the ledger goes on with {new.id}, announced under {old.id}"
    else:
        with database_answers(), psycopg.connect(ledger.owner) as connection:
            book = PgAccounts(connection)
            count = book.seal_anew(FactorSeal(old), FactorSeal(new), os.urandom)
            coming.replace(current)
        words = f"the second factors of {count} accounts are sealed under another key"
    if coming.exists():
        coming.replace(current)
    sync(folder)
    told = {"ok": True, "key": new.id, "words": words}
    print(
        json.dumps(told)
        if stated.json
        else f"{words}\nsuyuan up takes it at once; start services of your own again. Then make a backup"
    )
    return 0


def _known_by(path: Path) -> str:
    if path.suffix == ".pem":
        return f"fingerprint {fingerprint_of(_certificate(path))}"
    return read_key(path).id


def _since(path: Path) -> str:
    if path.suffix == ".pem":
        found = x509.load_pem_x509_certificate(_certificate(path)).not_valid_before_utc
        return found.isoformat()
    return datetime.fromtimestamp(path.stat().st_mtime, UTC).isoformat()


def _certificate(path: Path) -> bytes:
    """Returns the certificate of an authority's file, which begins with its key."""
    content = path.read_bytes()
    begins = content.find(b"-----BEGIN CERTIFICATE-----")
    if begins < 0:
        raise Failed(f"{path} holds no authority: restore it from a backup")
    return content[begins:]


VERBS = (add_keys,)
