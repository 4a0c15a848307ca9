"""GET …/devices, …/devices/{id}/credentials and …/residents/{id}/doors through HTTP."""

from collections.abc import Iterator
from typing import Any
from uuid import UUID

import pytest
from flask.testing import FlaskClient

from config import Database
from domain.access_groups import Door
from domain.devices import Outcome, Place
from domain.ids import DeviceId
from domain.kernel import Event
from projections.devices.installed import Installed
from projections.devices.phones import Devices
from readapi.devices import devices
from tests.builders import (
    ANN,
    BOB,
    ELSEWHERE,
    GATE,
    GYM,
    HARBOUR,
    SWIMMERS,
    TOWER,
    a_building,
    a_device,
    a_group,
    a_pin,
    a_resident,
    online,
    synced,
)
from tests.read_models import House, pages

HOME = f"/api/v1/communities/{HARBOUR}"
URL = f"{HOME}/devices"
KINDS = Devices, Installed
PIN = "24681357"


@pytest.fixture
def house(module_database: Database) -> House:
    house = House(module_database)
    house.forget(*KINDS)
    house.happened(a_building(TOWER, "Tower"), a_device(GATE, "Gate"))
    house.happened(a_device(GYM, "Gym", place=Place()), online(GYM))
    house.happened(a_group(SWIMMERS, Door(device=GATE, relay=1)))
    house.happened(a_resident(ANN, SWIMMERS), a_resident(BOB, SWIMMERS), a_pin(PIN, ANN))
    house.happened(a_device(GATE, "Pier", place=Place()), community=ELSEWHERE)
    house.project(*KINDS)
    return house


@pytest.fixture
def web(house: House) -> Iterator[FlaskClient]:
    with house.web(devices) as web:
        yield web


def more(house: House, *events: Event) -> None:
    house.happened(*events)
    house.project(*KINDS)


def got(web: FlaskClient, query: str = "") -> list[str]:
    return [item["name"] for page in pages(web, f"{URL}?{query}") for item in page]


def test_m99_list_filters_and_other_communities(web: FlaskClient) -> None:
    assert got(web) == ["Gate", "Gym"]
    assert got(web, f"building={TOWER}") == ["Gate"]
    assert got(web, "words=tower%20gat") == ["Gate"]
    assert got(web, "mac=0C:11:05:0A:00:32") == ["Gym"]
    assert got(web, "reach=online") == ["Gym"]
    assert got(web, "reach=never_seen&model=X916") == ["Gate"]
    there = pages(web, URL.replace(str(HARBOUR), str(ELSEWHERE)))
    assert [d["name"] for d in there[0]] == ["Pier"]


def test_m99_pages_join_while_phones_come(web: FlaskClient, house: House) -> None:
    ids = [DeviceId(UUID(int=n)) for n in range(33, 40)]
    more(house, *(a_device(id, f"Phone {id.int}") for id in ids))
    expected = got(web)
    first: Any = web.get(f"{URL}?limit=3").json
    more(house, a_device(DeviceId(UUID(int=40)), "A before all"))
    rest = pages(web, f"{URL}?limit=3", first["next"])
    assert [d["name"] for page in [first["items"], *rest] for d in page] == expected


@pytest.mark.parametrize("query", ["cursor=WzFd", "cursor=e30", "reach=maybe", "limit=201"])
def test_what_makes_no_sense_is_422(web: FlaskClient, query: str) -> None:
    assert web.get(f"{URL}?{query}").status_code == 422


def test_m100_m101_one_phone_without_its_secrets(web: FlaskClient) -> None:
    answer = web.get(f"{URL}/{GATE}")
    assert answer.json["box"]["address"] == "http://127.0.0.1:8131"  # type: ignore[index]
    said = answer.get_data(as_text=True)
    assert "hint" not in said
    assert "login" not in said
    assert web.get(f"{URL}/{ANN}").status_code == 404
    assert web.get(f"{URL}/{GYM}".replace(str(HARBOUR), str(ELSEWHERE))).status_code == 404


def test_the_list_is_304_while_only_people_change(web: FlaskClient, house: House) -> None:
    same = {"If-None-Match": web.get(URL).headers["ETag"]}
    more(house, a_pin("8642", BOB))
    assert web.get(URL, headers=same).status_code == 304
    more(house, online(GATE))
    assert web.get(URL, headers=same).status_code == 200


def test_d5_doors_of_a_resident_over_time(web: FlaskClient, house: House) -> None:
    url = f"{HOME}/residents/{ANN}/doors"
    answer = web.get(url)
    [gate] = answer.json["doors"]  # type: ignore[index]
    assert answer.json["summary"] == {"verified": 0, "of": 1}  # type: ignore[index]
    assert gate["credentials"] == [
        {
            "kind": "pin",
            "state": "pending",
            "doors": [{"relay": 1, "name": "Gate 1"}],
            "reported_at": None,
            "reason": None,
        }
    ]
    text = f"{PIN}|daily:://00:00-23:59@1"
    digest = house.vault.digest(HARBOUR, "credential", text)
    same = {"If-None-Match": answer.headers["ETag"]}
    more(house, synced(GATE, Outcome(holder=ANN, kind="pin", state="verified", digest=digest)))
    answer = web.get(url, headers=same)
    assert answer.json["summary"] == {"verified": 1, "of": 1}  # type: ignore[index]
    more(house, a_pin("8642", ANN))
    answer = web.get(f"{url}?after_position={house.log.head()}")
    assert answer.json["summary"] == {"verified": 0, "of": 1}  # type: ignore[index]
    assert answer.headers["X-Position"] == str(house.log.head())
    assert PIN not in answer.get_data(as_text=True)
    assert "8642" not in answer.get_data(as_text=True)


def test_d5_doors_of_nobody_are_404(web: FlaskClient) -> None:
    assert web.get(f"{HOME}/residents/{GATE}/doors").status_code == 404
    there = HOME.replace(str(HARBOUR), str(ELSEWHERE))
    assert web.get(f"{there}/residents/{ANN}/doors").status_code == 404


def test_m99_who_is_on_a_phone(web: FlaskClient) -> None:
    url = f"{URL}/{GATE}/credentials"
    found = [[item["holder"] for item in page] for page in pages(web, f"{url}?limit=1")]
    assert found == [[str(ANN)], [str(BOB)]]
    assert web.get(f"{url}?cursor=WyJhIiwiYiJd").status_code == 422
    assert web.get(f"{URL}/{ANN}/credentials").status_code == 404
