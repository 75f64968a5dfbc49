"""Inquiries: who asks for what, how far that reaches, and that it is on record before it is answered.

A route names its resource by asking for an `Inquiry`; the table of access decides, the views' own
policies stand behind it (`ledger/projections/seen.py`), and whose records are shown is noted in the
access log.
"""

import hashlib
import math
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from typing import Any
from urllib.parse import parse_qsl, quote, unquote

from fastapi import Depends, Request
from psycopg import Error
from psycopg.types.json import Jsonb

from ledger.projections.seen import state_reach
from ledger.rules.access import About, Resource, decide_access, reach
from ledger.rules.tokens import SignedIn
from query_api.costs import cost_of
from query_api.ledgers import known_as, names_of
from query_api.people import Asker
from query_api.problems import Problem
from query_api.views import Reader, rows

WHY_CHARACTERS_MAX = 500
ASKED_CHARACTERS_MAX = 2000
# What would part a name in an address: it stays quoted, or an entry would seem to be about somebody else.
IN_PATH, IN_QUERY = "%/?#", "%&=+#"
# Of a merchant: where it trades under any of its names, and its district with what lies above.
ABOUT = """
WITH RECURSIVE above (area) AS (
    SELECT district FROM trade.merchants WHERE merchant = %(merchant)s
    UNION SELECT a.within FROM above b JOIN trade.areas a ON a.area = b.area
    WHERE a.within IS NOT NULL
) SELECT ARRAY(SELECT area FROM above) AS areas,
         ARRAY(SELECT DISTINCT market FROM trade.premises WHERE merchant = ANY(%(names)s)
               AND (%(premises)s::text IS NULL OR premises = %(premises)s)) AS markets
"""
# Of these everybody may read what is public of the record, and no more of it.
PUBLIC: tuple[Resource, ...] = ("product", "health")


class Inquiry:
    """Something that somebody asks of one resource."""

    def __init__(self, request: Request, asker: SignedIn, resource: Resource) -> None:
        self._request = request
        self.asker = asker
        self.resource = resource
        self.reach = reach(asker.subject, resource, "read")

    @contextmanager
    def snapshot(self, *, cards: bool = False) -> Iterator[Reader]:
        """Gives one state of the views for all of an answer, as far as the asker may see.

        Goods are named in English for who asks for that (RFC 9110, 12.5.4), else in Chinese.

        Whoever opens `cards` leaves a line in it.
        """
        with self._request.app.state.pool.connection() as reader, reader.transaction():
            if cards:
                reader.execute("SET TRANSACTION READ WRITE")
            if self._request.headers.get("accept-language", "").lower().startswith("en"):
                reader.execute("SELECT set_config('suyuan.language', 'en', true)")
            # What is public, a connection reaches by itself.
            if self.resource not in PUBLIC:
                state_reach(reader, self.reach, self.asker.subject.account)
            yield reader

    def look_at(self, reader: Reader, merchant: str, premises: str | None = None) -> None:
        """Lets the asker see a merchant's records, or those of one of its places, which is noted first.

        Raises `Problem` where they are not the asker's to see.
        """
        if not self.covers(reader, merchant, self.resource, premises):
            raise Problem(403, "out-of-reach", f"{merchant} is not among what you were granted")
        self.note([merchant])

    def may(self, resource: Resource) -> bool:
        """Tells whether the asker may read anything of this at all."""
        return decide_access(self.asker.subject, resource, "read") is None

    def covers(
        self, reader: Reader, merchant: str, resource: Resource, premises: str | None = None
    ) -> bool:
        """Tells whether the asker may read this of a merchant, at any of its places or at one."""
        known = known_as(reader, merchant)
        names = names_of(reader, known)
        asked = {"merchant": known, "names": names, "premises": premises}
        where = rows(reader, ABOUT, asked)[0]
        markets, areas = frozenset(where["markets"]), frozenset(where["areas"])
        granted = reach(self.asker.subject, resource, "read")
        if not areas:
            # Who is in no register is in no district, and every authority's to look at.
            areas = granted.areas
        # A merchant has several names, and was granted by one of them.
        own = granted.merchants.intersection(names) or frozenset(names)
        about = About(own, markets, areas)
        return decide_access(self.asker.subject, resource, "read", about) is None

    def note(self, merchants: Collection[str], cards: Collection[str] = ()) -> None:
        """Puts on record whose records are about to be shown to somebody else than themselves.

        In a transaction of its own, for others wait for it; what is not on record is not answered.
        """
        if not self.asker.subject.account:
            return
        entry = {
            "account": self.asker.subject.account, "sign_in": self.asker.sign_in,
            "resource": self.resource, "asked": self._asked(), "why": self._why(),
            "cards": sorted(cards),
        }  # fmt: skip
        try:
            with self._request.app.state.log_pool.connection() as log:
                others = sorted(set(merchants) - self._own(log))
                if others or cards:
                    noted = Jsonb(entry | {"merchants": others})
                    log.execute("SELECT access.append(%s)", [noted])
        except Error as error:
            words = "whose records these are cannot be told of it at the moment: ask again"
            raise Problem(503, "not-on-record", words) from error

    def _own(self, reader: Reader) -> set[str]:
        """Returns the asker's own merchants, by every name they go by."""
        grants = self.asker.subject.grants
        given = {
            name for one in grants if one.role in ("merchant", "headquarters") for name in one.over
        }
        return {name for one in given for name in names_of(reader, known_as(reader, one))} | given

    def _asked(self) -> str:
        url = self._request.url
        pairs = parse_qsl(url.query, keep_blank_values=True)
        said = "&".join(
            f"{_plain(name, IN_QUERY)}={_plain(value, IN_QUERY)}" for name, value in pairs
        )
        path = "/".join(
            _plain(unquote(part), IN_PATH) for part in _raw_path(self._request).split("/")
        )
        asked = f"{path}?{said}" if said else path
        if len(asked) <= ASKED_CHARACTERS_MAX:
            return asked
        # Padding hides nothing: the digest of the whole stands for the rest.
        whole = hashlib.sha256(asked.encode(errors="replace")).hexdigest()
        return f"{asked[:ASKED_CHARACTERS_MAX]}… sha256:{whole}"

    def _why(self) -> str:
        """Returns the reason that the asker gave; a header carries other letters as percents."""
        text = unquote(self._request.headers.get("suyuan-why", ""))
        return "".join(filter(str.isprintable, text))[:WHY_CHARACTERS_MAX]


def _raw_path(request: Request) -> str:
    """Returns the path as it was asked: a lot's number may hold a slash."""
    return bytes(request.scope["raw_path"]).decode("ascii", "replace")


def _plain(text: str, parting: str) -> str:
    """Returns a text as people read it; what no screen shows, and what would end it in an address, stays quoted."""
    return "".join(
        char
        if char.isprintable() and char not in parting
        else quote(char, safe="", errors="replace")
        for char in text
    )


class Asks:
    """A route's dependency: what it is about; refuses who may see nothing of that.

    Of several resources it is about the first that the asker may see anything of.
    """

    def __init__(self, *resources: Resource) -> None:
        self.resources = resources

    async def __call__(self, request: Request, asker: Asker) -> Inquiry:
        """Returns the inquiry. Raises `Problem` where the table gives the asker nothing of it."""
        if account := asker.subject.account:
            _hold_to_limits(request, account)
        for resource in self.resources:
            refused = decide_access(asker.subject, resource, "read")
            if refused is None:
                return Inquiry(request, asker, resource)
        if not asker.subject.account:
            raise Problem(401, "not-signed-in", "This is not for everybody: sign in.")
        assert refused is not None
        raise Problem(403, refused.code, refused.advice)


def _hold_to_limits(request: Request, account: str) -> None:
    """Raises `Problem` for an account that asks more than one may, from however many addresses."""
    cost = cost_of(request.method, request.url.path)
    if after := request.app.state.limits.take(account, cost):
        seconds = math.ceil(after)
        words = f"this is more than one account may ask: wait {seconds} s"
        raise Problem(429, "too-many", words, after_s=seconds)


def asks(*resources: Resource) -> Any:
    """Returns what a route writes beside an `Inquiry` to name its resource, or several."""
    return Depends(Asks(*resources))
