"""What every rule is made of: facts, claims, states folded from facts, and ways to say no."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import ClassVar, Literal, Protocol, Self, TypeVar, dataclass_transform
from uuid import UUID

from domain.record import Personal, frozen

Scope = Literal["community", "place"]


@frozen
class Claim:
    """A value that has one owner in its community, or within the discriminator.

    `place` is the discriminator that the claim would have if its kind were scoped by place (A6).
    """

    kind: str
    value: Personal[str]
    discriminator: UUID | None = None
    place: UUID | None = None


class Event:
    """A fact. Its class name is stored for ever; `stream` and `subject` name fields of it.

    `releases` are the kinds of claims that its stream gives up before it claims.
    """

    __slots__ = ()
    stream: ClassVar[str]
    subject: ClassVar[str | None] = None
    releases: ClassVar[Sequence[str]] = ()

    def claims(self) -> Sequence[Claim]:
        """What its stream owns from now on, after giving up the kinds in `releases`."""
        return ()

    def rescopes(self) -> Mapping[str, Scope]:
        """Kinds of claims whose discriminator changes for the whole community."""
        return {}


E = TypeVar("E", bound=Event)
EVENTS: dict[str, type[Event]] = {}


@dataclass_transform(frozen_default=True, kw_only_default=True)
def event(cls: type[E]) -> type[E]:
    """Freeze a fact and register it under its own name."""
    if cls.__name__ in EVENTS:
        raise TypeError(f"two events are named {cls.__name__}")
    EVENTS[cls.__name__] = fact = frozen(cls)
    return fact


def stream_of(happened: Event) -> UUID:
    found: UUID = getattr(happened, happened.stream)
    return found


def subject_of(happened: Event) -> UUID | None:
    return getattr(happened, happened.subject) if happened.subject else None


class State(Protocol):
    """What a stream amounts to; None before it began and after it ended."""

    @classmethod
    def evolve(cls, state: Self | None, event: Event, /) -> Self | None: ...


S = TypeVar("S", bound=State)


def fold(cls: type[S], history: Iterable[Event]) -> S | None:
    state: S | None = None
    for happened in history:
        state = cls.evolve(state, happened)
    return state


def begin(known: State | None, first: Event) -> list[Event]:
    """Open a stream, once: the same again is already so, anything else is refused."""
    if known and known != known.evolve(None, first):
        raise Refused("already-exists", first.stream)
    return [] if known else [first]


@dataclass(eq=False)
class Refused(Exception):
    """The state of things forbids it.

    The code is stable, the field is the input to blame, the details name what stands in the way.
    """

    code: str
    field: str | None = None
    details: Sequence[str] = ()


@dataclass(eq=False)
class Malformed(Exception):
    """No state of things would allow this value."""

    field: str
    message: str


@dataclass(eq=False)
class MalformedRows(Exception):
    """What is wrong in the rows of a table, all at once: (row, field, what and what to do)."""

    errors: Sequence[tuple[int, str, str]]


@dataclass(eq=False)
class Forbidden(Exception):
    """This account may not do that."""

    code: str


class Unknown(Exception):
    """There is no such thing, or it is not yours."""
