"""What the bus asks the log before it decides."""

from collections.abc import Callable, Collection, Mapping, Sequence
from functools import partial
from uuid import UUID

import pytest
from uuid_utils.compat import uuid7

from commands.residents import DeleteResident
from commands.settings import ChangeSettings
from domain.ids import CommunityId
from domain.kernel import Event, Refused
from eventlog.memory import MemoryLog
from eventlog.port import Accepted, Envelope
from tests.builders import ANN, HARBOUR, NOW, a_community, a_resident, an_apartment, joined
from tests.scenario import INSTALLER, MANAGER, a_bus, a_log, also


class Watched(MemoryLog):
    """Says which of the two is done first, and does neither."""

    def streams(self, *asked: object) -> object:  # type: ignore[override]
        raise AssertionError("it decides")

    def answer(self, envelope: Envelope) -> Accepted | None:
        raise LookupError(envelope.command_id)


class Overtaken(MemoryLog):
    """A first try comes through while the second one is being decided, after so many looks."""

    looks = 0
    first_try: Callable[[], Accepted]
    overtook: Accepted | None = None

    def streams(
        self, community: CommunityId, ids: Collection[UUID]
    ) -> Mapping[UUID, Sequence[Event]]:
        self.looks -= 1
        if self.looks == 0:
            self.overtook = self.first_try()
        return super().streams(community, ids)


@pytest.fixture
def log() -> MemoryLog:
    return a_log(a_community())


def test_n17_a_repeat_is_answered_alike_and_decided_once(log: MemoryLog) -> None:
    bus, id = a_bus(log), uuid7()
    first = bus.dispatch(
        ChangeSettings(name="Quay"), community=HARBOUR, actor=MANAGER, command_id=id
    )
    bus.dispatch(ChangeSettings(name="Mole"), community=HARBOUR, actor=MANAGER)
    again = bus.dispatch(
        ChangeSettings(name="Quay"), community=HARBOUR, actor=MANAGER, command_id=id
    )
    assert again == first
    with pytest.raises(Refused, match="command-id-reused"):
        bus.dispatch(ChangeSettings(name="Pier"), community=HARBOUR, actor=MANAGER, command_id=id)


@pytest.mark.parametrize(("given", "looked"), [(UUID(int=7), LookupError), (None, AssertionError)])
def test_n17_only_an_id_that_was_given_is_looked_up(
    given: UUID | None, looked: type[Exception]
) -> None:
    bus = a_bus(a_log(kind=Watched))
    with pytest.raises(looked):
        bus.dispatch(
            ChangeSettings(name="Quay"), community=HARBOUR, actor=MANAGER, command_id=given
        )


@pytest.mark.parametrize("looks", [2, 3, 4])
def test_n17_e4_what_a_first_try_does_meanwhile_does_not_speak_against_the_second(
    looks: int,
) -> None:
    """Found by `make chaos`: somebody was told 404 of a resident whom that very command deleted."""
    log = Overtaken(lambda: NOW)
    also(log, a_community(), an_apartment(), a_resident(ANN), joined(ANN))
    bus = a_bus(log)
    ask = partial(
        bus.dispatch,
        DeleteResident(resident=ANN),
        community=HARBOUR,
        actor=INSTALLER,
        command_id=uuid7(),
    )
    log.looks, log.first_try = looks, ask
    assert ask() == log.overtook
    assert log.overtook
    assert log.overtook.events == 2
