"""The worked example of docs/protocol.md, by a scanner that knows that page and nothing of ours.

It uses JSON, base64, SHA-256, uuid5 and Ed25519 alone. Run as a module it prints the example.
"""

import base64
import hashlib
import json
import uuid
import zlib
from typing import Any

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

DEVICE_SEED = bytes(range(32))
LEDGER_SEED = bytes(range(32, 64))
EVENT_SEED = bytes(range(64, 96))
ORIGIN = "log.example/1"
TAPE = "3f2b8c1e-5d4a-4e6f-9a7b-0c1d2e3f4a5b"
NAMESPACE = uuid.UUID("fa5eb689-85cd-5b1a-8a46-09d77f8f26ce")
REPORTS = [
    '{"type":"tape-opened.v1","device":"scanner-1","clock":{"wall":"2026-11-22T04:00:00Z",'
    '"boot":"b1","monotonic_ms":1000}}',
    '{"type":"goods-sold.v1","merchant":"m-001","premises":"m-001-a","business_date":"2026-11-22",'
    '"clock":{"wall":"2026-11-22T04:00:05Z","boot":"b1","monotonic_ms":6000},'
    '"session":"00000000-0000-4000-8000-000000000001","goods":{"gtin":"06901234567892",'
    '"lot":"A-24/11"},"quantity":{"amount":"2","unit":"piece"}}',
]


def b64(data: bytes) -> str:
    return base64.b64encode(data).decode()


def public_text(seed: bytes) -> str:
    key = Ed25519PrivateKey.from_private_bytes(seed).public_key()
    raw = key.public_bytes(serialization.Encoding.Raw, serialization.PublicFormat.Raw)
    return f"ed25519:{b64(raw)}"


def key_id(public: str) -> str:
    return f"ed25519:{hashlib.sha256(public.encode()).hexdigest()[:32]}"


def chain_hashes(tape: str, reports: list[str]) -> list[bytes]:
    label = b"suyuan/tape/v1\n"
    hashes = [hashlib.sha256(label + uuid.UUID(tape).bytes).digest()]
    for number, report in enumerate(reports, 1):
        message = label + hashes[-1] + number.to_bytes(8, "big") + report.encode()
        hashes.append(hashlib.sha256(message).digest())
    return hashes


def batch(tape: str = TAPE, reports: list[str] = REPORTS) -> dict[str, Any]:
    hashes = chain_hashes(tape, reports)
    message = (
        b"suyuan/batch/v1\n" + uuid.UUID(tape).bytes + (1).to_bytes(8, "big")
        + len(reports).to_bytes(8, "big") + hashes[0] + hashes[-1]
    )  # fmt: skip
    return {
        "type": "batch.v1",
        "device": "scanner-1",
        "tape": tape,
        "first": 1,
        "previous": b64(hashes[0]),
        "reports": [b64(report.encode()) for report in reports],
        "key": key_id(public_text(DEVICE_SEED)),
        "signature": b64(Ed25519PrivateKey.from_private_bytes(DEVICE_SEED).sign(message)),
    }


def signed_by_ledger(answer: dict[str, Any]) -> bool:
    public = Ed25519PrivateKey.from_private_bytes(LEDGER_SEED).public_key()
    message = b"suyuan/answer/v1\n" + base64.b64decode(answer["body"])
    public.verify(base64.b64decode(answer["signature"]), message)
    return bool(answer["key"] == key_id(public_text(LEDGER_SEED)))


def leaf_parts() -> dict[str, str]:
    """The leaf of report 2 as a ledger called `example` would store it."""
    stream = str(uuid.uuid5(NAMESPACE, f"tape:{TAPE}"))
    report = json.loads(REPORTS[1])
    public = {k: report[k] for k in ("merchant", "premises", "business_date", "goods", "type")}
    public["recorded"] = {
        "ledger": "example", "stream": stream, "number": 2, "received": "2026-11-22T04:00:06Z"
    }  # fmt: skip
    trade = {k: report[k] for k in ("clock", "session", "quantity")}
    trade["state"] = hashlib.sha256(REPORTS[1].encode()).hexdigest()
    return {"stream": stream, "public": _sorted(public), "trade": _sorted(trade), "person": ""}


def leaf() -> bytes:
    parts = leaf_parts()
    commitments = b""
    for name in ("public", "trade", "person"):
        salt = hashlib.sha256(f"suyuan/salt/{name}/v1".encode() + EVENT_SEED).digest()
        commitments += hashlib.sha256(salt + parts[name].encode()).digest()
    return hashlib.sha256(b"\x01" + commitments).digest()


def log_key() -> str:
    """The log's key as text; the log of the example signs with the ledger's seed."""
    raw = base64.b64decode(public_text(LEDGER_SEED).partition(":")[2])
    name = hashlib.sha256(ORIGIN.encode() + b"\n\x01" + raw).digest()[:4]
    return f"{ORIGIN}+{name.hex()}+{b64(bytes([1]) + raw)}"


def checkpoint() -> str:
    """The checkpoint of a log that holds the leaf above and nothing else."""
    root = hashlib.sha256(b"\x00" + leaf()).digest()
    text = f"{ORIGIN}\n1\n{b64(root)}\n"
    signature = Ed25519PrivateKey.from_private_bytes(LEDGER_SEED).sign(text.encode())
    key = bytes.fromhex(log_key().split("+")[1])
    return f"{text}\n\u2014 {ORIGIN} {b64(key + signature)}\n"


def proof() -> str:
    """The proof of that leaf, with the opening of its public part."""
    parts = leaf_parts()
    salts = {
        name: hashlib.sha256(f"suyuan/salt/{name}/v1".encode() + EVENT_SEED).digest()
        for name in ("public", "trade", "person")
    }
    shut = b"".join(
        hashlib.sha256(salts[name] + parts[name].encode()).digest() for name in ("trade", "person")
    )
    extra = zlib.compress(salts["public"] + shut + parts["public"].encode())
    return f"c2sp.org/tlog-proof@v1\nextra {b64(extra)}\nindex 0\n\n{checkpoint()}"


def example() -> dict[str, str]:
    """Every value that docs/protocol.md quotes."""
    hashes = chain_hashes(TAPE, REPORTS)
    sent = batch()
    parts = leaf_parts()
    return {
        "device public key": public_text(DEVICE_SEED),
        "device key id": key_id(public_text(DEVICE_SEED)),
        "chain before 1": hashes[0].hex(),
        "chain after 1": hashes[1].hex(),
        "chain after 2": hashes[2].hex(),
        "signature": sent["signature"],
        "stream": parts["stream"],
        "public part": parts["public"],
        "trade part": parts["trade"],
        "leaf": leaf().hex(),
        "log key": log_key(),
        "log root": checkpoint().split("\n")[2],
        "log signature": checkpoint().split("\n")[4],
    }


def _sorted(value: Any) -> str:
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False)


if __name__ == "__main__":
    for name, value in example().items():
        print(f"{name}: {value}")
    print(json.dumps(batch()))
