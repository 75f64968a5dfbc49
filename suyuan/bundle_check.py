"""Checks a bundle of records with nothing but Python: python3 check.py BUNDLE.zip

Every record is opened against its leaf, every document against its digest. docs/protocol.md of
Suyuan states the bytes; a copy of this file lies in every bundle.
"""

import base64
import hashlib
import json
import sys
import zipfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

VERSION = b"\x01"


def check(path: Path) -> tuple[int, int, list[str]]:
    """Returns how many records and documents were checked, and what does not fit, in words."""
    problems: list[str] = []
    with zipfile.ZipFile(path) as file:
        told = json.loads(file.read("bundle.json"))
        for record in told["records"]:
            problems += [f"position {record['position']}: {p}" for p in _record(told, record)]
        for document in told["documents"]:
            name = document["file"]
            if name is None:
                continue
            if hashlib.sha256(file.read(name)).hexdigest() != document["digest"]:
                problems.append(f"{name} is not the picture that was recorded")
    held = [document for document in told["documents"] if document["file"] is not None]
    return len(told["records"]), len(held), problems


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


def main(arguments: Sequence[str]) -> int:
    """Says what was checked; returns 0 when all of it fits."""
    if len(arguments) != 1:
        print("python3 check.py BUNDLE.zip")
        return 2
    records, documents, problems = check(Path(arguments[0]))
    for problem in problems:
        print(problem)
    print(f"{records} records and {documents} documents checked, {len(problems)} problems")
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
