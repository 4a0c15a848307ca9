"""M99: from a contact that opens at a phone to the list of a property manager: PostgreSQL, the
adapters' and the projector's own code, HTTP, a simulated phone that calls its event URL.
"""

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from threading import Thread
from typing import Any

import pytest
from click.testing import CliRunner
from flask.testing import FlaskClient
from werkzeug.serving import make_server

from bootstrap.web import create_app
from config import Database
from device_adapters.simulator import Fleet, PluggedIn
from device_adapters.simulator.cli import sim
from tests.builders import GATE
from tests.device_adapters.houses import soon
from tests.running_server import RunningServer
from tests.test_alarms import a_manager
from tests.test_bootstrap import a_config, a_house, send, token
from tests.test_truth import get, house_of, processes, registered

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
