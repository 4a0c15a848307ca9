"""eventsourcing's own interfaces on the same append function and the same table.

Whatever is built on the library (an Application, a Repository with our states' fold, a projection,
a subscription) runs on this log: PERSISTENCE_MODULE=eventlog.recorder, with APPEND_DATABASE_URL,
PROJECT_DATABASE_URL and, for who does both, OWNER_DATABASE_URL. What it stores has the nil
community, unless COMMUNITY names one.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any, Final, LiteralString, cast
from uuid import UUID, uuid4, uuid5

import psycopg
from eventsourcing import persistence as es
from eventsourcing.utils import resolve_topic

from eventlog.port import Conflict, Unavailable
from eventlog.postgres.appending import Appender, Entry, EventRow, call_once, in_our_words
from eventlog.postgres.connections import LOST, Connections, Row
from eventlog.postgres.listening import POLL_SECONDS, Listener

NOWHERE: Final = UUID(int=0)
COLUMNS: LiteralString = "SELECT stream, version, type, body, position, community, subject"
WITHIN: LiteralString = (
    COLUMNS + " FROM log.events WHERE community = %s AND stream = %s"
    " AND version > coalesce(%s::int, -1) AND version <= coalesce(%s::int, 2147483647)"
)
OLDEST_FIRST: LiteralString = WITHIN + " ORDER BY version LIMIT %s"
NEWEST_FIRST: LiteralString = WITHIN + " ORDER BY version DESC LIMIT %s"
ALONG: LiteralString = (
    COLUMNS + " FROM log.events WHERE position >= %s"
    " AND position <= coalesce(%s::bigint, 9223372036854775807)"
    " AND (type = ANY (%s) OR cardinality(%s::text[]) = 0) ORDER BY position LIMIT %s"
)
MOVE: LiteralString = (
    "INSERT INTO read.positions AS p (name, position) VALUES (%s, %s)"
    " ON CONFLICT (name) DO UPDATE SET position = excluded.position, moved_at = clock_timestamp()"
    " WHERE p.position < excluded.position RETURNING position"
)


@contextmanager
def in_the_librarys_words() -> Iterator[None]:
    try:
        yield
    except Conflict:
        raise es.IntegrityError("a version or a tracked position is taken") from None
    except (Unavailable, *LOST) as error:
        raise es.OperationalError(type(error).__name__) from None


def entry(community: UUID, stored: Sequence[es.StoredEvent]) -> Entry:
    """The library gives versions, and does not say what a decision stood on."""
    rows = [
        EventRow(as_uuid(e.originator_id), e.originator_version, e.topic, None, e.state, {}, (), ())
        for e in stored
    ]
    return Entry(
        actor="eventsourcing",
        command_id=uuid4(),
        community=community,
        fingerprint=b"",
        cause=None,
        guards={},
        events=rows,
        keys=(),
    )


def as_uuid(id: UUID | str) -> UUID:
    if isinstance(id, UUID):
        return id
    raise es.ProgrammingError("streams are named by UUIDs")


class AggregateRecorder(es.AggregateRecorder):
    """Events and snapshots of one community."""

    def __init__(self, connections: Connections, community: UUID = NOWHERE) -> None:
        self._connections, self._community = connections, community
        self._appender = Appender(connections)

    def insert_events(
        self, stored_events: Sequence[es.StoredEvent], **kwargs: Any
    ) -> Sequence[int] | None:
        self._insert(stored_events, **kwargs)
        return None

    def _insert(
        self, stored_events: Sequence[es.StoredEvent], tracking: es.Tracking | None = None
    ) -> Sequence[int]:
        if tracking:
            raise es.ProgrammingError("only a process recorder keeps track")
        if not stored_events:
            return []
        with in_the_librarys_words():
            last = self._appender.append(entry(self._community, stored_events))
        return range(last - len(stored_events) + 1, last + 1)

    def select_events(
        self,
        originator_id: UUID | str,
        *,
        gt: int | None = None,
        lte: int | None = None,
        desc: bool = False,
        limit: int | None = None,
    ) -> Sequence[es.StoredEvent]:
        query = NEWEST_FIRST if desc else OLDEST_FIRST
        values = [self._community, as_uuid(originator_id), gt, lte, limit]
        with in_the_librarys_words():
            return [self._event(row) for row in self._connections.rows(query, values)]

    def _event(self, row: Row) -> es.StoredEvent:
        return es.StoredEvent(*row[:4])


class ApplicationRecorder(AggregateRecorder, es.ApplicationRecorder):
    """Notification ids are the log's positions, over all communities."""

    def insert_events(
        self, stored_events: Sequence[es.StoredEvent], **kwargs: Any
    ) -> Sequence[int]:
        return list(self._insert(stored_events, **kwargs))

    def select_notifications(
        self,
        start: int | None,
        limit: int,
        stop: int | None = None,
        topics: Sequence[str] = (),
        *,
        inclusive_of_start: bool = True,
    ) -> Sequence[es.Notification]:
        first = (start or 0) + (not inclusive_of_start)
        values = [first, stop, list(topics), list(topics), limit]
        with in_the_librarys_words():
            return [self._notification(row) for row in self._connections.rows(ALONG, values)]

    def max_notification_id(self) -> int | None:
        with in_the_librarys_words():
            [[head]] = self._connections.rows("SELECT max(position) FROM log.events")
        return cast("int | None", head)

    def subscribe(
        self, gt: int | None = None, topics: Sequence[str] = ()
    ) -> es.Subscription[es.ApplicationRecorder]:
        return Subscription(self, Listener(self._connections.conninfo), gt, topics)

    def _notification(self, row: Row) -> es.Notification:
        return es.Notification(*row[:5])


class Subscription(es.Subscription[es.ApplicationRecorder]):
    """Pulls when asked, so there is no thread to die and no queue to fill; a lost notification
    costs a poll. What a filter leaves out moves it on all the same.
    """

    def __init__(
        self,
        recorder: ApplicationRecorder,
        listener: Listener,
        gt: int | None,
        topics: Sequence[str],
    ) -> None:
        super().__init__(recorder, gt, topics)
        self._listener, self._last = listener, gt or 0
        self._pulled = iter(list[es.Notification]())

    def stop(self) -> None:
        super().stop()
        self._listener.close()

    def __next__(self) -> es.Notification:
        while not self._has_been_stopped:
            for notification in self._pulled:
                self._last = notification.id
                if not self._topics or notification.topic in self._topics:
                    return notification
            self._pull()
        raise StopIteration

    def _pull(self) -> None:
        found = self._recorder.select_notifications(self._last, 500, inclusive_of_start=False)
        self._pulled = iter(list(found))
        if not found:
            self._listener.wait(self._last, POLL_SECONDS)


class TrackingRecorder(es.TrackingRecorder):
    """In read.positions, of the role that owns the read models."""

    def __init__(self, connections: Connections) -> None:
        self._connections = connections

    def insert_tracking(self, tracking: es.Tracking) -> None:
        with in_the_librarys_words(), self._connections.one() as connection:
            move(connection, tracking)

    def max_tracking_id(self, application_name: str) -> int | None:
        with in_the_librarys_words():
            rows = self._connections.rows(
                "SELECT position FROM read.positions WHERE name = %s", [application_name]
            )
        return rows[0][0] if rows else None


def move(connection: psycopg.Connection[Row], tracking: es.Tracking) -> None:
    given = [tracking.application_name, tracking.notification_id]
    if not connection.execute(MOVE, given).fetchone():
        raise Conflict


class ProcessRecorder(TrackingRecorder, ApplicationRecorder, es.ProcessRecorder):
    """Both in one transaction. Its role must be a member of the appending and the projecting one;
    nothing of Gatehouse's is, for its read models append nothing.
    """

    def __init__(self, connections: Connections, community: UUID = NOWHERE) -> None:
        ApplicationRecorder.__init__(self, connections, community)

    def _insert(
        self, stored_events: Sequence[es.StoredEvent], tracking: es.Tracking | None = None
    ) -> Sequence[int]:
        if not tracking:
            return super()._insert(stored_events)
        with (
            in_the_librarys_words(),
            self._connections.one() as connection,
            connection.transaction(),
        ):
            move(connection, tracking)
            try:
                head = call_once(connection, entry(self._community, stored_events))
            except psycopg.Error as error:
                raise in_our_words(error) from None
        return range(head + 1, head + len(stored_events) + 1)


class Factory(es.InfrastructureFactory[TrackingRecorder]):
    """The tables are there already: migrations make them, not whoever starts."""

    def __init__(self, env: Any) -> None:
        super().__init__(env)
        self._opened: dict[str, Connections] = {}

    def close(self) -> None:
        for connections in self._opened.values():
            connections.close()

    def connections(self, role: str) -> Connections:
        if role not in self._opened:
            self._opened[role] = Connections(self._named(f"{role}_DATABASE_URL"))
        return self._opened[role]

    @property
    def community(self) -> UUID:
        return UUID(self.env.get("COMMUNITY") or str(NOWHERE))

    def aggregate_recorder(self, purpose: str = "events") -> AggregateRecorder:
        """Snapshots stand apart, so that they take no version of their stream's."""
        apart = self.community if purpose == "events" else uuid5(self.community, purpose)
        return AggregateRecorder(self.connections("APPEND"), apart)

    def application_recorder(self) -> ApplicationRecorder:
        topic = self.env.get(self.APPLICATION_RECORDER_TOPIC)
        kind: type[ApplicationRecorder] = resolve_topic(topic) if topic else ApplicationRecorder
        return kind(self.connections("APPEND"), self.community)

    def tracking_recorder(
        self, tracking_recorder_class: type[TrackingRecorder] | None = None
    ) -> TrackingRecorder:
        topic = self.env.get(self.TRACKING_RECORDER_TOPIC)
        kind = tracking_recorder_class or (resolve_topic(topic) if topic else TrackingRecorder)
        made: TrackingRecorder = kind(self.connections("PROJECT"))
        return made

    def process_recorder(self) -> ProcessRecorder:
        return ProcessRecorder(self.connections("OWNER"), self.community)

    def _named(self, name: str) -> str:
        if value := self.env.get(name):
            return value
        raise es.InfrastructureFactoryError(f"{name} is not set")
