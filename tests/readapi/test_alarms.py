"""GET …/alarms through HTTP, and the sheet of it."""

from collections.abc import Iterator
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest
from flask.testing import FlaskClient

from config import Database
from domain.accounts import PLATFORM
from domain.alarms import AlarmSolved, FireInputsChosen
from domain.ids import AccountId
from projections.accounts import Accounts
from projections.alarms import Alarms
from projections.devices.phones import Devices
from projections.emergency import Emergencies
from projections.settings import CommunitySettings
from readapi.alarms import COLUMNS, alarms
from schemas.sheets import read_sheet
from tests.builders import (
    ELSEWHERE,
    FIRE,
    GATE,
    GYM,
    HARBOUR,
    NOW,
    TAMPERING,
    a_box,
    a_community,
    a_device,
    an_account,
    an_alarm,
    online,
)
from tests.read_models import House, pages
from tests.scenario import also

URL = f"/api/v1/communities/{HARBOUR}/alarms"
ASTA = AccountId(UUID(int=92))
MODELS = (Alarms, Accounts, CommunitySettings, Devices, Emergencies)


@pytest.fixture
def house(database: Database) -> House:
    house = House(database)
    house.happened(an_account(ASTA, "Asta"), community=PLATFORM)
    house.happened(
        a_community(zone="Asia/Tokyo"),
        a_device(GATE, box=a_box(model="R29")),
        a_device(GYM, "Gym"),
        an_alarm(TAMPERING, heard_at=NOW - timedelta(hours=1)),
        an_alarm(FIRE, "emergency", GYM, '=CMD("Gym")'),
    )
    house.happened(a_community(home=ELSEWHERE), an_alarm(FIRE), community=ELSEWHERE)
    also(house.log, AlarmSolved(alarm=TAMPERING, note="the wind"), by=str(ASTA))
    house.project(*MODELS)
    return house


@pytest.fixture
def web(house: House) -> Iterator[FlaskClient]:
    with house.web(alarms) as web:
        yield web


def test_m124_m127_records_with_who_solved_them_page_by_page(web: FlaskClient) -> None:
    [[fire], [tampering]] = pages(web, f"{URL}?limit=1")
    assert (fire["kind"], fire["solved_by"], fire["note"]) == ("emergency", None, None)
    assert tampering["solved_by"] == {"id": str(ASTA), "name": "Asta"}
    assert tampering["note"] == "the wind"


def test_m127_by_interval_kind_device_and_state(web: FlaskClient) -> None:
    def found(query: str) -> list[str]:
        [items] = pages(web, f"{URL}?{query}")
        return [alarm["kind"] for alarm in items]

    assert found("since=2026-03-02T08:00:00Z") == ["emergency"]
    assert found("until=2026-03-02T08:00:00Z") == ["tamper"]
    assert found("kind=tamper") == ["tamper"]
    assert found(f"device={GYM}") == ["emergency"]
    assert found("solved=false") == ["emergency"]
    assert web.get(f"{URL}?kind=earthquake").status_code == 422
    assert web.get(f"{URL}?since=yesterday").status_code == 422


def test_m11_the_red_dots_go_when_it_is_solved(house: House, web: FlaskClient) -> None:
    before = web.get(f"{URL}/unsolved")
    assert before.json == {
        "total": 1,
        "emergency": 1,
        "arming": 0,
        "tamper": 0,
        "break_in": 0,
        "door_held": 0,
        "revoked_used": 0,
        "push_suspended": 0,
        "phone_full": 0,
        "wrong_box": 0,
        "doors": "off",
    }
    position = house.happened(AlarmSolved(alarm=FIRE, note="toast"))
    house.project(Alarms, Emergencies)
    after = web.get(
        f"{URL}/unsolved?after_position={position}",
        headers={"If-None-Match": before.headers["ETag"]},
    )
    assert (after.status_code, after.get_json()["total"]) == (200, 0)


def test_m86_m127_an_interval_as_a_sheet_by_the_communitys_clock(web: FlaskClient) -> None:
    answer = web.get(f"{URL}/export?until=2026-03-02T08:00:00Z")
    assert answer.status_code == 200
    [row] = read_sheet(answer.data, COLUMNS).rows
    assert row.cells["Time"] == "2026-03-02 16:30:00"
    assert (row.cells["Alarm"], row.cells["Status"]) == ("Tamper alarm", "Solved")
    assert (row.cells["Solved by"], row.cells["Note"]) == ("Asta", "the wind")
    whole = read_sheet(web.get(f"{URL}/export").data, COLUMNS)
    assert [r.cells["Status"] for r in whole.rows] == ["Unsolved", "Solved"]
    assert whole.rows[0].cells["Where"] == '=CMD("Gym")'  # as text, never as a formula (F5)


def test_m128_what_a_device_can_report_with_the_firmware_it_has_now(
    house: House, web: FlaskClient
) -> None:
    at = f"/api/v1/communities/{HARBOUR}/devices"

    def can(device: UUID) -> dict[str, Any]:
        return dict(web.get(f"{at}/{device}/capabilities").get_json())

    nothing = dict.fromkeys(("tamper_alarms", "failure_reasons", "screensaver"), False)
    house.happened(online(GATE, "29.30.10.436"), online(GYM))
    house.happened(FireInputsChosen(device=GYM, inputs=frozenset({2})))
    house.project(Devices, Alarms)
    assert can(GATE) == nothing | {"screensaver": True, "fire_inputs": []}
    house.happened(online(GATE, "29.30.10.507"))
    house.project(Devices)
    assert can(GATE) == dict.fromkeys(nothing, True) | {"fire_inputs": []}
    assert can(GYM) == nothing | {"fire_inputs": [2]}
    assert web.get(f"{at}/{FIRE}/capabilities").status_code == 404
