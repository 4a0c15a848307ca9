"""From a command to its answer: decide, append, and decide again if something moved."""

import re
from collections.abc import Callable, Collection, Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime
from random import Random
from time import sleep
from typing import Any, TypeVar, dataclass_transform
from uuid import UUID

from domain.accounts import Actor, Role
from domain.devices import Networks
from domain.ids import CommunityId
from domain.kernel import Claim, Event, Forbidden, MalformedRows, Refused, S, Unknown, fold
from eventlog.port import Accepted, Conflict, Envelope, EventLog

C = TypeVar("C")
Dispatch = Callable[..., Accepted]
TRIES = 3
PAUSE = 0.02  # seconds: those who met once should not meet again


@dataclass
class Things:
    """All that a handler can reach. Every stream that it looks at is guarded."""

    log: EventLog
    community: CommunityId
    actor: Actor
    now: datetime
    new_id: Callable[[], UUID]
    random: Random
    networks: Networks = ()
    guards: dict[UUID, int] = field(default_factory=dict)

    def find_all(self, cls: type[S], ids: Collection[UUID]) -> Mapping[UUID, S]:
        """Those that there are, in one round trip."""
        histories = self.log.streams(self.community, ids)
        for id, history in histories.items():
            self.guards.setdefault(id, len(history))
        states = {id: fold(cls, history) for id, history in histories.items()}
        return {id: state for id, state in states.items() if state is not None}

    def find(self, cls: type[S], id: UUID) -> S | None:
        return self.find_all(cls, [id]).get(id)

    def load(self, cls: type[S], id: UUID) -> S:
        if (state := self.find(cls, id)) is None:
            raise Unknown(cls.__name__, id)
        return state

    def load_all(self, cls: type[S], ids: Collection[UUID]) -> Mapping[UUID, S]:
        found = self.find_all(cls, ids)
        for missing in set(ids) - found.keys():
            raise Unknown(cls.__name__, missing)
        return found

    def owners(self, claims: Iterable[Claim]) -> Mapping[Claim, UUID]:
        """Who holds these values now. Only the append decides: load the owner to be sure of it."""
        return self.log.owners(self.community, list(claims))

    def owner(self, claim: Claim) -> UUID | None:
        return self.owners([claim]).get(claim)

    def only(self, *roles: Role) -> None:
        """The house itself may do what anybody may."""
        if self.actor.role not in (*roles, "system"):
            raise Forbidden(f"{roles[0]}-only")


Handler = Callable[[C, Things], list[Event]]
COMMANDS: dict[str, type] = {}
HANDLERS: dict[type, Handler[Any]] = {}


@dataclass_transform(frozen_default=True, kw_only_default=True)
def command(cls: type[C]) -> type[C]:
    """Publish it: `IssuePin` is POST …/commands/issue-pin. It never prints what it holds."""
    name = re.sub(r"(?<!^)(?=[A-Z])", "-", cls.__name__).lower()
    COMMANDS[name] = ask = dataclass(frozen=True, kw_only=True, slots=True, repr=False)(cls)
    return ask


def handles(cls: type[C]) -> Callable[[Handler[C]], Handler[C]]:
    def register(handler: Handler[C]) -> Handler[C]:
        HANDLERS[cls] = handler
        return handler

    return register


@dataclass
class Bus:
    log: EventLog
    now: Callable[[], datetime]
    new_id: Callable[[], UUID]
    random: Random
    networks: Networks = ()
    pause: Callable[[float], None] = sleep

    def dispatch(
        self,
        command: object,
        *,
        community: CommunityId,
        actor: Actor,
        command_id: UUID | None = None,
        cause: str | None = None,
    ) -> Accepted:
        envelope = Envelope(
            command=command,
            command_id=command_id or self.new_id(),
            community=community,
            actor=actor.name,
            cause=cause,
        )
        decide = self._decide_once if command_id else self._decide
        for tried in range(1, TRIES):
            with suppress(Conflict):
                return decide(envelope, actor)
            self.pause(self.random.uniform(0, PAUSE * tried))
        return decide(envelope, actor)

    def _decide_once(self, envelope: Envelope, actor: Actor) -> Accepted:
        """Whoever gives an id may have sent it before; an id of our own costs no look. What speaks
        against it may be what it did itself: a first try that came through in the meantime.
        """
        try:
            return self.log.answer(envelope) or self._decide(envelope, actor)
        except (Refused, Unknown, MalformedRows):
            if answer := self.log.answer(envelope):
                return answer
            raise

    def _decide(self, envelope: Envelope, actor: Actor) -> Accepted:
        things = Things(
            log=self.log,
            community=envelope.community,
            actor=actor,
            now=self.now(),
            new_id=self.new_id,
            random=self.random,
            networks=self.networks,
        )
        events = HANDLERS[type(envelope.command)](envelope.command, things)
        return self.log.append(envelope, events, things.guards)
