"""One connection that listens for all threads of a process that wait for the log to grow."""

from threading import Condition, Thread
from threading import Event as Flag
from typing import ClassVar, LiteralString

import psycopg
from psycopg import sql

from eventlog.postgres.connections import with_limits

POLL_SECONDS = 0.4  # a notification can be lost; a poll beside it cannot


class Listener:
    """Begins at the first wait. While PostgreSQL is away, waiting ends with the poll."""

    channel: ClassVar[LiteralString] = "log"

    def __init__(self, conninfo: str) -> None:
        self._conninfo = with_limits(conninfo)
        self._grown = Condition()
        self._head = 0
        self._closed = Flag()
        self._thread: Thread | None = None

    def wait(self, after: int, seconds: float) -> None:
        """Until the log has grown beyond a position, or it is time to look again."""
        with self._grown:
            if self._thread is None:
                self._thread = Thread(target=self._keep_listening, daemon=True)
                self._thread.start()
            self._grown.wait_for(lambda: self._head > after, min(seconds, POLL_SECONDS))

    def close(self) -> None:
        self._closed.set()
        if self._thread:
            self._thread.join()

    def _keep_listening(self) -> None:
        while not self._closed.is_set():
            try:
                self._listen()
            except psycopg.Error:
                self._closed.wait(POLL_SECONDS / 2)

    def _listen(self) -> None:
        with psycopg.connect(self._conninfo, autocommit=True) as connection:
            connection.execute(sql.SQL("LISTEN {}").format(sql.Identifier(self.channel)))
            self._head = 0  # it may be another log than before
            while not self._closed.is_set():
                for said in connection.notifies(timeout=POLL_SECONDS / 2):
                    self._heard(int(said.payload))

    def _heard(self, head: int) -> None:
        with self._grown:
            self._head = max(self._head, head)
            self._grown.notify_all()
