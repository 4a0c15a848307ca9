"""Our own log under eventsourcing's Application and Repository, to read: facts are unsealed and
folded into our states.

    repository.get(ann, projector_func=folding(Resident))
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any, cast
from uuid import UUID

from eventsourcing import persistence as es

from domain.kernel import Event, S
from eventlog.codec import Codec, aad
from eventlog.postgres.connections import Row
from eventlog.recorder import ApplicationRecorder
from eventlog.sealing import Keyring


@dataclass(frozen=True)
class PlacedEvent(es.StoredEvent):
    """Where it stands says what it was sealed for."""

    community: UUID
    subject: UUID | None


@dataclass(frozen=True)
class PlacedNotification(es.Notification):
    community: UUID
    subject: UUID | None


class LogRecorder(ApplicationRecorder):
    def _event(self, row: Row) -> PlacedEvent:
        return PlacedEvent(*row[:4], *row[5:])

    def _notification(self, row: Row) -> PlacedNotification:
        return PlacedNotification(*row)


class LogMapper(es.Mapper[UUID]):
    """Only reads: facts are decided by commands, which go by way of EventLog.append."""

    def __init__(self, codec: Codec, keyring: Keyring) -> None:
        super().__init__(es.JSONTranscoder())
        self._codec, self._keyring = codec, keyring

    def to_domain_event(self, stored_event: es.StoredEvent) -> Any:
        placed = cast("PlacedEvent | PlacedNotification", stored_event)
        stream, home = cast(UUID, placed.originator_id), placed.community
        place = aad(home, stream, placed.originator_version, placed.subject)
        subjects = [placed.subject] if placed.subject else []
        keys = self._keyring.get(home, subjects)
        key = keys.get(placed.subject) if placed.subject else None
        return self._codec.decode(placed.state, key, place)


def folding(cls: type[S]) -> Callable[[Any, Iterable[Any]], Any]:
    """A projector_func. The library's types know neither our facts nor our states."""

    def project(state: S | None, events: Iterable[Event]) -> S | None:
        for event in events:
            state = cls.evolve(state, event)
        return state

    return project
