"""The log on PostgreSQL."""

import gc
import time
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager, nullcontext
from datetime import UTC
from hmac import compare_digest
from typing import Any, Final, LiteralString, TypeVar
from uuid import UUID

from prometheus_client import Histogram

from domain.ids import CommunityId
from domain.kernel import Claim, Event, Refused, stream_of, subject_of
from domain.record import Erased
from eventlog.bus import RawRecord
from eventlog.codec import Codec, aad
from eventlog.port import MAX_BATCH, Accepted, Batch, Envelope, Photos, Released
from eventlog.postgres.appending import (
    Appender,
    ClaimRow,
    Entry,
    EventRow,
    KeyRow,
    Repeated,
    Unsure,
    turned,
)
from eventlog.postgres.arrays import Blobs, Texts, Uuids
from eventlog.postgres.connections import Connections
from eventlog.postgres.fingerprints import canonical
from eventlog.postgres.keys import NOBODY, PostgresVault
from eventlog.postgres.listening import Listener
from eventlog.postgres.photos import PostgresPhotos
from eventlog.postgres.reading import Reader, is_personal
from eventlog.sealing import Master, SubjectKey

R = TypeVar("R")
SECONDS = Histogram(
    "gatehouse_append_seconds",
    "From events to their commit, the wait for the group included",
    buckets=(0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5),
)
MANY = 1_000
OWNERS: Final[LiteralString] = """
    SELECT c.kind, c.key, c.discriminator, c.owner
    FROM unnest(%s, %s, %s) AS w(kind, key, discriminator)
    JOIN log.claims c USING (kind, key, discriminator) WHERE c.community = %s"""
RELEASED: Final[LiteralString] = """
    SELECT c.kind, c.key, c.discriminator, c.owner, c.at
    FROM unnest(%s, %s, %s) AS w(kind, key, discriminator)
    JOIN log.released c USING (kind, key, discriminator) WHERE c.community = %s"""


class PostgresLog:
    """eventlog.port.EventLog. `conninfo` is the append role's; `vault` is the same role's Vault,
    `photos` are kept beside it.
    """

    def __init__(self, conninfo: str, master: Master, codec: Codec | None = None) -> None:
        self._connections = Connections(conninfo)
        self._master, self._codec = master, codec or Codec()
        self.vault = PostgresVault(self._connections, master)
        self.photos: Photos = PostgresPhotos(self._connections, self.vault)
        self._reader = Reader(self._connections, self.vault.keyring, self._codec)
        self._appender = Appender(self._connections)
        self._listener = Listener(conninfo)

    def close(self) -> None:
        self._listener.close()
        self._connections.close()

    def streams(
        self, community: CommunityId, ids: Collection[UUID]
    ) -> Mapping[UUID, Sequence[Event]]:
        return self._reader.streams(community, ids)

    def head(self) -> int:
        return self._reader.head()

    def read(self, *, after: int, limit: int = MAX_BATCH, wait: float = 0) -> Batch[Event]:
        return self._waited(lambda: self._reader.read(after, limit), after, wait)

    def raw(self, *, after: int, limit: int = MAX_BATCH, wait: float = 0) -> Sequence[RawRecord]:
        """eventlog.bus.RawLog: as it is stored, for who carries it on."""
        return self._waited(lambda: self._reader.raw(after, limit), after, wait)

    def ahead(
        self, *, after: int, types: Collection[str], limit: int = MAX_BATCH
    ) -> Sequence[RawRecord]:
        """What of these types follows a position in streams that had begun by then, in order."""
        return self._reader.ahead(after, types, limit)

    def _waited(self, ask: Callable[[], Sequence[R]], after: int, wait: float) -> Sequence[R]:
        deadline = time.monotonic() + wait
        while True:
            found = ask()
            left = deadline - time.monotonic()
            if found or left <= 0:
                return found
            self._listener.wait(after, left)

    def owners(self, community: CommunityId, claims: Collection[Claim]) -> Mapping[Claim, UUID]:
        return {claim: owner for claim, (owner,) in self._looked_up(OWNERS, community, claims)}

    def released(
        self, community: CommunityId, claims: Collection[Claim]
    ) -> Mapping[Claim, Released]:
        found = self._looked_up(RELEASED, community, claims)
        return {c: Released(owner=owner, at=at.astimezone(UTC)) for c, (owner, at) in found}

    def _looked_up(
        self, statement: LiteralString, community: CommunityId, claims: Collection[Claim]
    ) -> Iterator[tuple[Claim, Sequence[Any]]]:
        if not self.vault.keys.has_index_key(community):
            return
        rows = {self._claim_row(community, c)[:3]: c for c in claims if known(c)}
        kinds, keys, discriminators = turned(list(rows), 3)
        values = [Texts.of(kinds), Blobs.of(keys), Uuids.of(discriminators), community]
        for kind, key, discriminator, *found in self._connections.rows(statement, values):
            yield rows[kind, key, discriminator], found

    def answer(self, envelope: Envelope) -> Accepted | None:
        rows = self._connections.rows(
            "SELECT fingerprint, answer, events FROM log.commands"
            " WHERE actor = %s AND command_id = %s",
            [envelope.actor, envelope.command_id],
        )
        for fingerprint, position, events in rows:
            if not compare_digest(fingerprint, self._fingerprint(envelope)):
                raise Refused("command-id-reused")
            return Accepted(command_id=envelope.command_id, position=position, events=events)
        return None

    def append(
        self, envelope: Envelope, events: Sequence[Event], guards: Mapping[UUID, int]
    ) -> Accepted:
        keys, new = self._keys(envelope.community, events)
        try:
            with SECONDS.time(), uncollected() if len(events) > MANY else nullcontext():
                position = self._appender.append(self._entry(envelope, events, guards, keys, new))
        except (Repeated, Unsure) as failure:
            if answer := self.answer(envelope):
                return answer
            raise failure
        if new:
            self.vault.keyring.remember(envelope.community, new)
        return Accepted(command_id=envelope.command_id, position=position, events=len(events))

    def forget(self, community: CommunityId, subjects: Collection[UUID]) -> None:
        """Destroys their keys: what was sealed for them is erased, in a second everywhere."""
        self._connections.rows("SELECT log.forget(%s, %s)", [community, Uuids.of(subjects)])
        for subject in subjects:
            self.vault.keyring.forget(community, subject)

    def _entry(
        self,
        envelope: Envelope,
        events: Sequence[Event],
        guards: Mapping[UUID, int],
        keys: Mapping[UUID, SubjectKey],
        new: Mapping[UUID, SubjectKey],
    ) -> Entry:
        expected = dict.fromkeys(map(stream_of, events), 0) | dict(guards)
        return Entry(
            actor=envelope.actor,
            command_id=envelope.command_id,
            community=envelope.community,
            fingerprint=self._fingerprint(envelope),
            cause=envelope.cause,
            guards=expected,
            events=self._rows(envelope.community, events, dict(expected), keys),
            keys=[KeyRow(s, key.id, self._master.wrap(key.dek)) for s, key in new.items()],
        )

    def _rows(
        self,
        community: CommunityId,
        events: Sequence[Event],
        versions: dict[UUID, int],
        keys: Mapping[UUID, SubjectKey],
    ) -> list[EventRow]:
        rows = []
        for event in events:
            stream, subject = stream_of(event), subject_of(event)
            versions[stream] = version = versions[stream] + 1
            place = aad(community, stream, version, subject)
            key = keys.get(subject) if subject else None
            body = self._codec.encode(event, key, place)
            claims = [self._claim_row(community, claim) for claim in event.claims()]
            moves = event.rescopes(), event.releases, claims
            rows.append(EventRow(stream, version, type(event).__name__, subject, body, *moves))
        return rows

    def _keys(
        self, community: CommunityId, events: Sequence[Event]
    ) -> tuple[Mapping[UUID, SubjectKey], Mapping[UUID, SubjectKey]]:
        """The keys to seal with, and those among them that are new."""
        personal = [event for event in events if is_personal(type(event))]
        subjects = {subject for event in personal if (subject := subject_of(event))}
        keyring = self.vault.keyring
        known = {s: k for s, k in keyring.get(community, subjects).items() if k}
        new = {subject: keyring.fresh() for subject in subjects if subject not in known}
        return known | new, new

    def _claim_row(self, community: CommunityId, claim: Claim) -> ClaimRow:
        key = self.vault.digest(community, claim.kind, str(claim.value))
        return ClaimRow(claim.kind, key, claim.discriminator or NOBODY, claim.place)

    def _fingerprint(self, envelope: Envelope) -> bytes:
        return self.vault.digest(envelope.community, "command", canonical(envelope.command))


@contextmanager
def uncollected() -> Iterator[None]:
    """An import makes a few hundred thousand objects and no cycle; to look for one takes a fifth
    of its time. Of several at once the first to end lets the collector go on.
    """
    collected = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if collected:
            gc.enable()


def known(claim: Claim) -> bool:
    return not isinstance(claim.value, Erased)
