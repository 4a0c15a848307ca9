"""The relay, on a log and a broker that stay well: what it brings, and how it is asked for more."""

import re
from collections import defaultdict
from contextlib import closing
from dataclasses import replace
from time import sleep

import psycopg
import pytest

from eventlog.bus import PARTITIONS, headers_of, partition_of
from eventlog.kafka import client
from eventlog.kafka.relay import Writer, ask_replay
from tests.device_adapters.houses import soon
from tests.eventlog.kafka.relaying import Relaying, grow


def test_what_is_stored_comes_untouched_under_its_key_with_its_headers(relaying: Relaying) -> None:
    grow(relaying.database, 200)
    with relaying.runs():
        relaying.wait_for(200)
    stored = {r.position: r for r in relaying.log.raw(after=0)}
    records = relaying.records()
    assert len(records) == 200
    for record in records:
        said = dict(record.headers)
        event = stored[int(said["gh-position"])]
        assert record.value == event.body
        assert record.key == str(event.community).encode()
        assert record.partition == partition_of(record.key)
        assert headers_of(event).items() <= said.items()
        assert said.keys() - headers_of(event).keys() == {"gh-seq"}


def test_gh_seq_has_no_gap_in_any_partition_over_several_starts(relaying: Relaying) -> None:
    for _ in range(3):
        grow(relaying.database, 100)
        with relaying.runs():
            relaying.wait_for(relaying.log.head())
    sequences, positions = defaultdict[int, list[int]](list), defaultdict[int, list[int]](list)
    for record in relaying.records():
        said = dict(record.headers)
        sequences[record.partition].append(int(said["gh-seq"]))
        positions[record.partition].append(int(said["gh-position"]))
    for partition, found in sequences.items():
        assert found == list(range(1, len(found) + 1))
        assert positions[partition] == sorted(set(positions[partition]))
    assert sum(map(len, sequences.values())) == 300


def test_the_time_of_a_record_is_that_of_its_publication(relaying: Relaying) -> None:
    """Retention would delete an old event as soon as it is replayed with its own."""
    grow(relaying.database, 1)
    with relaying.runs():
        relaying.wait_for(1)
    [record] = relaying.records()
    [event] = relaying.log.raw(after=0)
    assert event.recorded_at.timestamp() * 1000 - 1 <= record.timestamp


def test_two_relays_of_a_log_publish_it_once(relaying: Relaying) -> None:
    with relaying.runs(), relaying.runs():
        for _ in range(5):
            grow(relaying.database, 50)
            relaying.wait_for(relaying.log.head())
    differences, audit = relaying.audited()
    assert differences == []
    assert audit.equal == 250


def test_a_replay_brings_again_what_is_asked_for_marked_and_in_the_sequence(
    relaying: Relaying,
) -> None:
    grow(relaying.database, 100)
    with relaying.runs():
        relaying.wait_for(100)
        with relaying.connect() as db:
            assert ask_replay(db, relaying.outlet, 91) == 10
            while db.execute("select 1 from doors.positions where replay_from > 0").fetchone():
                sleep(0.05)
        grow(relaying.database, 1)
        relaying.wait_for(101)
    again = [r for r in relaying.records() if dict(r.headers).get("gh-replayed")]
    assert sorted(int(dict(r.headers)["gh-position"]) for r in again) == list(range(91, 101))
    differences, audit = relaying.audited()
    assert differences == []
    assert audit.equal == 101


def test_a_strangers_records_stop_nobody_and_the_audit_points_at_them(relaying: Relaying) -> None:
    grow(relaying.database, 60)
    with relaying.runs():
        relaying.wait_for(60)
    with closing(client.producer(relaying.broker, acks="all")) as stranger:
        for partition in range(PARTITIONS):
            headers = [("gh-position", b"soon")] * (partition % 2)
            sent = stranger.send(
                relaying.topic, b"hello", b"key", headers=headers, partition=partition
            )
            sent.get(10)
    grow(relaying.database, 60)
    with relaying.runs():
        relaying.wait_for(120)
    differences, audit = relaying.audited()
    assert audit.equal == 120
    assert len(differences) == PARTITIONS
    assert all(line.endswith("is not ours") for line in differences)


def test_an_endless_number_of_a_stranger_is_no_position(relaying: Relaying) -> None:
    grow(relaying.database, 60)
    headers = [("gh-position", b"9" * 40), ("gh-seq", b"9" * 40)]
    with closing(client.producer(relaying.broker, acks="all")) as stranger:
        for partition in range(PARTITIONS):
            given = (relaying.topic, b"hello", b"key", headers, partition)
            stranger.send(*given).get(10)
    with relaying.runs():
        relaying.wait_for(60)
    differences, audit = relaying.audited()
    assert audit.equal == 60
    assert all(line.endswith("is not ours") for line in differences)


def test_the_audit_sees_that_the_first_records_of_a_partition_are_missing(
    relaying: Relaying,
) -> None:
    grow(relaying.database, 1)
    [event] = relaying.log.raw(after=0)
    carried = relaying.outlet.message(event)
    with closing(client.producer(relaying.broker, acks="all")) as producer:
        headers = [*carried.headers.items(), ("gh-seq", b"3")]
        given = carried.value, carried.key, headers, carried.partition
        producer.send(relaying.topic, *given).get(10)
    differences, audit = relaying.audited()
    assert audit.equal == 1
    assert [line.partition(" has ")[2] for line in differences] == ["gh-seq 3, not 1"]


def test_nobody_replays_before_anything_was_published(relaying: Relaying) -> None:
    with relaying.connect() as db:
        assert ask_replay(db, relaying.outlet, 1) is None


def test_a_log_that_is_older_than_its_topic_is_not_published(
    relaying: Relaying, capsys: pytest.CaptureFixture[str]
) -> None:
    """A backup was restored: its next events would take positions that the topic has already."""
    grow(relaying.database, 10)
    with relaying.runs():
        relaying.wait_for(10)
    with psycopg.connect(relaying.database.owner) as db:
        db.execute("SET session_replication_role = replica")
        db.execute("DELETE FROM log.events WHERE position > 5")

    def is_told() -> bool:
        return bool(
            re.search("what the log has not .*head=5 .*published=10", capsys.readouterr().out)
        )

    with relaying.runs():
        soon(is_told, 20)
    assert len(relaying.records()) == 10


def test_a_log_that_was_restored_and_has_grown_since_is_not_published_either(
    relaying: Relaying, capsys: pytest.CaptureFixture[str]
) -> None:
    """Nobody looked in time; other events have the positions that were published."""
    grow(relaying.database, 10)
    with relaying.runs():
        relaying.wait_for(10)
    with psycopg.connect(relaying.database.owner) as db:
        db.execute("SET session_replication_role = replica")
        db.execute("DELETE FROM log.events WHERE position > 5")
    grow(relaying.database, 10)

    def is_told() -> bool:
        said = capsys.readouterr().out
        return bool(re.search("what the log has not .*head=15 .*published=10", said))

    with relaying.runs():
        soon(is_told, 20)
    assert len(relaying.records()) == 10


def test_k4_a_tail_that_is_lost_behind_what_came_once_more_is_filled_without_a_repeat(
    relaying: Relaying,
) -> None:
    """The last that is left is an old record: of a replay that was cut off, or copied there by
    somebody. What PostgreSQL remembers says that there was more.
    """
    grow(relaying.database, 60)
    records = relaying.log.raw(after=0)
    first = Writer(relaying.outlet, relaying.broker, None)
    first.publish(records[:30])
    first.replay(records[:10])
    first.close()
    published = replace(first.place, position=60, counts=tuple(n + 1 for n in first.place.counts))
    with closing(client.producer(relaying.broker, acks="all")) as somebody:
        m, copied = relaying.outlet.message(records[0]), [("gh-position", b"1"), ("gh-seq", b"1")]
        somebody.send(relaying.topic, m.value, m.key, copied, m.partition).get(10)
    forget_position(relaying)
    heir = Writer(relaying.outlet, relaying.broker, published)
    heir.publish(records)
    heir.close()
    said = [dict(r.headers) for r in relaying.records()]
    relayed = [s for s in said if "gh-command" in s and "gh-replayed" not in s]
    assert sorted(int(s["gh-position"]) for s in relayed) == list(range(1, 61))


def forget_position(relaying: Relaying) -> None:
    """As a broker that went back in time does."""
    with closing(client.admin(relaying.broker)) as admin:
        admin.delete_groups([relaying.outlet.id])


def test_a_tail_is_found_behind_what_many_relays_left_half_done(relaying: Relaying) -> None:
    """Aborted records and the marks of their ends take offsets, and are no records."""
    grow(relaying.database, 60)
    first = Writer(relaying.outlet, relaying.broker, None)
    first.publish(relaying.log.raw(after=0))
    first.close()
    with closing(client.producer(relaying.broker, transactional_id=relaying.outlet.id)) as torn:
        torn.init_transactions()
        for _ in range(12):
            torn.begin_transaction()
            for partition in range(PARTITIONS):
                torn.send(relaying.topic, b"torn", partition=partition)
            torn.flush()
            torn.abort_transaction()
    heir = Writer(relaying.outlet, relaying.broker, None)
    heir.close()
    assert heir.place == first.place
    assert heir.start.lost == ()
