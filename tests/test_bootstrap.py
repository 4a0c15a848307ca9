"""The web as it is put together, over a real PostgreSQL: from a token to a change and a refusal."""

import secrets
from collections.abc import Iterator
from dataclasses import replace
from io import BytesIO
from pathlib import Path
from typing import Any
from uuid import UUID, uuid5

import psycopg
import pytest
from flask.testing import FlaskClient
from uuid_utils.compat import uuid7
from werkzeug.test import TestResponse

from bootstrap import OPERATOR, House
from bootstrap.web import create_app
from commands.accounts import AssignCommunities, IssueToken, OpenAccount, RevokeToken, digest_of
from commands.bus import COMMANDS
from commands.residents.rows import ResidentRow
from config import Config, Database, create_kek
from domain.accounts import PLATFORM, Role, TokenId
from domain.devices import Device
from domain.ids import AccountId
from domain.kernel import fold
from projections.apartments import Apartments
from projections.residents import Residents
from projections.settings import CommunitySettings
from schemas.sheets import read_sheet
from schemas.sheets.rows import columns_of
from schemas.sheets.writing import write_sheet
from tests.builders import ANN, BOB, ELSEWHERE, FLAT_1, GATE, HARBOUR, LOOPBACK, TOWER
from tests.running_server import RunningServer

HOME = f"/api/v1/communities/{HARBOUR}"
CONTACT = {"first_name": "Ann", "last_name": "Archer"}


def a_config(database: Database, pg_server: RunningServer, tmp_path: Path) -> Config:
    kek = tmp_path / "keys" / "kek"
    create_kek(kek)
    return Config(
        port=8000,
        data=tmp_path,
        database=database,
        embedded=pg_server.server,
        demo=False,
        kek_file=kek,
        device_networks=LOOPBACK,
        device_pace=False,
        public_url="http://127.0.0.1:8000",
        broker=None,
        kafka=None,
        web_concurrency=1,
        metrics_base=0,
    )


@pytest.fixture
def web(database: Database, pg_server: RunningServer, tmp_path: Path) -> Iterator[FlaskClient]:
    app = create_app(a_config(database, pg_server, tmp_path))
    yield app.test_client()
    app.extensions["house"].close()


def token(web: FlaskClient, role: Role, name: str = "x") -> str:
    house: House = web.application.extensions["house"]
    account, made = AccountId(uuid5(PLATFORM, f"{role}/{name}")), secrets.token_urlsafe(32)
    for command in (
        OpenAccount(account=account, name=name, role=role),
        IssueToken(token=TokenId(uuid7()), account=account, digest=digest_of(made)),
    ):
        house.bus.dispatch(command, community=PLATFORM, actor=OPERATOR)
    return made


def send(
    web: FlaskClient, token: str, name: str, /, *, key: int = 0, home: UUID = HARBOUR, **body: Any
) -> TestResponse:
    headers = {"Authorization": f"Bearer {token}"}
    headers |= {"Idempotency-Key": str(UUID(int=key))} if key else {}
    return web.post(f"/api/v1/communities/{home}/commands/{name}", json=body, headers=headers)


def told(answer: TestResponse) -> dict[str, Any]:
    body: dict[str, Any] = answer.get_json()
    return body


def a_house(web: FlaskClient, token: str) -> None:
    for name, body in (
        ("create-community", {"name": "Harbour Quarter", "zone": "Europe/Lisbon"}),
        ("create-building", {"building": str(TOWER), "name": "Tower"}),
        (
            "create-apartment",
            {"apartment": str(FLAT_1), "building": str(TOWER), "number": "2#123A"},
        ),
        ("add-resident", {"resident": str(ANN), "apartment": str(FLAT_1), "contact": CONTACT}),
    ):
        answer = send(web, token, name, **body)
        assert answer.status_code == 202, answer.json


def test_n17_a_command_is_answered_with_its_position_and_a_repeat_alike(web: FlaskClient) -> None:
    installer = token(web, "installer")
    a_house(web, installer)
    first = send(web, installer, "issue-pin", key=7, resident=str(ANN), pin="2468")
    assert (first.status_code, told(first)["events"]) == (202, 1)
    assert told(first)["command_id"] == str(UUID(int=7))
    again = send(web, installer, "issue-pin", key=7, resident=str(ANN), pin="2468")
    assert again.json == first.json
    other = send(web, installer, "issue-pin", key=7, resident=str(ANN), pin="1357")
    assert (other.status_code, told(other)["code"]) == (409, "command-id-reused")


def test_s5_without_a_token_401_and_what_is_not_yours_404(web: FlaskClient) -> None:
    installer, manager = token(web, "installer"), token(web, "manager")
    a_house(web, installer)
    for nobody in ("", "nonsense"):
        assert send(web, nobody, "issue-pin", resident=str(ANN), pin="2468").status_code == 401
    theirs = send(web, manager, "issue-pin", resident=str(ANN), pin="2468")
    nowhere = send(web, manager, "issue-pin", home=ELSEWHERE, resident=str(ANN), pin="2468")
    assert (theirs.status_code, theirs.data) == (404, nowhere.data)
    rival = token(web, "installer", "rival")
    assert send(web, rival, "revoke-pin", resident=str(ANN)).status_code == 404


def test_s8_a_revoked_token_ends_with_the_next_request(web: FlaskClient) -> None:
    house: House = web.application.extensions["house"]
    account, made, id = AccountId(uuid5(PLATFORM, "installer/x")), "a-token", TokenId(uuid7())
    token(web, "installer")
    issue = IssueToken(token=id, account=account, digest=digest_of(made))
    house.bus.dispatch(issue, community=PLATFORM, actor=OPERATOR)
    a_house(web, made)
    house.bus.dispatch(RevokeToken(token=id), community=PLATFORM, actor=OPERATOR)
    assert send(web, made, "revoke-pin", resident=str(ANN)).status_code == 401


def test_s8_a_token_made_anew_under_its_id_ends_the_one_before(web: FlaskClient) -> None:
    """As each `gatehouse up` does; the web has seen the old one."""
    house: House = web.application.extensions["house"]
    account, id = AccountId(uuid5(PLATFORM, "installer/x")), TokenId(uuid7())
    token(web, "installer")
    for made in ("the-first", "the-second"):
        house.bus.dispatch(RevokeToken(token=id), community=PLATFORM, actor=OPERATOR)
        issue = IssueToken(token=id, account=account, digest=digest_of(made))
        house.bus.dispatch(issue, community=PLATFORM, actor=OPERATOR)
        answer = send(web, made, "create-community", name="Harbour Quarter", zone="Europe/Lisbon")
        assert answer.status_code == 202
    assert send(web, "the-first", "revoke-pin", resident=str(ANN)).status_code == 401


def test_s8_what_becomes_of_an_account_counts_with_the_next_request(web: FlaskClient) -> None:
    """The web has seen it before each time."""
    house: House = web.application.extensions["house"]
    account, made = AccountId(uuid5(PLATFORM, "manager/x")), token(web, "manager")
    a_house(web, token(web, "installer"))
    for communities, status in (({HARBOUR}, 202), (set(), 404), ({HARBOUR}, 202)):
        command = AssignCommunities(account=account, communities=frozenset(communities))
        house.bus.dispatch(command, community=PLATFORM, actor=OPERATOR)
        assert send(web, made, "revoke-pin", resident=str(ANN)).status_code == status
    house.log.forget(PLATFORM, [account])
    assert send(web, made, "revoke-pin", resident=str(ANN)).status_code == 401


def test_k3_a_web_that_begins_before_postgresql_answers_503_and_then_serves(
    database: Database, pg_server: RunningServer, tmp_path: Path
) -> None:
    config = a_config(database, pg_server, tmp_path)
    away = f"host={tmp_path} connect_timeout=1"
    nowhere = Database(owner=away, append=away, read=away, project=away)
    app = create_app(replace(config, database=nowhere))
    house: House = app.extensions["house"]
    with app.test_client() as web:
        early = web.get(HOME + "/settings")
        assert (early.status_code, early.headers["Retry-After"]) == (503, "1")
        assert web.get("/healthz").status_code == 200
        house.config = config
        assert web.get(HOME + "/settings").status_code == 401
    house.close()


def test_k3_a_read_whose_connection_is_ended_meanwhile_answers_503(
    web: FlaskClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    installer = token(web, "installer")
    a_house(web, installer)
    lost = psycopg.errors.AdminShutdown("terminating connection")

    def ended(*_: object, **__: object) -> None:
        raise lost

    monkeypatch.setattr(Residents, "listed", ended)
    answer = web.get(f"{HOME}/residents", headers={"Authorization": f"Bearer {installer}"})
    assert (answer.status_code, answer.headers["Retry-After"]) == (503, "1")
    assert "terminating" not in answer.get_data(as_text=True)


def test_k3_a_read_finds_another_connection_when_its_own_was_ended(web: FlaskClient) -> None:
    installer = token(web, "installer")
    a_house(web, installer)
    house: House = web.application.extensions["house"]
    house.runner.rebuild(Residents)
    asking = {"Authorization": f"Bearer {installer}"}
    at = f"/api/v1/communities/{HARBOUR}/residents"
    assert web.get(at, headers=asking).status_code == 200
    with psycopg.connect(house.config.database.owner, autocommit=True) as db:
        ended = db.execute(
            "select pg_terminate_backend(pid, 5000) from pg_stat_activity"
            " where usename = 'gatehouse_read' and datname = current_database()"
        ).fetchall()
    assert ended
    assert web.get(at, headers=asking).status_code == 200


@pytest.mark.parametrize(
    ("body", "status", "said"),
    [
        ({"pin": "9468"}, 422, {"errors": {"pin": ["2 to 8 digits, not starting with 9"]}}),
        ({"pin": 2468}, 422, {"errors": {"pin": ["Not a valid string."]}}),
        ({"pin": "2468", "sudo": True}, 422, {"errors": {"sudo": ["Unknown field."]}}),
        ({}, 422, {"errors": {"pin": ["Missing data for required field."]}}),
        ({"pin": "2468", "resident": str(FLAT_1)}, 404, {}),
    ],
)
def test_s14_every_no_is_a_problem(
    web: FlaskClient, body: dict[str, Any], status: int, said: dict[str, Any]
) -> None:
    installer = token(web, "installer")
    a_house(web, installer)
    answer = send(web, installer, "issue-pin", **({"resident": str(ANN)} | body))
    assert (answer.status_code, answer.content_type) == (status, "application/problem+json")
    assert said.items() <= told(answer).items()


def test_s14_a_body_that_is_no_json_is_refused_and_not_taken_as_empty(web: FlaskClient) -> None:
    installer = token(web, "installer")
    a_house(web, installer)
    auth = {"Authorization": f"bearer {installer}"}  # the scheme's case is nobody's business
    at = f"{HOME}/commands/change-settings"
    plain = web.post(at, data='{"name": "X"}', headers=auth, content_type="text/plain")
    assert (plain.status_code, "application/json" in told(plain)["detail"]) == (415, True)
    deep = web.post(at, data="[" * 3000, headers=auth, content_type="application/json")
    assert (deep.status_code, told(deep)["errors"]) == (422, {"body": ["nested too deeply"]})
    nothing = send(web, installer, "change-settings")
    assert (nothing.status_code, list(told(nothing)["errors"])) == (422, ["body"])
    huge = web.post(at, data=b" " * 12 * 2**20, headers=auth, content_type="application/json")
    assert (huge.status_code, told(huge)["detail"]) == (413, "more than 11 MB are not taken")


def test_s14_what_a_query_does_not_know_is_refused(web: FlaskClient) -> None:
    installer = token(web, "installer")
    a_house(web, installer)
    house: House = web.application.extensions["house"]
    for kind in (Residents, Apartments):
        house.runner.rebuild(kind)
    send(
        web,
        installer,
        "add-resident",
        resident=str(BOB),
        apartment=str(FLAT_1),
        role="family",
        contact=CONTACT,
    )
    house.runner.rebuild(Residents)
    auth = {"Authorization": f"Bearer {installer}"}
    assert web.get(f"{HOME}/residents?nam=ann", headers=auth).status_code == 422
    page = told(web.get(f"{HOME}/residents?limit=1", headers=auth))
    same, other = (
        f"{HOME}/{where}?limit=1&cursor={page['next']}" for where in ("residents", "apartments")
    )
    assert web.get(same, headers=auth).status_code == 200
    assert web.get(other, headers=auth).status_code == 422
    assert web.get(f"{same}&sort=apartment", headers=auth).status_code == 422


def test_every_command_is_in_the_document_and_every_read_too(web: FlaskClient) -> None:
    document = web.get("/api/openapi.json").get_json()
    paths = {p.partition("/commands/")[2] for p in document["paths"]}
    assert {name for name in paths if name and not name.endswith("/template")} == set(COMMANDS)
    assert document["openapi"].startswith("3.1")


def test_the_template_is_a_real_spreadsheet(web: FlaskClient) -> None:
    installer = token(web, "installer")
    a_house(web, installer)
    answer = web.get(
        f"{HOME}/commands/import-residents/template",
        headers={"Authorization": f"Bearer {installer}"},
    )
    assert answer.status_code == 200
    assert answer.data.startswith(b"PK")


def test_s9_a_hint_wants_the_secret_of_a_phone_and_no_token(
    web: FlaskClient, database: Database
) -> None:
    installer = token(web, "installer")
    a_house(web, installer)
    phone: dict[str, Any] = {
        "device": str(GATE),
        "name": "Gate",
        "relays": [{"number": 1, "name": "Gate"}],
        "box": {
            "mac": "0C11050A0001",
            "model": "X916",
            "firmware": "916.30.10.114",
            "address": "http://127.0.0.1:8101",
        },
    }
    assert send(web, installer, "register-device", **phone).status_code == 202
    house: House = web.application.extensions["house"]
    [state] = [fold(Device, history) for history in house.log.streams(HARBOUR, [GATE]).values()]
    assert state
    with psycopg.connect(database.read, autocommit=True) as db:
        db.execute("listen hints")
        assert web.get(f"{HOME}/hints/{state.hint}?event=ValidCodeEntered").status_code == 204
        [heard] = db.notifies(timeout=2, stop_after=1)
        assert heard.payload == str(GATE)
    for wrong in (f"{HOME}/hints/guess", f"{HOME.replace('1', '2')}/hints/{state.hint}"):
        assert web.get(wrong).status_code == 404


def upload(web: FlaskClient, token: str, sheet: bytes) -> TestResponse:
    return web.post(
        f"{HOME}/commands/import-residents",
        data={"file": (BytesIO(sheet), "residents.xlsx")},
        headers={"Authorization": f"Bearer {token}"},
    )


def test_m45_a21_residents_are_exported_edited_and_imported_again(web: FlaskClient) -> None:
    installer = token(web, "installer")
    a_house(web, installer)
    send(web, installer, "issue-pin", resident=str(ANN), pin="2468")
    house: House = web.application.extensions["house"]
    house.runner.rebuild(Residents)
    auth = {"Authorization": f"Bearer {installer}"}
    sheet = web.get(f"{HOME}/residents/export", headers=auth)
    assert sheet.status_code == 200
    assert b"2468" not in sheet.data
    assert told(upload(web, installer, sheet.data))["events"] == 0
    columns = list(columns_of(ResidentRow).values())
    [row] = read_sheet(sheet.data, columns).rows
    edited = write_sheet(columns, [{**row.cells, "First Name": "Anna"}])
    assert told(upload(web, installer, edited))["events"] == 1


def test_f7_a_bad_sheet_says_which_cell_and_what_to_do(web: FlaskClient) -> None:
    installer = token(web, "installer")
    a_house(web, installer)
    columns = list(columns_of(ResidentRow).values())
    bad = {"Building": "Tower", "Apt": "9", "Account Type": "0", "First Name": "B", "PIN": "95"}
    answer = upload(web, installer, write_sheet(columns, [bad]))
    assert (answer.status_code, answer.content_type) == (422, "application/problem+json")
    assert told(answer)["errors"] == {
        "D2": ["row 2, Apt: no such apartment: the installer adds apartments"],
        "P2": ["row 2, PIN: 2 to 8 digits, not starting with 9"],
    }
    refused = upload(web, installer, b"not a spreadsheet")
    assert (refused.status_code, list(told(refused)["errors"])) == (422, ["file"])


def test_m8_an_account_sees_the_communities_that_it_may_touch(web: FlaskClient) -> None:
    installer, rival = token(web, "installer"), token(web, "installer", "rival")
    a_house(web, installer)
    house: House = web.application.extensions["house"]
    house.runner.rebuild(CommunitySettings)
    for who, names in ((installer, ["Harbour Quarter"]), (rival, [])):
        answer = web.get("/api/v1/communities", headers={"Authorization": f"Bearer {who}"})
        assert [item["name"] for item in told(answer)["items"]] == names
    assert web.get("/api/v1/communities").status_code == 401


def test_the_page_says_where_to_go(web: FlaskClient) -> None:
    assert b"/api/docs" in web.get("/").data
    assert web.get("/api/docs/").status_code == 200
    assert web.get("/healthz").json == {"status": "ok"}


def test_metrics_count_commands_and_requests_and_quote_nobody(web: FlaskClient) -> None:
    installer = token(web, "installer")
    a_house(web, installer)
    send(web, installer, "issue-pin", resident=str(ANN), pin="2468")
    send(web, installer, "issue-pin", resident=str(ANN), pin="1234")
    page = web.get("/metrics")
    assert page.status_code == 200
    assert 'gatehouse_command_seconds_count{command="IssuePin",outcome="accepted"}' in page.text
    assert 'gatehouse_http_seconds_count{endpoint="commands.issue-pin",status="202"}' in page.text
    assert "gatehouse_database_up 1.0" in page.text
    head = web.application.extensions["house"].log.head()
    assert f'gatehouse_log_position{{log="events"}} {head}.0' in page.text
    named = "\n".join(line.rpartition(" ")[0] for line in page.text.splitlines())  # no figures
    assert not any(secret in named for secret in ("2468", str(ANN), installer))
