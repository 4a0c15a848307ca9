from collections.abc import Iterator

import pytest

from config import Database
from eventlog.kafka import relay
from eventlog.kafka.broker import Broker
from eventlog.postgres import PostgresLog
from eventlog.sealing import Master
from tests.eventlog.kafka.relaying import Relaying, raw_reports
from tests.running_broker import a_topic

KEK = bytes(range(32))


@pytest.fixture(autouse=True)
def _impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """A relay in a test's thread looks sooner whether it shall stop, or its broker is lost."""
    monkeypatch.setattr(relay, "WAIT_SECONDS", 0.1)
    monkeypatch.setattr(relay, "RETRY_SECONDS", 0.2)
    monkeypatch.setattr(relay, "PATIENCE_SECONDS", 4.0)


@pytest.fixture
def relaying(database: Database, broker: Broker) -> Iterator[Relaying]:
    """An empty log of its own, and a topic of its own on the suite's broker."""
    log = PostgresLog(database.append, Master(KEK))
    found = Relaying(database, log, broker, a_topic(broker))
    yield found
    found.close()


@pytest.fixture
def relaying_reports(database: Database, broker: Broker) -> Iterator[Relaying]:
    """The same for what doors report."""
    found = Relaying(database, raw_reports(database), broker, a_topic(broker), of="reports")
    yield found
    found.close()
