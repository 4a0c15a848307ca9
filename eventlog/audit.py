"""Compares the claims, which the append keeps, with what the log says is taken."""

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator
from uuid import UUID

from domain.ids import CommunityId
from domain.kernel import Claim, Event, Scope, stream_of
from domain.record import Erased
from eventlog.port import Recorded

NOBODY = UUID(int=0)
Digest = Callable[[CommunityId, str, str], bytes]
# community, kind, key, discriminator, owner, and the place where a change of mode would scope it
Taken = tuple[CommunityId, str, bytes, UUID, UUID, UUID | None]


class Fold:
    """What each stream holds, kind by kind."""

    def __init__(self) -> None:
        self._held: dict[tuple[CommunityId, str], dict[UUID, list[Claim]]] = defaultdict(dict)
        self._scopes: dict[tuple[CommunityId, str], Scope] = {}

    def take(self, record: Recorded[Event]) -> None:
        event, home, owner = record.event, record.community, stream_of(record.event)
        for kind, scope in event.rescopes().items():
            self._scopes[home, kind] = scope
        for kind in event.releases:
            self._held[home, kind].pop(owner, None)
        for claim in event.claims():
            self._held[home, claim.kind].setdefault(owner, []).append(claim)

    def rows(self, digest: Digest) -> Iterator[Taken]:
        for (home, kind), owners in self._held.items():
            for owner, claims in owners.items():
                for claim in claims:
                    if not isinstance(claim.value, Erased):
                        key = digest(home, kind, str(claim.value))
                        yield home, kind, key, self._within(home, claim), owner, claim.place

    def _within(self, home: CommunityId, claim: Claim) -> UUID:
        """Where a kind was moved to a scope of its own, as the append moves it (A6)."""
        match self._scopes.get((home, claim.kind)):
            case "place":
                return claim.place or NOBODY
            case "community":
                return NOBODY
        return claim.discriminator or NOBODY


def differences(
    history: Iterable[Recorded[Event]], stored: Iterable[Taken], digest: Digest
) -> Iterator[str]:
    """A line each: what the log takes and no claim holds, and the reverse. No value is told."""
    fold = Fold()
    for record in history:
        fold.take(record)
    told, held = set(fold.rows(digest)), set(stored)
    for home, kind, _, _, owner, _ in sorted(told - held, key=repr):
        yield f"missing: {kind} of {owner} in community {home}"
    for home, kind, _, _, owner, _ in sorted(held - told, key=repr):
        yield f"too many: {kind} of {owner} in community {home}"
