"""Who must go does not wait in the log behind a crowd that comes in (D6)."""

from collections.abc import Iterator
from uuid import UUID

import pytest

from config import Database
from device_adapters.shares import QUEUE
from device_adapters.simulator import Fleet
from device_adapters.site import Site
from domain.ids import ResidentId
from domain.kernel import Event
from domain.residents import PinRevoked
from eventlog.postgres import PostgresLog
from eventlog.sealing import Master
from tests.builders import ANN, HARBOUR, SWIMMERS, a_pin, a_resident
from tests.device_adapters.adapters import adapters, pins, settled
from tests.device_adapters.houses import soon
from tests.eventlog.conftest import KEK
from tests.eventlog.contract import store


@pytest.fixture
def pg_log(database: Database) -> Iterator[PostgresLog]:
    log = PostgresLog(database.append, Master(KEK))
    yield log
    log.close()


def test_d6_who_must_go_overtakes_a_crowd_that_comes_before_them_in_the_log(
    pg_log: PostgresLog, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each fact is taken once; who is new waits for their turn."""
    crowd = [ResidentId(UUID(int=1_000 + n)) for n in range(QUEUE)]
    taken, person = list[tuple[UUID, str]](), Site.person

    def noted(site: Site, who: ResidentId, happened: Event) -> None:
        taken.append((who, type(happened).__name__))
        person(site, who, happened)

    with Fleet(["X916"]) as fleet:
        settled(pg_log, fleet, HARBOUR)
        store(pg_log, a_resident(ANN, SWIMMERS), a_pin("2468", ANN))
        with adapters(pg_log, database):
            soon(lambda: pins(fleet) == {"2468"})
            monkeypatch.setattr(Site, "person", noted)
            new = [fact for n in crowd for fact in (a_resident(n), PinRevoked(resident=n))]
            store(pg_log, *new, PinRevoked(resident=ANN))
            soon(lambda: pins(fleet) == set() and len(taken) == 2 * QUEUE + 1)
    assert taken[0] == (ANN, "PinRevoked")
    assert taken[1:] == [one for n in crowd for one in ((n, "ResidentAdded"), (n, "PinRevoked"))]
