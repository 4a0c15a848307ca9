"""given(...).when(...).then(...), through the real bus and a real log."""

from dataclasses import dataclass
from random import Random
from typing import Self

import pytest
from uuid_utils.compat import uuid7

from commands.bus import Bus
from domain.accounts import Actor, Role
from domain.ids import CommunityId
from domain.kernel import Event, Forbidden, Malformed, Refused, Unknown
from eventlog.memory import MemoryLog
from eventlog.port import Envelope
from tests.builders import HARBOUR, LOOPBACK, NOW

MANAGER = Actor(name="manager", role="manager")
INSTALLER = Actor(name="installer", role="installer")


def a_log(
    *past: Event, kind: type[MemoryLog] = MemoryLog, community: CommunityId = HARBOUR
) -> MemoryLog:
    """Streams of the past may go on, so each event is appended behind what there is."""
    log = kind(lambda: NOW)
    also(log, *past, community=community)
    return log


def also(log: MemoryLog, *past: Event, community: CommunityId = HARBOUR, by: str = "past") -> None:
    for happened in past:
        stream = getattr(happened, happened.stream)
        guards = {stream: len(log.streams(community, [stream])[stream])}
        given = Envelope(command="given", command_id=uuid7(), community=community, actor=by)
        log.append(given, [happened], guards)


def a_bus(log: MemoryLog) -> Bus:
    return Bus(log, now=lambda: NOW, new_id=uuid7, random=Random(0), networks=LOOPBACK)


@dataclass
class Scenario:
    past: tuple[Event, ...]
    command: object = None
    actor: Actor = MANAGER

    def when(self, command: object, *, by: Role = "manager") -> Self:
        self.command, self.actor = command, Actor(name=by, role=by)
        return self

    def decided(self) -> list[Event]:
        """What the command made, in order."""
        log = a_log(*self.past)
        a_bus(log).dispatch(self.command, community=HARBOUR, actor=self.actor)
        return [r.event for r in log.read(after=0)][len(self.past) :]

    def then(self, *expected: Event) -> None:
        assert self.decided() == list(expected)

    def then_nothing(self) -> None:
        self.then()

    def then_refused(self, reason: str) -> None:
        """The code of a refusal, or part of what is said of a malformed value."""
        with pytest.raises((Refused, Malformed, Forbidden), match=reason):
            self.decided()

    def then_unknown(self, what: str) -> None:
        with pytest.raises(Unknown, match=what):
            self.decided()


def given(*past: Event) -> Scenario:
    return Scenario(past)
