"""M110, M111, A23: operations on devices and what is kept on them, through HTTP."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest
from flask.testing import FlaskClient
from hypothesis import given as forall
from hypothesis import strategies as st

from config import Database
from domain.accounts import PLATFORM
from domain.devices import DeviceRemoved, DeviceReplaced
from domain.ids import AccountId
from domain.kernel import Event
from domain.maintenance import (
    AutopKept,
    ConnectTypeChosen,
    OperationAsked,
    OperationBegun,
    OperationEnded,
    OperationId,
    PushButton,
    PushButtonsChosen,
    UpkeepFound,
    WebControlOpened,
)
from projections.accounts import Accounts
from projections.maintenance import Maintenance, OperationDoc, UpkeepDoc, WebControlDoc
from projections.projector import document
from readapi.maintenance import maintenance
from tests.builders import ELSEWHERE, GATE, GYM, HARBOUR, NOW, a_box, a_device, an_account
from tests.projections.properties import cuts_alike, few, is_its_schemas
from tests.read_models import ASKING, House, pages

HOME = f"/api/v1/communities/{HARBOUR}"
ASTA = AccountId(UUID(int=92))
FIRST, SECOND = OperationId(UUID(int=901)), OperationId(UUID(int=902))
OPEN = OperationAsked(
    operation=FIRST,
    device=GATE,
    kind="open",
    relay=2,
    lines=(),
    by=str(ASTA),
    asked_at=NOW,
    until=NOW + timedelta(seconds=10),
)
REBOOT = replace(OPEN, operation=SECOND, kind="reboot", relay=None, asked_at=NOW + timedelta(1))
AWAY = OperationEnded(operation=FIRST, device=GATE, ending="offline", reason="no answer")
BEGUN = OperationBegun(operation=SECOND, device=GATE)
LINES = ("Config.Voice.MIC.Volume = 7", "Config.Account1.GENERAL.Pwd = hush")
KEPT = AutopKept(device=GATE, lines=LINES)
BUTTON = PushButton(number=1, calls=("101",))
BUTTONS = PushButtonsChosen(device=GATE, module="MD06", buttons=(BUTTON,))
REPLACED = DeviceReplaced(
    device=GATE, box=a_box("http://127.0.0.1:9000", "0C11050AFFFF"), login=None
)


def found(state: Any = "verified", reason: str = "") -> UpkeepFound:
    return UpkeepFound(sync=UUID(int=950), device=GATE, state=state, reason=reason)


@pytest.fixture
def house(module_database: Database) -> House:
    house = House(module_database)
    house.forget(Accounts, Maintenance)
    house.happened(an_account(ASTA, "Asta"), community=PLATFORM)
    house.happened(a_device(GATE), a_device(GYM))
    house.happened(a_device(GATE), replace(OPEN, by="other"), community=ELSEWHERE)
    house.project(Accounts, Maintenance)
    return house


@pytest.fixture
def web(house: House) -> Iterator[FlaskClient]:
    with house.web(maintenance) as web:
        yield web


def more(house: House, *events: Event) -> None:
    house.happened(*events)
    house.project(Maintenance)


def got(web: FlaskClient, path: str) -> Any:
    answer = web.get(f"{HOME}/{path}")
    assert answer.status_code == 200, answer.get_data(as_text=True)
    return answer.get_json()


def test_a23_offline_is_not_failed(house: House, web: FlaskClient) -> None:
    more(house, OPEN)
    doc = got(web, f"operations/{FIRST}")
    assert (doc["kind"], doc["relay"], doc["state"]) == ("open", 2, "asked")
    assert doc["by"] == {"id": str(ASTA), "name": "Asta"}
    assert doc["ended_at"] is None
    more(house, AWAY)
    doc = got(web, f"operations/{FIRST}")
    assert (doc["state"], doc["reason"]) == ("offline", "no answer")
    assert doc["ended_at"]
    assert web.get(f"{HOME}/operations/{SECOND}").status_code == 404


def test_m110_what_was_done_to_a_device_newest_first(house: House, web: FlaskClient) -> None:
    more(house, OPEN, AWAY, REBOOT, BEGUN)
    url = f"{HOME}/devices/{GATE}/operations"
    docs = [doc for page in pages(web, f"{url}?limit=1") for doc in page]
    assert [(doc["kind"], doc["state"]) for doc in docs] == [
        ("reboot", "begun"),
        ("open", "offline"),
    ]
    assert [doc["by"]["name"] for doc in docs] == ["Asta", "Asta"]
    assert pages(web, f"{HOME}/devices/{GYM}/operations") == [[]]


def test_m111_kept_commands_without_what_looks_like_a_secret(
    house: House, web: FlaskClient
) -> None:
    url = f"devices/{GATE}/upkeep"
    nothing = got(web, url)
    assert (nothing["autop"], nothing["state"]) == ([], None)
    more(house, KEPT, ConnectTypeChosen(device=GATE, connect="tls"), BUTTONS)
    doc = got(web, url)
    assert doc["autop"] == ["Config.Voice.MIC.Volume = 7", "Config.Account1.GENERAL.Pwd = ***"]
    assert (doc["connect"], doc["module"], doc["state"]) == ("tls", "MD06", "pending")
    assert doc["buttons"] == [{"number": 1, "calls": ["101"]}]
    assert "hush" not in repr(house.rows(Maintenance))
    more(house, found("mismatch", "Config.Voice.MIC.Volume"))
    doc = got(web, url)
    assert (doc["state"], doc["reason"]) == ("mismatch", "Config.Voice.MIC.Volume")
    more(house, found())
    assert got(web, url)["state"] == "verified"
    more(house, REPLACED)
    doc = got(web, url)
    assert (doc["state"], doc["connect"]) == (None, "tls")
    more(house, DeviceRemoved(device=GATE), found())
    assert web.get(f"{HOME}/{url}").status_code == 404


def test_m111_forgotten_commands_are_shown_as_none(house: House, web: FlaskClient) -> None:
    more(house, KEPT)
    house.keys.destroy(HARBOUR, GATE)
    assert got(web, f"devices/{GATE}/upkeep")["autop"] == []


def test_m110_the_web_page_is_told_to_whom_asked_for_an_hour(
    house: House, web: FlaskClient
) -> None:
    url = f"devices/{GATE}/web-control"
    assert got(web, url) == {"device": str(GATE), "address": None, "until": None}
    until = datetime.now(UTC) + timedelta(minutes=30)
    more(house, WebControlOpened(device=GATE, by="somebody else", until=until))
    assert got(web, url)["address"] is None
    more(house, WebControlOpened(device=GATE, by=str(ASKING), until=until))
    assert got(web, url)["address"] == "http://127.0.0.1:8131"
    past = datetime.now(UTC) - timedelta(minutes=1)
    more(house, WebControlOpened(device=GATE, by=str(ASKING), until=past))
    assert got(web, url)["address"] is None


def test_documents_are_their_schemas(house: House) -> None:
    more(house, OPEN, AWAY, KEPT, BUTTONS)
    with house.reading(Maintenance) as model:
        is_its_schemas(model.of(HARBOUR, FIRST), OperationDoc)
        is_its_schemas(document(model.upkeep(HARBOUR, GATE)), UpkeepDoc)
        shown = model.web_control(HARBOUR, GATE, "nobody", datetime.now(UTC))
        is_its_schemas(document(shown), WebControlDoc)


EVENTS = [
    OPEN,
    REBOOT,
    KEPT,
    BUTTONS,
    REPLACED,
    found(),
    ConnectTypeChosen(device=GATE, connect="tcp"),
]


@few
@forall(st.permutations(EVENTS), st.booleans(), st.integers(1, 7))
def test_e4_e5_the_same_rows_in_any_batches(
    module_database: Database, past: list[Event], gone: bool, batch: int
) -> None:
    end = [BEGUN, AWAY, *([DeviceRemoved(device=GATE), found()] if gone else [])]
    cuts_alike(module_database, Maintenance, [a_device(GATE), *past, *end], batch)
