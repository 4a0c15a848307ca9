"""D5, D8, N12 through HTTP: was it installed then, what opened that should not, what is lost."""

from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import pytest
from flask.testing import FlaskClient
from uuid_utils.compat import uuid7

from config import Database
from domain.devices import DeviceReplaced, Outcome
from domain.ids import DeviceId
from domain.kernel import Event
from domain.locks import LockConnected, LockRemoved
from domain.sync import (
    DoorLogGapDetected,
    RevokedCredentialUsed,
    StrangersFound,
    StrangersPolicyChosen,
)
from projections.sync import SyncHistory
from readapi.sync import sync
from tests.builders import (
    ANN,
    BOB,
    ELSEWHERE,
    GATE,
    GYM,
    HARBOUR,
    NOW,
    a_box,
    a_device,
    synced,
)
from tests.read_models import House, pages

HOME = f"/api/v1/communities/{HARBOUR}"
HISTORY = f"{HOME}/devices/{GATE}/credentials/{ANN}/history"
ANNS = Outcome(holder=ANN, kind="pin", state="verified", digest=b"1")


@pytest.fixture
def house(module_database: Database) -> House:
    house = House(module_database)
    house.forget(SyncHistory)
    house.happened(a_device(GATE, "Gate"), a_device(GYM, "Gym"))
    house.happened(synced(GATE, Outcome(holder=BOB, kind="pin", state="verified", digest=b"2")))
    house.project(SyncHistory)
    return house


@pytest.fixture
def web(house: House) -> Iterator[FlaskClient]:
    with house.web(sync) as web:
        yield web


def found(house: House, *events: Event) -> list[datetime]:
    """When each was recorded."""
    before = house.log.head()
    house.happened(*events)
    house.project(SyncHistory)
    return [r.recorded_at for r in house.log.read(after=before)]


def asked(web: FlaskClient, at: datetime | None = None) -> list[dict[str, Any]]:
    query = {"at": at.isoformat()} if at else {}
    answer: Any = web.get(HISTORY, query_string=query).json
    return list(answer["periods"])


def test_d5_since_when_and_until_when_it_was_installed(web: FlaskClient, house: House) -> None:
    assert asked(web) == []
    said = found(
        house,
        synced(GATE, ANNS, Outcome(holder=ANN, kind="card", state="undeliverable", reason="full")),
        synced(GATE, Outcome(holder=ANN, kind="pin", state="pending")),
        synced(GATE, Outcome(holder=ANN, kind="pin", state="mismatch", reason="x", tries=3)),
        synced(GATE, Outcome(holder=ANN, kind="pin", state="withdrawn")),
    )
    times = [at.isoformat() for at in said]
    pin = [one for one in asked(web) if one["kind"] == "pin"]
    assert [(one["installed"], one["since"], one["until"]) for one in pin] == [
        ("installed", times[0], times[1]),
        ("unsure", times[1], times[2]),
        ("unsure", times[2], times[3]),
        ("absent", times[3], None),
    ]
    assert [one["tries"] for one in pin] == [0, 0, 3, 0]
    [card] = [one for one in asked(web) if one["kind"] == "card"]
    assert (card["installed"], card["reason"]) == ("absent", "full")


def test_d5_was_it_installed_at_a_time(web: FlaskClient, house: House) -> None:
    gone = Outcome(holder=ANN, kind="pin", state="withdrawn")
    said = found(house, synced(GATE, ANNS), synced(GATE, gone), synced(GYM, ANNS))
    instant = timedelta(microseconds=1)
    assert asked(web, said[0] - instant) == []
    for at, state in (
        (said[0], "installed"),
        (said[1] - instant, "installed"),
        (said[1], "absent"),
    ):
        assert [one["installed"] for one in asked(web, at)] == [state]


def test_d5_another_box_has_nothing_until_it_is_read(web: FlaskClient, house: House) -> None:
    said = found(
        house,
        synced(GATE, ANNS),
        DeviceReplaced(device=GATE, box=a_box("http://127.0.0.1:9000", "0C11050AFFFF"), login=None),
        synced(GATE, ANNS),
    )
    assert [(one["installed"], one["since"]) for one in asked(web)] == [
        ("installed", said[0].isoformat()),
        ("absent", said[1].isoformat()),
        ("installed", said[2].isoformat()),
    ]


def test_d5_m107_what_another_gateway_says_of_a_lock_has_to_be_read(
    web: FlaskClient, house: House
) -> None:
    said = found(
        house,
        synced(GATE, ANNS),
        LockConnected(lock=GATE, address="http://127.0.0.1:9000", login=None),
        synced(GATE, ANNS),
        LockRemoved(lock=GATE),
    )
    states = ["installed", "absent", "installed", "absent"]
    expected = [(state, at.isoformat()) for state, at in zip(states, said, strict=True)]
    assert [(one["installed"], one["since"]) for one in asked(web)] == expected


def test_d5_a_history_of_another_community_is_empty(web: FlaskClient, house: House) -> None:
    house.happened(synced(GATE, ANNS), community=ELSEWHERE)
    house.project(SyncHistory)
    assert asked(web) == []


def used(use: int, device: Any = GATE, at: datetime = NOW) -> RevokedCredentialUsed:
    return RevokedCredentialUsed(
        use=UUID(int=use),
        device=device,
        relay=1,
        holder=ANN,
        kind="pin",
        revoked_at=at - timedelta(hours=2),
        used_at=at,
        removed_at=None,
        epoch=0,
        id=use,
    )


def test_d8_what_opened_though_it_was_taken_away_newest_first(
    web: FlaskClient, house: House
) -> None:
    later = NOW + timedelta(minutes=1)
    found(house, used(1), used(2, GYM, later), used(3, at=later))
    [both] = pages(web, f"{HOME}/revoked-uses?device={GATE}")
    assert [UUID(one["use"]).int for one in both] == [3, 1]
    first = both[-1]
    assert first["revoked_at"] == (NOW - timedelta(hours=2)).isoformat()
    assert (first["used_at"], first["removed_at"]) == (NOW.isoformat(), None)
    assert [len(page) for page in pages(web, f"{HOME}/revoked-uses?limit=2")] == [2, 1]


def test_d15_who_was_entered_by_hand_and_what_becomes_of_them(
    web: FlaskClient, house: House
) -> None:
    url, found_nothing = f"{HOME}/devices/{GATE}/strangers", ("report", 0, None)

    def shown() -> tuple[str, int, str | None]:
        said: Any = web.get(url).json
        return said["policy"], said["records"], said["found_at"]

    assert shown() == found_nothing
    at, _ = found(house, some_strangers(GATE, 2), some_strangers(GYM, 9))
    assert shown() == ("report", 2, at.isoformat())
    found(house, StrangersPolicyChosen(device=GATE, policy="remove"))
    [at] = found(house, some_strangers(GATE, 0))
    assert shown() == ("remove", 0, at.isoformat())
    box = a_box("http://127.0.0.1:9000", "0C11050AFFFF")
    found(house, some_strangers(GATE, 3), DeviceReplaced(device=GATE, box=box, login=None))
    assert shown() == ("remove", 0, None)


def some_strangers(device: DeviceId, records: int) -> StrangersFound:
    return StrangersFound(sync=uuid7(), device=device, records=records)


def test_n12_where_lines_are_lost(web: FlaskClient, house: House) -> None:
    gap = DoorLogGapDetected(gap=UUID(int=7), device=GATE, epoch=1, after=4, before=9, missing=4)
    [at] = found(house, gap)
    [[lost]] = pages(web, f"{HOME}/door-log-gaps")
    assert (lost["after"], lost["before"], lost["missing"]) == (4, 9, 4)
    assert lost["found_at"] == at.isoformat()
    assert pages(web, f"{HOME}/door-log-gaps?device={GYM}") == [[]]
