"""What PostgreSQL's append function does, with one lock and a few dicts. For fast tests."""

from collections import defaultdict
from collections.abc import Callable, Collection, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from threading import Condition
from uuid import UUID

from domain.faces import known_by
from domain.ids import CommunityId
from domain.kernel import Claim, Event, Refused, Scope, stream_of, subject_of
from domain.record import frozen
from eventlog.port import MAX_BATCH, Accepted, Batch, Conflict, Envelope, Photos, Recorded, Released

Key = tuple[CommunityId, str, object, UUID | None]


@frozen
class Held:
    owner: UUID
    place: UUID | None


Claims = dict[Key, Held]


def key(community: CommunityId, claim: Claim) -> Key:
    return community, claim.kind, claim.value, claim.discriminator


class MemoryPhotos:
    """eventlog.port.Photos."""

    def __init__(self) -> None:
        self._kept: dict[tuple[UUID, str], bytes] = {}

    def keep(self, community: CommunityId, subject: UUID, picture: bytes) -> None:
        self._kept[subject, known_by(picture)] = picture

    def get(self, subject: UUID, photo: str) -> bytes | None:
        return self._kept.get((subject, photo))


class MemoryLog:
    def __init__(self, now: Callable[[], datetime]) -> None:
        self._now, self._last = now, datetime.min.replace(tzinfo=UTC)
        self.photos: Photos = MemoryPhotos()
        self._grown = Condition()
        self._records: list[Recorded[Event]] = []
        self._streams = defaultdict[tuple[CommunityId, UUID], list[Event]](list)
        self._claims: Claims = {}
        self._released: dict[Key, Released] = {}
        self._answers: dict[tuple[str, UUID], tuple[object, Accepted]] = {}

    def streams(
        self, community: CommunityId, ids: Collection[UUID]
    ) -> Mapping[UUID, Sequence[Event]]:
        with self._grown:
            return {id: tuple(self._streams[community, id]) for id in ids}

    def owners(self, community: CommunityId, claims: Collection[Claim]) -> Mapping[Claim, UUID]:
        with self._grown:
            held = {claim: self._claims.get(key(community, claim)) for claim in claims}
            return {claim: found.owner for claim, found in held.items() if found}

    def released(
        self, community: CommunityId, claims: Collection[Claim]
    ) -> Mapping[Claim, Released]:
        with self._grown:
            known = {claim: self._released.get(key(community, claim)) for claim in claims}
            return {claim: found for claim, found in known.items() if found}

    def head(self) -> int:
        return len(self._records)

    def read(self, *, after: int, limit: int = MAX_BATCH, wait: float = 0) -> Batch[Event]:
        with self._grown:
            self._grown.wait_for(lambda: len(self._records) > after, wait)
            return self._records[after : after + limit]

    def answer(self, envelope: Envelope) -> Accepted | None:
        asked = envelope.actor, envelope.command_id
        command, answer = self._answers.get(asked, (None, None))
        if answer and command != envelope.command:
            raise Refused("command-id-reused")
        return answer

    def append(
        self, envelope: Envelope, events: Sequence[Event], guards: Mapping[UUID, int]
    ) -> Accepted:
        with self._grown:
            if answer := self.answer(envelope):
                return answer
            expected = dict.fromkeys(map(stream_of, events), 0) | dict(guards)
            for stream, version in expected.items():
                if len(self._streams[envelope.community, stream]) != version:
                    raise Conflict
            before, self._claims = self._claims, self._claimed(envelope.community, events)
            for event in events:
                self._record(envelope, event)
            for claim in before.keys() - self._claims.keys():
                self._released[claim] = Released(owner=before[claim].owner, at=self._last)
            self._grown.notify_all()
            return self._accept(envelope, len(events))

    def _claimed(self, community: CommunityId, events: Sequence[Event]) -> Claims:
        """Release is by owner and kind, never by value."""
        claims = dict(self._claims)
        for event in events:
            for kind, scope in event.rescopes().items():
                claims = rescoped(claims, community, kind, scope)
            owner = stream_of(event)
            for held in [k for k, h in claims.items() if (k[0], h.owner) == (community, owner)]:
                if held[1] in event.releases:
                    del claims[held]
            for claim in event.claims():
                mine = Held(owner=owner, place=claim.place)
                if claims.setdefault(key(community, claim), mine).owner != owner:
                    raise Refused(f"{claim.kind}-taken", claim.kind)
        return claims

    def _record(self, envelope: Envelope, event: Event) -> None:
        history = self._streams[envelope.community, stream_of(event)]
        history.append(event)
        self._last = max(self._now(), self._last + timedelta(microseconds=1))
        self._records.append(
            Recorded(
                position=len(self._records) + 1,
                recorded_at=self._last,
                community=envelope.community,
                stream=stream_of(event),
                version=len(history),
                subject=subject_of(event),
                actor=envelope.actor,
                command_id=envelope.command_id,
                cause=envelope.cause,
                event=event,
            )
        )

    def _accept(self, envelope: Envelope, events: int) -> Accepted:
        id, head = envelope.command_id, len(self._records)
        answer = Accepted(command_id=id, position=head, events=events)
        self._answers[envelope.actor, id] = envelope.command, answer
        return answer


def rescoped(claims: Claims, community: CommunityId, kind: str, scope: Scope) -> Claims:
    """All claims of a kind in a community under another discriminator, or the clashing owners."""
    moved: dict[Key, list[Held]] = defaultdict(list)
    for (home, what, value, within), held in claims.items():
        ours = (home, what) == (community, kind)
        moved[
            home, what, value, held.place if ours and scope == "place" else None if ours else within
        ].append(held)
    if clashes := sorted(str(h.owner) for found in moved.values() if len(found) > 1 for h in found):
        raise Refused(f"{kind}-clash", kind, clashes)
    return {key: held for key, [held] in moved.items()}
