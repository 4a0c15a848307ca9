"""The partitions of an adapters' process: folded from the log, heard of by a bus that may fail."""

from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, time, timedelta
from random import Random
from time import sleep

import psycopg
import pytest

from config import Database
from device_adapters.simulator import Fleet
from domain.access_groups import AccessGroupEdited, Door, Schedule
from domain.residents import PinRevoked
from eventlog.bus import LogBus, Message, partition_of, raw_of
from eventlog.postgres import PostgresLog
from eventlog.sealing import Master
from tests.builders import ANN, BOB, ELSEWHERE, HARBOUR, SWIMMERS, a_pin, a_resident
from tests.device_adapters.adapters import (
    Adapters,
    adapters,
    happen,
    log_bus,
    pins,
    settled,
    states,
)
from tests.device_adapters.houses import device_id, soon
from tests.device_adapters.test_clock import Clock
from tests.eventlog.conftest import KEK

Flaw = Callable[[Sequence[Message]], Sequence[Message]]


@pytest.fixture
def pg_log(database: Database) -> Iterator[PostgresLog]:
    log = PostgresLog(database.append, Master(KEK))
    yield log
    log.close()


def kinds(log: PostgresLog) -> set[str]:
    return {type(r.event).__name__ for r in log.read(after=0)}


@dataclass
class Carrier:
    """A bus that counts like Kafka, keeps no order across partitions, and has a flaw."""

    bus: LogBus
    flaw: Flaw
    first: int = 0
    reached = 0

    def __post_init__(self) -> None:
        self.seqs, self.paused = dict[int, int](), set[int]()

    @property
    def assignment(self) -> Collection[int]:
        return self.bus.assignment

    def poll(self, timeout: float) -> Sequence[Message]:
        return self.flaw([self._counted(message) for message in self.bus.poll(timeout)])

    def commit(self) -> None:
        self.bus.commit()

    def pause(self, partitions: Collection[int]) -> None:
        self.paused = set(partitions)

    def close(self) -> None:
        self.bus.close()

    def _counted(self, message: Message) -> Message:
        self.seqs[message.partition] = seq = self.seqs.get(message.partition, self.first) + 1
        return replace(message, headers={**message.headers, "gh-seq": str(seq).encode()})


def carried(log: PostgresLog, flaw: Flaw) -> Carrier:
    """`first`: as many records as the community has already."""
    return Carrier(log_bus(log), flaw, first=log.head())


def garbled(message: Message) -> Message:
    return replace(message, value=message.value[:5] + b"\xff" * 7)


def of_a_newer_release(message: Message) -> Message:
    return replace(message, value=b"\x00\x00\x00\xff\xff" + message.value[5:])


def test_what_was_before_is_folded_and_what_comes_is_heard(
    pg_log: PostgresLog, database: Database
) -> None:
    with Fleet(["X916", "X916"]) as fleet:
        settled(pg_log, fleet, HARBOUR, ELSEWHERE)
        happen(pg_log, a_resident(ANN, SWIMMERS), a_pin("2468", ANN))
        with adapters(pg_log, database):
            soon(lambda: pins(fleet, 0) == {"2468"})
            happen(pg_log, a_resident(BOB, SWIMMERS), a_pin("1357", BOB), home=ELSEWHERE)
            soon(lambda: pins(fleet, 1) == {"1357"})
            happen(pg_log, PinRevoked(resident=ANN))
            soon(lambda: states(pg_log, 0) == {(11, "pin"): "withdrawn"})
            assert pins(fleet, 0) == set()


def test_d7_rights_end_by_the_clock_though_nothing_happens_in_the_log(
    pg_log: PostgresLog, database: Database
) -> None:
    clock = Clock(datetime(2026, 3, 2, 17, 0, 59, tzinfo=UTC))
    today, doors = clock.at.date(), frozenset({Door(device=device_id(0), relay=1)})
    until_five = Schedule(repeat="never", first=today, last=today, end=time(17))
    hers = AccessGroupEdited(group=SWIMMERS, name="Swim", schedule=until_five, doors=doors)
    with Fleet(["X916"], clock=clock) as fleet:
        settled(pg_log, fleet, HARBOUR)
        happen(pg_log, a_resident(ANN, SWIMMERS), a_pin("2468", ANN), hers)
        with adapters(pg_log, database, wall=clock.unix) as running:
            soon(lambda: pins(fleet, 0) == {"2468"})
            sleep(1)  # until all is said
            assert running.position() == pg_log.head()
            clock.at += timedelta(seconds=1)
            soon(lambda: pins(fleet, 0) == set())


def test_k7_a_new_life_pushes_nothing_again_and_says_nothing_twice(
    pg_log: PostgresLog, database: Database
) -> None:
    with Fleet(["X916"]) as fleet:
        settled(pg_log, fleet, HARBOUR)
        happen(pg_log, a_resident(ANN, SWIMMERS), a_pin("2468", ANN))
        with adapters(pg_log, database):
            soon(lambda: states(pg_log) == {(11, "pin"): "verified"})
            soon(lambda: kinds(pg_log) >= {"DeviceWentOnline", "DeviceClockFoundRight"})
        head, added = pg_log.head(), fleet[0].phone.answered["user/add"]
        reads = fleet[0].phone.answered["user/get"]
        with adapters(pg_log, database):
            soon(lambda: fleet[0].phone.answered["user/get"] > reads)
            sleep(0.3)
        assert fleet[0].phone.answered["user/add"] == added
        assert pg_log.head() == head


def state_of(running: Adapters) -> object:
    site = running.sync()._sites[HARBOUR]
    return site.people, site.groups, site.devices


def shaken(random: Random) -> Flaw:
    """K8: 30 % come twice, and each up to 50 places from where it was."""

    def shake(messages: Sequence[Message]) -> Sequence[Message]:
        twice = [m for m in messages for _ in range(1 + (random.random() < 0.3))]
        places = [n + random.uniform(0, 50) for n in range(len(twice))]
        return [m for _, m in sorted(zip(places, twice, strict=True), key=lambda pair: pair[0])]

    return shake


def held_back(flaw: Flaw, until: int = 40) -> Flaw:
    """So that there is something to shake; until nothing more comes."""
    waiting = list[Message]()

    def hold(messages: Sequence[Message]) -> Sequence[Message]:
        waiting.extend(messages)
        if messages and len(waiting) < until:
            return ()
        let_go, waiting[:] = list(waiting), []
        return flaw(let_go)

    return hold


@pytest.mark.parametrize("seed", range(3))
def test_k8_doubles_and_another_order_change_nothing(
    pg_log: PostgresLog, database: Database, seed: int
) -> None:
    with Fleet(["X916"]) as fleet:
        settled(pg_log, fleet, HARBOUR)
        happen(pg_log, a_resident(ANN, SWIMMERS), a_resident(BOB, SWIMMERS))
        bus = carried(pg_log, held_back(shaken(Random(seed))))
        with adapters(pg_log, database, bus) as running:
            soon(running.position)
            for n in range(40):
                who = (ANN, BOB)[n % 2]
                happen(pg_log, a_pin(f"{2000 + n}", who))
            soon(lambda: pins(fleet) == {"2038", "2039"})
            folded = state_of(running)
        last = pg_log.head()
        with adapters(pg_log, database) as plain:
            soon(lambda: plain.position() >= last)
            assert state_of(plain) == folded


def test_k8_what_a_replay_brings_again_gives_nothing_back_that_was_taken(
    pg_log: PostgresLog, database: Database
) -> None:
    """It follows on by gh-seq, as all that comes; its positions are known."""
    came, again = list[Message](), list[Message]()

    def replaying(messages: Sequence[Message]) -> Sequence[Message]:
        came.extend(messages)
        replayed = [bus._counted(m) for m in again]
        again.clear()
        return [*messages, *replayed]

    with Fleet(["X916"]) as fleet:
        settled(pg_log, fleet, HARBOUR)
        happen(pg_log, a_resident(ANN, SWIMMERS), a_resident(BOB, SWIMMERS))
        bus = carried(pg_log, replaying)
        with adapters(pg_log, database, bus) as running:
            soon(running.position)
            happen(pg_log, a_pin("2468", ANN))
            soon(lambda: pins(fleet) == {"2468"})
            happen(pg_log, PinRevoked(resident=ANN))
            soon(lambda: pins(fleet) == set())
            again.extend(m for m in came if m.headers["ce_type"] == b"gatehouse.PinIssued")
            soon(lambda: not again)
            happen(pg_log, a_pin("1357", BOB))
            soon(lambda: "1357" in pins(fleet))
            assert pins(fleet) == {"1357"}


def test_a_hole_in_the_stream_is_filled_from_the_log(
    pg_log: PostgresLog, database: Database
) -> None:
    with Fleet(["X916"]) as fleet:
        settled(pg_log, fleet, HARBOUR)
        happen(pg_log, a_resident(ANN, SWIMMERS), a_resident(BOB, SWIMMERS))

        first = pg_log.head() + 3  # behind the phone's being online and its clock's being right

        def losing(messages: Sequence[Message]) -> Sequence[Message]:
            return [m for m in messages if raw_of(m).position != first]

        with adapters(pg_log, database, carried(pg_log, losing)) as running:
            soon(lambda: running.position() == first - 1)
            happen(pg_log, a_pin("2468", ANN))
            sleep(0.3)
            assert pins(fleet) == set()  # nobody has heard of it yet
            happen(pg_log, a_pin("1357", BOB))
            soon(lambda: pins(fleet) == {"2468", "1357"})


def test_k4_a_silent_stream_is_compared_with_the_log(
    pg_log: PostgresLog, database: Database
) -> None:
    """A broker or a relay that is away holds no revocation up for long."""
    with Fleet(["X916"]) as fleet:
        settled(pg_log, fleet, HARBOUR)
        happen(pg_log, a_resident(ANN, SWIMMERS), a_pin("2468", ANN))
        mute = carried(pg_log, lambda messages: ())
        with adapters(pg_log, database, mute, compared=0.2):
            soon(lambda: pins(fleet) == {"2468"})
            happen(pg_log, PinRevoked(resident=ANN))
            soon(lambda: pins(fleet) == set())


def test_what_cannot_be_read_is_buried_and_taken_from_the_log(
    pg_log: PostgresLog, database: Database
) -> None:
    with Fleet(["X916"]) as fleet:
        settled(pg_log, fleet, HARBOUR)
        happen(pg_log, a_resident(ANN, SWIMMERS))
        bus = carried(pg_log, lambda messages: [garbled(m) for m in messages])
        with adapters(pg_log, database, bus) as running:
            soon(running.position)
            happen(pg_log, a_pin("2468", ANN))
            soon(lambda: pins(fleet) == {"2468"})
            assert running.buried[0][1] == "Undecodable"
            assert not running.alarms


def test_a_stranger_without_headers_is_buried_and_harms_nobody(
    pg_log: PostgresLog, database: Database
) -> None:
    stranger = Message(partition=2, offset=1, key=b"", value=b"hello", headers={})
    with Fleet(["X916"]) as fleet:
        settled(pg_log, fleet, HARBOUR)
        happen(pg_log, a_resident(ANN, SWIMMERS))
        bus = carried(pg_log, lambda messages: [*messages, *([stranger] if messages else [])])
        with adapters(pg_log, database, bus) as running:
            soon(running.position)
            happen(pg_log, a_pin("2468", ANN))
            soon(lambda: pins(fleet) == {"2468"})
            assert [error for _, error in running.buried][:1] == ["KeyError"]


def test_e10_an_unknown_schema_stops_its_partition_and_alarms_and_the_others_go_on(
    pg_log: PostgresLog, database: Database
) -> None:
    home = partition_of(str(HARBOUR).encode())

    def newer(messages: Sequence[Message]) -> Sequence[Message]:
        return [of_a_newer_release(m) if m.partition == home else m for m in messages]

    with Fleet(["X916", "X916"]) as fleet:
        settled(pg_log, fleet, HARBOUR, ELSEWHERE)
        happen(pg_log, a_resident(ANN, SWIMMERS), a_pin("2468", ANN))
        happen(pg_log, a_resident(BOB, SWIMMERS), home=ELSEWHERE)
        bus = Carrier(log_bus(pg_log), newer)
        with adapters(pg_log, database, bus) as running:
            soon(lambda: pins(fleet, 0) == {"2468"})
            happen(pg_log, a_pin("8642", ANN))
            happen(pg_log, a_pin("1357", BOB), home=ELSEWHERE)
            soon(lambda: pins(fleet, 1) == {"1357"})
            soon(lambda: bus.paused == {home})
            assert {alarm.error for alarm in running.alarms} == {"UnknownSchema"}
            assert pins(fleet, 0) == {"2468"}  # kept as far as it is known
            assert not running.buried


def spoil(database: Database, position: int) -> None:
    with psycopg.connect(database.owner) as db:
        db.execute("set session_replication_role = replica")
        db.execute(
            "update log.events set body = substring(body for 5) || '\\xffffff' where position = %s",
            [position],
        )


@pytest.mark.parametrize("before", [True, False], ids=["before its start", "as it comes"])
def test_e10_what_the_log_itself_cannot_give_stops_the_partition_and_alarms(
    pg_log: PostgresLog, database: Database, before: bool
) -> None:
    """A mended log is followed again after a restart."""
    with Fleet(["X916", "X916"]) as fleet:
        settled(pg_log, fleet, HARBOUR, ELSEWHERE)
        happen(pg_log, a_resident(ANN, SWIMMERS), a_pin("2468", ANN))
        happen(pg_log, a_resident(BOB, SWIMMERS), home=ELSEWHERE)
        with adapters(pg_log, database):
            soon(lambda: pins(fleet, 0) == {"2468"})
        bus: Carrier | LogBus = log_bus(pg_log)
        if not before:
            bus = carried(pg_log, lambda messages: ())
        running = Adapters(pg_log, database, bus, compared=0.5)
        if not before:
            running.start()
            soon(running.position)
        happen(pg_log, PinRevoked(resident=ANN))
        spoil(database, pg_log.head())
        if before:
            running.start()
        try:
            soon(lambda: running.alarms)
            happen(pg_log, a_pin("1357", BOB), home=ELSEWHERE)
            soon(lambda: pins(fleet, 1) == {"1357"})
            assert pins(fleet, 0) == {"2468"}
            assert {one.error for one in running.alarms} == {"Undecodable"}
            assert len(running.alarms) == 1
        finally:
            running.stop()


def test_two_share_nothing_on_the_log_one_waits_and_takes_over(
    pg_log: PostgresLog, database: Database
) -> None:
    """ADR 13: with the log as the bus the second process is there in case the first dies."""
    with Fleet(["X916"]) as fleet:
        settled(pg_log, fleet, HARBOUR)
        happen(pg_log, a_resident(ANN, SWIMMERS))
        with adapters(pg_log, database, holder="one") as one:
            soon(lambda: len(one.leases.held) == 12)
            with adapters(pg_log, database, holder="other") as other:
                happen(pg_log, a_pin("2468", ANN))
                soon(lambda: pins(fleet) == {"2468"})
                assert not other.leases.held
                one.stop()
                soon(lambda: len(other.leases.held) == 12, 1.5)
                happen(pg_log, a_pin("1357", ANN))
                soon(lambda: pins(fleet) == {"1357"})


def asleep(db: object, positions: object) -> Collection[int]:
    sleep(0.1)
    return ()


def test_k2_a_frozen_process_loses_its_doors_and_writes_to_none(
    pg_log: PostgresLog, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    with Fleet(["X916"]) as fleet:
        settled(pg_log, fleet, HARBOUR)
        happen(pg_log, a_resident(ANN, SWIMMERS), a_pin("2468", ANN))
        with adapters(pg_log, database, holder="frozen", lease=(0.9, 0.3)) as frozen:
            soon(lambda: pins(fleet) == {"2468"})
            monkeypatch.setattr(frozen.leases, "renew", asleep)
            with adapters(pg_log, database, holder="heir", lease=(0.9, 0.3)) as heir:
                soon(lambda: len(heir.leases.held) == 12)
                happen(pg_log, PinRevoked(resident=ANN))
                soon(lambda: pins(fleet) == set())
                monkeypatch.undo()
                soon(lambda: not frozen.leases.held)
                soon(lambda: not frozen.shares.snapshots())
