"""The tables of people: accounts that change, for nobody's trade is in them, and who looked."""

from typing import Any

import psycopg

from ledger.accounts.access_log import create_access_log

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
CREATE INDEX IF NOT EXISTS sign_ins_of ON accounts.sign_ins (account, began);
-- Whose tokens are good: readers check them without asking anybody.
CREATE TABLE IF NOT EXISTS accounts.token_keys (
    key text PRIMARY KEY,
    since timestamptz NOT NULL
);
GRANT USAGE ON SCHEMA accounts TO suyuan_writer, suyuan_reader;
GRANT SELECT, INSERT, UPDATE, DELETE ON accounts.accounts, accounts.sign_ins TO suyuan_writer;
GRANT SELECT, INSERT ON accounts.token_keys TO suyuan_writer;
GRANT SELECT ON accounts.token_keys TO suyuan_reader;
"""


def create_accounts(connection: psycopg.Connection[Any]) -> None:
    """Makes the tables where they are missing; the services' roles must be there."""
    connection.execute(TABLES)
    create_access_log(connection)
