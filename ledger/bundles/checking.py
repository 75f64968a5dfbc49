"""Checks a bundle of records: python3 check.py BUNDLE.zip [THE LOG'S KEY]

Every record is opened against its leaf, every leaf followed to the root that the log signed, every
document compared with its digest. It needs Python, and its package cryptography for the signature.
docs/protocol.md of Suyuan states the bytes; a copy of this file lies in every bundle.
"""

import base64
import hashlib
import json
import sys
import zipfile
import zlib
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

VERSION = b"\x01"
ED25519 = b"\x01"
# A bundle of more is nobody's, and a picture has at most 12 MiB.
TOLD_BYTES_MAX, DOCUMENT_BYTES_MAX = 256 * 2**20, 16 * 2**20
# All that reading somebody else's file may end in.
UNREADABLE = (
    OSError, ValueError, LookupError, TypeError, AttributeError, RuntimeError, zlib.error,
    zipfile.BadZipFile,
)  # fmt: skip
UNCHECKED = (
    "the log's signature was not checked: that needs the package cryptography"
    " (python3 -m pip install cryptography)"
)


class BundleFound(NamedTuple):
    """What was checked under which key, and what does not fit, in words."""

    records: int
    documents: int
    problems: list[str]
    log: str
    size: int
    key: str
    pinned: bool


def check(path: Path, key: str | None = None) -> BundleFound:
    """Checks a bundle, under the key given or else the one that it brings itself."""
    with zipfile.ZipFile(path) as file:
        told = json.loads(_read(file, "bundle.json", TOLD_BYTES_MAX))
        log, pinned = told["log"], key is not None
        key = key or log["key"]
        origin, size, root = log["checkpoint"].split("\n")[:3]
        tree = int(size), base64.b64decode(root)
        problems = list(_signature(log["checkpoint"], key))
        for record in told["records"]:
            found = [*_record(told, record), *_inclusion(log, record, *tree)]
            problems += [f"position {record['position']}: {problem}" for problem in found]
        for document in told["documents"]:
            name = document["file"]
            if name is None:
                continue
            content = _read(file, name, DOCUMENT_BYTES_MAX)
            if hashlib.sha256(content).hexdigest() != document["digest"]:
                problems.append(f"{name} is not the picture that was recorded")
        problems += _papers(told)
    held = [document for document in told["documents"] if document["file"] is not None]
    shown = origin.encode("ascii", "replace").decode()
    return BundleFound(len(told["records"]), len(held), problems, shown, tree[0], key, pinned)


def _read(file: zipfile.ZipFile, name: str, limit: int) -> bytes:
    """Reads a member, never more than it may have. Raises `ValueError` for a larger one."""
    with file.open(name) as member:
        content = member.read(limit + 1)
    if len(content) > limit:
        raise ValueError(f"{name} has more than {limit} bytes")
    return content


def _papers(told: dict[str, Any]) -> Iterator[str]:
    """Compares the papers that are listed with those that the opened records name."""
    if not told["records"]:
        yield "it holds no record: it shows nothing"
    named = set()
    for record in told["records"]:
        said = json.loads(record["opening"]["public"])
        named |= {*said.get("documents", ()), *filter(None, [said.get("document")])}
    listed = {document["digest"] for document in told["documents"]}
    for digest in sorted(listed - named):
        yield f"no record names the paper {digest}"
    for digest in sorted(named - listed):
        yield f"a record names the paper {digest}, which is left out"


def _record(told: dict[str, Any], record: dict[str, Any]) -> Iterator[str]:
    """Opens one record: its parts against its leaf, its bytes and place against its parts."""
    opening = record["opening"]
    public, trade = (
        hashlib.sha256(bytes.fromhex(opening[f"{part}_salt"]) + opening[part].encode()).digest()
        for part in ("public", "trade")
    )
    leaf = hashlib.sha256(VERSION + public + trade + bytes.fromhex(opening["person"])).hexdigest()
    if leaf != record["leaf"]:
        yield "its parts do not open its leaf"
    state = hashlib.sha256(base64.b64decode(record["state"])).hexdigest()
    if json.loads(opening["trade"])["state"] != state:
        yield "its bytes are not those that were recorded"
    said = json.loads(opening["public"])["recorded"]
    if said["ledger"] != told["ledger"]:
        yield f"it is of the ledger {said['ledger']}"
    if (said["stream"], said["number"]) != (record["stream"], record["number"]):
        yield "it stood in another place"


def _inclusion(
    log: dict[str, Any], record: dict[str, Any], size: int, root: bytes
) -> Iterator[str]:
    """Follows a leaf to the root (RFC 9162, 2.1.3.2; the hashes are those of RFC 6962)."""
    path = [base64.b64decode(one) for one in log["paths"].get(str(record["position"]), ())]
    index, last = record["position"] - 1, size - 1
    if not 0 <= index <= last:
        yield "the log does not reach so far"
        return
    found = hashlib.sha256(b"\x00" + bytes.fromhex(record["leaf"])).digest()
    for one in path:
        if last == 0:
            yield "its path is too long"
            return
        if index & 1 or index == last:
            found = hashlib.sha256(b"\x01" + one + found).digest()
            while not index & 1 and index:
                index, last = index >> 1, last >> 1
        else:
            found = hashlib.sha256(b"\x01" + found + one).digest()
        index, last = index >> 1, last >> 1
    if last or found != root:
        yield "its path does not lead to the root that the log signed"


def _signature(checkpoint: str, key: str) -> Iterator[str]:
    """Checks the log's own signature under its checkpoint (C2SP signed-note)."""
    try:
        from cryptography.exceptions import InvalidSignature
        from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
    except ImportError:
        yield UNCHECKED
        return
    name, said, encoded = key.split("+", 2)
    raw = base64.b64decode(encoded)
    key_id = hashlib.sha256(name.encode() + b"\n" + raw).digest()[:4]
    text, lines = checkpoint.rsplit("\n\n", 1)
    if raw[:1] != ED25519 or key_id.hex() != said or text.split("\n")[0] != name:
        yield f"the checkpoint is not of the log whose key is {key}"
        return
    for line in lines.splitlines():
        signer, code = line.removeprefix("\u2014 ").rsplit(" ", 1)
        signature = base64.b64decode(code)
        if signer == name and signature[:4] == key_id:
            try:
                public = Ed25519PublicKey.from_public_bytes(raw[1:])
                public.verify(signature[4:], f"{text}\n".encode())
            except InvalidSignature:
                yield "the log's signature is forged"
            return
    yield "the log did not sign this checkpoint"


def say(found: BundleFound) -> None:
    """Prints what was found, for people."""
    for problem in found.problems:
        print(problem)
    print(f"{found.records} records and {found.documents} documents checked against the log")
    print(f"{found.log} of {found.size} entries, {len(found.problems)} problems")
    if not found.pinned:
        print(f"Compare the log's key with one from elsewhere: {found.key}")


def main(arguments: Sequence[str]) -> int:
    """Says what was checked; returns 0 when all of it fits."""
    if len(arguments) not in (1, 2):
        print("python3 check.py BUNDLE.zip [THE LOG'S KEY]")
        return 2
    try:
        found = check(Path(arguments[0]), *arguments[1:])
    except UNREADABLE as error:
        print(f"{arguments[0]} is no bundle, or what follows it is no key: {error}")
        return 2
    say(found)
    return 1 if found.problems else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
