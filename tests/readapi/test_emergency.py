"""GET …/emergency through HTTP, and the sheet of a drill."""

from collections.abc import Iterator
from dataclasses import replace
from uuid import UUID

import pytest
from flask.testing import FlaskClient

from config import Database
from domain.accounts import PLATFORM
from domain.ids import AccountId
from projections.accounts import Accounts
from projections.emergency import Emergencies
from projections.settings import CommunitySettings
from readapi.emergency import COLUMNS, emergency
from schemas.sheets import read_sheet
from tests.builders import ELSEWHERE, GATE, GYM, HARBOUR, a_community, a_device, an_account
from tests.projections.test_emergency import FRONT, POOL, locked, order_id, tried, unlocked
from tests.read_models import House, pages
from tests.scenario import also

URL = f"/api/v1/communities/{HARBOUR}/emergency"
ASTA = AccountId(UUID(int=92))


@pytest.fixture
def house(database: Database) -> House:
    house = House(database)
    house.happened(an_account(ASTA, "Asta"), community=PLATFORM)
    house.happened(
        a_community(zone="Asia/Tokyo"),
        a_device(GATE, relays=1),
        a_device(GYM, '=CMD("Gym")', relays=1),
    )
    house.happened(a_community(home=ELSEWHERE), unlocked(), community=ELSEWHERE)
    also(house.log, unlocked(5, drill=True), by=str(ASTA))
    house.happened(tried(5, FRONT, "verified", 0.25), tried(5, POOL, "offline", 5))
    also(house.log, replace(locked(6), cause="break_glass"), by="break-glass ann@host")
    house.project(Emergencies, Accounts, CommunitySettings)
    return house


@pytest.fixture
def web(house: House) -> Iterator[FlaskClient]:
    with house.web(emergency) as web:
        yield web


def test_m118_how_each_door_stands(house: House, web: FlaskClient) -> None:
    said = web.get(URL).json
    assert said is not None
    assert (said["state"], said["red"], said["group"]) == ("off", 2, None)
    assert {door["commanded"] for door in said["doors"]} == {"shut"}
    house.happened(unlocked(7))
    house.project(Emergencies)
    again = web.get(URL).get_json()
    assert (again["state"], again["red"]) == ("on", 2)
    assert web.get(URL.replace(str(HARBOUR), str(UUID(int=77)))).status_code == 404


def test_n16_all_orders_newest_first_with_who_gave_them(web: FlaskClient) -> None:
    [[lock], [drill]] = pages(web, f"{URL}/orders?limit=1")
    assert (lock["action"], lock["cause"]) == ("lock", "break_glass")
    assert lock["given_by"] == {"id": "break-glass ann@host", "name": None}
    assert (drill["action"], drill["drill"]) == ("unlock", True)
    assert drill["given_by"] == {"id": str(ASTA), "name": "Asta"}


def test_n16_the_report_of_a_drill(web: FlaskClient) -> None:
    said = web.get(f"{URL}/orders/{order_id(5)}").json
    assert said is not None
    assert (said["drill"], said["verified"], said["red"], said["slowest"]) == (True, 1, 1, 250)
    by_device = {door["device"]: door for door in said["doors"]}
    front, pool = by_device[str(GATE)], by_device[str(GYM)]
    assert (front["commanded"], front["shown"], front["milliseconds"]) == ("open", "open", 250)
    assert (pool["commanded"], pool["shown"], pool["state"]) == ("open", None, "offline")
    assert web.get(f"{URL}/orders/{order_id(1)}").status_code == 404  # of another community


def test_n16_m86_as_a_sheet_by_the_communitys_clock(web: FlaskClient) -> None:
    answer = web.get(f"{URL}/orders/{order_id(5)}/export")
    assert answer.status_code == 200
    assert "emergency-unlock-2026-03-02-1730.xlsx" in answer.headers["Content-Disposition"]
    rows = {row.cells["Device"]: row.cells for row in read_sheet(answer.data, COLUMNS).rows}
    front, pool = rows[str(GATE)], rows[str(GYM)]
    assert (front["Commanded"], front["Actual"], front["Seconds"]) == ("open", "open", "0.250")
    assert front["Verified at"] == "2026-03-02 17:30:05.250"
    assert (pool["Actual"], pool["State"], pool["Reason"]) == ("unknown", "offline", "offline")
    assert pool["Door"].startswith('=CMD("Gym")')  # as text, never as a formula (F5)
    assert pool["Drill"] == "yes"
