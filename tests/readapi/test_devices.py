"""GET …/devices, …/devices/{id}/credentials and …/residents/{id}/doors through HTTP."""

import json
from collections.abc import Iterator
from datetime import time
from typing import Any
from uuid import UUID

import pytest
from flask.testing import FlaskClient
from psycopg import sql
from psycopg.types.json import Jsonb

from config import Database
from domain.access_groups import AccessGroupEdited, Door, Schedule
from domain.devices import (
    DeviceEdited,
    DeviceReplaced,
    DeviceWentOffline,
    Outcome,
    Place,
    Relay,
)
from domain.ids import DeviceId, ResidentId
from domain.kernel import Event
from domain.reports import DoorSensed
from domain.residents import PinIssued, ResidentDeleted
from domain.settings import PinModeChanged
from projections.devices.changes import Changes
from projections.devices.doors import DoorSensors
from projections.devices.installed import Installed
from projections.devices.phones import DeviceDoc, Devices
from readapi.devices import devices
from tests.builders import (
    ANN,
    BOB,
    ELSEWHERE,
    GATE,
    GYM,
    HARBOUR,
    NOW,
    SWIMMERS,
    TOWER,
    a_box,
    a_building,
    a_device,
    a_group,
    a_pin,
    a_resident,
    offline,
    online,
    synced,
)
from tests.projections.properties import is_its_schemas
from tests.read_models import House, pages

HOME = f"/api/v1/communities/{HARBOUR}"
URL = f"{HOME}/devices"
KINDS = Changes, Devices, DoorSensors, Installed
WIRED = DeviceEdited(
    device=GATE,
    name="Gate",
    relays=(Relay(number=1, name="In", sensor=2), Relay(number=2, name="Out")),
)
UNKNOWN_DOOR = {"state": "unknown", "since": None, "seen": None}
PIN = "24681357"
NIGHT = Schedule(repeat="daily", start=time(22), end=time(6))


@pytest.fixture
def house(module_database: Database) -> House:
    house = House(module_database)
    house.forget(*KINDS)
    with house.connect("doors") as db:
        db.execute("delete from lanes")
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


def sensed(house: House, is_open: bool | None, device: DeviceId = GATE, relay: int = 1) -> None:
    house.reports.note(HARBOUR, DoorSensed(device=device, relay=relay, is_open=is_open))
    house.project(DoorSensors)


def shown_doors(web: FlaskClient) -> list[Any]:
    """Of the gate, as the list and the phone's own page show them alike."""
    gate: Any = web.get(f"{URL}/{GATE}").json
    listed: Any = web.get(URL).json
    [same] = [phone for phone in listed["items"] if phone["device"] == str(GATE)]
    assert same == gate
    is_its_schemas(json.dumps(gate), DeviceDoc)
    return [relay["door"] for relay in gate["relays"]]


def test_m99_a_door_with_a_sensor_is_open_or_closed_and_another_is_null(
    web: FlaskClient, house: House
) -> None:
    more(house, WIRED, online(GATE))
    assert shown_doors(web) == [UNKNOWN_DOOR, None]
    sensed(house, is_open=True)
    sensed(house, is_open=False, device=GYM)  # where no door has a sensor any more
    sensed(house, is_open=False, relay=2)
    assert shown_doors(web) == [{"state": "open", "since": NOW.isoformat(), "seen": None}, None]
    sensed(house, is_open=False)
    assert shown_doors(web)[0]["state"] == "closed"
    sensed(house, is_open=None)
    assert shown_doors(web) == [UNKNOWN_DOOR, None]


def test_m99_of_a_phone_that_is_away_the_state_is_as_old_as_it_is(
    web: FlaskClient, house: House
) -> None:
    more(house, WIRED, online(GATE), online(GYM))
    sensed(house, is_open=True)
    more(house, offline(GATE))
    door = {"state": "open", "since": NOW.isoformat(), "seen": said_at(house, DeviceWentOffline)}
    assert shown_doors(web) == [door, None]
    more(house, online(GATE))
    assert shown_doors(web) == [door | {"seen": None}, None]
    more(house, DeviceReplaced(device=GATE, box=a_box(), login=None))
    assert shown_doors(web) == [UNKNOWN_DOOR, None]


@pytest.mark.parametrize("url", [URL, f"{URL}/{GATE}"])
def test_m99_a_door_that_moves_changes_the_answer_and_its_positions_are_told(
    web: FlaskClient, house: House, url: str
) -> None:
    more(house, WIRED, online(GATE))
    sensed(house, is_open=True)
    answer = web.get(f"{url}?after_position={house.log.head()}")
    assert answer.headers["X-Position"] == str(house.log.head())
    assert answer.headers["X-Reports-Position"] == "1"
    assert "X-Stale" not in answer.headers
    same = {"If-None-Match": web.get(url).headers["ETag"]}
    assert web.get(url, headers=same).status_code == 304
    house.reports.note(ELSEWHERE, DoorSensed(device=GATE, relay=1, is_open=False))
    house.project(DoorSensors)
    assert web.get(url, headers=same).status_code == 304
    sensed(house, is_open=False)
    assert web.get(url, headers=same).status_code == 200


def said_at(house: House, kind: type[Event]) -> str:
    """When the last event of a kind was recorded, as an answer tells it."""
    return [r.recorded_at for r in house.log.read(after=0) if type(r.event) is kind][-1].isoformat()


def told(house: House, device: DeviceId, **columns: object) -> None:
    """What an adapter's process tells of a phone once a second."""
    row = {
        "waiting": 0,
        "revocations": 0,
        "suspended": 0,
        "online": True,
        "failure": None,
    } | columns
    names = sql.SQL(", ").join(map(sql.Identifier, row))
    values = [Jsonb(v) if isinstance(v, list) else v for v in row.values()]
    marks = sql.SQL(", ").join([sql.SQL("%s")] * len(row))
    into = sql.SQL("insert into lanes (device, {}) values (%s, {})").format(names, marks)
    with house.connect("doors") as db:
        db.execute("delete from lanes where device = %s", [device])
        db.execute(into, [device, *values])


def credential(web: FlaskClient, who: ResidentId = ANN) -> dict[str, Any]:
    """As both screens show it."""
    found: Any = web.get(f"{HOME}/residents/{who}/doors").json
    [phone] = found["doors"] or found["withdrawing"]
    listed: Any = web.get(f"{URL}/{GATE}/credentials").json["items"]  # type: ignore[index]
    [same] = [item["credentials"] for item in listed if item["holder"] == str(who)]
    assert same == phone["credentials"]
    [only] = same
    return dict(only)


TRIED = {"holder": str(ANN), "state": "mismatch", "tries": 2, "reason": "is missing"}
AGAIN = "2026-03-02T09:00:00+00:00"


@pytest.mark.parametrize(
    ("lane", "state", "reason", "tries"),
    [
        ({}, "pending", None, 0),
        ({"trying": [TRIED | {"state": "sent", "tries": 0, "reason": None}]}, "sent", None, 0),
        ({"trying": [TRIED]}, "mismatch", "is missing", 2),
        ({"trying": [TRIED | {"state": "rejected", "reason": "Failed"}]}, "rejected", "Failed", 2),
        ({"trying": [TRIED | {"tries": 3}]}, "blocked", "is missing", 3),
        ({"online": False, "failure": "offline: no answer"}, "blocked", "offline: no answer", 0),
        ({"online": None, "failure": None}, "pending", None, 0),
    ],
)
def test_d5_d3_how_a_credential_stands_right_now(
    web: FlaskClient, house: House, lane: dict[str, Any], state: str, reason: str, tries: int
) -> None:
    trying = [one | {"again_at": AGAIN} for one in lane.pop("trying", [])]
    told(house, GATE, **lane, trying=trying)
    found = credential(web)
    assert (found["state"], found["reason"], found["tries"]) == (state, reason, tries)
    assert found["again_at"] == (AGAIN if trying else None)
    assert found["wanted_since"] == said_at(house, PinIssued)


def test_d5_what_is_proved_stays_so_while_the_phone_is_away(web: FlaskClient, house: House) -> None:
    digest = house.vault.digest(HARBOUR, "credential", f"{PIN}|daily:://00:00-23:59@1")
    more(house, synced(GATE, Outcome(holder=ANN, kind="pin", state="verified", digest=digest)))
    told(house, GATE, online=False, failure="offline: no answer")
    assert credential(web)["state"] == "verified"
    more(house, ResidentDeleted(resident=ANN))
    found = credential(web)
    assert (found["state"], found["reason"]) == ("withdrawing", "offline: no answer")
    assert found["wanted_since"] == said_at(house, ResidentDeleted)


@pytest.mark.parametrize(
    "changed",
    [
        AccessGroupEdited(
            group=SWIMMERS,
            name="Swim",
            schedule=NIGHT,
            doors=frozenset({Door(device=GATE, relay=1)}),
        ),
        DeviceEdited(device=GATE, name="Gate", relays=(Relay(number=1, name="Gate 1"),)),
        PinModeChanged(community=HARBOUR, pin_mode="apt_pin"),
    ],
)
def test_d5_it_is_wanted_since_the_last_change_that_it_follows_from(
    web: FlaskClient, house: House, changed: Event
) -> None:
    more(house, changed)
    assert credential(web)["wanted_since"] == said_at(house, type(changed))


def test_d6_what_waits_for_a_phone_since_when_and_how_many_revocations(
    web: FlaskClient, house: House
) -> None:
    url = f"{URL}/{GYM}/lane"
    assert web.get(url).status_code == 404
    told(house, GYM, online=None)
    assert web.get(url).json["reach"] == "not_reached_yet"  # type: ignore[index]
    told(house, GYM, online=False, failure="offline", waiting=7, revocations=3, waiting_since=NOW)
    found: Any = web.get(url).json
    assert (found["reach"], found["failure"]) == ("offline", "offline")
    assert (found["waiting"], found["revocations"]) == (7, 3)
    assert found["waiting_since"] == NOW.isoformat()
    assert web.get(url.replace(str(HARBOUR), str(ELSEWHERE))).status_code == 404


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
            "wanted_since": said_at(house, PinIssued),
            "tries": 0,
            "again_at": None,
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


def test_d4_whom_a_full_phone_has_no_room_for_is_listed(web: FlaskClient, house: House) -> None:
    full = Outcome(holder=BOB, kind="pin", state="undeliverable", reason="the phone is full")
    more(house, a_pin("8642", BOB), synced(GATE, full))
    url = f"{URL}/{GATE}/credentials?said"
    [[missing]] = pages(web, f"{url}=undeliverable")
    assert (missing["holder"], missing["credentials"][0]["reason"]) == (str(BOB), full.reason)
    assert pages(web, f"{url}=rejected") == [[]]
    more(house, ResidentDeleted(resident=BOB))
    assert [one["holder"] for one in pages(web, f"{url}=undeliverable")[0]] == [str(BOB)]
    assert web.get(f"{url}=nonsense").status_code == 422


def test_m99_who_is_on_a_phone(web: FlaskClient) -> None:
    url = f"{URL}/{GATE}/credentials"
    found = [[item["holder"] for item in page] for page in pages(web, f"{url}?limit=1")]
    assert found == [[str(ANN)], [str(BOB)]]
    assert web.get(f"{url}?cursor=WyJhIiwiYiJd").status_code == 422
    assert web.get(f"{URL}/{ANN}/credentials").status_code == 404
