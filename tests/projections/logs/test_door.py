"""M84, M85, M82: the door log as a read model."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest
from hypothesis import given as forall
from hypothesis import strategies as st

from config import Database
from domain.accounts import PLATFORM
from domain.ids import AccountId
from domain.maintenance import OperationId
from domain.reports import Asked, DoorLogEntry
from eventlog.reports import MemoryReportLog
from projections.accounts import Accounts
from projections.logs.door import DoorLog, DoorLogDoc, Wanted
from projections.residents import Residents
from readapi.logs.door import door
from tests.builders import (
    ANN,
    BOB,
    ELSEWHERE,
    FLAT_2,
    GATE,
    GYM,
    HARBOUR,
    NOW,
    TOWER,
    a_building,
    a_community,
    a_default_group,
    a_resident,
    an_account,
    an_apartment,
)
from tests.projections.logs.door_entries import an_entry, told
from tests.projections.properties import docs, few, is_its_schemas
from tests.read_models import House, pages

EVER = Wanted(since=datetime(2000, 1, 1, tzinfo=UTC))
URL = f"/api/v1/communities/{HARBOUR}/logs/door"


@pytest.fixture
def house(module_database: Database) -> House:
    house = House(module_database)
    house.forget(Accounts, DoorLog, Residents)
    return house


ASTA, BEAT = (AccountId(UUID(int=n)) for n in (92, 93))
OPENING = OperationId(UUID(int=901))
REMOTE: dict[str, Any] = {
    "method": "remote",
    "holder": None,
    "holder_kind": None,
    "apartment": None,
}
BOBS: dict[str, Any] = {"holder": BOB, "apartment": FLAT_2}
SEEN = (
    an_entry(1),
    an_entry(2, outcome="failed", holder=None, holder_kind=None, apartment=None),
    an_entry(
        1, device=GYM, method="card", building=None, happened_at=NOW + timedelta(hours=2), **BOBS
    ),
    an_entry(2, device=GYM, kind="call", happened_at=NOW + timedelta(hours=3), **BOBS),
    an_entry(3, **REMOTE, asked=Asked(operation=OPENING, by=str(ASTA))),
    an_entry(4, **REMOTE, outcome="offline", asked=Asked(operation=OPENING, by=str(BEAT))),
)


@pytest.mark.parametrize(
    ("asked", "found"),
    [
        ({}, [4, 3, 6, 5, 2, 1]),
        ({"device": GATE}, [6, 5, 2, 1]),
        ({"building": TOWER}, [4, 6, 5, 2, 1]),
        ({"apartment": FLAT_2}, [4, 3]),
        ({"holder": ANN}, [1]),
        ({"initiators": (str(ANN),)}, [1]),
        ({"initiators": (str(ANN), str(ASTA))}, [5, 1]),
        ({"initiators": (str(BEAT),)}, [6]),
        ({"initiators": ()}, []),
        ({"initiators": (str(ASTA),), "holder": ANN}, []),
        ({"outcome": "failed"}, [2]),
        ({"outcome": "offline"}, [6]),
        ({"kind": "call"}, [4]),
        ({"method": "card"}, [3]),
        ({"since": NOW + timedelta(hours=1)}, [4, 3]),
        ({"until": NOW + timedelta(hours=1)}, [6, 5, 2, 1]),
    ],
)
def test_m85_the_log_is_filtered(house: House, asked: dict[str, Any], found: list[int]) -> None:
    told(house, *SEEN)
    told(house, an_entry(1), home=ELSEWHERE)
    house.project(DoorLog)
    with house.reading(DoorLog) as model:
        page = model.page(HARBOUR, replace(EVER, **asked), None, 50)
    said = [int(doc.partition('"position":')[2].partition(",")[0]) for doc in page.docs]
    assert said == found


def test_m84_a_document_is_its_schemas_and_holds_no_name(house: House) -> None:
    told(house, *SEEN)
    house.project(DoorLog)
    found = docs(house, DoorLog)
    assert len(found) == len(SEEN)
    for doc in found:
        is_its_schemas(doc, DoorLogDoc)


def test_m82_after_30_days_a_day_is_dropped(house: House) -> None:
    now = NOW
    house.reports = MemoryReportLog(lambda: now)
    for day in (0, 1, 30, 31):
        now = NOW + timedelta(days=day)
        told(house, an_entry(day + 1))
        house.project(DoorLog)
        with house.reading(DoorLog) as model:
            kept = len(model.page(HARBOUR, EVER, None, 50).docs)
        assert kept == {0: 1, 1: 2, 30: 3, 31: 3}[day]
        # day 30 still shows day 0, day 31 no longer


def test_m10_openings_are_counted_by_the_hour_of_the_communitys_clock(house: House) -> None:
    told(house, *SEEN)
    house.project(DoorLog)
    with house.reading(DoorLog) as model:
        assert model.openings(HARBOUR, NOW, "UTC") == {8: 2, 10: 1}
        assert model.openings(HARBOUR, NOW, "Asia/Tokyo") == {17: 2, 19: 1}


@few
@forall(
    st.lists(st.sampled_from(SEEN), max_size=6, unique_by=lambda e: (e.device, e.id)),
    st.integers(1, 3),
)
def test_any_cut_and_a_rebuild_give_the_same_rows(
    module_database: Database, seen: list[DoorLogEntry], batch: int
) -> None:
    house = House(module_database)
    house.forget(DoorLog)
    told(house, *sorted(seen, key=lambda e: e.id))
    told(house, an_entry(1), home=ELSEWHERE)
    house.project(DoorLog)
    at_once = house.rows(DoorLog)
    house.forget(DoorLog)
    house.project(DoorLog, batch=batch)
    assert house.rows(DoorLog) == at_once
    house.rebuild(DoorLog)
    assert house.rows(DoorLog) == at_once


def test_m85_the_screen_names_people_as_they_are_called_now(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("readapi.logs.door.oldest_shown", lambda _: EVER.since)
    house.happened(a_community(), a_building(), a_default_group(), an_apartment(), a_resident(ANN))
    told(house, *SEEN)
    house.project(Accounts, DoorLog, Residents)
    with house.web(door) as web:
        answer = web.get(f"{URL}?initiated_by=arch")
        [entry] = answer.json["items"]
        assert entry["holder"] == {"id": str(ANN), "kind": "resident", "name": "Ann Archer"}
        assert answer.headers["X-Reports-Position"] == "6"
        assert web.get(f"{URL}?initiated_by=nobody").json["items"] == []
        [[first, *_]] = pages(web, URL)
        assert first["holder"] == {"id": str(BOB), "kind": "resident", "name": None}
        assert [len(page) for page in pages(web, f"{URL}?limit=4")] == [4, 2]
        assert web.get(f"{URL}?kind=nonsense").status_code == 422
        other = URL.replace(str(HARBOUR), str(UUID(int=77)))
        assert web.get(other).status_code == 404


def test_m85_the_screen_says_which_account_had_a_door_opened(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also of one whose name nobody knows any more, or who is called as a resident is."""
    monkeypatch.setattr("readapi.logs.door.oldest_shown", lambda _: EVER.since)
    house.happened(a_community(), a_building(), a_default_group(), an_apartment(), a_resident(ANN))
    house.happened(an_account(ASTA, "Asta Archer"), community=PLATFORM)
    told(house, *SEEN)
    house.project(Accounts, DoorLog, Residents)
    with house.web(door) as web:

        def found(query: str) -> list[int]:
            return [e["position"] for e in web.get(f"{URL}?{query}").json["items"]]

        [asta] = web.get(f"{URL}?initiated_by={ASTA}").json["items"]
        assert asta["asked_by"] == {"id": str(ASTA), "name": "Asta Archer"}
        assert (asta["holder"], asta["position"]) == (None, 5)
        [beat] = web.get(f"{URL}?initiated_by={BEAT}").json["items"]
        assert beat["asked_by"] == {"id": str(BEAT), "name": None}
        assert found("initiated_by=ARCH+asta") == found("initiated_by=sta") == [5]
        assert found("initiated_by=archer") == [5, 1]
        assert found(f"initiated_by=archer&holder={ANN}") == [1]
        assert found("initiated_by=%25") == found("initiated_by=beat") == []
        assert [
            e["asked_by"] for e in web.get(f"{URL}?method=pin&device={GATE}").json["items"]
        ] == [
            None,
            None,
        ]
