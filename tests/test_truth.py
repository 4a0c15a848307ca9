"""From a phone that drifted, or opened for what was withdrawn, to what an operator and a manager
see of it: PostgreSQL, the adapters', reactions' and projector's own code, HTTP, a simulated phone.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from threading import Event as Flag
from threading import Thread
from time import time
from typing import Any
from uuid import UUID

import pytest
from flask.testing import FlaskClient
from prometheus_client import REGISTRY

from bootstrap import House
from bootstrap.adapters import run_adapters
from bootstrap.checking import checked
from bootstrap.house import follows
from bootstrap.metrics import Phones
from bootstrap.reactions import run_reactions
from bootstrap.web import create_app
from config import Database
from device_adapters.locks.gateway import Gateway, SimLock
from device_adapters.locks.served import Server, served
from device_adapters.simulator import Fleet
from domain.ids import DeviceId
from domain.sync import RevokedCredentialUsed
from projections.accounts import Accounts
from projections.alarms import Alarms
from projections.devices.changes import Changes
from projections.devices.doors import DoorSensors
from projections.devices.installed import Installed
from projections.devices.phones import Devices
from projections.locks import Locks
from projections.projector import Projector
from projections.sync import SyncHistory
from status import figures
from tests.builders import ANN, CELLAR, GATE, GYM
from tests.device_adapters.houses import soon
from tests.running_server import RunningServer
from tests.test_bootstrap import HOME, a_config, a_house, send, token, told

SWIM = str(UUID(int=99))
ALL_DAY = {"repeat": "daily", "start": "00:00", "end": "23:59"}
GROUP: dict[str, Any] = {"group": SWIM, "name": "Swim", "schedule": ALL_DAY}
MODELS: tuple[type[Projector], ...] = (
    Accounts,
    Alarms,
    Changes,
    Devices,
    DoorSensors,
    Installed,
    Locks,
    SyncHistory,
)


@pytest.fixture
def web(database: Database, pg_server: RunningServer, tmp_path: Path) -> Iterator[FlaskClient]:
    app = create_app(a_config(database, pg_server, tmp_path))
    yield app.test_client()
    app.extensions["house"].close()


def house_of(web: FlaskClient) -> House:
    house: House = web.application.extensions["house"]
    return house


@contextmanager
def processes(house: House, *more: type[Projector]) -> Iterator[None]:
    """As `gatehouse run adapters`, `gatehouse run reactions` and `gatehouse run projector` do."""
    stop = Flag()
    threads = [
        Thread(target=run_adapters, args=(house, stop)),
        Thread(target=run_reactions, args=(house, stop)),
        Thread(target=house.runner.run, args=((*MODELS, *more), stop)),
    ]
    for thread in threads:
        thread.start()
    try:
        yield
    finally:
        stop.set()
        for thread in threads:
            thread.join()
        for collector in list(REGISTRY._collector_to_names):
            if isinstance(collector, Phones):
                REGISTRY.unregister(collector)


def registered(
    web: FlaskClient, installer: str, fleet: Fleet, n: int, device: DeviceId, name: str
) -> None:
    phone, profile = fleet[n], fleet[n].phone.profile
    box = {"mac": phone.mac, "model": profile.model, "firmware": profile.firmware}
    relays = [{"number": i, "name": f"{name} {i}"} for i in range(1, profile.relays + 1)]
    answer = send(
        web,
        installer,
        "register-device",
        device=str(device),
        name=name,
        relays=relays,
        box=box | {"address": phone.url},
    )
    assert answer.status_code == 202, answer.json


def furnished(web: FlaskClient, installer: str, fleet: Fleet) -> None:
    """Ann's PIN is 2468 at the gate and at the gym."""
    a_house(web, installer)
    registered(web, installer, fleet, 0, GATE, "Gate")
    registered(web, installer, fleet, 1, GYM, "Gym")
    doors = [{"device": str(id), "relay": 1} for id in (GATE, GYM)]
    for name, body in (
        (
            "create-access-group",
            {"group": SWIM, "name": "Swim", "schedule": ALL_DAY, "doors": doors},
        ),
        ("choose-groups", {"resident": str(ANN), "groups": [SWIM]}),
        ("issue-pin", {"resident": str(ANN), "pin": "2468"}),
    ):
        answer = send(web, installer, name, **body)
        assert answer.status_code == 202, answer.json


def get(web: FlaskClient, asking: str, what: str) -> Any:
    return told(web.get(f"{HOME}/{what}", headers={"Authorization": f"Bearer {asking}"}))


def a_locked_office(web: FlaskClient, installer: str, gateway: Server) -> None:
    answer = send(
        web,
        installer,
        "register-lock",
        lock=str(CELLAR),
        brand="itec",
        serial="L-1",
        name="Office",
        address=gateway.url,
    )
    assert answer.status_code == 202, answer.json


def standing(web: FlaskClient, asking: str) -> dict[str, str]:
    """Of Ann's PIN at each phone."""
    found = get(web, asking, f"residents/{ANN}/doors")
    return {
        phone["name"]: credential["state"]
        for phone in (*found.get("doors", ()), *found.get("withdrawing", ()))
        for credential in phone["credentials"]
    }


def test_d15_an_operator_has_phones_checked_and_hears_of_each(web: FlaskClient) -> None:
    house, installer, heard = house_of(web), token(web, "installer"), list[str]()
    with Fleet(["X916", "X916"]) as fleet, processes(house):
        furnished(web, installer, fleet)
        soon(lambda: standing(web, installer) == {"Gate": "verified", "Gym": "verified"}, 20)
        assert checked(house, "gate", 20, heard.append)
        assert heard == ["Gate: 1 right, 0 set right, 0 entered by hand"]
        fleet[0].do(lambda p: p.users.reset())
        fleet[1].fault("local_edit", op="add", row={"UserID": "77", "Name": "Caretaker"})
        heard.clear()
        assert not checked(house, None, 20, heard.append)
        assert heard == [
            "Gate: 0 right, 1 set right, 0 entered by hand",
            "Gym: 1 right, 0 set right, 1 entered by hand",
        ]
        soon(lambda: standing(web, installer)["Gate"] == "verified", 20)
        heard.clear()
        fleet[1].fault("offline")
        soon(lambda: "reach" in get(web, installer, f"devices/{GYM}/lane"))
        assert not checked(house, str(GYM), 0.5, heard.append)
        assert heard[0].startswith("Gym: no answer yet")
        with pytest.raises(LookupError, match="no door phone or lock is called Pier"):
            checked(house, "Pier", 1, heard.append)


def test_d8_d5_d6_a_withdrawn_pin_opens_at_a_phone_that_is_away(web: FlaskClient) -> None:
    house, installer = house_of(web), token(web, "installer")
    with Fleet(["X916", "X916"]) as fleet, processes(house):
        furnished(web, installer, fleet)
        soon(lambda: standing(web, installer) == {"Gate": "verified", "Gym": "verified"}, 20)
        fleet[0].fault("offline")
        answer, revoked_by = told(send(web, installer, "revoke-pin", resident=str(ANN))), time()
        soon(lambda: standing(web, installer) == {"Gate": "withdrawing"}, 20)
        soon(lambda: get(web, installer, f"devices/{GATE}/lane").get("revocations") == 1, 20)
        waits = get(web, installer, f"devices/{GATE}/lane")
        assert (waits["waiting"], waits["waiting_since"] is not None) == (1, True)
        soon(lambda: int(time()) > revoked_by)  # a phone's log says whole seconds
        assert fleet[0].punch("2468").opened
        assert not fleet[1].punch("2468").opened
        fleet[0].clear_faults()
        soon(lambda: get(web, installer, "revoked-uses")["items"], 30)
        [use] = get(web, installer, "revoked-uses")["items"]
        assert (use["device"], use["holder"], use["kind"]) == (str(GATE), str(ANN), "pin")
        assert use["removed_at"] is not None
        [event] = [r for r in house.log.read(after=0) if type(r.event) is RevokedCredentialUsed]
        revoked = next(r for r in house.log.read(after=0) if r.position == answer["position"])
        assert abs((event.event.revoked_at - revoked.recorded_at).total_seconds()) < 1  # type: ignore[attr-defined]
        soon(lambda: get(web, installer, "alarms?kind=revoked_used")["items"], 20)
        [alarm] = get(web, installer, "alarms?kind=revoked_used")["items"]
        assert alarm["name"] == "Gate 1"
        soon(lambda: standing(web, installer) == {}, 20)
        history = get(web, installer, f"devices/{GATE}/credentials/{ANN}/history")["periods"]
        assert [p["installed"] for p in history if p["installed"] != "unsure"] == [
            "installed",
            "absent",
        ]


def test_d15_m107_a_lock_is_checked_like_a_phone(web: FlaskClient) -> None:
    house, installer, heard = house_of(web), token(web, "installer"), list[str]()
    with served(Gateway([SimLock("itec", "L-1")])) as gateway, processes(house):
        a_house(web, installer)
        a_locked_office(web, installer, gateway)
        soon(lambda: "reach" in get(web, installer, f"devices/{CELLAR}/lane"))
        for wanted in ("office", str(CELLAR), None):
            assert checked(house, wanted, 20, heard.append)
        assert heard == ["Office: 0 right, 0 set right, 0 entered by hand"] * 3
        with pytest.raises(LookupError, match="no door phone or lock is called Attic"):
            checked(house, "Attic", 20, heard.append)


def test_d2_a_phone_that_was_not_reached_yet_is_not_called_offline(web: FlaskClient) -> None:
    """Nobody knows; after eight seconds of silence it is."""
    house, installer, found = house_of(web), token(web, "installer"), dict[str, Any]()

    def seen() -> bool:
        told: Any = figures(house.config.database.read, follows())["phones and locks"]
        found.update(told)
        return bool(found["online"] or found["offline"] or found["not reached yet"])

    with Fleet(["X916"]) as fleet:
        fleet[0].fault("hang")
        a_house(web, installer)
        with processes(house):
            registered(web, installer, fleet, 0, GATE, "Gate")
            soon(lambda: "reach" in get(web, installer, f"devices/{GATE}/lane"))
            soon(seen)
            assert (found["not reached yet"], found["offline"]) == (1, 0)
            assert get(web, installer, f"devices/{GATE}/lane")["reach"] == "not_reached_yet"
