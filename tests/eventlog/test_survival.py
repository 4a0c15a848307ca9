"""What the log does when PostgreSQL dies, hangs, or answers into the void."""

import time
from collections import defaultdict
from collections.abc import Iterator
from contextlib import ExitStack, closing, suppress
from functools import partial
from random import Random
from threading import Event as Flag
from threading import Thread

import psycopg
import pytest
from uuid_utils.compat import uuid7

from config import Database
from domain.ids import CommunityId
from domain.settings import CommunityRenamed
from eventlog.chain import links, verify
from eventlog.migrations import migrate, migrations
from eventlog.port import Accepted, Envelope, Unavailable
from eventlog.postgres import PostgresLog
from eventlog.sealing import Master
from tests.builders import a_community
from tests.eventlog.conftest import KEK
from tests.eventlog.contract import envelope
from tests.eventlog.proxy import Proxy, a_proxy
from tests.eventlog.threads import at_once
from tests.running_server import RunningServer

APPEND_LOCK = 7450489151653700


def renamed(n: int = 0, stream: CommunityId | None = None) -> CommunityRenamed:
    return CommunityRenamed(community=stream or CommunityId(uuid7()), name=str(n))


class Writer:
    """Goes on whatever happens; asks again, with the same id, what became of a command."""

    def __init__(self, log: PostgresLog) -> None:
        self.log, self.stream = log, CommunityId(uuid7())
        self.acked: list[Accepted] = []
        self.interrupted = 0

    def write(self, done: Flag) -> None:
        while not done.is_set():
            self.settle(envelope(), renamed(len(self.acked), self.stream))

    def settle(self, sent: Envelope, event: CommunityRenamed) -> None:
        while True:
            try:
                answer = self.log.append(sent, [event], {self.stream: len(self.acked)})
            except Unavailable:
                self.interrupted += 1
                time.sleep(0.02)
            else:
                self.acked.append(answer)
                return


def test_e1_no_acknowledged_event_is_lost_to_kill_9(own_server: RunningServer) -> None:
    migrate(own_server.server.conninfo())
    conninfo, random, done = own_server.server.conninfo(user="gatehouse_append"), Random(1), Flag()
    with ExitStack() as opened:
        logs = [PostgresLog(conninfo, Master(KEK)) for _ in range(4)]
        writers = [Writer(opened.enter_context(closing(log))) for log in logs]
        threads = [Thread(target=writer.write, args=(done,)) for writer in writers]
        for thread in threads:
            thread.start()
        for _ in range(4):
            time.sleep(random.uniform(0.15, 0.8))
            own_server.kill()
            own_server.start()
        time.sleep(0.3)
        done.set()
        for thread in threads:
            thread.join()
        survivors(logs[0], writers)
    verify(links(conninfo))
    assert sum(writer.interrupted for writer in writers) > 0


def survivors(log: PostgresLog, writers: list[Writer]) -> None:
    """What each was told is what is there, and nothing else is there."""
    versions, commands = defaultdict(list), {}
    after = 0
    while batch := log.read(after=after):
        for record in batch:
            assert record.position == after + 1
            after = record.position
            versions[record.stream].append(record.version)
            commands[record.command_id] = record.position
    told = {answer.command_id: answer.position for writer in writers for answer in writer.acked}
    assert told == commands
    for writer in writers:
        assert versions[writer.stream] == list(range(1, len(writer.acked) + 1))
        assert len(writer.acked) > 20


@pytest.fixture
def proxy(module_database: Database) -> Iterator[Proxy]:
    with a_proxy(module_database.append) as proxy:
        yield proxy


@pytest.fixture
def distant(pg_log: PostgresLog, proxy: Proxy) -> Iterator[PostgresLog]:
    """A log behind the proxy; `pg_log` sees what is really there."""
    with closing(PostgresLog(proxy.conninfo, Master(KEK))) as log:
        log.append(envelope(), [a_community()], {})
        yield log


def test_e4_committed_but_the_answer_is_lost(
    distant: PostgresLog, proxy: Proxy, pg_log: PostgresLog
) -> None:
    sent, events = envelope(), [renamed(), renamed()]
    proxy.cut_after_reply.set()
    first = distant.append(sent, events, {})
    assert not proxy.cut_after_reply.is_set()
    assert first == Accepted(command_id=sent.command_id, position=3, events=2)
    assert distant.append(sent, events, {}) == first
    assert [record.event for record in pg_log.read(after=1)] == events


def persist(log: PostgresLog, sent: Envelope, event: CommunityRenamed) -> Accepted:
    """As a client does: the same again until there is an answer."""
    for _ in range(10):
        with suppress(Unavailable):
            return log.append(sent, [event], {})
    raise AssertionError("no answer")


def test_e4_whoever_cannot_know_is_told_so_and_may_repeat(
    distant: PostgresLog, proxy: Proxy, pg_log: PostgresLog
) -> None:
    for n in range(10):
        sent, event = envelope(), renamed(n)
        proxy.cut_after_request.set()
        for _ in range(10):  # of the connections that are left, some have been hung up, too
            if proxy.cut_after_request.is_set():
                with suppress(Unavailable):
                    distant.append(sent, [event], {})
        assert not proxy.cut_after_request.is_set()
        second = persist(distant, sent, event)
        assert second == persist(distant, sent, event) == pg_log.answer(sent)
        assert second.position == pg_log.head() == n + 2


def test_e4_a_whole_group_is_answered_though_its_answer_is_lost(
    distant: PostgresLog, proxy: Proxy, pg_log: PostgresLog
) -> None:
    proxy.cut_after_reply.set()
    answers = at_once([partial(distant.append, envelope(), [renamed()], {}) for _ in range(8)])
    assert {answer.position for answer in answers} == set(range(2, 10))
    assert {r.command_id for r in pg_log.read(after=1)} == {a.command_id for a in answers}


def attempt(log: PostgresLog) -> tuple[bool, float]:
    began = time.monotonic()
    try:
        log.append(envelope(), [renamed()], {})
    except Unavailable:
        return False, time.monotonic() - began
    return True, time.monotonic() - began


def test_e8_a_stuck_writer_makes_the_others_fail_fast(
    pg_log: PostgresLog, module_database: Database
) -> None:
    pg_log.append(envelope(), [a_community()], {})
    with psycopg.connect(module_database.owner) as stuck:
        stuck.execute("SELECT pg_advisory_xact_lock(%s)", [APPEND_LOCK])
        outcomes = at_once([partial(attempt, pg_log) for _ in range(8)])
        assert [stored for stored, _ in outcomes] == [False] * 8
        assert all(0.9 < waited < 1.5 for _, waited in outcomes)
    assert attempt(pg_log)[0]


def test_e8_whoever_stays_in_a_transaction_is_ended(pg_log: PostgresLog) -> None:
    names = ("lock_timeout", "idle_in_transaction_session_timeout")
    with pg_log._connections.one() as ours:
        said = [ours.execute(f"SHOW {name}".encode()).fetchone() for name in names]
        assert said == [("1s",), ("5s",)]
        ours.execute("SET idle_in_transaction_session_timeout = 100")
        ours.execute("BEGIN")
        time.sleep(0.3)
        with pytest.raises(psycopg.errors.IdleInTransactionSessionTimeout):
            ours.execute("SELECT 1")


def appending(database: Database) -> list[int]:
    """The backends that wait for the append lock."""
    with psycopg.connect(database.owner) as connection:
        rows = connection.execute(
            "SELECT pid FROM pg_locks WHERE locktype = 'advisory' AND NOT granted"
            " AND database = (SELECT oid FROM pg_database WHERE datname = current_database())"
        ).fetchall()
    return [pid for (pid,) in rows]


def test_a_leader_that_loses_its_connection_takes_no_follower_along(
    pg_log: PostgresLog, module_database: Database
) -> None:
    pg_log.append(envelope(), [a_community()], {})
    with psycopg.connect(module_database.owner, autocommit=True) as other:
        other.execute("SELECT pg_advisory_lock(%s)", [APPEND_LOCK])
        threads = [Thread(target=attempt, args=(pg_log,)) for _ in range(4)]
        for thread in threads:
            thread.start()
        while not (waiting := appending(module_database)):
            time.sleep(0.01)
        assert len(waiting) == 1
        other.execute("SELECT pg_terminate_backend(%s)", waiting)
        for thread in threads:
            thread.join(3)
        assert not any(thread.is_alive() for thread in threads)
    assert pg_log.head() == 1
    assert attempt(pg_log)[0]


def test_a_lost_notification_costs_a_poll(database: Database) -> None:
    functions = migrations()["schema_0003_append.sql"]
    start, end = functions.index("CREATE FUNCTION log.append("), functions.index("-- A community's")
    silent = functions[start:end].replace("PERFORM pg_notify", "-- PERFORM pg_notify")
    with psycopg.connect(database.owner) as connection:
        connection.execute(silent.replace("CREATE FUNCTION", "CREATE OR REPLACE FUNCTION").encode())
    with closing(PostgresLog(database.append, Master(KEK))) as log:
        assert heard_after(log) < 1


def test_a_notification_wakes_at_once(pg_log: PostgresLog) -> None:
    assert pg_log.read(after=0, wait=0.5) == []
    assert min(heard_after(pg_log) for _ in range(5)) < 0.1


def heard_after(log: PostgresLog) -> float:
    """Seconds from an append to the end of a wait for it."""
    head, appended = log.head(), []

    def append() -> None:
        time.sleep(0.1)
        log.append(envelope(), [renamed()], {})
        appended.append(time.monotonic())

    writer = Thread(target=append)
    writer.start()
    assert log.read(after=head, wait=5)
    heard = time.monotonic()
    writer.join()
    return heard - appended[0]


def test_reading_does_not_notice_that_its_connections_are_gone(
    pg_log: PostgresLog, module_database: Database
) -> None:
    with pg_log._connections.one(), pg_log._connections.one():
        pass  # now there are two to lose
    with psycopg.connect(module_database.owner) as connection:
        connection.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
            " WHERE datname = current_database() AND usename = 'gatehouse_append'"
        )
    assert pg_log.head() == 0


def test_reading_and_waiting_go_on_after_a_restart(own_server: RunningServer) -> None:
    migrate(own_server.server.conninfo())
    conninfo = own_server.server.conninfo(user="gatehouse_append")
    with closing(PostgresLog(conninfo, Master(KEK))) as log:
        log.append(envelope(), [renamed()], {})
        assert log.read(after=1, wait=0.1) == []
        own_server.kill()
        while attempt(log)[0]:  # its children take a moment to find out
            pass
        own_server.start()
        head = log.head()
        assert [record.position for record in log.read(after=0)] == list(range(1, head + 1))
        log.append(envelope(), [renamed()], {})
        assert heard_after(log) < 1
        assert log.head() == head + 2
