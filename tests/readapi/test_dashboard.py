"""GET …/dashboard through HTTP."""

from config import Database
from projections.dashboard import Dashboard
from readapi.dashboard import dashboard
from tests.builders import ELSEWHERE, GATE, HARBOUR, a_community, a_device, online
from tests.read_models import House

URL = f"/api/v1/communities/{HARBOUR}/dashboard"


def test_m9_counts_by_community_with_position_and_etag(database: Database) -> None:
    house = House(database)
    house.happened(a_community(), a_device(GATE), online(GATE))
    house.project(Dashboard)
    with house.web(dashboard) as web:
        answer = web.get(URL)
        assert answer.json == {
            "buildings": 0,
            "apartments": 0,
            "residents": 0,
            "access_groups": 0,
            "devices": {"registered": 1, "online": 1, "offline": 0, "never_seen": 0},
        }
        assert answer.headers["X-Position"] == "3"
        same = {"If-None-Match": answer.headers["ETag"]}
        assert web.get(URL, headers=same).status_code == 304
        house.happened(online(GATE))
        assert web.get(f"{URL}?after_position=4").headers["X-Stale"] == "true"
        house.project(Dashboard)
        assert web.get(URL, headers=same).status_code == 200
        assert "X-Stale" not in web.get(f"{URL}?after_position=4").headers
        assert web.get(URL.replace(str(HARBOUR), str(ELSEWHERE))).status_code == 404
