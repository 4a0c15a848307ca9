"""The part of the log that emergencies need, by a way of its own: past whatever else is written."""

import time
from collections.abc import Sequence
from dataclasses import fields
from typing import ClassVar, Final, LiteralString

import structlog

from domain.kernel import Event
from eventlog.bus import Keys, RawRecord, opened
from eventlog.codec import Codec
from eventlog.port import Recorded, Unavailable
from eventlog.postgres.connections import Connections
from eventlog.postgres.listening import Listener
from eventlog.postgres.reading import READ

# The index of schema_0025 is used only if they are spelled out here, and as they are there.
FOLLOWING: Final[LiteralString] = (
    READ + " WHERE position > %s AND type IN ("
    "'CommunityCreated', 'CommunityRenamed', 'DeviceRegistered', 'DeviceReplaced', 'DeviceEdited',"
    " 'DeviceRemoved', 'FireInputsChosen', 'AlarmRaised', 'EmergencySettingChanged',"
    " 'UnlockOrdered', 'LockOrdered', 'EmergencyAlarmChecked', 'DoorsTried')"
    " ORDER BY position LIMIT 1000"
)
log = structlog.get_logger()
NAMES: Final = [field.name for field in fields(RawRecord)]  # in the order of READ


class EmergencyListener(Listener):
    channel: ClassVar[LiteralString] = "emergency"


class EmergencyLog:
    """The connections are its own, so that nobody is before it."""

    def __init__(self, conninfo: str, keys: Keys) -> None:
        self._connections = Connections(conninfo, most=1)
        self._listener = EmergencyListener(conninfo)
        self._keys, self._codec = keys, Codec()

    def close(self) -> None:
        self._listener.close()
        self._connections.close()

    def read(self, after: int, wait: float = 0) -> tuple[Sequence[Recorded[Event]], int]:
        """What follows a position, in order, and up to which one that is; waits up to `wait`
        seconds for the first. What cannot be read is left out, with an error: nothing of it may
        keep doors shut. Unavailable if PostgreSQL is.
        """
        until = time.monotonic() + wait
        while not (rows := self._connections.rows(FOLLOWING, [after])):
            if (left := until - time.monotonic()) <= 0:
                return [], after
            self._listener.wait(after, left)
        records = [RawRecord(**dict(zip(NAMES, row, strict=True))) for row in rows]
        return self._opened(records), records[-1].position

    def _opened(self, records: Sequence[RawRecord]) -> Sequence[Recorded[Event]]:
        try:
            return opened(records, self._codec, self._keys)
        except Unavailable:
            raise
        except Exception:
            return [one for record in records for one in self._one(record)]

    def _one(self, record: RawRecord) -> Sequence[Recorded[Event]]:
        try:
            return opened([record], self._codec, self._keys)
        except Unavailable:
            raise
        except Exception as failure:
            error = type(failure).__name__
            log.error("emergencies pass over an event", position=record.position, error=error)
            return []
