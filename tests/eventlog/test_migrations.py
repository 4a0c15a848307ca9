"""Migrating: once, whoever tries; and what each role may do afterwards."""

import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from typing import LiteralString

import psycopg
import pytest

from config import Database
from eventlog import migrations
from eventlog.migrations import Edited, Reshaped, migrate
from eventlog.postgres import PostgresLog
from eventlog.sealing import Master
from schemas.registry import Entry, Registry
from tests.builders import a_community
from tests.eventlog.conftest import KEK
from tests.eventlog.contract import store
from tests.running_server import RunningServer

START = "from sys import argv; from eventlog.migrations import migrate; migrate(argv[1])"


@pytest.fixture
def fresh(pg_server: RunningServer) -> Iterator[str]:
    """A database that nothing has touched."""
    with psycopg.connect(pg_server.server.conninfo("postgres"), autocommit=True) as connection:
        connection.execute("CREATE DATABASE unmigrated")
        yield pg_server.server.conninfo("unmigrated")
        connection.execute("DROP DATABASE unmigrated WITH (FORCE)")


def test_eight_processes_may_start_at_once(fresh: str) -> None:
    command = [sys.executable, "-c", START, fresh]
    started = [subprocess.Popen(command, stderr=subprocess.PIPE) for _ in range(8)]  # noqa: S603
    said = [process.communicate(timeout=60)[1] for process in started]
    assert [process.returncode for process in started] == [0] * 8, said
    with psycopg.connect(fresh) as connection:
        rows = connection.execute("SELECT name FROM migrations ORDER BY name").fetchall()
    assert [name for (name,) in rows] == list(migrations.migrations())


def test_a_migration_that_changed_after_it_was_applied_is_refused(
    fresh: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(migrations, "migrations", lambda: {"schema_0001.sql": "SELECT 1"})
    migrate(fresh)
    migrate(fresh)
    monkeypatch.setattr(migrations, "migrations", lambda: {"schema_0001.sql": "SELECT 2"})
    with pytest.raises(Edited, match=r"schema_0001\.sql"):
        migrate(fresh)


def test_a_schema_that_is_not_the_one_that_was_written_with_is_refused_by_its_name(
    fresh: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A database that cannot be read any more is told at the start, not at the first event of it;
    a newer number is only added.
    """
    locked = Registry.load()
    first, *others = locked.entries

    def knows(*entries: Entry) -> None:
        monkeypatch.setattr(Registry, "load", lambda: Registry(entries, locked.schemas))

    for known in ([first], locked.entries, locked.entries, [first]):
        knows(*known)
        migrate(fresh)
    knows(replace(first, fingerprint="another"), *others)
    with pytest.raises(Reshaped, match=rf"{first.subject} v1 .* another DATA"):
        migrate(fresh)


CHANGES: list[LiteralString] = [
    "UPDATE log.events SET body = ''",
    "DELETE FROM log.events",
    "TRUNCATE log.events",
    "UPDATE log.commands SET events = 0",
    "DELETE FROM log.commands",
]
WRITES: list[LiteralString] = [
    *CHANGES,
    "INSERT INTO log.commands VALUES ('a', gen_random_uuid(), gen_random_uuid(), '', 1, 1, 1, 1)",
    "DELETE FROM log.claims",
    "UPDATE log.keys SET wrapped = ''",
]


@pytest.mark.parametrize("change", CHANGES)
def test_the_log_refuses_changes_even_by_its_owner(
    change: LiteralString, module_database: Database
) -> None:
    with psycopg.connect(module_database.owner) as connection:
        connection.execute("SET ROLE gatehouse_owner")
        with pytest.raises(psycopg.Error, match="append-only"):
            connection.execute(change)


@pytest.mark.parametrize("write", WRITES)
@pytest.mark.parametrize("role", ["append", "read", "project"])
def test_no_process_writes_but_through_the_function(
    role: str, write: LiteralString, module_database: Database
) -> None:
    with (
        psycopg.connect(getattr(module_database, role)) as connection,
        pytest.raises(psycopg.errors.InsufficientPrivilege),
    ):
        connection.execute(write)


@pytest.mark.parametrize("role", ["append", "read", "project"])
def test_o1_no_process_is_a_superuser_and_each_may_read_the_log(
    role: str, module_database: Database
) -> None:
    with psycopg.connect(getattr(module_database, role)) as connection:
        powers = "SELECT rolsuper OR rolbypassrls OR rolcreaterole FROM pg_roles"
        assert connection.execute(powers + " WHERE rolname = current_user").fetchone() == (False,)
        assert connection.execute("SELECT count(*) FROM log.events").fetchone() == (0,)


def test_only_the_appending_role_may_call_the_function(module_database: Database) -> None:
    query = "SELECT has_function_privilege(%s, 'log.append'::regproc, 'EXECUTE')"
    with psycopg.connect(module_database.owner) as connection:
        roles = ("gatehouse_append", "gatehouse_read", "gatehouse_project", "public")
        may = [connection.execute(query, [role]).fetchone() for role in roles]
    assert may == [(True,), (False,), (False,), (False,)]


def test_what_the_projecting_role_makes_the_reading_role_reads(module_database: Database) -> None:
    with psycopg.connect(module_database.project, autocommit=True) as connection:
        connection.execute("CREATE TABLE read.made (n int)")
        connection.execute("CREATE TABLE rebuild.made (n int)")
        connection.execute("DROP TABLE read.made")
        connection.execute("ALTER TABLE rebuild.made SET SCHEMA read")
    with psycopg.connect(module_database.read) as connection:
        assert connection.execute("SELECT count(*) FROM read.made").fetchone() == (0,)
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            connection.execute("INSERT INTO read.made VALUES (1)")


def test_the_owner_of_an_external_database_need_not_be_a_superuser(
    own_server: RunningServer,
) -> None:
    """A server of somebody else's: a role that may make roles, and its own database."""
    with psycopg.connect(own_server.server.conninfo("postgres"), autocommit=True) as connection:
        connection.execute("CREATE ROLE tenant LOGIN CREATEROLE")
        connection.execute("CREATE DATABASE rented OWNER tenant")
    migrate(own_server.server.conninfo("rented", "tenant"))
    log = PostgresLog(own_server.server.conninfo("rented", "gatehouse_append"), Master(KEK))
    with closing(log):
        assert store(log, a_community()).position == 1
