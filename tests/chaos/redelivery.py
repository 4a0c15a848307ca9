"""D1, K8: the machine of test_convergence behind a bus that repeats, loses and comes late.

The log is the truth; what is known already must not come to count again, or somebody who lost a
right has it back.
"""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any, ClassVar
from uuid import UUID

from hypothesis import strategies as st
from hypothesis.stateful import rule

from device_adapters.wants import Wishes
from domain.ids import CommunityId
from eventlog.bus import Message, RawRecord, message
from eventlog.consumer import Consumer, Stopped
from eventlog.following import Following, Share, follow_on
from eventlog.port import Recorded
from tests.device_adapters.keeping import no_more, wish
from tests.device_adapters.people import an_entry
from tests.device_adapters.test_convergence import PEOPLE, PINS, House

HOME, NOBODY = CommunityId(UUID(int=1)), UUID(int=0)
BEGAN = datetime(2026, 3, 2, tzinfo=UTC)


class Written:
    """A log whose records are wishes."""

    def __init__(self) -> None:
        self.wishes = list[Wishes]()

    def write(self, wishes: Wishes) -> Message:
        self.wishes.append(wishes)
        seq = str(self.head()).encode()
        made = message(record(self.head()))
        return replace(made, headers={**made.headers, "gh-seq": seq})

    def head(self) -> int:
        return len(self.wishes)

    def raw(self, *, after: int, limit: int = 100, wait: float = 0) -> Sequence[RawRecord]:
        return [record(n) for n in range(after + 1, self.head() + 1)][:limit]

    def open(self, raws: Iterable[RawRecord]) -> list[Recorded[Any]]:
        return [
            Recorded(
                position=raw.position,
                recorded_at=BEGAN,
                community=HOME,
                stream=NOBODY,
                version=raw.version,
                subject=None,
                actor="",
                command_id=NOBODY,
                cause=None,
                event=self.wishes[raw.position - 1],
            )
            for raw in raws
        ]

    def truth(self) -> Wishes:
        return {who: want for wishes in self.wishes for who, want in wishes.items()}


def record(position: int) -> RawRecord:
    return RawRecord(
        position=position,
        recorded_at=BEGAN,
        community=HOME,
        stream=NOBODY,
        version=position,
        type="Wish",
        subject=None,
        actor="",
        command_id=NOBODY,
        cause=None,
        body=b"",
    )


class Doors(Consumer):
    """Hands what is wished to the keeper, as DoorSync does."""

    def __init__(self, house: "Delivered") -> None:
        super().__init__()
        self.house = house

    def apply(self, batch: Sequence[Recorded[Any]]) -> None:
        self.house.kept.want(*(one.event for one in batch))
        self.position = batch[-1].position

    def go(self) -> None:
        pass


class Partition(Following[Doors]):
    """The one that there is."""

    def __init__(self, house: "Delivered", log: Written) -> None:
        super().__init__("doors", log, log.open, unread, stopped, compared=0)
        self.house = house
        self.hold([message(record(1)).partition])

    def hold(self, wanted: Collection[int]) -> None:
        self._shares = {partition: Share(Doors(self.house)) for partition in wanted}

    def let_go(self, partitions: Iterable[int]) -> None:
        raise AssertionError("nothing fails here")


def unread(message: Message, error: str) -> None:
    raise AssertionError(error)


def stopped(stopped: Stopped) -> None:
    raise AssertionError(stopped.error)


class Delivered(House):
    following: ClassVar[type[Partition]] = Partition

    def __init__(self) -> None:
        super().__init__()
        self.log, self.sent, self.given = Written(), list[Message](), list[Message]()
        self.bus = self.following(self, self.log)
        self.bus.settle()

    @rule(who=PEOPLE, pin=PINS)
    def grant(self, who: int, pin: str) -> None:
        self.sent.append(self.log.write(wish(an_entry(who, pin))))

    @rule(who=PEOPLE)
    def revoke(self, who: int) -> None:
        self.sent.append(self.log.write(no_more(who)))

    @rule(lost=st.booleans())
    def deliver(self, lost: bool) -> None:
        come, self.sent = self.sent[lost:], []
        self.given += come
        self.bus.take(come)

    @rule(back=st.integers(1, 6))
    def deliver_again(self, back: int) -> None:
        self.bus.take(self.given[-back:])

    @rule()
    def kill(self) -> None:
        """From 0 on everything is read again."""
        super().kill()
        self.bus = self.following(self, self.log)
        self.bus.settle()

    @rule()
    def look_it_up(self) -> None:
        self.bus.settle()

    def teardown(self) -> None:
        self.deliver(lost=False)
        self.bus.settle()
        self.bus.settle()  # what the first one marked is compared by the second
        wanted, truth = self.kept.wanted, self.log.truth()
        assert wanted == truth, "somebody has what the log took away"
        super().teardown()


class TakesWhatComes(Partition):
    """No version check: what is repeated counts again."""

    def _carry(self, partition: int, run: Sequence[Message]) -> None:
        share = self._shares[partition]
        if share.sure:
            follow_on(share, run)
            self._apply(partition, self._opened(share, run))
