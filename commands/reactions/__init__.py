"""From a fact to the command that it asks for; a reaction is a function of the fact alone.

The command's id is made of the reaction's name and the place of the fact, so that what is read
twice is done once.
"""

from collections.abc import Callable, Sequence
from typing import Any, Final, LiteralString, Protocol, TypeVar
from uuid import UUID, uuid5

import structlog

from commands.bus import Dispatch
from domain.accounts import Actor
from domain.kernel import Event, Forbidden, Malformed, Refused, Unknown
from eventlog.consumer import Consumer
from eventlog.port import Conflict, Recorded, Unavailable

R = TypeVar("R", bound=Callable[[Recorded[Any]], object])
REACTIONS: dict[type[Event], list[Callable[[Recorded[Any]], object]]] = {}
NAME: Final = "reactions"
ACTOR: Final = Actor(name=f"house:{NAME}", role="system")
IDS: Final = UUID("7d0a5c1e-6d0b-5f4e-9a53-1f3c5be0a1d7")  # for ever: repeats are known by it
log = structlog.get_logger()


def reacts_to(kind: type[Event]) -> Callable[[R], R]:
    """The function gives the command; its name is part of the command's id for ever."""

    def register(reaction: R) -> R:
        REACTIONS.setdefault(kind, []).append(reaction)
        return reaction

    return register


class Kept(Protocol):
    """A position that outlives the process. Both may raise Unavailable."""

    def load(self) -> int: ...

    def keep(self, position: int) -> None: ...


class Reactions(Consumer):
    """All of them, along one log. `source` is its name; the position is kept after the commands."""

    def __init__(self, source: str, dispatch: Dispatch, kept: Kept) -> None:
        super().__init__()
        self._source, self._dispatch, self._kept = source, dispatch, kept
        self.position = kept.load()

    def apply(self, batch: Sequence[Recorded[Any]]) -> None:
        for record in batch:
            for reaction in REACTIONS.get(type(record.event), ()):
                self._send(reaction, record)
        self._kept.keep(batch[-1].position)
        self.position = batch[-1].position

    def _send(self, reaction: Callable[[Recorded[Any]], object], record: Recorded[Any]) -> None:
        """One that is refused is logged, and the next fact is taken."""
        name, cause = reaction.__name__, f"{self._source}/{record.position}"
        id = uuid5(IDS, f"{name}/{cause}")
        try:
            self._dispatch(
                reaction(record),
                community=record.community,
                actor=ACTOR,
                command_id=id,
                cause=cause,
            )
        except Conflict:
            raise Unavailable from None  # to be tried again, as when the log is away
        except (Refused, Malformed, Unknown, Forbidden) as no:
            why = getattr(no, "code", type(no).__name__)
            log.warning("reaction refused", reaction=name, cause=cause, why=why)


class Position:
    """Kept in PostgreSQL. `rows` runs a statement, again if need be, or raises Unavailable."""

    def __init__(self, rows: Callable[[LiteralString, Sequence[Any]], Sequence[Any]]) -> None:
        self._rows = rows

    def load(self) -> int:
        found = self._rows("select position from doors.positions where name = %s", [NAME])
        return int(found[0][0]) if found else 0

    def keep(self, position: int) -> None:
        """Never back: two processes may follow at once, and do everything once."""
        self._rows(
            "insert into doors.positions as kept (name, position) values (%s, %s)"
            " on conflict (name) do update set moved_at = clock_timestamp(),"
            " position = greatest(kept.position, excluded.position) returning position",
            [NAME, position],
        )
