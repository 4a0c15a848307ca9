"""What the bus asks the log before it decides."""

from uuid import UUID

import pytest
from uuid_utils.compat import uuid7

from commands.settings import ChangeSettings
from domain.kernel import Refused
from eventlog.memory import MemoryLog
from eventlog.port import Accepted, Envelope
from tests.builders import HARBOUR, a_community
from tests.scenario import MANAGER, a_bus, a_log


class Watched(MemoryLog):
    """Says which of the two is done first, and does neither."""

    def streams(self, *asked: object) -> object:  # type: ignore[override]
        raise AssertionError("it decides")

    def answer(self, envelope: Envelope) -> Accepted | None:
        raise LookupError(envelope.command_id)


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
