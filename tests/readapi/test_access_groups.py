"""M17, M18, A45: …/access-groups through HTTP."""

from collections.abc import Iterator
from uuid import UUID

import pytest
from flask.testing import FlaskClient

from config import Database
from domain.access_groups import AccessGroupDeleted, Door
from domain.ids import ResidentId
from domain.residents import Contact, GroupsChosen
from projections.access_groups import AccessGroups
from readapi.access_groups import access_groups
from tests.builders import (
    ANN,
    ELSEWHERE,
    EVERYBODY,
    FLAT_1,
    GATE,
    HARBOUR,
    STAFF,
    SWIMMERS,
    a_building,
    a_community,
    a_default_group,
    a_device,
    a_group,
    a_resident,
    an_apartment,
)
from tests.read_models import House, pages

URL = f"/api/v1/communities/{HARBOUR}/access-groups"
THERE = f"/api/v1/communities/{ELSEWHERE}/access-groups"


@pytest.fixture
def house(module_database: Database) -> House:
    house = House(module_database)
    house.forget(AccessGroups)
    house.happened(
        a_community(),
        a_building(),
        a_default_group(),
        an_apartment(),
        a_device(GATE, "Gate"),
        a_group(SWIMMERS, Door(device=GATE, relay=2), name="Swimmers", number=100_002),
        a_group(STAFF, name="Staff", number=100_001),
        a_resident(ANN, SWIMMERS),
    )
    house.happened(
        a_community(home=ELSEWHERE),
        a_building(),
        an_apartment(FLAT_1),
        a_group(SWIMMERS, name="Elsewhere's"),
        community=ELSEWHERE,
    )
    house.project(AccessGroups)
    return house


@pytest.fixture
def web(house: House) -> Iterator[FlaskClient]:
    with house.web(access_groups) as web:
        yield web


def names(web: FlaskClient, url: str) -> list[str]:
    return [one["name"] for page in pages(web, url) for one in page]


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("", ["Staff", "Swimmers", "Tower"]),
        ("?type=default", ["Tower"]),
        ("?type=self_created&limit=1", ["Staff", "Swimmers"]),
        ("?words=100002", ["Swimmers"]),
    ],
)
def test_a45_search(web: FlaskClient, query: str, expected: list[str]) -> None:
    assert names(web, URL + query) == expected
    assert web.get(f"{URL}?type=secret").status_code == 422


def test_m17_one_group_with_its_doors(web: FlaskClient) -> None:
    one = web.get(f"{URL}/{SWIMMERS}").json or {}
    assert (one["members"], [door["relay_name"] for door in one["doors"]]) == (1, ["Gate 2"])
    assert len((web.get(f"{URL}/{EVERYBODY}").json or {})["doors"]) == 2
    assert (web.get(f"{THERE}/{SWIMMERS}").json or {})["doors"] == []
    assert web.get(f"{THERE}/{STAFF}").status_code == 404


def test_m18_people_page_by_page_while_they_come(web: FlaskClient, house: House) -> None:
    def come(n: int) -> None:
        contact = Contact(first_name=f"P{n:02}", last_name="Person")
        who = ResidentId(UUID(int=1000 + n))
        house.happened(a_resident(who, SWIMMERS, role="family", contact=contact))
        house.project(AccessGroups)

    for n in range(0, 20, 2):
        come(n)
    url, seen = f"{URL}/{SWIMMERS}/people?limit=4", list[str]()
    for new in (1, 19, 5, 17, 9):
        answer = web.get(url).json or {}
        seen += [one["name"] for one in answer["items"]]
        url = f"{URL}/{SWIMMERS}/people?limit=4&cursor={answer['next']}"
        if not answer["next"]:
            break
        come(new)
    assert answer["next"] is None
    assert len(seen) == len(set(seen))
    assert {f"P{n:02} Person" for n in range(0, 20, 2)} | {"Ann Archer"} <= set(seen)
    assert names(web, f"{URL}/{STAFF}/people") == []
    assert names(web, f"{THERE}/{SWIMMERS}/people") == []
    assert web.get(f"{THERE}/{STAFF}/people").status_code == 404


def test_ones_own_write_is_waited_for(web: FlaskClient, house: House) -> None:
    position = house.happened(GroupsChosen(resident=ANN, groups=frozenset({STAFF})))
    url = f"{URL}/{STAFF}?after_position={position}"
    assert web.get(url).headers["X-Stale"] == "true"
    house.project(AccessGroups)
    answer = web.get(url)
    assert ("X-Stale" in answer.headers, answer.headers["X-Position"]) == (False, str(position))
    assert (answer.json or {})["members"] == 1


def test_unchanged_is_304_and_a_deleted_or_strangers_group_is_404(
    web: FlaskClient, house: House
) -> None:
    known = {"If-None-Match": web.get(f"{URL}/{STAFF}").headers["ETag"]}
    assert web.get(f"{URL}/{STAFF}", headers=known).status_code == 304
    assert web.get(f"{URL}/{SWIMMERS}", headers=known).status_code == 200
    house.happened(AccessGroupDeleted(group=STAFF))
    house.project(AccessGroups)
    assert web.get(f"{URL}/{STAFF}", headers=known).status_code == 404
    assert web.get(URL.replace(str(HARBOUR), str(UUID(int=3)))).status_code == 404
