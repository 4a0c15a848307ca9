"""The log as the rest of the house sees it."""

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from typing import Generic, Protocol, TypeVar
from uuid import UUID

from domain.ids import CommunityId
from domain.kernel import Claim, Event
from domain.record import Erased, frozen

E_co = TypeVar("E_co", bound=Event, covariant=True)
MAX_BATCH = 2000


@frozen
class Envelope:
    """A command, and who sent it where. The id, scoped to the actor, makes a repeat harmless.

    `cause` names what a reaction reacted to, as `log/position`.
    """

    command: object
    command_id: UUID
    community: CommunityId
    actor: str
    cause: str | None = None


@frozen
class Accepted:
    """The position to wait for, and how many events the command made."""

    command_id: UUID
    position: int
    events: int


@frozen
class Recorded(Generic[E_co]):
    """An event in its place. Positions have no gaps, `recorded_at` never goes back."""

    position: int
    recorded_at: datetime
    community: CommunityId
    stream: UUID
    version: int
    subject: UUID | None
    actor: str
    command_id: UUID
    cause: str | None
    event: E_co


Batch = Sequence[Recorded[E_co]]


class Conflict(Exception):
    """A guarded stream moved between the decision and the append: decide again."""


@frozen
class Released:
    """Who gave a value up, and when by the log's clock."""

    owner: UUID
    at: datetime


class Unavailable(Exception):
    """The log cannot be reached or is stuck; try later. Nothing is known to be stored."""


class Photos(Protocol):
    """Pictures of people beside the log, sealed for them. Both may raise Unavailable."""

    def keep(self, community: CommunityId, subject: UUID, picture: bytes) -> None:
        """Before the append that claims it; what nobody claims is dropped (ADR 19)."""

    def get(self, subject: UUID, photo: str) -> bytes | None:
        """The picture that is known by this (domain.faces); None once it is gone."""


class EventLog(Protocol):
    """One order, append-only. Every method may raise Unavailable."""

    @property
    def photos(self) -> Photos:
        """What its facts of faces speak of."""

    def streams(
        self, community: CommunityId, ids: Collection[UUID]
    ) -> Mapping[UUID, Sequence[Event]]:
        """The events of each stream, oldest first; an unknown one is empty."""

    def owners(self, community: CommunityId, claims: Collection[Claim]) -> Mapping[Claim, UUID]:
        """Who holds these values now; what nobody holds is left out."""

    def released(
        self, community: CommunityId, claims: Collection[Claim]
    ) -> Mapping[Claim, Released]:
        """Who gave up these PINs and cards last, and when; forgotten after 30 days (D8)."""

    def head(self) -> int:
        """The last position; 0 when empty."""

    def read(self, *, after: int, limit: int = MAX_BATCH, wait: float = 0) -> Batch[Event]:
        """What follows a position, in order; waits up to `wait` seconds for the first."""

    def answer(self, envelope: Envelope) -> Accepted | None:
        """What this command id was answered before; Refused if its body was another."""

    def append(
        self, envelope: Envelope, events: Sequence[Event], guards: Mapping[UUID, int]
    ) -> Accepted:
        """All or nothing: guards (else Conflict), claims (else Refused), events, answer.

        `guards` gives the number of events that each stream had when it was looked at; a stream
        of the events that is not among them must be new.
        """


class Vault(Protocol):
    """Keys of subjects: what is sealed for one can be forgotten alone."""

    def seal(self, community: CommunityId, texts: Sequence[tuple[UUID, str]]) -> list[bytes]:
        """Each text sealed for its subject, in order; empty for one forgotten meanwhile, and such
        a box opens as erased.
        """

    def open(
        self, community: CommunityId, boxes: Sequence[tuple[UUID, bytes]]
    ) -> list[str | Erased]:
        """The texts of (subject, sealed) pairs, in order."""

    def digest(self, community: CommunityId, kind: str, value: str) -> bytes:
        """A keyed hash, for finding and comparing without knowing; 32 bytes."""
