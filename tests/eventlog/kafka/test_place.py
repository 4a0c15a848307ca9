"""Where the relay goes on, told from three witnesses that may each have lost something."""

from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from eventlog.bus import PARTITIONS
from eventlog.kafka.place import Place, Start, Tail, resume

# A log: the partition of each position, from 1 on. Its topic: what lies in each partition.
Log = list[int]
Topic = list[list[int]]
a_log = st.lists(st.integers(0, 3), max_size=40)


def published(log: Log, until: int) -> Topic:
    return [
        [at for at, where in enumerate(log[:until], 1) if where == p] for p in range(PARTITIONS)
    ]


def place_of(topic: Topic, position: int) -> Place:
    return Place(position=position, counts=tuple(map(len, topic)))


def tails_of(topic: Topic) -> list[Tail]:
    return [Tail(position=records[-1] if records else 0, count=len(records)) for records in topic]


def gone_on(start: Start, log: Log, topic: Topic) -> Topic:
    """What the topic holds when the relay has done all it has to."""
    new = enumerate(log[start.place.position :], start.place.position + 1)
    for position, partition in new:
        if position > start.done[partition]:
            topic[partition].append(position)
    return topic


@given(a_log, st.data())
def test_what_was_published_is_not_published_again(log: Log, data: st.DataObject) -> None:
    until = data.draw(st.integers(0, len(log)))
    topic = published(log, until)
    place = place_of(topic, until)
    start = resume(place, place, tails_of(topic))
    assert start.lost == ()
    assert start.place == place
    assert gone_on(start, log, topic) == published(log, len(log))


@given(a_log, st.data())
def test_k4_whatever_tails_a_broker_lost_are_filled_without_a_repeat(
    log: Log, data: st.DataObject
) -> None:
    until = data.draw(st.integers(0, len(log)))
    topic = published(log, until)
    place = place_of(topic, until)
    left = [data.draw(st.integers(0, len(records))) for records in topic]
    torn = [records[:n] for records, n in zip(topic, left, strict=True)]
    start = resume(place, place, tails_of(torn))
    assert len(start.lost) == sum(a != b for a, b in zip(topic, torn, strict=True))
    assert gone_on(start, log, torn) == published(log, len(log))


@given(a_log, st.data())
def test_k4_a_broker_that_went_back_in_time_as_a_whole_is_caught_by_what_postgresql_remembers(
    log: Log, data: st.DataObject
) -> None:
    until = data.draw(st.integers(0, len(log)))
    back = data.draw(st.integers(0, until))
    older = published(log, back)
    stored = place_of(older, back) if data.draw(st.booleans()) or back else None
    start = resume(stored, place_of(published(log, until), until), tails_of(older))
    assert bool(start.lost) == (back < until)
    assert gone_on(start, log, older) == published(log, len(log))


@given(a_log, st.data())
def test_a_kill_between_the_commit_and_what_postgresql_remembers_is_no_loss(
    log: Log, data: st.DataObject
) -> None:
    until = data.draw(st.integers(0, len(log)))
    behind = data.draw(st.integers(0, until))
    topic = published(log, until)
    kept = place_of(published(log, behind), behind)
    start = resume(place_of(topic, until), kept, tails_of(topic))
    assert start.lost == ()
    assert gone_on(start, log, topic) == published(log, len(log))


@given(a_log)
def test_a_position_that_kafka_forgot_is_found_in_the_records(log: Log) -> None:
    """Its positions go after a week without a move; with PostgreSQL's memory or without."""
    topic = published(log, len(log))
    start = resume(None, None, tails_of(topic))
    assert gone_on(start, log, [list(records) for records in topic]) == topic


def test_what_age_took_from_a_partition_is_not_lost() -> None:
    """Empty from a high offset on; a broker that was wiped is empty from offset 0 on."""
    counts = (3, *[0] * (PARTITIONS - 1))
    place = Place(position=5, counts=counts)
    empty = [Tail()] * PARTITIONS
    aged = resume(place, place, [Tail(begin=6), *empty[1:]])
    done = (5,) * PARTITIONS
    assert aged == Start(place=place, done=done, lost=(), newest=Tail(begin=6))
    wiped = resume(place, place, empty)
    assert wiped.done == (0, *[5] * (PARTITIONS - 1))
    assert wiped.place == replace(place, position=0, counts=(0,) * PARTITIONS)
    assert wiped.lost == ("partition 0 has lost 3 records",)


@given(a_log, st.data())
def test_a_relay_that_dies_while_it_fills_again_goes_on_filling(
    log: Log, data: st.DataObject
) -> None:
    topic = published(log, len(log))
    place = place_of(topic, len(log))
    torn = [records[: data.draw(st.integers(0, len(records)))] for records in topic]
    first = resume(place, place, tails_of(torn))
    reached = data.draw(st.integers(first.place.position, len(log)))
    torn = gone_on(first, log[:reached], torn)
    second = resume(place_of(torn, reached), None, tails_of(torn))
    assert second.lost == ()
    assert gone_on(second, log, torn) == topic
