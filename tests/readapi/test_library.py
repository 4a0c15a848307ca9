"""M93, M94: …/library through HTTP; a code is looked for by POST, never in an address."""

from collections.abc import Iterator
from typing import Any
from uuid import UUID

import pytest
from flask.testing import FlaskClient

from config import Database
from domain.ids import ResidentId
from domain.residents import Contact, PinRevoked
from projections.library import Library
from readapi.library import library
from tests.builders import (
    ANN,
    ANNEX,
    BOB,
    ELSEWHERE,
    FLAT_1,
    FLAT_2,
    HARBOUR,
    TOWER,
    a_building,
    a_community,
    a_pin,
    a_resident,
    an_apartment,
    cards,
    vehicles,
)
from tests.read_models import House, pages

URL = f"/api/v1/communities/{HARBOUR}/library"
THERE = f"/api/v1/communities/{ELSEWHERE}/library"
BOBS = Contact(first_name="Bob", last_name="Baker")


@pytest.fixture
def house(module_database: Database) -> House:
    """Ann in the Tower, Bob in the Annex, each with a PIN and a card; Ann elsewhere, too."""
    house = House(module_database)
    house.forget(Library)
    house.happened(
        a_community(),
        a_building(TOWER, "Tower"),
        a_building(ANNEX, "Annex"),
        an_apartment(FLAT_1, "10", TOWER),
        an_apartment(FLAT_2, "2", ANNEX),
        a_resident(ANN),
        a_resident(BOB, home=FLAT_2, building=ANNEX, contact=BOBS),
        a_pin("2468", ANN),
        a_pin("1357", BOB, FLAT_2),
        cards(ANN, "0A1B"),
        cards(BOB, "0A2C"),
        vehicles("AB-12", "XY-12", tags=("E280",), who=BOB),
    )
    house.happened(
        a_community(home=ELSEWHERE),
        a_building(TOWER, "Tower"),
        an_apartment(FLAT_1, "10", TOWER),
        a_resident(ANN),
        a_pin("2469"),
        community=ELSEWHERE,
    )
    house.project(Library)
    return house


@pytest.fixture
def web(house: House) -> Iterator[FlaskClient]:
    with house.web(library) as web:
        yield web


def codes(web: FlaskClient, url: str) -> list[str]:
    return [one["code"] for page in pages(web, url) for one in page]


def found(web: FlaskClient, url: str, **asked: Any) -> list[str]:
    answer = web.post(f"{url}/search", json=asked)
    assert answer.status_code == 200, answer.get_data(as_text=True)
    return [one["code"] for one in (answer.json or {})["items"]]


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("/pins", ["2468", "1357"]),
        ("/cards", ["0A1B", "0A2C"]),
        (f"/pins?building={TOWER}", ["2468"]),
        (f"/cards?apartment={FLAT_2}", ["0A2C"]),
        ("/pins?identity=family", []),
        ("/pins?words=bak", ["1357"]),
        (f"/cards?resident={BOB}", ["0A2C"]),
        (f"/uhf?resident={BOB}", ["E280"]),
        (f"/uhf?building={TOWER}", []),
    ],
)
def test_m93_m94_lists(web: FlaskClient, query: str, expected: list[str]) -> None:
    assert codes(web, URL + query) == expected


def test_m93_m94_search_for_a_code_or_a_part_of_it(web: FlaskClient) -> None:
    assert found(web, f"{URL}/pins", code="24") == ["2468"]
    assert found(web, f"{URL}/pins", code="24", exact=True) == []
    assert found(web, f"{URL}/pins", code="2468", exact=True) == ["2468"]
    assert found(web, f"{URL}/pins", code="24", building=str(ANNEX)) == []
    assert found(web, f"{URL}/cards", code="0a:") == ["0A1B", "0A2C"]
    assert found(web, f"{THERE}/pins", code="24") == ["2469"]
    assert found(web, f"{THERE}/cards", code="0a") == []


def test_m80_plates_and_tags_are_listed_and_searched_like_cards(web: FlaskClient) -> None:
    assert sorted(codes(web, f"{URL}/plates?apartment={FLAT_2}")) == ["AB12", "XY12"]
    assert found(web, f"{URL}/plates", code="y-1") == ["XY12"]
    assert found(web, f"{URL}/plates", code="ab 12", exact=True) == ["AB12"]
    assert found(web, f"{URL}/uhf", code="28") == ["E280"]
    assert found(web, f"{URL}/plates", code="12", resident=str(ANN)) == []
    assert found(web, f"{THERE}/plates", code="12") == []
    [page] = pages(web, f"{URL}/plates")
    assert {entry["issued"] for entry in page} == {False}  # M36


def test_p4_a_code_in_an_address_is_refused_and_not_repeated(web: FlaskClient) -> None:
    answer = web.get(f"{URL}/pins?code=2468")
    assert answer.status_code == 422
    assert "2468" not in answer.get_data(as_text=True)


def test_a_search_is_paged_and_its_answers_are_not_kept(web: FlaskClient, house: House) -> None:
    for n in range(5):
        who = ResidentId(UUID(int=1000 + n))
        house.happened(a_resident(who, role="family"), a_pin(f"24{n}", who))
    house.project(Library)
    seen, asked = list[str](), {"code": "24", "limit": 4}
    while asked.get("cursor", "") is not None:
        answer = web.post(f"{URL}/pins/search", json=asked)
        assert "ETag" not in answer.headers
        seen += [one["code"] for one in (answer.json or {})["items"]]
        asked["cursor"] = (answer.json or {})["next"]
    assert sorted(seen) == ["240", "241", "242", "243", "244", "2468"]


@pytest.mark.parametrize(
    ("asked", "field"),
    [
        ({}, "code"),
        ({"code": "x" * 21}, "code"),
        ({"code": "24", "identity": "cat"}, "identity"),
        ({"code": "24", "cursor": "?"}, "cursor"),
        ({"code": "24", "nonsense": 1}, "nonsense"),
    ],
)
def test_what_cannot_be_looked_for_is_422(
    web: FlaskClient, asked: dict[str, Any], field: str
) -> None:
    answer = web.post(f"{URL}/cards/search", json=asked)
    assert (answer.status_code, list((answer.json or {})["errors"])) == (422, [field])


def test_ones_own_write_is_waited_for(web: FlaskClient, house: House) -> None:
    position = house.happened(PinRevoked(resident=ANN))
    late = web.post(f"{URL}/pins/search", json={"code": "24", "after_position": position})
    assert late.headers["X-Stale"] == "true"
    assert len((late.json or {})["items"]) == 1
    house.project(Library)
    there = web.post(f"{URL}/pins/search", json={"code": "24", "after_position": position})
    assert ("X-Stale" in there.headers, there.headers["X-Position"]) == (False, str(position))
    assert (there.json or {})["items"] == []


def test_unchanged_is_304_pins_are_not_cards_and_a_strangers_library_is_404(
    web: FlaskClient, house: House
) -> None:
    known = {"If-None-Match": web.get(f"{URL}/pins").headers["ETag"]}
    assert web.get(f"{URL}/pins", headers=known).status_code == 304
    assert web.get(f"{URL}/cards", headers=known).status_code == 200
    house.happened(PinRevoked(resident=ANN))
    house.project(Library)
    assert web.get(f"{URL}/pins", headers=known).status_code == 200
    assert web.get(f"{URL}/pins".replace(str(HARBOUR), str(UUID(int=3)))).status_code == 404
