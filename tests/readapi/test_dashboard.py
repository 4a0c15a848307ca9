"""GET …/dashboard through HTTP."""

from datetime import timedelta

import time_machine

from config import Database
from projections.dashboard import Dashboard
from projections.emergency import Emergencies
from projections.logs.door import DoorLog
from projections.settings import CommunitySettings
from readapi.dashboard import dashboard
from tests.builders import ELSEWHERE, GATE, HARBOUR, NOW, a_community, a_device, online
from tests.projections.logs.door_entries import an_entry, told
from tests.read_models import House

URL = f"/api/v1/communities/{HARBOUR}/dashboard"
MODELS = (Dashboard, DoorLog, CommunitySettings, Emergencies)


def test_m9_m10_counts_by_community_with_position_and_etag(database: Database) -> None:
    house = House(database)
    house.happened(a_community(zone="Asia/Tokyo"), a_device(GATE), online(GATE))
    told(house, an_entry(1), an_entry(2, outcome="failed"), an_entry(3, kind="call"))
    told(house, an_entry(4, happened_at=NOW - timedelta(hours=18)), an_entry(65))
    told(house, an_entry(1), home=ELSEWHERE)
    house.project(*MODELS)
    with house.web(dashboard) as web, time_machine.travel(NOW, tick=False):
        answer = web.get(URL)
        hours = [0] * 24
        hours[17], hours[18] = 1, 1  # 08:31 and 09:35 in UTC; the day before is not of today
        assert answer.json == {
            "buildings": 0,
            "apartments": 0,
            "residents": 0,
            "access_groups": 0,
            "unsolved_alarms": 0,
            "devices": {"registered": 1, "online": 1, "offline": 0, "never_seen": 0},
            "openings": {"today": 2, "by_hour": hours},
            "emergency": "off",
        }
        assert answer.headers["X-Position"] == "3"
        assert answer.headers["X-Reports-Position"] == "6"
        same = {"If-None-Match": answer.headers["ETag"]}
        assert web.get(URL, headers=same).status_code == 304
        told(house, an_entry(66))
        house.project(*MODELS)
        assert web.get(URL, headers=same).json["openings"]["today"] == 3
        house.happened(online(GATE))
        assert web.get(f"{URL}?after_position=4").headers["X-Stale"] == "true"
        house.project(*MODELS)
        assert web.get(URL, headers=same).status_code == 200
        assert "X-Stale" not in web.get(f"{URL}?after_position=4").headers
        assert web.get(URL.replace(str(HARBOUR), str(ELSEWHERE))).status_code == 404


def test_m10_with_the_next_day_the_answer_is_another(database: Database) -> None:
    house = House(database)
    house.happened(a_community())
    told(house, an_entry(1))
    house.project(*MODELS)
    with house.web(dashboard) as web:
        with time_machine.travel(NOW, tick=False):
            today = web.get(URL)
            assert today.json["openings"]["today"] == 1
        with time_machine.travel(NOW + timedelta(days=1), tick=False):
            seen = {"If-None-Match": today.headers["ETag"]}
            assert web.get(URL, headers=seen).json["openings"]["today"] == 0
