"""Brings a database to the schema of this release: once, whoever and however many try."""

from importlib.resources import files

import psycopg

LOCK = 7450489151653701


class Edited(Exception):
    """A migration that is applied already has changed since: write a new one instead."""


def migrations() -> dict[str, str]:
    """The numbered files, in order: {name: SQL}."""
    here = [path for path in files("eventlog").iterdir() if path.name.startswith("schema_")]
    return {path.name: path.read_text() for path in sorted(here, key=lambda path: path.name)}


def migrate(conninfo: str) -> None:
    """As the owner of the database, who may make roles. Others that try meanwhile wait."""
    with psycopg.connect(conninfo, autocommit=True) as connection:
        connection.execute("SELECT pg_advisory_lock(%s)", [LOCK])
        connection.execute("SET client_min_messages = warning")
        connection.execute(
            "CREATE TABLE IF NOT EXISTS migrations"
            " (name text PRIMARY KEY, hash bytea NOT NULL, at timestamptz DEFAULT now())"
        )
        for name, statements in migrations().items():
            _apply(connection, name, statements.encode())


def _apply(connection: psycopg.Connection, name: str, statements: bytes) -> None:
    with connection.transaction():
        done = connection.execute(
            "SELECT hash = sha256(%s) FROM migrations WHERE name = %s", [statements, name]
        ).fetchone()
        if done == (False,):
            raise Edited(name)
        if done is None:
            connection.execute(statements)
            connection.execute(
                "INSERT INTO migrations (name, hash) VALUES (%s, sha256(%s))", [name, statements]
            )
