"""The log in PostgreSQL as a bus: the contract of every carrier, and a real change carried."""

from collections import defaultdict
from collections.abc import Sequence

import psycopg
import pytest

from config import Database
from eventlog.bus import LogBus, RawRecord, opened, raw_of
from eventlog.codec import Codec
from eventlog.postgres import PostgresLog
from tests.builders import HARBOUR, a_community, a_pin, a_resident
from tests.eventlog.bus_contract import BusContract, drained
from tests.eventlog.contract import store
from tests.eventlog.test_bus import Place


class TestPostgresLogBus(BusContract):
    @pytest.fixture(autouse=True)
    def carrier(self, pg_log: PostgresLog, module_database: Database) -> None:
        self.log, self.owner = pg_log, module_database.owner
        self.places = defaultdict[str, Place](Place)

    def publish(self, records: Sequence[RawRecord]) -> None:
        """As they stand, past the append function, which gives positions of its own."""
        with psycopg.connect(self.owner) as db, db.cursor() as cursor:
            cursor.executemany(
                "INSERT INTO log.events VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, '')",
                [
                    (
                        r.position,
                        r.community,
                        r.stream,
                        r.version,
                        r.type,
                        r.subject,
                        r.recorded_at,
                        r.actor,
                        r.command_id,
                        r.cause,
                        r.body,
                    )
                    for r in records
                ],
            )

    def join(self, group: str, share: tuple[int, int] = (1, 1)) -> LogBus:
        nth, of = share
        return LogBus(self.log, self.places[f"{group} {share}"], range(nth - 1, 12, of))


def test_what_is_appended_is_carried_sealed_and_opens_for_who_has_the_keys(
    pg_log: PostgresLog,
) -> None:
    store(pg_log, a_community(), a_resident(), a_pin("2468"))
    messages = drained(LogBus(pg_log, Place()), 3)
    assert b"2468" not in b"".join(m.value for m in messages)
    found = opened(map(raw_of, messages), Codec(), pg_log.vault.keyring.get)
    assert [r.event for r in found] == [a_community(), a_resident(), a_pin("2468")]
    assert {r.community for r in found} == {HARBOUR}
    assert list(found) == list(pg_log.read(after=0))
