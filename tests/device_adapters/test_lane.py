"""What a lane does by itself, with a phone in memory."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from threading import Event as Flag
from time import sleep, time

from device_adapters.akuvox import wire
from device_adapters.lane import Lane
from device_adapters.port import Phone
from device_adapters.terms import Compared, Known, Place, Rhythm
from domain.alarms import AlarmKind
from domain.devices import Outcome
from domain.ids import DeviceId
from domain.sync import CheckId
from tests.device_adapters.houses import QUICK, device_id, soon
from tests.device_adapters.keeping import digest, no_more, verified, wish
from tests.device_adapters.memory_phone import MAC, MemoryPhone
from tests.device_adapters.people import an_entry

ANN = an_entry(1)


class Heard:
    """What was said, in order. While `deaf` the log cannot be reached."""

    def __init__(self) -> None:
        self.said: list[object] = []
        self.deaf = False

    def synced(self, device: DeviceId, outcomes: tuple[Outcome, ...]) -> None:
        self._hear(*outcomes)

    def online(self, device: DeviceId, firmware: str) -> None:
        self._hear("online")

    def offline(self, device: DeviceId, reason: str) -> None:
        self._hear(reason)

    def strangers(self, device: DeviceId, records: int) -> None:
        self._hear(("strangers", records))

    def trouble(self, device: DeviceId, kind: AlarmKind) -> None:
        self._hear(kind)

    def checked(self, device: DeviceId, check: CheckId, found: Compared) -> None:
        self._hear(found)

    def clock_right(self, device: DeviceId, zone: str) -> None:
        self._hear(zone)

    def clock_wrong(self, device: DeviceId, ahead: int, reason: str) -> None:
        self._hear((ahead, reason))

    def _hear(self, *words: object) -> None:
        if self.deaf:
            raise ConnectionError
        self.said += words


@contextmanager
def a_lane(
    phone: MemoryPhone,
    heard: Heard,
    *,
    rhythm: Rhythm = QUICK,
    poll: Callable[[DeviceId, Phone], None] = lambda device, phone: None,
    known: Known | None = None,
) -> Iterator[Lane]:
    place = Place(device=device_id(0), mac=MAC, connect=lambda: phone)
    lane = Lane(place, known or Known(), heard, digest, poll, rhythm, time)
    lane.start()
    try:
        yield lane
    finally:
        lane.stop()
        lane.join()


def test_d2_a_silent_phone_is_offline_within_15_seconds() -> None:
    """It may fall silent right after a sign of life; the next one and a try again time out."""
    rhythm = Rhythm()
    two_failures = rhythm.heartbeat + wire.SECONDS + rhythm.first_retry + wire.SECONDS
    assert rhythm.offline_after <= two_failures <= 15


def test_online_and_offline_are_said_on_change_only() -> None:
    phone, heard = MemoryPhone(), Heard()
    with a_lane(phone, heard):
        soon(lambda: heard.said == ["online"])
        phone.down = True
        soon(lambda: heard.said == ["online", "offline: no answer"])
        sleep(0.3)
        phone.down = False
        soon(lambda: heard.said == ["online", "offline: no answer", "online"])


def test_what_was_said_in_an_earlier_life_is_not_said_again() -> None:
    phone, heard = MemoryPhone(), Heard()
    with a_lane(phone, heard, known=Known(online=True, firmware="1.0")) as lane:
        lane.want(wish(ANN))
        soon(lambda: heard.said == [verified(ANN)])
    with a_lane(MemoryPhone(), heard, known=Known(online=True, firmware="0.9")):
        soon(lambda: heard.said == [verified(ANN), "online"])


def test_a_log_that_cannot_be_reached_is_told_later() -> None:
    phone, heard = MemoryPhone(), Heard()
    heard.deaf = True
    with a_lane(phone, heard) as lane:
        lane.want(wish(ANN))
        soon(lambda: ANN.key in phone.records)
        heard.deaf = False
        soon(lambda: verified(ANN) in heard.said)


def test_a_poller_that_fails_holds_no_credential_up() -> None:
    def poll(device: DeviceId, phone: Phone) -> None:
        raise ZeroDivisionError

    phone, heard = MemoryPhone(), Heard()
    with a_lane(phone, heard, poll=poll) as lane:
        lane.want(wish(ANN))
        soon(lambda: verified(ANN) in heard.said)
        assert [name for name, _ in phone.calls].count("read") == 2


def test_the_door_log_is_polled_during_a_long_import() -> None:
    polled, phone = list[int](), MemoryPhone()
    busy = Flag()

    def poll(device: DeviceId, answering: Phone) -> None:
        polled.append(len(phone.records))
        busy.wait(0.01)

    rhythm = replace(QUICK, heartbeat=0)
    with a_lane(phone, Heard(), poll=poll, rhythm=rhythm) as lane:
        lane.want(wish(*map(an_entry, range(1, 41))))
        soon(lambda: len(phone.records) == 40)
        assert set(polled) > {2, 20, 38}


def test_a_stopped_lane_ends_in_the_middle() -> None:
    phone, rhythm = MemoryPhone(), replace(QUICK, heartbeat=0)
    with a_lane(phone, Heard(), poll=lambda device, phone: sleep(0.02), rhythm=rhythm) as lane:
        lane.want(wish(*map(an_entry, range(1, 400))))
        soon(lambda: len(phone.records) > 10)
    assert len(phone.records) < 399


def test_changes_wait_and_are_counted_while_it_is_away() -> None:
    phone, heard = MemoryPhone(), Heard()
    with a_lane(phone, heard) as lane:
        lane.want(wish(ANN, an_entry(2)))
        soon(lambda: len(phone.records) == 2)
        phone.down = True
        soon(lambda: len(heard.said) == 4)
        lane.want(no_more(1))
        lane.want(wish(*map(an_entry, range(3, 6))))
        lane.want(no_more(5))
        soon(lambda: (lane.status().waiting, lane.status().revocations) == (3, 1))
        assert not lane.status().online
        phone.down = False
        soon(lambda: lane.status().waiting == 0)
        assert lane.status().failure is None


def test_a_phone_that_is_removed_while_it_is_written_to_forgets_all_the_same() -> None:
    """M130: what the pass under way still writes goes with the rest."""
    with a_lane(phone := MemoryPhone(), Heard()) as lane:
        phone.seen = lambda records: lane.retire()
        lane.want(wish(ANN))
        soon(lambda: lane.join(0))
    assert phone.records == {}
