"""GET …/logs/operations through HTTP (M92, A26)."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest
import time_machine
from flask.testing import FlaskClient

from config import Database
from domain.accounts import PLATFORM
from domain.ids import AccountId
from domain.kernel import Event
from domain.residents import PinRevoked, ResidentDeleted
from eventlog.memory import MemoryLog
from projections.accounts import Accounts
from projections.logs.operations import OperationLog
from projections.residents import Residents
from readapi.logs.operations import oldest_shown, operations
from tests.builders import (
    ANN,
    BOB,
    ELSEWHERE,
    FLAT_1,
    GATE,
    HARBOUR,
    NOW,
    a_building,
    a_community,
    a_device,
    a_pin,
    a_resident,
    an_account,
    an_apartment,
    online,
)
from tests.read_models import ASKING, House, pages
from tests.scenario import also

URL = f"/api/v1/communities/{HARBOUR}/logs/operations"
KINDS = Accounts, Residents, OperationLog


class Clocked(MemoryLog):
    """What happens from now on happens when it is said to."""

    at = NOW

    def __init__(self) -> None:
        super().__init__(lambda: self.at)


@pytest.fixture
def house(module_database: Database) -> House:
    house = House(module_database, log=Clocked())
    house.forget(*KINDS)
    house.happened(an_account(ASKING, "Asta"), community=PLATFORM)
    house.happened(a_community(), a_building(), an_apartment(FLAT_1, "12"))
    house.happened(a_resident(ANN), a_resident(BOB))
    house.happened(a_pin("2468", ANN), a_device(GATE), online(GATE))
    house.happened(a_community(home=ELSEWHERE), community=ELSEWHERE)
    house.project(*KINDS)
    return house


@pytest.fixture
def web(house: House) -> Iterator[FlaskClient]:
    with time_machine.travel(NOW + timedelta(days=3), tick=True), house.web(operations) as web:
        yield web


def by_asta(house: House, *events: Event) -> None:
    also(house.log, *events, by=str(ASKING))
    house.project(*KINDS)


def got(web: FlaskClient, query: str = "") -> list[dict[str, Any]]:
    answer = web.get(f"{URL}?{query}")
    assert answer.status_code == 200, answer.json
    items: list[dict[str, Any]] = answer.json["items"]  # type: ignore[index]
    return items


def test_m92_it_names_who_did_it_and_to_what(web: FlaskClient, house: House) -> None:
    by_asta(house, PinRevoked(resident=ANN))
    revoked, registered, *_, created = got(web)
    assert (revoked["type"], revoked["action"]) == ("PIN", "revoked")
    assert revoked["initiated_by"] == {"id": str(ASKING), "name": "Asta"}
    assert revoked["subject"] == {"id": str(ANN), "name": "Ann Archer"}
    assert registered["initiated_by"] == {"id": "past", "name": None}
    assert registered["subject"] == {"id": str(GATE), "name": "Gate"}
    assert created["subject"] == {"id": str(HARBOUR), "name": "Harbour Quarter"}


def test_somebody_deleted_is_named_no_longer(web: FlaskClient, house: House) -> None:
    by_asta(house, ResidentDeleted(resident=ANN))
    assert {op["subject"]["name"] for op in got(web, f"subject={ANN}")} == {None}
    assert {op["subject"]["name"] for op in got(web, f"subject={BOB}")} == {"Ann Archer"}


def test_m92_filters(web: FlaskClient, house: House) -> None:
    by_asta(house, PinRevoked(resident=ANN))
    assert [op["action"] for op in got(web, "type=PIN")] == ["revoked", "issued"]
    assert [op["action"] for op in got(web, f"initiated_by={ASKING}")] == ["revoked"]
    assert [op["action"] for op in got(web, "type=PIN&action=issued")] == ["issued"]
    assert [op["action"] for op in got(web, "type=device%20sync")] == ["went online"]
    instant = NOW + timedelta(microseconds=2)
    since = instant.isoformat().replace("+", "%2B")
    assert [op["type"] for op in got(web, f"until={since}")] == ["community"]
    assert len(got(web, f"since={since}")) == len(got(web)) - 1


def test_a26_what_is_older_than_30_days_and_what_phones_say_is_for_all(
    web: FlaskClient, house: House
) -> None:
    assert len(got(web, "all=true")) == len(got(web)) + 1
    with time_machine.travel(NOW + timedelta(days=40), tick=True):
        assert got(web) == []
        assert got(web, "since=2026-01-01T00:00:00Z") == []
        assert len(got(web, "all=true")) == 8


def test_a26_the_window_moves_with_the_day_and_the_etag_with_it(web: FlaskClient) -> None:
    assert oldest_shown(datetime(2026, 3, 31, 23, 59, tzinfo=UTC)) == datetime(
        2026, 3, 1, tzinfo=UTC
    )
    same = {"If-None-Match": web.get(URL).headers["ETag"]}
    assert web.get(URL, headers=same).status_code == 304
    with time_machine.travel(NOW + timedelta(days=40), tick=True):
        assert web.get(URL, headers=same).status_code == 200


def test_the_etag_moves_with_operations_and_with_names(web: FlaskClient, house: House) -> None:
    same = {"If-None-Match": web.get(URL).headers["ETag"]}
    house.happened(an_account(AccountId(UUID(int=92)), "Beat"), community=PLATFORM)
    house.project(OperationLog)
    assert web.get(URL, headers=same).status_code == 304
    house.project(Accounts)
    assert web.get(URL, headers=same).status_code == 200


def test_pages_join_while_more_happens(web: FlaskClient, house: House) -> None:
    expected = [op["position"] for op in got(web)]
    first = web.get(f"{URL}?limit=2")
    by_asta(house, PinRevoked(resident=ANN), a_pin("1357", ANN))
    rest = pages(web, f"{URL}?limit=2", first.json["next"])  # type: ignore[index]
    found = [op["position"] for page in [first.json["items"], *rest] for op in page]  # type: ignore[index]
    assert found == expected


def test_positions(web: FlaskClient, house: House) -> None:
    head = house.log.head()
    answer = web.get(f"{URL}?after_position={head}")
    assert answer.headers["X-Position"] == str(head)
    assert "X-Stale" not in answer.headers
    assert web.get(f"{URL}?after_position={head + 1}").headers["X-Stale"] == "true"


@pytest.mark.parametrize("query", ["cursor=nonsense", "cursor=WzFd", "limit=0", "since=yesterday"])
def test_what_makes_no_sense_is_422(web: FlaskClient, query: str) -> None:
    assert web.get(f"{URL}?{query}").status_code == 422


def test_each_community_has_its_own(web: FlaskClient) -> None:
    assert len(pages(web, URL.replace(str(HARBOUR), str(ELSEWHERE)))[0]) == 1
    assert web.get(URL.replace(str(HARBOUR), str(HARBOUR)[:-1] + "9")).status_code == 404


def test_no_code_leaves_the_log(web: FlaskClient) -> None:
    assert "2468" not in web.get(f"{URL}?all=true").get_data(as_text=True)
