"""M84, M85, M99: from a door that opens, or a contact, to what a property manager sees of it:
PostgreSQL, the adapters' and the projector's own code, HTTP, a simulated phone.
"""

from base64 import b64encode
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from threading import Thread
from typing import Any
from uuid import UUID

import pytest
from click.testing import CliRunner
from flask.testing import FlaskClient
from werkzeug.serving import make_server

from bootstrap.web import create_app
from commands.residents.pictures import as_kept
from config import Database
from device_adapters.simulator import Fleet, PluggedIn
from device_adapters.simulator.cli import sim
from device_adapters.simulator.users import face_in
from projections.logs.door import DoorLog
from projections.residents import Residents
from tests.builders import ANN, GATE, a_photo
from tests.device_adapters.houses import soon
from tests.running_server import RunningServer
from tests.test_alarms import a_manager
from tests.test_bootstrap import a_config, a_house, send, token
from tests.test_truth import furnished, get, house_of, processes, registered

RELAYS: list[dict[str, Any]] = [
    {"number": 1, "name": "Street", "sensor": 2},
    {"number": 2, "name": "Yard"},
    {"number": 3, "name": "Bins", "sensor": 4},
    {"number": 4, "name": "Lift"},
]


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


def doors(web: FlaskClient, asking: str) -> dict[str, Any]:
    """By name, as the list shows them."""
    phones = get(web, asking, "devices").get("items", ())
    return {relay["name"]: relay["door"] for phone in phones for relay in phone["relays"]}


def state(web: FlaskClient, asking: str, door: str) -> Any:
    return (doors(web, asking).get(door) or {}).get("state")


def contact(phone: PluggedIn, number: int, what: str) -> None:
    answer = CliRunner().invoke(sim, ["contact", phone.url, str(number), what])
    assert answer.exit_code == 0, answer.output


def since(door: dict[str, Any]) -> datetime:
    return datetime.fromisoformat(door["since"])


def test_m99_m130_from_a_contact_that_opens_to_the_managers_list(web: FlaskClient) -> None:
    house, installer = house_of(web), token(web, "installer")
    with Fleet(["X916"]) as fleet, processes(house):
        a_house(web, installer)
        manager, _ = a_manager(web)
        registered(web, installer, fleet, 0, GATE, "Gate")
        assert edited(web, manager, RELAYS) == (403, "installer-only")
        assert edited(web, installer, [r | {"sensor": 2} for r in RELAYS])[0] == 422
        contact(fleet[0], 2, "closed")
        assert edited(web, installer, RELAYS)[0] == 202
        soon(lambda: state(web, manager, "Street") == "closed")
        soon(lambda: state(web, manager, "Bins") == "open")
        shut = doors(web, manager)["Street"]
        assert (doors(web, manager)["Yard"], shut["seen"]) == (None, None)

        opened = datetime.now(UTC)
        soon(lambda: fleet[0].phone.config["Config.Features.ACTIONURL.InputBClosed"])
        contact(fleet[0], 2, "open")
        soon(lambda: state(web, manager, "Street") == "open")
        assert since(shut) < opened < since(doors(web, manager)["Street"])
        called = [url.rpartition("?")[2] for url in fleet[0].state()["urls_called"]]
        assert called[-1] == "event=InputBClosed"
        assert state(web, manager, "Bins") == "open"


def edited(web: FlaskClient, asking: str, relays: list[dict[str, Any]]) -> tuple[int, Any]:
    """What comes of editing the gate so."""
    answer = send(web, asking, "edit-device", device=str(GATE), name="Gate", relays=relays)
    said: Any = answer.get_json()
    return answer.status_code, said.get("code")


def logged(web: FlaskClient, asking: str, query: str = "") -> list[dict[str, Any]]:
    """What the door log shows, the oldest first."""
    found: list[dict[str, Any]] = get(web, asking, f"logs/door{query}").get("items", [])
    return found[::-1]


def opens(web: FlaskClient, asking: str, n: int, relay: int = 1) -> None:
    operation = str(UUID(int=900 + n))
    answer = send(web, asking, "open-door", operation=operation, device=str(GATE), relay=relay)
    assert answer.status_code == 202, answer.json


def test_m84_m85_a23_the_door_log_says_who_had_a_door_opened(web: FlaskClient) -> None:
    house, installer = house_of(web), token(web, "installer")
    (asta, astas), (beat, beats) = a_manager(web), a_manager(web, "Beat Burke")
    with Fleet(["X916"]) as fleet, processes(house, DoorLog, Residents):
        a_house(web, installer)
        registered(web, installer, fleet, 0, GATE, "Gate")
        soon(lambda: "reach" in get(web, asta, f"devices/{GATE}/lane"))
        opens(web, asta, 1)
        opens(web, beat, 2)
        soon(lambda: len(logged(web, asta)) == 2)
        fleet[0].do(lambda phone: phone.trigger(1))
        soon(lambda: len(logged(web, asta)) == 3)
        fleet[0].unplug()
        opens(web, asta, 4)
        soon(lambda: len(logged(web, asta)) == 4)
        said = [(e["method"], e["outcome"], e["asked_by"]) for e in logged(web, asta)]
        assert said == [
            ("remote", "success", {"id": astas, "name": "Asta"}),
            ("remote", "success", {"id": beats, "name": "Beat Burke"}),
            ("remote", "success", None),
            ("remote", "offline", {"id": astas, "name": "Asta"}),
        ]
        assert len(logged(web, asta, "?initiated_by=asta")) == 2
        assert len(logged(web, asta, "?initiated_by=burke")) == 1
        assert len(logged(web, asta, f"?initiated_by={astas}&outcome=offline")) == 1


def test_m32_m85_the_door_log_says_whose_face_opened(web: FlaskClient) -> None:
    house, installer = house_of(web), token(web, "installer")
    photo = as_kept(a_photo())
    with Fleet(["X916", "X916"]) as fleet, processes(house, DoorLog, Residents):
        furnished(web, installer, fleet)
        enrolled = b64encode(a_photo()).decode()
        answer = send(web, installer, "enroll-face", resident=str(ANN), photo=enrolled)
        assert answer.status_code == 202, answer.json
        soon(lambda: fleet[0].do(lambda phone: phone.present("face", face_in(photo)).opened))
        soon(lambda: any(e["outcome"] == "success" for e in logged(web, installer)))
        [entry] = logged(web, installer, "?initiated_by=archer&outcome=success")
        assert entry["holder"] == {"id": str(ANN), "kind": "resident", "name": "Ann Archer"}
        assert (entry["method"], entry["asked_by"]) == ("face", None)
        reports = house.reports.read(after=0)
        assert "Archer" not in repr([r.event for r in reports])
