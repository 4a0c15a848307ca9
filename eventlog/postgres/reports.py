"""The log of reports on PostgreSQL."""

import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import date, timedelta
from typing import Any
from uuid import UUID

import psycopg
from psycopg import Connection
from psycopg_pool import PoolClosed, PoolTimeout

from domain.ids import CommunityId, DeviceId
from domain.reports import DoorLogEntry, Report
from eventlog.port import MAX_BATCH, Batch, Conflict
from eventlog.postgres.connections import LOST, Connections, Row, unavailable
from eventlog.postgres.listening import Listener
from eventlog.reports import AT_ONCE, Cursor, ReportCodec, reached, recorded

CONFLICT = "GH001"
APPEND = """
    SELECT log.append_reports(
        %s, %s, %s, %s, %s, %s, %s::int[], %s::bigint[], %s::text[], %s::bytea[])
"""
# By equal bytes, among those that no phone's log holds. `now()` is stable: indices may be used.
SAID = """
    SELECT 1 FROM log.reports WHERE recorded_at > now() - %s
    AND received_day IN ((now() AT TIME ZONE 'UTC')::date, ((now() - %s) AT TIME ZONE 'UTC')::date)
    AND community = %s AND device = %s AND epoch IS NULL AND body = %s LIMIT 1
"""
ALONE = "SELECT pg_advisory_xact_lock(hashtextextended(%s, 7450489151653703))"


class ReportListener(Listener):
    """Hears of reports only."""

    channel = "reports"


class PostgresReportLog:
    """eventlog.reports.ReportLog. The connections and the listener are its own."""

    def __init__(
        self, connections: Connections, listener: ReportListener, codec: ReportCodec
    ) -> None:
        self._connections, self._listener, self._codec = connections, listener, codec

    def close(self) -> None:
        self._listener.close()
        self._connections.close()

    def cursor(self, community: CommunityId, device: DeviceId) -> Cursor | None:
        rows = self._connections.rows(
            "SELECT epoch, last_id FROM log.report_cursors WHERE community = %s AND device = %s",
            [community, device],
        )
        return Cursor(epoch=rows[0][0], last_id=rows[0][1]) if rows else None

    def append(
        self,
        community: CommunityId,
        device: DeviceId,
        entries: Sequence[DoorLogEntry],
        *,
        expected: Cursor | None,
    ) -> int:
        moved = reached(device, entries, expected)
        places: list[tuple[int | None, int | None]] = [(e.epoch, e.id) for e in entries]
        return self._called(self._values(community, device, (expected, moved), places, entries))

    def note(
        self, community: CommunityId, report: Report, *, quiet: timedelta = AT_ONCE
    ) -> int | None:
        """Looked for twice where it shall be quiet: the first look waits for nobody."""
        values = self._values(community, report.device, (None, None), [(None, None)], [report])
        if not quiet:
            return self._called(values)
        same = [quiet, quiet, community, report.device, values[-1][0]]
        if self._connections.rows(SAID, same):
            return None
        with self._connected() as connection, connection.transaction():
            connection.execute(ALONE, [str(report.device)])
            if connection.execute(SAID, same).fetchone():
                return None
            return reached_by(connection, values)

    def _values(
        self,
        community: UUID,
        device: UUID,
        cursors: tuple[Cursor | None, Cursor | None],
        places: Sequence[tuple[int | None, int | None]],
        reports: Sequence[Report],
    ) -> list[Any]:
        ends = [at for c in cursors for at in ((c.epoch, c.last_id) if c else (None, None))]
        columns = [
            [epoch for epoch, _ in places],
            [id for _, id in places],
            [type(each).__name__ for each in reports],
            [self._codec.encode(each, None, b"") for each in reports],
        ]
        return [community, device, *ends, *columns]

    def _called(self, values: Sequence[object]) -> int:
        """Never tried again: whether a lost one was stored, its cursor tells."""
        with self._connected() as connection:
            return reached_by(connection, values)

    @contextmanager
    def _connected(self) -> Iterator[Connection[Row]]:
        try:
            with self._connections.one() as connection:
                yield connection
        except (PoolTimeout, PoolClosed, *LOST) as error:
            raise unavailable(error) from None
        except psycopg.Error as error:
            if error.sqlstate == CONFLICT:
                raise Conflict from None
            raise

    def read(self, *, after: int, limit: int = MAX_BATCH, wait: float = 0) -> Batch[Report]:
        found, until = self._read(after, limit), time.monotonic() + wait
        while not found and (left := until - time.monotonic()) > 0:
            self._listener.wait(after, left)
            found = self._read(after, limit)
        return found

    def _read(self, after: int, limit: int) -> Batch[Report]:
        rows = self._connections.rows(
            "SELECT position, recorded_at, community, id, body FROM log.reports"
            " WHERE position > %s ORDER BY position LIMIT %s",
            [after, limit],
        )
        return [
            recorded(position, at, CommunityId(home), self._codec.decode(body, None, b""), id)
            for position, at, home, id, body in rows
        ]

    def head(self) -> int:
        return int(self._connections.rows("SELECT position FROM log.report_head")[0][0])

    def drop_before(self, day: date) -> int:
        return int(self._connections.rows("SELECT log.drop_reports_before(%s)", [day])[0][0])


def reached_by(connection: Connection[Row], values: Sequence[object]) -> int:
    row = connection.execute(APPEND, values).fetchone()
    assert row is not None
    return int(row[0])
