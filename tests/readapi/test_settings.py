"""GET …/settings through HTTP."""

from collections.abc import Iterator

import pytest
from flask.testing import FlaskClient

from config import Database
from domain.settings import CommunityRenamed
from projections.settings import CommunitySettings
from readapi.settings import settings
from tests.builders import ELSEWHERE, HARBOUR, a_community
from tests.read_models import House

URL = f"/api/v1/communities/{HARBOUR}/settings"


@pytest.fixture
def house(module_database: Database) -> House:
    house = House(module_database)
    house.forget(CommunitySettings)
    house.happened(a_community())
    house.project(CommunitySettings)
    return house


@pytest.fixture
def web(house: House) -> Iterator[FlaskClient]:
    with house.web(settings) as web:
        yield web


def test_it_says_what_was_decided_and_how_far_it_has_read(web: FlaskClient) -> None:
    answer = web.get(URL)
    assert answer.json == {
        "community": str(HARBOUR),
        "name": "Harbour Quarter",
        "zone": "UTC",
        "pin_mode": "pin",
        "may_delete_accounts": False,
    }
    assert answer.headers["X-Position"] == "1"
    assert "X-Stale" not in answer.headers


def test_unchanged_is_304_until_it_changes(web: FlaskClient, house: House) -> None:
    etag = web.get(URL).headers["ETag"]
    assert web.get(URL, headers={"If-None-Match": etag}).status_code == 304
    house.happened(a_community(home=ELSEWHERE), community=ELSEWHERE)
    house.project(CommunitySettings)
    assert web.get(URL, headers={"If-None-Match": etag}).status_code == 304
    house.happened(CommunityRenamed(community=HARBOUR, name="Marina"))
    house.project(CommunitySettings)
    assert web.get(URL, headers={"If-None-Match": etag}).status_code == 200


def test_a_position_that_does_not_come_is_said_to_be_stale(web: FlaskClient) -> None:
    answer = web.get(f"{URL}?after_position=2")
    assert (answer.status_code, answer.headers["X-Stale"]) == (200, "true")
    assert answer.headers["X-Position"] == "1"


def test_a_community_that_nobody_opened_or_that_is_not_yours_is_404(web: FlaskClient) -> None:
    assert web.get(URL.replace(str(HARBOUR), str(ELSEWHERE))).status_code == 404
    assert web.get(URL.replace(str(HARBOUR), str(HARBOUR)[:-1] + "9")).status_code == 404
