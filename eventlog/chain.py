"""The chain of hashes through the log, computed anew and apart from the database that keeps it.

Each event's hash covers the one before it, so that an edit, a swap, an insertion or a removal shows
at its position; a cut tail shows only against a hash noted elsewhere. It covers the SHA-256 of the
sealed body, not the body: what is shredded or purged verifies for ever.
"""

from collections.abc import Iterable, Iterator
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from typing import Final
from uuid import UUID

import psycopg
from psycopg.rows import class_row

from domain.record import frozen

GENESIS: Final = bytes(32)
EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
MICROSECOND: Final = timedelta(microseconds=1)
PORTION: Final = """
    SELECT position, community, stream, version, type, subject, recorded_at, actor, command_id,
        cause, sha256(body) AS body_hash, hash
    FROM log.events WHERE position > %s ORDER BY position LIMIT 5000
"""


@frozen
class Link:
    """A row of log.events. `body_hash` is the SHA-256 of its body, 32 bytes."""

    position: int
    community: UUID
    stream: UUID
    version: int
    type: str
    subject: UUID | None
    recorded_at: datetime
    actor: str
    command_id: UUID
    cause: str | None
    body_hash: bytes
    hash: bytes


class Broken(Exception):
    """The first position that is not what was stored."""

    def __init__(self, position: int) -> None:
        super().__init__(f"the chain breaks at position {position}")
        self.position = position


def chained(previous: bytes, link: Link) -> bytes:
    """SHA-256 over fields, each after its length in 4 bytes, big-endian; -1 is a missing one.

    Position (8 bytes) and version (4) are big-endian, times are microseconds since 1970 (8),
    UUIDs 16 bytes, texts UTF-8.
    """
    fields = (
        previous,
        link.position.to_bytes(8),
        link.community.bytes,
        link.stream.bytes,
        link.version.to_bytes(4),
        link.type.encode(),
        link.subject.bytes if link.subject else None,
        ((link.recorded_at - EPOCH) // MICROSECOND).to_bytes(8),
        link.actor.encode(),
        link.command_id.bytes,
        None if link.cause is None else link.cause.encode(),
        link.body_hash,
    )
    return sha256(b"".join(map(framed, fields))).digest()


def framed(field: bytes | None) -> bytes:
    return b"\xff" * 4 if field is None else len(field).to_bytes(4) + field


def verify(links: Iterable[Link], after: int = 0, previous: bytes = GENESIS) -> bytes:
    """The hash of the last one. Raises Broken. `after` and `previous` are where to go on from."""
    for link in links:
        if link.position != after + 1 or link.hash != chained(previous, link):
            raise Broken(after + 1)
        after, previous = link.position, link.hash
    return previous


def links(conninfo: str, after: int = 0) -> Iterator[Link]:
    """The log from a position on, in portions; for any role that may read it."""
    with psycopg.connect(conninfo, autocommit=True) as connection:
        cursor = connection.cursor(row_factory=class_row(Link), binary=True)
        while portion := cursor.execute(PORTION, [after]).fetchall():
            yield from portion
            after = portion[-1].position
