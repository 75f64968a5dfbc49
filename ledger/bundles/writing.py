"""Bundles: a merchant's records of some lots in one file that a stranger can check.

Food Safety Law of the PRC, article 136: who checked what it bought and can say where it came from
may be spared punishment.
"""

import base64
import json
import zipfile
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import IO, Any, NamedTuple

import psycopg
from psycopg.rows import dict_row

from ledger.bundles import checking
from ledger.bundles.page import bundle_page
from ledger.bundles.proofs import LogSource, proofs_of
from ledger.journal.documents import DocumentStore
from ledger.journal.interface import Stored
from ledger.journal.opening import Openings, PgKnownPersons
from ledger.journal.postgres import PgReader
from ledger.values.leaf import open_leaf

ENTRIES = """
SELECT DISTINCT e.position, e.own FROM trade.movements m
CROSS JOIN LATERAL (VALUES (m.original, true), (m.corrected_by, false), (m.believed_to, false))
  AS e(position, own)
JOIN unnest(%(products)s::text[], %(lots)s::text[]) AS l(product, lot) USING (product, lot)
WHERE m.merchant = %(merchant)s
UNION
SELECT p.position, true FROM trade.papers p
WHERE p.merchant = ANY(%(names)s) AND p.gtins && %(products)s::text[]
  AND (p.lots = '{}' OR p.lots && %(numbers)s::text[])
"""
NAMED = """
SELECT merchant AS number, name FROM trade.merchants WHERE merchant = ANY(%(numbers)s)
UNION ALL
SELECT gtin, coalesce(name_zh, name_en) FROM trade.products WHERE gtin = ANY(%(numbers)s)
"""
NAMES = "SELECT alias FROM trade.merchant_aliases WHERE merchant = %s"
CORRECTIONS = ("entry-corrected", "officer-corrected")
ENDINGS = {"image/jpeg": ".jpg", "image/png": ".png", "application/pdf": ".pdf"}


class Wanted(NamedTuple):
    """Whose records of which lots, by product and key, and the log that they are proved in."""

    merchant: str
    lots: Sequence[tuple[str, str]]
    log: LogSource


class Made(NamedTuple):
    """What a bundle holds, and how many pictures never came."""

    records: int
    documents: int
    missing: int
    position: int


class Sources(NamedTuple):
    """Where a bundle is read from: databases that may read the record, and the views; pictures.

    Whoever asks for a bundle MUST have found out before that its merchant's records are the asker's to see.
    """

    record_dsn: str
    views_dsn: str
    documents: DocumentStore


def write_bundle(
    sources: Sources, wanted: Wanted, out: Path | IO[bytes], made_at: datetime
) -> Made:
    """Writes a bundle of one state of the ledger. Raises `ValueError` when there is no record."""
    with psycopg.connect(sources.views_dsn, row_factory=dict_row) as reader, reader.transaction():
        reader.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ READ ONLY")
        reader.execute("SELECT set_config('suyuan.reach', 'everything', true)")
        head = _one(reader, "SELECT position, ledger FROM ledger.head")
        with psycopg.connect(sources.record_dsn, autocommit=True) as connection:
            openings = Openings(head["ledger"], PgKnownPersons(connection))
            records = [_record(openings, one) for one in _stored(reader, connection, wanted)]
        if not records:
            raise ValueError(f"{wanted.merchant} has no record of these lots")
        documents = _documents(reader, records, sources.documents)
        names = _names(reader, wanted, records)
    told = {
        "type": "suyuan-bundle.v1", "ledger": head["ledger"], "position": head["position"],
        "made_at": made_at.isoformat(), "merchant": wanted.merchant,
        "lots": [list(lot) for lot in wanted.lots], "names": names, "records": records,
        "log": proofs_of(wanted.log, [record["position"] for record in records]),
        "documents": [{k: v for k, v in one.items() if k != "path"} for one in documents],
    }  # fmt: skip
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as file:
        file.writestr("index.html", bundle_page(told))
        file.writestr("bundle.json", json.dumps(told, ensure_ascii=False, indent=1))
        file.writestr("check.py", Path(checking.__file__).read_text())
        for one in documents:
            if one["file"] is not None:
                file.write(one["path"], one["file"])
    missing = sum(one["file"] is None for one in documents)
    return Made(len(records), len(documents) - missing, missing, head["position"])


def _names(
    reader: psycopg.Connection[Any], wanted: Wanted, records: Sequence[Mapping[str, Any]]
) -> dict[str, str]:
    """Returns how the register names the goods and merchants of a bundle, by their numbers."""
    numbers: set[str | None] = {wanted.merchant, *(product for product, _ in wanted.lots)}
    for record in records:
        said = json.loads(base64.b64decode(record["state"]))
        numbers |= {said.get("counterparty"), (said.get("goods") or {}).get("gtin")}
    found = reader.execute(NAMED, {"numbers": sorted(filter(None, numbers))}).fetchall()
    return {row["number"]: row["name"] for row in found if row["name"]}


def _one(reader: psycopg.Connection[Any], query: str) -> dict[str, Any]:
    found = reader.execute(query).fetchone()
    assert found is not None
    return dict(found)


def _stored(
    reader: psycopg.Connection[Any], connection: psycopg.Connection[Any], wanted: Wanted
) -> Iterable[Stored]:
    """Returns the events behind a merchant's entries of the lots, corrections and papers too."""
    names = [row["alias"] for row in reader.execute(NAMES, [wanted.merchant])]
    about = {
        "merchant": wanted.merchant, "names": [wanted.merchant, *names],
        "products": [product for product, _ in wanted.lots], "lots": [key for _, key in wanted.lots],
        "numbers": [key[2:] for _, key in wanted.lots],
    }  # fmt: skip
    rows = [row for row in reader.execute(ENTRIES, about).fetchall() if row["position"]]
    found, own = {row["position"] for row in rows}, {r["position"] for r in rows if r["own"]}
    journal = PgReader(connection)
    for position in sorted(found):
        for stored in journal.page(position - 1, 1):
            # What closed a row may be another merchant's entry that told its goods apart.
            if position in own or stored.name.startswith(CORRECTIONS):
                yield stored


def _record(openings: Openings, stored: Stored) -> dict[str, Any]:
    """Returns an event with what opens its leaf, persons left shut."""
    opened = openings.open(stored)
    opening = open_leaf(opened.parts, stored.seed, opened.person)
    return {
        "position": stored.position, "stream": str(stored.stream), "number": stored.number,
        "name": stored.name, "received": stored.received.isoformat(),
        "state": base64.b64encode(stored.state).decode(), "leaf": stored.leaf.hex(),
        "chain": stored.chain.hex() if stored.chain else None, "opening": opening._asdict(),
    }  # fmt: skip


def _documents(
    reader: psycopg.Connection[Any], records: Iterable[dict[str, Any]], store: DocumentStore
) -> list[dict[str, Any]]:
    """Returns every picture that the records name, with its file where it ever came."""
    named: dict[str, list[int]] = {}
    for record in records:
        said = json.loads(record["opening"]["public"])
        for digest in [*said.get("documents", ()), *filter(None, [said.get("document")])]:
            named.setdefault(digest, []).append(record["position"])
    query = "SELECT digest, media, size FROM ledger.documents WHERE digest = ANY(%s)"
    known = {row["digest"]: row for row in reader.execute(query, [list(named)])}
    found = []
    for digest, positions in sorted(named.items()):
        path, row = store.path(digest), known.get(digest)
        there = row is not None and path.exists()
        media = row["media"] if row else None
        found.append({
            "digest": digest, "media": media, "of": positions, "path": path,
            "file": f"documents/{digest}{ENDINGS.get(media or '', '')}" if there else None,
        })  # fmt: skip
    return found
