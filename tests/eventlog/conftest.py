from collections.abc import Iterator

import psycopg
import pytest

from config import Database
from eventlog.postgres import PostgresLog
from eventlog.sealing import Master

KEK = bytes(range(32))


def empty(database: Database) -> None:
    """As if it were new; the trigger that forbids it is the owner's to switch off."""
    with psycopg.connect(database.owner) as connection:
        connection.execute("SET session_replication_role = replica")
        connection.execute(
            "TRUNCATE log.events, log.commands, log.claims, log.keys, log.photos, read.positions"
        )


@pytest.fixture
def pg_log(module_database: Database) -> Iterator[PostgresLog]:
    """An empty log; all tests of a file share its database."""
    empty(module_database)
    log = PostgresLog(module_database.append, Master(KEK))
    yield log
    log.close()
