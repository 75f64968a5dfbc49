"""Papers: found by their text, and the clean copy of each for who may see it."""

from datetime import date
from pathlib import Path
from typing import NamedTuple

from ledger.papers.copies import copy_path
from ledger.values.bigrams import bigrams
from query_api.inquiries import Inquiry
from query_api.paper_schemas import EndingPaper, FoundPaper
from query_api.problems import Problem
from query_api.views import Reader, rows

AROUND = 40
POSITION_MAX = 2**62
# Both are needed: pairs are found by the index, and say nothing of the order in which they stand.
SEARCH = """
SELECT p.digest, p.kind, p.number, p.issuer, p.merchant, p.supplier, p.valid_from, p.valid_until,
       p.position, c.pages, c.text
FROM trade.papers p LEFT JOIN ledger.document_copies c ON c.digest = p.digest AND c.media <> ''
     AND EXISTS (SELECT FROM edge.tapes t JOIN ledger.document_senders s USING (device)
                 WHERE t.stream = p.stream AND s.digest = p.digest)
WHERE p.believed_to IS NULL AND p.position < %(before)s
  AND ((c.bigrams @> %(grams)s::text[] AND strpos(lower(c.text), lower(%(text)s)) > 0)
       OR p.number = %(text)s)
  AND access.shows_paper(p.merchant)
ORDER BY p.position DESC LIMIT %(limit)s
"""
# Of a picture: the merchants who filed it, and whose goods it came with, by a device that had its bytes.
WHOSE = """
WITH sent AS (
    SELECT t.stream FROM ledger.document_senders s JOIN edge.tapes t ON t.device = s.device
    WHERE s.digest = %(digest)s
) SELECT merchant FROM trade.papers JOIN sent USING (stream)
WHERE digest = %(digest)s AND believed_to IS NULL
UNION SELECT m.merchant FROM trade.attachments a JOIN sent USING (stream)
JOIN trade.movements m ON m.stream = a.stream AND m.number = a.number WHERE a.digest = %(digest)s
"""
# Papers of a merchant, or of what it supplies, that end soon or ended lately, unless a later one of the kind stands.
ENDING = """
SELECT p.kind, p.number, p.issuer, p.merchant, p.supplier, p.valid_from, p.valid_until, p.digest, p.position
FROM trade.papers p
WHERE p.believed_to IS NULL AND p.kind <> 'test' AND (p.merchant = %(merchant)s OR p.supplier = %(merchant)s)
  AND p.valid_until BETWEEN %(today)s - %(days)s AND %(today)s + %(days)s
  AND NOT EXISTS (
    SELECT FROM trade.papers q WHERE q.believed_to IS NULL AND q.kind = p.kind AND q.merchant = p.merchant
      AND q.issuer = p.issuer AND q.valid_from > p.valid_from
      AND q.supplier IS NOT DISTINCT FROM p.supplier AND q.lots = p.lots
      -- One that names no goods is of all.
      AND (q.gtins = '{}' OR (p.gtins <> '{}' AND q.gtins @> p.gtins))
      AND coalesce(q.valid_until, 'infinity') > p.valid_until)
ORDER BY p.valid_until, p.position LIMIT %(limit)s
"""
COPY = "SELECT media FROM ledger.document_copies WHERE digest = %s AND media <> ''"
ENDINGS = {"image/jpeg": "jpg", "application/pdf": "pdf"}


class Copied(NamedTuple):
    """A clean copy: its type, bytes, and a name to save it under."""

    media: str
    content: bytes
    name: str


def ending(reader: Reader, merchant: str, day: date, days: int, limit: int) -> list[EndingPaper]:
    """Returns a merchant's papers that end within so many days, or ended as lately, the soonest first."""
    asked = {"merchant": merchant, "today": day, "days": days, "limit": limit}
    return [EndingPaper(**row) for row in rows(reader, ENDING, asked)]


def found_by(reader: Reader, text: str, before: int, limit: int) -> list[FoundPaper]:
    """Returns papers whose text or number holds a text, the latest first."""
    grams = [gram for gram in bigrams(text) if len(gram) == 2]
    asked = {"text": text, "grams": grams, "before": before, "limit": limit}
    found = []
    for row in rows(reader, SEARCH, asked):
        whole = row.pop("text") or ""
        found.append(FoundPaper(**row, excerpt=_excerpt(whole, text)))
    return found


def copy_of(asked: Inquiry, reader: Reader, digest: str, documents: Path | None) -> Copied:
    """Returns the clean copy of a paper, noted first. Raises `Problem` for one not here, or not theirs."""
    whose = {str(row["merchant"]) for row in rows(reader, WHOSE, {"digest": digest})}
    seen = {one for one in whose if asked.covers(reader, one, "document")}
    if not whose and asked.reach.everything:
        raise Problem(404, "paper-unknown", "no paper of this digest is on record")
    if not seen:
        raise Problem(403, "out-of-reach", "this paper is not among what you were granted")
    asked.note(seen)
    found = rows(reader, COPY, [digest])
    if not found or documents is None:
        raise Problem(404, "no-copy", "this paper's picture has not come, or could not be read")
    try:
        content = copy_path(documents, digest).read_bytes()
    except OSError as error:
        raise Problem(503, "unavailable", "the papers are away: ask again") from error
    media = str(found[0]["media"])
    return Copied(media, content, f"{digest[:16]}.{ENDINGS[media]}")


def _excerpt(whole: str, text: str) -> str | None:
    at = whole.lower().find(text.lower())
    if at < 0:
        return None
    begins, ends = max(0, at - AROUND), at + len(text) + AROUND
    return f"{'…' if begins else ''}{whole[begins:ends]}{'…' if ends < len(whole) else ''}"
