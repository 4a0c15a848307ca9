"""Many writers, one order: nobody misses an event, nobody gets what another has."""

import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing
from functools import partial
from itertools import pairwise
from threading import Event as Flag
from threading import Thread

import psycopg
import pytest
from uuid_utils.compat import uuid7

from config import Database
from domain.ids import CommunityId, ResidentId
from domain.kernel import Refused
from domain.residents import PinRevoked
from domain.settings import CommunityRenamed
from eventlog.chain import links, verify
from eventlog.migrations import migrations
from eventlog.port import Conflict
from eventlog.postgres import PostgresLog
from eventlog.sealing import Master
from tests.builders import ANN, ELSEWHERE, HARBOUR, a_pin, a_resident
from tests.eventlog.conftest import KEK
from tests.eventlog.contract import envelope, pin, store
from tests.eventlog.threads import at_once

LOCK = "    PERFORM pg_advisory_xact_lock(7450489151653700);\n"
TAKE_HEAD = "    head := coalesce(head, 0);\n"


@pytest.fixture
def logs(database: Database) -> Iterator[Callable[[int], list[PostgresLog]]]:
    """Logs with connections and groups of their own, as processes have."""
    with ExitStack() as opened:

        def some(how_many: int) -> list[PostgresLog]:
            made = [PostgresLog(database.append, Master(KEK)) for _ in range(how_many)]
            return [opened.enter_context(closing(log)) for log in made]

        yield some


Logs = Callable[[int], list[PostgresLog]]


def renamed(size: int) -> list[CommunityRenamed]:
    stream = CommunityId(uuid7())
    return [CommunityRenamed(community=stream, name=str(n)) for n in range(size)]


def write(log: PostgresLog) -> int:
    sizes = [40 if n % 5 == 0 else 1 for n in range(100)]
    return sum(log.append(envelope(), renamed(size), {}).events for size in sizes)


def tail(log: PostgresLog, done: Flag, seen: list[int]) -> None:
    while True:
        last_look = done.is_set()
        batch = log.read(after=seen[-1] if seen else 0, wait=0.01)
        seen += [record.position for record in batch]
        if last_look and not batch:
            return


def missed_by_two_readers(logs: Logs) -> int:
    """While six write: how many of their events two tailing readers never see."""
    writers, readers, done = logs(6), logs(2), Flag()
    seen: list[list[int]] = [[], []]
    threads = [Thread(target=tail, args=(r, done, s)) for r, s in zip(readers, seen, strict=True)]
    for thread in threads:
        thread.start()
    written = sum(at_once([partial(write, log) for log in writers]))
    done.set()
    for thread in threads:
        thread.join()
    assert all(a < b for positions in seen for a, b in pairwise(positions))
    return sum(written - len(positions) for positions in seen)


def test_e2_a_tailing_reader_misses_nothing(logs: Logs, database: Database) -> None:
    assert missed_by_two_readers(logs) == 0
    assert verify(links(database.read))


def test_e2_without_the_lock_events_are_missed(logs: Logs, database: Database) -> None:
    """The control: the same function, but positions come from a sequence and nobody waits."""
    functions = migrations()["schema_0003_append.sql"]
    start, end = functions.index("CREATE FUNCTION log.append("), functions.index("-- A community's")
    ours = functions[start:end]
    assert ours.count(LOCK) == ours.count(TAKE_HEAD) == 1
    theirs = ours.replace(LOCK, "").replace(TAKE_HEAD, "    head := nextval('log.naive');\n")
    with psycopg.connect(database.owner) as connection:
        connection.execute("CREATE SEQUENCE log.naive INCREMENT BY 100")
        connection.execute(theirs.replace("CREATE FUNCTION", "CREATE OR REPLACE FUNCTION").encode())
        connection.execute("GRANT ALL ON SEQUENCE log.naive TO gatehouse_owner")
    assert missed_by_two_readers(logs) > 0


def edited(log: PostgresLog, community: CommunityId, value: str) -> bool:
    try:
        log.append(envelope(home=community), [a_pin(value)], {ANN: 1})
    except Conflict:
        return False
    return True


def test_e5_of_eight_who_saw_the_same_one_wins(logs: Logs) -> None:
    two = logs(2)
    for _ in range(10):
        community = CommunityId(uuid7())
        store(two[0], a_resident(ANN), home=community)
        edits = [partial(edited, two[n % 2], community, f"2{n}") for n in range(8)]
        outcomes = at_once(edits)
        assert sum(outcomes) == 1
        assert len(two[0].streams(community, [ANN])[ANN]) == 2


def issued(log: PostgresLog, value: str) -> bool:
    who = ResidentId(uuid7())
    try:
        log.append(envelope(), [a_resident(who), a_pin(value, who)], {})
    except Refused:
        return False
    return True


def test_e6_a_pin_is_issued_once(logs: Logs) -> None:
    two, values = logs(2), [str(value) for value in range(100, 140)]

    def collect(n: int) -> list[bool]:
        return [issued(two[n % 2], value) for value in values]

    collected = at_once([partial(collect, n) for n in range(8)])
    assert [sum(each) for each in zip(*collected, strict=True)] == [1] * len(values)
    assert len(two[0].owners(HARBOUR, list(map(pin, values)))) == len(values)
    store(two[0], a_resident(ANN), a_pin("100"), home=ELSEWHERE)


def test_e6_revoked_is_free(logs: Logs) -> None:
    [log] = logs(1)
    store(log, a_resident(ANN), a_pin("2468"))
    store(log, PinRevoked(resident=ANN))
    other = ResidentId(uuid7())
    store(log, a_resident(other), a_pin("2468", other))
    assert log.owners(HARBOUR, [pin("2468")]) == {pin("2468"): other}


def test_vacuum_and_appending_do_not_wait_for_each_other(logs: Logs, database: Database) -> None:
    [log] = logs(1)
    log.append(envelope(), renamed(1_500), {})
    slowly = Thread(target=vacuum_slowly, args=(database,))
    slowly.start()
    waits: list[float] = []
    first_look = time.monotonic()
    while slowly.is_alive():
        began = time.monotonic()
        log.append(envelope(), renamed(1), {})
        waits.append(time.monotonic() - began)
    assert max(waits) < (time.monotonic() - first_look) / 2


def test_vacuum_would_stop_whoever_locks_the_table(logs: Logs, database: Database) -> None:
    """The control: what eventsourcing's own recorder does."""
    [log] = logs(1)
    log.append(envelope(), renamed(1_500), {})
    slowly = Thread(target=vacuum_slowly, args=(database,))
    slowly.start()
    while slowly.is_alive() and not vacuuming(database):
        time.sleep(0.01)
    with psycopg.connect(database.owner) as connection:
        connection.execute("SET lock_timeout = 200")
        with pytest.raises(psycopg.errors.LockNotAvailable):
            connection.execute("LOCK TABLE log.events IN EXCLUSIVE MODE")
    slowly.join()


def vacuum_slowly(database: Database) -> None:
    with psycopg.connect(database.owner, autocommit=True) as connection:
        connection.execute("SET vacuum_cost_delay = 50")
        connection.execute("SET vacuum_cost_limit = 5")
        connection.execute("VACUUM (FREEZE) log.events")


def vacuuming(database: Database) -> bool:
    with psycopg.connect(database.owner) as connection:
        query = "SELECT FROM pg_stat_progress_vacuum WHERE datname = current_database()"
        return bool(connection.execute(query).fetchall())
