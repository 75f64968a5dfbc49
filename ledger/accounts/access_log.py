"""The access log: who looked at a merchant's or a person's record, in a chain of hashes.

An entry is JSON text, hashed behind the hash of the one before it: what is taken out, put in or
changed shows in every hash after it. Readers append through one function and can do nothing else.
"""

import hashlib
from collections.abc import Iterator
from typing import Any, NamedTuple

import msgspec
import psycopg
from psycopg.types.json import Jsonb

TABLES = """
CREATE SCHEMA IF NOT EXISTS access;
CREATE TABLE IF NOT EXISTS access.head (
    only_row boolean PRIMARY KEY DEFAULT true CHECK (only_row),
    number bigint NOT NULL,
    hash bytea NOT NULL
);
INSERT INTO access.head VALUES (true, 0, '') ON CONFLICT DO NOTHING;
CREATE TABLE IF NOT EXISTS access.entries (
    number bigint PRIMARY KEY,
    said text NOT NULL,
    hash bytea NOT NULL
);
-- An auditor asks for one account among millions of looks.
CREATE INDEX IF NOT EXISTS entries_by_account ON access.entries (((said::jsonb) ->> 'account'), number);
-- Whose records an entry is about: how a merchant finds who looked.
CREATE TABLE IF NOT EXISTS access.merchants (
    merchant text NOT NULL,
    number bigint NOT NULL REFERENCES access.entries,
    PRIMARY KEY (merchant, number)
);
CREATE OR REPLACE FUNCTION access.append(entry jsonb) RETURNS bigint
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    last access.head;
    words text;
BEGIN
    IF NOT (entry ?& ARRAY['account', 'sign_in', 'resource', 'asked', 'why', 'merchants', 'cards']
            AND jsonb_typeof(entry -> 'account') = 'string'
            AND jsonb_typeof(entry -> 'merchants') = 'array'
            AND jsonb_typeof(entry -> 'cards') = 'array') THEN
        RAISE EXCEPTION 'this is no entry of the access log' USING ERRCODE = 'data_exception';
    END IF;
    SELECT * INTO last FROM access.head FOR UPDATE;
    words := (entry || jsonb_build_object('number', last.number + 1, 'at', clock_timestamp()))::text;
    INSERT INTO access.entries
        VALUES (last.number + 1, words, sha256(last.hash || convert_to(words, 'UTF8')));
    INSERT INTO access.merchants
        SELECT DISTINCT merchant, last.number + 1
        FROM jsonb_array_elements_text(entry -> 'merchants') AS m (merchant);
    UPDATE access.head SET number = last.number + 1,
        hash = sha256(last.hash || convert_to(words, 'UTF8'));
    RETURN last.number + 1;
END $$;
REVOKE ALL ON FUNCTION access.append(jsonb) FROM PUBLIC;
CREATE OR REPLACE TRIGGER entries_append_only
    BEFORE UPDATE OR DELETE OR TRUNCATE ON access.entries
    FOR EACH STATEMENT EXECUTE FUNCTION ledger.refuse_change();
CREATE OR REPLACE TRIGGER merchants_append_only
    BEFORE UPDATE OR DELETE OR TRUNCATE ON access.merchants
    FOR EACH STATEMENT EXECUTE FUNCTION ledger.refuse_change();
-- Names are looked up when it runs: views are swapped under it.
CREATE OR REPLACE FUNCTION access.reaches(who text) RETURNS boolean
LANGUAGE plpgsql STABLE AS $$
BEGIN
    RETURN coalesce(
        current_setting('suyuan.reach', true) = 'everything'
        OR who = ANY (string_to_array(nullif(current_setting('suyuan.merchants', true), ''), ','))
        OR EXISTS (SELECT FROM trade.merchants m WHERE m.merchant = who AND m.district = ANY (
            string_to_array(nullif(current_setting('suyuan.districts', true), ''), ',')))
        OR (current_setting('suyuan.districts', true) <> ''
            AND NOT EXISTS (SELECT FROM trade.merchants m WHERE m.merchant = who)), false);
END $$;
CREATE OR REPLACE FUNCTION access.shows_device(named text) RETURNS boolean
LANGUAGE plpgsql STABLE AS $$
BEGIN
    RETURN EXISTS (SELECT FROM trade.devices d WHERE d.device = named);
END $$;
CREATE OR REPLACE FUNCTION access.shows_paper(who text) RETURNS boolean
LANGUAGE plpgsql STABLE AS $$
BEGIN
    RETURN access.reaches(who) OR EXISTS (
        SELECT FROM trade.premises r LEFT JOIN trade.merchant_aliases n ON n.alias = r.merchant
        WHERE who IN (r.merchant, n.merchant) AND r.market = ANY (
            string_to_array(nullif(current_setting('suyuan.markets', true), ''), ',')));
END $$;
CREATE OR REPLACE FUNCTION access.shows_picture(named text) RETURNS boolean
LANGUAGE plpgsql STABLE AS $$
BEGIN
    -- By a device that had its bytes: its digest is public, and naming it is no key to it.
    RETURN EXISTS (
        SELECT FROM ledger.document_senders s JOIN edge.tapes t USING (device)
        WHERE s.digest = named AND (
            EXISTS (SELECT FROM trade.attachments a
                    WHERE a.digest = named AND a.stream = t.stream)
            OR EXISTS (SELECT FROM trade.papers p WHERE p.digest = named
                       AND p.stream = t.stream AND access.shows_paper(p.merchant))));
END $$;
ALTER TABLE access.entries ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY;
ALTER TABLE access.merchants ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY;
DO $$ BEGIN
    IF NOT EXISTS (SELECT FROM pg_policies WHERE schemaname = 'access') THEN
        CREATE POLICY keeps ON access.entries TO CURRENT_USER USING (true) WITH CHECK (true);
        CREATE POLICY keeps ON access.merchants TO CURRENT_USER USING (true) WITH CHECK (true);
        CREATE POLICY sees ON access.merchants FOR SELECT TO suyuan_reader
            USING (access.reaches(merchant));
        CREATE POLICY sees ON access.entries FOR SELECT TO suyuan_reader
            USING (EXISTS (SELECT FROM access.merchants m WHERE m.number = entries.number)
                OR current_setting('suyuan.reach', true) = 'everything');
    END IF;
END $$;
CREATE INDEX IF NOT EXISTS merchants_of_entry ON access.merchants (number);
GRANT USAGE ON SCHEMA access TO suyuan_reader, suyuan_writer, suyuan_follower;
GRANT EXECUTE ON FUNCTION access.append(jsonb) TO suyuan_reader, suyuan_writer;
GRANT SELECT ON access.entries, access.merchants TO suyuan_reader;
GRANT SELECT ON access.head TO suyuan_writer;
"""


# A draft of a recall may name thousands of lots; its case holds them all.
ASKED_CHARACTERS_MAX = 2000


class AccessEntry(msgspec.Struct, frozen=True):
    """Who looked at whose records, where, why and when; without a reason the question says it."""

    number: int
    at: str
    account: str
    sign_in: str
    resource: str
    asked: str
    why: str
    merchants: tuple[str, ...]
    cards: tuple[str, ...] = ()


class Noted(msgspec.Struct, frozen=True, kw_only=True):
    """What an entry says before it has its place in the chain."""

    account: str
    sign_in: str
    resource: str
    asked: str
    why: str = ""
    merchants: tuple[str, ...] = ()
    cards: tuple[str, ...] = ()


def note(connection: psycopg.Connection[Any], entry: Noted) -> None:
    """Puts an entry at the end of the chain; on return of the transaction it is durable."""
    connection.execute("SELECT access.append(%s)", [Jsonb(msgspec.to_builtins(entry))])


def create_access_log(connection: psycopg.Connection[Any]) -> None:
    """Makes the tables where they are missing; the services' roles must be there."""
    connection.execute(TABLES)


def shortened(asked: str) -> str:
    """Returns what was asked as an entry keeps it: the digest of the whole stands for the rest."""
    if len(asked) <= ASKED_CHARACTERS_MAX:
        return asked
    whole = hashlib.sha256(asked.encode()).hexdigest()
    return f"{asked[:ASKED_CHARACTERS_MAX]}… sha256:{whole}"


class AccessCheck(NamedTuple):
    """How many entries the access log has, and what is wrong with its chain."""

    entries: int
    problems: list[str]


def check_access_log(connection: psycopg.Connection[Any]) -> AccessCheck:
    """Checks the chain from its first entry to its head."""
    row = connection.execute("SELECT number FROM access.head").fetchone()
    return AccessCheck(row[0] if row else 0, list(_faults(connection)))


def _faults(connection: psycopg.Connection[Any]) -> Iterator[str]:
    """Says what is wrong with the chain, in the order of its entries; nothing where all is well."""
    number, last = 0, b""
    with connection.cursor(name="access_entries") as entries:
        entries.execute(
            "SELECT e.number, e.said, e.hash, coalesce((SELECT array_agg(m.merchant ORDER BY m.merchant)"
            " FROM access.merchants m WHERE m.number = e.number), '{}')"
            " FROM access.entries e ORDER BY e.number"
        )
        for stood, said, kept, found in entries:
            number += 1
            last = hashlib.sha256(last + said.encode()).digest()
            try:
                entry = msgspec.json.decode(said, type=AccessEntry)
            except (msgspec.MsgspecError, ValueError) as error:
                yield f"entry {number} is none: {error}"
                return
            if stood != number or entry.number != number:
                yield f"where entry {number} should be stands {stood}"
                return
            if kept != last:
                yield f"entry {number} is not what was hashed"
                return
            if sorted(set(entry.merchants)) != sorted(found):
                yield f"entry {number} is listed for other merchants than it names"
    head = connection.execute("SELECT number, hash FROM access.head").fetchone()
    if head is None or (head[0], bytes(head[1])) != (number, last):
        yield f"the chain ends at {number}, and its head says {head[0] if head else 'nothing'}"
