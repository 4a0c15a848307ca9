"""The contract on PostgreSQL, and what only it promises."""

import pytest

from eventlog.memory import MemoryLog
from eventlog.port import EventLog
from eventlog.postgres import PostgresLog
from tests.builders import HARBOUR, NOW
from tests.eventlog.contract import EVERY_CLAIM, LogContract, outcome, random_commands


class TestPostgresLog(LogContract):
    @pytest.fixture
    def log(self, pg_log: PostgresLog) -> EventLog:
        return pg_log


@pytest.mark.parametrize("seed", range(3))
def test_whatever_happens_the_memory_and_postgres_agree(seed: int, pg_log: PostgresLog) -> None:
    memory = MemoryLog(lambda: NOW)
    for events in random_commands(seed, 80):
        assert outcome(pg_log, events) == outcome(memory, events)
        assert pg_log.owners(HARBOUR, EVERY_CLAIM) == memory.owners(HARBOUR, EVERY_CLAIM)
