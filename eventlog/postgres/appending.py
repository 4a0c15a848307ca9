"""A group of commands in one call of log.append, and its errors in the log's words."""

import json
from collections.abc import Collection, Mapping, Sequence
from itertools import accumulate
from typing import Any, Final, NamedTuple
from uuid import UUID
from weakref import WeakSet

import psycopg
from psycopg.pq import ConnStatus, ExecStatus, Format
from psycopg.pq.abc import PGconn, PGresult
from psycopg_pool import PoolTimeout

from domain.kernel import Refused, Scope
from domain.record import frozen
from eventlog.groups import Groups
from eventlog.port import Conflict, Unavailable
from eventlog.postgres.arrays import Array, Blobs, Bools, Ints, Texts, Uuids
from eventlog.postgres.connections import LOST, Connections, Row, unavailable

Outcome = int | Exception  # the position of its last event, else the head


class Repeated(Exception):
    """This command id was answered before."""


class Unsure(Unavailable):
    """It may be stored all the same: look up the command id."""


class ClaimRow(NamedTuple):
    """`key` is a keyed hash of 32 bytes."""

    kind: str
    key: bytes
    discriminator: UUID
    place: UUID | None


class EventRow(NamedTuple):
    stream: UUID
    version: int
    type: str
    subject: UUID | None
    body: bytes
    rescopes: Mapping[str, Scope]
    releases: Collection[str]
    claims: Collection[ClaimRow]


class KeyRow(NamedTuple):
    subject: UUID
    id: bytes
    wrapped: bytes


@frozen
class Entry:
    """One command with all that it stores."""

    actor: str
    command_id: UUID
    community: UUID
    fingerprint: bytes
    cause: str | None
    guards: Mapping[UUID, int]
    events: Sequence[EventRow]
    keys: Sequence[KeyRow]

    @property
    def size(self) -> int:
        return len(self.events)

    @property
    def moves(self) -> frozenset[UUID]:
        """By their ids alone: two that are equal by chance go one after the other, too."""
        streams = [event.stream for event in self.events]
        return frozenset((self.command_id, *streams, *[key.subject for key in self.keys]))

    @property
    def needs(self) -> frozenset[UUID]:
        return self.moves.union(self.guards)


COLUMNS: Final[Mapping[str, type[Array[Any]]]] = {
    "actors": Texts,
    "command_ids": Uuids,
    "communities": Uuids,
    "fingerprints": Blobs,
    "causes": Texts,
    "ends": Ints,
    "guard_of": Ints,
    "guard_streams": Uuids,
    "guard_versions": Ints,
    "event_of": Ints,
    "event_streams": Uuids,
    "event_versions": Ints,
    "event_types": Texts,
    "event_subjects": Uuids,
    "event_bodies": Blobs,
    "key_of": Ints,
    "key_subjects": Uuids,
    "key_ids": Blobs,
    "keys_wrapped": Blobs,
    "rescope_steps": Ints,
    "rescope_events": Ints,
    "rescope_kinds": Texts,
    "rescope_to_place": Bools,
    "release_steps": Ints,
    "release_events": Ints,
    "release_kinds": Texts,
    "claim_steps": Ints,
    "claim_events": Ints,
    "claim_kinds": Texts,
    "claim_keys": Blobs,
    "claim_discriminators": Uuids,
    "claim_places": Uuids,
}
NAME: Final = b"append"
CALL: Final = b"SELECT log.append(%s)" % b", ".join(b"$%d" % n for n in range(1, len(COLUMNS) + 1))
OIDS: Final = [kind.oid for kind in COLUMNS.values()]
BINARY: Final = [Format.BINARY] * len(COLUMNS)
EMPTY: Final = {kind: kind.wire(()) for kind in COLUMNS.values()}


def columns(group: Sequence[Entry]) -> list[bytes]:
    """The arguments of log.append. `of` and events count from 1."""
    commands: list[Sequence[Any]] = [
        [e.actor for e in group],
        [e.command_id for e in group],
        [e.community for e in group],
        [e.fingerprint for e in group],
        [e.cause for e in group],
        list(accumulate(e.size for e in group)),
    ]
    guards = [(n, *guard) for n, e in enumerate(group, 1) for guard in e.guards.items()]
    events = [(n, *event[:5]) for n, e in enumerate(group, 1) for event in e.events]
    keys = [(n, *key) for n, e in enumerate(group, 1) for key in e.keys]
    given: list[Sequence[Any]] = [
        *commands,
        *turned(guards, 3),
        *turned(events, 6),
        *turned(keys, 4),
        *moves_of_claims(group),
    ]
    pairs = zip(COLUMNS.values(), given, strict=True)
    return [kind.wire(column) if column else EMPTY[kind] for kind, column in pairs]


def turned(rows: Sequence[Sequence[Any]], width: int) -> list[Sequence[Any]]:
    """Rows to columns."""
    return list(zip(*rows, strict=True)) if rows else [()] * width


def moves_of_claims(group: Sequence[Entry]) -> list[Sequence[Any]]:
    """Rescopes, releases and claims in steps that give what one event after another would.

    A step may release all and then claim all, as long as nothing is claimed before it is
    released. A rescope opens a step.
    """
    rescopes, releases, claims = [], [], []
    step, claimed = 1, set[tuple[int, str]]()
    for n, event in enumerate((event for e in group for event in e.events), 1):
        if not (event.rescopes or event.releases or event.claims):
            continue
        stream = event.stream.int  # a UUID's own hash is slow
        again = any((stream, kind) in claimed for kind in event.releases)
        if again or event.rescopes:
            step += 1
            claimed.clear()
        rescopes += [(step, n, kind, to == "place") for kind, to in event.rescopes.items()]
        releases += [(step, n, kind) for kind in event.releases]
        claims += [(step, n, *claim) for claim in event.claims]
        claimed.update([(stream, claim.kind) for claim in event.claims])
    return [*turned(rescopes, 4), *turned(releases, 3), *turned(claims, 6)]


class Call:
    """log.append as a prepared statement of libpq: a cursor would cost a third of the whole.
    A call gives the head before, or raises psycopg.Error.
    """

    def __init__(self) -> None:
        self._prepared = WeakSet[psycopg.Connection[Row]]()

    def __call__(self, connection: psycopg.Connection[Row], group: Sequence[Entry]) -> int:
        server = connection.pgconn
        if connection not in self._prepared:
            checked(server, server.prepare(NAME, CALL, OIDS))
            self._prepared.add(connection)
        return head(server, server.exec_prepared(NAME, columns(group), BINARY, Format.BINARY))


def call_once(connection: psycopg.Connection[Row], entry: Entry) -> int:
    """The same within a transaction: psycopg forgets what is prepared when one is rolled back."""
    server = connection.pgconn
    return head(server, server.exec_params(CALL, columns([entry]), OIDS, BINARY, Format.BINARY))


def head(server: PGconn, answer: PGresult) -> int:
    return int.from_bytes(checked(server, answer).get_value(0, 0) or b"")


def checked(server: PGconn, answer: PGresult) -> PGresult:
    if server.status == ConnStatus.BAD:
        raise psycopg.OperationalError("the connection is lost")
    if answer.status not in (ExecStatus.COMMAND_OK, ExecStatus.TUPLES_OK):
        raise psycopg.errors.error_from_result(answer)
    return answer


class Appender:
    """The way into the log for all threads of a process."""

    def __init__(self, connections: Connections) -> None:
        self._connections = connections
        self._groups = Groups[Entry, int](self._do)
        self._call = Call()

    def append(self, entry: Entry) -> int:
        """The position of its last event, the head if it has none. Conflict, Refused, Repeated
        or Unavailable.
        """
        return self._groups.submit(entry)

    def _do(self, group: Sequence[Entry]) -> list[Outcome]:
        """One bad entry spoils a group: then each is tried alone, once. A lost connection leaves
        those who wait behind to the next one.
        """
        try:
            with self._connections.one() as connection:
                head = self._call(connection, group)
        except (PoolTimeout, psycopg.errors.LockNotAvailable) as error:
            raise unavailable(error) from None
        except LOST as error:
            return [Unsure(*unavailable(error).args) for _ in group]
        except psycopg.Error as error:
            return [in_our_words(error)] if len(group) == 1 else self._one_by_one(group)
        return [head + end for end in accumulate(entry.size for entry in group)]

    def _one_by_one(self, group: Sequence[Entry]) -> list[Outcome]:
        outcomes: list[Outcome] = []
        for entry in group:
            try:
                outcomes += self._do([entry])
            except Unavailable as failure:
                rest = len(group) - len(outcomes)
                return outcomes + [Unavailable(*failure.args) for _ in range(rest)]
        return outcomes


def in_our_words(error: psycopg.Error) -> Exception:
    match error.sqlstate:
        case "23505" if error.diag.constraint_name == "commands_pkey":
            return Repeated()
        case "GH001" | "23505":
            return Conflict()
        case "GH002":
            kind = json.loads(error.diag.message_detail or "")["kind"]
            return Refused(f"{kind}-taken", kind)
        case "GH003":
            said = json.loads(error.diag.message_detail or "")
            return Refused(f"{said['kind']}-clash", said["kind"], said["owners"])
    return error
