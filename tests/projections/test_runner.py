"""A read model built anew: while its log grows, while somebody else does it, after a failure."""

import json
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from threading import Event as Flag
from threading import Thread
from typing import Any

import pytest

from config import Database
from domain.settings import CommunityRenamed
from eventlog.port import Recorded
from projections import runner
from projections.runner import LIVE, Runner
from projections.settings import CommunitySettings
from tests.builders import HARBOUR, a_community
from tests.read_models import House


@pytest.fixture
def house(module_database: Database) -> House:
    house = House(module_database)
    house.forget(CommunitySettings)
    house.happened(a_community(), *map(renamed, range(4)))
    house.project(CommunitySettings)
    return house


def renamed(times: int) -> CommunityRenamed:
    return CommunityRenamed(community=HARBOUR, name=f"Marina {times}")


def name(house: House) -> str:
    with house.reading(CommunitySettings) as model:
        return str(json.loads(model.of(HARBOUR))["name"])


def position(house: House) -> int:
    with house.connect(LIVE) as db:
        return CommunitySettings(db, house.vault).held()


class Growing:
    """A log to which somebody has always just written when it is read."""

    def __init__(self, house: House) -> None:
        self.house, self.reads = house, 0

    def head(self) -> int:
        return self.house.log.head()

    def read(self, *, after: int, limit: int = 0, wait: float = 0) -> Sequence[Recorded[Any]]:
        self.reads += 1
        assert self.reads < 20, "it never ends"
        self.house.happened(renamed(100 + self.reads))
        return self.house.log.read(after=after, limit=limit, wait=wait)


def test_a_rebuild_ends_under_steady_writes_and_no_position_falls_back(house: House) -> None:
    growing = Growing(house)
    live = list[int]()

    def projected(_done: int, _of: int) -> None:
        house.happened(renamed(99))
        house.project(CommunitySettings)
        live.append(position(house))

    built = Runner({"events": growing}, house.connect, house.vault)
    assert built.rebuild(CommunitySettings, projected) >= live[0]
    assert position(house) >= live[-1]
    assert name(house) in ("Marina 99", f"Marina {100 + growing.reads}")


def test_a_rebuild_reaches_the_head_though_a_batch_was_not_full(house: House) -> None:
    """Readers share batches: one may end where another reader's ended."""

    class Sparing(Growing):
        def read(self, *, after: int, limit: int = 0, wait: float = 0) -> Sequence[Recorded[Any]]:
            return self.house.log.read(after=after, limit=2, wait=wait)

    house.happened(renamed(7))
    Runner({"events": Sparing(house)}, house.connect, house.vault).rebuild(CommunitySettings)
    assert (position(house), name(house)) == (house.log.head(), "Marina 7")


def test_no_position_falls_back_where_the_log_has_forgotten_its_end(house: House) -> None:
    """As that of the reports does after 30 days."""

    class Forgetful(Growing):
        def read(self, *, after: int, limit: int = 0, wait: float = 0) -> Sequence[Recorded[Any]]:
            return [] if after >= 3 else self.house.log.read(after=after, limit=3 - after)

    before = position(house)
    Runner({"events": Forgetful(house)}, house.connect, house.vault).rebuild(CommunitySettings)
    assert (position(house), name(house)) == (before, "Marina 1")


def test_of_two_rebuilds_at_once_the_second_waits(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Else it drops the tables of the first, which then puts none in place of the live ones."""
    monkeypatch.setattr(runner, "BATCH", 2)
    before, second = house.rows(CommunitySettings), Thread(target=lambda: anew(house))

    def meanwhile(done: int, _of: int) -> None:
        if done == 2:
            second.start()
            second.join(0.5)

    anew(house, meanwhile)
    second.join()
    assert house.rows(CommunitySettings) == before


def anew(house: House, progress: Callable[[int, int], None] = lambda _done, _of: None) -> None:
    Runner(house.logs, house.connect, house.vault).rebuild(CommunitySettings, progress)


@contextmanager
def kept(house: House) -> Iterator[None]:
    """Followed, as in the projector process."""
    stop = Flag()
    model = Runner(house.logs, house.connect, house.vault)
    thread = Thread(target=model.keep, args=(CommunitySettings, stop))
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join()


def test_e10_one_that_has_stopped_goes_on_by_itself_when_it_is_rebuilt(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(runner, "IDLE_SECONDS", 0.05)
    with house.connect(LIVE) as db:
        db.execute("alter table settings rename column name to gone")
    with kept(house):
        house.happened(renamed(5))
        soon(lambda: failure(house) is not None)
        anew(house)
        assert failure(house) is None
        house.happened(renamed(6))
        soon(lambda: name(house) == "Marina 6")


def failure(house: House) -> str | None:
    with house.connect(LIVE) as db:
        found = db.execute("select failed from positions where name = 'settings'").fetchone()
    return found[0] if found else None


def soon(true: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 10
    while not true():
        assert time.monotonic() < deadline
        time.sleep(0.02)
