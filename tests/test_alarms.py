"""From a phone that is pulled off its wall to a note of what it was: every part is the real one."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from threading import Event as Flag
from threading import Thread
from typing import Any
from urllib.parse import urlsplit
from uuid import uuid5

import pytest
from click.testing import CliRunner
from flask.testing import FlaskClient
from werkzeug.serving import make_server

from bootstrap import OPERATOR, House
from bootstrap.emergency import emergencies
from bootstrap.house import follows
from bootstrap.reactions import run_reactions
from bootstrap.web import create_app
from commands.accounts import AssignCommunities
from commands.alarms import RaiseAlarm
from config import Database
from device_adapters.akuvox.phone import a_phone
from device_adapters.leases import Leases
from device_adapters.simulator import Fleet
from device_adapters.simulator.cli import sim
from domain.accounts import PLATFORM
from domain.alarms import AlarmRaised
from domain.devices import Device
from domain.emergency import EmergencyAlarmChecked
from domain.ids import AccountId
from domain.kernel import fold
from eventlog.bus import PARTITIONS
from eventlog.port import Recorded
from projections.accounts import Accounts
from projections.alarms import Alarms
from projections.dashboard import Dashboard
from projections.emergency import Emergencies
from projections.logs.door import DoorLog
from projections.logs.operations import OperationLog
from projections.residents import Residents
from projections.settings import CommunitySettings
from status import figures
from tests.builders import GATE, HARBOUR
from tests.device_adapters.houses import soon
from tests.running_server import RunningServer
from tests.test_bootstrap import HOME, a_config, a_house, send, token, told

MODELS = (
    Accounts,
    Alarms,
    CommunitySettings,
    Dashboard,
    DoorLog,
    Emergencies,
    OperationLog,
    Residents,
)
NOTE = "The window cleaner's ladder."


@pytest.fixture
def web(database: Database, pg_server: RunningServer, tmp_path: Path) -> Iterator[FlaskClient]:
    """On a port of its own, as phones need it."""
    server = make_server("127.0.0.1", 0, lambda *_: [], threaded=True)
    config = a_config(database, pg_server, tmp_path)
    app = create_app(replace(config, public_url=f"http://127.0.0.1:{server.port}"))
    server.app = app
    thread = Thread(target=server.serve_forever)
    thread.start()
    yield app.test_client()
    server.shutdown()
    thread.join()
    server.server_close()
    app.extensions["house"].close()


@pytest.fixture
def installer(web: FlaskClient) -> str:
    """The token of who built the community."""
    made = token(web, "installer")
    a_house(web, made)
    return made


@contextmanager
def reactions(house: House) -> Iterator[None]:
    """As `gatehouse run reactions` does."""
    stop = Flag()
    thread = Thread(target=run_reactions, args=(house, stop))
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join()


def a_manager(web: FlaskClient, name: str = "Asta") -> tuple[str, str]:
    """A property manager of the community: token and account."""
    made, account = token(web, "manager", name), AccountId(uuid5(PLATFORM, f"manager/{name}"))
    house: House = web.application.extensions["house"]
    assigned = AssignCommunities(account=account, communities=frozenset({HARBOUR}))
    house.bus.dispatch(assigned, community=PLATFORM, actor=OPERATOR)
    return made, str(account)


def hang_up(web: FlaskClient, fleet: Fleet, installer: str) -> str:
    """Register the phone, and tell it where to call as the adapters do; what it calls."""
    phone, house = fleet[0], web.application.extensions["house"]
    profile = phone.phone.profile
    box = {"mac": phone.mac, "model": profile.model, "firmware": profile.firmware}
    answer = send(
        web,
        installer,
        "register-device",
        device=str(GATE),
        name="Gate",
        relays=[{"number": n, "name": f"Gate {n}"} for n in range(1, profile.relays + 1)],
        box=box | {"address": phone.url},
    )
    assert answer.status_code == 202, answer.json
    gate = fold(Device, house.log.streams(HARBOUR, [GATE])[GATE])
    assert gate
    url = str(house.event_url(HARBOUR, gate))
    driver = a_phone(gate, lambda known: known.paced(0, 0))
    driver.report_to(url)
    driver.close()
    return url


def raised(house: House) -> list[Recorded[Any]]:
    return [r for r in house.log.read(after=0) if isinstance(r.event, AlarmRaised)]


def read(web: FlaskClient, token: str, what: str) -> Any:
    house: House = web.application.extensions["house"]
    for kind in MODELS:
        house.runner.rebuild(kind)
    return told(web.get(f"{HOME}/{what}", headers={"Authorization": f"Bearer {token}"}))


def test_m11_m124_m126_a59_from_the_phone_to_the_note(web: FlaskClient, installer: str) -> None:
    manager, account = a_manager(web)
    house: House = web.application.extensions["house"]
    with Fleet(["X916"]) as fleet, reactions(house):
        hang_up(web, fleet, installer)
        assert CliRunner().invoke(sim, ["tamper", fleet[0].url]).exit_code == 0
        soon(lambda: len(raised(house)) == 1)
        assert CliRunner().invoke(sim, ["alarm", fleet[0].url]).exit_code == 0
        soon(lambda: len(raised(house)) == 2)
    found = read(web, manager, "alarms")["items"]
    assert [(a["kind"], a["name"]) for a in found] == [("emergency", "Gate"), ("tamper", "Gate")]
    assert read(web, manager, "dashboard")["unsolved_alarms"] == 2
    for alarm in found:
        answer = send(web, manager, "solve-alarm", alarm=alarm["alarm"], note=NOTE)
        assert answer.status_code == 202
    assert read(web, manager, "dashboard")["unsolved_alarms"] == 0
    assert read(web, manager, "alarms/unsolved")["total"] == 0
    [newest, *_] = read(web, manager, "logs/operations")["items"]
    assert (newest["type"], newest["action"]) == ("alarm", "solved")
    assert newest["initiated_by"] == {"id": account, "name": "Asta"}
    assert newest["subject"]["name"] == "Gate"


def test_m125_a59_an_indoor_monitor_raises_an_arming_alarm_which_is_solved(
    web: FlaskClient,
    installer: str,
) -> None:
    manager, _ = a_manager(web)
    house: House = web.application.extensions["house"]
    with Fleet(["C313W"]) as fleet, reactions(house):
        hang_up(web, fleet, installer)
        for sense in ("alarm", "tamper"):
            assert CliRunner().invoke(sim, [sense, fleet[0].url]).exit_code == 0
        soon(lambda: len(raised(house)) == 2)
    found = read(web, manager, "alarms")["items"]
    assert [(a["kind"], a["name"]) for a in found] == [("arming", "Gate"), ("arming", "Gate")]
    answer = send(web, manager, "solve-alarm", alarm=found[0]["alarm"], note=NOTE)
    assert answer.status_code == 202
    assert read(web, manager, "alarms/unsolved")["total"] == 1


def test_m124_a_fire_panel_at_an_input_raises_an_emergency_and_an_exit_button_none(
    web: FlaskClient,
    installer: str,
) -> None:
    house: House = web.application.extensions["house"]
    with Fleet(["X916"]) as fleet, reactions(house):
        hang_up(web, fleet, installer)
        chosen = send(web, installer, "choose-fire-inputs", device=str(GATE), inputs=[2])
        assert chosen.status_code == 202
        for number in ("1", "2"):
            CliRunner().invoke(sim, ["press", fleet[0].url, number])
        soon(lambda: raised(house))
    assert [r.event.kind for r in raised(house)] == ["emergency"]
    reports: list[Any] = [r.event for r in house.reports.read(after=0)]
    assert [report.said for report in reports] == ["InputBTriggered"]


def test_s9_m126_a_url_that_is_called_again_and_again_raises_one_alarm(
    web: FlaskClient, installer: str
) -> None:
    """By a phone in a frenzy, or by somebody who has read the URL on its way."""
    house: House = web.application.extensions["house"]
    with Fleet(["X916"]) as fleet, reactions(house):
        url = hang_up(web, fleet, installer)
        path = url.removeprefix(house.config.public_url)
        for said in ["AlarmTriggered"] * 200 + ["InputATriggered", "Nonsense", "InputAlarm"]:
            assert web.get(f"{path}?event={said}").status_code == 204
        assert web.get(f"{HOME}/hints/guess?event=InputAlarm").status_code == 404
        soon(lambda: len(raised(house)) == 2)
    assert house.reports.head() == 2
    assert {r.cause for r in raised(house)} == {"reports/1", "reports/2"}


def test_k7_reactions_that_were_down_take_up_what_came_meanwhile(
    web: FlaskClient, installer: str
) -> None:
    house: House = web.application.extensions["house"]
    with Fleet(["X916"]) as fleet:
        hang_up(web, fleet, installer)
    house.ingest.hear(HARBOUR, GATE, "AlarmTriggered")
    with reactions(house):
        soon(lambda: len(raised(house)) == 1)
    house.ingest.hear(HARBOUR, GATE, "BreakInAlarmB")
    with reactions(house):
        soon(lambda: len(raised(house)) == 2)
    assert [r.event.relay for r in raised(house)] == [None, 2]
    doors: Any = figures(house.config.database.read, follows())["phones and locks"]
    assert doors["reactions"] == "2 (0 behind)"


def test_m118_a28_a_fire_at_one_phone_opens_the_door_and_a_forged_one_does_not(
    web: FlaskClient,
    installer: str,
) -> None:
    manager, account = a_manager(web)
    house: House = web.application.extensions["house"]
    with Fleet(["X916"]) as fleet, reactions(house), unlocking(house):
        url = hang_up(web, fleet, installer)
        assert send(web, manager, "set-emergency", automatic=True).status_code == 202
        assert web.get(f"{urlsplit(url).path}?event=InputAlarm").status_code == 204
        soon(lambda: checks(house) == ["denied"], 10)
        assert not any(fleet[0].state()["relays"].values())
        fleet[0].do(lambda phone: phone.sense("emergency"))
        house.bus.dispatch(the_next_minute(house), community=HARBOUR, actor=OPERATOR)
        soon(lambda: all(fleet[0].state()["relays"].values()), 10)
        assert read(web, manager, "dashboard")["emergency"] == "on"
        assert send(web, manager, "lock-doors", doors="all").status_code == 202
        soon(lambda: not any(fleet[0].state()["relays"].values()), 10)
    assert read(web, manager, "alarms/unsolved")["doors"] == "off"
    orders = read(web, manager, "emergency/orders")["items"]
    assert [(o["action"], o["cause"]) for o in orders] == [
        ("lock", "manual"),
        ("unlock", "automatic"),
    ]
    assert orders[0]["given_by"] == {"id": account, "name": "Asta"}
    said = [one["action"] for one in read(web, manager, "logs/operations?type=emergency")["items"]]
    assert {"lock ordered", "unlock ordered", "setting changed", "alarm checked"} <= set(said)


@contextmanager
def unlocking(house: House) -> Iterator[None]:
    """As the adapters' process does, which has all leases."""
    leases = Leases("test", seconds=60)
    with house.project("doors") as db:
        leases.take(db, range(PARTITIONS))
    with emergencies(house, leases):
        yield


def checks(house: House) -> list[str]:
    return [
        r.event.finding
        for r in house.log.read(after=0)
        if isinstance(r.event, EmergencyAlarmChecked)
    ]


def the_next_minute(house: House) -> RaiseAlarm:
    """The same alarm of a phone is stored once a minute: as its reaction would say it then."""
    [first] = [r.event for r in raised(house)]
    return RaiseAlarm(
        kind="emergency",
        device=GATE,
        name="Gate",
        relay=None,
        building=first.building,
        apartment=None,
        heard_at=datetime.now(UTC),
    )
