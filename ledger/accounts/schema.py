"""The tables of people: accounts that change, for nobody's trade is in them, and who looked."""

from typing import Any

import psycopg

from ledger.accounts.access_log import create_access_log
from ledger.accounts.invitations import create_invitations

TABLES = """
CREATE SCHEMA IF NOT EXISTS accounts;
CREATE TABLE IF NOT EXISTS accounts.accounts (
    account text PRIMARY KEY,
    name text NOT NULL,
    password text NOT NULL,
    grants jsonb NOT NULL DEFAULT '[]',
    disabled boolean NOT NULL DEFAULT false,
    -- Failures in a row, and until when nobody is let in for them.
    failures int NOT NULL DEFAULT 0,
    closed_until timestamptz,
    -- The secret of the second factor, sealed, and the last step whose code was used.
    factor bytea,
    used_step bigint NOT NULL DEFAULT 0
);
-- A secret that its owner has not shown yet to have.
ALTER TABLE accounts.accounts ADD COLUMN IF NOT EXISTS factor_wanted bytea;
-- Until when a password that somebody else made lets its owner in, to set one of their own.
ALTER TABLE accounts.accounts ADD COLUMN IF NOT EXISTS given_until timestamptz;
CREATE TABLE IF NOT EXISTS accounts.sign_ins (
    id uuid PRIMARY KEY,
    account text NOT NULL REFERENCES accounts.accounts ON DELETE CASCADE,
    -- SHA-256 of the secret that the holder has.
    secret bytea NOT NULL UNIQUE,
    agent text NOT NULL,
    began timestamptz NOT NULL,
    used timestamptz NOT NULL,
    ended timestamptz
);
-- Whether somebody else has seen a second factor of them.
ALTER TABLE accounts.sign_ins ADD COLUMN IF NOT EXISTS strong boolean NOT NULL DEFAULT false;
-- Whom a provider of single sign-on calls by which subject.
CREATE TABLE IF NOT EXISTS accounts.subjects (
    issuer text NOT NULL,
    subject text NOT NULL,
    account text NOT NULL REFERENCES accounts.accounts ON DELETE CASCADE,
    PRIMARY KEY (issuer, subject)
);
-- Who was sent to the provider and is not back yet: each state once.
CREATE TABLE IF NOT EXISTS accounts.sent_away (
    state bytea PRIMARY KEY,
    verifier text NOT NULL,
    nonce text NOT NULL,
    redirect text NOT NULL,
    until timestamptz NOT NULL
);
CREATE INDEX IF NOT EXISTS sign_ins_of ON accounts.sign_ins (account, began);
-- Whose tokens are good: readers check them without asking anybody.
CREATE TABLE IF NOT EXISTS accounts.token_keys (
    key text PRIMARY KEY,
    since timestamptz NOT NULL
);
GRANT USAGE ON SCHEMA accounts TO suyuan_writer, suyuan_reader;
GRANT SELECT, INSERT, UPDATE, DELETE ON accounts.accounts, accounts.sign_ins TO suyuan_writer;
GRANT SELECT, INSERT, DELETE ON accounts.token_keys TO suyuan_writer;
GRANT SELECT ON accounts.subjects TO suyuan_writer;
GRANT SELECT, INSERT, DELETE ON accounts.sent_away TO suyuan_writer;
GRANT SELECT ON accounts.token_keys TO suyuan_reader;
"""
STATES = """
-- What each device said of itself last, and when that was heard; nothing in the record rests on it.
CREATE TABLE IF NOT EXISTS accounts.device_states (
    device text PRIMARY KEY,
    online boolean NOT NULL,
    tape uuid,
    waiting bigint NOT NULL,
    fill_percent int NOT NULL,
    said timestamptz NOT NULL,
    session uuid NOT NULL,
    heard timestamptz NOT NULL,
    -- How far the device's clock was ahead when that could be told.
    ahead_s double precision,
    -- The version of the stop list it goes by: the position of the entry that changed it last.
    stops bigint NOT NULL DEFAULT 0
);
ALTER TABLE accounts.device_states ADD COLUMN IF NOT EXISTS stops bigint NOT NULL DEFAULT 0;
GRANT SELECT, INSERT, UPDATE ON accounts.device_states TO suyuan_writer;
GRANT SELECT ON accounts.device_states TO suyuan_reader;
ALTER TABLE accounts.device_states ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY;
ALTER TABLE ledger.document_copies ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY;
DO $$ BEGIN
    IF NOT EXISTS (SELECT FROM pg_policies WHERE tablename = 'document_copies') THEN
        CREATE POLICY keeps ON ledger.document_copies TO CURRENT_USER, suyuan_writer
            USING (true) WITH CHECK (true);
        CREATE POLICY sees ON ledger.document_copies FOR SELECT TO suyuan_reader
            USING (access.shows_picture(digest));
    END IF;
    IF NOT EXISTS (SELECT FROM pg_policies WHERE tablename = 'device_states') THEN
        CREATE POLICY keeps ON accounts.device_states TO CURRENT_USER, suyuan_writer
            USING (true) WITH CHECK (true);
        CREATE POLICY sees ON accounts.device_states FOR SELECT TO suyuan_reader
            USING (access.shows_device(device));
    END IF;
END $$;
"""


def create_accounts(connection: psycopg.Connection[Any]) -> None:
    """Makes the tables where they are missing; the services' roles must be there."""
    connection.execute(TABLES)
    create_access_log(connection)
    create_invitations(connection)
    # Behind the access log, whose functions say which device is whose.
    connection.execute(STATES)
