"""Connections to PostgreSQL that heal by themselves, and its failures in the log's words."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any, LiteralString

import psycopg
from psycopg.conninfo import conninfo_to_dict, make_conninfo
from psycopg_pool import ConnectionPool, PoolClosed, PoolTimeout

from eventlog.port import Unavailable
from eventlog.postgres import arrays

Row = tuple[Any, ...]
OPTIONS = "-c timezone=UTC -c lock_timeout=1000 -c idle_in_transaction_session_timeout=5000"
LOST = (psycopg.OperationalError, psycopg.InterfaceError)


def with_limits(conninfo: str) -> str:
    """A stuck writer makes the others fail after a second, and is ended after five (E8)."""
    given = conninfo_to_dict(conninfo)
    options = f"{given.pop('options', None) or ''} {OPTIONS}".strip()
    return make_conninfo(conninfo, options=options, connect_timeout=given.get("connect_timeout", 2))


class Connections:
    """Up to `most` for all threads of a process. A lost server is looked for at each request."""

    def __init__(self, conninfo: str, most: int = 4) -> None:
        self.conninfo = with_limits(conninfo)
        self._pool = ConnectionPool(
            self.conninfo,
            kwargs={"autocommit": True, "prepare_threshold": 0},
            configure=arrays.register,
            min_size=1,
            max_size=most,
            timeout=1,
            reconnect_timeout=0.1,
            open=True,
        )

    def close(self) -> None:
        self._pool.close()

    @contextmanager
    def one(self) -> Iterator[psycopg.Connection[Row]]:
        """One connection, each of its statements a transaction. PoolTimeout if there is none."""
        connection = self._pool.getconn()
        try:
            yield connection
        finally:
            self._pool.putconn(connection)

    def rows(self, query: LiteralString, values: Sequence[Any] = ()) -> list[Row]:
        """Reading may be tried again: once, on a fresh connection."""
        try:
            return self._rows(query, values)
        except (PoolTimeout, PoolClosed) as error:
            raise unavailable(error) from None
        except LOST:
            self._pool.drain()
        try:
            return self._rows(query, values)
        except LOST as error:
            raise unavailable(error) from None

    def _rows(self, query: LiteralString, values: Sequence[Any]) -> list[Row]:
        with self.one() as connection:
            return connection.execute(query, values, prepare=True, binary=True).fetchall()


def unavailable(error: psycopg.Error) -> Unavailable:
    """Says what kind of failure it was, and no more: a message may quote values."""
    return Unavailable(error.sqlstate or type(error).__name__)
