"""What nobody could read: kept with where it lay, shown without what it holds, sent back."""

from contextlib import closing
from dataclasses import replace
from uuid import uuid4

import pytest
from kafka import TopicPartition

from eventlog.bus import Message, message
from eventlog.kafka.broker import Broker
from eventlog.kafka.bus import KafkaBus, message_of
from eventlog.kafka.client import consumer, producer
from eventlog.kafka.dead_letters import bury, redrive, waiting
from tests.eventlog.bus_contract import a_record
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

    def redrive(self, *, readable: bool) -> tuple[int, int]:
        return redrive(self.broker, lambda message: readable, self.topic, self.group)

    def sent_back(self, partition: int) -> list[Message]:
        with closing(consumer(self.broker)) as reader:
            reader.assign([TopicPartition(self.origin, partition)])
            found = reader.poll(timeout_ms=3_000)
        return [message_of(record) for records in found.values() for record in records]


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


def test_what_can_be_read_now_goes_back_to_where_it_lay_and_waits_no_more(graves: Graves) -> None:
    dead = a_dead_one()
    graves.bury((dead, "Undecodable"))
    assert graves.redrive(readable=True) == (1, 0)
    assert graves.shown() == []
    [back] = graves.sent_back(dead.partition)
    kept = {name: said for name, said in dead.headers.items() if name != "gh-seq"}
    assert back == replace(dead, offset=0, headers={**kept, "gh-redriven": b"1"})
    assert graves.redrive(readable=True) == (0, 0)
    assert len(graves.sent_back(dead.partition)) == 1


def test_what_still_cannot_be_read_waits_on(graves: Graves) -> None:
    graves.bury((a_dead_one(), "Undecodable"))
    before = graves.shown()
    for _ in range(2):
        assert graves.redrive(readable=False) == (0, 1)
    assert graves.shown() == before
    assert graves.redrive(readable=True) == (1, 0)


def test_a_redrive_that_dies_midway_has_done_nothing(graves: Graves) -> None:
    graves.bury((a_dead_one(), "Undecodable"), (a_dead_one(8), "Undecodable"))
    before, asked = graves.shown(), list[Message]()

    def dies(message: Message) -> bool:
        asked.append(message)
        if len(asked) == 2:
            raise ConnectionError
        return True

    with pytest.raises(ConnectionError):
        redrive(graves.broker, dies, graves.topic, graves.group)
    assert graves.shown() == before
    assert graves.sent_back(a_dead_one().partition) == []


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
