"""From a fact to the command that it asks for; a reaction is a function of the fact alone.

The command's id is made of the reaction's name and the place of the fact, so that what is read
twice is done once.
"""

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from typing import Any, Final, LiteralString, Protocol, TypeVar
from uuid import UUID, uuid5

import structlog

from commands.bus import Dispatch
from domain.accounts import Actor
from domain.kernel import Event, Forbidden, Malformed, Refused, Unknown
from eventlog.bus import PARTITIONS
from eventlog.consumer import Stopped
from eventlog.following import COMPARED_SECONDS, Bury, Following, Log, Open, Share
from eventlog.port import Conflict, Recorded, Unavailable

R = TypeVar("R", bound=Callable[[Recorded[Any]], object])
REACTIONS: dict[type[Event], list[Callable[[Recorded[Any]], object]]] = {}
NAME: Final = "reactions"
ACTOR: Final = Actor(name=f"house:{NAME}", role="system")
IDS: Final = UUID("7d0a5c1e-6d0b-5f4e-9a53-1f3c5be0a1d7")  # for ever: repeats are known by it
log = structlog.get_logger()


def reacts_to(kind: type[Event]) -> Callable[[R], R]:
    """The function gives the command, or None; its name is part of the command's id for ever."""

    def register(reaction: R) -> R:
        REACTIONS.setdefault(kind, []).append(reaction)
        return reaction

    return register


class Kept(Protocol):
    """Positions that outlive the process. Both may raise Unavailable."""

    def load(self) -> Sequence[int]:
        """Of every partition."""

    def keep(self, positions: Mapping[int, int]) -> None:
        """Of those that are followed here."""


class Reactions:
    """All of them, along one partition of a log. `source` is its name."""

    def __init__(self, source: str, dispatch: Dispatch, position: int) -> None:
        self._source, self._dispatch, self.position = source, dispatch, position

    def apply(self, batch: Sequence[Recorded[Any]]) -> None:
        for record in batch:
            for reaction in REACTIONS.get(type(record.event), ()):
                self._send(reaction, record)
        self.position = batch[-1].position

    def go(self) -> None:
        """Nothing waited for this."""

    def _send(self, reaction: Callable[[Recorded[Any]], object], record: Recorded[Any]) -> None:
        """One that is refused is logged, and the next fact is taken."""
        if (command := reaction(record)) is None:
            return
        name, cause = reaction.__name__, f"{self._source}/{record.position}"
        id = uuid5(IDS, f"{name}/{cause}")
        try:
            self._dispatch(
                command,
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


class Reacting(Following[Reactions]):
    """The partitions whose facts are reacted to here. Who believes too long that one is his does
    no harm: the ids of his commands are those of whoever has it now.
    """

    def __init__(
        self,
        source: str,
        log: Log,
        open: Open,
        dispatch: Dispatch,
        kept: Kept,
        bury: Bury = lambda message, error: None,
        alarm: Callable[[Stopped], None] = lambda stopped: None,
        compared: float = COMPARED_SECONDS,
    ) -> None:
        super().__init__(NAME, log, open, bury, alarm, compared)
        self._source, self._dispatch, self._kept = source, dispatch, kept
        self._told: Mapping[int, int] = {}

    def hold(self, wanted: Collection[int]) -> None:
        self.let_go(self._shares.keys() - set(wanted))
        if missing := set(wanted) - self._shares.keys():
            positions = self._kept.load()
            for partition in missing:
                begun = Reactions(self._source, self._dispatch, positions[partition])
                self._shares[partition] = Share(begun)

    def let_go(self, partitions: Iterable[int]) -> None:
        for partition in list(partitions):
            del self._shares[partition]

    def keep(self) -> None:
        if (positions := self.positions) != self._told:
            self._kept.keep(positions)
            self._told = positions


class Positions:
    """Kept in PostgreSQL. `rows` runs a statement, again if need be, or raises Unavailable."""

    def __init__(self, rows: Callable[[LiteralString, Sequence[Any]], Sequence[Any]]) -> None:
        self._rows = rows

    def load(self) -> Sequence[int]:
        found = self._rows(LOAD, [PARTITIONS, NAME])
        return list(found[0][0]) if found else [0] * PARTITIONS

    def keep(self, positions: Mapping[int, int]) -> None:
        """Never back: two processes may follow at once, and do everything once."""
        each = [positions.get(partition, 0) for partition in range(PARTITIONS)]
        self._rows(KEEP, [NAME, min(each), each, PARTITIONS])


LOAD: Final[LiteralString] = """
    select coalesce(partitions, array_fill(position, array[%s])) from doors.positions
    where name = %s"""
KEEP: Final[LiteralString] = """
    insert into doors.positions as kept (name, position, partitions) values (%s, %s, %s::bigint[])
    on conflict (name) do update set moved_at = clock_timestamp(), (position, partitions) = (
        select min(greatest(was, now)), array_agg(greatest(was, now) order by n)
        from unnest(
            coalesce(kept.partitions, array_fill(kept.position, array[%s])), excluded.partitions
        ) with ordinality as each (was, now, n)
    ) returning position"""
