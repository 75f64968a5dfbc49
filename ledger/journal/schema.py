"""The journal's tables, their guards and the database roles of the services."""

from typing import Any

import psycopg
from psycopg import sql

from ledger.errors import BadSetting

# Numbers under which this code's schema and roles are made, one starter at a time.
SETUP_LOCK = 7_305_001

# What each service may do. Nobody holds UPDATE, DELETE or TRUNCATE on the events.
ROLES = ("suyuan_writer", "suyuan_follower", "suyuan_reader", "suyuan_publisher")

TABLES = """
CREATE SCHEMA IF NOT EXISTS ledger;
CREATE TABLE IF NOT EXISTS ledger.events (
    originator_id uuid NOT NULL,
    originator_version bigint NOT NULL,
    topic text NOT NULL,
    state bytea NOT NULL,
    notification_id bigint NOT NULL,
    seed bytea NOT NULL,
    leaf bytea NOT NULL,
    received timestamptz NOT NULL,
    flags text[] NOT NULL,
    chain bytea,
    PRIMARY KEY (originator_id, originator_version)
);
CREATE UNIQUE INDEX IF NOT EXISTS events_position ON ledger.events (notification_id);
CREATE INDEX IF NOT EXISTS events_of_cases ON ledger.events (notification_id) WHERE chain IS NULL;
CREATE TABLE IF NOT EXISTS ledger.head (
    only_row boolean PRIMARY KEY DEFAULT true CHECK (only_row),
    position bigint NOT NULL,
    ledger text NOT NULL
);
-- How many persons were erased: what was sealed before the last of them is sealed again.
ALTER TABLE ledger.head ADD COLUMN IF NOT EXISTS erasures bigint NOT NULL DEFAULT 0;
CREATE TABLE IF NOT EXISTS ledger.heads (
    originator_id uuid PRIMARY KEY,
    version bigint NOT NULL,
    chain bytea,
    stopped boolean NOT NULL DEFAULT false,
    device text
);
CREATE TABLE IF NOT EXISTS ledger.tapes (
    tape uuid PRIMARY KEY,
    device text NOT NULL,
    closed boolean NOT NULL DEFAULT false
);
CREATE INDEX IF NOT EXISTS tapes_of_device ON ledger.tapes (device) WHERE NOT closed;
CREATE TABLE IF NOT EXISTS ledger.batches (
    tape uuid NOT NULL,
    first bigint NOT NULL,
    last bigint NOT NULL,
    previous bytea NOT NULL,
    chain bytea NOT NULL,
    key text NOT NULL,
    signature bytea NOT NULL,
    PRIMARY KEY (tape, first, last)
);
CREATE TABLE IF NOT EXISTS ledger.quarantine (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    kind text NOT NULL,
    tape uuid NOT NULL,
    number bigint NOT NULL,
    received timestamptz NOT NULL,
    reason text NOT NULL,
    content bytea NOT NULL
);
CREATE INDEX IF NOT EXISTS quarantine_tape ON ledger.quarantine (tape, number);
CREATE TABLE IF NOT EXISTS ledger.strangers (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    received timestamptz NOT NULL,
    reason text NOT NULL,
    content bytea NOT NULL
);
CREATE TABLE IF NOT EXISTS ledger.answers (
    key text PRIMARY KEY,
    asked text NOT NULL,
    status int NOT NULL,
    answer bytea NOT NULL,
    received timestamptz NOT NULL
);
CREATE INDEX IF NOT EXISTS answers_received ON ledger.answers (received);
CREATE TABLE IF NOT EXISTS ledger.documents (
    digest text PRIMARY KEY,
    media text NOT NULL,
    size bigint NOT NULL,
    device text NOT NULL,
    key text NOT NULL,
    signature bytea NOT NULL,
    received timestamptz NOT NULL
);
-- Which devices had a document's bytes: who only names its digest sees nothing of it.
CREATE TABLE IF NOT EXISTS ledger.document_senders (
    digest text NOT NULL,
    device text NOT NULL,
    PRIMARY KEY (digest, device)
);
-- Drawn anew from a document, which is shown to nobody itself; `media` is empty where none could be.
CREATE TABLE IF NOT EXISTS ledger.document_copies (
    digest text PRIMARY KEY,
    media text NOT NULL,
    pages int NOT NULL,
    text text NOT NULL,
    bigrams text[] NOT NULL
);
CREATE INDEX IF NOT EXISTS copies_by_text ON ledger.document_copies USING gin (bigrams);
-- What the transparency log has signed last; a ledger that was restored goes on as another log.
CREATE TABLE IF NOT EXISTS ledger.checkpoints (
    epoch int PRIMARY KEY,
    origin text NOT NULL UNIQUE,
    size bigint NOT NULL,
    root bytea NOT NULL,
    note bytea NOT NULL,
    time timestamptz NOT NULL,
    -- The log's key, and what its files say: devices and receipts get no other.
    key text,
    shown bytea
);
CREATE OR REPLACE FUNCTION ledger.refuse_shrinking() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'UPDATE' AND (NEW.epoch, NEW.origin) = (OLD.epoch, OLD.origin)
        AND (NEW.size > OLD.size OR (NEW.size, NEW.root) = (OLD.size, OLD.root)) THEN
        RETURN NEW;
    END IF;
    RAISE EXCEPTION 'a log only grows: % on its checkpoint refused', TG_OP
        USING ERRCODE = 'insufficient_privilege';
END $$;
CREATE OR REPLACE TRIGGER checkpoints_only_grow BEFORE UPDATE OR DELETE ON ledger.checkpoints
    FOR EACH ROW EXECUTE FUNCTION ledger.refuse_shrinking();
CREATE OR REPLACE TRIGGER checkpoints_stay BEFORE TRUNCATE ON ledger.checkpoints
    FOR EACH STATEMENT EXECUTE FUNCTION ledger.refuse_shrinking();
CREATE SCHEMA IF NOT EXISTS personal;
CREATE TABLE IF NOT EXISTS personal.subjects (
    ref uuid PRIMARY KEY,
    card bytea,
    device text
);
-- Apart from what they open: no backup of the rest can be read without them.
CREATE TABLE IF NOT EXISTS personal.keys (
    ref uuid PRIMARY KEY,
    salt bytea NOT NULL,
    key bytea NOT NULL
);
CREATE TABLE IF NOT EXISTS personal.erased (
    ref uuid PRIMARY KEY,
    at timestamptz NOT NULL,
    by text NOT NULL,
    why text NOT NULL,
    -- Nobody erased them: their keys were lost at a restore.
    lost boolean NOT NULL DEFAULT false
);
-- What is left of the person part of an event whose person was erased, or whose keys were lost at a
-- restore: its commitment.
CREATE TABLE IF NOT EXISTS personal.shut (
    position bigint PRIMARY KEY,
    person bytea NOT NULL
);
DO $$ BEGIN
    IF EXISTS (SELECT FROM information_schema.columns WHERE table_schema = 'personal'
               AND table_name = 'subjects' AND column_name = 'salt') THEN
        INSERT INTO personal.keys SELECT ref, salt, key FROM personal.subjects
            ON CONFLICT DO NOTHING;
        ALTER TABLE personal.subjects DROP COLUMN salt, DROP COLUMN key;
    END IF;
END $$;
CREATE TABLE IF NOT EXISTS personal.openings (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    at timestamptz NOT NULL DEFAULT clock_timestamp(),
    refs uuid[] NOT NULL,
    why text NOT NULL
);
ALTER TABLE personal.openings ADD COLUMN IF NOT EXISTS account text NOT NULL DEFAULT '';
-- No record, no answer: who reads cards leaves a line here in the same statement.
CREATE OR REPLACE FUNCTION personal.open_cards(wanted uuid[], reason text)
RETURNS TABLE (ref uuid, key bytea, card bytea)
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    INSERT INTO personal.openings (refs, why, account)
        VALUES (wanted, reason, coalesce(current_setting('suyuan.account', true), ''));
    -- Of a person who was erased, a line without key and card says so.
    RETURN QUERY SELECT s.ref, k.key, s.card FROM personal.subjects s
        JOIN personal.keys k USING (ref) WHERE s.ref = ANY (wanted) AND s.card IS NOT NULL
        UNION ALL SELECT e.ref, NULL, NULL FROM personal.erased e WHERE e.ref = ANY (wanted);
END $$;
REVOKE ALL ON FUNCTION personal.open_cards(uuid[], text) FROM PUBLIC;
CREATE OR REPLACE FUNCTION ledger.refuse_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'the record is append-only: % on % refused', TG_OP, TG_TABLE_NAME
        USING ERRCODE = 'insufficient_privilege',
              HINT = 'Correct an entry by an entry-corrected report.';
END $$;
CREATE OR REPLACE TRIGGER events_append_only
    BEFORE UPDATE OR DELETE OR TRUNCATE ON ledger.events
    FOR EACH STATEMENT EXECUTE FUNCTION ledger.refuse_change();
CREATE OR REPLACE TRIGGER batches_append_only
    BEFORE UPDATE OR DELETE OR TRUNCATE ON ledger.batches
    FOR EACH STATEMENT EXECUTE FUNCTION ledger.refuse_change();
"""

GRANTS = """
GRANT USAGE ON SCHEMA ledger TO suyuan_writer, suyuan_follower, suyuan_reader, suyuan_publisher;
GRANT SELECT, INSERT ON ledger.events, ledger.batches, ledger.documents TO suyuan_writer;
GRANT SELECT, INSERT, UPDATE ON ledger.head, ledger.heads, ledger.tapes TO suyuan_writer;
GRANT SELECT, INSERT ON ledger.quarantine TO suyuan_writer;
GRANT SELECT, INSERT, DELETE ON ledger.strangers, ledger.answers TO suyuan_writer;
GRANT USAGE ON SCHEMA personal TO suyuan_writer, suyuan_reader;
GRANT EXECUTE ON FUNCTION personal.open_cards(uuid[], text) TO suyuan_reader;
GRANT SELECT, INSERT, UPDATE ON personal.subjects TO suyuan_writer;
GRANT SELECT, INSERT ON personal.keys TO suyuan_writer;
GRANT SELECT ON personal.erased, personal.shut TO suyuan_writer;
GRANT SELECT ON ledger.events, ledger.head, ledger.documents TO suyuan_follower;
GRANT SELECT ON ledger.head, ledger.checkpoints TO suyuan_reader;
GRANT SELECT, INSERT ON ledger.document_copies, ledger.document_senders TO suyuan_writer;
GRANT SELECT ON ledger.document_senders TO suyuan_reader;
GRANT SELECT ON ledger.document_copies TO suyuan_reader;
GRANT SELECT ON ledger.checkpoints TO suyuan_writer;
GRANT SELECT ON ledger.events, ledger.head TO suyuan_publisher;
GRANT SELECT, INSERT, UPDATE ON ledger.checkpoints TO suyuan_publisher;
GRANT USAGE ON SCHEMA personal TO suyuan_publisher;
GRANT SELECT (ref, salt) ON personal.keys TO suyuan_publisher;
GRANT SELECT (ref) ON personal.erased TO suyuan_publisher;
GRANT SELECT ON personal.shut TO suyuan_publisher;
GRANT SELECT (digest, media, size, received) ON ledger.documents TO suyuan_reader;
GRANT SELECT (originator_id, originator_version, topic, notification_id, leaf, received, flags)
    ON ledger.events TO suyuan_reader;
"""


def create(connection: psycopg.Connection[object], ledger: str) -> None:
    """Makes schema, guards and roles where they are missing; safe to run by two at once.

    `connection` MUST belong to the owner of the database. Changes nothing that is there.
    """
    with connection.transaction():
        connection.execute("SELECT pg_advisory_xact_lock(%s)", [SETUP_LOCK])
        connection.execute(TABLES)
        connection.execute(
            "INSERT INTO ledger.head (position, ledger) VALUES (0, %s) ON CONFLICT DO NOTHING",
            [ledger],
        )
        row = connection.execute("SELECT ledger FROM ledger.head").fetchone()
        if row != (ledger,):
            raise BadSetting(f"this database holds the ledger {row}, not {ledger!r}: name it so")
        create_roles(connection)
        database = connection.info.dbname
        # The follower makes and swaps the schemas of its views.
        connection.execute(
            sql.SQL("GRANT CREATE ON DATABASE {} TO suyuan_follower").format(
                sql.Identifier(database)
            )
        )
        connection.execute(GRANTS)


def create_roles(connection: psycopg.Connection[Any]) -> None:
    """Makes the services' roles where they are missing."""
    for role in ROLES:
        found = connection.execute("SELECT 1 FROM pg_roles WHERE rolname = %s", [role])
        if found.fetchone() is None:
            connection.execute(sql.SQL("CREATE ROLE {} LOGIN").format(sql.Identifier(role)))
