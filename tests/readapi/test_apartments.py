"""M65: …/buildings and …/apartments through HTTP."""

from collections.abc import Iterator
from uuid import UUID

import pytest
from flask.testing import FlaskClient

from config import Database
from domain.apartments import ApartmentRenamed
from domain.ids import ApartmentId
from domain.kernel import Event
from projections.apartments import Apartments
from readapi.apartments import apartments
from tests.builders import (
    ANN,
    ANNEX,
    ELSEWHERE,
    FLAT_1,
    FLAT_2,
    HARBOUR,
    STAFF,
    TOWER,
    a_building,
    a_community,
    a_resident,
    an_apartment,
    joined,
)
from tests.read_models import House, pages

HOME, AWAY = f"/api/v1/communities/{HARBOUR}", f"/api/v1/communities/{ELSEWHERE}"
URL = f"{HOME}/apartments"


@pytest.fixture
def house(module_database: Database) -> House:
    house = House(module_database)
    house.forget(Apartments)
    house.happened(
        a_community(),
        a_building(TOWER, "Tower"),
        a_building(ANNEX, "Annex", STAFF),
        an_apartment(FLAT_1, "10", TOWER),
        an_apartment(FLAT_2, "2", ANNEX),
        a_resident(ANN),
        joined(ANN),
    )
    house.happened(
        a_community(home=ELSEWHERE),
        a_building(TOWER, "Elsewhere"),
        an_apartment(FLAT_1, "11", TOWER),
        community=ELSEWHERE,
    )
    house.project(Apartments)
    return house


@pytest.fixture
def web(house: House) -> Iterator[FlaskClient]:
    with house.web(apartments) as web:
        yield web


def numbers(web: FlaskClient, url: str) -> list[str]:
    return [one["number"] for page in pages(web, url) for one in page]


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("", ["2", "10"]),
        ("?limit=1", ["2", "10"]),
        (f"?building={TOWER}", ["10"]),
        ("?words=2", ["2"]),
    ],
)
def test_m65_search(web: FlaskClient, query: str, expected: list[str]) -> None:
    assert numbers(web, URL + query) == expected


def test_m65_buildings_page_by_page(web: FlaskClient) -> None:
    found = pages(web, f"{HOME}/buildings?limit=1")
    assert [one["name"] for page in found for one in page] == ["Annex", "Tower"]
    assert [one["name"] for one in pages(web, f"{AWAY}/buildings")[0]] == ["Elsewhere"]


def test_m65_one_apartment_with_its_household(web: FlaskClient) -> None:
    one = web.get(f"{URL}/{FLAT_1}").json or {}
    assert [member["name"] for member in one["household"]] == ["Ann Archer"]
    assert (web.get(f"{AWAY}/apartments/{FLAT_1}").json or {})["household"] == []
    assert web.get(f"{AWAY}/apartments/{FLAT_2}").status_code == 404


def test_the_cursor_loses_and_doubles_nothing_while_apartments_are_added(
    web: FlaskClient, house: House
) -> None:
    def built(n: int) -> Event:
        return an_apartment(ApartmentId(UUID(int=1000 + n)), f"A{n}", TOWER)

    house.happened(*map(built, range(0, 40, 2)))
    house.project(Apartments)
    url, seen = f"{URL}?limit=6", list[str]()
    for new in range(1, 40, 6):
        answer = web.get(url).json or {}
        seen += [one["number"] for one in answer["items"]]
        if not answer["next"]:
            break
        url = f"{URL}?limit=6&cursor={answer['next']}"
        house.happened(built(new))
        house.project(Apartments)
    assert answer["next"] is None
    assert len(seen) == len(set(seen))
    assert {f"A{n}" for n in range(0, 40, 2)} | {"2", "10"} <= set(seen)


def test_ones_own_write_is_waited_for(web: FlaskClient, house: House) -> None:
    position = house.happened(ApartmentRenamed(apartment=FLAT_1, name="Loft"))
    url = f"{URL}/{FLAT_1}?after_position={position}"
    assert web.get(url).headers["X-Stale"] == "true"
    house.project(Apartments)
    answer = web.get(url)
    assert ("X-Stale" in answer.headers, answer.headers["X-Position"]) == (False, str(position))
    assert (answer.json or {})["name"] == "Loft"


def test_unchanged_is_304_and_a_strangers_apartments_are_404(
    web: FlaskClient, house: House
) -> None:
    known = {"If-None-Match": web.get(URL).headers["ETag"]}
    assert web.get(URL, headers=known).status_code == 304
    assert web.get(f"{AWAY}/apartments", headers=known).status_code == 200
    house.happened(ApartmentRenamed(apartment=FLAT_1, name="Loft"))
    house.project(Apartments)
    assert web.get(URL, headers=known).status_code == 200
    assert web.get(URL.replace(str(HARBOUR), str(UUID(int=3)))).status_code == 404
