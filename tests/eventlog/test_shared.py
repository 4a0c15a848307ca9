"""Readers of one process read the log once, and miss nothing."""

from collections.abc import Sequence
from threading import Barrier, Thread
from typing import Any
from uuid import UUID

import pytest

from domain.ids import CommunityId
from domain.settings import CommunityRenamed
from eventlog.memory import MemoryLog
from eventlog.port import MAX_BATCH, Envelope, Recorded, Unavailable
from eventlog.shared import SharedLog
from schemas.atoms import EPOCH

HARBOUR = CommunityId(UUID(int=1))


class Counted:
    """A log that counts how often it is read, and may be away."""

    def __init__(self) -> None:
        self.log = MemoryLog(lambda: EPOCH)
        self.times, self.away = 0, False

    def say(self, *names: str) -> None:
        place = self.head()
        said = [CommunityRenamed(community=HARBOUR, name=name) for name in names]
        id = UUID(int=place + 1)
        given = Envelope(command="say", command_id=id, community=HARBOUR, actor="past")
        self.log.append(given, said, {HARBOUR: place})

    def head(self) -> int:
        return self.log.head()

    def read(
        self, *, after: int, limit: int = MAX_BATCH, wait: float = 0
    ) -> Sequence[Recorded[Any]]:
        self.times += 1
        if self.away:
            raise Unavailable
        return self.log.read(after=after, limit=limit, wait=wait)


def names(batch: Sequence[Recorded[Any]]) -> list[str]:
    return [record.event.name for record in batch]


def test_what_one_has_read_the_others_get() -> None:
    counted = Counted()
    counted.say("Harbour", "Quay", "Marina")
    shared = SharedLog(counted)
    for _ in range(3):
        assert names(shared.read(after=1)) == ["Quay", "Marina"]
    assert names(shared.read(after=1, limit=1)) == ["Quay"]
    assert (counted.times, shared.head()) == (1, 3)


def test_the_end_of_the_log_is_never_kept() -> None:
    counted = Counted()
    counted.say("Harbour")
    shared = SharedLog(counted)
    assert names(shared.read(after=1)) == []
    counted.say("Quay")
    assert names(shared.read(after=1)) == ["Quay"]


def test_those_who_may_wait_wait_together_and_all_hear() -> None:
    counted, heard, begun = Counted(), list[list[str]](), Barrier(5)
    shared = SharedLog(counted)

    def listen() -> None:
        begun.wait()
        while not (batch := shared.read(after=0, wait=0.2)):
            pass
        heard.append(names(batch))

    threads = [Thread(target=listen) for _ in range(4)]
    for thread in threads:
        thread.start()
    begun.wait()
    counted.say("Harbour")
    for thread in threads:
        thread.join(5)
    assert heard == [["Harbour"]] * 4


def test_who_may_not_wait_reads_past_one_who_does() -> None:
    counted = Counted()
    shared = SharedLog(counted)
    waiting = Thread(target=lambda: shared.read(after=0, wait=0.3))
    waiting.start()
    while not counted.times:
        pass
    assert shared.read(after=0) == []
    waiting.join()


def test_a_log_that_is_away_is_away_for_each_and_then_there_again() -> None:
    counted = Counted()
    counted.say("Harbour")
    shared = SharedLog(counted)
    counted.away = True
    for _ in range(2):
        with pytest.raises(Unavailable):
            shared.read(after=0, wait=0.1)
    counted.away = False
    assert names(shared.read(after=0, wait=0.1)) == ["Harbour"]


def test_what_was_forgotten_does_not_live_on() -> None:
    """Kept for seconds, and only a few batches."""
    counted, now = Counted(), [0.0]
    counted.say("Harbour", "Quay", "Marina")
    shared = SharedLog(counted, batches=2, seconds=5, clock=lambda: now[0])
    shared.read(after=0)
    now[0] = 5.1
    shared.read(after=0)
    assert counted.times == 2
    for place in (1, 2, 0):
        shared.read(after=place)
    assert counted.times == 5
