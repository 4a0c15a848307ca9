"""What nobody could read: kept with where it lay, shown without what it holds, sent back."""

from collections.abc import Collection
from contextlib import closing
from dataclasses import replace
from uuid import uuid4

import pytest
from kafka.errors import UnknownTopicOrPartitionError

from eventlog.bus import Message, message
from eventlog.kafka.broker import Broker
from eventlog.kafka.bus import BURIED, KafkaBus
from eventlog.kafka.client import producer
from eventlog.kafka.dead_letters import bury, publish_again, redrive, waiting
from tests.eventlog.bus_contract import a_record
from tests.eventlog.kafka.relaying import Relaying, grow
from tests.running_broker import a_topic

SECRET = b"2468"


class Graves:
    """A topic, its dead letters, and who sends them back."""

    def __init__(self, broker: Broker) -> None:
        self.broker, self.origin, self.topic = broker, a_topic(broker), a_topic(broker)
        self.group = f"redrive-{uuid4()}"

    def bury(self, *dead: tuple[Message, str]) -> None:
        bury(self.broker, self.origin, "adapters", dead, self.topic)

    def shown(self) -> list[str]:
        return [str(letter) for letter in waiting(self.broker, self.topic, self.group)]

    def redrive(self, *readable: int) -> tuple[int, int]:
        def publish(topic: str, positions: Collection[int]) -> Collection[int]:
            assert topic == self.origin
            return set(positions) & set(readable)

        return redrive(self.broker, publish, self.topic, self.group)


@pytest.fixture
def graves(broker: Broker) -> Graves:
    return Graves(broker)


def a_dead_one(position: int = 7) -> Message:
    found = message(a_record(position))
    headers = {**found.headers, "gh-seq": b"3"}
    return replace(found, offset=40 + position, value=SECRET, headers=headers)


def test_a_letter_says_where_it_lay_and_why_and_nothing_of_what_it_holds(graves: Graves) -> None:
    dead = a_dead_one()
    graves.bury((dead, "Undecodable"))
    where = f"{graves.origin}/{dead.partition}@47"
    said = f"{where}  Undecodable  gatehouse.PinIssued  position 7  by adapters"
    assert graves.shown() == [said]
    [letter] = waiting(graves.broker, graves.topic, graves.group)
    assert replace(letter.message, offset=47) == dead
    assert SECRET.decode() not in said


def test_a_letter_that_was_buried_twice_is_shown_once(graves: Graves) -> None:
    graves.bury((a_dead_one(), "Undecodable"), (a_dead_one(8), "Undecodable"))
    graves.bury((a_dead_one(), "Undecodable"))
    assert len(graves.shown()) == 2


def test_a_stranger_without_anything_is_buried_too(graves: Graves) -> None:
    stranger = Message(partition=3, offset=5, key=b"", value=b"", headers={})
    graves.bury((stranger, "KeyError"))
    assert graves.shown() == [f"{graves.origin}/3@5  KeyError  no type  by adapters"]


def test_what_somebody_wrote_there_that_is_no_letter_is_shown_and_hides_nothing(
    graves: Graves,
) -> None:
    """Not even the terminal heeds it."""
    graves.bury((a_dead_one(), "Undecodable"))
    before = graves.shown()
    half = [
        ("gh-dead-topic", b"x\xff"),
        ("gh-dead-partition", b"one"),
        ("ce_type", b"\x1b[2J"),
    ]
    with closing(producer(graves.broker)) as writer:
        writer.send(graves.topic, b"junk", partition=0).get(10)
        writer.send(graves.topic, b"junk", headers=half, partition=1).get(10)
    expected = [
        *before,
        f"{graves.topic}/0@0  NoLetter  no type  by nobody",
        f"{graves.topic}/1@0  NoLetter  ?[2J  by nobody",
    ]
    assert sorted(graves.shown()) == sorted(expected)
    assert graves.redrive(7) == (1, 2)
    assert sorted(graves.shown()) == sorted(expected[1:])


def test_without_their_topic_there_are_not_just_no_letters(broker: Broker) -> None:
    with pytest.raises(UnknownTopicOrPartitionError, match="has 0 partitions"):
        waiting(broker, f"none-{uuid4()}")


def test_what_can_be_read_now_waits_no_more_and_the_rest_waits_on(graves: Graves) -> None:
    stranger = Message(partition=3, offset=5, key=b"", value=b"", headers={})
    graves.bury(*((a_dead_one(n), "Undecodable") for n in (7, 8)), (stranger, "KeyError"))
    before = graves.shown()
    assert graves.redrive() == (0, 3)
    assert graves.shown() == before
    assert graves.redrive(7) == (1, 2)
    assert graves.shown() == [line for line in before if "position 7" not in line]
    assert graves.redrive(7, 8) == (1, 1)
    assert graves.redrive(7, 8) == (0, 1)


def test_a_redrive_that_dies_midway_leaves_all_of_it_waiting(graves: Graves) -> None:
    graves.bury((a_dead_one(), "Undecodable"), (a_dead_one(8), "Undecodable"))
    before = graves.shown()

    def dies(topic: str, positions: Collection[int]) -> Collection[int]:
        raise ConnectionError

    with pytest.raises(ConnectionError):
        redrive(graves.broker, dies, graves.topic, graves.group)
    assert graves.shown() == before


def test_k5_a_running_relay_takes_no_harm_from_what_is_published_again(
    relaying: Relaying,
) -> None:
    """And the audit of the topic finds nothing."""
    with relaying.runs():
        grow(relaying.database, 40)
        relaying.wait_for(40)
        given = (relaying.outlet, relaying.log, relaying.broker, None)
        again = publish_again(*given, {7, 8, 4711}, lambda record: record.position != 8)
        assert list(again) == [7]
        grow(relaying.database, 40)
        relaying.wait_for(80)
        differences, audit = relaying.audited()
    assert (differences, audit.equal, audit.replayed) == ([], 80, 1)


def test_a_bus_sends_its_letters_before_it_commits(broker: Broker) -> None:
    """Who is killed in between tells it again; a position without its letter there is none."""
    origin = a_topic(broker)
    with closing(KafkaBus(broker, f"g of {origin}", origin, dead_letters=a_topic(broker))) as bus:
        with closing(producer(broker)) as writer:
            writer.send(origin, b"junk", partition=0)
        found: list[Message] = []
        while not found:
            found += bus.poll(0.2)
        bus.bury(found[0], "KeyError")
        bus.commit()
        letters = waiting(broker, bus.dead_letters, f"r of {origin}")
        assert [str(each) for each in letters] == [
            f"{origin}/0@0  KeyError  no type  by g of {origin}"
        ]
    [told] = BURIED.collect()
    counted = {s.labels["group"]: s.value for s in told.samples if s.name.endswith("_total")}
    assert counted[f"g of {origin}"] == 1
