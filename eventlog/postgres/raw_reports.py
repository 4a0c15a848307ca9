"""The log of reports as it is stored, for who carries it on."""

import time
from collections.abc import Sequence
from typing import Final, LiteralString

from domain.ids import CommunityId
from eventlog.bus import RawRecord
from eventlog.port import MAX_BATCH
from eventlog.postgres.connections import Connections, Row
from eventlog.postgres.listening import Listener
from eventlog.reports import NOBODY

READ: Final[LiteralString] = (
    "SELECT position, recorded_at, community, device, id, type, body FROM log.reports"
    " WHERE position > %s ORDER BY position LIMIT %s"
)


class RawReports:
    """eventlog.bus.RawLog, with the places that eventlog.reports.recorded gives. The connections
    and the listener are its own.
    """

    def __init__(self, connections: Connections, listener: Listener) -> None:
        self._connections, self._listener = connections, listener

    def close(self) -> None:
        self._listener.close()
        self._connections.close()

    def head(self) -> int:
        return int(self._connections.rows("SELECT position FROM log.report_head")[0][0])

    def raw(self, *, after: int, limit: int = MAX_BATCH, wait: float = 0) -> Sequence[RawRecord]:
        until = time.monotonic() + wait
        while not (rows := self._connections.rows(READ, [after, limit])):
            if (left := until - time.monotonic()) <= 0:
                break
            self._listener.wait(after, left)
        return [_record(row) for row in rows]


def _record(row: Row) -> RawRecord:
    position, at, community, device, id, kind, body = row
    return RawRecord(
        position=position,
        recorded_at=at,
        community=CommunityId(community),
        stream=device,
        version=id or 0,
        type=kind,
        subject=None,
        actor="device",
        command_id=NOBODY,
        cause=None,
        body=body,
    )
