"""Rows of the log, and the facts in them."""

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import fields
from typing import Final, LiteralString
from uuid import UUID

from domain.ids import CommunityId
from domain.kernel import EVENTS, Event
from domain.record import personal_fields
from eventlog.bus import RawRecord
from eventlog.codec import Codec, aad
from eventlog.port import Recorded
from eventlog.postgres.arrays import Uuids
from eventlog.postgres.connections import Connections, Row
from eventlog.sealing import Keyring, SubjectKey

READ: Final[LiteralString] = (
    "SELECT position, recorded_at, community, stream, version, type, subject,"
    " actor, command_id, cause, body FROM log.events"
)
AHEAD: Final[LiteralString] = (
    " later WHERE position > %s AND type = ANY (%s) AND NOT EXISTS ("
    "SELECT FROM log.events first WHERE first.community = later.community"
    " AND first.stream = later.stream AND first.version = 1 AND first.position > %s)"
)
Opened = Mapping[tuple[UUID, UUID], SubjectKey | None]


class Reader:
    def __init__(self, connections: Connections, keyring: Keyring, codec: Codec) -> None:
        self._connections, self._keyring, self._codec = connections, keyring, codec

    def head(self) -> int:
        [[head]] = self._connections.rows("SELECT coalesce(max(position), 0) FROM log.events")
        return int(head)

    def read(self, after: int, limit: int) -> list[Recorded[Event]]:
        return self._recorded(self._following(after, limit))

    def raw(self, after: int, limit: int) -> list[RawRecord]:
        return records(self._following(after, limit))

    def ahead(self, after: int, types: Collection[str], limit: int) -> list[RawRecord]:
        query: LiteralString = READ + AHEAD + " ORDER BY position LIMIT %s"
        return records(self._connections.rows(query, [after, [*types], after, limit]))

    def _following(self, after: int, limit: int) -> list[Row]:
        """Positions are given under a lock that outlives the commit: none comes late."""
        query: LiteralString = READ + " WHERE position > %s ORDER BY position LIMIT %s"
        return self._connections.rows(query, [after, limit])

    def streams(
        self, community: CommunityId, ids: Collection[UUID]
    ) -> Mapping[UUID, Sequence[Event]]:
        query: LiteralString = (
            READ + " WHERE community = %s AND stream = ANY (%s) ORDER BY stream, version"
        )
        found: dict[UUID, list[Event]] = {id: [] for id in ids}
        for record in self._recorded(self._connections.rows(query, [community, Uuids.of(ids)])):
            found[record.stream].append(record.event)
        return found

    def _recorded(self, rows: Sequence[Row]) -> list[Recorded[Event]]:
        keys = self._keys(rows)
        return [self._record(row, keys) for row in rows]

    def _keys(self, rows: Sequence[Row]) -> Opened:
        wanted: dict[UUID, set[UUID]] = defaultdict(set)
        for _, _, community, _, _, kind, subject, *_ in rows:
            if subject and kind in EVENTS and is_personal(EVENTS[kind]):
                wanted[community].add(subject)
        return {
            (community, subject): key
            for community, subjects in wanted.items()
            for subject, key in self._keyring.get(community, subjects).items()
        }

    def _record(self, row: Row, keys: Opened) -> Recorded[Event]:
        position, at, community, stream, version, _, subject, actor, command_id, cause, body = row
        place = aad(community, stream, version, subject)
        return Recorded(
            position=position,
            recorded_at=at,
            community=community,
            stream=stream,
            version=version,
            subject=subject,
            actor=actor,
            command_id=command_id,
            cause=cause,
            event=self._codec.decode(body, keys.get((community, subject)), place),
        )


def is_personal(kind: type) -> bool:
    return bool(personal_fields(kind))


def records(rows: Sequence[Row]) -> list[RawRecord]:
    names = [field.name for field in fields(RawRecord)]  # in the order of READ
    return [RawRecord(**dict(zip(names, row, strict=True))) for row in rows]
