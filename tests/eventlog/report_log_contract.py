"""What every log of reports must do."""

from abc import ABC, abstractmethod
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from threading import Thread, Timer
from time import monotonic
from typing import Any
from uuid import UUID

import pytest

from domain.ids import CommunityId, DeviceId
from domain.reports import AlarmReported, DoorLogEntry
from eventlog.port import Conflict
from eventlog.reports import Cursor, ReportLog

HARBOUR, MARINA = CommunityId(UUID(int=1)), CommunityId(UUID(int=2))
GATE, GYM = DeviceId(UUID(int=31)), DeviceId(UUID(int=32))
LONG = 10.0


def an_entry(id: int, epoch: int = 0, device: DeviceId = GATE, **said: Any) -> DoorLogEntry:
    given: dict[str, Any] = {
        "happened_at": datetime(2026, 3, 2, 8, 30, id % 60, tzinfo=UTC),
        "local": "2026-03-02 09:30:00",
        "kind": "door_release",
        "outcome": "success",
        "method": "pin",
        "relay": 1,
        "door_name": "Gate",
        "building": None,
        "holder": UUID(int=11),
        "holder_kind": "resident",
        "apartment": None,
        "credential_kind": "pin",
        "source": "poll",
    }
    return DoorLogEntry(device=device, epoch=epoch, id=id, **given | said)


def an_alarm(said: str = "AlarmTriggered", device: DeviceId = GATE) -> AlarmReported:
    return AlarmReported(
        device=device,
        kind="tamper",
        said=said,
        relay=None,
        door_name="Gate",
        building=None,
        apartment=None,
    )


class ReportLogContract(ABC):
    @pytest.fixture
    @abstractmethod
    def log(self) -> Iterator[ReportLog]: ...

    def test_it_begins_empty(self, log: ReportLog) -> None:
        assert (log.head(), log.read(after=0), log.cursor(HARBOUR, GATE)) == (0, [], None)

    def test_entries_come_back_in_order_and_move_the_cursor_of_their_device(
        self, log: ReportLog
    ) -> None:
        entries = [an_entry(7), an_entry(8), an_entry(10)]
        assert log.append(HARBOUR, GATE, entries, expected=None) == 3
        found = log.read(after=0)
        assert [r.event for r in found] == entries
        assert [(r.position, r.community, r.stream, r.version) for r in found] == [
            (1, HARBOUR, GATE, 7),
            (2, HARBOUR, GATE, 8),
            (3, HARBOUR, GATE, 10),
        ]
        assert log.cursor(HARBOUR, GATE) == Cursor(epoch=0, last_id=10)
        assert log.cursor(HARBOUR, GYM) is None
        assert log.cursor(MARINA, GATE) is None

    def test_all_devices_share_one_order_without_gaps(self, log: ReportLog) -> None:
        log.append(HARBOUR, GATE, [an_entry(1)], expected=None)
        log.append(MARINA, GYM, [an_entry(1, device=GYM), an_entry(2, device=GYM)], expected=None)
        log.append(HARBOUR, GATE, [an_entry(2)], expected=Cursor(epoch=0, last_id=1))
        assert [(r.position, r.community) for r in log.read(after=0)] == [
            (1, HARBOUR),
            (2, MARINA),
            (3, MARINA),
            (4, HARBOUR),
        ]
        assert [r.position for r in log.read(after=1, limit=2)] == [2, 3]
        assert log.head() == 4

    def test_the_time_of_receipt_never_goes_back(self, log: ReportLog) -> None:
        log.append(HARBOUR, GATE, [an_entry(n) for n in range(1, 20)], expected=None)
        times = [r.recorded_at for r in log.read(after=0)]
        assert times == sorted(times)
        assert {at.tzinfo for at in times} == {UTC}

    @pytest.mark.parametrize(
        "expected", [None, Cursor(epoch=0, last_id=1), Cursor(epoch=1, last_id=2)]
    )
    def test_k8_whoever_read_another_cursor_stores_nothing(
        self, log: ReportLog, expected: Cursor | None
    ) -> None:
        log.append(HARBOUR, GATE, [an_entry(1), an_entry(2)], expected=None)
        with pytest.raises(Conflict):
            log.append(HARBOUR, GATE, [an_entry(5, epoch=1)], expected=expected)
        assert (log.head(), log.cursor(HARBOUR, GATE)) == (2, Cursor(epoch=0, last_id=2))

    def test_k8_of_two_pollers_of_a_device_one_stores(self, log: ReportLog) -> None:
        outcomes = list[object]()

        def poll() -> None:
            try:
                log.append(HARBOUR, GATE, [an_entry(1), an_entry(2)], expected=None)
                outcomes.append("stored")
            except Conflict:
                outcomes.append("conflict")

        pollers = [Thread(target=poll) for _ in range(4)]
        for poller in pollers:
            poller.start()
        for poller in pollers:
            poller.join()
        assert sorted(map(str, outcomes)) == ["conflict", "conflict", "conflict", "stored"]
        assert [r.version for r in log.read(after=0)] == [1, 2]

    def test_a_new_epoch_may_begin_at_any_id(self, log: ReportLog) -> None:
        log.append(HARBOUR, GATE, [an_entry(900)], expected=None)
        before = Cursor(epoch=0, last_id=900)
        log.append(HARBOUR, GATE, [an_entry(1, epoch=1)], expected=before)
        assert log.cursor(HARBOUR, GATE) == Cursor(epoch=1, last_id=1)

    @pytest.mark.parametrize(
        "entries",
        [
            [],
            [an_entry(5)],
            [an_entry(7), an_entry(6)],
            [an_entry(6), an_entry(6)],
            [an_entry(6), an_entry(1, epoch=1)],
            [an_entry(6, epoch=-1)],
            [an_entry(6, device=GYM)],
        ],
    )
    def test_entries_that_cannot_follow_are_refused(
        self, log: ReportLog, entries: list[DoorLogEntry]
    ) -> None:
        log.append(HARBOUR, GATE, [an_entry(5)], expected=None)
        with pytest.raises(ValueError, match="entries"):
            log.append(HARBOUR, GATE, entries, expected=Cursor(epoch=0, last_id=5))
        assert log.head() == 1

    def test_what_no_phones_log_holds_is_noted_and_the_cursor_stays(self, log: ReportLog) -> None:
        noted = an_entry(0, source="callback")
        log.append(HARBOUR, GATE, [an_entry(1)], expected=None)
        assert log.note(HARBOUR, noted) == 2
        assert log.note(HARBOUR, noted) == 3
        assert [r.event for r in log.read(after=1)] == [noted, noted]
        assert log.cursor(HARBOUR, GATE) == Cursor(epoch=0, last_id=1)

    def test_s9_the_same_again_is_not_noted_while_it_shall_be_quiet(self, log: ReportLog) -> None:
        said, minute = an_alarm("AlarmTriggered"), timedelta(minutes=1)
        assert log.note(HARBOUR, said, quiet=minute) == 1
        assert log.note(HARBOUR, said, quiet=minute) is None
        others = [(HARBOUR, an_alarm("BreakInAlarmA")), (HARBOUR, an_alarm(device=GYM))]
        for home, other in [*others, (MARINA, said)]:
            assert log.note(home, other, quiet=minute) == log.head()
        assert log.head() == 4
        assert log.note(HARBOUR, said, quiet=timedelta(0)) == 5

    def test_s9_of_many_that_say_the_same_at_once_one_is_noted(self, log: ReportLog) -> None:
        said, answers = an_alarm("AlarmTriggered"), list[int | None]()

        def call() -> None:
            answers.append(log.note(HARBOUR, said, quiet=timedelta(minutes=1)))

        callers = [Thread(target=call) for _ in range(4)]
        for caller in callers:
            caller.start()
        for caller in callers:
            caller.join()
        assert sorted(answers, key=str) == [1, None, None, None]

    def test_a_reader_waits_for_what_comes(self, log: ReportLog) -> None:
        timer = Timer(0.05, log.append, (HARBOUR, GATE, [an_entry(1)]), {"expected": None})
        began = monotonic()
        timer.start()
        assert len(log.read(after=0, wait=LONG)) == 1
        assert monotonic() - began < LONG / 2
        timer.join()

    def test_a_reader_waits_no_longer_than_it_said(self, log: ReportLog) -> None:
        began = monotonic()
        assert log.read(after=0, wait=0.05) == []
        assert monotonic() - began < LONG

    def test_what_was_received_today_is_not_dropped(self, log: ReportLog) -> None:
        log.append(HARBOUR, GATE, [an_entry(1)], expected=None)
        received = log.read(after=0)[0].recorded_at.date()
        log.drop_before(received)
        assert len(log.read(after=0)) == 1
        assert log.drop_before(date.min) == 0
