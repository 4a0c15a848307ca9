"""M38: GET …/residents and …/residents/{id} through HTTP."""

from collections.abc import Iterator
from typing import Any
from uuid import UUID

import pytest
from flask.testing import FlaskClient

from commands.residents.cells import Cells
from commands.residents.rows import ResidentRow
from config import Database
from domain.ids import ResidentId
from domain.lifts import FloorsChosen
from domain.residents import Contact
from projections.residents import Residents
from readapi.residents import residents
from readapi.waiting import Reading
from schemas.sheets import read_sheet
from schemas.sheets.rows import columns_of, load
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
    a_face,
    a_photo,
    a_pin,
    a_resident,
    an_apartment,
    floors,
    vehicles,
)
from tests.read_models import House, pages

URL = f"/api/v1/communities/{HARBOUR}/residents"
THERE = f"/api/v1/communities/{ELSEWHERE}/residents"
BOBS = Contact(first_name="Bob", last_name="Baker")


@pytest.fixture
def house(module_database: Database) -> House:
    """Ann in 10 of the Tower, Bob in 2 of the Annex; Ann again in another community."""
    house = House(module_database)
    house.forget(Residents)
    house.happened(
        a_community(),
        a_building(TOWER, "Tower"),
        a_building(ANNEX, "Annex"),
        an_apartment(FLAT_1, "10", TOWER),
        an_apartment(FLAT_2, "2", ANNEX),
        a_resident(ANN),
        a_resident(BOB, home=FLAT_2, building=ANNEX, contact=BOBS),
    )
    house.happened(
        a_community(home=ELSEWHERE),
        a_building(TOWER, "Elsewhere"),
        an_apartment(FLAT_1, "10", TOWER),
        a_resident(ANN),
        community=ELSEWHERE,
    )
    house.project(Residents)
    return house


@pytest.fixture
def web(house: House) -> Iterator[FlaskClient]:
    with house.web(residents) as web:
        yield web


def names(web: FlaskClient, url: str) -> list[str]:
    return [one["name"] for page in pages(web, url) for one in page]


def added(n: int) -> Any:
    contact = Contact(first_name=f"P{n:03}", last_name="Person")
    return a_resident(ResidentId(UUID(int=1000 + n)), contact=contact, role="family")


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("", ["Ann Archer", "Bob Baker"]),
        ("?sort=apartment", ["Bob Baker", "Ann Archer"]),
        (f"?building={TOWER}", ["Ann Archer"]),
        (f"?apartment={FLAT_2}", ["Bob Baker"]),
        ("?role=master&words=annex", ["Bob Baker"]),
        ("?role=family", []),
        ("?words=bak", ["Bob Baker"]),
    ],
)
def test_m38_search_and_sort(web: FlaskClient, query: str, expected: list[str]) -> None:
    assert names(web, URL + query) == expected


def test_m38_one_resident(web: FlaskClient) -> None:
    answer = web.get(f"{URL}/{BOB}")
    assert (answer.json or {})["contact"]["first_name"] == "Bob"
    assert web.get(f"{THERE}/{BOB}").status_code == 404
    assert web.get(f"{URL}/{UUID(int=99)}").status_code == 404


def test_m45_m27_an_export_has_the_floors_and_no_plate_tag_or_photo(
    web: FlaskClient, house: House
) -> None:
    chosen = floors(3, 1) | floors(7, building=ANNEX)
    house.happened(
        FloorsChosen(resident=ANN, floors=chosen),
        vehicles("AB12", tags=("E280",)),
        a_face(a_photo()),
    )
    house.project(Residents)
    columns = list(columns_of(ResidentRow).values())
    sheet = read_sheet(web.get(f"{URL}/export").data, columns)
    [ann] = [row.cells for row in sheet.rows if row.cells["UID"] == str(ANN)]
    assert ann["Accessible Floors"] == "Annex:7;1;3"
    assert (ann["License Plate"], ann["UHF Card"]) == ("", "")
    [row] = [row for row in load(ResidentRow, sheet) if row.uid == str(ANN)]
    assert Cells().meant(row).floors == (("annex", 7), ("", 1), ("", 3))


def test_s8_another_community_shows_its_own_and_one_that_is_not_ours_nothing(
    web: FlaskClient,
) -> None:
    [one] = pages(web, THERE)[0]
    assert one["building_name"] == "Elsewhere"
    assert web.get(URL.replace(str(HARBOUR), str(UUID(int=3)))).status_code == 404


def test_the_cursor_loses_and_doubles_nobody_while_people_move_in(
    web: FlaskClient, house: House
) -> None:
    house.happened(*map(added, range(0, 100, 2)))
    house.project(Residents)
    seen, url = list[str](), f"{URL}?limit=7&sort=apartment"
    for new in range(1, 100, 8):
        answer = web.get(url).json or {}
        seen += [one["name"] for one in answer["items"]]
        if not answer["next"]:
            break
        url = f"{URL}?limit=7&sort=apartment&cursor={answer['next']}"
        house.happened(added(new))
        house.project(Residents)
    there = {f"P{n:03} Person" for n in range(0, 100, 2)} | {"Ann Archer", "Bob Baker"}
    assert answer["next"] is None
    assert len(seen) == len(set(seen))
    assert there <= set(seen)


def test_pages_are_as_long_as_asked(web: FlaskClient, house: House) -> None:
    house.happened(*map(added, range(5)))
    house.project(Residents)
    assert [len(page) for page in pages(web, f"{URL}?limit=3")] == [3, 3, 1]


@pytest.mark.parametrize(
    "query",
    ["limit=0", "limit=201", "cursor=!", "cursor=WzFd", "role=owner", "sort=age",
     "building=tower"],
)  # fmt: skip
def test_what_no_list_knows_is_422(web: FlaskClient, query: str) -> None:
    answer = web.get(f"{URL}?{query}")
    assert answer.status_code == 422
    assert list((answer.json or {})["errors"]) == [query.partition("=")[0]]


def test_ones_own_write_is_waited_for(web: FlaskClient, house: House) -> None:
    position = house.happened(a_pin("2468"))
    late = web.get(f"{URL}/{ANN}?after_position={position}")
    assert (late.status_code, late.headers["X-Stale"]) == (200, "true")
    assert late.headers["X-Position"] == str(position - 1)
    house.project(Residents)
    there = web.get(f"{URL}/{ANN}?after_position={position}")
    assert ("X-Stale" in there.headers, there.headers["X-Position"]) == (False, str(position))
    assert (there.json or {})["has_pin"]


def test_k0_what_a_read_model_lost_in_a_crash_is_not_shown_as_fresh(
    web: FlaskClient, house: House
) -> None:
    """PostgreSQL keeps the log whatever happens, of read models all but the last moment: what was
    told of them before may have to come again."""
    position = house.happened(a_pin("2468"))
    reading: Reading = web.application.extensions["reading"]
    reading.positions._learn({Residents.name: position})
    early = web.get(f"{URL}/{ANN}?after_position={position}")
    assert early.headers["X-Position"] == str(position - 1)
    assert early.headers["X-Stale"] == "true"


def test_unchanged_is_304_and_another_query_is_not(web: FlaskClient, house: House) -> None:
    etag = web.get(URL).headers["ETag"]
    known = {"If-None-Match": etag}
    assert web.get(URL, headers=known).status_code == 304
    assert web.get(f"{URL}?sort=apartment", headers=known).status_code == 200
    assert web.get(THERE, headers=known).status_code == 200
    house.happened(a_pin("2468"))
    house.project(Residents)
    assert web.get(URL, headers=known).status_code == 200


def test_a_release_that_renders_otherwise_is_not_304(
    web: FlaskClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    known = {"If-None-Match": web.get(URL).headers["ETag"]}
    monkeypatch.setattr(Residents, "version", classmethod(lambda _: "the next release"))
    assert web.get(URL, headers=known).status_code == 200
