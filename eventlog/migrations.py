"""Brings a database to the schema of this release: once, whoever and however many try."""

from collections.abc import Sequence
from importlib.resources import files

import psycopg

from schemas.registry import Entry, Registry

LOCK = 7450489151653701


class Edited(Exception):
    """A migration that is applied already has changed since: write a new one instead."""


class Reshaped(Exception):
    """What stands in the log was written by another schema of the same number."""

    def __init__(self, entry: Entry) -> None:
        super().__init__(
            f"{entry.subject} v{entry.version} is not the schema that this database was written"
            " with: go back to the version that wrote it, or begin with another DATA"
        )


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
        _know(connection, Registry.load().entries)


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


def _know(connection: psycopg.Connection, entries: Sequence[Entry]) -> None:
    """Which schema each number stands for, from the first start on: bytes stay readable."""
    connection.execute(
        "CREATE TABLE IF NOT EXISTS shapes (id int PRIMARY KEY, fingerprint text NOT NULL)"
    )
    rows = connection.execute("SELECT id, fingerprint FROM shapes").fetchall()
    known: dict[int, str] = dict(rows)
    for entry in entries:
        if known.get(entry.id, entry.fingerprint) != entry.fingerprint:
            raise Reshaped(entry)
    new = [(one.id, one.fingerprint) for one in entries if one.id not in known]
    with connection.cursor() as cursor:
        cursor.executemany("INSERT INTO shapes VALUES (%s, %s)", new)
