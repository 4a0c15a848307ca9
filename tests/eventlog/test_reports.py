"""The log of reports in memory and on PostgreSQL."""

import hashlib
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from time import sleep

import psycopg
import pytest

from config import Database
from domain.ids import DeviceId
from domain.record import Personal
from domain.reports import Report, report
from eventlog.postgres.connections import Connections
from eventlog.postgres.reports import PostgresReportLog, ReportListener
from eventlog.reports import Cursor, MemoryReportLog, ReportCodec, ReportLog
from schemas.atoms import micros
from tests.eventlog.report_log_contract import GATE, HARBOUR, ReportLogContract, an_alarm, an_entry

OLD, OLDER = date(2025, 1, 10), date(2025, 1, 2)


class Clock:
    now = datetime(2026, 3, 2, 8, 30, tzinfo=UTC)

    def __call__(self) -> datetime:
        return self.now


class TestMemoryReportLog(ReportLogContract):
    @pytest.fixture
    def log(self) -> ReportLog:
        return MemoryReportLog(Clock())

    def test_m82_old_days_go_and_the_positions_go_on(self) -> None:
        clock = Clock()
        log = MemoryReportLog(clock)
        log.append(HARBOUR, GATE, [an_entry(1)], expected=None)
        clock.now += timedelta(days=1)
        log.append(HARBOUR, GATE, [an_entry(2)], expected=Cursor(epoch=0, last_id=1))
        assert log.drop_before(clock.now.date()) == 1
        assert [r.position for r in log.read(after=0)] == [2]
        assert log.head() == 2

    def test_s9_after_a_while_the_same_is_noted_again(self) -> None:
        clock = Clock()
        log = MemoryReportLog(clock)
        log.note(HARBOUR, an_alarm())
        clock.now += timedelta(minutes=1)
        assert log.note(HARBOUR, an_alarm(), quiet=timedelta(minutes=1)) == 2


@pytest.fixture
def owner(module_database: Database) -> Iterator[psycopg.Connection]:
    with psycopg.connect(module_database.owner, autocommit=True) as connection:
        yield connection


@pytest.fixture
def postgres_log(
    module_database: Database, owner: psycopg.Connection
) -> Iterator[PostgresReportLog]:
    """As if nobody had ever written."""
    owner.execute("SELECT log.drop_reports_before('infinity')")
    owner.execute("UPDATE log.report_head SET position = 0, hash = %s", [bytes(32)])
    owner.execute("TRUNCATE log.report_cursors")
    connections = Connections(module_database.append)
    listener = ReportListener(module_database.append)
    yield PostgresReportLog(connections, listener, ReportCodec())
    listener.close()
    connections.close()


class TestPostgresReportLog(ReportLogContract):
    @pytest.fixture
    def log(self, postgres_log: PostgresReportLog) -> ReportLog:
        return postgres_log

    def test_s9_after_a_while_the_same_is_noted_again(self, log: ReportLog) -> None:
        log.note(HARBOUR, an_alarm())
        assert log.note(HARBOUR, an_alarm(), quiet=timedelta(minutes=1)) is None
        sleep(0.02)
        assert log.note(HARBOUR, an_alarm(), quiet=timedelta(milliseconds=10)) == 2


def partitions(owner: psycopg.Connection) -> list[str]:
    rows = owner.execute(
        "SELECT inhrelid::regclass::text FROM pg_inherits WHERE inhparent = 'log.reports'::regclass"
    ).fetchall()
    return sorted(name for (name,) in rows)


def test_m82_a_day_is_dropped_whole_and_the_rest_and_the_head_stay(
    postgres_log: PostgresReportLog, owner: psycopg.Connection
) -> None:
    postgres_log.append(HARBOUR, GATE, [an_entry(1)], expected=None)
    for day in (OLDER, OLD):
        owner.execute("SELECT log.make_report_partitions(%s)", [day])
    before = partitions(owner)
    assert postgres_log.drop_before(OLD) == 4
    assert set(before) - set(partitions(owner)) == {f"log.reports_2025010{n}" for n in range(2, 6)}
    assert (postgres_log.head(), len(postgres_log.read(after=0))) == (1, 1)


def test_partitions_are_made_before_their_day_comes(
    postgres_log: PostgresReportLog, owner: psycopg.Connection
) -> None:
    """As when nobody wrote for days: the append itself makes what is missing."""
    for partition in partitions(owner):
        owner.execute(f"DROP TABLE {partition}".encode())
    assert postgres_log.append(HARBOUR, GATE, [an_entry(1)], expected=None) == 1
    today = datetime.now(UTC).date()
    assert partitions(owner) == [f"log.reports_{today + timedelta(n):%Y%m%d}" for n in range(4)]


def test_a1_nobody_changes_what_is_stored(
    module_database: Database, postgres_log: PostgresReportLog, owner: psycopg.Connection
) -> None:
    postgres_log.append(HARBOUR, GATE, [an_entry(1)], expected=None)
    for statement in ("UPDATE log.reports SET type = 'x'", "DELETE FROM log.reports"):
        with pytest.raises(psycopg.Error, match="append-only"):
            owner.execute(statement.encode())
        with (
            psycopg.connect(module_database.append) as appender,
            pytest.raises(psycopg.errors.InsufficientPrivilege),
        ):
            appender.execute(statement.encode())
    with pytest.raises(psycopg.Error, match="append-only"):
        owner.execute("TRUNCATE log.reports")


def field(value: bytes | None) -> bytes:
    return b"\xff" * 4 if value is None else len(value).to_bytes(4) + value


def number(value: int | None, size: int) -> bytes | None:
    return None if value is None else value.to_bytes(size)


def test_a1_each_report_is_chained_to_the_one_before(
    postgres_log: PostgresReportLog, owner: psycopg.Connection
) -> None:
    """As anybody would compute it who has only the rows."""
    postgres_log.append(HARBOUR, GATE, [an_entry(1), an_entry(2)], expected=None)
    postgres_log.note(HARBOUR, an_entry(0, source="callback"))
    rows = owner.execute(
        "SELECT position, community, device, epoch, id, type, recorded_at, body, hash"
        " FROM log.reports ORDER BY position"
    ).fetchall()
    chained = bytes(32)
    for position, home, device, epoch, id, type, at, body, stored in rows:
        parts = [
            chained,
            number(position, 8),
            home.bytes,
            device.bytes,
            number(epoch, 4),
            number(id, 8),
            type.encode(),
            number(micros(at), 8),
            hashlib.sha256(body).digest(),
        ]
        chained = hashlib.sha256(b"".join(map(field, parts))).digest()
        assert stored == chained
    assert owner.execute("SELECT hash FROM log.report_head").fetchone() == (chained,)


def test_who_listens_hears_of_each_append_once(
    postgres_log: PostgresReportLog, owner: psycopg.Connection
) -> None:
    owner.execute("LISTEN reports")
    postgres_log.append(HARBOUR, GATE, [an_entry(1), an_entry(2)], expected=None)
    postgres_log.note(HARBOUR, an_entry(0, source="callback"))
    assert [n.payload for n in owner.notifies(timeout=5, stop_after=2)] == ["2", "3"]


def test_a_report_names_no_person() -> None:
    with pytest.raises(TypeError, match="Visited holds what is personal"):

        @report
        class Visited(Report):
            device: DeviceId
            name: Personal[str]
