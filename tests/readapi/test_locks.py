"""GET …/locks, …/locks/{id}, …/locks/sync and …/locks/sync/failures through HTTP (M107, M122)."""

from collections.abc import Iterator

import pytest
from flask.testing import FlaskClient

from config import Database
from domain.access_groups import Door
from domain.devices import Login, Outcome
from projections.devices.changes import Changes
from projections.devices.installed import Installed
from projections.locks import Locks
from readapi.devices import devices
from readapi.locks import locks
from tests.builders import (
    ANN,
    ATTIC,
    CELLAR,
    ELSEWHERE,
    GATE,
    HARBOUR,
    SWIMMERS,
    TOWER,
    a_building,
    a_device,
    a_group,
    a_lock,
    a_pin,
    a_resident,
    lock_sync,
    synced,
)
from tests.read_models import House, pages

URL = f"/api/v1/communities/{HARBOUR}/locks"
KINDS = Changes, Locks, Installed
LOGIN = Login(user="house", password="hush")


@pytest.fixture
def house(module_database: Database) -> House:
    house = House(module_database)
    house.forget(*KINDS)
    house.happened(a_building(TOWER, "Tower"), a_device(GATE, "Gate"))
    house.happened(a_lock(CELLAR, "Cellar", login=LOGIN), a_lock(ATTIC, "Attic", "dormakaba"))
    house.happened(a_group(SWIMMERS, Door(device=CELLAR, relay=1)))
    house.happened(a_resident(ANN, SWIMMERS), a_pin("2468", ANN), lock_sync("itec", "pin"))
    house.happened(a_lock(CELLAR, "Pier"), community=ELSEWHERE)
    house.project(*KINDS)
    return house


@pytest.fixture
def web(house: House) -> Iterator[FlaskClient]:
    with house.web(locks, devices) as web:
        yield web


def names(web: FlaskClient, query: str = "") -> list[str]:
    return [item["name"] for page in pages(web, f"{URL}?{query}") for item in page]


def test_m107_list_filters_and_other_communities(web: FlaskClient) -> None:
    assert names(web) == ["Attic", "Cellar"]
    assert names(web, "limit=1") == ["Attic", "Cellar"]
    assert names(web, "brand=itec") == ["Cellar"]
    assert names(web, f"building={TOWER}&words=att") == ["Attic"]
    assert names(web, "reach=online") == []
    assert web.get(f"{URL}?brand=other").status_code == 422
    there = pages(web, URL.replace(str(HARBOUR), str(ELSEWHERE)))
    assert [doc["name"] for doc in there[0]] == ["Pier"]


def test_m107_one_lock_without_its_gateways_password(web: FlaskClient) -> None:
    answer = web.get(f"{URL}/{CELLAR}")
    assert answer.json["serial"] == "LOCK36"  # type: ignore[index]
    assert "hush" not in answer.get_data(as_text=True)
    assert web.get(f"{URL}/{GATE}").status_code == 404


def test_m122_progress_and_the_failures_with_their_reasons(house: House, web: FlaskClient) -> None:
    def of_pins() -> object:
        docs = web.get(f"{URL}/sync").get_json()
        [found] = [d for d in docs if (d["brand"], d["kind"]) == ("itec", "pin")]
        return found

    counts = {"brand": "itec", "kind": "pin", "on": True, "total": 1}
    assert of_pins() == counts | {"settled": 0, "failed": 0, "percent": 0}
    assert pages(web, f"{URL}/sync/failures") == [[]]
    refused = Outcome(holder=ANN, kind="pin", state="rejected", reason="taken")
    position = house.happened(synced(CELLAR, refused))
    house.project(*KINDS)
    assert of_pins() == counts | {"settled": 1, "failed": 1, "percent": 100}
    [[failed]] = pages(web, f"{URL}/sync/failures?after_position={position}")
    assert (failed["lock_name"], failed["name"], failed["state"], failed["reason"]) == (
        "Cellar",
        "Ann Archer",
        "rejected",
        "taken",
    )
    assert "2468" not in web.get(f"{URL}/sync/failures").get_data(as_text=True)


def test_m99_a_locks_credentials_are_asked_like_a_phones(house: House, web: FlaskClient) -> None:
    url = f"{URL.removesuffix('/locks')}/devices/{CELLAR}/credentials"
    [[doc]] = pages(web, url)
    [pin] = doc["credentials"]
    assert (pin["kind"], pin["state"]) == ("pin", "pending")
    switched = pin["wanted_since"]
    house.happened(lock_sync("itec"), lock_sync("itec", "pin"), lock_sync("dormakaba", "pin"))
    house.project(*KINDS)
    [[doc]] = pages(web, url)
    assert doc["credentials"][0]["wanted_since"] > switched
