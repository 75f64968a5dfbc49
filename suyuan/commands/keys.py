"""`keys`: what the ledger signs and seals with; going on with another key."""

import argparse
import json
import os
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx
import psycopg
from cryptography import x509

from ledger.accounts.book import PgAccounts
from ledger.accounts.factor import FactorSeal
from ledger.devices.authority import fingerprint_of
from ledger.durable import sync
from ledger.journal.keyfile import read_key
from ledger.rules.ledger_keys import AnnounceLedgerKey
from ledger.values.keys import succession_message
from suyuan.commands import Failed
from suyuan.commands.requesting import add_request, intake_of, send, words_of
from suyuan.commands.this_machine import RunningLedger, database_answers
from suyuan.trusted import verify

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
    which = rotated.add_subparsers(dest="key", required=True, metavar="KEY")
    ledger = which.add_parser(
        "ledger", help="announced under the old one's signature, which devices follow"
    )
    ledger.add_argument("--note", required=True, type=words_of(400), help="why")
    add_request(ledger, _rotate_ledger)
    accounts = which.add_parser("accounts", help="what seals the secrets of second factors")
    accounts.add_argument("--json", action="store_true")
    accounts.set_defaults(run=_rotate_accounts)


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


def _rotate_ledger(stated: argparse.Namespace) -> int:
    folder = Path(RunningLedger().data) / "keys"
    current, coming = folder / "ledger.key", folder / f"ledger.key{NEXT}"
    # One that was cut off goes on with the key it had made: it may be announced already.
    old, new = read_key(current), read_key(coming)
    signature = old.sign(succession_message(_ledger_at(stated), new.public))
    send(stated, [AnnounceLedgerKey(key=new.public, signature=signature, reason=stated.note)])
    coming.replace(current)
    sync(folder)
    return _say(stated, new.id, f"the ledger goes on with {new.id}, announced under {old.id}")


def _rotate_accounts(stated: argparse.Namespace) -> int:
    ledger = RunningLedger()
    folder = Path(ledger.data) / "keys"
    current, coming = folder / "accounts.key", folder / f"accounts.key{NEXT}"
    old, new = read_key(current), read_key(coming)
    with database_answers(), psycopg.connect(ledger.owner) as connection:
        book = PgAccounts(connection)
        count = book.seal_anew(FactorSeal(old), FactorSeal(new), os.urandom)
    # Committed by now; who was cut off before this finds everything sealed under the new key.
    coming.replace(current)
    sync(folder)
    words = f"the second factors of {count} accounts are sealed under another key"
    return _say(stated, new.id, words)


def _ledger_at(stated: argparse.Namespace) -> str:
    """Returns what the running ledger is called, whatever the settings of this terminal say."""
    intake = intake_of(stated)
    try:
        answer = httpx.get(
            f"{intake}/intake/ledger", timeout=10, trust_env=False, verify=verify(intake)
        )
        return str(answer.json()["ledger"])
    except (httpx.HTTPError, httpx.InvalidURL, ValueError, KeyError, TypeError) as error:
        raise Failed(f"no ledger answers at {intake}: {error}") from error


def _say(stated: argparse.Namespace, key: str, words: str) -> int:
    after = "suyuan up takes it at once; start services of your own again. Then make a backup"
    print(json.dumps({"ok": True, "key": key}) if stated.json else f"{words}\n{after}")
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
